//! `twinlock recover` with tokens: a person at a terminal, and SoftHSM.
#![allow(clippy::unwrap_used)] // helpers of tests, which clippy does not take for tests

#[path = "common/program.rs"]
mod program;
#[path = "common/pty.rs"]
mod pty;
#[path = "common/softhsm.rs"]
mod softhsm;

use program::{CHEAP, PASSWORD};
use pty::Pty;
use softhsm::{Machine, PIN};
use std::fs;

const NEW: &str = "four other random words";
const PIN_OF_ADA: &str = "PIN of token 'ada";

/// Keyslots `daily` (password and the token ada) and `recovery`, ada in the reader; where her token is.
fn with_ada() -> Option<(Machine, std::path::PathBuf)> {
    let machine = Machine::new()?;
    let ada = machine.token("ada");
    machine.cli.write("pw", PASSWORD);
    machine.ok("init --factor recovery --recovery-out code");
    machine.ok(&format!(
        "keyslot enroll --name daily --factor password --factor pkcs11:token=ada;object=twinlock --new-password-file pw \
         --pin-file pin --token pkcs11:token=ada --recovery-file code {CHEAP}"
    ));
    Some((machine, ada))
}

fn ended(terminal: &mut Pty, code: i32) -> String {
    let screen = terminal.ended(code);
    pty::is_narrow(&screen);
    screen
}

#[test]
fn a_lost_token_and_a_new_one() {
    let Some((machine, ada)) = with_ada() else { return };
    fs::rename(ada, machine.cli.path("lost")).unwrap();
    machine.token("bob");
    let code = machine.cli.read("code");
    let mut terminal = Pty::spawn(&machine.command(&format!("recover {CHEAP}")));
    terminal.answer(&[
        ("Do you have the recovery code of keyslot 'recovery'? [Y/n] ", ""),
        ("Do you remember the password? [Y/n] ", ""),
        ("Do you still have the token 'ada'? [Y/n] ", "n"),
        ("Recovery code for vault 'personal' (keyslot 'recovery'): ", code.trim()),
        ("takes the place of the token 'ada'? [Y/n] ", ""),
        ("PIN of token 'bob", PIN),
        ("New password for vault 'personal' (keyslot 'password+pkcs11'): ", NEW),
        ("The same password again: ", NEW),
        ("Wipe keyslot 'daily'? It will no longer open this vault. [y/N] ", "y"),
        ("Rotate it now? [y/N] ", "y"),
        ("Password for vault 'personal' (keyslot 'password+pkcs11'): ", NEW),
    ]);
    let screen = ended(&mut terminal, 0);
    let place = |text: &str| screen.find(text).unwrap_or_else(|| panic!("no '{text}' in {screen}"));
    assert!(place("enrolled keyslot 'password+pkcs11'") < place("wiped keyslot 'daily'"), "{screen}");
    assert!(place("wiped keyslot 'daily'") < place("rotated the vault 'personal'"), "{screen}");
    assert!(!screen.contains(PIN_OF_ADA), "an absent token is not asked for: {screen}");
    machine.cli.write("new", NEW);
    machine.ok("list --keyslot password+pkcs11 --password-file new --pin-file pin --token pkcs11:token=bob");
    assert_eq!(machine.cli.json("verify --json --recovery-file code")["epoch"], 2);
}

#[test]
fn a_forgotten_password_and_the_token_is_here() {
    let Some((machine, _)) = with_ada() else { return };
    machine.ok(
        "keyslot enroll --name alone --factor pkcs11:token=ada;object=twinlock --force --keyslot recovery --recovery-file code \
         --pin-file pin --token pkcs11:token=ada",
    );
    let mut terminal = Pty::spawn(&machine.command(&format!("recover {CHEAP}")));
    terminal.answer(&[
        ("Do you have the recovery code of keyslot 'recovery'? [Y/n] ", ""),
        ("Do you remember the password? [Y/n] ", "n"),
    ]);
    terminal.expect("the token 'ada' is here");
    terminal.expect("The vault opens by keyslot 'alone'");
    terminal.answer(&[(PIN_OF_ADA, PIN), ("New password for vault", NEW), ("The same password again: ", NEW)]);
    terminal.expect("keyslot 'daily' has the new password");
    ended(&mut terminal, 0);
    machine.cli.write("new", NEW);
    machine.ok("list --keyslot daily --password-file new --pin-file pin --token pkcs11:token=ada");
}

/// A wrong PIN costs a try: the same one is not sent for the next keyslot.
#[test]
fn a_pin_is_not_tried_by_guesswork() {
    let Some((machine, _)) = with_ada() else { return };
    machine.ok(
        "keyslot enroll --name alone --factor pkcs11:token=ada;object=twinlock --force --keyslot recovery --recovery-file code \
         --pin-file pin --token pkcs11:token=ada",
    );
    machine.cli.write("wrong", "654321");
    let line = format!("recover --lost recovery --pin-file wrong --token pkcs11:token=ada {CHEAP}");
    let mut terminal = Pty::spawn(&machine.command(&line));
    terminal.answer(&[("Go on without the token 'ada'? [y/N] ", "")]);
    let screen = ended(&mut terminal, 3);
    assert_eq!(screen.matches("wrong PIN for token 'ada").count(), 1, "sent once, for one keyslot: {screen}");
    assert_eq!(screen.matches("PIN of token").count(), 0, "a file said it, and nobody is asked for another: {screen}");
    assert!(screen.contains("the vault was not opened, and nothing was changed"), "{screen}");
}
