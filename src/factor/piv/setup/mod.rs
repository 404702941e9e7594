//! Preparing a token: `token setup piv` and `token unblock`, step by step. Each step is a method of `PivTokens`; what is asked between
//! them, and in which order they come, is the command's.
//!
//! A card can be pulled out at any time. The order is made for that: PIN and PUK are changed by one command to the card each; a key
//! is made by one, which a note on the token announces; its certificate says that the setup came to its end, and the note is taken away. A key
//! without it, which the note announced, is what a stopped setup left: [`Look::plan`] sees it as that, and the next one finishes it.
//!
//! PIN and management key are proven and forgotten by the card again within one step, so that nothing that a person does between two
//! steps, Ctrl-C above all, leaves the card to whoever comes next.

mod begun;
pub mod certificate;
mod error;
mod key;
mod look;
mod management;
mod pins;

use super::error::PivError;
use crate::factor::FactorError;

pub use super::card::NewKey;
pub use error::SetupError;
pub use look::{Look, Plan, describe, of_key};
pub use management::Manager;
pub use pins::{NewPin, NewPuk};

/// After the first change to a token, that it is gone means something else: the setup is half done.
pub fn stopped(error: FactorError) -> FactorError {
    match error {
        FactorError::Piv(PivError::Gone { token } | PivError::Reset { token }) => {
            FactorError::Piv(PivError::Setup(SetupError::Stopped { token }))
        }
        other => other,
    }
}

/// The PIN that all YubiKeys come with.
pub const DEFAULT_PIN: &str = "123456";
/// The PUK that all YubiKeys come with.
pub const DEFAULT_PUK: &str = "12345678";
/// The management key that all YubiKeys come with, 3DES or (from firmware 5.7) AES-192.
const DEFAULT_MANAGEMENT_KEY: [u8; 24] = [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8];
