//! What other programs, and cards that fail, do between two commands of ours: no PIN try is lost by it, no PIN is sent to where it was
//! not meant for, and none stays behind.

use crate::card_lab::{PIN, TRIES, piv};
use crate::lab::{ADA, P256, Person, certify, make_key, once, policies, put, times};
use crate::pty::Pty;
use hsm_test::piv::{CardOptions, Leave, Share};

/// VERIFY with a wrong PIN.
const WRONG: &str = "0020008008393939393939ffff";

/// Firmware without metadata. Its attestation keys are made at their first use, and RSA ones take a busy machine longer than a call waits.
fn old() -> CardOptions {
    CardOptions::default().firmware("5.2").serial(ADA).set("attestation", "p256")
}

fn list(person: &Person) -> Pty {
    Pty::spawn(&person.command("list --keyslot piv"))
}

#[test]
fn a_typed_pin_costs_one_command_more_than_one_of_a_file() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    let mut terminal = list(&person);
    terminal.expect("(3 tries left): ");
    terminal.send("123456\r");
    assert!(terminal.wait_exit().success());
    // SELECT, version, serial number, key; tries for the person, tries again, PIN; ECDH.
    assert_eq!(card.log(), [0xa4, 0xfd, 0xf8, 0xf7, 0x20, 0x20, 0x20, 0x87]);
}

#[test]
fn tries_that_others_spend_while_the_pin_is_typed_count() {
    for (left, says) in [(1, "has one PIN try left; nothing was"), (0, "is blocked after too many")] {
        let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
        let mut terminal = list(&person);
        terminal.expect("(3 tries left): ");
        let mut other = card.other_program(Share::Shared).expect("the card is shared");
        for _ in left..3 {
            other.ask(WRONG);
        }
        other.leave(Leave::AsItIs);
        card.clear_log();
        terminal.send("654321\r");
        terminal.expect(says);
        assert!(!terminal.wait_exit().success());
        assert_eq!(times(&card, 0x20), 1, "looked, and not sent: {:02x?}", card.log());
    }
}

#[test]
fn a_pin_that_nobody_waits_for_any_more_is_not_sent() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    let mut terminal = list(&person);
    terminal.expect("(3 tries left): ");
    let mut other = card.other_program(Share::Shared).expect("the card is shared");
    other.begin().expect("a transaction");
    terminal.send("654321\r");
    terminal.expect("another program may be using it");
    // It gives up after ten seconds, and waits two more for its connections before it says so.
    std::thread::sleep(std::time::Duration::from_millis(10_300));
    other.end();
    terminal.expect("did not answer within 10 seconds");
    assert!(!terminal.wait_exit().success());
    other.leave(Leave::AsItIs);
    card.let_go();
    assert_eq!(piv(&card).ask(TRIES), "63c3");
}

#[test]
fn after_ctrl_c_no_pin_is_sent_either() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    let mut terminal = list(&person);
    terminal.expect("(3 tries left): ");
    let mut other = card.other_program(Share::Shared).expect("the card is shared");
    other.begin().expect("a transaction");
    terminal.send("654321\r");
    terminal.expect("another program may be using it");
    terminal.send("\u{3}");
    assert!(!terminal.wait_exit().success());
    other.end();
    other.leave(Leave::AsItIs);
    card.let_go();
    assert_eq!(piv(&card).ask(TRIES), "63c3");
}

#[test]
fn a_pin_that_was_judged_is_not_sent_again_though_one_was_verified_before() {
    for (firmware, says) in [("5.4", "2 tries left"), ("5.2", "is not known")] {
        let Some(person) = Person::new() else { return };
        let card = person.place.card(old().firmware(firmware));
        let key = make_key(&card, "82", P256, &once());
        certify(&card, "5fc10d", &key);
        person.ok("init --factor piv --no-recovery");
        let mut terminal = list(&person);
        terminal.expect("(3 tries left): ");
        // Opening made the card forget: another program shows it the PIN again.
        let mut other = card.other_program(Share::Shared).expect("the card is shared");
        assert_eq!(other.ask(PIN), "9000");
        // The first one asks for the tries.
        card.fault("ins=20 at=2 sw-after=6f00");
        terminal.send("654321\r");
        terminal.expect(says);
        terminal.send("\u{3}");
        assert!(!terminal.wait_exit().success());
        other.leave(Leave::AsItIs);
        card.tell("clear-faults");
        card.let_go();
        assert_eq!(piv(&card).ask(TRIES), "63c2", "{firmware}");
    }
}

