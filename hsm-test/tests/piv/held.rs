//! A card in another reader that another program has for itself is no reason to stop waiting for the right one.

use crate::lab::{Person, SPARE, once};
use crate::pty::Pty;
use hsm_test::piv::{CardOptions, Share};

#[test]
fn the_right_token_is_waited_for_beside_a_card_that_is_held() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    let other = person.place.card(CardOptions::default().serial(SPARE).mode("other"));
    card.remove();
    let held = other.other_program(Share::Exclusive).expect("the card is free");
    let mut terminal = Pty::spawn(&person.command("list --keyslot piv"));
    terminal.expect("another program");
    terminal.expect("Insert YubiKey 12345678 (ada) to unlock 'personal'; Ctrl-C stops");
    card.insert();
    terminal.expect("(3 tries left): ");
    terminal.send("123456\r");
    assert!(terminal.wait_exit().success());
    drop(held);
    // Where nobody could bring it, the one who holds it is all that can be said.
    card.remove();
    let held = other.other_program(Share::Exclusive).expect("the card is free");
    let ran = person.opens();
    assert_eq!(ran.code, Some(7), "{}", ran.stderr);
    assert!(ran.stderr.contains("another program"), "{}", ran.stderr);
    drop(held);
}

#[test]
fn a_held_card_that_is_the_token_opens_when_it_is_let_go() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    let held = card.other_program(Share::Exclusive).expect("the card is free");
    let mut terminal = Pty::spawn(&person.command("list --keyslot piv"));
    terminal.expect("another program");
    terminal.expect("Insert YubiKey 12345678 (ada) to unlock 'personal'; Ctrl-C stops");
    drop(held);
    terminal.expect("(3 tries left): ");
    terminal.send("123456\r");
    assert!(terminal.wait_exit().success());
}

#[test]
fn a_held_card_is_told_once_with_what_helps() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    for name in ["b", "c"] {
        person.ok(&format!("keyslot enroll --name {name} --factor piv:ada --force --recovery-file code"));
    }
    let held = card.other_program(Share::Exclusive).expect("the card is free");
    let mut terminal = Pty::spawn(&person.command("list"));
    terminal.expect("held by another");
    terminal.expect("twinlock: hint: ");
    terminal.expect("Recovery code for vault 'personal', or insert a token: ");
    terminal.send("\r");
    terminal.expect("Insert YubiKey 12345678 (ada) to unlock 'personal'; Ctrl-C stops");
    let seen = terminal.transcript();
    assert_eq!(seen.matches("held by another").count(), 1, "{seen}");
    assert_eq!(seen.matches("gpgconf").count(), 1, "{seen}");
    drop(held);
    terminal.expect("(3 tries left): ");
    terminal.send("123456\r");
    assert!(terminal.wait_exit().success());
}

#[test]
fn ctrl_c_stops_waiting_beside_a_held_card() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    let held = card.other_program(Share::Exclusive).expect("the card is free");
    let mut terminal = Pty::spawn(&person.command("list --keyslot piv"));
    terminal.expect("Ctrl-C stops");
    terminal.send("\u{3}");
    assert!(!terminal.wait_exit().success());
    drop(held);
}
