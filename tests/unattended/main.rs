//! Services: a vault opened by an HSM with nobody there, and the units of `contrib/systemd`.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // helpers of tests, which clippy does not take for tests

#[path = "../common/program.rs"]
mod program;
#[path = "../common/softhsm.rs"]
mod softhsm;

mod confirm;
mod hsm;
mod units;
