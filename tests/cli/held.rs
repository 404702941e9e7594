//! Keyslots for custodians: only they are answered for, they say so everywhere, and nobody answers for a vault of their own unknowingly.

use crate::program::{CHEAP, Cli, PASSWORD, Ran};
use std::fs;
use twinlock::crypto::sealed::{new_key, public_of};
use twinlock::custody::{Asked, Request, words};
use twinlock::encode::hex;
use twinlock::header::Unverified;
use twinlock::keyslot::Wrap;
use twinlock::secret::RequestKey;
use twinlock::store::sqlite::SqliteStore;
use twinlock::vault::peek;

/// A vault with a code, and the keyslot 'friends' for custodians: a password and a code, both needed.
fn ada() -> Cli {
    let cli = Cli::with_vault().file("bob", PASSWORD);
    cli.ok(&format!("keyslot enroll --custodians --name friends --factor password --factor recovery {FILES} {CHEAP}"));
    cli
}

const FILES: &str = "--new-password-file bob --recovery-out cyd --recovery-file code";

fn carry(from: &Cli, to: &Cli, files: &[&str]) {
    for file in files {
        fs::copy(from.path(file), to.path(file)).unwrap();
    }
}

fn refused(ran: &Ran, code: i32, message: &str) {
    assert_eq!(ran.code, Some(code), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("twinlock: error: {message}")), "{message}\n{}", ran.stderr);
    assert!(ran.stderr.contains("twinlock: hint: "), "{}", ran.stderr);
}

/// Whoever has a copy of a vault, and writes what they like around the ids of one of its keyslots.
fn lie(vault: &Cli, keyslot: &str, threshold: u8, of: u8) -> (Request, RequestKey) {
    let read: Unverified = peek(&mut SqliteStore::open(&vault.vault()).unwrap()).unwrap();
    let slot = read.header().keyslot(keyslot).unwrap().clone();
    let key = new_key().unwrap();
    let time = |days| humantime::format_rfc3339_seconds(std::time::SystemTime::now() + days * DAY).to_string();
    let asked = Asked {
        wrap: Wrap::of(&read.header().vault_id, &slot),
        vault: "eves family vault".into(),
        fingerprint: Some([7; 10]),
        keyslot: "friends".into(),
        threshold,
        of,
        factors: (1u8..).zip(slot.factors).collect(),
        from: "Eve".into(),
        reason: "locked out".into(),
        created: time(0),
        expires: time(2),
        public: public_of(&key),
    };
    (Request::new(&asked).unwrap(), key)
}

const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

fn heard(request: &Request) -> String {
    words(&request.hash()).unwrap().join(" ")
}

/// Eve has Bob's file and lies in the request about all that can be lied about; then she does with the answer what she can.
fn asked_by_eve(bob: &Cli, keyslot: &str, (k, n): (u8, u8), answer: &str) -> (Ran, Cli) {
    let (request, key) = lie(bob, keyslot, k, n);
    let theirs = Cli::new();
    carry(bob, &theirs, &["code"]);
    theirs.write("request", &request.lines());
    let ran = theirs.run(&format!("recovery answer request -o answer {answer} --words '{}'", heard(&request)));
    let eve = Cli::new();
    fs::create_dir_all(eve.vault().parent().unwrap()).unwrap();
    fs::copy(bob.vault(), eve.vault()).unwrap();
    let folder = eve.home().join("state/twinlock/requests");
    fs::create_dir_all(&folder).unwrap();
    let id = hex::encode(&request.id());
    fs::write(folder.join(format!("{id}.txt")), request.lines()).unwrap();
    fs::write(folder.join(format!("{id}.key")), key.expose()).unwrap();
    if ran.code == Some(0) {
        carry(&theirs, &eve, &["answer"]);
    }
    (ran, eve)
}

#[test]
fn a_personal_keyslot_is_never_answered_for() {
    let bob = Cli::with_vault();
    // On a machine that does not know Bob's vault: the answer is given, and opens nothing.
    for (k, n) in [(1, 1), (2, 3)] {
        let (ran, eve) = asked_by_eve(&bob, "recovery", (k, n), "--factor 1 --recovery-file code");
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let ran = eve.run("list --answer answer");
        refused(&ran, 3, "the keyslot 'recovery' was not made for custodians: no answer opens it");
        // Nor where the file is made to say that it was.
        let file = rusqlite::Connection::open(eve.vault()).unwrap();
        let text: Vec<u8> =
            file.query_row("SELECT value FROM meta WHERE name = 'header'", [], |row| row.get(0)).unwrap();
        let text = String::from_utf8(text).unwrap().replacen("\"threshold\"", "\"custodians\":true,\"threshold\"", 1);
        file.execute("UPDATE meta SET value = ?1 WHERE name = 'header'", [text.into_bytes()]).unwrap();
        drop(file);
        refused(&eve.run("list --answer answer"), 3, "could not unlock by keyslot 'recovery'");
    }
    // And nobody makes such a request in honesty.
    let ran = bob.run("recovery request recovery --from Bob");
    refused(&ran, 3, "keyslot 'recovery' was not made for custodians: nobody can answer for it from elsewhere");
    assert!(ran.stderr.contains("'twinlock keyslot enroll --custodians'"), "{}", ran.stderr);
}

