//! A person at a terminal: touch, PIN typed wrong and right, a token that is brought, Ctrl-C.

use crate::lab::{P256, Person, SPARE, make_key, once, policies};
use crate::pty::Pty;
use hsm_test::piv::CardOptions;

/// The same as an empty file for the PIN: typed.
fn list(person: &Person) -> Pty {
    Pty::spawn(&person.command("list --keyslot piv"))
}

#[test]
fn the_touch_is_asked_for_before_it_is_waited_for() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &policies(2, 2)) else { return };
    card.finger("away");
    let mut terminal = list(&person);
    terminal.expect("PIN of token 'YubiKey 12345678 (ada)' (3 tries left): ");
    terminal.send("123456\r");
    terminal.expect("Touch YubiKey 12345678 (ada) to unlock 'personal'");
    card.wait_for_light();
    card.touch();
    assert!(terminal.wait_exit().success());
}

#[test]
fn wrong_twice_and_then_right() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    let mut terminal = list(&person);
    terminal.expect("(3 tries left): ");
    terminal.send("12345\r");
    terminal.expect("too short; it was not sent");
    terminal.expect("(3 tries left): ");
    terminal.send("654321\r");
    terminal.expect("That is not the PIN of token 'YubiKey 12345678 (ada)'; 2 tries are left.");
    terminal.expect("(2 tries left): ");
    terminal.send("123456\r");
    assert!(terminal.wait_exit().success());
    assert_eq!(card.tell("tries 3 3"), "");
}

#[test]
fn a_wrong_pin_is_not_sent_twice() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    let mut terminal = list(&person);
    terminal.expect("(3 tries left): ");
    terminal.send("654321\r");
    terminal.expect("(2 tries left): ");
    card.clear_log();
    terminal.send("654321\r");
    terminal.expect("that cannot be the PIN");
    assert_eq!(card.apdus(), 0);
    terminal.expect("(2 tries left): ");
    terminal.send("\u{3}");
    assert!(!terminal.wait_exit().success());
}

#[test]
fn nor_is_one_that_was_wrong_two_pins_ago() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    let mut terminal = Pty::spawn(&person.command("list --keyslot piv --force-pin"));
    for (prompt, pin) in [("(3 tries left): ", "654321\r"), ("(2 tries left): ", "111111\r")] {
        terminal.expect(prompt);
        terminal.send(pin);
    }
    terminal.expect("(last try before the token locks): ");
    card.clear_log();
    terminal.send("654321\r");
    terminal.expect("that cannot be the PIN");
    assert_eq!(card.apdus(), 0);
    assert!(!terminal.wait_exit().success());
}

#[test]
fn ctrl_c_ends_the_wait_for_a_touch_and_leaves_no_pin_behind() {
    // Longer than it takes to stop.
    let options = CardOptions::default().touch_timeout(6000);
    let Some((person, card)) = Person::with_vault(options, &policies(2, 2)) else { return };
    card.finger("away");
    let mut terminal = list(&person);
    terminal.expect("(3 tries left): ");
    terminal.send("123456\r");
    terminal.expect("Touch YubiKey");
    card.wait_for_light();
    terminal.send("\u{3}");
    assert!(!terminal.wait_exit().success());
    card.tell("wait dark 20000");
    assert!(!card.pin_is_verified());
}

#[test]
fn a_token_is_waited_for_and_opens_when_it_comes() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    card.remove();
    let mut terminal = list(&person);
    terminal.expect("Insert YubiKey 12345678 (ada) to unlock 'personal'; Ctrl-C stops");
    card.insert();
    terminal.expect("(3 tries left): ");
    terminal.send("123456\r");
    assert!(terminal.wait_exit().success());
}

#[test]
fn what_a_touched_yubikey_types_is_swallowed() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &policies(1, 2)) else { return };
    card.finger("away");
    let mut terminal = list(&person);
    terminal.expect("Touch YubiKey");
    card.wait_for_light();
    terminal.send("cccccccbcjdifctrndncchkftchjlnbhvhtugdljibej\r");
    card.touch();
    assert!(terminal.wait_exit().success());
    let seen = terminal.transcript();
    assert!(!seen.contains("cccccccbcj"), "{seen}");
}

#[test]
fn a_command_that_is_stopped_later_leaves_no_pin_behind_either() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    for signal in ["\u{3}", "kill"] {
        let mut terminal = Pty::spawn(&person.command("keyslot enroll --factor password --keyslot piv --force"));
        terminal.expect("(3 tries left): ");
        terminal.send("123456\r");
        terminal.expect("New password");
        if signal == "kill" {
            terminal.signal(rustix::process::Signal::KILL);
        } else {
            terminal.send(signal);
        }
        assert!(!terminal.wait_exit().success());
        assert!(!card.pin_is_verified(), "{signal:?}");
    }
}

/// What it has seen of the new YubiKey is of before the person did what they were told.
#[test]
fn recover_sees_a_key_that_was_made_meanwhile() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    card.remove();
    let spare = person.place.card(CardOptions::default().serial(SPARE));
    let mut terminal = Pty::spawn(&person.command("recover --recovery-file code"));
    terminal.expect("Do you still have the YubiKey 12345678 (ada)? [Y/n] ");
    terminal.send("n\r");
    terminal.expect("Do you have the recovery code of keyslot 'recovery'? [Y/n] ");
    terminal.send("y\r");
    for _ in 0..2 {
        terminal.expect("Is a token here, set up, ");
        terminal.send("y\r");
        terminal.expect("the YubiKey 87654321 has no key that could open a vault");
    }
    terminal.expect("Is a token here, set up, ");
    make_key(&spare, "82", P256, &once());
    terminal.send("y\r");
    terminal.expect("A name for YubiKey 87654321, to know it by");
    terminal.send("\u{3}");
    assert!(!terminal.wait_exit().success());
}

#[test]
fn a_wrong_token_is_named_while_the_right_one_is_waited_for() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    card.remove();
    let _spare = person.place.card(CardOptions::default().serial(SPARE));
    let mut terminal = list(&person);
    terminal.expect("the YubiKey 12345678 (ada) is not here; what is here: YubiKey 87654321");
    terminal.expect("Insert YubiKey 12345678 (ada) to unlock 'personal'");
    terminal.send("\u{3}");
    assert!(!terminal.wait_exit().success());
}
