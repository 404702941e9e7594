//! `token setup piv`, `token unblock` and `token list` on virtual YubiKeys behind a real pcscd: the real program, run as a person runs it.

#[allow(dead_code)] // shared with the tests of the card, which use all of it
#[path = "../piv_card/lab.rs"]
mod card_lab;
#[allow(dead_code)] // shared with the tests of the factor, which use all of it
#[path = "../piv/lab.rs"]
mod lab;

#[path = "../../../tests/common/pty.rs"]
mod pty;

mod asking;
mod attestation;
mod counted;
mod keys;
mod list;
mod management;
mod messages;
mod pins;
mod pulled;
mod real;
mod secrecy;
mod terminal;
mod tools;
