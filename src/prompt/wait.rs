//! Waiting at the terminal for something that is not typed: a touch, a card. What is waited for stands there, with a mark that moves;
//! Ctrl-C stops at once; keys are swallowed, since a YubiKey that is touched may type a one-time password and Enter, which must
//! not become a command of the shell.

use super::raw::{Raw, hung_up};
use super::signals::{Call, Signals, end_by};
use super::{PromptError, Waited};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// The mark that moves, in signs that every terminal has.
const MARKS: [char; 4] = ['|', '/', '-', '\\'];
/// How often it moves.
const TICK: Duration = Duration::from_millis(120);
/// Ctrl-C, as the terminal gives it when it makes no signal of it.
const CTRL_C: u8 = 3;
/// Ctrl-Z.
const CTRL_Z: u8 = 26;
/// Esc; with bytes behind it another key.
const ESCAPE: u8 = 27;

/// What is waited for, and how.
pub(super) struct Wait<'a> {
    /// Stands there meanwhile.
    pub text: &'a str,
    /// Ends it when it can be read or has hung up.
    pub ready: BorrowedFd<'a>,
    /// Ends it in any case.
    pub patience: Duration,
    /// The terminal can erase a line.
    pub erase: bool,
    /// Esc ends it: [`PromptError::Skipped`].
    pub leave: bool,
}

/// Waits until `ready` can be read or has hung up, or until patience ends.
pub(super) fn wait(tty: &File, what: &Wait<'_>) -> Result<Waited, PromptError> {
    let until = Instant::now() + what.patience;
    let mut signals = Signals::hold().map_err(PromptError::Io)?;
    let mut first = true;
    let (result, call) = loop {
        let left = Raw::enter(tty)
            .and_then(|mut raw| watch(&mut raw, tty, &mut signals, what, std::mem::take(&mut first), until));
        // The terminal is restored here.
        match left {
            Ok(Left::Waited(waited)) => break (Ok(waited), None),
            Ok(Left::Skipped) => break (Err(PromptError::Skipped), None),
            Ok(Left::Cancelled) => break (Err(PromptError::Cancelled), None),
            Ok(Left::Call(Call::End(signal))) => break (Err(PromptError::Cancelled), Some(Call::End(signal))),
            Ok(Left::Call(Call::Stop)) => {
                if let Some(call) = signals.stop() {
                    break (Err(PromptError::Cancelled), Some(call));
                }
            }
            Ok(Left::Call(Call::Redraw)) => {}
            Err(_) if hung_up(tty) => break (Err(PromptError::Cancelled), None),
            Err(error) => break (Err(PromptError::Io(error)), None),
        }
    };
    if let Some(Call::End(signal)) = call.or(signals.release()) {
        end_by(signal);
        return Err(PromptError::Cancelled);
    }
    result
}

/// The same without a terminal to move a mark on.
pub(super) fn quietly(ready: BorrowedFd<'_>, patience: Duration) -> Result<Waited, PromptError> {
    let until = Instant::now() + patience;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(|_| PromptError::Io(io::ErrorKind::InvalidInput.into()))?;
        match poll(&mut [PollFd::new(&ready, PollFlags::IN)], Some(&timeout)) {
            Ok(0) => return Ok(Waited::TooLong),
            Ok(_) => return Ok(Waited::Ready),
            Err(Errno::INTR) => {}
            Err(error) => return Err(PromptError::Io(error.into())),
        }
    }
}

enum Left {
    Waited(Waited),
    Skipped,
    Cancelled,
    Call(Call),
}

fn watch(
    raw: &mut Raw<'_>,
    tty: &File,
    signals: &mut Signals,
    show: &Wait<'_>,
    first: bool,
    until: Instant,
) -> io::Result<Left> {
    // Of a text of several lines the last one is drawn again.
    let (above, last) = show.text.rsplit_once('\n').map_or(("", show.text), |(above, last)| (above, last));
    if !above.is_empty() && first {
        raw.write(above)?;
        raw.write("\n")?;
    }
    if !show.erase {
        raw.write(last)?;
        raw.write("\n")?;
    }
    let tick = Timespec::try_from(TICK).map_err(|_| io::ErrorKind::InvalidInput)?;
    let left = 'wait: {
        for mark in MARKS.iter().cycle() {
            if show.erase {
                raw.write(&format!("\r\u{1b}[K{last} {mark}"))?;
            }
            let waiting = signals.readable();
            let mut fds = [
                PollFd::new(&show.ready, PollFlags::IN),
                PollFd::new(waiting, PollFlags::IN),
                PollFd::new(&tty, PollFlags::IN),
            ];
            match poll(&mut fds, Some(&tick)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let [done, signal, keys] = fds.map(|fd| fd.revents());
            if !done.is_empty() {
                break 'wait Left::Waited(Waited::Ready);
            }
            if !signal.is_empty()
                && let Some(call) = signals.take()
                && !(call == Call::Redraw && raw.holds()?)
            {
                break 'wait Left::Call(call);
            }
            if !keys.is_empty() {
                match swallow(tty.as_fd())? {
                    Some(CTRL_C) => break 'wait Left::Call(Call::End(signal_hook::consts::SIGINT)),
                    Some(CTRL_Z) => rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?,
                    Some(ESCAPE) if show.leave => break 'wait Left::Skipped,
                    Some(_) => {}
                    None => break 'wait Left::Cancelled,
                }
            }
            if Instant::now() >= until {
                break 'wait Left::Waited(Waited::TooLong);
            }
        }
        unreachable!("the marks go round")
    };
    if show.erase {
        // What was waited for stays to be read; only the mark goes. A terminal that is gone cannot be tidied.
        let _ = raw.write(&format!("\r\u{1b}[K{last}\n"));
    }
    Ok(left)
}

/// Reads what was typed and forgets it, but for the keys that mean something. None: the terminal is gone.
fn swallow(tty: BorrowedFd<'_>) -> io::Result<Option<u8>> {
    let mut bytes = zeroize::Zeroizing::new([0_u8; 64]);
    match rustix::io::read(tty, &mut *bytes) {
        Ok(0) | Err(Errno::IO | Errno::NXIO) => Ok(None),
        Ok(1) if bytes[0] == ESCAPE => Ok(Some(ESCAPE)),
        Ok(count) => Ok(Some(bytes[..count].iter().copied().find(|key| [CTRL_C, CTRL_Z].contains(key)).unwrap_or(0))),
        Err(Errno::INTR | Errno::AGAIN) => Ok(Some(0)),
        Err(error) => Err(error.into()),
    }
}
