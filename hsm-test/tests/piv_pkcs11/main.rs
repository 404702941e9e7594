//! PIV cards through PKCS#11: OpenSC's module and Yubico's, on virtual cards whose keys were made with Yubico's own tools, and the whole
//! program on top.
//!
//! - `ways`: which key of which card opens a vault through which module.
//! - `pins`: no PIN try is spent in vain.
//! - `touch`: said when it may be needed, waited for, told when it did not come.
//! - `names`: cards that are called otherwise than at enrolment, and two that are called the same.
//! - `trouble`: pulled, swapped, held by others, with another key, hostile.
//! - `messages`: the program's words for what only such cards do, in `messages.txt`.

#[path = "../piv_card/lab.rs"]
#[allow(dead_code, reason = "shared with the card's own tests")]
mod card_lab;
mod lab;
mod messages;
mod names;
mod pins;
#[path = "../../../tests/common/pty.rs"]
mod pty;
mod touch;
mod trouble;
mod ways;
