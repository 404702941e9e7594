//! The conformance suite: every factor, every mode, every module, and everything that goes wrong with them.
//!
//! - `factors`: what every factor does, by the traits alone.
//! - `modes`: each mode on each module: enroll, open elsewhere, and nothing but the secret for nothing but the right stanza.
//! - `codes`: the error table: each return value, at its function, becomes the error that a person can act on.
//! - `pins`: no PIN try is spent in vain.
//! - `keys`: gone, twins, replaced, of no use.
//! - `trouble`: modules that hang, crash, chatter or lie.
//! - `paths`: what is no module.
//! - `messages`: the real program's words for all of it, in `messages.txt`.
//! - `vaults`: keyslots of several factors, through the vault.
//!
//! `lab` is what they share. A new factor is one function in `factors`; a new mode or module is a row of `lab::MODES` or
//! `hsm_test::MODULES`, and everything here runs on it.

mod again;
mod codes;
mod factors;
mod keys;
mod lab;
mod messages;
mod modes;
mod paths;
mod pins;
mod trouble;
mod vaults;
