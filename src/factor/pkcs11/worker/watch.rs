//! Whether a token is still there, looked at again and again: here and not in the agent, which loads no module.
//!
//! C_WaitForSlotEvent would be the call for it. It is not there in many modules (`CKR_FUNCTION_NOT_SUPPORTED`), in others without
//! `CKF_DONT_BLOCK` alone; where it blocks, nothing but a C_Finalize from another thread ends it, which few survive; and it tells of events
//! since the last call by anybody in the process, of a PKCS#11 slot and not of the token in it.

use super::loaded::Loaded;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// Between two looks. Each may be some commands to a card.
const PAUSE: Duration = Duration::from_secs(2);
/// A token that is not seen is looked for once more: a module may be busy with it.
const AGAIN: Duration = Duration::from_millis(100);

/// Whether a PKCS#11 slot has a token, and it is this one.
pub fn is_there(module: &Loaded, label: &str, serial: &str) -> bool {
    module.has(label, serial) || {
        std::thread::sleep(AGAIN);
        module.has(label, serial)
    }
}

/// Looks until the token is not there (true), or nobody wants to know any more: the other end of `input` is closed.
pub fn until_gone(module: &Loaded, label: &str, serial: &str, input: BorrowedFd<'_>) -> io::Result<bool> {
    let pause = Timespec::try_from(PAUSE).unwrap_or_else(|_| unreachable!("two seconds fit"));
    loop {
        // No flags: only the hang-up.
        let mut fds = [PollFd::from_borrowed_fd(input, PollFlags::empty())];
        match poll(&mut fds, Some(&pause)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        if !is_there(module, label, serial) {
            return Ok(true);
        }
    }
}
