//! Faults on demand: each does what it says, once, to the command that it names.

use crate::lab::{PIN, TRIES, card, manage, piv};
use hsm_test::piv::CardOptions;

/// SCARD_E_NOT_TRANSACTED.
const NOT_TRANSACTED: u32 = 0x8010_0016;
/// SCARD_W_REMOVED_CARD.
const REMOVED: u32 = 0x8010_0069;
const VERSION: &str = "00fd0000";

#[test]
fn the_named_command_fails_and_the_next_does_not() {
    let Some((_place, card)) = card(CardOptions::default()) else { return };
    let mut program = piv(&card);
    for (fault, answer) in [
        ("sw=6f00", "6f00"),
        ("sw-after=6982", "6982"),
        ("short=1", "059000"),
        ("short=0", "9000"),
        ("long=2", "050403a5a59000"),
        ("wrong", "0504029000"),
        ("replace=ffff", "ffff9000"),
        ("replace=", "9000"),
        ("more", "05040361ff"),
    ] {
        card.fault(fault);
        assert_eq!((program.ask(VERSION).as_str(), program.ask(VERSION).as_str()), (answer, "0504039000"), "{fault}");
    }
    card.fault("at=3 sw=6f00");
    card.fault("ins=f8 at=2 sw=6f01");
    let answers = [VERSION, "00f80000", VERSION, "00f80000", VERSION].map(|apdu| program.ask(apdu));
    let ends: Vec<&str> = answers.iter().map(|answer| &answer[answer.len() - 4..]).collect();
    assert_eq!(ends, ["9000", "9000", "6f00", "6f01", "9000"]);
    assert_eq!(card.tell("faults"), "0");
    card.fault("ins=fd every sw=6f00");
    assert_eq!([VERSION, VERSION].map(|apdu| program.ask(apdu)), ["6f00", "6f00"]);
    card.tell("clear-faults");
    assert_eq!(program.ask(VERSION), "0504039000");
    for nonsense in ["", "pull", "at=0 wrong", "ins=zz wrong", "short=x", "sw=12345", "replace=0"] {
        assert!(card.try_tell(&format!("fault {nonsense}")).is_err(), "{nonsense}");
    }
}

#[test]
fn an_answer_can_be_as_long_as_a_command_can_take_or_never_end() {
    let Some((_place, card)) = card(CardOptions::default()) else { return };
    let mut program = piv(&card);
    card.fault("long=60000");
    assert_eq!(program.ask(VERSION).len(), 2 * (3 + 60000 + 2));
    card.fault("ins=fd more");
    card.fault("ins=c0 every more");
    assert_eq!(program.ask(VERSION), "05040361ff");
    for _ in 0..300 {
        assert_eq!(program.ask("00c0000000"), "a5".repeat(255) + "61ff");
    }
}

#[test]
fn values_are_spoilt_inside_tags_that_are_right() {
    let Some((_place, card)) = card(CardOptions::default()) else { return };
    let mut program = piv(&card);
    manage(&mut program);
    let made = program.ask("0047009d08ac06800111aa0101");
    let point = &made[10..made.len() - 4];
    let agree = format!("0087119d477c4582008541{point}");
    let right = program.ask(&agree);
    let z = &right[8..72];
    assert_eq!(right, format!("7c228220{z}9000"));
    card.fault("ins=87 value-shorter=1");
    assert_eq!(program.ask(&agree), format!("7c21821f{}9000", &z[..62]));
    card.fault("ins=87 value-longer=1");
    assert_eq!(program.ask(&agree), format!("7c238221{z}a59000"));
    card.fault("ins=87 value-zero");
    assert_eq!(program.ask(&agree), format!("7c228220{}9000", "0".repeat(64)));
    card.fault("ins=87 wrong");
    let wrong = program.ask(&agree);
    assert_eq!((wrong.len(), wrong == right), (right.len(), false));

    // A point whose last byte is another is not on the curve.
    card.fault("ins=47 off-curve");
    let made = program.ask("0047009d08ac06800111aa0101");
    let point = hex::decode(&made[10..made.len() - 4]).unwrap();
    assert!((point.len(), p256::PublicKey::from_sec1_bytes(&point).is_err()) == (65, true));
    card.fault("ins=f7 value-shorter=1");
    assert!(program.ask("00f7009d").ends_with("9000"));
}

#[test]
fn a_card_pulled_before_a_command_did_not_do_it_and_after_it_did() {
    let Some((_place, card)) = card(CardOptions::default()) else { return };
    let wrong = hex::decode("0020008008393939393939ffff").unwrap();
    for (fault, left) in [("pull-before", "63c3"), ("pull-after", "63c2")] {
        let mut program = piv(&card);
        card.fault(&format!("ins=20 {fault}"));
        // First an empty answer, then that nothing can be transacted, then, when pcscd looked, that the card is gone.
        assert_eq!((program.send(&wrong), program.send(&wrong)), (Ok(Vec::new()), Err(NOT_TRANSACTED)), "{fault}");
        card.seen(false);
        assert_eq!(program.send(&wrong), Err(REMOVED));
        drop(program);
        card.insert();
        assert_eq!(piv(&card).ask(TRIES), left, "{fault}");
    }
}

#[test]
fn every_command_is_counted_and_its_data_are_not_kept() {
    let Some((_place, card)) = card(CardOptions::default()) else { return };
    let mut program = piv(&card);
    card.clear_log();
    for apdu in [TRIES, PIN, VERSION] {
        program.ask(apdu);
    }
    assert_eq!((card.apdus(), card.log()), (3, vec![0x20, 0x20, 0xfd]));
    card.fault("forget");
    // The fault's own command still finds no application selected.
    assert_eq!(program.ask(TRIES), "6d00");
}
