//! Other people's programs use the card as they use a real one: our card is not tested against us alone.

use crate::lab::{MANAGEMENT, card, piv, prove};
use hsm_test::piv::{CardOptions, PcscPlace, PivModule, VirtualYubikey};

/// ykman on this card alone.
fn ykman(place: &PcscPlace, card: &VirtualYubikey, args: &[&str]) -> Option<String> {
    place.must("ykman", &[&["--reader", card.reader(), "piv"], args].concat())
}

fn piv_tool(place: &PcscPlace, card: &VirtualYubikey, args: &[&str]) -> Option<String> {
    place.must("yubico-piv-tool", &[&["--reader", card.reader()], args].concat())
}

/// Makes a key and a certificate for it with ykman, which signs with the card.
fn key(place: &PcscPlace, card: &VirtualYubikey, slot: &str, algorithm: &str) -> Option<()> {
    ykman(place, card, &["keys", "generate", "-m", MANAGEMENT, "-a", algorithm, slot, "public.pem"])?;
    let args = ["certificates", "generate", "-m", MANAGEMENT, "-P", "123456", "-s", "CN=lab", slot, "public.pem"];
    ykman(place, card, &args).map(drop)
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "'{part}' is not in\n{text}");
    }
}

#[test]
fn ykman_shows_each_firmware_as_what_it_is() {
    for (firmware, version, management) in
        [("4.3", "4.3.7", "TDES"), ("5.2", "5.2.7", "TDES"), ("5.4", "5.4.3", "TDES"), ("5.7", "5.7.1", "AES192")]
    {
        let Some((place, card)) = card(CardOptions::default().firmware(firmware).serial(12_345_678)) else { return };
        let Some(text) = ykman(&place, &card, &["info"]) else { return };
        let management = format!("Management key algorithm: {management}");
        says(&text, &[&format!("PIV version: {version}"), "PIN tries remaining: 3", &management]);
        says(&place.must("ykman", &["list"]).unwrap(), &["YubiKey", version, "12345678"]);
    }
}

#[test]
fn keys_of_a_kind_that_a_program_does_not_know_do_not_stop_it() {
    let Some((place, card)) = card(CardOptions::default().firmware("5.7")) else { return };
    let mut program = piv(&card);
    assert_eq!(prove::<aes::Aes192>(&mut program, "0a", MANAGEMENT), "9000");
    assert!(program.ask("0047009d05ac038001e1").starts_with("7f49228620"), "X25519");
    drop(program);
    let Some(text) = ykman(&place, &card, &["info"]) else { return };
    says(&text, &["PIV version: 5.7.1"]);
    let Some(text) = piv_tool(&place, &card, &["-a", "status"]) else { return };
    says(&text, &["Version:\t5.7.1"]);
    let Some(module) = PivModule::Yubico.library() else { return };
    let args = ["--module", module.to_str().unwrap(), "-O", "--login", "--pin", "123456"];
    place.must("pkcs11-tool", &args);
}

