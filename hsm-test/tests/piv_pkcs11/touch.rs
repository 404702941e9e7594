//! A key that wants a touch: no module tells, so it is said when the answer takes long.

use crate::lab::{Desk, MODULES, TOUCH, tries};
use crate::pty::Pty;
use hsm_test::piv::{CardOptions, PivModule};

/// A vault that a key with touch policy always opens; the finger is away from now on.
fn enrolled(module: PivModule) -> Option<Desk> {
    let options = CardOptions::default().touch_timeout(1600);
    let desk = Desk::with(&[module], options, &["Yubico YubiKey OTP+FIDO+CCID"])?;
    desk.enroll(TOUCH);
    desk.card.finger("away");
    Some(desk)
}

fn told(text: &str) -> bool {
    text.contains("Waiting for token '") && text.contains("': touch it if it blinks")
}

#[test]
fn to_enroll_one_touch_is_enough() {
    for module in MODULES {
        let options = CardOptions::default();
        let Some(desk) = Desk::with(&[module], options, &["Yubico YubiKey OTP+FIDO+CCID"]) else { return };
        desk.enroll(TOUCH);
        assert_eq!(desk.card.touches(), 1, "{module:?}");
        assert_eq!(desk.opens().code, Some(0));
        assert_eq!(desk.card.touches(), 2, "{module:?}");
    }
}

#[test]
fn a_touch_at_once_needs_no_word() {
    for module in MODULES {
        let Some(desk) = enrolled(module) else { return };
        desk.card.finger("ready");
        let ran = desk.opens();
        assert!(ran.code == Some(0) && !told(&ran.text), "{}", ran.text);
    }
}

#[test]
fn a_touch_that_is_waited_for_is_asked_for() {
    for module in MODULES {
        let Some(desk) = enrolled(module) else { return };
        desk.card.finger("1200");
        let ran = desk.opens();
        assert!(ran.code == Some(0) && told(&ran.text), "{}", ran.text);
    }
}

#[test]
fn a_touch_that_did_not_come_is_no_missing_pin() {
    for module in MODULES {
        let Some(desk) = enrolled(module) else { return };
        desk.fails("list --keyslot pkcs11", 7, "was not touched in time");
        let ran = desk.run(&format!("token test {TOUCH}"));
        assert!(ran.code == Some(7) && told(&ran.text), "{}", ran.text);
        desk.card.finger("ready");
        assert_eq!(desk.opens().code, Some(0));
    }
}

#[test]
fn the_deadline_of_a_module_is_not_that_of_a_person() {
    for module in MODULES {
        let Some(desk) = enrolled(module) else { return };
        let Some(library) = module.library() else { return };
        desk.configure(&[library], "deadline = 1\n");
        desk.card.finger("1300");
        let ran = desk.opens();
        assert_eq!(ran.code, Some(0), "{}", ran.text);
    }
}

#[test]
fn the_pin_is_right_and_no_try_is_lost_while_nobody_touches() {
    let Some(desk) = enrolled(PivModule::OpenSc) else { return };
    desk.card.tries(2, 3);
    let ran = desk.opens();
    assert!(ran.text.contains("no PIN try was lost"), "{}", ran.text);
    assert_eq!(tries(&desk.card), 3);
}

#[test]
fn at_a_terminal_it_waits_until_it_is_touched_or_ctrl_c() {
    for module in MODULES {
        let options = CardOptions::default();
        let Some(desk) = Desk::with(&[module], options, &["Yubico YubiKey OTP+FIDO+CCID"]) else { return };
        desk.enroll(TOUCH);
        desk.card.finger("away");
        for touched in [true, false] {
            let mut terminal = Pty::spawn(&desk.command("list --keyslot pkcs11"));
            terminal.expect("PIN of token '");
            terminal.send("123456\r");
            // The line is broken where the name of the token is long.
            terminal.expect("Waiting for token '");
            desk.card.wait_for_light();
            if touched {
                desk.card.touch();
            } else {
                terminal.send("\u{3}");
            }
            assert_eq!(terminal.wait_exit().success(), touched);
        }
        // The card still blinks for a program that is gone.
        desk.card.touch();
        desk.card.finger("ready");
        assert_eq!(desk.opens().code, Some(0));
    }
}
