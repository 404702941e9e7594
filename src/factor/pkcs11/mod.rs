//! A key in a PKCS#11 token. Spec 5.3.

use super::Enroll;
use crate::header::Stanza;

/// The word in a stanza.
pub const KIND: &str = "pkcs11";

/// Why a token or its module failed.
#[derive(Debug)]
pub enum TokenError {}

/// The token's label.
pub fn token_name(_: &Stanza) -> String {
    String::new()
}

/// Public-key modes only.
pub fn rewrap_from_stanza(_: &Stanza) -> Option<Box<dyn Enroll>> {
    None
}

impl TokenError {
    /// Whether a PIN was judged.
    pub fn is_about_pin(&self) -> bool {
        match *self {}
    }
}

/// The helper.
pub fn helper_main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
