//! Trying again after an HSM has lost its session, has restarted or failed over: a new helper, a new session, and the PIN that was accepted
//! before. Bounded in a command, and never at the price of a PIN try that could lock the token:
//!
//! - a PIN that was accepted in this command is sent again, as long as the token does not stand before its last try;
//! - a PIN whose outcome is unknown, as the module ended or the connection broke in C_Login, is sent once more, and only if the token's flags
//!   say that no wrong one has been counted;
//! - a PIN that was judged wrong is never sent again.
//!
//! Cards and PIN pads are left out: there a person is, and three tries are all.

use super::entry::State;
use super::{Found, Tokens};
use crate::crypto::random_bytes;
use crate::factor::pkcs11::error::TokenError;
use crate::factor::pkcs11::helper::Helper;
use crate::secret::Pin;
use std::time::Duration;
use zeroize::Zeroizing;

/// How long before each further try; there are no more in a command than these.
pub const PAUSES: [Duration; 3] = [Duration::from_millis(250), Duration::from_millis(500), Duration::from_secs(1)];

/// What a token says that has lost a session and nothing else.
const LOST: [&str; 6] = [
    "CKR_SESSION_HANDLE_INVALID",
    "CKR_SESSION_CLOSED",
    "CKR_TOKEN_NOT_PRESENT",
    "CKR_DEVICE_REMOVED",
    "CKR_DEVICE_ERROR",
    "CKR_USER_NOT_LOGGED_IN",
];

/// What a command has tried again, and may yet.
pub(super) struct Again {
    pauses: Vec<Duration>,
    /// A call that does not come back costs its whole deadline: once more is enough.
    hung: bool,
    /// A PIN of unknown outcome was sent once more.
    resent: bool,
    told: bool,
    kept: Vec<Kept>,
}

/// A PIN that was sent in this command.
struct Kept {
    found: Found,
    pin: Pin,
    accepted: bool,
}

impl Default for Again {
    fn default() -> Self {
        Self { pauses: PAUSES.to_vec(), hung: false, resent: false, told: false, kept: Vec::new() }
    }
}

impl Again {
    /// No PIN is sent again from here on.
    pub fn forget(&mut self) {
        self.kept.clear();
    }
}

impl Tokens {
    /// Other pauses before another try; none, and nothing is tried again.
    #[must_use]
    pub fn with_pauses(mut self, pauses: &[Duration]) -> Self {
        self.again.pauses = pauses.to_vec();
        self
    }

    /// Whether a failure is one of the connection, and there is a try left. Then it is told, and the modules concerned start anew, after a
    /// pause, when they are next asked; else no PIN is sent again.
    pub fn reconnect(&mut self, error: &TokenError, found: Option<&Found>, tell: &mut dyn FnMut()) -> bool {
        // A login that failed is not repeated without a PIN that may be sent.
        let barred = found.is_some_and(|found| self.refused(found).is_some() && !self.keeps_pin(found));
        if barred || self.again.pauses.is_empty() || !self.is_lost(error, found) {
            self.again.forget();
            return false;
        }
        self.again.hung |= matches!(error, TokenError::Hung { .. });
        // Once a command: one line in a log says it.
        if !std::mem::replace(&mut self.again.told, true) {
            tell();
        }
        let pause = self.again.pauses.remove(0);
        for (at, entry) in self.modules.iter_mut().enumerate() {
            let ended = matches!(entry.state, State::Failed(TokenError::Crashed { .. } | TokenError::Hung { .. }));
            if found.is_some_and(|found| found.module == at) || (ended && entry.answered) {
                // A helper that still runs is ended, and its module with it: the next one begins with nothing of what went wrong.
                entry.state = State::Idle;
            }
        }
        std::thread::sleep(pause + jitter(pause));
        true
    }

    fn is_lost(&self, error: &TokenError, found: Option<&Found>) -> bool {
        if found.is_some_and(|found| found.info.is_piv() || found.info.pin_pad) {
            return false;
        }
        match error {
            // One that has never answered would end the same way again.
            TokenError::Crashed { path, .. } => {
                self.modules.iter().any(|entry| entry.answered && entry.module.shown() == *path)
            }
            TokenError::Hung { .. } => !self.again.hung && found.is_some_and(|found| self.was_accepted(found)),
            TokenError::TokenGone { .. } | TokenError::NotLoggedIn { .. } => found.is_some(),
            TokenError::Refused { name, .. } => found.is_some() && LOST.contains(&name.as_str()),
            _ => false,
        }
    }

    fn was_accepted(&self, found: &Found) -> bool {
        self.again.kept.iter().any(|kept| kept.accepted && kept.found.is_same(found))
    }

    /// Notes how a PIN fared.
    pub(super) fn keep(&mut self, found: &Found, pin: Option<&Pin>, done: &Result<(), TokenError>) {
        self.again.kept.retain(|kept| !kept.found.is_same(found));
        let accepted = match done {
            Ok(()) => true,
            Err(error) if !self.again.resent && self.is_lost(error, Some(found)) => false,
            Err(_) => return,
        };
        if let Some(pin) = pin.filter(|_| !found.info.is_piv()) {
            let pin = Pin::new(Zeroizing::new(pin.expose().to_owned()));
            self.again.kept.push(Kept { found: found.clone(), pin, accepted });
        }
    }

    /// Whether a PIN was sent to this token that may perhaps be sent again.
    pub fn keeps_pin(&self, found: &Found) -> bool {
        self.again.kept.iter().any(|kept| kept.found.is_same(found))
    }

    /// The PIN for a token that lost its session, if it may be sent again now. `found` was looked at a moment ago.
    pub fn kept_pin(&mut self, found: &Found) -> Option<Pin> {
        let at = self.again.kept.iter().position(|kept| kept.found.is_same(found))?;
        let now = &found.info;
        if now.pin_last || now.pin_locked || now.pin_must_change || !now.pin_set {
            return None;
        }
        if self.again.kept[at].accepted {
            return Some(Pin::new(Zeroizing::new(self.again.kept[at].pin.expose().to_owned())));
        }
        // Taken out, so that it is sent once more and not again. A count that was low before tells nothing: it stays low.
        let kept = self.again.kept.remove(at);
        let before = &kept.found.info;
        let unchanged = !now.pin_low && !before.pin_low && !std::mem::replace(&mut self.again.resent, true);
        unchanged.then_some(kept.pin)
    }

    /// Waits for helpers that were dismissed: a command that takes this program's place would have them as children, of which it knows nothing.
    pub fn see_off(&mut self) {
        self.dismiss();
        self.leaving.drain(..).for_each(Helper::see_off);
    }
}

/// Up to a quarter more, so that all services of a machine do not come back in the same moment.
fn jitter(pause: Duration) -> Duration {
    // Without randomness there is none; the vault says so elsewhere.
    let [byte] = random_bytes::<1>().unwrap_or_default();
    pause / 4 * u32::from(byte) / 255
}
