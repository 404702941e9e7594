//! twinlock: a vault whose account key is wrapped in keyslots, each opened by k of n factors.
//!
//! Layers, each using only those below it (a test holds it):
//! `cli` > `agent` > `vault` > `factor`, `custody` > `header`, `keyslot`, `kit`, `item`, `confirm` > `crypto`, `store`, `prompt` > `secret`, `encode`, `paper`.
//! The format is in `docs/spec.md`, the words in `docs/glossary.md`.

pub mod agent;
pub mod cli;
pub mod confirm;
pub mod crypto;
pub mod custody;
pub mod encode;
pub mod factor;
pub mod header;
pub mod item;
pub mod keyslot;
pub mod kit;
pub mod paper;
pub mod prompt;
pub mod secret;
pub mod store;
pub mod vault;
