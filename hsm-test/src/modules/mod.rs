//! The modules that the tests run on, one file each.

pub mod kryoptic;
pub mod softhsm;

use crate::token::{KeyType, Token};

/// What the tests know of a module before they ask it.
pub struct Module {
    /// For messages.
    pub name: &'static str,
    /// A new token in a store of its own; none if the module is not on this machine, and that has been said.
    pub start: fn() -> Option<Token>,
    /// The kinds of key that it makes.
    pub keys: &'static [KeyType],
    /// How many wrong PINs lock it; none if it counts none.
    pub locks_after: Option<u32>,
    /// Whether RSA-OAEP works with SHA-256, not only with SHA-1.
    pub oaep_sha256: bool,
}

/// Every module under test.
pub const MODULES: &[Module] = &[softhsm::MODULE, kryoptic::MODULE];
