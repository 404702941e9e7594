//! The header: text, MAC, strict parsing, the typed model. Spec 4.
//!
//! `Unverified` is what the file says; `Verified` can only come from checking the MAC under the account key, and is the only
//! place that keys come from. So no key is ever used beside a header that someone else wrote (CVE-2021-4122, CVE-2025-59054
//! are such headers).

mod fields;
mod json;
mod kit;
mod model;
mod stanza;
mod text;

pub use json::MAX_NUMBER;
pub use kit::KitHeader;
pub use model::{Header, Keyslot, MAX_FACTORS, MAX_KEYSLOTS, MAX_NAME};
pub use stanza::Stanza;
pub use text::{MAX_TEXT, Unverified, Verified, last_tag, sign};

/// The strict JSON of spec 4.1, for other texts that come from anybody.
pub mod strict {
    pub use super::fields::Fields;
    pub use super::json::{canonical, parse};
}

/// Why a header is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// Not a header text at all, or a field out of its limits; says which.
    Malformed(String),
    /// Another format version.
    Version(u64),
    /// Another cipher.
    Cipher(String),
    /// A critical field that this program does not know.
    Critical(String),
    /// The tag is not that of these bytes under this account key.
    Tag,
}

impl std::fmt::Display for HeaderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed(why) => write!(f, "the vault's header is damaged: {why}"),
            Self::Version(version) => {
                write!(f, "the vault is of format version {version}, this program knows version 1")
            }
            Self::Cipher(name) => write!(f, "the vault uses the cipher '{name}', which this program does not know"),
            Self::Critical(name) => write!(f, "the vault needs '{name}', which this program does not know"),
            Self::Tag => f.write_str("the vault's header was altered by something other than twinlock"),
        }
    }
}

impl std::error::Error for HeaderError {}
