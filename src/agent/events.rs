//! How other threads speak to the agent's own: a queue, and a descriptor that wakes it.

use super::watch::Guard;
use super::worker::Answer;
use rustix::event::{EventfdFlags, eventfd};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

/// What other threads tell.
pub enum Event {
    /// A worker has done something.
    Answer(Answer),
    /// A worker's thread has ended: its account key is erased.
    Over(u64),
    /// The account key of one vault, or of all, is to be dropped.
    Drop {
        /// The worker that has it.
        vault: Option<u64>,
        /// Why.
        why: String,
        /// Dropped when they are: whoever waits for that sees it.
        then: Option<Box<dyn Send>>,
    },
    /// A watcher has begun.
    Watching(Guard),
    /// Something is not watched, which the person shall know.
    Unwatched(String),
}

/// The receiving end.
pub struct Events {
    queue: Receiver<Event>,
    teller: Teller,
}

/// The sending end.
#[derive(Clone)]
pub struct Teller {
    queue: Sender<Event>,
    wake: Arc<OwnedFd>,
}

impl Teller {
    /// Tells; never waits.
    pub fn tell(&self, event: Event) {
        // When nobody listens any more the agent is ending.
        if self.queue.send(event).is_ok() {
            let _ = rustix::io::write(&*self.wake, &1_u64.to_ne_bytes());
        }
    }
}

impl Events {
    pub fn new() -> io::Result<Self> {
        let (sender, queue) = channel();
        let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        Ok(Self { queue, teller: Teller { queue: sender, wake } })
    }

    pub fn teller(&self) -> Teller {
        self.teller.clone()
    }

    pub fn fd(&self) -> &OwnedFd {
        &self.teller.wake
    }

    /// What has been told since.
    pub fn take(&self) -> Vec<Event> {
        let _ = rustix::io::read(&*self.teller.wake, &mut [0_u8; 8]);
        self.queue.try_iter().collect()
    }
}