#[test]
fn a_lie_about_how_many_are_needed_gives_an_answer_to_nothing() {
    let bob = Cli::new();
    bob.ok("init --custodians --factor recovery --recovery-out code");
    let (ran, eve) = asked_by_eve(&bob, "custodians", (1, 1), "--recovery-file code");
    assert!(ran.stderr.contains("your answer alone opens that vault: nobody else has to agree"), "{}", ran.stderr);
    assert_eq!(eve.run("list --answer answer").code, Some(0), "so it does");
    for (k, n) in [(1, 2), (2, 2), (2, 3)] {
        let (ran, eve) = asked_by_eve(&bob, "custodians", (k, n), "--factor 1 --recovery-file code");
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        if k == 2 {
            let said = "This keyslot needs 2 factors: yours, and 1 more, which whoever asks may have already. Were these numbers \
                        wrong, your answer would open nothing.";
            assert!(ran.stderr.contains(said), "{}", ran.stderr);
        }
        assert!(ran.stderr.contains("Nothing here proves which vault it is."), "{}", ran.stderr);
        refused(&eve.run("list --answer answer"), 3, "could not unlock by keyslot 'custodians'");
    }
}

#[test]
fn nobody_answers_for_a_vault_of_their_own_unknowingly() {
    let bob = ada();
    let (request, _) = lie(&bob, "friends", 2, 2);
    bob.write("request", &request.lines());
    let answer = format!("recovery answer request --recovery-file cyd --words '{}'", heard(&request));
    let own = "the request is for a vault of your own, the one in '";
    // By what this machine remembers, by the file in its usual place, and by a file that is named.
    refused(&bob.run(&answer), 5, own);
    assert!(!bob.run(&answer).stderr.contains("who asks"), "it is not even shown");
    fs::rename(bob.vault(), bob.path("elsewhere")).unwrap();
    refused(&bob.run(&answer), 5, own);
    fs::remove_dir_all(bob.home().join("state/twinlock")).unwrap();
    assert_eq!(bob.run(&answer).code, Some(0), "nothing here knows it");
    refused(&bob.run(&format!("{answer} --vault elsewhere")), 5, own);
    fs::rename(bob.path("elsewhere"), bob.vault()).unwrap();
    refused(&bob.run(&answer), 5, own);
    // Who knows, says so.
    let ran = bob.run(&format!("{answer} --own-vault -o answer"));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("warning: the request is for the vault in '"), "{}", ran.stderr);
}

#[test]
fn it_is_said_wherever_ways_in_are_told() {
    let cli = ada();
    let held = " (for custodians, who can answer from where they are)";
    let said = cli.ok("status");
    let word = "      for custodians: who holds its factors can answer from afar\n";
    assert!(said.contains("  password and recovery code\n") && said.ends_with(word), "{said}");
    assert_eq!(said.matches(word).count(), 1, "{said}");
    assert!(cli.ok("keyslot list").contains("password + recovery  (for custodians)"));
    let slots = cli.json("keyslot list --json");
    assert_eq!((&slots[0]["custodians"], &slots[1]["custodians"]), (&false.into(), &true.into()));
    assert_eq!(cli.json("status --json")["ways_in"][1]["custodians"], true);
    let shown = cli.run("header show");
    assert!(shown.stdout.contains("\"custodians\":true") || shown.stdout.contains("\"custodians\": true"));
    let line = format!("keyslot 'friends' opens with password and recovery code{held}\n");
    assert!(shown.stderr.contains(&line), "{}", shown.stderr);
    let plan = cli.ok("recover --plan --lost recovery:recovery");
    assert!(plan.contains(&format!("opens by keyslot 'friends': password and recovery code{held}\n")), "{plan}");
    let ran = cli.run("keyslot wipe recovery --force --keyslot friends --password-file bob --recovery-file cyd");
    assert!(ran.stderr.contains(&format!("'friends' opens with password and recovery code{held}\n")), "{}", ran.stderr);
    // One that is enough alone is warned about.
    let line = "keyslot enroll --custodians --factor recovery --recovery-out dan --keyslot friends --password-file bob --recovery-file cyd";
    let ran = cli.run(&format!("{line} --force"));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("each of these custodians alone can open the vault"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("enrolled keyslot 'custodians' for custodians: 'twinlock recovery request'"),
        "{}",
        ran.stderr
    );
    let warned = cli.json("status --json")["warnings"].to_string();
    assert!(warned.contains("custodian-alone"), "{warned}");
}

