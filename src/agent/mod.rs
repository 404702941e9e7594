//! The agent: account keys of unlocked vaults, each with an end, in a process of its own. Spec 10; why so: `docs/design.md`.
//!
//! Whoever unlocks a vault hands its account key over ([`client`]); from then on items are read and written here, and the key never
//! leaves again. One thread watches the socket, the clock and what tells that a person has left ([`server`]); each vault is open on a
//! thread of its own ([`worker`]), so that a slow disk under one keeps neither `lock` nor another vault waiting.

pub mod client;
pub mod protocol;
pub mod server;
pub mod socket;
pub mod watch;

mod clock;
mod connection;
mod events;
mod held;
mod memory;
mod sources;
mod vaults;
mod wire;
mod worker;

use crate::factor::pkcs11::HelperCommand;
use crate::vault::{Seen, VaultError};
use protocol::Failure;
use std::path::Path;

pub use memory::lock_memory;

/// What the agent needs of the layer above: words for errors, and the memory of what this machine has seen.
pub trait House: Send + Sync {
    /// An error as its person shall read it.
    fn explain(&self, error: &VaultError) -> Failure;
    /// Who is told of each state of the vault at `path`.
    fn watcher(&self, path: &Path) -> Box<dyn FnMut(&Seen)>;
    /// How this program starts itself as the helper process in which a module runs.
    fn helper(&self) -> Option<HelperCommand>;
    /// A line for the log.
    fn log(&self, line: &str);
}
