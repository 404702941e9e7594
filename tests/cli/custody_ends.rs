//! When a request to custodians ends, and when it does not.

use crate::custody::{Ada, refused};
use crate::program::{CHEAP, Cli, Ran};
use std::fs;
use std::time::{Duration, SystemTime};
use twinlock::crypto::sealed::{new_key, public_of};
use twinlock::custody::{Answer, Asked, Request};
use twinlock::encode::hex;
use twinlock::header::Stanza;
use twinlock::keyslot::Wrap;
use twinlock::secret::{FactorSecret, zeros32};

const COMBINE: &str = "recovery combine a1 a2 --factor password --new-password-file new --force";

/// A request for 'friends', answered by two.
fn answered() -> Ada {
    let ada = Ada::new();
    ada.request("", "request");
    for (flag, secret, answer) in [("password", "bob", "a1"), ("recovery", "dan", "a2")] {
        assert_eq!(ada.answered("request", flag, secret, answer).code, Some(0));
    }
    ada.0.write("new", "four other random words");
    ada
}

#[track_caller]
fn stays(ada: &Ada, ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let real = ada.0.vault().canonicalize().unwrap();
    let said = format!("for keyslot 'friends' stays good for the vault at '{}', where it was made", real.display());
    assert_eq!(ran.stderr.matches(&said).count(), 1, "{}", ran.stderr);
    assert!(!ran.stderr.contains("open nothing any more"), "{}", ran.stderr);
    assert_eq!(ada.keys(), 1);
    assert_eq!(ada.0.ok("list --answer a1 --answer a2"), "");
}

#[test]
fn work_at_a_copy_ends_no_request_of_the_vault() {
    let ada = answered();
    let copy = |name: &str| fs::copy(ada.0.vault(), ada.0.path(name)).map(drop).unwrap();
    copy("wiped");
    stays(&ada, &ada.0.run("keyslot wipe friends --vault wiped --force --recovery-file ada"));
    copy("combined");
    stays(&ada, &ada.0.run(&format!("{COMBINE} --vault combined {CHEAP}")));
    copy("rotated");
    stays(&ada, &ada.0.run("rotate --drop friends --vault rotated --force --recovery-file ada"));
    // The vault by another name is no copy.
    std::os::unix::fs::symlink(ada.0.vault(), ada.0.path("link")).unwrap();
    let ran = ada.0.run(&format!("{COMBINE} --vault link {CHEAP}"));
    assert!(ran.code == Some(0) && ran.stderr.contains("has served: its key is erased"), "{}", ran.stderr);
    assert_eq!(ada.keys(), 0);
}

#[test]
fn a_request_that_tells_of_no_file_is_for_all() {
    let ada = answered();
    for file in fs::read_dir(ada.0.home().join("state/twinlock/requests")).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_some_and(|ending| ending == "path") {
            fs::remove_file(file).unwrap();
        }
    }
    fs::copy(ada.0.vault(), ada.0.path("copy")).unwrap();
    let ran = ada.0.run("keyslot wipe friends --vault copy --force --recovery-file ada");
    assert!(ran.stderr.contains("has ended, since that keyslot was wiped or wrapped anew"), "{}", ran.stderr);
    assert_eq!(ada.keys(), 0);
}

#[test]
fn a_keyslot_for_others_is_no_new_way_in() {
    let ada = answered();
    let others = "--factor recovery --recovery-out eve --name others --custodians --force";
    let ran = ada.0.run(&format!("keyslot enroll {others} --answer a1 --answer a2"));
    assert!(ran.code == Some(0) && !ran.stderr.contains("served"), "{}", ran.stderr);
    assert_eq!(ada.keys(), 1);
    let ran = ada.0.run(&format!("{COMBINE} {CHEAP}"));
    assert!(ran.code == Some(0) && ran.stderr.contains("has served: its key is erased"), "{}", ran.stderr);
    assert_eq!(ada.keys(), 0);
}

