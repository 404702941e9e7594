//! One prompt for whatever comes first: a line that is typed, or a YubiKey that is put in.

use crate::lab::{Person, once, policies, times};
use crate::pty::Pty;
use hsm_test::piv::{CardOptions, VirtualYubikey};

const PASSWORD: &str = "correct horse battery staple";
const ANY: &str = "Password or recovery code for vault 'personal', or insert a token: ";
const PIN: &str = "PIN of token 'YubiKey 12345678 (ada)' (3 tries left): ";
const TAKEN: &str = "Password taken, now insert a token. Only then it shows whether it is right.";
const CHEAP: &str = "--kdf-memory 19 --kdf-passes 2 --kdf-lanes 1";

/// A vault that YubiKey, password or recovery code opens, each alone.
fn either(policies: &str) -> Option<(Person, VirtualYubikey)> {
    let (person, card) = Person::with_vault(CardOptions::default(), policies)?;
    person.write("pw", PASSWORD);
    person.ok(&format!("keyslot enroll --factor password --new-password-file pw --recovery-file code --force {CHEAP}"));
    card.clear_log();
    Some((person, card))
}

/// One that YubiKey and password open together, or a recovery code.
fn both() -> Option<(Person, VirtualYubikey)> {
    let (person, card) = Person::with_card(CardOptions::default(), &once())?;
    person.write("pw", PASSWORD);
    let factors = "--factor password --factor piv:serial=12345678;name=ada";
    person.ok(&format!("init {factors} --new-password-file pw --recovery --recovery-out code {CHEAP}"));
    card.clear_log();
    Some((person, card))
}

fn list(person: &Person) -> Pty {
    Pty::spawn(&person.command("list"))
}

fn opens(terminal: &mut Pty) -> String {
    assert!(terminal.wait_exit().success(), "{}", terminal.transcript());
    terminal.transcript()
}

#[test]
fn a_token_that_comes_first_opens_and_none_is_asked_for_by_its_number() {
    let Some((person, card)) = either(&once()) else { return };
    card.remove();
    let mut terminal = list(&person);
    terminal.expect(ANY);
    assert!(!terminal.transcript().contains("12345678"), "{}", terminal.transcript());
    card.insert();
    terminal.expect(PIN);
    terminal.send("123456\r");
    opens(&mut terminal);
}

#[test]
fn a_password_or_code_that_comes_first_opens_and_no_token_hears_of_it() {
    let Some((person, card)) = either(&once()) else { return };
    let code = std::fs::read_to_string(person.path("code")).unwrap();
    card.remove();
    for line in [PASSWORD, code.trim()] {
        let mut terminal = list(&person);
        terminal.expect(ANY);
        terminal.send(format!("{line}\r"));
        let screen = opens(&mut terminal);
        assert!(!screen.contains("taken") && !screen.contains("PIN"), "{screen}");
    }
    card.insert();
    card.clear_log();
    assert_eq!(card.tell("tries 3 3"), "");
}

/// The first six characters could be a PIN, and so could the rest.
#[test]
fn the_rest_of_a_password_is_not_sent_to_a_token_that_came_amid_it() {
    let Some((person, card)) = either(&once()) else { return };
    card.remove();
    let mut terminal = list(&person);
    terminal.expect(ANY);
    terminal.send("654321");
    card.insert();
    terminal.expect("A token came: what was typed is not used. Press Enter to go on.");
    terminal.send("654321\r");
    terminal.expect(PIN);
    assert_eq!(times(&card, 0x20), 1, "tries are read, nothing is sent: {:02x?}", card.log());
    terminal.send("123456\r");
    let screen = opens(&mut terminal);
    assert!(!screen.contains("654321"), "{screen}");
}

