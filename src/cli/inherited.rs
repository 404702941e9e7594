//! Open files that secrets come from and that the command of `run` would inherit: `--pin-file /dev/fd/3`.
//!
//! A descriptor that somebody else has opened can be closed by a number alone, which Rust calls unsafe. So there are two cases. A pipe or
//! socket has given its secret away when it is read: what is left in it is read too. A file can be read again from its beginning by
//! everybody who has the descriptor: that is refused, since a file has a name that can be given instead.

use super::report::CliError;
use super::session::Global;
use super::tokens::parse;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Pipes that secrets come from.
pub struct Streams(Vec<PathBuf>);

/// Looks at what the options name, before anything is read.
pub fn check(global: &Global) -> Result<Streams, CliError> {
    let files = [&global.password_file, &global.new_password_file, &global.recovery_file, &global.pin_file];
    let mut named: Vec<PathBuf> = files.into_iter().flatten().cloned().collect();
    for token in global.token.iter().filter(|token| !token.starts_with("piv:")) {
        named.extend(parse(token)?.pin_source);
    }
    let mut streams = Vec::new();
    for path in named {
        let Some(number) = number(&path) else { continue };
        let path = PathBuf::from(format!("/dev/fd/{number}"));
        let Ok(data) = path.metadata() else { continue };
        if data.is_file() {
            return Err(CliError::Usage {
                message: format!("the command would inherit the open file {number}, and could read the secret in it"),
                hint: "name the file itself, or give the secret through a pipe".into(),
            });
        }
        // What follows in standard input is for the command.
        if number != 0 {
            streams.push(path);
        }
    }
    Ok(Streams(streams))
}

impl Streams {
    /// Reads what is in them, so that the command finds nothing. Nobody waits for more.
    pub fn drain(self) {
        for path in self.0 {
            // Already at its end, or closed: then nothing is left either.
            let Ok(mut stream) = File::open(path) else { continue };
            let mut rest = Zeroizing::new([0; 4096]);
            while is_ready(&stream) && matches!(stream.read(&mut *rest), Ok(1..)) {}
        }
    }
}

fn is_ready(stream: &File) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut fds = [PollFd::new(stream, PollFlags::IN)];
    poll(&mut fds, Some(&now)).is_ok_and(|n| n > 0)
}

/// The number in a name of an open file.
fn number(path: &Path) -> Option<u32> {
    match path.to_str()? {
        "-" | "/dev/stdin" => Some(0),
        text => text.strip_prefix("/dev/fd/").or_else(|| text.strip_prefix("/proc/self/fd/"))?.parse().ok(),
    }
}
