//! Pulled, held by others, with another key, hostile: a clear word, and no PIN for nothing.

use crate::card_lab::MANAGEMENT;
use crate::lab::{Desk, KEY_MANAGEMENT, MODULES, PIN, RSA, keeping_chuid, key, tries, ykman};
use hsm_test::piv::{PivModule, Share};

#[test]
fn another_key_in_the_piv_slot_is_found_before_a_pin_is_sent() {
    for module in MODULES {
        let Some(desk) = Desk::enrolled(module, KEY_MANAGEMENT) else { return };
        desk.write("pin", "654321");
        // Of another kind, too.
        for algorithm in ["ECCP256", "RSA2048"] {
            let made = keeping_chuid(&desk.place, &desk.card, || {
                key(&desk.place, &desk.card, "9d", algorithm)?;
                // With the new CHUID it is, for OpenSC, another card.
                let (code, says) = match module {
                    PivModule::OpenSc => (3, "is not here"),
                    PivModule::Yubico => (7, "is not the one that was enrolled"),
                };
                desk.fails("list --keyslot pkcs11", code, says);
                Some(())
            });
            made.unwrap();
            desk.fails("list --keyslot pkcs11", 7, "is not the one that was enrolled");
        }
    }
}

#[test]
fn a_key_made_anew_beside_an_old_certificate_is_found_out() {
    let Some(desk) = Desk::enrolled(PivModule::OpenSc, KEY_MANAGEMENT) else { return };
    let generate = ["keys", "generate", "-m", MANAGEMENT, "-a", "ECCP256", "9d", "public.pem"];
    ykman(&desk.place, &desk.card, &generate).unwrap();
    desk.fails("list --keyslot pkcs11", 3, "is not the one that was enrolled");
    desk.fails(&format!("token test {KEY_MANAGEMENT}"), 7, "is not for the key that is there");
}

#[test]
fn a_piv_slot_without_a_certificate_is_said_to_show_no_key() {
    let Some(desk) = Desk::enrolled(PivModule::OpenSc, KEY_MANAGEMENT) else { return };
    let delete = ["certificates", "delete", "-m", MANAGEMENT, "9d"];
    keeping_chuid(&desk.place, &desk.card, || ykman(&desk.place, &desk.card, &delete)).unwrap();
    desk.write("pin", "654321");
    desk.fails("list --keyslot pkcs11", 4, "shows no key");
    desk.write("pin", PIN);
    desk.fails(&format!("token test {KEY_MANAGEMENT}"), 4, "shows no key with id 03");
}

#[test]
fn a_card_pulled_while_it_works_is_gone_and_opens_again_when_it_is_back() {
    for module in MODULES {
        for key in [KEY_MANAGEMENT, RSA] {
            let Some(desk) = Desk::enrolled(module, key) else { return };
            for fault in ["ins=87 pull-before", "ins=87 pull-after"] {
                desk.card.fault(fault);
                let ran = desk.opens();
                let gone = ran.code == Some(7) && ran.text.contains("does not answer any more");
                assert!(gone, "{module:?} {fault}: {}", ran.text);
                desk.card.insert();
                let ran = desk.opens();
                assert_eq!(ran.code, Some(0), "{module:?} {fault}: {}", ran.text);
                assert_eq!(tries(&desk.card), 3);
            }
        }
    }
}

#[test]
fn a_module_that_waits_for_a_card_that_was_pulled_is_ended() {
    let Some(desk) = Desk::enrolled(PivModule::OpenSc, KEY_MANAGEMENT) else { return };
    let Some(library) = PivModule::OpenSc.library() else { return };
    desk.configure(&[library], "deadline = 2\n");
    // While OpenSC asks how many tries are left: it never comes back.
    desk.card.fault("ins=20 at=2 pull-before");
    let ran = desk.opens();
    assert!(ran.code == Some(7) && ran.text.contains("did not answer within 2 seconds"), "{}", ran.text);
    assert_eq!(desk.run("list --recovery-file code").code, Some(0));
}

#[test]
fn a_card_that_another_program_holds_is_as_one_that_is_not_here() {
    for module in MODULES {
        let Some(desk) = Desk::enrolled(module, KEY_MANAGEMENT) else { return };
        let holder = desk.card.other_program(Share::Exclusive).unwrap();
        let ran = desk.opens();
        assert!(ran.code == Some(3) && ran.text.contains("is not here"), "{}", ran.text);
        drop(holder);
        assert_eq!(desk.opens().code, Some(0));
    }
}

#[test]
fn without_pcscd_the_recovery_code_still_opens() {
    for module in MODULES {
        let Some(desk) = Desk::enrolled(module, KEY_MANAGEMENT) else { return };
        desk.place.stop_pcscd();
        let ran = desk.opens();
        assert!(matches!(ran.code, Some(3 | 7)), "{}", ran.text);
        assert_eq!(desk.run("list --recovery-file code").code, Some(0));
    }
}

/// What a card could answer to the use of a key.
const LIES: [&str; 12] = [
    "short=3",
    "long=3",
    "long=60000",
    "wrong",
    "value-shorter=1",
    "value-longer=1",
    "value-zero",
    "replace=00",
    "sw=6f00",
    "sw-after=6f00",
    "sw=6982",
    "sw=6983",
];

fn hostile(module: PivModule, key: &str) {
    let Some(desk) = Desk::enrolled(module, key) else { return };
    for lie in LIES {
        // Both modules pass over bytes behind the answer; then it is the right secret, or the vault would not open.
        let harmless = lie.starts_with("long");
        desk.card.fault(&format!("ins=87 every {lie}"));
        let enrolled = format!("token test {key}");
        // Where a damaged blob is refused by the token, each trial costs a second look at it.
        let lines = if key == RSA { &["list --keyslot pkcs11"][..] } else { &["list --keyslot pkcs11", &enrolled] };
        for line in lines {
            let ran = desk.run(line);
            let refused = matches!(ran.code, Some(3 | 5 | 7)) && ran.text.contains("twinlock: error:");
            assert!(refused || harmless, "{module:?} {key} {lie}: {:?} {}", ran.code, ran.text);
        }
        desk.card.tell("clear-faults");
    }
    assert_eq!(desk.opens().code, Some(0), "nothing of it lasts");
}

#[test]
fn what_a_hostile_card_answers_to_opensc_is_never_taken_for_a_secret() {
    hostile(PivModule::OpenSc, KEY_MANAGEMENT);
    hostile(PivModule::OpenSc, RSA);
}

#[test]
fn what_a_hostile_card_answers_to_yubico_s_module_is_never_taken_for_a_secret() {
    hostile(PivModule::Yubico, KEY_MANAGEMENT);
    hostile(PivModule::Yubico, RSA);
}
