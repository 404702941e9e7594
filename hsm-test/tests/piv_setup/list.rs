//! `token list`: every reader and what it holds.

use crate::lab::{ADA, P256, Person, RSA, SPARE, certify, make_key, once, policies};
use hsm_test::piv::{CardOptions, Share};

#[test]
fn every_reader_is_shown_with_what_it_holds() {
    let Some(person) = Person::new() else { return };
    let reader = |at: &str| format!("Yubico YubiKey OTP+FIDO+CCID 00 {at}");
    let list = || person.run("token list").stdout;
    assert_eq!(list(), format!("reader '{}': empty\nreader '{}': empty\n", reader("00"), reader("01")));
    for (mode, says) in [("other", "a card without PIV"), ("piv", "a PIV card that is no YubiKey (use it by PKCS#11)")]
    {
        let Some(person) = Person::new() else { return };
        let _card = person.place.card(CardOptions::default().mode(mode));
        assert!(person.run("token list").stdout.contains(&format!("reader '{}': {says}\n", reader("00"))));
    }
    let card = person.place.card(CardOptions::default().serial(ADA));
    let old = person.place.card(CardOptions::default().firmware("4.3").serial(SPARE));
    let key = make_key(&card, "82", P256, &policies(2, 2));
    let point = hex::encode(&key[key.len() - 65..]);
    make_key(&card, "9a", RSA, &once());
    make_key(&old, "82", P256, &once());
    person.ok("init --no-recovery --factor password --factor piv:12345678/82 --new-password-file pin --force");
    let expected = format!(
        "YubiKey 12345678: ready, with the PIN that all YubiKeys come with\n  firmware 5.4.3, reader '{}'\n  \
         PIV slot 82: ecdh-p256, PIN once, touch always; opens keyslot 'password+piv'\n  PIV slot 9a: RSA, PIN once, touch never\n\
         YubiKey 87654321: ready\n  firmware 4.3.7, reader '{}'\n  \
         no keys: 'twinlock token setup piv --serial 87654321' makes one\n",
        reader("00"),
        reader("01")
    );
    assert_eq!(list(), expected);
    let held = card.other_program(Share::Exclusive).expect("the card is free");
    assert!(list().starts_with(&format!("reader '{}': a card that ", reader("00"))), "{}", list());
    assert!(person.run("token list --json").stdout.contains("\"holder\": "));
    drop(held);
    let json = person.run("token list --json").stdout;
    for part in [
        "\"kind\": \"reader\"",
        "\"serial\": 12345678",
        "\"firmware\": \"5.4.3\"",
        "\"password+piv\"",
        "\"piv_slot\": \"82\"",
        "\"pin_is_default\": true",
        "\"puk_is_default\": true",
        &format!("\"public\": \"{point}\""),
    ] {
        assert!(json.contains(part), "{part}: {json}");
    }
    // The old one tells of a key that has a certificate.
    let key = make_key(&old, "83", P256, &once());
    certify(&old, "5fc10e", &key);
    assert!(list().ends_with("  PIV slot 83: ecdh-p256\n"), "{}", list());
}

#[test]
fn what_is_wrong_with_a_token_is_said_first() {
    let Some(person) = Person::new() else { return };
    let card = person.place.card(CardOptions::default().serial(ADA));
    for (pin, puk, says) in
        [(2, 3, "few PIN tries left"), (1, 3, "ONE PIN TRY LEFT"), (0, 3, "PIN blocked"), (0, 0, "PIN and PUK blocked")]
    {
        card.tries(pin, puk);
        assert!(person.run("token list").stdout.starts_with(&format!("YubiKey 12345678: {says}\n")), "{says}");
    }
}

#[test]
fn without_a_service_and_without_a_module_nothing_can_be_listed() {
    let Some(person) = Person::new() else { return };
    person.place.stop_pcscd();
    let ran = person.run("token list");
    assert_eq!(ran.code, Some(7), "{}", ran.stderr);
    assert!(ran.stderr.contains("the smart-card service (pcscd) does not answer"), "{}", ran.stderr);
}
