//! The terminal while a line is typed: no echo, byte by byte, no signals from keys; and as it was, whatever happens.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr, tcsetattr,
};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// How long an ESC waits for the rest of its sequence: terminals send it at once, people do not.
const ESCAPE_WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// What poll saw.
pub(super) enum Input {
    /// So many bytes were read.
    Bytes(usize),
    /// A signal came, or something took the bytes.
    Other,
    /// Nothing came in the moment that an ESC waits.
    Quiet,
    /// What is waited for beside the keys is there.
    Ready,
    /// The terminal is gone.
    HungUp,
}

/// Whether the terminal is gone, rather than not ours to use at the moment.
pub(super) fn hung_up(tty: &File) -> bool {
    let mut fds = [PollFd::new(tty, PollFlags::empty())];
    poll(&mut fds, Some(&Timespec::default())).is_ok() && fds[0].revents().contains(PollFlags::HUP)
}

/// A terminal in raw mode; dropping it restores what was found.
pub(super) struct Raw<'a> {
    tty: &'a File,
    found: Termios,
}

impl<'a> Raw<'a> {
    /// Turns echo off. What was typed before the prompt is thrown away: it was shown, and was not meant for it.
    pub(super) fn enter(tty: &'a File) -> io::Result<Self> {
        // In the background this stops the program until its shell brings it to the front. That must come before the state is
        // read: it is the shell's own until then, without echo, and restoring that would leave a dead terminal.
        retry_on_intr(|| tcflush(tty, QueueSelector::IFlush))?;
        let found = tcgetattr(tty)?;
        let mut raw = found.clone();
        raw.local_modes -=
            LocalModes::ICANON | LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ISIG | LocalModes::IEXTEN;
        raw.input_modes -= InputModes::IXON | InputModes::ISTRIP | InputModes::INLCR | InputModes::IGNCR;
        // Reads never block: waiting is poll's, which a signal ends.
        raw.special_codes[SpecialCodeIndex::VMIN] = 0;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        let raw_mode = Self { tty, found };
        // Not TCSAFLUSH, which waits for output that Ctrl-S may hold back, and then no signal would get through.
        tcsetattr(tty, OptionalActions::Now, &raw)?;
        tcflush(tty, QueueSelector::IFlush)?;
        Ok(raw_mode)
    }

    /// Whether echo is still off: a shell gives the terminal its own modes while the program is stopped.
    pub(super) fn holds(&self) -> io::Result<bool> {
        let modes = tcgetattr(self.tty)?.local_modes;
        Ok(!modes.intersects(LocalModes::ICANON | LocalModes::ECHO))
    }

    /// Writes to the terminal.
    pub(super) fn write(&mut self, text: &str) -> io::Result<()> {
        self.tty.write_all(text.as_bytes())
    }

    /// Writes one byte, perhaps of a longer character.
    pub(super) fn write_byte(&mut self, byte: u8) -> io::Result<()> {
        self.tty.write_all(&[byte])
    }

    /// Waits for bytes, a signal or `ready`; only a moment if `briefly`. Keys come before `ready`: a line that is finished is used.
    pub(super) fn read(
        &mut self,
        bytes: &mut [u8],
        signals: &UnixStream,
        ready: Option<BorrowedFd<'_>>,
        briefly: bool,
    ) -> io::Result<Input> {
        // Where nothing is waited for, the signals once more.
        let beside = ready.unwrap_or(signals.as_fd());
        let mut fds = [self.tty.as_fd(), signals.as_fd(), beside].map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        match poll(&mut fds, briefly.then_some(&ESCAPE_WAIT)) {
            Err(Errno::INTR) => return Ok(Input::Other),
            Ok(0) => return Ok(Input::Quiet),
            other => other?,
        };
        let [terminal, signal, beside] = fds.map(|fd| fd.revents());
        if !signal.is_empty() {
            return Ok(Input::Other);
        }
        if terminal.is_empty() {
            return Ok(if beside.is_empty() { Input::Other } else { Input::Ready });
        }
        match rustix::io::read(self.tty, bytes) {
            // In this mode also a terminal that is there reads as nothing, when something else took the bytes.
            Ok(0) if terminal == PollFlags::IN => Ok(Input::Other),
            Ok(0) | Err(Errno::IO | Errno::NXIO) => Ok(Input::HungUp),
            Err(Errno::INTR | Errno::AGAIN) => Ok(Input::Other),
            other => Ok(Input::Bytes(other?)),
        }
    }
}

impl Drop for Raw<'_> {
    fn drop(&mut self) {
        // The rest of a paste with several lines must not end up in the shell as a command. A terminal that is gone has
        // nothing to restore.
        let _ = tcflush(self.tty, QueueSelector::IFlush);
        let _ = retry_on_intr(|| tcsetattr(self.tty, OptionalActions::Now, &self.found));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use std::time::{Duration, Instant};

    fn terminal() -> (std::os::fd::OwnedFd, File) {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        (master, File::options().read(true).write(true).open(name).unwrap())
    }

    fn state(tty: &File) -> String {
        format!("{:?}", tcgetattr(tty).unwrap())
    }

    #[test]
    fn a_panic_restores_the_terminal() {
        let (_master, tty) = terminal();
        let before = state(&tty);
        let mut during = String::new();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _raw = Raw::enter(&tty).unwrap();
            during = state(&tty);
            panic!("while a secret is typed");
        }));
        assert!(panicked.is_err());
        assert_ne!(during, before);
        assert_eq!(state(&tty), before);
    }

    #[test]
    fn a_closed_terminal_is_told_from_silence() {
        let (master, tty) = terminal();
        let (signals, _other) = UnixStream::pair().unwrap();
        let mut raw = Raw::enter(&tty).unwrap();
        let mut bytes = [0; 8];
        assert!(matches!(raw.read(&mut bytes, &signals, None, true).unwrap(), Input::Quiet));
        rustix::io::write(&master, b"ab").unwrap();
        assert!(matches!(raw.read(&mut bytes, &signals, None, false).unwrap(), Input::Bytes(2)));
        assert!(!hung_up(&tty));
        drop(master);
        // A program that another test starts has the descriptor, too, until it runs.
        let patience = Instant::now() + Duration::from_secs(60);
        while !hung_up(&tty) && Instant::now() < patience {
            std::thread::yield_now();
        }
        assert!(hung_up(&tty));
        assert!(matches!(raw.read(&mut bytes, &signals, None, false).unwrap(), Input::HungUp));
    }
}
