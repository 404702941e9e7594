//! Other programs at the same card: they reset it, hold it, keep it; nothing is killed, no session of theirs is ended by a look.

use crate::card_lab::{PIN, SELECT};
use crate::lab::{Person, once, policies, times};
use hsm_test::piv::{CardOptions, Leave, Share};

#[test]
fn a_reset_in_between_costs_one_new_connection() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    person.opens();
    let count = card.apdus();
    for at in 1..=count {
        card.fault(&format!("at={at} forget"));
        card.clear_log();
        let ran = person.opens();
        assert_eq!(ran.code, Some(0), "{at}: {}", ran.stderr);
        card.tell("clear-faults");
        let sent = times(&card, 0x20);
        assert!(sent <= 5, "{at}: {:02x?}", card.log());
    }
}

#[test]
fn what_wants_its_pin_each_time_gets_the_typed_one_again() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &policies(3, 1)) else { return };
    card.fault("ins=87 at=1 forget");
    card.fault("ins=87 at=1 sw=6982");
    let ran = person.opens();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[test]
fn a_look_ends_no_session_of_others() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    let resets = card.tell("resets");
    person.run("keyslot list");
    assert_eq!(card.apdus(), 0, "a list needs no card");
    person.run("doctor");
    assert_eq!(card.tell("resets"), resets, "looked at and left alone");
    person.opens();
    assert_ne!(card.tell("resets"), resets, "after a PIN it is reset");
}

#[test]
fn a_short_transaction_of_others_is_waited_for() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    let mut other = card.other_program(Share::Shared).expect("the card is free");
    assert!(other.ask(SELECT).ends_with("9000"));
    assert_eq!(other.ask(PIN), "9000");
    other.begin().expect("a transaction");
    let waiting =
        person.command("list --no-input --keyslot piv --pin-file pin").stderr(std::process::Stdio::piped()).spawn();
    let waiting = waiting.expect("the program can be run");
    std::thread::sleep(std::time::Duration::from_millis(1500));
    other.end();
    other.leave(Leave::AsItIs);
    let output = waiting.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("another program may be using it"), "{said}");
}
