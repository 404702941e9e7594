//! Vaults that were made by another implementation from the spec alone (`make.py`): each opens, or fails for the reason that its file
//! names. README.md describes the files. `known.rs` has the known answers, `vaults.rs` whole files.
#![cfg(debug_assertions)] // the store in memory is not in release builds
#![allow(clippy::unwrap_used)] // helpers of tests are tests; clippy.toml knows only #[test] functions

mod confirm;
mod custody;
mod kit;
mod known;
mod load;
mod past;
mod person;
mod vaults;

use load::{Given, Vector, files, folder, json};
use person::{Person, openers};
use twinlock::factor::FactorError;
use twinlock::header::HeaderError;
use twinlock::store::memory::MemoryStore;
use twinlock::vault::{REACH, Refusal, Vault, VaultError, Wish};

/// Negative vectors that there must be, at least.
const LEAST: usize = 80;
/// Largest generation that a header can have (spec 4.1): it cannot be written again.
const LAST_GENERATION: u64 = (1 << 53) - 1;

/// The class of a failure, as README.md lists them.
fn class(error: &VaultError) -> String {
    let class = match error {
        VaultError::Store(_) => "store",
        VaultError::Header(HeaderError::Malformed(_)) => "malformed",
        VaultError::Header(HeaderError::Version(_) | HeaderError::Cipher(_) | HeaderError::Critical(_)) => {
            "unsupported"
        }
        VaultError::Header(HeaderError::Tag) => "tampered",
        VaultError::Locked(refusals) => match refusals.as_slice() {
            [(_, Refusal::Unsupported(_))] => "unsupported",
            [(_, Refusal::Missing(_))] => "missing",
            [(_, Refusal::Wrong { .. })] => "locked",
            [(_, Refusal::Factor(FactorError::BadStanza(_)))] => "bad-parameters",
            [(_, Refusal::Factor(FactorError::MistypedCode(_)))] => "mistyped",
            other => return format!("{other:?}"),
        },
        VaultError::Manifest => "manifest",
        VaultError::Altered(_) => "altered",
        VaultError::Record { .. } => "damaged",
        other => return format!("{other:?}"),
    };
    class.to_owned()
}

fn unlock(given: &Given, store: &MemoryStore) -> Result<Vault, VaultError> {
    let wish = Wish { keyslot: Some(&given.keyslot), ..Wish::default() };
    Vault::unlock(Box::new(store.clone()), wish, &mut openers(given), &mut Person::new(given))
}

/// How a vault failed.
struct Failure {
    class: String,
    why: String,
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        Self { class: class(&error), why: format!("{error} ({error:?})") }
    }
}

/// Opens the vault and everything in it.
fn opened(vector: &Vector, store: &MemoryStore) -> Result<Vault, Failure> {
    let mut vault = unlock(&vector.open, store)?;
    let read = vault.items();
    match (read, vault.verify()) {
        (Ok(_), Ok(_)) => Ok(vault),
        (Err(error), Err(_)) => Err(error.into()),
        (Ok(_), Err(error)) => {
            let of_index = matches!(error, VaultError::Record { .. });
            let failure = Failure::from(error);
            Err(if of_index { Failure { class: "index".to_owned(), ..failure } } else { failure })
        }
        (Err(error), Ok(_)) => Err(Failure { class: "not seen by 'verify'".to_owned(), why: error.to_string() }),
    }
}

/// What is wrong with how a vector came out.
fn wrong(vector: &Vector) -> Option<String> {
    let store = MemoryStore::new(vector.contents());
    match opened(vector, &store) {
        Ok(vault) if vector.expect == "ok" => check_opened(vector, vault, &store),
        Ok(_) => Some(format!("opens, where '{}' belongs", vector.expect)),
        Err(Failure { class, why }) if class != vector.expect => {
            Some(format!("'{class}' where '{}' belongs: {why}", vector.expect))
        }
        Err(_) if store.contents() != vector.contents() => Some("something was written".to_owned()),
        Err(_) if vector.expect == "bad-parameters" => check_not_asked(vector, &store),
        Err(_) if vector.expect == "altered" => check_not_written(vector, &store),
        Err(_) if vector.expect == "index" => check_names(vector, &store),
        Err(_) => None,
    }
}

/// Nobody types a password for parameters that are refused anyway.
fn check_not_asked(vector: &Vector, store: &MemoryStore) -> Option<String> {
    let nothing = Given { password: None, ..vector.open.clone() };
    let class = unlock(&nothing, store).err().map(|error| class(&error));
    (class.as_deref() != Some("bad-parameters")).then(|| "a password is asked for first".to_owned())
}

