//! A card that answers what it likes: every answer of an unlock short, long, wrong, empty, refused. An error each, never a panic, never
//! a PIN sent where the key was not proven first, and no second try.

use crate::lab::{P384, Person, X25519, make_key, once};
use hsm_test::piv::CardOptions;

const FAULTS: [&str; 15] = [
    "short=0",
    "short=1",
    "short=2",
    "short=5",
    "long=1",
    "long=200",
    "replace=",
    "replace=00",
    "replace=9000",
    "replace=01009000",
    "replace=ffffffffffff9000",
    "wrong",
    "value-shorter=1",
    "value-longer=1",
    "value-zero",
];
const WORDS: [&str; 6] = ["sw=6982", "sw=6a80", "sw=6a82", "sw=6d00", "sw=6f00", "sw-after=6f00"];

#[test]
fn every_answer_may_be_anything() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    person.opens();
    let count = card.apdus();
    for at in 1..=count {
        for fault in FAULTS.into_iter().chain(WORDS) {
            card.tell("clear-faults");
            card.tries(3, 3);
            card.clear_log();
            card.fault(&format!("at={at} {fault}"));
            let ran = person.opens();
            let context = format!("at {at}, {fault}: {:?} {}", ran.code, ran.stderr);
            assert!(ran.code.is_some_and(|code| code != 255) && !ran.stderr.contains("bug"), "{context}");
            if ran.code != Some(0) {
                assert!(ran.stderr.starts_with("twinlock: error: "), "{context}");
            }
            // VERIFY with a PIN comes after an empty one; at most one, or one more after a new connection.
            let log = card.log();
            let key = log.iter().position(|&ins| ins == 0xf7);
            let pin = log.iter().position(|&ins| ins == 0x20);
            assert!(pin.is_none() || key < pin, "{context} {log:02x?}");
            card.tell("clear-faults");
            // The right PIN was sent each time it was sent, so that no try may be lost.
            assert_eq!(person.opens().code, Some(0), "{context}: and afterwards all is well");
        }
    }
}

#[test]
fn a_shared_secret_is_checked_on_every_curve() {
    for (algorithm, firmware) in [(P384, "5.4"), (X25519, "5.7")] {
        let Some(person) = Person::new() else { return };
        let card = person.place.card(CardOptions::default().firmware(firmware));
        make_key(&card, "82", algorithm, &once());
        person.ok("init --factor piv --no-recovery");
        for (fault, says) in [
            ("value-zero", "the shared secret is zero"),
            ("value-shorter=1", "wrong length"),
            ("value-longer=1", "wrong length"),
            ("wrong", "is not the one that was enrolled"),
        ] {
            card.fault(&format!("ins=87 at=1 {fault}"));
            let ran = person.opens();
            assert!(ran.code != Some(0) && ran.stderr.contains(says), "{fault}: {}", ran.stderr);
        }
    }
}

#[test]
fn a_public_key_off_its_curve_is_not_enrolled() {
    let Some((person, card)) = Person::with_card(CardOptions::default(), &once()) else { return };
    for fault in ["wrong", "value-shorter=1", "value-zero", "short=40", "replace=0100"] {
        card.tell("clear-faults");
        card.clear_log();
        card.fault(&format!("ins=f7 every {fault}"));
        let ran = person.with_pin("init --factor piv:12345678/82 --no-recovery");
        assert!(ran.code.is_some_and(|code| code != 0 && code != 255), "{fault}: {:?} {}", ran.code, ran.stderr);
        assert!(!person.path("v").exists(), "{fault}");
        assert!(!card.log().contains(&0x87), "{fault}: nothing was asked of that key");
    }
}

#[test]
fn what_does_not_come_back_is_not_enrolled() {
    let Some((person, card)) = Person::with_card(CardOptions::default(), &once()) else { return };
    card.fault("ins=87 at=1 wrong");
    let ran = person.with_pin("init --factor piv --no-recovery");
    assert!(ran.stderr.contains("does not give back"), "{}", ran.stderr);
    assert!(!person.path("v").exists());
}
