//! Preparing a token: `token setup piv` and `token unblock`, step by step. Each step is a method of `PivTokens`; what is asked between
//! them, and in which order they come, is the command's.
//!
//! A card can be pulled out at any time. The order is made for that: PIN and PUK are changed by one command to the card each; a key
//! is made by one; its certificate is the last thing that is written, and says that the setup came to its end. A key without it is what a
//! stopped setup leaves, is seen as that by [`Look::plan`], and is finished by the next one.

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
