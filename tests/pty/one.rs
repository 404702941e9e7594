//! One prompt for whatever comes first, and Esc.

use crate::pty::Pty;
use crate::{Child, PASSWORD, ask, failed, secret};
use std::os::fd::AsFd;
use std::time::Duration;
use twinlock::prompt::{AnyOf, Ask, Came, Event, Prompt, Purpose, Tries, TtyPrompt, Waited};

const DEVICE: &str = "TWINLOCK_TEST_DEVICE";

/// In the child: asks with a device beside it. Whoever is at the other end of the file puts a token in, by closing it.
pub fn probe(what: &str) -> String {
    let device = std::fs::File::open(std::env::var(DEVICE).unwrap()).unwrap();
    let mut prompt = TtyPrompt::plain(what == "any-plain");
    if what.ends_with("touch") {
        let purpose = if what == "touch" { Purpose::Unlock("personal") } else { Purpose::Test };
        let event = Event::Touch { token: "ada", purpose, maybe: false };
        return match prompt.wait(&event, device.as_fd(), Duration::from_secs(60)) {
            Ok(Waited::Ready) => "touched".to_owned(),
            Ok(Waited::TooLong) => "not touched".to_owned(),
            Err(error) => failed(error),
        };
    }
    let ways = AnyOf { password: what != "any-code", code: true, token: true };
    match prompt.secret_or(&Ask::Any { vault: "personal", ways }, device.as_fd()) {
        Ok(Came::Typed(text)) => format!("got {}", text.expose()),
        Ok(Came::Ready) => {
            let pin = Ask::Pin { token: "ada", tries: Tries::Last, vouched: true };
            format!("a token, {}", secret(&mut prompt, &pin))
        }
        Err(error) => failed(error),
    }
}

/// The Esc key comes alone; what other keys send begins with the same byte, and is followed by more at once.
#[test]
fn esc_leaves_what_can_be_left_and_throws_away_what_was_typed() {
    for (what, prompt) in [("password", PASSWORD), ("pin", "PIN of token"), ("code", "group 1 of 8: ")] {
        for keys in ["\u{1b}", "0000\u{1b}"] {
            assert_eq!(ask(what, prompt, keys).0, "Skipped", "{what} {keys:?}");
        }
    }
    let child = Child::new();
    let mut terminal = Pty::spawn(&child.command("new"));
    terminal.expect("New password for vault");
    terminal.send("ab\u{1b}");
    // What cannot be left goes on; the pause tells the key from an arrow key.
    std::thread::sleep(Duration::from_millis(200));
    terminal.send("[c\r");
    assert!(terminal.wait_exit().success());
    assert_eq!(child.report(), "got ab[c");
}

/// A prompt with a device beside it, which is there once the returned end is dropped.
fn beside(child: &Child, what: &str) -> (Pty, std::fs::File) {
    let device = child.folder.path().join("device");
    rustix::fs::mkfifoat(rustix::fs::CWD, &device, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    let terminal = Pty::spawn(child.command(what).env(DEVICE, &device));
    // Waits until the program has it open, too.
    let end = std::fs::OpenOptions::new().write(true).open(device).unwrap();
    (terminal, end)
}

const ANY: &str = "Password or recovery code for vault 'personal', or insert a token: ";
const PIN: &str = "PIN of token 'ada' (last try before the token locks): ";
const NOT_USED: &str = "A token came: what was typed is not used. Press Enter to go on.";

#[test]
fn whatever_comes_first_a_line() {
    let child = Child::new();
    let (mut terminal, device) = beside(&child, "any");
    terminal.expect(ANY);
    terminal.send("a\u{1b}[Db\r");
    assert!(terminal.wait_exit().success());
    drop(device);
    assert_eq!(child.report(), "got ab");
    assert!(terminal.is_as_found());
}

#[test]
fn whatever_comes_first_a_token() {
    let child = Child::new();
    let (mut terminal, device) = beside(&child, "any");
    terminal.expect(ANY);
    // Typed and taken back is nothing.
    terminal.send("ab\u{15}");
    drop(device);
    terminal.expect(PIN);
    assert!(!terminal.transcript().contains(NOT_USED));
    terminal.send("123456\r");
    assert!(terminal.wait_exit().success());
    assert_eq!(child.report(), "a token, got 123456");
}

/// Somebody who looks at the keys while the token comes types on: the rest of a password must not be sent to the token as a PIN.
#[test]
fn a_token_that_comes_amid_a_password_does_not_get_its_rest() {
    for what in ["any", "any-plain", "any-code"] {
        let child = Child::new();
        let (mut terminal, device) = beside(&child, what);
        terminal.expect("insert a token: ");
        terminal.send("correct ");
        if what == "any-code" {
            terminal.expect("group 2 of 8");
        }
        drop(device);
        terminal.expect(NOT_USED);
        terminal.send("horse\u{1b}");
        std::thread::sleep(Duration::from_millis(200));
        terminal.send("12\r");
        terminal.expect(PIN);
        terminal.send("123456\r");
        assert!(terminal.wait_exit().success());
        assert_eq!(child.report(), "a token, got 123456", "{what}");
        let screen = terminal.transcript();
        assert!(!screen.contains("horse"), "{screen}");
        if what == "any-plain" {
            assert!(!screen.contains('\u{1b}'), "{screen}");
        }
    }
}

#[test]
fn one_prompt_is_left_by_esc_and_stopped_by_ctrl_c() {
    for (keys, expected) in [("half\u{1b}", "Skipped"), ("\r", "Skipped"), ("half\u{3}", "Cancelled")] {
        let child = Child::new();
        let (mut terminal, device) = beside(&child, "any");
        terminal.expect(ANY);
        terminal.send(keys);
        assert!(terminal.wait_exit().success());
        drop(device);
        assert_eq!(child.report(), expected);
    }
}

#[test]
fn a_touch_to_unlock_can_be_left() {
    for (what, keys, expected) in
        [("touch", "\u{1b}", "Skipped"), ("touch", "\u{1b}[A", "touched"), ("test-touch", "\u{1b}", "touched")]
    {
        let child = Child::new();
        let (mut terminal, device) = beside(&child, what);
        terminal.expect("Touch ada");
        terminal.send(keys);
        if expected == "touched" {
            // Keys that mean nothing end nothing.
            terminal.expect("|");
            terminal.expect("|");
            drop(device);
        }
        assert!(terminal.wait_exit().success());
        assert_eq!(child.report(), expected, "{what} {keys:?}");
    }
}
