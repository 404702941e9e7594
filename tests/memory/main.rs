//! What is left in memory: of the agent before and after `lock`, and of every command at its very end.
#![cfg(target_os = "linux")] // /proc, gdb
#![allow(clippy::unwrap_used)] // helpers of tests, which clippy does not take for tests

#[path = "../common/program.rs"]
mod program;
#[path = "../common/softhsm.rs"]
mod softhsm;

mod agent;
mod commands;
mod scan;
mod secrets;
