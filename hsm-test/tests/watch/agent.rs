//! The agent itself, with logind on a private bus, and a virtual YubiKey: what it was told has locked the vault.

use crate::bus::PrivateBus;
use crate::login1::{Login1, given_back, is_held, me};
use crate::piv_lab::{Person, once};
use hsm_test::piv::CardOptions;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use twinlock::agent::watch::Bus;

/// Somebody with a home, a vault that a recovery code opens, and a system bus.
struct Desk {
    home: tempfile::TempDir,
    bus: PrivateBus,
    login1: Login1,
    session: String,
}

fn end_agent(runtime: &Path) {
    let pid = std::fs::read_to_string(runtime.join("twinlock/agent.lock")).unwrap_or_default();
    if let Some(pid) = pid.trim().parse().ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        end_agent(self.home.path());
    }
}

impl Desk {
    fn new() -> Option<Self> {
        let bus = PrivateBus::start()?;
        let login1 = Login1::start(&bus);
        let session = login1.log_in("1", me(), "user", std::process::id());
        let desk = Self { home: tempfile::tempdir().unwrap(), bus, login1, session };
        desk.ok("init --factor recovery --recovery-out code");
        Some(desk)
    }

    fn run(&self, line: &str) -> Output {
        let mut command = Command::new(hsm_test::twinlock());
        command.args(line.split_whitespace()).arg("--no-input").env_clear().current_dir(self.home.path());
        for name in ["HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME"] {
            command.env(name, self.home.path());
        }
        let Bus::At(socket) = self.bus.bus() else { unreachable!("it has a socket") };
        command.env("DBUS_SYSTEM_BUS_ADDRESS", format!("unix:path={}", socket.display()));
        command.stdin(Stdio::null()).output().unwrap()
    }

    fn ok(&self, line: &str) -> String {
        let ran = self.run(line);
        assert!(ran.status.success(), "{line}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    }

    /// Unlocked, and logind is listened to.
    fn unlocked(&self) -> std::io::PipeReader {
        self.ok("unlock --recovery-file code");
        let (_, lock) = self.login1.inhibitor();
        // The first answer after that is of an agent that has heard everything.
        self.ok("list");
        lock
    }

    fn locks(&self, why: &str) {
        let end = Instant::now() + Duration::from_secs(30);
        while self.run("list").status.success() {
            assert!(Instant::now() < end, "{why}");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(self.run("list").status.code(), Some(3), "{why}");
    }
}

#[test]
fn a_machine_that_goes_to_sleep_waits_until_the_vault_is_locked() {
    let Some(desk) = Desk::new() else { return };
    let lock = desk.unlocked();
    assert!(is_held(&lock));
    desk.login1.prepare_for_sleep(true);
    given_back(lock);
    assert_eq!(desk.run("list").status.code(), Some(3), "it was erased before the machine was let go");
    desk.login1.prepare_for_sleep(false);
    let (_, next) = desk.login1.inhibitor();
    desk.ok("unlock --recovery-file code");
    assert!(is_held(&next));
    desk.ok("list");
}

#[test]
fn a_screen_that_is_locked_and_a_logout_lock_the_vault() {
    let Some(desk) = Desk::new() else { return };
    let _lock = desk.unlocked();
    desk.login1.hint(&desk.session, true, true);
    desk.locks("the screen");
    desk.ok("unlock --recovery-file code");
    desk.ok("list");
    desk.login1.log_out(&desk.session);
    desk.locks("the logout");
}

#[test]
fn status_says_that_nobody_tells_of_sleep() {
    let Some(mut desk) = Desk::new() else { return };
    let _lock = desk.unlocked();
    assert!(!desk.ok("status").contains("note:"));
    desk.bus.kill();
    let end = Instant::now() + Duration::from_secs(30);
    while !desk.ok("status").contains("is not watched any more") {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(20));
    }
    desk.ok("list");
}

#[test]
fn the_vault_locks_when_the_yubikey_that_opened_it_is_pulled() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    let runtime = person.path("");
    let asks = |person: &Person| person.run("list").code == Some(3);
    person.ok("unlock");
    assert!(person.ok("status").contains("or when its token is pulled"));
    assert_eq!(person.run("list").code, Some(0));
    card.remove();
    let end = Instant::now() + Duration::from_secs(30);
    while !asks(&person) {
        assert!(Instant::now() < end, "it is still unlocked");
        std::thread::sleep(Duration::from_millis(20));
    }
    card.insert();
    person.ok("unlock --keep-on-removal");
    card.remove();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(person.run("list").code, Some(0));
    end_agent(&runtime);
}
