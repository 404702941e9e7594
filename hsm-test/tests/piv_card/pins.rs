//! PIN and PUK: tries, blocked and opened again, changed, forgotten; the way back to the factory.

use crate::lab::{PIN, SELECT, TRIES, card, manage, piv};
use hsm_test::piv::{CardOptions, PcscPlace};

const WRONG_PIN: &str = "0020008008393939393939ffff";
/// CHANGE REFERENCE DATA from 123456 to 654321.
const CHANGE_PIN: &str = "0024008010313233343536ffff363534333231ffff";
/// VERIFY with 654321.
const NEW_PIN: &str = "0020008008363534333231ffff";
/// RESET RETRY COUNTER: PUK 12345678, new PIN 654321.
const UNBLOCK: &str = "002c0080103132333435363738363534333231ffff";
/// The same with a wrong PUK.
const WRONG_PUK: &str = "002c0080103939393939393939363534333231ffff";
const RESET: &str = "00fb0000";

#[test]
fn a_wrong_pin_costs_a_try_and_a_right_one_gives_all_back() {
    let Some((_place, card)) = card(CardOptions::default()) else { return };
    let mut program = piv(&card);
    for (apdu, answer) in [
        (TRIES, "63c3"),
        (WRONG_PIN, "63c2"),
        (TRIES, "63c2"),
        (PIN, "9000"),
        (TRIES, "9000"),
        (WRONG_PIN, "63c2"),
        (TRIES, "63c2"),
        (PIN, "9000"),
        // Not eight bytes: no try is spent.
        ("0020008006313233343536", "6a80"),
        (TRIES, "63c3"),
        (WRONG_PIN, "63c2"),
        (WRONG_PIN, "63c1"),
        (WRONG_PIN, "63c0"),
        (TRIES, "6983"),
        (PIN, "6983"),
        (CHANGE_PIN, "6983"),
    ] {
        assert_eq!(program.ask(apdu), answer, "{apdu}");
    }
}

#[test]
fn a_blocked_pin_is_opened_with_the_puk() {
    let Some((_place, card)) = card(CardOptions::default()) else { return };
    card.tries(0, 3);
    let mut program = piv(&card);
    for (apdu, answer) in [
        (PIN, "6983"),
        (WRONG_PUK, "63c2"),
        (UNBLOCK, "9000"),
        (TRIES, "63c3"),
        (PIN, "63c2"),
        (NEW_PIN, "9000"),
        (WRONG_PUK, "63c2"),
        (WRONG_PUK, "63c1"),
        (WRONG_PUK, "63c0"),
        (UNBLOCK, "6983"),
    ] {
        assert_eq!(program.ask(apdu), answer, "{apdu}");
    }
}

#[test]
fn pin_and_puk_are_changed_and_metadata_tells() {
    let Some((_place, card)) = card(CardOptions::default()) else { return };
    let mut program = piv(&card);
    // Algorithm ff, the factory's value, 3 of 3 tries.
    assert_eq!(program.ask("00f70080"), "0101ff050101060203039000");
    assert_eq!(program.ask("00f70081"), "0101ff050101060203039000");
    assert_eq!(program.ask(CHANGE_PIN), "9000");
    assert_eq!(program.ask("002400811031323334353637383837363534333231"), "9000");
    assert_eq!((program.ask(PIN), program.ask(NEW_PIN)), ("63c2".into(), "9000".into()));
    assert_eq!(program.ask(WRONG_PUK), "63c2");
    assert_eq!(program.ask("00f70080"), "0101ff050100060203039000");
    assert_eq!(program.ask("00f70081"), "0101ff050100060203029000");
    // Five characters are no PIN.
    assert_eq!(program.ask("0024008010363534333231ffff3132333435ffffff"), "6a80");
}

#[test]
fn select_power_and_a_wrong_pin_forget_that_the_pin_was_right() {
    let Some((_place, card)) = card(CardOptions::default()) else { return };
    let mut program = piv(&card);
    let forgotten = |program: &mut hsm_test::piv::OtherProgram, by: &str| {
        assert_eq!(program.ask(PIN), "9000");
        program.ask(by);
        program.ask(TRIES)
    };
    assert_eq!(forgotten(&mut program, SELECT), "63c3");
    assert_eq!(forgotten(&mut program, "002000ff"), "9000", "that is no PIN");
    assert_eq!(forgotten(&mut program, "0020ff80"), "63c3", "P1 ff logs out");
    assert_eq!(program.ask(PIN), "9000");
    card.remove();
    card.insert();
    assert_eq!(piv(&card).ask(TRIES), "63c3");
}

#[test]
fn the_number_of_tries_is_set_by_who_manages_the_card() {
    let Some((_place, card)) = card(CardOptions::default()) else { return };
    let mut program = piv(&card);
    assert_eq!(program.ask("00fa0508"), "6982");
    manage(&mut program);
    assert_eq!(program.ask("00fa0508"), "6982");
    assert_eq!((program.ask(CHANGE_PIN), program.ask(NEW_PIN)), ("9000".into(), "9000".into()));
    assert_eq!(program.ask("00fa0508"), "9000");
    assert_eq!(program.ask("00f70080"), "0101ff050101060205059000");
    assert_eq!(program.ask("00f70081"), "0101ff050101060208089000");
}

#[test]
fn only_a_card_with_both_blocked_goes_back_to_the_factory() {
    let Some((_place, card)) = card(CardOptions::default()) else { return };
    let mut program = piv(&card);
    manage(&mut program);
    assert!(program.ask("0047009d05ac03800111").starts_with("7f4943"));
    assert_eq!(program.ask("00db3fff0a5c035fc10553037001aa"), "9000");
    for (pin, puk) in [(3, 3), (0, 1), (1, 0)] {
        card.tries(pin, puk);
        assert_eq!(program.ask(RESET), "6985");
    }
    card.tries(0, 0);
    assert!(program.ask("00f7009d").ends_with("9000"));
    assert_eq!(program.ask(RESET), "9000");
    assert_eq!((program.ask("00f7009d"), program.ask("00cb3fff055c035fc105")), ("6a88".into(), "6a82".into()));
    assert_eq!((program.ask(TRIES), program.ask(PIN)), ("63c3".into(), "9000".into()));
    assert_eq!(program.ask("00f80000"), format!("{:08x}9000", card.serial()));
}

#[test]
fn a_card_with_a_file_remembers_and_one_without_does_not() {
    let Some(place) = PcscPlace::start() else { return };
    let file = place.folder().join("memory");
    for (options, after) in [(CardOptions::default().file(&file), "63c2"), (CardOptions::default(), "63c3")] {
        let card = place.card(options.clone());
        let serial = card.serial();
        let mut program = piv(&card);
        assert_eq!(program.ask(WRONG_PIN), "63c2");
        manage(&mut program);
        let key = program.ask("0047009d05ac03800111");
        drop(program);
        let free = card.end();
        let card = place.card_again(free, options);
        let mut program = piv(&card);
        assert_eq!(program.ask(TRIES), after);
        let kept = program.ask("00f7009d");
        assert_eq!(after == "63c2", kept.contains(&key[6..key.len() - 4]), "{kept}");
        assert_eq!(after == "63c2", card.serial() == serial);
    }
}
