//! A helper process that looks whether a token is still there, and tells when it is not.

use super::{Helper, HelperCommand, receive};
use crate::factor::pkcs11::error::TokenError;
use crate::factor::pkcs11::info::Sighting;
use crate::factor::pkcs11::module::Module;
use crate::factor::pkcs11::protocol::{FailureClass, MAX_REQUEST, Request, Response, write};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// The process; it ends when this is dropped.
pub struct TokenWatch {
    helper: Helper,
    sent: io::Result<()>,
    deadline: Duration,
}

impl TokenWatch {
    /// Starts the process and leaves it to itself. `environment`: what modules are configured by, where this process has it no more; nothing
    /// else is then in the helper's.
    pub fn begin(
        command: &HelperCommand,
        environment: Option<Vec<(OsString, OsString)>>,
        sighting: &Sighting,
    ) -> Result<Self, TokenError> {
        let module = Module {
            path: sighting.module.clone(),
            init_args: sighting.init_args.clone(),
            deadline: Duration::from_secs(sighting.deadline),
        };
        let (real, path) = (module.check()?, module.shown());
        let Some(real) = real.to_str() else {
            return Err(TokenError::ModuleUnusable { path, why: "its path is not UTF-8".to_owned() });
        };
        let mut spawn = command.command();
        if let Some(environment) = environment {
            spawn.env_clear();
            spawn.envs(environment.into_iter().filter(|(name, _)| !name.as_encoded_bytes().starts_with(b"TWINLOCK_")));
        }
        let mut child = spawn.spawn().map_err(|error| TokenError::HelperUnusable { why: error.to_string() })?;
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            unreachable!("both are piped by `HelperCommand::command`")
        };
        let load = Request::Load { path: real.to_owned(), init_args: module.init_args };
        let watch = Request::Watch { label: sighting.label.clone(), serial: sighting.serial.clone() };
        let sent =
            write(&mut stdin, &load, b"", MAX_REQUEST).and_then(|()| write(&mut stdin, &watch, b"", MAX_REQUEST));
        Ok(Self { helper: Helper { child, pipes: Some((stdin, stdout)), path }, sent, deadline: module.deadline })
    }

    /// Waits for the token to go, without limit once the module has found it; false: `stop` was hung up before.
    pub fn until_gone(mut self, stop: BorrowedFd<'_>) -> Result<bool, TokenError> {
        let sent = std::mem::replace(&mut self.sent, Ok(()));
        let mut loaded = sent.and_then(|()| self.next(stop, Some(self.deadline)));
        if matches!(loaded, Ok(Some(Response::Loaded(_)))) {
            loaded = self.next(stop, Some(self.deadline));
        }
        if matches!(loaded, Ok(Some(Response::Watching))) {
            loaded = self.next(stop, None);
        }
        let path = self.helper.path.clone();
        match loaded {
            Ok(None) => Ok(false),
            Ok(Some(Response::Gone)) => Ok(true),
            Ok(Some(Response::Failed(failure))) if failure.class == FailureClass::TokenGone => Ok(true),
            Ok(Some(Response::Failed(failure))) => Err(TokenError::ModuleUnusable { path, why: failure.in_words() }),
            Ok(Some(_)) => {
                Err(TokenError::HelperUnusable { why: "it gave another answer than was asked for".to_owned() })
            }
            Err(error) => Err(self.helper.gone(&error, self.deadline)),
        }
    }

    /// The next answer; `None`: `stop` was hung up before it came.
    fn next(&mut self, stop: BorrowedFd<'_>, limit: Option<Duration>) -> io::Result<Option<Response>> {
        let Some((_, stdout)) = &mut self.helper.pipes else { return Err(io::ErrorKind::UnexpectedEof.into()) };
        let until = limit.map(|limit| Instant::now() + limit);
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let timeout = left.map(Timespec::try_from).transpose().map_err(|_| io::ErrorKind::InvalidInput)?;
            let mut fds = [
                PollFd::from_borrowed_fd(stdout.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(stop, PollFlags::empty()),
            ];
            match poll(&mut fds, timeout.as_ref()) {
                Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
                Ok(_) if !fds[1].revents().is_empty() => return Ok(None),
                Ok(_) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // It has begun to answer.
        receive(stdout, Instant::now() + self.deadline).map(|(response, _)| Some(response))
    }
}
