//! The `piv` factor on virtual YubiKeys behind a real pcscd: the real program, run as a person runs it.

mod between;
#[allow(dead_code)] // shared with the tests of the card, which use all of it
#[path = "../piv_card/lab.rs"]
mod card_lab;
mod confirm;
mod first;
mod held;
mod hostile;
mod kept;
mod lab;
mod messages;
#[path = "../../../tests/common/pty.rs"]
mod pty;
mod pulled;
mod secrecy;
mod sharing;
mod terminal;
mod tokens;
mod took;
mod ways;
