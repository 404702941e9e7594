//! The card's own memory of a PIN, where the person wants it to keep it: `[piv] leave-card`.

use crate::lab::{Person, once, policies, times};
use hsm_test::piv::{CardOptions, VirtualYubikey};

const VERIFY: u8 = 0x20;

/// A YubiKey 5, which remembers its PIN when PIV is selected again.
fn enrolled(keeps: &str, policies: &str, leave: bool) -> Option<(Person, VirtualYubikey)> {
    let (person, card) = Person::with_vault(CardOptions::default().set("keeps-pin", keeps), policies)?;
    if leave {
        std::fs::create_dir_all(person.path("twinlock")).expect("a temporary folder");
        person.write("twinlock/config.toml", "[piv]\nleave-card = true\n");
    }
    Some((person, card))
}

#[test]
fn a_pin_that_the_card_still_knows_is_not_asked_for() {
    let Some((person, card)) = enrolled("yes", &once(), true) else { return };
    assert_eq!(person.opens().code, Some(0));
    card.clear_log();
    let ran = person.run("list --keyslot piv");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "no PIN was given");
    assert_eq!(times(&card, VERIFY), 1, "a look whether it is verified, and no more");
    assert_eq!(person.run("list --keyslot piv").code, Some(0), "and it stays so");
    // Pulled out it has forgotten.
    card.remove();
    card.insert();
    let ran = person.run("list --keyslot piv");
    assert!(ran.code == Some(3) && ran.stderr.contains("nobody is there to type the PIN"), "{}", ran.stderr);
}

#[test]
fn without_that_wish_it_is_asked_for() {
    let Some((person, card)) = enrolled("yes", &once(), false) else { return };
    let mut other = crate::card_lab::piv(&card);
    assert_eq!(other.ask(crate::card_lab::PIN), "9000");
    let ran = person.run("list --keyslot piv");
    assert!(ran.code == Some(3) && ran.stderr.contains("nobody is there to type the PIN"), "{}", ran.stderr);
}

#[test]
fn a_key_that_wants_it_each_time_gets_it_each_time() {
    let Some((person, _card)) = enrolled("yes", &policies(3, 1), true) else { return };
    assert_eq!(person.opens().code, Some(0));
    let ran = person.run("list --keyslot piv");
    assert!(ran.code == Some(3) && ran.stderr.contains("nobody is there to type the PIN"), "{}", ran.stderr);
    assert_eq!(person.opens().code, Some(0));
}

#[test]
fn a_card_that_forgets_when_it_is_selected_is_asked_for_its_pin() {
    let Some((person, _card)) = enrolled("no", &once(), true) else { return };
    assert_eq!(person.opens().code, Some(0));
    assert_eq!(person.opens().code, Some(0));
    assert!(person.run("list --keyslot piv").stderr.contains("nobody is there to type the PIN"));
}

#[test]
fn one_that_is_forgotten_between_look_and_use_is_asked_for_after_all() {
    let Some((person, card)) = enrolled("yes", &once(), true) else { return };
    assert_eq!(person.opens().code, Some(0));
    card.fault("ins=87 at=1 forget");
    assert_eq!(person.opens().code, Some(0), "it was given");
    card.fault("ins=87 at=1 forget");
    let ran = person.run("list --keyslot piv");
    assert!(ran.code == Some(3) && ran.stderr.contains("nobody is there to type the PIN"), "{}", ran.stderr);
}
