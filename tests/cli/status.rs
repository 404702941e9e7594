//! Ways into a vault in plain words, when they were proven, what is wrong with them, and the drill.

use crate::program::Cli;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const CHEAP: &str = "--kdf-memory 19 --kdf-passes 2";

/// Keyslots `password` and `recovery`, and an item.
fn home() -> Cli {
    let cli = Cli::new();
    cli.write("pw", "correct horse battery staple");
    cli.write("value", "hidden");
    cli.ok(&format!("init --factor password --new-password-file pw --recovery --recovery-out code {CHEAP}"));
    cli.ok("add wifi --note --value-file value --password-file pw");
    cli
}

fn proven(cli: &Cli) -> Value {
    serde_json::from_slice(&fs::read(cli.home().join("state/twinlock/proven.json")).unwrap()).unwrap()
}

#[test]
fn a_way_in_is_listed_and_a_drill_proves_it() {
    let cli = home();
    cli.session(
        r#"
$ twinlock status
1> The vault 'personal' opens with
1>   password alone
1>       keyslot 'password', opened the vault on DAY
1>   recovery code alone
1>       keyslot 'recovery', not tried on this machine yet
2> twinlock: warning: the recovery code of keyslot 'recovery' has never been tried on this machine
2> twinlock: hint: try it, nothing is changed: 'twinlock recovery drill recovery'
$ twinlock recovery drill --recovery-file code
2> drill: keyslot 'recovery', opens with recovery code alone; not tried on this machine yet
2> it gives the account key: header and set of items are right, 1 of 1 item opened
2> proven: keyslot 'recovery' opens the vault 'personal'
$ twinlock status
1> The vault 'personal' opens with
1>   password alone
1>       keyslot 'password', opened the vault on DAY
1>   recovery code alone
1>       keyslot 'recovery', opened the vault on DAY
"#,
    );
}

#[test]
fn a_drill_changes_nothing_in_the_vault() {
    let cli = home();
    let vault = cli.home().join("data/twinlock/vault.twinlock");
    let before = fs::read(&vault).unwrap();
    cli.ok("recovery drill recovery --recovery-file code");
    assert!(fs::read(&vault).unwrap() == before);
}

#[test]
fn a_drill_that_fails_proves_nothing_and_says_what_to_mend() {
    let cli = home();
    cli.write("wrong", "incorrect horse");
    let before = proven(&cli);
    cli.session(
        r#"
$ twinlock recovery drill password --password-file wrong
2> drill: keyslot 'password', opens with password alone; opened the vault on DAY
2> twinlock: warning: the way in 'password' is not proven
2> while another way in opens, mend it: look for the factor that was wrong or missing and drill again; or make a new way in ('twinlock recovery new', 'twinlock keyslot enroll') and wipe this one: 'twinlock keyslot wipe password'
2> twinlock: error: the password is wrong
2> twinlock: hint: 'twinlock recover' leads through the other ways in
=> 3
$ twinlock recovery drill other
2> twinlock: error: no keyslot is called 'other'
2> twinlock: hint: there is 'password', 'recovery'
=> 4
$ twinlock recovery drill password --keyslot recovery
2> twinlock: error: 'recovery drill password' opens the vault by 'password', and --keyslot names another
2> twinlock: hint: leave out --keyslot
=> 2
"#,
    );
    assert_eq!(proven(&cli), before);
}

#[test]
fn a_proof_is_of_one_wrap_and_older_ones_are_said_to_be() {
    let cli = home();
    cli.write("new", "another horse battery staple");
    cli.ok(&format!("passwd --password-file pw --new-password-file new {CHEAP}"));
    let way = |cli: &Cli| cli.json("status --json")["ways_in"][0].clone();
    assert_eq!(way(&cli)["proven"], Value::Null);
    assert!(way(&cli)["proven_before"].is_string(), "{}", way(&cli));
    cli.ok("list --password-file new");
    assert!(way(&cli)["proven"].is_string());
    // Without a keyslot it takes the one that was never proven.
    assert!(cli.run("recovery drill --recovery-file code").stderr.starts_with("drill: keyslot 'recovery'"));
}

#[test]
fn what_is_kept_would_not_help_a_thief() {
    let cli = home();
    cli.ok("recovery drill recovery --recovery-file code");
    let kept = cli.home().join("state/twinlock/proven.json");
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = proven(&cli);
    let of_keyslot = kept["keyslots"][0].as_object().unwrap();
    let fields: Vec<&str> = of_keyslot.keys().map(String::as_str).collect();
    assert_eq!(fields, ["custodians", "factors", "keyslot", "opened", "vault", "wrap"]);
    let text = kept.to_string();
    for word in ["password", "recovery", "personal", "wifi"] {
        assert!(!text.contains(word), "{text}");
    }
    // A day, and not a time.
    assert_eq!(of_keyslot["opened"].as_str().unwrap().len(), 10, "{text}");
    // And nothing of it is in the vault, or needed for it.
    fs::remove_file(cli.home().join("state/twinlock/proven.json")).unwrap();
    cli.ok("list --password-file pw");
}

#[test]
fn warnings_have_names_for_programs() {
    let cli = Cli::new();
    cli.write("pw", "correct horse battery staple");
    cli.ok("init --factor recovery --recovery-out code");
    let kinds = |cli: &Cli| -> Vec<Value> {
        let status = cli.json("status --json");
        status["warnings"].as_array().unwrap().iter().map(|warning| warning["kind"].clone()).collect()
    };
    assert_eq!(kinds(&cli), [json!("one-way-in"), json!("untried-code")]);
    cli.ok(&format!("keyslot enroll --factor password --new-password-file pw --recovery-file code {CHEAP}"));
    assert_eq!(kinds(&cli), Vec::<Value>::new());
    let doctor = cli.run("doctor").stdout;
    assert!(doctor.contains("'recovery' opens with recovery code alone; opened the vault on "), "{doctor}");
    // What a wipe leaves is said before it is asked.
    let wipe = cli.run("keyslot wipe password --recovery-file code --no-input").stderr;
    assert!(wipe.starts_with("without keyslot 'password' there is left:\n  'recovery' opens with recovery code alone\ntwinlock: warning: there is only one way in"), "{wipe}");
}
