//! Whether a token is still where it was when it opened a vault.
//!
//! A YubiKey: by the smart-card service, which tells by itself. A PKCS#11 token: by a helper process that has its module loaded and looks
//! every two seconds; the agent loads none, and sleeps.

use super::guard::Stop;
use super::{Guard, Notice, Tell, WatchError};
use crate::factor::{piv, pkcs11};
use std::ffi::OsString;
use std::os::fd::AsFd;

/// What is watched. The sightings come from whoever opened the vault: `Cards::watchable`, `Tokens::watchable`.
#[derive(Clone, Debug)]
pub enum WatchedToken {
    /// A YubiKey.
    Piv(piv::Sighting),
    /// A token behind a module.
    Pkcs11 {
        /// The token.
        sighting: pkcs11::Sighting,
        /// How to start the helper process.
        command: pkcs11::HelperCommand,
        /// The environment of who opened the vault, where this process has it no more: modules are configured by it.
        environment: Option<Vec<(OsString, OsString)>>,
    },
}

/// Begins to watch, without waiting for token or module. A token that is gone by then is told at once.
pub fn token(token: WatchedToken, id: u64, tell: Tell) -> Result<Guard, WatchError> {
    let (stop, stopped) = Stop::pair()?;
    match token {
        WatchedToken::Piv(sighting) => {
            let watch = piv::CardWatch::new(&sighting).map_err(|error| failed(&error))?;
            let cancel = Box::new(watch.canceller());
            let run = move || {
                // Not looked at here: the service is told to end its wait.
                let _stopped = stopped;
                tell_end(watch.until_gone(), id, sighting.name(), &tell);
            };
            Guard::start("watch-card", stop, Some(cancel), run)
        }
        WatchedToken::Pkcs11 { sighting, command, environment } => {
            let watch = pkcs11::TokenWatch::begin(&command, environment, &sighting).map_err(|error| failed(&error))?;
            let run = move || tell_end(watch.until_gone(stopped.as_fd()), id, sighting.name, &tell);
            Guard::start("watch-token", stop, None, run)
        }
    }
}

fn failed(error: &impl std::fmt::Display) -> WatchError {
    WatchError::Token { why: error.to_string() }
}

fn tell_end<E: std::fmt::Display>(gone: Result<bool, E>, id: u64, what: String, tell: &Tell) {
    match gone {
        Ok(true) => tell(Notice::TokenGone { id, what }),
        // Nobody wants to know any more.
        Ok(false) => {}
        Err(why) => tell(Notice::WatchEnded { id: Some(id), what, why: why.to_string() }),
    }
}
