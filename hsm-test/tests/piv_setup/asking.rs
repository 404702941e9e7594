//! A person thinks, and may go away: what is asked for is asked for before anything is changed, the card holds neither PIN nor the right to
//! change its keys meanwhile, and what another program does meanwhile is seen.

use crate::card_lab::MANAGEMENT;
use crate::keys::person;
use crate::lab::{P256, Person, certify, make_key, once, policies, times};
use crate::pty::Pty;
use hsm_test::piv::{CardOptions, Leave, Share, VirtualYubikey};

const CHANGE: u8 = 0x24;
const GENERATE: u8 = 0x47;
const PUT: u8 = 0xdb;
const OWN: &str = "a1a2a3a4a5a6a7a8b1b2b3b4b5b6b7b8c1c2c3c4c5c6c7c8";

/// A prompt, and what is typed there.
type Step = (&'static str, &'static str);

const PIN: Step = ("PIN of token 'YubiKey 12345678' (3 tries left): ", "123456\r");
const OWN_PIN: Step = (PIN.0, "735501\r");
const NEW: [Step; 2] = [("New PIN for token", "735502\r"), ("The same PIN again: ", "735502\r")];
const NEW_PUK: [Step; 2] = [("New PUK for token", "99887766\r"), ("The same PUK again: ", "99887766\r")];
const YES: Step = ("Change it now? [Y/n] ", "y\r");
const NO: Step = ("Change it now? [Y/n] ", "n\r");
const TOUCH: Step = ("Touch YubiKey 12345678 to sign", "");

/// What another program finds that selects nothing: a PIN that is verified, the right to write.
fn left_behind(card: &VirtualYubikey) -> (bool, bool) {
    // pcscd may still be at work on the end of the program that was stopped; nothing is selected or reset by asking again.
    for _ in 0..20 {
        let Ok(mut program) = card.other_program(Share::Shared) else { continue };
        let [verified, managed] = ["00200080", "00db3fff075c035f00015300"]
            .map(|apdu| program.send(&hex::decode(apdu).expect("hexadecimal")).map(|answer| answer == [0x90, 0x00]));
        drop(program);
        if let (Ok(verified), Ok(managed)) = (verified, managed) {
            return (verified, managed);
        }
    }
    panic!("somebody resets the card again and again");
}

/// Walks through the prompts again and again, each time as far as the next one, and presses Ctrl-C there.
fn stop_everywhere(what: &str, command: &str, steps: &[Step], new: impl Fn() -> Option<(Person, VirtualYubikey)>) {
    for stop in 0..steps.len() {
        let Some((person, card)) = new() else { return };
        card.finger("away");
        card.tell("touch-timeout 300");
        card.clear_log();
        let mut terminal = Pty::spawn(&person.command(command));
        for (prompt, answer) in &steps[..stop] {
            terminal.expect(prompt);
            terminal.send(answer);
        }
        terminal.expect(steps[stop].0);
        let at_touch = steps[stop] == TOUCH;
        if at_touch {
            card.wait_for_light();
        } else {
            // The card is left alone while it is asked.
            assert_eq!(left_behind(&card), (false, false), "{what}: at '{}'", steps[stop].0);
        }
        terminal.send("\u{3}");
        assert!(!terminal.wait_exit().success());
        card.tell("wait dark 20000");
        // The program had the card for itself when it ended: the service notices that in a moment, and resets the card.
        let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while at_touch && left_behind(&card) != (false, false) && std::time::Instant::now() < until {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert_eq!(left_behind(&card), (false, false), "{what}: after '{}'", steps[stop].0);
        if !at_touch {
            let writes = [CHANGE, 0x2c, GENERATE].map(|ins| times(&card, ins));
            assert_eq!((writes, times(&card, PUT)), ([0; 3], 2), "{what}: at '{}'", steps[stop].0);
        }
    }
}

fn own_pin(card: &VirtualYubikey) {
    let mut program = crate::card_lab::piv(card);
    assert_eq!(program.ask("0024008010313233343536ffff373335353031ffff"), "9000");
    program.leave(Leave::Reset);
}

#[test]
fn a_person_may_stop_at_every_prompt_of_a_new_yubikey() {
    let steps = [&[YES][..], &NEW, &[YES], &NEW_PUK, &[TOUCH]].concat();
    stop_everywhere("new", "token setup piv", &steps, || person(CardOptions::default()));
}

#[test]
fn with_a_pin_of_their_own() {
    let new = |firmware: &str| {
        let (person, card) = person(CardOptions::default().firmware(firmware))?;
        own_pin(&card);
        person.write("new-pin", "735502");
        Some((person, card))
    };
    stop_everywhere("own PIN", "token setup piv", &[NO, OWN_PIN, TOUCH], || new("5.4"));
    stop_everywhere("changed", "token setup piv --new-pin-file new-pin", &[OWN_PIN, NO, TOUCH], || new("5.4"));
    stop_everywhere("changed, 4.3", "token setup piv --new-pin-file new-pin", &[(PIN.0, "735501\r"), TOUCH], || {
        new("4.3")
    });
}

#[test]
fn on_firmware_that_does_not_tell_of_the_factory_s() {
    let steps = [&[PIN, YES][..], &NEW, &[TOUCH]].concat();
    stop_everywhere("old", "token setup piv", &steps, || person(CardOptions::default().firmware("5.2")));
}

#[test]
fn with_a_management_key_behind_the_pin_or_typed() {
    let new = |args: &'static [&'static str]| {
        move || {
            let (person, card) = person(CardOptions::default())?;
            let all = ["--reader", card.reader(), "piv", "access", "change-management-key", "-m", MANAGEMENT];
            person.place.must("ykman", &[&all[..], args].concat())?;
            Some((person, card))
        }
    };
    let steps = [&[PIN, YES][..], &NEW, &[NO, TOUCH]].concat();
    let protect = &["--generate", "--protect", "-P", "123456"];
    stop_everywhere("behind the PIN", "token setup piv", &steps, new(protect));
    let typed: Step = ("Management key of token", "a1a2a3a4a5a6a7a8b1b2b3b4b5b6b7b8c1c2c3c4c5c6c7c8\r");
    stop_everywhere("typed", "token setup piv", &[typed, NO, NO, PIN, TOUCH], new(&["-n", OWN]));
}

