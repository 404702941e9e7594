//! PIN and PUK: changed where they are the factory's, set anew where the PIN is blocked, never blocked by us.

use crate::keys::person;
use crate::lab::{Person, times};
use hsm_test::piv::{CardOptions, VirtualYubikey};

/// VERIFY, CHANGE REFERENCE, RESET RETRY.
const SENDS: [u8; 3] = [0x20, 0x24, 0x2c];

/// How often a secret was sent: VERIFY without one does not count, and is what every look begins with.
fn sent(card: &VirtualYubikey) -> usize {
    times(card, SENDS[1]) + times(card, SENDS[2])
}

#[test]
fn the_factory_s_are_warned_about_and_changed_by_files() {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    let said = person.ok("token setup piv");
    assert!(said.contains("still has the PIN that all YubiKeys come with"), "{said}");
    assert!(said.contains("still has the PUK that all YubiKeys come with"), "{said}");
    assert!(said.contains("PIN: 3 of 3 tries left (the one that all YubiKeys come with)\n  PUK: 3 of 3"), "{said}");
    assert_eq!(sent(&card), 0);

    person.write("new-pin", "735501");
    person.write("new-puk", "99887766");
    let ran = person.run("token setup piv --new-pin-file new-pin --new-puk-file new-puk");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let told = "changed the PIN; PIN: 3 of 3 tries left; PUK: 3 of 3 tries left (the one";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    assert!(ran.stderr.contains("changed the PUK; PIN: 3 of 3 tries left; PUK: 3 of 3 tries left\n"), "{}", ran.stderr);
    assert_eq!(sent(&card), 2);

    person.write("pin", "735501");
    let said = person.ok("token setup piv");
    assert!(!said.contains("still has the P"), "{said}");
    // What is not the factory's is changed with the old one only.
    person.write("new-pin", "735502");
    assert_eq!(person.run("token setup piv --new-pin-file new-pin").code, Some(1), "whose PIN?");
}

#[test]
fn a_new_one_without_its_form_is_not_sent() {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    for bad in ["12345", "123456789", "123456", "12345678", "cccccccbcjdifctrndncchkftchjlnbhvhtugdljibej"] {
        person.write("new", bad);
        for what in ["pin", "puk"] {
            let ran = person.with_pin(&format!("token setup piv --new-{what}-file new"));
            assert_eq!(ran.code, Some(3), "{bad}: {}", ran.stderr);
            let says = format!("that cannot be a new {}: it is", what.to_uppercase());
            assert!(ran.stderr.contains(&says) && ran.stderr.contains("it was not sent"), "{}", ran.stderr);
        }
    }
    assert_eq!((sent(&card), times(&card, 0x47)), (0, 0));
}

#[test]
fn old_firmware_does_not_tell_but_the_person_does() {
    let Some((person, card)) = person(CardOptions::default().firmware("5.2")) else { return };
    let said = person.ok("token setup piv");
    assert!(said.contains("its firmware does not tell whether the PUK is still the one"), "{said}");
    assert!(said.contains("still has the PIN that all YubiKeys come with"), "it was typed: {said}");
    person.write("new-pin", "735501");
    let said = person.ok("token setup piv --new-pin-file new-pin");
    assert!(said.contains("changed the PIN"), "{said}");
    assert_eq!(times(&card, 0x24), 1);
    person.write("pin", "735501");
    let said = person.ok("token setup piv");
    assert!(!said.contains("still has the PIN"), "{said}");
}

#[test]
fn a_wrong_pin_leaves_no_key_behind_and_the_last_try_is_kept() {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    person.write("pin", "654321");
    for (tries, code) in [("2 tries left", Some(3)), ("one try left", Some(3)), ("one PIN try left", Some(7))] {
        let ran = person.with_pin("token setup piv");
        assert_eq!(ran.code, code, "{}", ran.stderr);
        assert!(ran.stderr.contains(tries), "{}", ran.stderr);
    }
    assert_eq!(times(&card, 0x47), 0);
    assert!(person.run("token list").stdout.contains("ONE PIN TRY LEFT"));
}

