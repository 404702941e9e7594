//! Virtual YubiKeys in the readers of a real pcscd, each test with a pcscd of its own.
//!
//! ```no_run
//! # use hsm_test::piv::{CardOptions, PcscPlace};
//! let Some(place) = PcscPlace::start() else { return };
//! let card = place.card(CardOptions::default().firmware("5.7").finger("away"));
//! // Any program finds them with `place.env()` in its environment.
//! card.remove();
//! card.insert();
//! ```
//!
//! Nothing needs root: pcscd and the cards live in user, mount, network and process namespaces of their own, and end with the
//! [`PcscPlace`], also if the test process is killed.

mod card;
mod client;
mod other;
mod place;
mod tools;

pub use card::{CardOptions, FreeReader, VirtualYubikey};
pub use client::{Reader, readers};
pub use other::{Leave, OtherProgram, Share};
pub use place::{PcscPlace, SOCKET_VARIABLE};
pub use tools::{PivModule, Run};
