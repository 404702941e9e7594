//! The header: text, MAC, strict parsing, the typed model. Spec 4.

mod stanza;

pub use stanza::Stanza;
