//! The management key: the factory's, one that is kept behind the PIN, one that a person has; 3DES and AES.

use crate::card_lab::MANAGEMENT;
use crate::keys::person;
use crate::lab::{Person, times};
use hsm_test::piv::{CardOptions, VirtualYubikey};

const OWN: &str = "a1a2a3a4a5a6a7a8b1b2b3b4b5b6b7b8c1c2c3c4c5c6c7c8";
const OWN_256: &str = "a1a2a3a4a5a6a7a8b1b2b3b4b5b6b7b8c1c2c3c4c5c6c7c8d1d2d3d4d5d6d7d8";
const OWN_128: &str = "a1a2a3a4a5a6a7a8b1b2b3b4b5b6b7b8";

/// Changes the management key as its owner would, with Yubico's tool.
fn change(person: &Person, card: &VirtualYubikey, args: &[&str]) -> Option<()> {
    let all = ["--reader", card.reader(), "piv", "access", "change-management-key", "-m", MANAGEMENT];
    person.place.must("ykman", &[&all[..], args].concat()).map(drop)
}

#[test]
fn one_that_a_person_has_comes_from_a_file() {
    for (firmware, algorithm, key) in [
        ("4.3", "TDES", OWN),
        ("5.4", "TDES", OWN),
        ("5.4", "AES128", OWN_128),
        ("5.7", "AES192", OWN),
        ("5.7", "AES256", OWN_256),
    ] {
        let Some((person, card)) = person(CardOptions::default().firmware(firmware)) else { return };
        let own = if algorithm == "TDES" { vec!["-n", key] } else { vec!["-a", algorithm, "-n", key] };
        if change(&person, &card, &own).is_none() {
            return;
        }
        let ran = person.with_pin("token setup piv");
        assert_eq!(ran.code, Some(1), "{firmware} {algorithm}: {}", ran.stderr);
        assert!(ran.stderr.contains("nobody is there to type the management key"), "{}", ran.stderr);
        assert_eq!(times(&card, 0x47), 0);
        for wrong in [&key.replace('a', "9"), &key[2..], "not digits", &format!("{key}00")] {
            person.write("management", wrong);
            let ran = person.with_pin("token setup piv --management-key-file management");
            assert_eq!(ran.code, Some(3), "{firmware} {wrong}: {}", ran.stderr);
            assert!(ran.stderr.contains("the management key of the YubiKey 12345678"), "{}", ran.stderr);
            assert_eq!(times(&card, 0x47), 0);
            assert!(!ran.stderr.contains(wrong));
        }
        person.write("management", format!("{}\n", key.to_uppercase()));
        let said = person.ok("token setup piv --management-key-file management");
        assert!(!said.contains("its management key is the one"), "{said}");
    }
}

#[test]
fn one_that_is_kept_behind_the_pin_needs_the_pin_alone() {
    for (firmware, algorithm) in [("4.3", None), ("5.4", None), ("5.4", Some("AES256")), ("5.7", Some("AES192"))] {
        let Some((person, card)) = person(CardOptions::default().firmware(firmware)) else { return };
        let mut args = vec!["--generate", "--protect", "-P", "123456"];
        args.extend(algorithm.iter().flat_map(|algorithm| ["-a", algorithm]));
        if change(&person, &card, &args).is_none() {
            return;
        }
        let said = person.ok("token setup piv");
        assert!(said.contains("kept on the YubiKey for whoever has its PIN"), "{said}");
        assert!(said.contains("made a key in PIV slot 82"), "{said}");
        // The PIN is wanted for that also where the key does without.
        let ran = person.run("token setup piv --pin-policy never --touch-policy never");
        assert!(ran.stderr.contains("nobody is there to type the PIN"), "{}", ran.stderr);
        person.write("pin", "654321");
        card.clear_log();
        assert_eq!(person.with_pin("token setup piv").code, Some(3));
        assert_eq!(times(&card, 0x47), 0);
        card.tell("tries 3 3");
    }
}

#[test]
fn a_card_that_cannot_prove_the_key_itself_is_not_trusted() {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    // Its answer to our challenge.
    card.fault("ins=87 at=2 wrong");
    let ran = person.with_pin("token setup piv");
    assert!(matches!(ran.code, Some(1 | 3)), "{}", ran.stderr);
    assert_eq!(times(&card, 0x47), 0);
}
