//! Finding the agent, and starting it.

use super::report::{BUSY, CliError, FIXABLE, prose, system, warn};
use super::session::Session;
use crate::agent::client::{AgentError, Client, Remote};
use crate::agent::socket;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The hidden first argument by which the agent is started behind a command.
pub const DETACHED: &str = "agent-detached";
/// What the agent says on its standard output when it listens.
pub const READY: &[u8] = b"ready\n";
/// What of its starter's environment the agent keeps: where it listens, where this machine's memory of vaults is, and who tells it of sleep
/// and of cards.
const ENVIRONMENT: [&str; 5] =
    ["XDG_RUNTIME_DIR", "XDG_STATE_HOME", "HOME", "DBUS_SYSTEM_BUS_ADDRESS", "PCSCLITE_CSOCK_NAME"];

/// How long an agent that has closed its connections may take to end.
const ENDING: Duration = Duration::from_secs(2);

/// Whether the agent holds the session's vault.
pub enum Holding {
    /// It does.
    Held(Remote),
    /// It does not, or there is none, or it is not wanted.
    No,
}

impl Session {
    /// Whether the person has said how the vault is to be opened: then it is not the agent that they want.
    pub(super) fn by_itself(&self) -> bool {
        let global = &self.global;
        let files = [&global.password_file, &global.recovery_file];
        global.no_agent
            || global.keyslot.is_some()
            || global.accept_changed
            || !global.answer.is_empty()
            || files.iter().any(|file| file.is_some())
    }

    /// The vault as the agent may hold it, if there is one, and it is to be used.
    pub(super) fn remote(&self) -> Result<Option<Remote>, CliError> {
        if self.by_itself() {
            return Ok(None);
        }
        let Some(client) = Client::connect() else { return Ok(None) };
        self.real_path().map(|path| Some(Remote::new(client, path)))
    }

    /// Looks whether the agent holds the vault.
    pub(super) fn holding(&self) -> Result<Holding, CliError> {
        let Some(mut remote) = self.remote()? else { return Ok(Holding::No) };
        match remote.look() {
            Ok(()) => Ok(Holding::Held(remote)),
            Err(error) => {
                self.do_without(&error);
                Ok(Holding::No)
            }
        }
    }

    /// Says why the agent is not what the vault is read by, where that is a wonder.
    pub(super) fn do_without(&self, error: &AgentError) {
        match error {
            // Who has unlocked it wonders why they are asked.
            AgentError::NotHeld(_) if self.interactive() && error.has_reason() => prose(&error.to_string()),
            AgentError::NotHeld(_) => {}
            AgentError::OtherVersion(_) => {
                warn(&format!("{error}, and is not used; 'twinlock unlock' replaces it"));
            }
            _ => warn(&format!("{error}; the vault is opened without it")),
        }
    }
}

/// The agent, started if there is none; one of another version of the program is told to end, and replaced.
pub fn agent() -> Result<Client, CliError> {
    if let Some(mut client) = Client::connect() {
        let version = match client.status() {
            Ok(status) if status.version == env!("CARGO_PKG_VERSION") => return Ok(client),
            Ok(status) => Some(status.version),
            Err(AgentError::OtherVersion(version)) => Some(version),
            // It was just ending, or is being ended: as if there were none.
            Err(error) if error.is_end() && wait_for_its_end() => None,
            Err(error) => return Err(error.into()),
        };
        if let Some(version) = version {
            replace(client, &version)?;
            // Where systemd has the socket, it has started another one for this connection.
            if let Some(mut client) = Client::connect()
                && client.status().is_ok_and(|status| status.version == env!("CARGO_PKG_VERSION"))
            {
                return Ok(client);
            }
        }
    }
    start().map_err(|error| CliError::Plain {
        message: format!("the agent cannot be started: {}", system(&error)),
        hint: "'twinlock agent' in another terminal says why; every command works without it".into(),
        code: FIXABLE,
    })?;
    Client::connect().ok_or_else(|| CliError::Plain {
        message: "the agent was started, and does not answer".into(),
        hint: "'twinlock agent' in another terminal says why; every command works without it".into(),
        code: BUSY,
    })
}

/// Has an agent of another version end.
fn replace(client: Client, version: &str) -> Result<(), CliError> {
    prose(&format!("the agent that runs is of version {version}: it is replaced, and what it held is locked"));
    // A connection for each: an older one may serve one request only.
    match Client::connect() {
        Some(old) => old.quit()?,
        None => drop(client),
    }
    Ok(())
}

/// Waits a moment until the agent that has gone away has let go of its lock file; false: it lives.
fn wait_for_its_end() -> bool {
    let end = Instant::now() + ENDING;
    while socket::is_held() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(5));
    }
    !socket::is_held()
}

/// Starts it, and waits until it listens.
fn start() -> io::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(DETACHED).env_clear().current_dir("/");
    // What was large is given back to the system when it is freed, and not kept for the next time; all threads share what is kept.
    command.env(
        "GLIBC_TUNABLES",
        "glibc.malloc.mmap_threshold=131072:glibc.malloc.trim_threshold=131072:glibc.malloc.arena_max=1",
    );
    command.envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut said = Vec::new();
    if let Some(stdout) = child.stdout.as_mut() {
        stdout.take(READY.len() as u64).read_to_end(&mut said)?;
    }
    if said == READY {
        return Ok(());
    }
    let mut why = String::new();
    if let Some(stderr) = child.stderr.as_mut() {
        stderr.take(4096).read_to_string(&mut why)?;
    }
    let _ = child.wait();
    Err(io::Error::other(why.trim().to_owned()))
}

/// Whether the agent may hold the vault, as far as can be told before anything is read.
pub fn is_likely() -> bool {
    Path::exists(&socket::path())
}