/// Whatever wraps or copies the keyslot keeps what it is for.
#[test]
fn it_stays_for_custodians() {
    let cli = ada();
    let both = "--keyslot friends --password-file bob --recovery-file cyd";
    cli.write("bob2", "four other random words");
    cli.ok(&format!("passwd --only friends --new-password-file bob2 {both} {CHEAP}"));
    let both = "--keyslot friends --password-file bob2 --recovery-file cyd";
    let is = |name: &str| {
        let slots = cli.json("keyslot list --json");
        slots.as_array().unwrap().iter().any(|slot| slot["name"] == name && slot["custodians"] == true)
    };
    assert!(is("friends"));
    cli.ok(&format!("keyslot rename friends circle {both}"));
    assert!(is("circle"));
    let both = "--keyslot circle --password-file bob2 --recovery-file cyd";
    cli.ok(&format!("rotate --force --drop recovery {both}"));
    assert!(is("circle"));
    cli.ok(&format!("kit export -o kit.txt {both}"));
    let file = rusqlite::Connection::open(cli.vault()).unwrap();
    file.execute("UPDATE meta SET value = x'7b7d' WHERE name = 'header'", []).unwrap();
    drop(file);
    cli.ok(&format!("restore --kit kit.txt {both}"));
    assert!(is("circle"));
    cli.ok(&format!("list {both}"));
    // It is asked for, and answered, as before.
    let ran = cli.run("recovery request circle --from Ada -o request");
    let words = ran.stderr.lines().find_map(|line| line.strip_prefix("    ")).unwrap().replace("  ", " ");
    let bob = Cli::new();
    carry(&cli, &bob, &["request", "bob2"]);
    bob.ok(&format!("recovery answer request --password-file bob2 --words '{words}' -o answer"));
    carry(&bob, &cli, &["answer"]);
    cli.ok("list --answer answer --recovery-file cyd");
}

/// Who asks twice, and gets in by one of the requests, is not left with a key on the disk whose answers open the vault for a month.
#[test]
fn every_request_for_a_keyslot_ends_with_the_one_that_served() {
    let cli = ada();
    let request = |keyslot: &str, name: &str| {
        let ran = cli.run(&format!("recovery request {keyslot} --from Ada -o {name}"));
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.stderr.lines().find_map(|line| line.strip_prefix("    ")).unwrap().replace("  ", " ")
    };
    let bob = Cli::new();
    let answered = |name: &str, words: &str| {
        carry(&cli, &bob, &[name, "bob"]);
        bob.ok(&format!("recovery answer {name} --password-file bob --words '{words}' -o {name}.a"));
        carry(&bob, &cli, &[&format!("{name}.a")]);
    };
    let waiting = || cli.json("recovery pending --json").as_array().unwrap().len();
    let line = "--custodians --name others --factor recovery --recovery-out dan --recovery-file code";
    cli.ok(&format!("keyslot enroll {line}"));
    for (keyslot, name) in [("friends", "r1"), ("friends", "r2"), ("others", "r3")] {
        let words = request(keyslot, name);
        if keyslot == "friends" {
            answered(name, &words);
        }
    }
    assert_eq!(waiting(), 3);
    let line = "recovery combine r1.a --factor recovery --recovery-out new --force --recovery-file cyd";
    let ran = cli.run(line);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("for keyslot 'friends' has ended, since another one for that keyslot has served"),
        "{}",
        ran.stderr
    );
    assert_eq!(waiting(), 1, "that for another keyslot waits on");
    let ran = cli.run("list --answer r2.a --recovery-file cyd");
    refused(&ran, 3, "the answer in 'r2.a' is to a request of 2");
    assert!(ran.stderr.contains("ended when another one for the same keyslot had served"), "{}", ran.stderr);
    // What asks for a keyslot that is gone could open older copies of the file alone.
    request("friends", "r4");
    let ran = cli.run("keyslot wipe others --force --keyslot recovery --recovery-file code");
    assert!(
        ran.stderr.contains("for keyslot 'others' has ended, since that keyslot was wiped or wrapped anew"),
        "{}",
        ran.stderr
    );
    assert_eq!(waiting(), 1);
    let ran = cli.run("rotate --force --drop friends --drop recovery-2 --keyslot recovery --recovery-file code");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("for keyslot 'friends' has ended, since that keyslot was wiped or wrapped anew"),
        "{}",
        ran.stderr
    );
    assert_eq!(waiting(), 0);
}
