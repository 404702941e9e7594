//! Keys: made on each firmware, used, overwritten only on demand, finished where a setup was stopped.

use crate::lab::{ADA, P256, Person, SPARE, certify, make_key, once, policies, times};
use hsm_test::piv::{CardOptions, VirtualYubikey};

/// GENERATE.
const GENERATE: u8 = 0x47;
/// PUT DATA.
const PUT: u8 = 0xdb;

/// A person with a YubiKey as it leaves the factory.
pub fn person(options: CardOptions) -> Option<(Person, VirtualYubikey)> {
    let person = Person::new()?;
    let card = person.place.card(options.serial(ADA).set("attestation", "p256"));
    Some((person, card))
}

#[test]
fn a_key_is_made_on_each_firmware_and_opens_a_vault() {
    for (firmware, algorithms) in
        [("4.3", &["p256", "p384"][..]), ("5.2", &["p256"]), ("5.4", &["p256", "p384"]), ("5.7", &["p256", "x25519"])]
    {
        let Some((person, card)) = person(CardOptions::default().firmware(firmware)) else { return };
        for (at, algorithm) in algorithms.iter().enumerate() {
            let ran = person.with_pin(&format!("token setup piv --algorithm {algorithm} --name ada"));
            assert_eq!(ran.code, Some(0), "{firmware} {algorithm}: {}", ran.stderr);
            let slot = 0x82 + at;
            assert_eq!(ran.stdout, format!("piv:serial=12345678;slot={slot:02x};name=ada\n"));
            let made =
                format!("made a key in PIV slot {slot:02x} of the YubiKey 12345678 (ecdh-{algorithm}, PIN once, touch");
            assert!(ran.stderr.contains(&made), "{}", ran.stderr);
            let touches = card.touches();
            person.ok(&format!("init --vault {algorithm} --no-recovery --factor {}", ran.stdout.trim()));
            person.ok(&format!("list --vault {algorithm}"));
            assert_eq!(card.touches(), touches + 2, "once to enroll, once to unlock");
        }
    }
}

#[test]
fn the_policies_are_those_that_were_asked_for() {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    for (pin, touch) in [("never", "never"), ("always", "cached"), ("always", "always"), ("once", "never")] {
        let ran = person.ok(&format!("token setup piv --pin-policy {pin} --touch-policy {touch}"));
        assert!(ran.contains(&format!("ecdh-p256, PIN {pin}, touch {touch}")), "{ran}");
    }
    assert_eq!(card.touches(), 2, "to sign two certificates");
    assert!(card.tell("tries 3 3").is_empty());
    let ran = person.run("token setup piv --pin-policy never --touch-policy never");
    assert_eq!(ran.code, Some(0), "no PIN is needed for that: {}", ran.stderr);
    assert_eq!(ran.stdout, "piv:12345678/86\n");
}

#[test]
fn what_the_firmware_cannot_do_is_said_before_anything_is_done() {
    let Some((person, card)) = person(CardOptions::default().firmware("5.4")) else { return };
    let ran = person.with_pin("token setup piv --algorithm x25519");
    assert_eq!(ran.code, Some(7));
    assert!(ran.stderr.contains("the YubiKey 12345678 cannot make a key for ecdh-x25519"), "{}", ran.stderr);
    assert_eq!((times(&card, GENERATE), times(&card, 0x87)), (0, 0));
}

#[test]
fn a_used_piv_slot_is_not_overwritten() {
    for firmware in ["4.3", "5.4"] {
        let Some((person, card)) = person(CardOptions::default().firmware(firmware)) else { return };
        let foreign = make_key(&card, "82", P256, &once());
        certify(&card, "5fc10d", &foreign);
        card.clear_log();
        assert_eq!(person.with_pin("token setup piv").stdout, "piv:12345678/83\n", "the next one is free");
        for (more, why) in [
            ("", "PIV slot 82 of the YubiKey 12345678 is not empty"),
            ("--overwrite", "name it beside --overwrite: --piv-slot 82 --overwrite --serial 12345678"),
            ("--overwrite --serial 87654321", "the YubiKey 87654321 is not here"),
        ] {
            card.clear_log();
            let ran = person.with_pin(&format!("token setup piv --piv-slot 82 {more}"));
            assert!(ran.code != Some(0) && ran.stderr.contains(why), "{more}: {}", ran.stderr);
            assert_eq!((times(&card, GENERATE), times(&card, PUT)), (0, 0), "{more}");
        }
        let said = person.ok("token setup piv --piv-slot 82 --overwrite --serial 12345678");
        assert!(said.contains("what is in PIV slot 82 of the YubiKey 12345678 will be gone for ever"), "{said}");
        person.ok("init --no-recovery --factor piv:12345678/82");
        let said = person.ok("token setup piv --piv-slot 82 --overwrite --serial 12345678");
        assert!(said.contains("keyslot 'piv' of this vault needs that key, and will not open with it again"), "{said}");
    }
}

