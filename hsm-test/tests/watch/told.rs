//! What a watcher told.

use std::fmt::Write as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use twinlock::agent::watch::{Notice, Tell};

/// Longer than any machine needs.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A callback, and the notices that it got.
pub struct Told {
    pub tell: Tell,
    notices: Receiver<Notice>,
}

impl Told {
    pub fn new() -> Self {
        let (sender, notices) = channel();
        let sender = Mutex::new(sender);
        let tell = move |notice| drop(sender.lock().unwrap().send(notice));
        Self { tell: Arc::new(tell), notices }
    }

    /// The next one.
    pub fn next(&self) -> Notice {
        self.notices.recv_timeout(PATIENCE).expect("a notice comes")
    }

    /// The same in words, with what is kept by it let go.
    pub fn said(&self) -> String {
        let mut said = String::new();
        let _ = write!(said, "{:?}", self.next());
        said
    }

    /// Nothing was told until now that was not asked for, and no watcher has the callback any more.
    pub fn ended(self) {
        assert_eq!(Arc::strong_count(&self.tell), 1, "a watcher still runs");
        drop(self.tell);
        match self.notices.recv_timeout(Duration::ZERO) {
            Err(RecvTimeoutError::Disconnected) => {}
            other => panic!("{other:?}"),
        }
    }
}
