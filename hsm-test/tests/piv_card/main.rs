//! The virtual YubiKey does what a real one does, seen through pcscd, and through Yubico's and OpenSC's own programs.

mod faults;
mod keys;
mod lab;
mod life;
mod management;
mod pins;
mod reader;
mod same;
mod tools;
