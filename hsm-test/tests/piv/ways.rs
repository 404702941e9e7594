//! Several tokens, several ways in: which is used, and what is never asked for.

use crate::lab::{P256, Person, SPARE, make_key, once, times};
use hsm_test::piv::CardOptions;

/// A vault with two YubiKeys and a code; both cards are in.
fn two() -> Option<(Person, hsm_test::piv::VirtualYubikey, hsm_test::piv::VirtualYubikey)> {
    let (person, ada) = Person::with_vault(CardOptions::default(), &once())?;
    let spare = person.place.card(CardOptions::default().serial(SPARE));
    make_key(&spare, "82", P256, &once());
    let enroll = "keyslot enroll --name spare --factor piv:serial=87654321;name=spare --recovery-file code --force";
    person.ok(enroll);
    Some((person, ada, spare))
}

#[test]
fn whichever_is_here_opens() {
    let Some((person, ada, spare)) = two() else { return };
    for (away, back) in [(&ada, &spare), (&spare, &ada)] {
        away.remove();
        back.clear_log();
        let ran = person.with_pin("list");
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "nothing is said of the absent one");
        assert_eq!(times(back, 0x87), 1);
        away.insert();
    }
}

#[test]
fn of_two_the_one_that_fits_is_used() {
    let Some((person, ada, spare)) = two() else { return };
    person.ok("keyslot wipe piv --force --keyslot spare --token piv:87654321");
    ada.clear_log();
    spare.clear_log();
    let ran = person.with_pin("list --token piv:87654321");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(!ada.log().contains(&0x20), "no PIN is sent to the other: {:02x?}", ada.log());
    assert!(spare.log().contains(&0x87));
    // A PIN of a file goes to neither, unless somebody said so: the vault file may be anybody's.
    let ran = person.with_pin("list");
    assert!(ran.stderr.contains("only the vault file names it"), "{}", ran.stderr);
}

#[test]
fn without_its_token_the_next_way_is_taken() {
    let Some((person, ada, spare)) = two() else { return };
    ada.remove();
    spare.remove();
    let ran = person.run("list --recovery-file code");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let ran = person.run("list");
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("the YubiKey 12345678 (ada) is not here"), "{}", ran.stderr);
}

#[test]
fn without_the_service_it_is_not_the_token_that_is_to_be_brought() {
    let Some((person, _card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    person.place.stop_pcscd();
    let said = person.run("doctor").stdout;
    assert!(said.contains("'piv' cannot be used now: the smart-card service (pcscd) does not answer"), "{said}");
    assert!(said.contains("systemctl start pcscd.socket"), "{said}");
    assert!(!said.contains("is not here") && !said.contains("plug the token in"), "{said}");
}

#[test]
fn one_pin_serves_the_whole_command() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    card.clear_log();
    person.ok("keyslot enroll --name second --factor piv:ada --force");
    let sent = times(&card, 0x20);
    // Tries and PIN, twice: the card has forgotten it in between, the command has not.
    assert_eq!(sent, 4, "{:02x?}", card.log());
}
