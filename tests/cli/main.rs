//! The command line as text: what is typed, what comes, word for word. One module a command, named like its file in `src/cli`.
//!
//! Read a session aloud: a message that sounds wrong is wrong, also where the program is right.
#![cfg(debug_assertions)] // the test factor is not in release builds
#![allow(clippy::needless_raw_string_hashes)] // all sessions look alike, with quotes in them or without
#![allow(clippy::unwrap_used)] // helpers of tests, which clippy does not take for tests

#[path = "../common/program.rs"]
mod program;
#[path = "../common/pty.rs"]
mod pty;

mod account_key;
mod add;
mod agent;
mod agent_hardened;
mod agent_hostile;
mod backup;
mod commands;
mod completions;
mod config;
mod confirm;
mod custody;
mod custody_cost;
mod custody_ends;
mod custody_theirs;
mod disk;
mod edit;
mod find;
mod fork;
mod get;
mod header;
mod held;
mod help;
mod init;
mod keyslot;
mod kit;
mod list;
mod manual;
mod one_prompt;
mod passwd;
mod pinentry;
mod pinned;
mod piv;
mod recover;
mod recover_order;
mod recovery;
mod restore;
mod restore_kit;
mod rm;
mod rotate;
mod run;
mod seen;
mod sheet;
mod splice;
mod status;
mod terminal;
mod threshold;
mod unlock;
mod usage;
mod verify;
