//! What is said of PIN and PUK is true, wherever the token is pulled out and whatever another program does meanwhile.

use crate::card_lab::piv;
use crate::keys::person;
use crate::lab::{Person, times};
use crate::pty::Pty;
use hsm_test::piv::{CardOptions, Leave, VirtualYubikey};

const NEW: &str = "735502";
/// APDUs behind a change at which the token is pulled out, too.
const BEHIND: usize = 6;

/// Whether the card takes this PIN. A wrong one costs a try.
fn takes(card: &VirtualYubikey, pin: &str) -> bool {
    let mut program = piv(card);
    let taken = program.ask(&format!("0020008008{}", padded(pin))) == "9000";
    program.leave(Leave::Reset);
    taken
}

fn change(card: &VirtualYubikey, from: &str, to: &str) {
    let mut program = piv(card);
    assert_eq!(program.ask(&format!("0024008010{}{}", padded(from), padded(to))), "9000");
    program.leave(Leave::Reset);
}

/// In hexadecimal, eight bytes.
fn padded(pin: &str) -> String {
    format!("{:f<16}", hex::encode(pin))
}

/// Runs a command that sets the PIN, with the token pulled out at each APDU in turn, until it comes to its end or has changed the PIN
/// `BEHIND` times.
fn pulled_everywhere(command: &str) {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    person.write("new-pin", NEW);
    person.write("puk", "12345678");
    let (mut times_set, mut at) = (0, 1);
    while times_set < BEHIND {
        card.clear_log();
        card.fault(&format!("at={at} pull-before"));
        let ran = person.with_pin(command);
        if card.tell("faults") != "0" {
            card.tell("clear-faults");
            break;
        }
        card.insert();
        let changed = takes(&card, NEW);
        let unsure = ran.stderr.contains("it has the old one or the new one");
        let told = ran.stderr.contains("changed the PIN") || ran.stderr.contains("is set anew");
        assert!(unsure || told == changed, "APDU {at}, changed: {changed}\n{}", ran.stderr);
        assert!(!ran.stderr.contains("nothing was changed"), "{}", ran.stderr);
        if changed {
            times_set += 1;
            change(&card, NEW, "123456");
        } else {
            assert!(takes(&card, "123456"), "which counts the tries from the start, too");
        }
        at += 1;
    }
    assert!(times_set > 0 && at > 5, "{times_set} of {at}");
}

#[test]
fn a_pin_that_was_changed_is_said_to_be_changed() {
    pulled_everywhere("token setup piv --new-pin-file new-pin --name ada");
}

#[test]
fn a_pin_that_was_set_anew_is_said_to_be() {
    pulled_everywhere("token unblock --force --puk-file puk --new-pin-file new-pin");
}

#[test]
fn the_factory_s_pin_is_sent_only_while_the_token_says_that_it_is_that_one() {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    let mut terminal = Pty::spawn(&person.command("token setup piv"));
    for (prompt, answer) in [
        ("Change it now? [Y/n] ", "y\r"),
        ("New PIN for token", "735502\r"),
        ("The same PIN again: ", "735502\r"),
        ("Change it now? [Y/n] ", "y\r"),
        ("New PUK for token", "99887766\r"),
    ] {
        terminal.expect(prompt);
        terminal.send(answer);
    }
    terminal.expect("The same PUK again: ");
    change(&card, "123456", "735501");
    card.clear_log();
    terminal.send("99887766\r");
    terminal.expect("another program has changed the PIN");
    assert!(!terminal.wait_exit().success());
    assert_eq!((times(&card, 0x24), times(&card, 0x20)), (0, 0));
}

#[test]
fn a_blocked_pin_is_told_before_anything_is_typed() {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    card.tries(0, 3);
    let mut terminal = Pty::spawn(&Person::command(&person, "token setup piv"));
    terminal.expect("is blocked after");
    assert!(!terminal.wait_exit().success());
    assert!(!terminal.transcript().contains("Change it now?"), "{}", terminal.transcript());
}
