//! Enroll and open: every mode, policy and firmware; the stanza; files; wrapping again; tests of a key.

use crate::lab::{
    ADA, P256, P384, Person, RSA, SPARE, X25519, certificate, certify, make_key, once, policies, spki, times,
};
use hsm_test::piv::CardOptions;

#[test]
fn every_curve_and_firmware_opens() {
    for (firmware, algorithm, mode) in [
        ("5.4", P256, "ecdh-p256"),
        ("5.4", P384, "ecdh-p384"),
        ("5.7", P256, "ecdh-p256"),
        ("5.7", X25519, "ecdh-x25519"),
    ] {
        let Some(person) = Person::new() else { return };
        let card = person.place.card(CardOptions::default().firmware(firmware).serial(ADA));
        make_key(&card, "82", algorithm, &policies(2, 2));
        person.ok("init --factor piv --no-recovery");
        card.clear_log();
        let ran = person.opens();
        assert_eq!(ran.code, Some(0), "{firmware} {mode}: {}", ran.stderr);
        let header = person.ok("header show --json");
        let fields = ["\"mode\":", mode, "\"serial\":", "12345678", "\"piv_slot\":", "\"82\"", "once", "always"];
        assert!(fields.iter().all(|field| header.contains(field)), "{header}");
        // SELECT, version, serial number, key, tries, PIN, ECDH: nothing more.
        assert_eq!(card.log(), [0xa4, 0xfd, 0xf8, 0xf7, 0x20, 0x20, 0x87], "{firmware} {mode}");
    }
}

#[test]
fn older_firmware_shows_its_key_by_the_certificate() {
    for firmware in ["4.3", "5.2"] {
        let Some(person) = Person::new() else { return };
        // The factory's attestation keys are made at their first use, and RSA ones take a busy machine longer than a call waits.
        let options = CardOptions::default().firmware(firmware).serial(ADA).set("attestation", "p256");
        let card = person.place.card(options);
        let key = make_key(&card, "82", P256, &policies(2, 2));
        let without = person.with_pin("init --factor piv --no-recovery");
        assert_eq!(without.code, Some(7), "{firmware}: {}", without.stderr);
        certify(&card, "5fc10d", &key);
        person.ok("init --factor piv --no-recovery");
        let ran = person.opens();
        assert_eq!(ran.code, Some(0), "{firmware}: {}", ran.stderr);
        assert!(ran.stderr.contains("Touch YubiKey 12345678"), "{firmware}: {}", ran.stderr);
        // The certificate belongs to another key now.
        make_key(&card, "82", P256, &policies(2, 2));
        let other = make_key(&card, "83", P256, &once());
        certify(&card, "5fc10d", &other);
        let ran = person.opens();
        assert!(ran.stderr.contains("is not the one that was enrolled"), "{firmware}: {}", ran.stderr);
        assert_eq!(card.tell("tries 3 3"), "", "nothing was spent");
    }
}

#[test]
fn every_policy_is_obeyed() {
    for pin in 1..=3 {
        for touch in 1..=3 {
            let Some((person, card)) = Person::with_vault(CardOptions::default(), &policies(pin, touch)) else {
                return;
            };
            let touches = card.touches();
            let ran = if pin == 1 { person.run("list --keyslot piv") } else { person.opens() };
            assert_eq!(ran.code, Some(0), "{pin} {touch}: {}", ran.stderr);
            let verified = times(&card, 0x20);
            assert_eq!(verified, if pin == 1 { 0 } else { 2 }, "{pin} {touch}: {:02x?}", card.log());
            let told = ran.stderr.contains("Touch YubiKey 12345678 (ada)");
            assert_eq!(told, touch != 1, "{pin} {touch}: {}", ran.stderr);
            if touch == 2 {
                assert_eq!(card.touches(), touches + 1);
            }
        }
    }
}

#[test]
fn a_colleagues_key_is_enrolled_from_a_file() {
    let Some(person) = Person::new() else { return };
    let card = person.place.card(CardOptions::default().serial(ADA).not_inserted());
    card.insert();
    let key = spki(&make_key(&card, "95", P256, &once()));
    person.write("bob.der", certificate(&key));
    person.write("spki.der", &key);
    card.remove();
    person.ok("init --factor recovery --recovery-out code");
    let code = "--recovery-file code --pin-file pin";
    let said = person
        .run(&format!("keyslot enroll --name hints --factor piv:serial=12345678;slot=95;name=bob;file=bob.der {code}"));
    assert!(said.code == Some(0) && said.stderr.contains("nothing proves"), "{}", said.stderr);
    let said = person.run(&format!("keyslot enroll --name bare --factor piv:file=spki.der {code}"));
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(person.ok("keyslot list").contains("piv \"bob\""));
    card.insert();
    for name in ["hints", "bare"] {
        card.clear_log();
        let ran = person.with_pin(&format!("keyslot test {name}"));
        assert_eq!(ran.code, Some(0), "{name}: {}", ran.stderr);
        // Without hints every PIV slot is looked into.
        let looks = times(&card, 0xf7);
        assert_eq!(looks > 1, name == "bare", "{:02x?}", card.log());
    }
}

#[test]
fn a_token_that_is_here_without_the_key_is_not_called_absent() {
    let Some(person) = Person::new() else { return };
    let card = person.place.card(CardOptions::default().serial(ADA));
    person.write("old.der", spki(&make_key(&card, "82", P256, &once())));
    person.ok("init --factor piv:serial=12345678;name=bob;file=old.der --recovery --recovery-out code");
    make_key(&card, "82", P256, &once());
    let ran = person.with_pin("list --keyslot piv");
    let told = "the YubiKey 12345678 (bob) is here, but the key that was enrolled is not on it";
    assert!(ran.stderr.contains(told) && ran.stderr.contains("then wipe the old keyslot"), "{}", ran.stderr);
}

