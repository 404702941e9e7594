//! Text forms of bytes: strict hex, base 58 with check digits, Crockford base 32 with a check character a group.

pub mod base58;
pub mod crockford;
pub mod hex;
pub mod terminal;
