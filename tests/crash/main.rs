//! Programs that are killed, writes that fail, writers that meet: what was acknowledged stays, what was not is wholly there or not at all.
#![allow(clippy::unwrap_used)] // helpers of tests, which clippy does not take for tests

#[path = "../common/program.rs"]
mod program;
#[path = "../common/pty.rs"]
mod pty;

mod kills;
mod parallel;
mod rotate;
mod steps;