#[test]
fn overwrite_needs_a_name_for_what_is_lost() {
    let Some((person, _card)) = person(CardOptions::default()) else { return };
    assert_eq!(person.with_pin("token setup piv --overwrite --serial 12345678").code, Some(2));
    for slot in ["9a", "9c", "9e", "f9", "96"] {
        assert_eq!(person.with_pin(&format!("token setup piv --piv-slot {slot}")).code, Some(2), "{slot}");
    }
    assert!(person.ok("token setup piv --piv-slot 9d").starts_with("piv:12345678/9d\n"));
}

/// A setup whose touch does not come leaves its key without a certificate.
pub fn stopped(person: &Person, card: &VirtualYubikey, command: &str) {
    card.tell("touch-timeout 300");
    card.finger("away");
    let ran = person.with_pin(command);
    assert_eq!(ran.code, Some(7), "{}", ran.stderr);
    assert!(ran.stderr.contains("the YubiKey 12345678 was not touched in time"), "{}", ran.stderr);
    card.finger("ready");
}

#[test]
fn what_a_stopped_setup_left_is_finished_on_demand() {
    for firmware in ["4.3", "5.2", "5.4", "5.7"] {
        let Some((person, card)) = person(CardOptions::default().firmware(firmware)) else { return };
        stopped(&person, &card, "token setup piv");
        card.clear_log();
        for command in ["token setup piv", "token setup piv --piv-slot 82"] {
            let ran = person.with_pin(command);
            assert_eq!(ran.code, Some(1), "{firmware}: {}", ran.stderr);
            assert!(ran.stderr.contains("PIV slot 82 of the YubiKey 12345678 has a key that a stopped setup left"));
            assert!(ran.stderr.contains("--finish"), "{}", ran.stderr);
        }
        assert_eq!((times(&card, GENERATE), times(&card, PUT)), (0, 0), "nothing is done unasked");
        let ran = person.with_pin("token setup piv --finish");
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "piv:12345678/82\n"), "{firmware}: {}", ran.stderr);
        assert!(ran.stderr.contains("finished a key in PIV slot 82"), "{}", ran.stderr);
        assert_eq!(times(&card, GENERATE), 0);
        let ran = person.with_pin("token setup piv --finish");
        assert_eq!(ran.stdout, "piv:12345678/83\n", "and only once: {}", ran.stderr);
    }
}

#[test]
fn what_nothing_shows_to_be_ours_is_left_alone() {
    for firmware in ["4.3", "5.4"] {
        let Some((person, card)) = person(CardOptions::default().firmware(firmware)) else { return };
        // Just like one that a setup makes, and born on the token; but another program's, all the same.
        make_key(&card, "82", P256, &policies(2, 2));
        make_key(&card, "9d", P256, &policies(2, 2));
        card.clear_log();
        assert_eq!(person.with_pin("token setup piv --finish").stdout, "piv:12345678/83\n", "{firmware}");
        for slot in ["82", "9d"] {
            let ran = person.with_pin(&format!("token setup piv --finish --piv-slot {slot}"));
            assert!(ran.code == Some(1) && ran.stderr.contains("is not empty"), "{firmware}: {}", ran.stderr);
        }
        // A setup in 9d that was stopped is not gone on with: others make keys there.
        let overwrite = "token setup piv --piv-slot 9d --overwrite --serial 12345678";
        stopped(&person, &card, overwrite);
        let ran = person.with_pin("token setup piv --finish --piv-slot 9d");
        assert!(ran.code == Some(1) && ran.stderr.contains("is not empty"), "{firmware}: {}", ran.stderr);
        person.ok(overwrite);
    }
}