#[test]
fn nothing_is_left_behind_by_a_setup_that_came_to_its_end() {
    for policy in ["once", "never"] {
        let Some((person, card)) = person(CardOptions::default()) else { return };
        person.ok(&format!("token setup piv --pin-policy {policy}"));
        assert_eq!(left_behind(&card), (false, false), "{policy}");
    }
}

#[test]
fn a_wrong_old_pin_may_be_typed_again_and_the_new_one_need_not() {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    own_pin(&card);
    person.write("new-pin", "735502");
    card.clear_log();
    let mut terminal = Pty::spawn(&person.command("token setup piv --new-pin-file new-pin"));
    terminal.expect(PIN.0);
    terminal.send("111111\r");
    terminal.expect(NO.0);
    terminal.send(NO.1);
    terminal.expect("That is not the PIN of token 'YubiKey 12345678'; 2 tries are left.");
    terminal.expect("(2 tries left): ");
    assert_eq!(left_behind(&card), (false, false));
    terminal.send("111111\r");
    terminal.expect("that cannot be the PIN");
    terminal.expect("(2 tries left): ");
    terminal.send("735501\r");
    terminal.expect("changed the PIN; PIN: 3 of 3 tries left;");
    terminal.expect("piv:12345678/82");
    assert!(terminal.wait_exit().success());
    assert_eq!(times(&card, CHANGE), 2);
    person.write("pin", "735502");
    person.ok("token setup piv");
}

#[test]
fn a_pin_that_is_not_the_factory_s_is_changed_from_the_one_that_is_given() {
    for firmware in ["4.3", "5.4"] {
        let Some((person, card)) = person(CardOptions::default().firmware(firmware)) else { return };
        own_pin(&card);
        person.write("new-pin", "735502");
        let ran = person.run("token setup piv --new-pin-file new-pin");
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(ran.stderr.contains("nobody is there to type the PIN"), "{}", ran.stderr);
        card.clear_log();
        person.write("pin", "735501");
        assert!(person.ok("token setup piv --new-pin-file new-pin").contains("changed the PIN"));
        assert_eq!(times(&card, CHANGE), 1);
        person.write("pin", "735502");
        person.ok("token setup piv");
        // And the PUK, with the old one.
        person.write("new-puk", "99887766");
        person.write("puk", "12345678");
        person.ok("token setup piv --puk-file puk --new-puk-file new-puk --force-pin");
        person.write("puk", "99887766");
        person.write("new-puk", "11223344");
        assert!(
            person.ok("token setup piv --puk-file puk --new-puk-file new-puk --force-pin").contains("changed the PUK")
        );
        card.tries(0, 3);
        let ran = person.with_pin("token setup piv --new-pin-file new-pin");
        assert_eq!(ran.code, Some(7), "{}", ran.stderr);
        assert!(ran.stderr.contains("the PIN of the YubiKey 12345678 is blocked"), "{}", ran.stderr);
    }
}

