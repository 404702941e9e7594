//! `token test` tells how long the touch took: from the request to the answer, and nothing of what comes before or after.

use crate::lab::{Person, once, policies};
use hsm_test::piv::CardOptions;

/// The seconds it tells.
fn seconds(person: &Person) -> (f64, String) {
    let ran = person.with_pin("token test piv");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let after = ran.stderr.split_once("it gave the secret back after ").unwrap_or_else(|| panic!("{}", ran.stderr)).1;
    let number = after.split_once(" s").expect("seconds").0;
    (number.parse().expect("a number"), ran.stderr.clone())
}

#[test]
fn the_time_is_that_of_the_touch() {
    let Some((person, card)) = Person::with_card(CardOptions::default(), &policies(2, 2)) else { return };
    card.finger("1000");
    // The card forgets the PIN on the way, and takes its time over checking it again: no part of the touch.
    card.fault("ins=87 at=1 forget");
    card.fault("ins=20 at=4 slow=2500");
    let (took, said) = seconds(&person);
    assert!((1.0..2.5).contains(&took), "{said}");
    assert!(said.contains(" s from the request for the touch"), "{said}");
}

#[test]
fn without_a_touch_it_is_that_of_the_card() {
    let Some((person, card)) = Person::with_card(CardOptions::default(), &once()) else { return };
    card.fault("ins=87 at=1 slow=1000");
    let (took, said) = seconds(&person);
    assert!((1.0..2.5).contains(&took) && !said.contains("the touch"), "{said}");
}
