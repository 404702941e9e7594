//! The thread of a watcher, and its end.

use super::WatchError;
use std::io::{PipeReader, PipeWriter, pipe};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Of the stack, bytes: little is needed, and an agent whose memory is locked pays for all of it.
const STACK: usize = 256 * 1024;

/// So long is waited between two tries to interrupt a thread: one that comes just before it blocks is lost.
const AGAIN: Duration = Duration::from_millis(10);

/// Ends its watcher when dropped, and waits for that end.
pub struct Guard {
    stop: Option<PipeWriter>,
    /// Wakes the thread where it does not wait for `stop`.
    interrupt: Option<Box<dyn Fn() + Send + Sync>>,
    /// Hung up when the thread is done.
    done: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

/// The thread's end of a [`Guard`]: hung up when it shall end.
pub(super) struct Stop(PipeReader);

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Stop {
    pub(super) fn pair() -> Result<(PipeWriter, Self), WatchError> {
        let (stop, writer) = pipe().map_err(|why| system(&why))?;
        Ok((writer, Self(stop)))
    }
}

fn system(why: &std::io::Error) -> WatchError {
    WatchError::System { why: why.to_string() }
}

impl Guard {
    /// Starts the thread. `stop` is the other end of what it was given.
    pub(super) fn start(
        name: &str,
        stop: PipeWriter,
        interrupt: Option<Box<dyn Fn() + Send + Sync>>,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<Self, WatchError> {
        let (busy, done) = channel::<()>();
        let run = move || {
            // Dropped also when the work panics.
            let _busy = busy;
            work();
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(run);
        let thread = thread.map_err(|why| system(&why))?;
        Ok(Self { stop: Some(stop), interrupt, done, thread: Some(thread) })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.stop = None;
        let Some(thread) = self.thread.take() else { return };
        if thread.thread().id() == std::thread::current().id() {
            // Dropped from the callback: it ends when that returns.
            return;
        }
        if let Some(interrupt) = &self.interrupt {
            loop {
                interrupt();
                if self.done.recv_timeout(AGAIN) == Err(RecvTimeoutError::Disconnected) {
                    break;
                }
            }
        }
        // What panicked there was said where it did.
        let _ = thread.join();
    }
}
