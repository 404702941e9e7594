//! What makes the agent drop its keys without being asked: the machine sleeps, the screen is locked, the person logs out, the token is
//! pulled. Each source is watched by a thread of its own that blocks in the system until something happens; it tells what that was
//! through a callback, and ends when its [`Guard`] is dropped.
//!
//! `logind` over D-Bus (`bus` is as much of that as it takes), `token` for tokens.

mod address;
#[cfg(target_os = "linux")]
mod bus;
mod guard;
#[cfg(target_os = "linux")]
mod logind;
#[cfg(not(target_os = "linux"))]
#[path = "no_logind.rs"]
mod logind;
mod token;

pub use address::Bus;
pub use guard::Guard;
pub use logind::logind;
pub use token::{WatchedToken, token};

use std::os::fd::OwnedFd;
use std::sync::Arc;

/// What happened.
#[derive(Debug)]
pub enum Notice {
    /// The machine is about to sleep. It waits until this value is dropped, at most as long as logind grants (`InhibitDelayMaxSec`, 5
    /// seconds): drop the keys first.
    Suspend(Release),
    /// A session of this user was locked, or is asked to be.
    ScreenLocked,
    /// The last session of this user has ended.
    LoggedOut,
    /// A token was pulled, or another is in its place.
    TokenGone {
        /// As given to [`token()`].
        id: u64,
        /// The token as a person knows it.
        what: String,
    },
    /// The machine will not wait for us when it goes to sleep; everything else is told as before.
    SleepNotDelayed {
        /// What logind said.
        why: String,
    },
    /// Nothing more will come from a watcher. Of a token: it may be gone by now, and nobody would tell.
    WatchEnded {
        /// As given to [`token()`]; `None`: logind.
        id: Option<u64>,
        /// What was watched, as a person knows it.
        what: String,
        /// Why it ended.
        why: String,
    },
}

/// Called from the threads of watchers. It must not block, and not wait for whoever drops a [`Guard`].
pub type Tell = Arc<dyn Fn(Notice) + Send + Sync>;

/// The machine goes to sleep when this is dropped; logind's inhibitor lock, or nothing where it gave none.
#[derive(Debug, Default)]
pub struct Release(Option<OwnedFd>);

impl Release {
    /// Whether the machine waits.
    pub fn delays(&self) -> bool {
        self.0.is_some()
    }
}

/// Why something cannot be watched. The agent goes on without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchError {
    /// There is no system bus.
    NoBus {
        /// What the system said.
        why: String,
    },
    /// There is a bus, and no logind on it.
    NoLogind {
        /// What the bus said.
        why: String,
    },
    /// The token cannot be watched.
    Token {
        /// What its reader's or module's side said.
        why: String,
    },
    /// The system gave no thread or pipe.
    System {
        /// What it said.
        why: String,
    },
}

impl std::fmt::Display for WatchError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoBus { why } => write!(f, "no system bus: {why}"),
            Self::NoLogind { why } => write!(f, "no logind: {why}"),
            Self::Token { why } | Self::System { why } => f.write_str(why),
        }
    }
}

impl std::error::Error for WatchError {}
