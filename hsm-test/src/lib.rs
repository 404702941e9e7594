//! Software tokens, a module that fails on command, a virtual YubiKey, and the conformance suite of twinlock; never part of the
//! shipped program.
//!
//! # What is here
//!
//! - [`MODULES`]: each PKCS#11 module that the tests run on, one file a module under `modules/`. [`Module::start`] gives a
//!   [`Token`]: initialised, in a folder of its own, gone when dropped.
//! - [`Token`]: what its owner does to a token: make and delete keys, spend PIN tries, set a new PIN, pull it out.
//! - [`Faulty`]: the same token behind a forwarding module of our own that fails as a plan says, and logs every call.
//! - [`piv`]: virtual YubiKeys in the readers of a real pcscd, with other people's programs that use the same cards.
//! - [`not_a_module`]: files that a person could name as a module by mistake.
//!
//! # Nothing process-wide
//!
//! Modules find their tokens by environment variables (`SOFTHSM2_CONF`, `KRYOPTIC_CONF`), and tests run as threads of one
//! process. So a fixture never loads a module and never sets a variable: each operation is a child process, `token-tool`, with
//! [`Target::env`] in its environment. A test that runs twinlock does the same: `Command::new(..).envs(token.env())`.
//!
//! # Adding a module
//!
//! 1. Copy `modules/softhsm.rs`. Its `start` finds the library (if it is not installed: `return missing(what, how to install it)`),
//!    makes a temporary folder, writes the module's configuration into it, and calls [`Store::token`].
//! 2. Describe it in a `pub const MODULE: Module`: which [`KeyType`]s it can hold, after how many wrong PINs it locks.
//! 3. Add one line to [`MODULES`]. `tests/fixtures.rs` and the conformance suite now run on it too.
//!
//! # What must be built
//!
//! `token-tool`, `virtual-yubikey` and the fault module are binaries and an example of this package: `cargo test --workspace` builds them.
//! For the tests of the root package alone: `cargo test -p hsm-test --no-run` first. Kryoptic is a package of its own, outside the workspace;
//! its `Cargo.toml` says why, and holds the command. The conformance suite runs the `twinlock` program: `cargo build` first.

#![forbid(unsafe_code)]

pub mod fault;
mod missing;
mod modules;
pub mod not_a_module;
pub mod piv;
mod place;
mod token;
mod tool;

pub use fault::Faulty;
pub use missing::missing;
pub use modules::{MODULES, Module, kryoptic, softhsm};
pub use place::{fault_module, token_tool, twinlock, virtual_yubikey};
pub use token::{Key, KeyInfo, KeyType, Store, Token};
pub use tool::{Target, ToolError};