#[test]
fn ykman_sets_a_card_up_and_makes_it_new_again() {
    let Some((place, card)) = card(CardOptions::default()) else { return };
    if key(&place, &card, "9d", "ECCP384").is_none() {
        return;
    }
    says(&ykman(&place, &card, &["info"]).unwrap(), &["Slot 9d:", "ECCP384", "CN=lab", "Using default PIN"]);
    ykman(&place, &card, &["access", "change-pin", "-P", "123456", "-n", "654321"]).unwrap();
    ykman(&place, &card, &["access", "change-puk", "-p", "12345678", "-n", "87654321"]).unwrap();
    card.tries(0, 3);
    ykman(&place, &card, &["access", "unblock-pin", "-p", "87654321", "-n", "234567"]).unwrap();
    let protect = ["access", "change-management-key", "-a", "AES256", "--generate", "--protect"];
    ykman(&place, &card, &[&protect[..], &["-m", MANAGEMENT, "-P", "234567"]].concat()).unwrap();
    let text = ykman(&place, &card, &["info"]).unwrap();
    says(&text, &["Management key algorithm: AES256", "Management key is stored on the YubiKey, protected by PIN"]);
    // The key that it keeps on the card opens the card, with the PIN.
    ykman(&place, &card, &["keys", "generate", "-P", "234567", "-a", "ECCP256", "9a", "public.pem"]).unwrap();
    ykman(&place, &card, &["access", "set-retries", "-P", "234567", "-f", "5", "6"]).unwrap();
    says(&ykman(&place, &card, &["info"]).unwrap(), &["PIN tries remaining: 5/5"]);
    ykman(&place, &card, &["reset", "-f"]).unwrap();
    let text = ykman(&place, &card, &["info"]).unwrap();
    says(&text, &["Management key algorithm: TDES", "PIN tries remaining: 3/3"]);
    assert!(!text.contains("Slot"), "{text}");
}

#[test]
fn yubico_piv_tool_sets_a_card_up_and_uses_it() {
    let Some((place, card)) = card(CardOptions::default().serial(12_345_678)) else { return };
    let tool = |args: &[&str]| piv_tool(&place, &card, args);
    let Some(text) = tool(&["-a", "status"]) else { return };
    says(&text, &["Version:\t5.4.3", "Serial Number:\t12345678", "PIN tries left:\t3"]);
    for (slot, algorithm) in [("82", "ECCP256"), ("83", "ECCP384"), ("84", "RSA2048")] {
        if key(&place, &card, slot, algorithm).is_none() {
            return;
        }
        tool(&["-a", "read-certificate", "-s", slot, "-o", "certificate.pem"]).unwrap();
        for test in ["test-signature", "test-decipher"] {
            says(
                &tool(&["-a", "verify-pin", "-P", "123456", "-a", test, "-s", slot, "-i", "certificate.pem"]).unwrap(),
                &["Success"],
            );
        }
    }
    let (new, old) = (MANAGEMENT.replace("01", "f1"), format!("-k{MANAGEMENT}"));
    tool(&[&old, "-a", "set-mgm-key", "-n", &new]).unwrap();
    tool(&[&format!("-k{new}"), "-a", "set-chuid"]).unwrap();
    tool(&["-a", "change-pin", "-P", "123456", "-N", "654321"]).unwrap();
    tool(&["-a", "unblock-pin", "-P", "12345678", "-N", "234567"]).unwrap();
    tool(&["-a", "verify-pin", "-P", "234567"]).unwrap();
    assert_ne!(place.run("yubico-piv-tool", &["-a", "reset"]).unwrap().code, Some(0), "PIN and PUK are not blocked");
    card.tries(0, 0);
    tool(&["-a", "reset", "-a", "verify-pin", "-P", "123456"]).unwrap();
}

