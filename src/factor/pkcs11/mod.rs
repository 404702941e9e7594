//! A key in a PKCS#11 token. Spec 5.3.
//!
//! `Pkcs11Enroll` and `Pkcs11Open` are the factor; both work on `Tokens`, the modules of one command. A module runs in a helper process
//! (`helper` is our end, `worker` the other, `protocol` what passes between); `params` is the stanza, `wrap` the arithmetic of the modes.

pub mod helper;
pub mod info;
pub mod mode;
pub mod module;
pub mod tokens;
pub mod uri;
pub mod worker;

mod enroll;
mod error;
mod login;
mod manage;
mod open;
mod params;
mod protocol;
mod wrap;

pub use enroll::{Pkcs11Enroll, Pkcs11Rewrap, rewrap_from_stanza};
pub use error::TokenError;
pub use helper::{HelperCommand, Spare, TokenWatch};
pub use info::Sighting;
pub use manage::{NewKey, TestReport, TokenSetup, keys, log_in_to, test};
pub use mode::Mode;
pub use module::{Module, only_mine};
pub use open::{Pkcs11Open, is_here};
pub use params::{Description, KIND, describe};
pub use tokens::{SharedTokens, Tokens};
pub use uri::Uri;
