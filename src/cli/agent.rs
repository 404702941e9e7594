//! `twinlock agent`: the process that holds account keys.

use super::held::READY;
use super::out::clean;
use super::report::{CliError, Explained, FIXABLE, system};
use super::seen::Seen;
use crate::agent::protocol::Failure;
use crate::agent::{House, lock_memory, server, socket};
use crate::factor::pkcs11::HelperCommand;
use crate::vault::{self, VaultError};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// Hold account keys in this process, until it is ended
///
/// 'twinlock unlock' starts it by itself, in the background. This is for service managers, which can hand over the socket
/// (systemd: LISTEN_FDS), and for looking at what it says.
#[derive(clap::Args)]
pub struct Args {}

impl Args {
    pub fn run() -> Result<(), CliError> {
        let handed = listenfd::ListenFd::from_env().take_unix_listener(0);
        let handed = handed.map_err(|error| failed("use the socket that was handed over", &error))?;
        match handed {
            Some(listener) => {
                serve(|| socket::adopt(listener).map_err(|error| failed("use the socket", &error)), || Ok(()))
            }
            None => serve(listen, || Ok(())),
        }
    }
}

/// The same behind a command, which is told when it listens.
pub fn detached() -> ExitCode {
    // A session of its own: what ends the terminal does not end it.
    let _ = rustix::process::setsid();
    let ready = || {
        super::out::bytes(READY)?;
        let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null");
        let null = null.map_err(|error| failed("open /dev/null", &error))?;
        let away = rustix::stdio::dup2_stdout(&null).and_then(|()| rustix::stdio::dup2_stderr(&null));
        away.map_err(|error| failed("let go of the terminal", &error.into()))
    };
    match serve(listen, ready) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => super::report::error(&error),
    }
}

type Post = (std::os::unix::net::UnixListener, socket::Post);

fn listen() -> Result<Option<Post>, CliError> {
    socket::listen().map_err(|error| failed("listen", &error))
}

fn serve(
    listen: impl FnOnce() -> Result<Option<Post>, CliError>,
    ready: impl FnOnce() -> Result<(), CliError>,
) -> Result<(), CliError> {
    socket::keep_to_oneself();
    let Some((listener, post)) = listen()? else {
        return Err(CliError::Plain {
            message: "an agent is running already".into(),
            hint: "'twinlock status' shows what it holds".into(),
            code: super::report::BUSY,
        });
    };
    let warnings: Vec<String> = [lock_memory(), no_new_rights()].into_iter().filter_map(Result::err).collect();
    ready()?;
    server::run(listener, post, Arc::new(Home), warnings).map_err(|error| failed("go on", &error))
}

/// Whatever is started by this process gains no rights by being started (prctl(2), PR_SET_NO_NEW_PRIVS).
#[cfg(target_os = "linux")]
fn no_new_rights() -> Result<(), String> {
    rustix::thread::set_no_new_privs(true)
        .map_err(|_| "programs that the agent starts may gain rights: this system does not let it give that up".into())
}

/// Elsewhere there is no agent yet.
#[cfg(not(target_os = "linux"))]
fn no_new_rights() -> Result<(), String> {
    Ok(())
}

fn failed(what: &str, error: &io::Error) -> CliError {
    CliError::Plain { message: format!("the agent cannot {what}: {}", system(error)), hint: "".into(), code: FIXABLE }
}

/// What the agent has of this layer.
struct Home;

impl House for Home {
    fn explain(&self, error: &VaultError) -> Failure {
        let Explained { message, notes, hint, code } = super::report::vault(error);
        Failure { code, message, hint: hint.map(|hint| hint.text()).unwrap_or_default(), notes }
    }

    fn watcher(&self, path: &Path) -> Box<dyn FnMut(&vault::Seen)> {
        let path = path.to_owned();
        // Read when there is something to note: other commands note, too.
        Box::new(move |what| Seen::load(&path).note(what))
    }

    fn helper(&self) -> Option<HelperCommand> {
        super::tokens::helper_command().ok()
    }

    fn log(&self, line: &str) {
        // Nobody reads it, where the agent was started by a command.
        let _ = writeln!(io::stderr(), "twinlock agent: {}", clean(line));
    }
}