#[test]
fn an_attestation_leads_to_the_root_and_says_how_the_key_was_made() {
    for signer in ["rsa", "p256", "p384"] {
        let options = CardOptions::default().firmware("5.7").serial(0x00bc_614e).set("attestation", signer);
        let Some((place, card)) = card(options) else { return };
        std::fs::write(place.folder().join("root.der"), card.attestation_root()).unwrap();
        if place.must("openssl", &["x509", "-inform", "DER", "-in", "root.der", "-out", "root.pem"]).is_none() {
            return;
        }
        // PIN always, touch cached. The tool of Debian 12 does not know the card's AES management key, ykman does.
        let policies = ["--pin-policy", "ALWAYS", "--touch-policy", "CACHED"];
        let generate =
            [&["keys", "generate", "-m", MANAGEMENT, "-a", "ECCP256"], &policies[..], &["9a", "key.pem"]].concat();
        if ykman(&place, &card, &generate).is_none() || piv_tool(&place, &card, &["-a", "version"]).is_none() {
            return;
        }
        piv_tool(&place, &card, &["-a", "attest", "-s", "9a", "-o", "statement.pem"]).unwrap();
        piv_tool(&place, &card, &["-a", "read-certificate", "-s", "f9", "-o", "f9.pem"]).unwrap();
        place.must("openssl", &["verify", "-CAfile", "root.pem", "-untrusted", "f9.pem", "statement.pem"]).unwrap();
        let public = place.must("openssl", &["x509", "-in", "statement.pem", "-noout", "-pubkey"]).unwrap();
        assert_eq!(public, std::fs::read_to_string(place.folder().join("key.pem")).unwrap());
        place.must("openssl", &["x509", "-in", "statement.pem", "-outform", "DER", "-out", "statement.der"]).unwrap();
        let statement = hex::encode(std::fs::read(place.folder().join("statement.der")).unwrap());
        let yubico = "060a2b0601040182c40a03";
        // Firmware; serial number, an integer; PIN and touch policy; form factor.
        for extension in ["030403050701", "070406020400bc614e", "0804020303", "09040101"] {
            assert!(statement.contains(&format!("{yubico}{extension}")), "{extension}: {statement}");
        }
        // Only of a key that was made here.
        place.must("openssl", &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "own.pem"]).unwrap();
        ykman(&place, &card, &["keys", "import", "-m", MANAGEMENT, "9c", "own.pem"]).unwrap();
        for slot in ["9c", "9e"] {
            assert_ne!(place.run("yubico-piv-tool", &["-a", "attest", "-s", slot]).unwrap().code, Some(0), "{slot}");
        }
    }
}

#[test]
fn both_pkcs11_modules_list_a_key_and_agree_on_a_secret_with_it() {
    let Some((place, card)) = card(CardOptions::default()) else { return };
    let modules = [PivModule::OpenSc.library(), PivModule::Yubico.library()];
    if key(&place, &card, "9d", "ECCP256").is_none() {
        return;
    }
    let openssl = |args: &[&str]| place.must("openssl", args);
    if openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "own.pem"]).is_none() {
        return;
    }
    openssl(&["pkey", "-in", "own.pem", "-pubout", "-outform", "DER", "-out", "own.der"]).unwrap();
    openssl(&["pkeyutl", "-derive", "-inkey", "own.pem", "-peerkey", "public.pem", "-out", "expected"]).unwrap();
    for module in modules.into_iter().flatten() {
        let module = module.to_str().unwrap();
        let tool = |args: &[&str]| place.must("pkcs11-tool", &[&["--module", module], args].concat());
        let Some(text) = tool(&["-O", "--login", "--pin", "123456"]) else { return };
        says(&text, &["Certificate Object", "Private Key Object; EC", "Public Key Object; EC"]);
        let derive =
            ["--login", "--pin", "123456", "--derive", "-m", "ECDH1-DERIVE", "--id", "03", "-i", "own.der", "-o", "z"];
        tool(&derive).unwrap();
        let read = |name: &str| std::fs::read(place.folder().join(name)).unwrap();
        assert_eq!((read("z"), read("z").len()), (read("expected"), 32), "{module}");
        std::fs::remove_file(place.folder().join("z")).unwrap();
    }
}

#[test]
fn opensc_uses_a_piv_card_that_is_no_yubikey() {
    let Some(place) = PcscPlace::with_readers(&["ACS ACR39U ICC Reader"]) else { return };
    let _card = place.card(CardOptions::default().mode("piv"));
    let Some(text) = place.must("opensc-tool", &["--name"]) else { return };
    says(&text, &["Personal Identity Verification Card"]);
    let Some(module) = PivModule::OpenSc.library() else { return };
    let args = ["--module", module.to_str().unwrap(), "--login", "--pin", "123456", "-O"];
    says(&place.must("pkcs11-tool", &args).unwrap(), &["Discovery Object"]);
}