/// A request of this machine, made three days before its time was over, that many hours ago; and an answer to it.
fn over(cli: &Cli, hours: u64) -> String {
    let key = new_key().unwrap();
    let hour = Duration::from_secs(3600);
    let time = |at: SystemTime| humantime::format_rfc3339_seconds(at).to_string();
    let end = SystemTime::now() - hour * u32::try_from(hours).unwrap();
    let stanza = Stanza::new("recovery", &serde_json::json!({}));
    let asked = Asked {
        wrap: Wrap { vault_id: [1; 16], keyslot_id: [2; 16], nonce: [3; 32] },
        vault: "family".into(),
        fingerprint: None,
        keyslot: "friends".into(),
        threshold: 1,
        of: 1,
        factors: vec![(1, stanza)],
        from: "Ada".into(),
        reason: String::new(),
        created: time(end - 72 * hour),
        expires: time(end),
        public: public_of(&key),
    };
    let request = Request::new(&asked).unwrap();
    cli.write("request", &request.lines());
    let folder = cli.home().join("state/twinlock/requests");
    fs::create_dir_all(&folder).unwrap();
    let id = hex::encode(&request.id());
    fs::write(folder.join(format!("{id}.txt")), request.lines()).unwrap();
    fs::write(folder.join(format!("{id}.key")), key.expose()).unwrap();
    let mask = asked.mask(1, "recovery", &FactorSecret::new(zeros32()));
    let answer = Answer::seal(&request, &[(1, mask)]).unwrap();
    fs::write(cli.path("answer"), answer.lines()).unwrap();
    id
}

/// Nobody waits for a day to be over: the requests were made in the past.
#[test]
fn a_request_is_over_when_its_time_is_and_its_key_is_erased_two_days_later() {
    let cli = Cli::with_vault();
    let has = |id: &str, ending: &str| cli.home().join(format!("state/twinlock/requests/{id}.{ending}")).exists();
    let long = over(&cli, 49);
    refused(
        &cli.run("recovery answer request --recovery-file code"),
        3,
        "'request' is not used: the request has expired: it was good until 2",
    );
    // Any command that opens the vault erases what is long over.
    cli.ok("list --recovery-file code");
    assert!(!has(&long, "key") && has(&long, "ended"));
    // A clock that goes wrong costs no request: it is not used any more, but its key is there, until it is forgotten.
    let just = over(&cli, 47);
    refused(&cli.run("list --answer answer"), 3, "'answer' is not used: the request has expired: it was good until 2");
    let pending = cli.run("recovery pending");
    assert!(pending.stderr.contains("no request waits for answers"), "{}", pending.stderr);
    let said = format!("the request {} for keyslot 'friends' has been over since 2", &just[..8]);
    assert!(pending.stderr.contains(&said), "{}", pending.stderr);
    assert!(has(&just, "key") && !has(&just, "ended"));
    let forgot = cli.run(&format!("recovery pending --forget {}", &just[..8]));
    assert!(forgot.stderr.contains("forgot the request"), "{}", forgot.stderr);
    assert!(!has(&just, "key"));
}

/// Without its text a key would lie there for ever, and nobody would know.
#[test]
fn what_is_remembered_of_a_request_goes_after_its_key_and_not_before() {
    let cli = Cli::with_vault();
    let at = |id: &str, ending: &str| cli.home().join(format!("state/twinlock/requests/{id}.{ending}"));
    let days = 92;
    let stuck = over(&cli, days * 24);
    // What cannot be removed like a file.
    fs::remove_file(at(&stuck, "key")).unwrap();
    fs::create_dir(at(&stuck, "key")).unwrap();
    cli.ok("list --recovery-file code");
    assert!(at(&stuck, "key").exists() && at(&stuck, "txt").exists());
    fs::remove_dir(at(&stuck, "key")).unwrap();
    cli.ok("list --recovery-file code");
    assert!(["key", "txt", "ended"].iter().all(|ending| !at(&stuck, ending).exists()));
}
