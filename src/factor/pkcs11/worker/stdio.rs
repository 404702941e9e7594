//! The helper process around the module: its own pipe, silence for the module, an end that comes.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Resource, Rlimit, Signal, getpid, kill_process, setrlimit};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// How long C_Finalize and the library's own exit handlers may take after the other side is gone.
const GRACE: Duration = Duration::from_secs(2);

/// The whole life of the helper process: takes stdin and stdout for the protocol, gives the module `/dev/null` in their place (tpm2-pkcs11
/// and others print), serves until the other side closes.
pub fn run() -> io::Result<()> {
    harden()?;
    let input = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let output = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    watch(input.try_clone()?);
    super::serve(File::from(input), File::from(output))
}

/// PIN and secrets pass through this process: no core dump, no debugger of the same user.
fn harden() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// A module that hangs must not outlive who asked: when the other end of the pipe closes, this process ends, with or without it.
fn watch(input: OwnedFd) {
    std::thread::spawn(move || {
        loop {
            // No flags: only the hang-up, which is always told.
            let mut fds = [PollFd::from_borrowed_fd(input.as_fd(), PollFlags::empty())];
            match poll(&mut fds, None) {
                Ok(_) | Err(rustix::io::Errno::INVAL) => break,
                Err(_) => {}
            }
        }
        std::thread::sleep(GRACE);
        let _ = kill_process(getpid(), Signal::KILL);
    });
}
