//! A person's terminal for tests: a program runs in it, keys are sent, what is on the screen is waited for.
#![allow(clippy::unwrap_used)] // helpers of tests, which clippy does not take for tests
#![allow(dead_code)] // each test program uses some of it

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long the screen may stay without what is expected before the test fails; far beyond what anything needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program in a terminal of its own, as session leader. Killed when dropped.
pub struct Pty {
    master: Option<OwnedFd>,
    child: Child,
    modes_found: String,
    seen: Vec<u8>,
    expected_up_to: usize,
}

impl Pty {
    /// Runs a program with stdin, stdout and stderr on a new terminal.
    pub fn spawn(command: &Command) -> Self {
        Self::start(command, None)
    }

    /// The same with stdout elsewhere, as in `twinlock get x > file`.
    pub fn spawn_with_stdout(command: &Command, stdout: impl Into<Stdio>) -> Self {
        Self::start(command, Some(stdout.into()))
    }

    fn start(command: &Command, stdout: Option<Stdio>) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        tcsetwinsize(&master, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let modes_found = modes(&master);
        // A terminal opened without O_NOCTTY would become the test's own if the test had none.
        let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
        let terminal = File::from(rustix::fs::open(name, flags, rustix::fs::Mode::empty()).unwrap());
        // Without `unsafe` there is no code between fork and exec, so util-linux makes the session: it takes stdin as the
        // controlling terminal and becomes the program, so that the child's process id is the program's.
        let mut setsid = Command::new("setsid");
        setsid.arg("--ctty").arg(command.get_program()).args(command.get_args());
        if let Some(folder) = command.get_current_dir() {
            setsid.current_dir(folder);
        }
        setsid.env("TERM", "xterm");
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => setsid.env(name, value),
                None => setsid.env_remove(name),
            };
        }
        setsid.stdin(terminal.try_clone().unwrap()).stderr(terminal.try_clone().unwrap());
        setsid.stdout(stdout.unwrap_or_else(|| terminal.into()));
        let child = setsid.spawn().unwrap();
        Self { master: Some(master), child, modes_found, seen: Vec::new(), expected_up_to: 0 }
    }

    /// Waits until the text is on the screen, after what was expected before.
    pub fn expect(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let new = &self.seen[self.expected_up_to..];
            if let Some(place) = new.windows(text.len()).position(|window| window == text.as_bytes()) {
                self.expected_up_to += place + text.len();
                return;
            }
            let open = self.take_output();
            assert!(open && Instant::now() < deadline, "no '{text}' in what came after:\n{}", self.transcript());
        }
    }

    /// The same, or until the program ends without it; whether the text came.
    pub fn expect_or_end(&mut self, text: &str) -> bool {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let new = &self.seen[self.expected_up_to..];
            if let Some(place) = new.windows(text.len()).position(|window| window == text.as_bytes()) {
                self.expected_up_to += place + text.len();
                return true;
            }
            // Asked before the output is taken: what it wrote last is then seen.
            let ended = self.child.try_wait().unwrap().is_some() && !self.output_waits();
            if ended || !self.take_output() {
                return false;
            }
            assert!(Instant::now() < deadline, "no '{text}' in what came after:\n{}", self.transcript());
        }
    }

    /// Types text; Enter is `\r`.
    pub fn send(&mut self, keys: impl AsRef<[u8]>) {
        let mut keys = keys.as_ref();
        while !keys.is_empty() {
            let written = rustix::io::write(self.master.as_ref().unwrap(), keys).unwrap();
            keys = &keys[written..];
        }
    }

    /// Presses Ctrl and a letter.
    pub fn send_ctrl(&mut self, letter: char) {
        self.send([u8::try_from(letter).unwrap() & 0x1f]);
    }

    /// Answers questions in their order: waits for each, and types its answer with Enter.
    pub fn answer(&mut self, steps: &[(&str, &str)]) {
        for (question, keys) in steps {
            self.expect(question);
            self.send(format!("{keys}\r"));
        }
    }

    /// Waits for the program to end with this code, and the terminal to be as it was; all that was on the screen.
    #[track_caller]
    pub fn ended(&mut self, code: i32) -> String {
        let status = self.wait_exit();
        let screen = self.transcript();
        assert_eq!(status.code(), Some(code), "{screen}");
        assert!(self.is_as_found(), "{screen}");
        screen
    }

    /// The program's process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to the program from outside.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Closes the terminal, as a window is closed.
    pub fn hang_up(&mut self) {
        self.master = None;
    }

    /// Whether the terminal is in the modes that the program found.
    pub fn is_as_found(&self) -> bool {
        modes(self.master.as_ref().unwrap()) == self.modes_found
    }

    /// Waits for the program to end; all it wrote is in the transcript then.
    pub fn wait_exit(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        while self.take_output() {
            if self.child.try_wait().unwrap().is_some() && !self.output_waits() {
                break;
            }
            assert!(Instant::now() < deadline, "the program does not end:\n{}", self.transcript());
        }
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the program does not end:\n{}", self.transcript());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Everything that was on the screen, keys that were echoed included.
    pub fn transcript(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Takes what the program wrote, waiting a moment for it; false when there will be no more.
    fn take_output(&mut self) -> bool {
        let Some(master) = &self.master else { return false };
        let mut fds = [PollFd::new(master, PollFlags::IN)];
        let moment = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        if poll(&mut fds, Some(&moment)) == Ok(0) {
            return true;
        }
        let mut bytes = [0; 4096];
        match rustix::io::read(master, &mut bytes) {
            // Nobody has the terminal open, which is the end, or (under `nohup`) not the beginning yet.
            Ok(0) | Err(rustix::io::Errno::IO) => {
                std::thread::sleep(Duration::from_millis(5));
                self.child.try_wait().unwrap().is_none()
            }
            Err(error) => panic!("{error}"),
            Ok(count) => {
                self.seen.extend_from_slice(&bytes[..count]);
                true
            }
        }
    }

    /// Whether output is there that was not taken.
    fn output_waits(&self) -> bool {
        let Some(master) = &self.master else { return false };
        let mut fds = [PollFd::new(master, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec::default())) == Ok(1) && fds[0].revents().contains(PollFlags::IN)
    }
}

/// No line is wider than a terminal, but a command on a line of its own, which is never broken into two.
#[track_caller]
pub fn is_narrow(screen: &str) {
    for line in screen.split(['\r', '\n']) {
        let shown = line.trim_start_matches("\u{1b}[K");
        let fits = shown.chars().count() <= 80 || shown.starts_with("    twinlock ");
        assert!(fits, "wider than a terminal: {shown:?}");
    }
}

/// All modes of a terminal, to compare.
fn modes(terminal: &OwnedFd) -> String {
    format!("{:?}", tcgetattr(terminal).unwrap())
}

impl Drop for Pty {
    fn drop(&mut self) {
        // Both fail when it has ended, which is well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
