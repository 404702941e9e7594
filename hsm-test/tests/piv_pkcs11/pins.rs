//! No PIN try is spent in vain.

use crate::lab::{Desk, KEY_MANAGEMENT, MODULES, PIN, knows_a_pin, tries};
use crate::pty::Pty;
use hsm_test::piv::VirtualYubikey;
use std::time::{Duration, Instant};

#[test]
fn what_cannot_be_the_pin_of_a_piv_card_is_not_sent() {
    for module in MODULES {
        let Some(desk) = Desk::enrolled(module, KEY_MANAGEMENT) else { return };
        // OpenSC would send the first two, and a try would be lost. The last is what a YubiKey types when it is touched.
        for pin in ["1234", "12345", "123456789", "cccccccbcjdifctrndncchkftchjlnbhvhtugdljibej"] {
            desk.write("pin", pin);
            desk.fails("list --keyslot pkcs11", 3, "it was not sent");
        }
        desk.write("pin", PIN);
        assert_eq!(desk.opens().code, Some(0));
    }
}

#[test]
fn a_wrong_pin_costs_one_try_and_the_last_one_is_kept() {
    for module in MODULES {
        let Some(desk) = Desk::enrolled(module, KEY_MANAGEMENT) else { return };
        desk.write("pin", "654321");
        for (left, says) in [(2, "wrong PIN for token"), (1, "one try left")] {
            let ran = desk.opens();
            assert!(ran.code == Some(3) && ran.text.contains(says), "{}", ran.text);
            assert_eq!(tries(&desk.card), left);
        }
        // Now the flag says it, and nothing is sent, right or wrong.
        desk.fails("list --keyslot pkcs11", 7, "has one try left before it locks; nothing was sent");
        desk.write("pin", PIN);
        desk.fails("list --keyslot pkcs11", 7, "has one try left before it locks; nothing was sent");
        assert_eq!(desk.run("list --keyslot pkcs11 --force-pin").code, Some(0));
        assert_eq!(tries(&desk.card), 3);
        desk.card.tries(0, 3);
        desk.fails("list --keyslot pkcs11 --force-pin", 7, "is locked after too many wrong tries");
        // Unblocked with the PUK, it opens again.
        desk.place.must("yubico-piv-tool", &["-a", "unblock-pin", "-P", "12345678", "-N", PIN]);
        assert_eq!(desk.opens().code, Some(0));
    }
}

#[test]
fn a_person_types_wrong_and_then_right() {
    for module in MODULES {
        let Some(desk) = Desk::enrolled(module, KEY_MANAGEMENT) else { return };
        let mut terminal = Pty::spawn(&desk.command("list --keyslot pkcs11"));
        terminal.expect("PIN of token '");
        terminal.send("12345\r");
        terminal.expect("too short");
        terminal.expect("PIN of token '");
        terminal.send("654321\r");
        terminal.expect("That is not the PIN of token '");
        terminal.expect("PIN of token '");
        terminal.send("123456\r");
        assert!(terminal.wait_exit().success());
        assert_eq!(tries(&desk.card), 3);
    }
}

#[test]
fn a_person_who_mistypes_twice_is_not_asked_for_the_last_try() {
    for module in MODULES {
        let Some(desk) = Desk::enrolled(module, KEY_MANAGEMENT) else { return };
        let mut terminal = Pty::spawn(&desk.command("list --keyslot pkcs11"));
        terminal.expect("PIN of token '");
        terminal.send("654321\r");
        terminal.expect("That is not the PIN of token '");
        terminal.expect("PIN of token '");
        terminal.send("754321\r");
        terminal.expect("wrong PIN for token");
        assert!(!terminal.wait_exit().success());
        assert_eq!(tries(&desk.card), 1);
    }
}

#[test]
fn the_card_has_forgotten_the_pin_when_the_program_has_ended() {
    for module in MODULES {
        let Some(desk) = Desk::enrolled(module, KEY_MANAGEMENT) else { return };
        // OpenSC leaves a card as it is, unless it is told otherwise, as the README says.
        desk.write("opensc.conf", "app default { reader_driver pcsc { disconnect_action = reset; } }");
        let mut command = desk.command("list --keyslot pkcs11 --no-input --pin-file pin");
        assert!(command.env("OPENSC_CONF", "opensc.conf").status().unwrap().success());
        forgets(&desk.card);
    }
}

/// The helper process ends a moment after the program.
#[track_caller]
fn forgets(card: &VirtualYubikey) {
    let until = Instant::now() + Duration::from_secs(10);
    while knows_a_pin(card) {
        assert!(Instant::now() < until, "the card still knows the PIN");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_card_that_comes_in_while_the_pin_is_typed_does_not_get_it() {
    for module in MODULES {
        let Some(mut desk) = Desk::enrolled(module, KEY_MANAGEMENT) else { return };
        let Some(spare) = desk.spare() else { return };
        let file = desk.place.folder().join("spare.json");
        spare.end();
        let mut terminal = Pty::spawn(&desk.command("list --keyslot pkcs11"));
        terminal.expect("PIN of token '");
        let options = hsm_test::piv::CardOptions::default().file(&file);
        desk.card = desk.place.card_again(desk.card.end(), options);
        // Wrong for either, so that a try would be missing.
        terminal.send("654321\r");
        terminal.expect("does not answer");
        assert!(!terminal.wait_exit().success());
        assert_eq!(tries(&desk.card), 3);
    }
}
