//! The SQLite store among other processes: writers at once, kills, full and read-only disks, other users.

#![allow(clippy::unwrap_used)] // helpers of tests are tests; clippy.toml knows only #[test] functions

mod child;
mod disk;
mod processes;