#[test]
fn a_wrong_password_is_no_reason_to_stop_waiting_for_the_token() {
    let Some((person, card)) = either(&once()) else { return };
    card.remove();
    let mut terminal = list(&person);
    terminal.expect(ANY);
    terminal.send("654321\r");
    terminal.expect("That password is wrong. Try again; ");
    terminal.expect(ANY);
    card.insert();
    terminal.expect(PIN);
    assert_eq!(times(&card, 0x20), 1, "tries are read, nothing is sent: {:02x?}", card.log());
    terminal.send("123456\r");
    opens(&mut terminal);
}

#[test]
fn esc_at_the_pin_leaves_the_token_and_costs_no_try() {
    let Some((person, card)) = either(&once()) else { return };
    let mut terminal = list(&person);
    terminal.expect("Ways in: piv \"ada\", password, recovery code. Esc leaves one for the next.\r\n");
    terminal.expect(PIN);
    terminal.send("1234\u{1b}");
    terminal.expect("is passed over: the YubiKey 12345678 (ada): no PIN was typed");
    terminal.expect("Password or recovery code for vault 'personal': ");
    terminal.send(format!("{PASSWORD}\r"));
    opens(&mut terminal);
    assert_eq!(times(&card, 0x20), 1, "the one that reads the tries: {:02x?}", card.log());
}

#[test]
fn esc_at_the_touch_leaves_it_for_the_password() {
    let Some((person, card)) = either(&policies(1, 2)) else { return };
    card.finger("away");
    let mut terminal = list(&person);
    terminal.expect("Ways in: ");
    terminal.expect("Touch YubiKey 12345678 (ada) to unlock 'personal'");
    card.wait_for_light();
    terminal.send("\u{1b}");
    terminal.expect("Password or recovery code for vault 'personal': ");
    terminal.send(format!("{PASSWORD}\r"));
    opens(&mut terminal);
}

#[test]
fn password_and_token_in_either_order() {
    let Some((person, card)) = both() else { return };
    let mut terminal = list(&person);
    terminal.expect(PIN);
    terminal.send("123456\r");
    terminal.expect("Password for vault 'personal' (keyslot 'password+piv'): ");
    terminal.send(format!("{PASSWORD}\r"));
    opens(&mut terminal);

    card.remove();
    let mut terminal = list(&person);
    terminal.expect(ANY);
    terminal.send(format!("{PASSWORD}\r"));
    terminal.expect(TAKEN);
    terminal.expect(ANY);
    card.insert();
    terminal.expect(PIN);
    terminal.send("123456\r");
    let screen = opens(&mut terminal);
    assert!(!screen.contains("keyslot 'password+piv'"), "it is not asked for again: {screen}");
}

/// Nobody can tell before the token has answered: it is told then, and the token need not answer again.
#[test]
fn a_wrong_password_shows_once_the_token_has_answered() {
    let Some((person, card)) = both() else { return };
    card.remove();
    let mut terminal = list(&person);
    terminal.expect(ANY);
    terminal.send("not the password\r");
    terminal.expect(TAKEN);
    terminal.expect(ANY);
    card.insert();
    terminal.expect(PIN);
    terminal.send("123456\r");
    terminal.expect("That password is wrong. Try again; ");
    terminal.expect("Password for vault 'personal' (keyslot 'password+piv'): ");
    terminal.send(format!("{PASSWORD}\r"));
    opens(&mut terminal);
    assert_eq!(times(&card, 0x87), 1, "{:02x?}", card.log());
}

#[test]
fn in_plain_each_line_is_written_once() {
    let Some((person, card)) = both() else { return };
    card.remove();
    let mut terminal = Pty::spawn(&person.command("list --plain"));
    terminal.expect(ANY);
    terminal.send(format!("{PASSWORD}\r"));
    terminal.expect(TAKEN);
    terminal.expect(ANY);
    card.insert();
    terminal.expect(PIN);
    terminal.send("123456\r");
    let screen = opens(&mut terminal);
    assert!(!screen.contains('\u{1b}') && !screen.contains('\u{8}'), "{screen:?}");
}