#[test]
fn the_key_is_found_where_it_went() {
    // The same key in another PIV slot (firmware 5.7 moves keys).
    let Some((person, card)) = Person::with_vault(CardOptions::default().firmware("5.7"), &once()) else { return };
    let mut program = crate::card_lab::piv(&card);
    assert_eq!(crate::card_lab::prove::<aes::Aes192>(&mut program, "0a", crate::card_lab::MANAGEMENT), "9000");
    assert_eq!(program.ask("00f69582"), "9000");
    drop(program);
    assert_eq!(person.opens().code, Some(0));
}

#[test]
fn a_password_changes_while_the_token_is_in_a_drawer() {
    let Some((person, card)) = Person::with_card(CardOptions::default(), &once()) else { return };
    person.write("old", "correct horse battery staple");
    person.write("new", "another four random words");
    let cheap = "--kdf-memory 19 --kdf-passes 2 --kdf-lanes 1";
    person.ok(&format!(
        "init --factor password --factor piv --new-password-file old --recovery --recovery-out code {cheap}"
    ));
    let alone = person.run("list --keyslot password+piv --password-file new");
    assert_eq!(alone.code, Some(3), "{}", alone.stderr);
    card.remove();
    let changed = person.run(&format!("passwd --recovery-file code --new-password-file new {cheap}"));
    assert_eq!(changed.code, Some(0), "{}", changed.stderr);
    card.insert();
    assert_eq!(person.with_pin("list --keyslot password+piv --password-file new").code, Some(0));
    assert_eq!(person.with_pin("list --keyslot password+piv --password-file old").code, Some(3));
}

#[test]
fn a_key_is_tried() {
    let Some((person, card)) = Person::with_card(CardOptions::default(), &policies(2, 2)) else { return };
    let ran = person.with_pin("token test piv");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "piv:12345678/82\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("it gave the secret back after 0."), "{}", ran.stderr);
    make_key(&card, "83", RSA, &once());
    let rsa = person.with_pin("token test piv:12345678/83");
    assert!(rsa.code == Some(7) && rsa.stderr.contains("it is RSA"), "{}", rsa.stderr);
    let ran = person.with_pin("token test piv");
    assert_eq!(ran.code, Some(0), "the one that can be used is taken: {}", ran.stderr);
    make_key(&card, "9d", P256, &once());
    let several = person.with_pin("token test piv");
    assert!(several.code == Some(1) && several.stderr.contains("PIV slots 82, 9d"), "{}", several.stderr);
    assert_eq!(person.with_pin("token test piv:/9d").code, Some(0));
}

#[test]
fn one_token_does_not_count_twice() {
    let Some((person, _card)) = Person::with_card(CardOptions::default(), &once()) else { return };
    let ran = person.with_pin("init --factor piv --factor piv:12345678 --no-recovery");
    assert!(ran.code == Some(2) && ran.stderr.contains("is there twice"), "{}", ran.stderr);
    let spare = person.place.card(CardOptions::default().serial(SPARE));
    make_key(&spare, "82", P256, &once());
    person.write("config.toml", "[[token]]\nuri = \"piv:12345678\"\n[[token]]\nuri = \"piv:87654321\"\n");
    let ran = person.with_pin("init --factor piv:12345678 --factor piv:87654321 --threshold 1 --no-recovery");
    // The PIN file is for the first that asks.
    assert!(ran.code == Some(1) && ran.stderr.contains("was used for token"), "{}", ran.stderr);
    assert!(ran.stderr.contains("piv:file=CERTIFICATE") && !ran.stderr.contains("pin-source"), "{}", ran.stderr);
}

#[test]
fn what_shares_a_token_or_a_key_is_told() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    make_key(&card, "83", P256, &once());
    let both = "--factor piv:12345678/82 --factor piv:12345678/83 --threshold 2";
    let said = person.ok(&format!("keyslot enroll --name both {both} --force"));
    assert!(said.contains("two factors of keyslot 'both' are on the YubiKey 12345678 (ada)"), "{said}");
    assert!(said.contains("is a factor of 'piv' already: keyslot 'both' is no spare for it"), "{said}");
    let said = person.ok("keyslot enroll --name other --factor password --new-password-file pin --force");
    assert!(!said.contains("warning: two factors") && !said.contains("no spare"), "{said}");
}

#[test]
fn a_key_that_is_not_there_is_found_before_a_pin_is_spent() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    for factor in ["piv:12345678/83", "piv:87654321", "piv:eve", "piv:file=nowhere"] {
        card.clear_log();
        let ran = person.with_pin(&format!("keyslot enroll --factor {factor} --force"));
        assert_ne!(ran.code, Some(0), "{factor}: {}", ran.stderr);
        assert!(!card.log().contains(&0x20), "{factor}: {:02x?}", card.log());
    }
    let ran = person.with_pin("token test piv:12345678/83");
    assert_eq!(
        ran.stderr,
        "twinlock: error: the YubiKey 12345678 has no key in PIV slot 83\n\
         twinlock: hint: name a PIV slot that has one: 'twinlock token list' shows them\n"
    );
}

#[test]
fn names_of_tokens_are_known_to_the_vault() {
    let Some((person, _card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    let said = person.ok("keyslot enroll --name second --factor piv:ada --force");
    assert!(said.contains("enrolled"), "{said}");
    assert_eq!(person.ok("keyslot list").matches("piv \"ada\"").count(), 2);
    let ran = person.with_pin("keyslot enroll --factor piv:eve --force");
    assert!(ran.code == Some(4) && ran.stderr.contains("is called 'eve'"), "{}", ran.stderr);
}
