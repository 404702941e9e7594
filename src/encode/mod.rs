//! Text forms of bytes: strict hex, PEM, base 58 with check digits, Crockford base 32 with a check character a group.

pub mod base58;
pub mod crockford;
pub mod hex;
pub mod pem;
pub mod terminal;
