//! Which key of which card opens a vault through which module.

use crate::lab::{AUTHENTICATION, Desk, KEY_MANAGEMENT, MODULES, PIN_ALWAYS, RETIRED, RSA, SIGNATURE, tries};
use hsm_test::piv::{CardOptions, PivModule};

const YUBIKEY: &[&str] = &["Yubico YubiKey OTP+FIDO+CCID"];

/// Makes a vault with a key, and opens it in another process.
fn serves(desk: &Desk, key: &str, mode: &str) {
    assert!(desk.ok(&format!("token test {key}")).contains(&format!("the key works ({mode})")));
    desk.ok(&format!("init --vault {mode} --no-recovery --factor {key}"));
    desk.ok(&format!("add wifi --vault {mode} --username ada --generate"));
    assert!(desk.ok(&format!("get wifi --vault {mode}")).contains("ada"));
    assert_eq!(tries(&desk.card), 3);
}

#[test]
fn opensc_serves_key_management_and_retired_keys() {
    let Some(desk) = Desk::new(PivModule::OpenSc) else { return };
    for (key, mode) in [(KEY_MANAGEMENT, "ecdh-p256"), (RETIRED, "ecdh-p384"), (RSA, "rsa-oaep-sha256")] {
        serves(&desk, key, mode);
    }
}

#[test]
fn yubico_s_module_serves_every_piv_slot_but_that_of_signatures() {
    for firmware in ["4.3", "5.4"] {
        let options = CardOptions::default().firmware(firmware);
        let Some(desk) = Desk::with(&[PivModule::Yubico], options, YUBIKEY) else { return };
        for (key, mode) in [(KEY_MANAGEMENT, "ecdh-p256"), (AUTHENTICATION, "ecdh-p384"), (RSA, "rsa-oaep-sha256")] {
            serves(&desk, key, mode);
        }
    }
}

#[test]
fn a_card_of_somebody_else_is_served_by_opensc() {
    let options = CardOptions::default().mode("piv");
    let Some(desk) = Desk::with(&[PivModule::OpenSc], options, &["ACS ACR39U ICC Reader"]) else { return };
    for (key, mode) in [(KEY_MANAGEMENT, "ecdh-p256"), (RETIRED, "ecdh-p384"), (RSA, "rsa-oaep-sha256")] {
        serves(&desk, key, mode);
    }
}

#[test]
fn the_only_key_that_fits_needs_no_id() {
    let Some(desk) = Desk::new(PivModule::OpenSc) else { return };
    let Some(spare) = desk.spare() else { return };
    assert!(desk.ok("token test pkcs11:token=spare").contains("the key works (ecdh-p384)"));
    spare.end();
    desk.fails("token test pkcs11:token=ada", 1, "has 5 keys that twinlock can use");
}

#[test]
fn what_a_key_is_not_for_is_said_before_it_is_enrolled() {
    for module in MODULES {
        let Some(desk) = Desk::new(module) else { return };
        desk.fails(&format!("token test {SIGNATURE}"), 7, "wants its PIN again for every use");
        desk.fails("token test pkcs11:id=%14", 4, "shows no key with id 14");
        desk.fails("token setup pkcs11:", 7, "is a PIV card, whose keys are not made this way");
        if module == PivModule::OpenSc {
            desk.fails(&format!("token test {AUTHENTICATION}"), 7, "cannot be used: it may not derive");
            // It asks the card for something between PIN and key.
            desk.fails(&format!("token test {PIN_ALWAYS}"), 7, "wants its PIN again for every use");
        }
    }
}

#[test]
fn yubico_s_module_uses_a_key_that_wants_the_pin_always_once_a_login() {
    let Some(desk) = Desk::enrolled(PivModule::Yubico, PIN_ALWAYS) else { return };
    assert_eq!(desk.opens().code, Some(0));
}

#[test]
fn the_list_shows_cards_and_keys() {
    for module in MODULES {
        let Some(desk) = Desk::new(module) else { return };
        let text = desk.ok("token list");
        assert!(text.contains(": ready\n") && text.contains("twinlock token list --login"), "{text}");
        let text = desk.ok("token list --login pkcs11:");
        // The readers come first, and see the same keys without a module.
        let text = &text[text.find(", module /").unwrap()..];
        assert_eq!(
            text.matches("ecdh-p256").count() + text.matches("ecdh-p384").count(),
            if module == PivModule::OpenSc { 4 } else { 5 },
            "{text}"
        );
        assert_eq!(text.matches("rsa-oaep-sha256").count(), 1, "{text}");
    }
}

#[test]
fn with_a_password_both_are_needed() {
    let Some(desk) = Desk::new(PivModule::OpenSc) else { return };
    desk.write("password", "four random words here");
    let password = "--password-file password";
    desk.ok(&format!("init --no-recovery --factor password --factor {KEY_MANAGEMENT} --new-password-file password"));
    desk.ok(&format!("list {password}"));
    desk.card.remove();
    let ran = desk.run(&format!("list {password}"));
    assert_eq!(ran.code, Some(3), "{}", ran.text);
    assert!(ran.text.contains("is not here"), "{}", ran.text);
}
