//! OpenSC names a card by what is written on it: the person in its first certificate, and the CHUID, which ykman writes anew with every
//! certificate. The public key tells which card it is.

use crate::lab::{CHUID, Desk, KEY_MANAGEMENT, MODULES, RETIRED, RSA, key, object, ykman};
use hsm_test::piv::{CardOptions, PivModule};

#[test]
fn a_card_with_a_new_certificate_still_opens() {
    for module in MODULES {
        let Some(desk) = Desk::enrolled(module, KEY_MANAGEMENT) else { return };
        key(&desk.place, &desk.card, "9a", "ECCP256").unwrap();
        assert_eq!(desk.opens().code, Some(0));
        // In no need of the card's name, either.
        ykman(&desk.place, &desk.card, &["certificates", "delete", "-m", crate::card_lab::MANAGEMENT, "9a"]).unwrap();
        object(&desk.place, &desk.card, CHUID, &[]).unwrap();
        let text = desk.ok("list --keyslot pkcs11");
        assert!(!text.contains("not here"), "{text}");
        let text = desk.ok("doctor");
        assert!(!text.contains("is not here"), "{text}");
    }
}

#[test]
fn what_one_module_enrolled_opens_through_the_other() {
    for (first, second) in [(PivModule::OpenSc, PivModule::Yubico), (PivModule::Yubico, PivModule::OpenSc)] {
        for key in [KEY_MANAGEMENT, RETIRED, RSA] {
            let Some(desk) = Desk::enrolled(first, key) else { return };
            let Some(library) = second.library() else { return };
            desk.configure(&[library], "");
            let ran = desk.opens();
            assert_eq!(ran.code, Some(0), "{key}: {}", ran.text);
        }
    }
}

#[test]
fn of_two_cards_with_one_name_the_one_with_the_key_is_asked() {
    let Some(desk) = Desk::new(PivModule::OpenSc) else { return };
    let Some(spare) = desk.spare() else { return };
    // Both in the same words: no certificate but that of 9d, no CHUID.
    let management = crate::card_lab::MANAGEMENT;
    for slot in ["9a", "9c", "82", "83", "84", "85"] {
        ykman(&desk.place, &desk.card, &["certificates", "delete", "-m", management, slot]).unwrap();
    }
    object(&desk.place, &desk.card, "0x5fc10c", &[]).unwrap();
    let args = ["keys", "generate", "-m", management, "-a", "ECCP256", "9d", "public.pem"];
    ykman(&desk.place, &spare, &args).unwrap();
    let name = ["certificates", "generate", "-m", management, "-P", "123456", "-s", "CN=ada", "9d", "public.pem"];
    ykman(&desk.place, &spare, &name).unwrap();
    for card in [&desk.card, &spare] {
        object(&desk.place, card, CHUID, &[]).unwrap();
    }
    desk.fails(&format!("token test {KEY_MANAGEMENT}"), 1, "2 tokens match");
    desk.card.remove();
    desk.enroll("pkcs11:token=ada");
    desk.card.insert();
    // The vault is that of the second reader's card, and the first one's gets no PIN.
    let uri = "--token pkcs11:token=ada";
    assert_eq!(desk.run(&format!("list --keyslot pkcs11 {uri}")).code, Some(0));
    spare.remove();
    desk.write("pin", "654321");
    desk.fails(&format!("list --keyslot pkcs11 {uri}"), 7, "is not the one that was enrolled");
}

#[test]
fn a_card_that_is_not_here_is_passed_over() {
    for module in MODULES {
        let Some(desk) = Desk::enrolled(module, KEY_MANAGEMENT) else { return };
        desk.card.remove();
        let Some(_spare) = desk.spare() else { return };
        let ran = desk.run("list --recovery-file code");
        assert_eq!(ran.code, Some(0), "{}", ran.text);
        let ran = desk.opens();
        assert!(ran.code == Some(3) && ran.text.contains("is not here"), "{}", ran.text);
    }
}

#[test]
fn the_spare_card_is_enrolled_beside_the_first() {
    for module in MODULES {
        let Some(desk) = Desk::enrolled(module, KEY_MANAGEMENT) else { return };
        let Some(spare) = desk.spare() else { return };
        let uri = if module == PivModule::OpenSc { "token=spare" } else { "serial=87654321" };
        desk.card.remove();
        desk.ok(&format!("keyslot enroll --name spare --factor pkcs11:{uri};id=%03 --recovery-file code"));
        assert_eq!(desk.run("list --keyslot spare").code, Some(0));
        // Either is enough, and an absent one is not asked for.
        assert_eq!(desk.run("list").code, Some(0));
        spare.remove();
        desk.card.insert();
        assert_eq!(desk.run("list").code, Some(0));
        assert_eq!(desk.run("list --keyslot spare").code, Some(3));
    }
}

#[test]
fn a_key_that_moved_into_another_piv_slot_is_found() {
    let Some(desk) =
        Desk::with(&[PivModule::Yubico], CardOptions::default().firmware("5.7"), &["Yubico YubiKey OTP+FIDO+CCID"])
    else {
        return;
    };
    desk.enroll(RETIRED);
    let mut program = crate::card_lab::piv(&desk.card);
    crate::card_lab::manage(&mut program);
    // MOVE KEY from 83 to 8a; its certificate would still show the key where it was.
    assert_eq!(program.ask("00f68a83"), "9000");
    drop(program);
    ykman(&desk.place, &desk.card, &["certificates", "delete", "-m", crate::card_lab::MANAGEMENT, "83"]).unwrap();
    let ran = desk.opens();
    assert_eq!(ran.code, Some(0), "{}", ran.text);
}
