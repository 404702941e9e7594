//! Requests and answers that were made by another implementation from the spec alone.

use crate::load::{Hex, files, folder, json};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use twinlock::custody::{Answer, CustodyError, Request, words};
use twinlock::encode::hex;
use twinlock::factor::Openers;
use twinlock::header::Unverified;
use twinlock::keyslot;
use twinlock::prompt::NoPrompt;
use twinlock::secret::{RequestKey, zeros32};
use twinlock::store::memory::{Contents, MemoryStore};
use twinlock::vault::{AnswersError, Brought, Refusal, Vault, VaultError, Wish};

/// The class of a failure, as README.md lists them.
fn class(error: &CustodyError) -> &'static str {
    match error {
        CustodyError::Nothing(_) | CustodyError::Other(_) => "nothing",
        CustodyError::Several => "several",
        CustodyError::CutShort(_) => "cut-short",
        CustodyError::Character(..) | CustodyError::Mistyped(_) => "mistyped",
        CustodyError::Version(..) | CustodyError::Critical(_) => "unsupported",
        CustodyError::Malformed(..) => "malformed",
        CustodyError::Expired { .. } => "expired",
        CustodyError::Foreign => "foreign",
        CustodyError::Forged => "forged",
        CustodyError::Random | CustodyError::NoMemory(_) => "this machine",
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestVector {
    name: String,
    comment: String,
    expect: String,
    now: String,
    text: String,
    hash: Option<Hex>,
    fields: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerVector {
    name: String,
    comment: String,
    expect: String,
    request: String,
    key: Hex,
    text: String,
    masks: Option<BTreeMap<u8, Hex>>,
}

fn key(bytes: &Hex) -> RequestKey {
    let mut key = zeros32();
    key.copy_from_slice(&bytes.0);
    RequestKey::new(key)
}

/// What is wrong with how a vector came out: another class, or `why` where it is read.
fn compare(expect: &str, got: Result<Option<String>, CustodyError>) -> Option<String> {
    match got {
        Ok(why) if expect == "ok" => why,
        Ok(_) => Some(format!("is read, where '{expect}' belongs")),
        Err(error) if class(&error) == expect => None,
        Err(error) => Some(format!("'{}' where '{expect}' belongs: {error}", class(&error))),
    }
}

fn request(vector: &RequestVector) -> Option<String> {
    let now = humantime::parse_rfc3339(&vector.now).unwrap();
    let read = Request::read(&vector.text).and_then(|request| request.check_time(now).map(|()| request));
    compare(
        &vector.expect,
        read.map(|request| {
            let fields = vector.fields.as_ref().unwrap();
            let asked = &request.asked;
            let numbers: Vec<Value> =
                fields["factors"].as_array().unwrap().iter().map(|f| f["number"].clone()).collect();
            let same = request.hash().to_vec() == vector.hash.as_ref().unwrap().0
                && hex::encode(&asked.wrap.vault_id) == fields["vault"]
                && hex::encode(&asked.wrap.keyslot_id) == fields["keyslot"]
                && hex::encode(&asked.wrap.nonce) == fields["nonce"]
                && hex::encode(&asked.public) == fields["key"]
                && asked.vault == fields["name"]
                && asked.keyslot == fields["keyslot_name"]
                && asked.from == fields["from"]
                && asked.reason == fields.get("reason").and_then(Value::as_str).unwrap_or_default()
                && asked.expires == fields["expires"]
                && asked.factors.iter().map(|(i, _)| Value::from(*i)).eq(numbers);
            // What is read is written and read again.
            let again = Request::read(&request.lines()).is_ok_and(|again| again == request);
            (!same || !again).then(|| format!("something of it is otherwise: {request:?}"))
        }),
    )
}

fn answer(vector: &AnswerVector) -> Option<String> {
    let request = Request::read(&vector.request).unwrap();
    let opened = Answer::read(&vector.text).and_then(|answers| {
        assert_eq!(answers.len(), 1);
        answers[0].open(&request, &key(&vector.key))
    });
    compare(
        &vector.expect,
        opened.map(|masks| {
            let masks: BTreeMap<u8, Hex> = masks.iter().map(|(i, mask)| (*i, Hex(mask.expose().to_vec()))).collect();
            (Some(&masks) != vector.masks.as_ref()).then(|| format!("masks are {masks:?}"))
        }),
    )
}

fn run<T: serde::de::DeserializeOwned>(name: &str, least: usize, wrong: impl Fn(&T, &str) -> Option<String>) {
    let files = files(name);
    let failures: Vec<String> =
        files.iter().filter_map(|(file, path)| Some(format!("{name}/{file}: {}", wrong(&json(path), file)?))).collect();
    assert!(failures.is_empty(), "\n{} of {} in {name}:\n{}\n", failures.len(), files.len(), failures.join("\n"));
    assert!(files.len() >= least, "{} vectors in {name}", files.len());
}

#[test]
fn requests_are_read_or_refused_for_their_reason() {
    run("request", 50, |vector: &RequestVector, file| {
        assert!(vector.name == file && !vector.comment.is_empty(), "{file}");
        request(vector)
    });
}

#[test]
fn answers_open_or_are_refused_for_their_reason() {
    run("answer", 20, |vector: &AnswerVector, file| {
        assert!(vector.name == file && !vector.comment.is_empty(), "{file}");
        answer(vector)
    });
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CustodyVector {
    name: String,
    comment: String,
    expect: String,
    request: String,
    key: Hex,
    answers: Vec<String>,
    header: String,
    manifest: Hex,
    account_key: Option<Hex>,
}

/// The vault opened by the answers, or the class of the failure.
fn opened(vector: &CustodyVector) -> Result<Vault, String> {
    let request = Request::read(&vector.request).unwrap();
    let answers = vector.answers.iter().map(|text| {
        let answer = Answer::read(text).unwrap().remove(0);
        answer.open(&request, &key(&vector.key)).ok().unwrap()
    });
    let brought =
        Brought { wrap: request.asked.wrap, keyslot: request.asked.keyslot.clone(), answers: answers.collect() };
    let store = MemoryStore::new(Contents::new(vector.header.as_bytes(), &vector.manifest.0, [], []));
    let wish = Wish { brought: Some(&brought), ..Wish::default() };
    Vault::unlock(Box::new(store), wish, &mut Openers::typed(), &mut NoPrompt).map_err(|error| {
        let class = match &error {
            VaultError::Answers(AnswersError::OtherVault { .. } | AnswersError::Changed { .. }) => "not-this-keyslot",
            VaultError::Answers(AnswersError::Personal { .. }) => "personal",
            VaultError::Locked(refusals) => match refusals.as_slice() {
                [(_, Refusal::Missing(_))] => "missing",
                [(_, Refusal::WrongAnswers { .. })] => "locked",
                _ => "another",
            },
            _ => "another",
        };
        format!("{class}: {error}")
    })
}

#[test]
fn answers_open_what_was_made_for_custodians_and_nothing_else() {
    run("custody", 15, |vector: &CustodyVector, file| {
        assert!(vector.name == file && !vector.comment.is_empty(), "{file}");
        match opened(vector) {
            Ok(vault) if vector.expect == "ok" => {
                let same = vault.account_key().expose().to_vec() == vector.account_key.as_ref().unwrap().0;
                (!same).then(|| "another account key".to_owned())
            }
            Ok(_) => Some(format!("opens, where '{}' belongs", vector.expect)),
            Err(why) if why.starts_with(&format!("{}: ", vector.expect)) => None,
            Err(why) => Some(format!("'{}' belongs there: {why}", vector.expect)),
        }
    });
}

/// From answers to the account key, and the words of the request.
#[test]
fn answers_open_a_keyslot() {
    let known: Value = json(&folder("kat").join("custody.json"));
    let text = |name: &str| known[name].as_str().unwrap().to_owned();
    let request = Request::read(&text("request")).unwrap();
    let header = Unverified::parse(text("header").as_bytes()).unwrap();
    let slot = &header.header().keyslots[0];
    let private = key(&Hex(hex::decode(&text("key")).unwrap()));
    let masks = known["answers"].as_array().unwrap().iter().map(|answer| {
        let answer = Answer::read(answer.as_str().unwrap()).unwrap().remove(0);
        answer.open(&request, &private).ok().unwrap()
    });
    let masks: Vec<_> = masks.collect();
    let chosen: Vec<_> = masks.iter().map(|masks| (masks[0].0, &masks[0].1)).collect();
    let key = keyslot::unwrap_masked(&header.header().vault_id, slot, &chosen).ok().unwrap();
    assert_eq!(hex::encode(key.expose()), text("account_key"));
    let expected: Vec<&str> = known["words"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    assert_eq!(words(&request.hash()).unwrap().to_vec(), expected);
}
