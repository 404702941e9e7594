//! Text forms of bytes: strict hex, PEM, base 58 with check digits, Crockford base 32, with a check character a group
//! and without; words to be told over a telephone; DEFLATE.

pub mod base32;
pub mod base58;
pub mod crockford;
pub mod deflate;
pub mod hex;
pub mod pem;
pub mod terminal;
pub mod words;
