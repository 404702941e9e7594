//! The password of a custodian is not the owner's: what changes the one leaves the other alone.

use crate::custody::{Ada, refused};
use crate::program::{CHEAP, Cli, PASSWORD};
use crate::pty::{Pty, is_narrow};
use serde_json::{Value, json};

const NEW: &str = "four other random words";

/// The keyslot 'password' of her own beside that of her friends, one of whom has a password, too.
fn ada() -> Ada {
    let ada = Ada::new();
    ada.0.write("pw", PASSWORD);
    ada.0.write("new", NEW);
    ada.0.ok(&format!("keyslot enroll --factor password --new-password-file pw --force --recovery-file ada {CHEAP}"));
    ada
}

#[test]
fn passwd_leaves_a_custodians_password_and_their_request() {
    let ada = ada();
    ada.request("", "request");
    assert_eq!(ada.answered("request", "password", "bob", "a1").code, Some(0));
    let ran = ada.0.run(&format!("passwd --password-file pw --new-password-file new --keyslot password {CHEAP}"));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let said = "keyslot 'password' has the new password\nkeyslot 'friends' is for custodians: its password is theirs, and stays; to change it: \
                'twinlock passwd --only=friends'\n";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert_eq!(ada.keys(), 1);
    assert_eq!(ada.0.ok("list --answer a1 --recovery-file cyd"), "");
    // Bob at her machine, with his own.
    ada.0.ok("list --keyslot friends --password-file bob --recovery-file cyd");
}

#[test]
fn a_vault_in_which_only_custodians_have_passwords() {
    let ada = Ada::new();
    ada.0.write("new", NEW);
    let ran = ada.0.run(&format!("passwd --recovery-file ada --new-password-file new {CHEAP}"));
    refused(&ran, 1, "no keyslot holds a password of yours: that in 'friends' is a custodian's");
    assert!(ran.stderr.contains("to choose a new one: 'twinlock passwd --only=friends'"), "{}", ran.stderr);
}

#[test]
fn a_rotation_says_whose_password_it_needs() {
    let ada = ada();
    let ran = ada.0.run("rotate --keyslot password --password-file pw --recovery-file ada");
    assert_ne!(ran.code, Some(0));
    let said = "keyslot 'friends' is kept with the password, recovery code 2 and recovery code 3 of its custodians; if they are not here, do without: 'twinlock rotate --drop=friends'\n";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("keyslot 'friends' is for custodians: what it asks for now is theirs"),
        "{}",
        ran.stderr
    );
    let ran = ada.0.run("rotate --keyslot recovery --recovery-file ada --drop password");
    refused(&ran, 1, "keyslot 'friends' cannot be kept: nobody is there to type the password of a custodian");
    assert!(ran.stderr.contains("'twinlock rotate --drop=friends'"), "{}", ran.stderr);
}

/// A token's public key is enough to keep its share, but then nothing is here by which the password could be checked. The owner would
/// choose one for somebody who would never hear of it.
#[test]
fn a_rotation_makes_no_new_password_for_a_custodian() {
    let ada = ada();
    ada.0.write("cyd.pem", crate::recover::ADA);
    ada.0.ok(&format!(
        "keyslot enroll --custodians --name two --factor password --factor 'piv:serial=123;slot=82;name=cyd;file=cyd.pem' \
         --new-password-file bob --force --recovery-file ada {CHEAP}"
    ));
    let ran = ada.0.run("rotate --keyslot recovery --recovery-file ada --password-file pw --drop friends");
    refused(
        &ran,
        1,
        "keyslot 'two' cannot be kept: the password of a custodian could be checked only with the YubiKey 123 (cyd), not here",
    );
}