#[test]
fn a_card_that_fails_after_its_pin_is_reset_before_it_is_opened_again() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    let resets = |card: &hsm_test::piv::VirtualYubikey| card.tell("resets").parse::<u32>().unwrap();
    let before = resets(&card);
    person.opens();
    let usual = resets(&card) - before;
    card.fault("ins=87 at=1 sw=6f00");
    assert_eq!(person.opens().code, Some(0));
    assert_eq!(resets(&card) - before, 2 * usual + 1);
}

#[test]
fn a_certificate_that_cannot_be_read_is_of_its_own_piv_slot_alone() {
    // Packed; nothing; nonsense.
    for object in ["7003010203710101fe00", "", "3000"] {
        let Some(person) = Person::new() else { return };
        let card = person.place.card(old());
        if object.is_empty() {
            // The card takes no empty object, but may have one.
            card.fault("ins=cb at=1 replace=5300");
        } else {
            put(&card, "5fc10d", object);
        }
        let key = make_key(&card, "83", P256, &once());
        certify(&card, "5fc10e", &key);
        let ran = person.with_pin("init --factor piv --no-recovery");
        assert_eq!(ran.code, Some(0), "{object}: {}", ran.stderr);
        // The enrolled key's own certificate: its attestation tells of it.
        put(&card, "5fc10e", "7003010203710101fe00");
        let ran = person.opens();
        assert_eq!(ran.code, Some(0), "{object}: {}", ran.stderr);
        card.fault("ins=f9 every sw=6a80");
        let ran = person.opens();
        assert!(ran.stderr.contains("83 of the YubiKey 12345678 cannot be used: its certificate"), "{}", ran.stderr);
        assert!(person.run("token list").stdout.contains("83"), "{object}");
    }
}

#[test]
fn an_attestation_that_fails_is_not_one_that_is_not_there() {
    let Some(person) = Person::new() else { return };
    let card = person.place.card(old());
    let key = make_key(&card, "82", P256, &once());
    certify(&card, "5fc10d", &key);
    for (status, right) in [("6a80", true), ("6a82", true), ("6a88", true), ("6f00", false), ("6982", false)] {
        card.tell("clear-faults");
        card.fault(&format!("ins=f9 every sw={status}"));
        let ran = person.with_pin("token test piv:12345678/82");
        assert_eq!(ran.code, Some(if right { 0 } else { 7 }), "{status}: {}", ran.stderr);
        assert_eq!(ran.stderr.contains("failed to attest its key"), !right, "{status}: {}", ran.stderr);
        card.fault(&format!("ins=f9 every sw={status}"));
        let ran = person.with_pin("token setup piv --piv-slot 83");
        assert!(right || ran.code == Some(7) && times(&card, 0x47) == 1, "{status}: {}", ran.stderr);
        card.clear_log();
        card.tell("clear-faults");
        make_key(&card, "84", P256, &once());
    }
}

#[test]
fn a_pin_policy_of_the_keyslot_is_a_hint() {
    let Some(person) = Person::new() else { return };
    let file = person.path("card");
    let card = person.place.card(CardOptions::default().serial(ADA).file(&file));
    let key = make_key(&card, "82", P256, &policies(1, 2));
    certify(&card, "5fc10d", &key);
    person.ok("init --factor piv --no-recovery");
    assert_eq!(person.run("list").code, Some(0), "it wants no PIN");
    // The same key on a token that does not tell its policies, and wants one.
    let free = card.end();
    let kept = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, kept.replace("\"pin_policy\": 1", "\"pin_policy\": 2")).unwrap();
    let card = person.place.card_again(free, old().file(&file));
    let ran = person.run("list");
    assert!(ran.stderr.contains("nobody is there to type the PIN"), "{}", ran.stderr);
    let ran = person.opens();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    card.finger("away");
    card.tell("touch-timeout 400");
    let ran = person.opens();
    assert!(ran.stderr.contains("was not touched in time"), "{}", ran.stderr);
}

#[test]
fn of_two_cards_with_one_serial_number_the_key_decides() {
    for other_has_a_key in [false, true] {
        let Some(person) = Person::new() else { return };
        let first = person.place.card(CardOptions::default().serial(ADA));
        let second = person.place.card(CardOptions::default().serial(ADA).not_inserted());
        first.remove();
        second.insert();
        make_key(&second, "83", P256, &once());
        person.ok("init --factor piv --no-recovery");
        first.insert();
        if other_has_a_key {
            make_key(&first, "83", P256, &once());
        }
        first.clear_log();
        let ran = person.with_pin("list --token piv:12345678");
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(!first.log().contains(&0x20), "{:02x?}", first.log());
        second.remove();
        let ran = person.opens();
        let says = if other_has_a_key { "is not the one that was enrolled" } else { "has no keys any more" };
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
    }
}