/// A card whose PIN is blocked and whose PUK is a person's own.
fn blocked(firmware: &str) -> Option<(Person, VirtualYubikey)> {
    let (person, card) = person(CardOptions::default().firmware(firmware))?;
    let args = ["--reader", card.reader(), "piv", "access", "change-puk", "-p", "12345678", "-n", "99887766"];
    person.place.must("ykman", &args)?;
    card.tries(0, 3);
    person.write("puk", "99887766");
    person.write("new-pin", "735501");
    card.clear_log();
    Some((person, card))
}

const UNBLOCK: &str = "token unblock --puk-file puk --new-pin-file new-pin";

#[test]
fn a_blocked_pin_is_set_anew() {
    let Some((person, card)) = blocked("5.4") else { return };
    let ran = person.run(UNBLOCK);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("YubiKey 12345678: PIN: blocked"), "{}", ran.stderr);
    assert!(ran.stderr.contains("PUK: 3 of 3 tries left"), "{}", ran.stderr);
    let told = "the PIN of the YubiKey 12345678 is set anew: PIN: 3 of 3 tries left; PUK: 3 of 3 tries left";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    assert_eq!(sent(&card), 1);
    person.write("pin", "735501");
    person.ok("token setup piv");
    // Not blocked now: only on demand.
    let ran = person.run(UNBLOCK);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("is not blocked: 3 tries are left"), "{}", ran.stderr);
    person.write("new-pin", "735502");
    assert_eq!(person.run(&format!("{UNBLOCK} --force")).code, Some(0));
}

#[test]
fn the_puk_is_never_blocked_by_guesswork() {
    let Some((person, card)) = blocked("5.4") else { return };
    person.write("puk", "11223344");
    for tries in ["2 tries left", "one try left"] {
        let ran = person.run(UNBLOCK);
        assert_eq!(ran.code, Some(3), "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("wrong PUK for the YubiKey 12345678, {tries}")), "{}", ran.stderr);
    }
    assert_eq!(sent(&card), 2, "each was sent once");
    let ran = person.run(UNBLOCK);
    assert_eq!(ran.code, Some(7));
    assert!(ran.stderr.contains("has one PUK try left; nothing was sent"), "{}", ran.stderr);
    assert_eq!(sent(&card), 2);
    let ran = person.run(&format!("{UNBLOCK} --force-pin"));
    assert!(ran.stderr.contains("the PUK of the YubiKey 12345678 is blocked"), "{}", ran.stderr);
    let ran = person.run(&format!("{UNBLOCK} --force-pin"));
    assert!(ran.stderr.contains("ykman piv reset"), "{}", ran.stderr);
    assert!(person.run("token list").stdout.contains("PIN and PUK blocked"));
}

#[test]
fn firmware_that_does_not_tell_of_its_puk_needs_the_person_s_word() {
    let Some((person, card)) = blocked("4.3") else { return };
    let ran = person.run(UNBLOCK);
    assert_eq!(ran.code, Some(7), "{}", ran.stderr);
    assert!(ran.stderr.contains("does not tell how many PUK tries are left; nothing was sent"), "{}", ran.stderr);
    assert_eq!(sent(&card), 0);
    assert_eq!(person.run(&format!("{UNBLOCK} --force-pin")).code, Some(0));
}

#[test]
fn the_factory_s_puk_is_known() {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    card.tries(0, 1);
    person.write("new-pin", "735501");
    let ran = person.run("token unblock --new-pin-file new-pin");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("still has the PUK that all YubiKeys come with"), "{}", ran.stderr);
}

#[test]
fn a_connection_that_is_lost_leaves_one_of_two_pins_and_says_so() {
    for fault in ["pull-before", "pull-after"] {
        let Some((person, card)) = blocked("5.4") else { return };
        card.fault(&format!("ins=2c at=1 {fault}"));
        let ran = person.run(UNBLOCK);
        assert_eq!(ran.code, Some(7), "{}", ran.stderr);
        assert!(ran.stderr.contains("it has the old one or the new one"), "{}", ran.stderr);
        card.insert();
        let ran = person.run(UNBLOCK);
        let expected = if fault == "pull-before" { Some(0) } else { Some(1) };
        assert_eq!(ran.code, expected, "{}", ran.stderr);
        person.write("pin", "735501");
        person.ok("token setup piv");
    }
}
