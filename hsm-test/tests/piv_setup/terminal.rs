//! A person at a terminal: what is offered, what is typed twice, what is typed back.

use crate::keys::{person, stopped};
use crate::lab::{P256, make_key, policies, times};
use crate::pty::Pty;
use hsm_test::piv::CardOptions;

#[test]
fn a_new_yubikey_is_made_one_s_own() {
    let Some((person, card)) = person(CardOptions::default().finger("away")) else { return };
    let mut terminal = Pty::spawn(&person.command("token setup piv --name ada"));
    terminal.expect("its PIV slots are empty");
    terminal.expect("Its PIN is the one that all YubiKeys come with. Change it now? [Y/n] ");
    terminal.send("\r");
    terminal.expect("New PIN for token 'YubiKey 12345678' (6 to 8 characters): ");
    terminal.send("1234\r");
    terminal.expect("that cannot be a new PIN: it is too short; it was not sent");
    terminal.expect("New PIN for token");
    terminal.send("735501\r");
    terminal.expect("The same PIN again: ");
    terminal.send("735510\r");
    terminal.expect("The two PINs differ. Type both again.");
    terminal.expect("New PIN for token");
    terminal.send("735501\r");
    terminal.expect("The same PIN again: ");
    terminal.send("735501\r");
    terminal.expect("Change it now? [Y/n] ");
    terminal.send("n\r");
    terminal.expect("still has the PUK");
    // Only now is anything changed.
    terminal.expect("changed the PIN; PIN: 3 of 3 tries left;");
    // The new PIN was typed a moment ago: it is not asked for.
    terminal.expect("Touch YubiKey 12345678 to sign the certificate of its key");
    card.wait_for_light();
    card.touch();
    terminal.expect("piv:serial=12345678;slot=82;name=ada");
    assert!(terminal.wait_exit().success());
    let seen = terminal.transcript();
    assert!(!seen.contains("735501"), "{seen}");
    person.write("pin", "735501");
    card.finger("ready");
    person.ok("token setup piv");
}

#[test]
fn overwriting_wants_the_serial_number_typed_back() {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    make_key(&card, "82", P256, &policies(1, 1));
    card.clear_log();
    for (typed, done) in [("87654321", false), ("", false), ("y", false), ("12345678", true)] {
        let command = "token setup piv --piv-slot 82 --overwrite --serial 12345678 --pin-policy never";
        let mut terminal = Pty::spawn(&person.command(command));
        terminal.expect("ecdh-p256, PIN never, touch never, without a certificate");
        terminal.expect("for ever: ecdh-p256, PIN never, touch never");
        terminal.expect("Type the serial number of the YubiKey to overwrite it: ");
        terminal.send(format!("{typed}\r"));
        if done {
            for _ in 0..2 {
                terminal.expect("Change it now? [Y/n] ");
                terminal.send("n\r");
            }
            terminal.expect("piv:12345678/82");
            assert!(terminal.wait_exit().success());
        } else {
            terminal.expect("that is not the serial number of the YubiKey 12345678;");
            assert!(!terminal.wait_exit().success());
            assert_eq!(times(&card, 0x47), 0);
        }
    }
}

#[test]
fn what_is_there_already_is_asked_about() {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    stopped(&person, &card, "token setup piv --piv-slot 84");
    let mut terminal = Pty::spawn(&person.command("token setup piv --piv-slot 84"));
    terminal.expect("PIV slot 84 has a key that a stopped setup left, without its certificate.");
    terminal.expect("[Y/n] ");
    terminal.send("n\r");
    terminal.expect("go on with it by --finish");
    assert!(!terminal.wait_exit().success());
    let mut terminal = Pty::spawn(&person.command("token setup piv"));
    terminal.expect("PIV slot 84 has a key that a stopped setup left, without its certificate.");
    terminal.expect("[Y/n] ");
    terminal.send("\r");
    for _ in 0..2 {
        terminal.expect("Change it now? [Y/n] ");
        terminal.send("n\r");
    }
    terminal.expect("PIN of token 'YubiKey 12345678' (3 tries left): ");
    terminal.send("123456\r");
    terminal.expect("finished a key in PIV slot 84");
    assert!(terminal.wait_exit().success());
    let mut terminal = Pty::spawn(&person.command("token setup piv"));
    terminal.expect("PIV slot 84 has such a key, made by twinlock. Make another? [y/N] ");
    terminal.send("\r");
    terminal.expect("piv:12345678/84");
    assert!(terminal.wait_exit().success());
}

#[test]
fn a_blocked_pin_is_set_anew_with_the_puk() {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    let args = ["--reader", card.reader(), "piv", "access", "change-puk", "-p", "12345678", "-n", "99887766"];
    if person.place.must("ykman", &args).is_none() {
        return;
    }
    let mut terminal = Pty::spawn(&person.command("token unblock"));
    terminal.expect("Its PIN is not blocked. Set it anew all the same, with the PUK? [y/N] ");
    terminal.send("\r");
    assert!(!terminal.wait_exit().success());
    card.tries(0, 3);
    card.clear_log();
    let mut terminal = Pty::spawn(&person.command("token unblock"));
    terminal.expect("YubiKey 12345678: PIN: blocked");
    terminal.expect("PUK of token 'YubiKey 12345678' (3 tries left): ");
    terminal.send("99887766\r");
    terminal.expect("New PIN for token 'YubiKey 12345678' (6 to 8 characters): ");
    terminal.send("735501\r");
    terminal.expect("The same PIN again: ");
    terminal.send("735501\r");
    terminal.expect("is set anew: PIN: 3 of 3 tries left");
    assert!(terminal.wait_exit().success());
    assert_eq!(times(&card, 0x2c), 1);
    // Ctrl-C before anything is sent.
    card.tries(0, 3);
    card.clear_log();
    let mut terminal = Pty::spawn(&person.command("token unblock"));
    terminal.expect("PUK of token");
    terminal.send("\u{3}");
    assert!(!terminal.wait_exit().success());
    assert_eq!(times(&card, 0x2c), 0);
}
