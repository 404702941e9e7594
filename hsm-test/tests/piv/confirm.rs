//! Items that want a touch each time, also while the agent holds the vault.

use crate::lab::{P256, Person, Ran, SPARE, make_key, once, policies, times};
use crate::pty::{Pty, is_narrow};
use hsm_test::piv::{CardOptions, VirtualYubikey};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

const SECRET: &str = "hunter2-of-the-bank";
/// The PIN of the file may go to either card.
const BOTH: &str = "--token piv:12345678 --token piv:87654321 --pin-file pin";
/// GENERAL AUTHENTICATE: a key is used.
const USE: u8 = 0x87;

/// A person whose agent ends with them.
struct Held(Person);

impl Drop for Held {
    fn drop(&mut self) {
        let status = self.run("status --json").stdout;
        let pid = status.split("\"pid\": ").nth(1).and_then(|rest| rest.split([',', '\n']).next());
        if let Some(pid) = pid.and_then(|pid| rustix::process::Pid::from_raw(pid.trim().parse().ok()?)) {
            // It may have ended by itself.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

impl Held {
    /// A vault with an item 'bank' that wants a touch, which the agent holds by its recovery code.
    fn with(options: CardOptions, policies: &str) -> Option<(Self, VirtualYubikey)> {
        let (person, card) = Person::with_vault(options, policies)?;
        std::fs::DirBuilder::new().mode(0o700).create(person.path("run")).unwrap();
        person.write("value", SECRET);
        let held = Self(person);
        held.ok("unlock --recovery-file code");
        Some((held, card))
    }

    fn run(&self, line: &str) -> Ran {
        let mut command = self.0.command(line);
        command.env("XDG_RUNTIME_DIR", self.0.path("run")).arg("--no-input");
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    #[track_caller]
    fn ok(&self, line: &str) -> Ran {
        let ran = self.run(line);
        assert_eq!(ran.code, Some(0), "{line}\n{}{}", ran.stdout, ran.stderr);
        ran
    }

    fn at(&self, line: &str) -> Pty {
        let mut command = self.0.command(line);
        command.env("XDG_RUNTIME_DIR", self.0.path("run"));
        Pty::spawn(&command)
    }

    #[track_caller]
    fn opens(&self, options: &str) {
        assert_eq!(self.ok(&format!("get bank --field password {options}")).stdout, format!("{SECRET}\n"));
    }
}

/// The program that runs this test, as it is shown.
fn me() -> String {
    let exe = std::env::current_exe().unwrap();
    let name = Path::file_name(&exe).unwrap().to_str().unwrap().to_owned();
    format!("{name} (pid {}) in {}", std::process::id(), std::env::current_dir().unwrap().display())
}

#[test]
fn an_item_is_saved_without_its_token_and_opened_with_its_touch_alone() {
    let Some((held, card)) = Held::with(CardOptions::default().touch_timeout(400), &policies(2, 2)) else { return };
    card.clear_log();
    card.finger("away");
    let said = held.ok("add bank --confirm touch --username ada --value-file value").stderr;
    assert_eq!(card.apdus(), 0, "nothing is asked of the token");
    let warned = "twinlock: warning: 'bank' opens only with the YubiKey 12345678 (ada) from now on: no recovery code and no other \
                  keyslot opens it\ntwinlock: hint: with the YubiKey 12345678 (ada) alone it is lost, too";
    assert!(
        said.contains(warned) && said.contains("'twinlock edit --confirm touch --confirm password bank'"),
        "{said}"
    );
    // The agent holds the vault, and nobody touches.
    let ran = held.run("get bank --field password --pin-file pin");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(7), ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("was not touched"), "{}", ran.stderr);
    assert_eq!(held.ok("get bank --field username").stdout, "ada\n");
    assert_eq!(held.ok("list").stdout, "bank\n");
    assert!(held.ok("list --json").stdout.contains("\"touch\""));
    // A touch each time, and it is said what for and who asks.
    card.finger("ready");
    for _ in 0..2 {
        card.clear_log();
        let ran = held.ok("get bank --field password --pin-file pin");
        assert_eq!(ran.stdout, format!("{SECRET}\n"));
        let folder = std::env::current_dir().unwrap();
        assert!(folder.to_str().unwrap().len() < 60, "shown whole");
        let touch = format!("Touch YubiKey 12345678 (ada) to open the item 'bank', asked for by {}\n", me());
        assert!(ran.stderr.contains(&touch), "{touch}\n{}", ran.stderr);
        assert_eq!(times(&card, USE), 1);
    }
    // Without the token there is no way, whoever holds the vault.
    card.remove();
    for line in ["get bank", "get bank --no-agent --recovery-file code"] {
        let ran = held.run(line);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""), "{}", ran.stderr);
        let error =
            "the item 'bank' opens only with the YubiKey 12345678 (ada): the YubiKey 12345678 (ada) is not here";
        assert!(ran.stderr.contains(error), "{}", ran.stderr);
    }
}

#[test]
fn at_a_terminal_it_is_waited_for_and_a_password_does_as_well() {
    let Some((held, card)) = Held::with(CardOptions::default(), &policies(2, 2)) else { return };
    held.ok("add bank --confirm touch --value-file value");
    card.finger("away");
    card.remove();
    let mut terminal = held.at("get bank --field password");
    terminal.expect("The item 'bank' is to be opened, asked for by ");
    terminal.expect("Insert YubiKey 12345678 (ada) for the item 'bank'; Ctrl-C stops");
    card.insert();
    terminal.expect("PIN of token 'YubiKey 12345678 (ada)' (3 tries left): ");
    terminal.send("123456\r");
    terminal.expect("Touch YubiKey 12345678 (ada) to open the item 'bank', asked for by");
    terminal.expect(&format!("(pid {}) in ", std::process::id()));
    card.wait_for_light();
    card.touch();
    terminal.expect(SECRET);
    is_narrow(&terminal.ended(0));
    // Either of two.
    let mut terminal = held.at("edit bank --confirm touch --confirm password --pin-file pin");
    terminal.expect("to open the item 'bank'");
    card.wait_for_light();
    card.touch();
    for ask in ["New password for the item 'bank': ", "The same password again: "] {
        terminal.expect(ask);
        terminal.send("correct horse battery staple\r");
    }
    terminal.expect("opens only with the YubiKey 12345678 (ada) or the");
    terminal.expect("changed 'bank'");
    terminal.ended(0);
    card.remove();
    let mut terminal = held.at("get bank --field password");
    terminal.expect("Password of vault 'personal', for the item 'bank': ");
    terminal.send("correct horse battery staple\r");
    terminal.expect(SECRET);
    is_narrow(&terminal.ended(0));
}

#[test]
fn either_of_two_tokens_opens_and_a_wiped_one_is_told_of() {
    let Some((held, ada)) = Held::with(CardOptions::default(), &policies(2, 2)) else { return };
    held.ok("add bank --confirm touch --value-file value");
    let spare = held.0.place.card(CardOptions::default().serial(SPARE));
    make_key(&spare, "82", P256, &policies(2, 2));
    held.ok("keyslot enroll --name spare --factor piv:serial=87654321;name=spare --recovery-file code --force --pin-file pin");
    // It was sealed for one, and is sealed for both when it is changed.
    ada.remove();
    let ran = held.run(&format!("get bank {BOTH}"));
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    ada.insert();
    let said = held.ok(&format!("edit bank --confirm touch {BOTH}")).stderr;
    assert!(
        said.contains("opens only with the YubiKey 12345678 (ada) or the YubiKey 87654321 (spare) from now on"),
        "{said}"
    );
    assert!(!said.contains("it is lost, too"), "{said}");
    for (away, here) in [(&ada, &spare), (&spare, &ada)] {
        away.remove();
        here.clear_log();
        held.opens(BOTH);
        assert_eq!(times(here, USE), 1);
        away.insert();
    }
    let left = "twinlock: warning: the item 'bank' opens only with a token that is enrolled no more: keep it until you have run \
                'twinlock edit NAME --confirm touch' for each";
    let said = held.ok("keyslot wipe piv --force --recovery-file code").stderr;
    assert!(!said.contains("enrolled no more"), "{said}");
    ada.remove();
    held.ok(&format!("edit bank --username ada {BOTH}"));
    let said = held.ok("keyslot wipe spare --force --recovery-file code").stderr;
    assert!(said.contains(left), "{said}");
    held.opens(BOTH);
    spare.remove();
    ada.insert();
    assert_eq!(
        held.run(&format!("get bank {BOTH}")).code,
        Some(3),
        "it was sealed anew without the one that was wiped"
    );
}

#[test]
fn a_token_that_asks_for_a_touch_is_taken_before_one_that_does_not() {
    let Some((held, ada)) = Held::with(CardOptions::default(), &once()) else { return };
    let said = held.ok("add bank --confirm touch --value-file value").stderr;
    let warned = "no token of this vault is known to ask for a touch: what it asks for, as a PIN, is what confirms";
    assert!(said.contains(warned), "{said}");
    held.opens(BOTH);
    let spare = held.0.place.card(CardOptions::default().serial(SPARE));
    make_key(&spare, "82", P256, &policies(2, 3));
    held.ok("keyslot enroll --name spare --factor piv:serial=87654321;name=spare --recovery-file code --force --pin-file pin");
    let said = held.ok(&format!("edit bank --confirm touch {BOTH}")).stderr;
    assert!(said.contains("'bank' opens only with the YubiKey 87654321 (spare) from now on"), "{said}");
    assert!(!said.contains(warned), "{said}");
    ada.clear_log();
    held.opens(BOTH);
    assert_eq!(times(&ada, USE), 0);
}
