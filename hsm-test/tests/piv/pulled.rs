//! Pulled inside APDU n, for every n of unlock and enroll: afterwards the vault is as before or as after, the PIN was not judged twice, and
//! the same command works once the card is back.

use crate::lab::{Person, once};
use hsm_test::piv::CardOptions;

#[test]
fn an_unlock_is_cut_at_every_apdu() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    person.opens();
    let count = card.apdus();
    assert_eq!(count, 7);
    for at in 1..=count {
        for when in ["pull-before", "pull-after"] {
            card.fault(&format!("at={at} {when}"));
            let ran = person.opens();
            assert!(matches!(ran.code, Some(3 | 7)), "{when} {at}: {:?} {}", ran.code, ran.stderr);
            let says = ["was pulled out", "is not here"].iter().any(|says| ran.stderr.contains(says));
            assert!(says, "{when} {at}: {}", ran.stderr);
            card.seen(false);
            card.tell("clear-faults");
            card.insert();
            assert_eq!(person.opens().code, Some(0), "{when} {at}: it works again");
        }
    }
}

#[test]
fn an_enrolment_is_cut_at_every_apdu() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    let enroll = "keyslot enroll --name second --factor piv:12345678 --recovery-file code --force";
    card.clear_log();
    person.ok(enroll);
    let count = card.apdus();
    person.ok("keyslot wipe second --force --recovery-file code");
    for at in 1..=count {
        for when in ["pull-before", "pull-after"] {
            let before = person.ok("header show");
            card.fault(&format!("at={at} {when}"));
            let ran = person.with_pin(enroll);
            card.seen(false);
            card.tell("clear-faults");
            card.insert();
            if ran.code == Some(0) {
                // What comes behind the round trip changes nothing.
                assert!(at == count, "{when} {at}");
                assert_eq!(person.with_pin("list --keyslot second").code, Some(0), "as after");
                person.ok("keyslot wipe second --force --recovery-file code");
            } else {
                assert_eq!(person.ok("header show"), before, "{when} {at}: {}", ran.stderr);
            }
        }
    }
    person.ok(enroll);
    assert_eq!(person.opens().code, Some(0));
}