#[test]
fn a_forgotten_password_is_not_a_custodians() {
    let ada = ada();
    let plan = ada.0.json("recover --plan --json --lost password");
    let things = plan["things"].as_array().unwrap();
    let thing = |id: &str| things.iter().find(|thing| thing["thing"] == id).cloned().unwrap_or(Value::Null);
    assert_eq!(thing("password")["state"], "lost", "{plan}");
    let what =
        json!({"thing": "password:friends", "what": "the password of a custodian of 'friends'", "state": "custodian"});
    assert_eq!(thing("password:friends"), what);
    let commands: Vec<_> = plan["steps"].as_array().unwrap().iter().map(|step| step["command"].as_str()).collect();
    assert_eq!(commands, [Some("twinlock passwd --keyslot=recovery")]);
    // Where it is theirs that is lost, the keyslot is made anew, and the owner's password stays.
    let plan = ada.0.json("recover --plan --json --lost password:friends");
    let commands = plan["steps"].to_string();
    assert!(commands.contains("keyslot enroll --custodians") && !commands.contains("twinlock passwd"), "{plan}");
    // A kind is what one has oneself.
    let plan = ada.0.json("recover --plan --json --lost recovery");
    assert!(!plan["steps"].to_string().contains("friends"), "{plan}");
}

/// Who says that they do not have what a friend keeps has not lost it.
#[test]
fn what_friends_keep_is_not_lost() {
    let ada = ada();
    let code = ada.0.read("ada");
    let mut terminal = Pty::spawn(&ada.0.command(&format!("recover --new-password-file new {CHEAP}")));
    terminal.answer(&[
        ("Do you have the recovery code of keyslot 'recovery'? [Y/n] ", ""),
        ("Do you have the password of a custodian of 'friends' yourself? [y/N] ", ""),
        ("Do you have recovery code 2 of a custodian of 'friends' yourself? [y/N] ", ""),
        ("Do you have recovery code 3 of a custodian of 'friends' yourself? [y/N] ", ""),
        ("Do you remember the password? [Y/n] ", "n"),
        ("Recovery code for vault 'family' (keyslot 'recovery'): ", code.trim()),
    ]);
    let screen = terminal.ended(0);
    is_narrow(&screen);
    assert!(screen.contains("Step 1 of 1: a new password"), "{screen}");
    assert!(screen.contains("keyslot 'friends' is for custodians: its password is theirs"), "{screen}");
    assert!(!screen.contains("wiped keyslot"), "{screen}");
    // Where all else is lost, they are asked for.
    let mut terminal = Pty::spawn(&ada.0.command("recover"));
    terminal.answer(&[
        ("Do you have the recovery code of keyslot 'recovery'? [Y/n] ", "n"),
        ("Do you have the password of a custodian of 'friends' yourself? [y/N] ", ""),
        ("Do you have recovery code 2 of a custodian of 'friends' yourself? [y/N] ", ""),
        ("Do you have recovery code 3 of a custodian of 'friends' yourself? [y/N] ", ""),
        ("Do you remember the password? [Y/n] ", "n"),
        ("Is there somebody who has the password of a custodian of 'friends'", "y"),
        ("Is there somebody who has recovery code 2", "n"),
        ("Is there somebody who has recovery code 3", "y"),
    ]);
    let screen = terminal.ended(3).replace("\r\n", " ");
    assert!(screen.contains("'twinlock recovery request friends --for=1 --for=3'"), "{screen}");
}

/// "The password" of somebody who has none of their own is not a keyslot of friends that happens to be called so.
#[test]
fn a_keyslot_of_custodians_that_is_called_like_a_thing_is_not_given_up_by_that_word() {
    let cli = Cli::with_vault().file("theirs", PASSWORD);
    let enroll = "keyslot enroll --custodians --name password --factor password --force";
    cli.ok(&format!("{enroll} --new-password-file theirs --recovery-file code {CHEAP}"));
    let ran = cli.run("recover --plan --lost password");
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(ran.stderr.contains("'password:password'"), "{}", ran.stderr);
    assert!(cli.ok("recover --plan --lost keyslot:password").contains("wipe"));
}

/// A plan for who has forgotten their own password: friends are asked, and nothing of theirs is counted as at hand.
#[test]
fn a_plan_asks_friends_for_what_friends_hold() {
    let ada = ada();
    let plan = ada.0.json("recover --plan --json --lost password --lost recovery:recovery");
    let commands = plan["steps"].to_string();
    assert!(commands.contains("\"request\"") && !commands.contains("--keyslot=friends"), "{plan}");
}
