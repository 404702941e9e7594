//! Other people's programs see what a setup made as what it is.

use crate::keys::person;
use hsm_test::piv::{CardOptions, PivModule};

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "'{part}' is not in\n{text}");
    }
}

#[test]
fn ykman_yubico_piv_tool_and_opensc_name_the_key() {
    for (firmware, algorithm, shown) in
        [("4.3", "p256", "ECCP256"), ("5.4", "p384", "ECCP384"), ("5.7", "p256", "ECCP256")]
    {
        let Some((person, card)) = person(CardOptions::default().firmware(firmware)) else { return };
        person.ok(&format!("token setup piv --algorithm {algorithm} --name ada"));
        person.ok(&format!("token setup piv --algorithm {algorithm} --piv-slot 9d"));
        let Some(text) = person.place.must("ykman", &["--reader", card.reader(), "piv", "info"]) else { return };
        says(&text, &["Slot 82:", "Slot 9d:", &format!("Algorithm:\t{shown}")]);
        says(&text, &["Subject DN:\tCN=twinlock YubiKey 12345678,OU=ada,O=twinlock"]);
        says(&text, &["Issuer DN:\tCN=twinlock YubiKey 12345678,O=twinlock", "Not after:\t9999-12-31 23:59:59"]);
        let text = person.place.must("yubico-piv-tool", &["--reader", card.reader(), "-a", "status"]).unwrap();
        says(&text, &["Slot 82:", "O=twinlock, OU=ada, CN=twinlock YubiKey 12345678", shown]);
        let module = PivModule::OpenSc.library();
        let Some(module) = module else { return };
        let args = ["--module", module.to_str().unwrap(), "-O"];
        let text = person.place.must("pkcs11-tool", &args).unwrap();
        // OpenSC looks at retired PIV slots only where the key history object says so.
        says(
            &text,
            &["Certificate for Key Management", "Retired Certificate for Key Management 1", "Retired KEY MAN 1"],
        );
        says(&text, &["subject:    DN: O=twinlock, OU=ada, CN=twinlock YubiKey 12345678", "Usage:      derive"]);
    }
}

#[test]
fn the_certificate_is_whole() {
    for algorithm in ["p256", "p384"] {
        let Some((person, card)) = person(CardOptions::default()) else { return };
        person.ok(&format!("token setup piv --algorithm {algorithm} --name Zoë"));
        let export = ["--reader", card.reader(), "piv", "certificates", "export", "82", "c.pem"];
        if person.place.must("ykman", &export).is_none() {
            return;
        }
        // It is signed by its own key.
        let text = person.place.must("openssl", &["verify", "-check_ss_sig", "-CAfile", "c.pem", "c.pem"]).unwrap();
        says(&text, &["c.pem: OK"]);
        let text =
            person.place.must("openssl", &["x509", "-in", "c.pem", "-noout", "-text", "-nameopt", "utf8"]).unwrap();
        says(&text, &["Version: 3", "Key Agreement", "critical", "OU=Zoë", "Dec 31 23:59:59 9999 GMT"]);
    }
}

#[test]
fn a_key_that_cannot_sign_is_named_too() {
    let Some((person, card)) = person(CardOptions::default().firmware("5.7")) else { return };
    person.ok("token setup piv --piv-slot 9d");
    person.ok("token setup piv --algorithm x25519 --name ada");
    let export = ["--reader", card.reader(), "piv", "certificates", "export", "82", "c.pem"];
    if person.place.must("ykman", &export).is_none() {
        return;
    }
    let text = person.place.must("openssl", &["x509", "-in", "c.pem", "-noout", "-text"]).unwrap();
    says(&text, &["X25519", "CN = twinlock: a key that is gone", "CN = twinlock YubiKey 12345678"]);
    // Their other commands go on working.
    let text = person.place.must("ykman", &["--reader", card.reader(), "piv", "info"]).unwrap();
    says(&text, &["Slot 82:", "CN=twinlock YubiKey 12345678,OU=ada,O=twinlock"]);
    let text = person.place.must("yubico-piv-tool", &["--reader", card.reader(), "-a", "status"]).unwrap();
    says(&text, &["Slot 82:", "twinlock YubiKey 12345678"]);
    if let Some(module) = PivModule::OpenSc.library() {
        let text = person.place.must("pkcs11-tool", &["--module", module.to_str().unwrap(), "-O"]).unwrap();
        says(&text, &["twinlock YubiKey 12345678"]);
    }
}