/// An index that lies never gives one item for another: each is had by its own name, or not at all.
fn check_names(vector: &Vector, store: &MemoryStore) -> Option<String> {
    let mut vault = unlock(&vector.open, store).ok()?;
    let items = vault.items().unwrap();
    let mut untrue = |found: &twinlock::vault::Found| match vault.get(&found.item.name) {
        Ok(got) => got.id != found.id || got.item != found.item,
        Err(error) => !matches!(error, VaultError::Record { .. }),
    };
    items
        .iter()
        .find(|found| untrue(found))
        .map(|found| &found.item.name)
        .map(|name| format!("'{name}' is not found, and not said to be damaged"))
}

fn check_not_written(vector: &Vector, store: &MemoryStore) -> Option<String> {
    let item = person::item("new");
    match unlock(&vector.open, store).ok()?.add(&item) {
        Err(VaultError::Altered(_)) if store.contents() == vector.contents() => None,
        other => Some(format!("a write gives {other:?}")),
    }
}

/// Key and items are the expected ones; and after the header and an item are written here, all of it still opens.
fn check_opened(vector: &Vector, mut vault: Vault, store: &MemoryStore) -> Option<String> {
    let key = vector.account_key.as_ref().unwrap();
    if vault.account_key().expose() != &key.array() {
        return Some("another account key".to_owned());
    }
    let items = |vault: &mut Vault| -> Vec<serde_json::Value> {
        vault.items().unwrap().into_iter().map(|found| serde_json::to_value(found.item).unwrap()).collect()
    };
    let expected = vector.items.as_ref().unwrap();
    let found = items(&mut vault);
    if found != *expected {
        return Some(format!("items are {found:?}"));
    }
    if let Some(name) = expected.iter().filter_map(|item| item["name"].as_str()).find(|name| vault.get(name).is_err()) {
        return Some(format!("'{name}' is not found by its name"));
    }
    if vault.header().generation == LAST_GENERATION {
        return None;
    }
    let (before, seen) = (vault.header().clone(), vault.mark());
    vault.rename(&vector.open.keyslot, "another name").unwrap();
    vault.rename("another name", &vector.open.keyslot).unwrap();
    vault.add(&person::item("new")).unwrap();
    let mut again = match opened(vector, store) {
        Ok(again) => again,
        Err(Failure { class, why }) => return Some(format!("'{class}' after writing: {why}")),
    };
    let now = again.mark();
    if now.line().parted(&seen.line()) != Some(false) || now.past.reach() != (seen.past.reach() + 3).min(REACH.into()) {
        return Some("what came before is no longer told of".to_owned());
    }
    let mut after = again.header().clone();
    after.generation = before.generation;
    if after != before {
        return Some("something of the header was lost by writing".to_owned());
    }
    (items(&mut again).len() != expected.len() + 1).then(|| "an item was lost by writing".to_owned())
}

/// The file is named like its vector; a negative one differs from a vector that opens, in just the parts that it says.
fn check_form(name: &str, vector: &Vector) -> Option<String> {
    if vector.name != name {
        return Some(format!("is named '{}' inside", vector.name));
    }
    if vector.comment.is_empty() {
        return Some("does not say what it is".to_owned());
    }
    if vector.expect == "ok" {
        return None;
    }
    let base: Vector = json(&folder("ok").join(format!("{}.json", vector.base.as_ref()?)));
    let differing = vector.differing(&base);
    let said = vector.differs.as_ref()?;
    (base.expect != "ok" || differing != *said || said.is_empty())
        .then(|| format!("differs from its base in {differing:?}"))
}

fn run(name: &str, least: usize) {
    let files = files(name);
    let mut failures = Vec::new();
    for (file, path) in &files {
        let vector: Vector = json(path);
        assert_eq!(vector.expect == "ok", name == "ok", "{name}/{file}");
        if let Some(why) = check_form(file, &vector).or_else(|| wrong(&vector)) {
            failures.push(format!("{name}/{file} ({}): {why}", vector.comment));
        }
    }
    assert!(failures.is_empty(), "\n{} of {} in {name}:\n{}\n", failures.len(), files.len(), failures.join("\n"));
    assert!(files.len() >= least, "{} vectors in {name}", files.len());
}

#[test]
fn what_is_right_opens() {
    run("ok", 20);
}

#[test]
fn headers_fail_for_their_reason() {
    run("header", 50);
}

#[test]
fn keyslots_fail_for_their_reason() {
    run("keyslot", 30);
}

#[test]
fn records_fail_for_their_reason() {
    run("record", 50);
}

#[test]
#[allow(clippy::print_stdout)] // the count, for who runs this alone
fn there_are_enough() {
    let counts = ["header", "keyslot", "record"].map(|name| (name, files(name).len()));
    let negative: usize = counts.iter().map(|(_, count)| count).sum();
    println!("{} vectors that open, {negative} that fail: {counts:?}", files("ok").len());
    assert!(negative >= LEAST);
}