#[test]
fn a_stopped_setup_is_not_finished_with_a_key_that_came_since() {
    for (pin, touch, why) in [(2, 2, "cannot be told from ours"), (2, 1, "another policy")] {
        let Some((person, card)) = person(CardOptions::default()) else { return };
        // Announced, and pulled out before the key was made.
        card.fault("ins=47 at=1 pull-before");
        assert_eq!(person.with_pin("token setup piv").code, Some(7));
        card.insert();
        make_key(&card, "82", P256, &policies(pin, touch));
        let ran = person.with_pin("token setup piv");
        let expected = if touch == 2 { Some(1) } else { Some(0) };
        assert_eq!(ran.code, expected, "{why}: asked at least: {}", ran.stderr);
    }
}

#[test]
fn without_an_attestation_nothing_is_finished() {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    stopped(&person, &card, "token setup piv");
    card.fault("ins=f9 every sw=6a80");
    let ran = person.with_pin("token setup piv --finish");
    assert_eq!(ran.code, Some(7), "{}", ran.stderr);
    assert!(ran.stderr.contains("gives no attestation of the key in PIV slot 82"), "{}", ran.stderr);
}

#[test]
fn a_token_that_takes_no_note_is_set_up_all_the_same() {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    card.fault("ins=db at=1 sw=6a84");
    assert!(person.ok("token setup piv").contains("made a key in PIV slot 82"));
}

#[test]
fn a_token_without_a_serial_number_is_not_used() {
    let Some(person) = Person::new() else { return };
    let card = person.place.card(CardOptions::default().serial(0).set("attestation", "p256"));
    make_key(&card, "82", P256, &once());
    card.clear_log();
    for command in ["token setup piv", "token unblock --force", "token test piv", "init --no-recovery --factor piv"] {
        let ran = person.with_pin(command);
        assert_eq!(ran.code, Some(7), "{command}: {}", ran.stderr);
        assert!(ran.stderr.contains("has no serial number: it could not be told from others"), "{}", ran.stderr);
    }
    for ins in [0x20, 0x87, GENERATE, PUT] {
        assert_eq!(times(&card, ins), 0, "{ins:02x}");
    }
}

#[test]
fn a_card_that_shows_another_key_than_it_made_is_not_believed() {
    for fault in ["ins=47 at=1 wrong", "ins=47 at=1 value-shorter=1", "ins=47 at=1 short=3", "ins=f7 at=29 wrong"] {
        let Some((person, card)) = person(CardOptions::default()) else { return };
        // Of PIN and PUK, the management key, 24 PIV slots, and the one again where a key is to be made; then the one that looks at it.
        card.fault(fault);
        let ran = person.with_pin("token setup piv");
        assert_eq!(ran.code, Some(5), "{fault}: {}", ran.stderr);
        assert_eq!(times(&card, PUT), 1, "{fault}: no more than the note");
        card.tell("clear-faults");
        assert!(person.ok("token setup piv --finish").contains("finished a key in PIV slot 82"));
    }
}

#[test]
fn a_signature_that_is_not_the_key_s_is_found_out() {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    // Two prove the management key: to find it out, to write the note, to make the key.
    card.fault("ins=87 at=7 wrong");
    let ran = person.with_pin("token setup piv");
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("the signature is not that of its key"), "{}", ran.stderr);
    assert_eq!(times(&card, PUT), 1, "no more than the note");
}

#[test]
fn with_two_tokens_the_serial_number_says_which() {
    let Some((person, _ada)) = person(CardOptions::default()) else { return };
    let _spare = person.place.card(CardOptions::default().serial(SPARE).set("attestation", "p256"));
    let ran = person.with_pin("token setup piv");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("several YubiKeys are here: 12345678, 87654321"), "{}", ran.stderr);
    assert_eq!(person.with_pin("token setup piv --serial 87654321").stdout, "piv:87654321/82\n");
}