#[test]
fn a_key_that_came_while_the_person_thought_is_not_overwritten() {
    // What came under a certificate that stayed is not seen on old firmware: that tells of a key by its certificate.
    for (firmware, overwrite) in [("4.3", false), ("5.4", false), ("5.4", true)] {
        let Some((person, card)) = person(CardOptions::default().firmware(firmware)) else { return };
        let mut command = "token setup piv".to_owned();
        if overwrite {
            certify(&card, "5fc10d", &make_key(&card, "82", P256, &once()));
            command += " --piv-slot 82 --overwrite";
        }
        card.clear_log();
        let mut terminal = Pty::spawn(&person.command(&command));
        if overwrite {
            terminal.expect("Type the serial number of the YubiKey to overwrite it: ");
            terminal.send("12345678\r");
        }
        terminal.expect(if firmware == "4.3" { PIN.0 } else { NO.0 });
        make_key(&card, "82", P256, &policies(2, 1));
        card.clear_log();
        if firmware == "4.3" {
            terminal.send(PIN.1);
        } else {
            terminal.send(NO.1);
            terminal.expect(NO.0);
            terminal.send(NO.1);
            terminal.expect(PIN.0);
            terminal.send(PIN.1);
        }
        if firmware == "4.3" {
            terminal.expect(NO.0);
            terminal.send(NO.1);
        }
        terminal.expect("PIV slot 82 of the YubiKey 12345678 is not as it");
        assert!(!terminal.wait_exit().success());
        assert_eq!(times(&card, GENERATE), 0, "{firmware} {overwrite}");
    }
}

#[test]
fn a_stopped_setup_whose_key_was_replaced_meanwhile_is_not_finished() {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    crate::keys::stopped(&person, &card, "token setup piv");
    let mut terminal = Pty::spawn(&person.command("token setup piv"));
    terminal.expect("it? [Y/n] ");
    terminal.send("\r");
    terminal.expect(NO.0);
    make_key(&card, "82", P256, &policies(2, 2));
    card.clear_log();
    terminal.send(NO.1);
    for step in [NO, PIN] {
        terminal.expect(step.0);
        terminal.send(step.1);
    }
    terminal.expect("PIV slot 82 of the YubiKey 12345678 is not as it");
    assert!(!terminal.wait_exit().success());
    assert_eq!(times(&card, PUT), 0);
}

#[test]
fn a_change_without_an_answer_is_not_called_busy() {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    person.write("new-pin", "735501");
    // The answer never comes: the card is at work longer than anybody waits.
    card.fault("ins=24 at=1 slow=75000");
    let ran = person.with_pin("token setup piv --new-pin-file new-pin");
    assert_eq!(ran.code, Some(7), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("while its PIN was being changed: it has the old one or the new one"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("spends no try"), "{}", ran.stderr);
}

#[test]
fn a_change_that_was_not_sent_is_given_up_for_good() {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    let mut terminal = Pty::spawn(&person.command("token unblock --force"));
    terminal.expect(NEW[0].0);
    let mut other = card.other_program(Share::Shared).expect("the card is free");
    other.begin().expect("a transaction");
    card.clear_log();
    terminal.send(NEW[0].1);
    terminal.expect(NEW[1].0);
    terminal.send(NEW[1].1);
    terminal.expect("another program may be using it");
    // The program waits for as long as the terminal of a test does.
    std::thread::sleep(std::time::Duration::from_secs(20));
    terminal.expect("did not answer within 60 seconds");
    other.end();
    assert!(!terminal.wait_exit().success());
    other.leave(Leave::AsItIs);
    assert_eq!(times(&card, 0x2c), 0, "nothing was sent, and so nothing has to be found out");
}
