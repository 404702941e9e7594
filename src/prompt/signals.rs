//! Signals while a prompt is on the screen: they must find the terminal as it was before they end the program.
//!
//! A signal once caught stays caught (`signal-hook` cannot give the default back without `unsafe`). So outside a prompt each of
//! these signals is answered by what the system would have done; inside one it waits in a pipe until the terminal is restored.

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN};
use signal_hook::flag::register_conditional_default;
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;
use signal_hook::low_level;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Signals that end the program by default, and Ctrl-Z.
const CAUGHT: [i32; 5] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP];

/// True while no prompt is on the screen; empty before the first. Held locked by the prompt, so that there is one at a time.
static IDLE: Mutex<Option<Arc<AtomicBool>>> = Mutex::new(None);

/// What is to be done about signals that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Restore the terminal, then end by this signal.
    End(i32),
    /// Restore the terminal, stop, and begin again afterwards.
    Stop,
    /// The program was stopped and goes on: the terminal may have changed.
    Redraw,
}

/// The time of one prompt.
pub(super) struct Signals {
    delivery: SignalDelivery<UnixStream, SignalOnly>,
    idle: Arc<AtomicBool>,
    _turn: MutexGuard<'static, Option<Arc<AtomicBool>>>,
}

impl Signals {
    /// Begins to hold signals back.
    pub(super) fn hold() -> io::Result<Self> {
        let ignored = ignored();
        let caught = CAUGHT.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
        // A panic elsewhere during a prompt leaves nothing half-done in the flag.
        let mut turn = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = if let Some(idle) = &*turn {
            Arc::clone(idle)
        } else {
            let idle = Arc::new(AtomicBool::new(true));
            for signal in caught.clone() {
                register_conditional_default(signal, Arc::clone(&idle))?;
            }
            Arc::clone(turn.insert(idle))
        };
        let (read, write) = UnixStream::pair()?;
        let delivery = SignalDelivery::with_pipe(read, write, SignalOnly, caught.chain([SIGCONT]))?;
        idle.store(false, Ordering::SeqCst);
        Ok(Self { delivery, idle, _turn: turn })
    }

    /// Readable when a signal came.
    pub(super) fn readable(&self) -> &UnixStream {
        self.delivery.get_read()
    }

    /// The gravest of the signals that came.
    pub(super) fn take(&mut self) -> Option<Call> {
        let calls = self.delivery.pending().map(|signal| match signal {
            SIGCONT => Call::Redraw,
            SIGTSTP => Call::Stop,
            other => Call::End(other),
        });
        calls.min_by_key(|call| match call {
            Call::End(_) => 0,
            Call::Stop => 1,
            Call::Redraw => 2,
        })
    }

    /// Stops the program as Ctrl-Z does; returns when it goes on. The terminal has been restored before.
    pub(super) fn stop(&mut self) -> Option<Call> {
        // SIGTSTP itself is caught, SIGSTOP would also stop a program whose shell is gone (nobody could wake it): SIGTTIN has
        // its default action, and the system leaves it out for an orphaned process group (POSIX 11.1.4).
        // It can only fail for a number that is no signal.
        let _ = low_level::raise(SIGTTIN);
        self.take().filter(|call| matches!(call, Call::End(_)))
    }

    /// Ends the holding back. The terminal has been restored before. A signal to end by that came meanwhile is returned.
    pub(super) fn release(mut self) -> Option<Call> {
        // First the flag, then the look: a signal that comes between them acts by itself.
        self.idle.store(true, Ordering::SeqCst);
        self.take().filter(|call| matches!(call, Call::End(_)))
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.idle.store(true, Ordering::SeqCst);
    }
}

/// Work that may be stopped, but not in the middle of a step: meanwhile Ctrl-C and its like wait to be asked for, and Ctrl-Z does nothing.
pub struct Stoppable {
    /// None where the system has no signals to give: then one ends the program, as ever.
    signals: Option<Signals>,
    stopped: bool,
}

impl Stoppable {
    /// Begins it; dropped, it has ended.
    pub fn begin() -> Self {
        Self { signals: Signals::hold().ok(), stopped: false }
    }

    /// Whether somebody wants it to stop.
    pub fn is_stopped(&mut self) -> bool {
        let call = self.signals.as_mut().and_then(Signals::take);
        self.stopped |= matches!(call, Some(Call::End(_)));
        self.stopped
    }
}

/// Ends the program by a signal, as if it had never been caught, so that the parent sees what happened.
pub(super) fn end_by(signal: i32) {
    // It can only fail for a number that is no signal; then the caller goes on with "cancelled".
    let _ = low_level::emulate_default_handler(signal);
}

/// The signals that this program was started to ignore (`nohup`), one bit each: they stay ignored. Where the system does not
/// tell, none.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
