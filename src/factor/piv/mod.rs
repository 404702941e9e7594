//! A key in a PIV slot of a YubiKey. Spec 5.4.
//!
//! `params` is the stanza, `public` keys from files and certificates, `wrap` the arithmetic: these need neither token nor PC/SC, so that a
//! keyslot is listed and wrapped again anywhere. `card` talks to the cards; a program built without it says so.

pub mod attestation;
#[cfg(feature = "piv")]
pub mod card;
#[cfg(not(feature = "piv"))]
#[path = "no_card.rs"]
pub mod card;
pub mod info;
pub mod params;
pub mod public;
pub mod setup;
pub mod slot;

mod der;
mod enroll;
mod error;
mod open;
mod pin;
mod tokens;
mod wrap;
mod x509;

pub use card::{CardWatch, Cards};
pub use enroll::PivEnroll;
pub use error::PivError;
pub use info::Sighting;
pub use open::PivOpen;
pub use params::{Hints, KIND, Mode, describe};
pub use pin::{PinRules, check_form};
pub use setup::SetupError;
pub use slot::{PinPolicy, PivSlot, TouchPolicy};
pub use tokens::{PivTokens, SharedCards};
pub use wrap::{PivPublicEnroll, rewrap_from_stanza};
