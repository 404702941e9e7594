//! The agent as a command sees it.

use super::protocol::{Failure, Op, Reply, Request, Status, Unlock};
use super::socket;
use super::wire::{HEAD, Head, MAX_BODY, VERSION};
use crate::item::Item;
use crate::store::RecordId;
use crate::vault::Found;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Bytes that are read at once. The buffer is erased when it is freed, as all memory of this program is (`main.rs`).
const BUFFER: usize = 32 << 10;
/// So often another connection is tried, if one is closed before its first answer.
const RETRIES: u32 = 3;

/// Why the agent did not do it.
#[derive(Debug)]
pub enum AgentError {
    /// It could not, and says why.
    Failed(Failure),
    /// It does not hold the vault (any more), and says why, if there is a reason.
    NotHeld(String),
    /// It is of another version, which it says.
    OtherVersion(String),
    /// It went away, or does not answer.
    Gone(io::Error),
    /// What it said is no answer.
    Nonsense,
}

impl AgentError {
    /// Whether the vault is held, and this is about what was asked for.
    pub fn is_of_this_item(&self) -> bool {
        matches!(self, Self::Failed(_))
    }

    /// Whether it says why a vault is not held.
    pub fn has_reason(&self) -> bool {
        matches!(self, Self::NotHeld(why) if !why.is_empty())
    }
}

impl std::fmt::Display for AgentError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed(failure) => f.write_str(&failure.message),
            Self::NotHeld(why) if why.is_empty() => f.write_str("the agent does not hold this vault"),
            Self::NotHeld(why) => write!(f, "the agent has locked the vault: {why}"),
            Self::OtherVersion(version) => write!(f, "the agent that runs is of another version, {version}"),
            Self::Gone(error) if is_slow(error) => f.write_str("the agent does not answer"),
            Self::Gone(_) => f.write_str("the agent has ended"),
            Self::Nonsense => f.write_str("what answers in the agent's place does not speak its language"),
        }
    }
}

impl std::error::Error for AgentError {}

impl AgentError {
    /// An agent that runs, and takes nobody in.
    pub fn silent() -> Self {
        Self::Gone(io::ErrorKind::TimedOut.into())
    }

    /// Whether it has gone away.
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Gone(error) if !is_slow(error))
    }

    /// Whether it is there and does not answer.
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Gone(error) if is_slow(error))
    }
}

fn is_slow(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

impl From<io::Error> for AgentError {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

/// A connection to the agent.
pub struct Client(BufReader<UnixStream>);

impl Client {
    /// The agent, if one runs.
    pub fn connect() -> Option<Self> {
        socket::connect().map(|stream| Self(BufReader::with_capacity(BUFFER, stream)))
    }

    /// What is unlocked.
    pub fn status(&mut self) -> Result<Status, AgentError> {
        match self.ask(&Request::Status)? {
            Reply::Status(status) => Ok(status),
            reply => Err(other(reply)),
        }
    }

    /// Hands a vault over.
    pub fn unlock(&mut self, unlock: Unlock) -> Result<(), AgentError> {
        socket::be_patient(self.0.get_ref())?;
        done(self.ask(&Request::Unlock(unlock))?)
    }

    /// Locks one vault, or all; false: there was none.
    pub fn lock(&mut self, path: Option<PathBuf>) -> Result<bool, AgentError> {
        match self.ask(&Request::Lock(path))? {
            Reply::Done => Ok(true),
            Reply::NotHeld(_) => Ok(false),
            reply => Err(other(reply)),
        }
    }

    /// Has it drop everything and end, and waits for that.
    pub fn quit(mut self) -> Result<(), AgentError> {
        self.0.get_mut().write_all(&Request::Quit.frame())?;
        match self.0.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(AgentError::Nonsense),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn ask(&mut self, request: &Request) -> Result<Reply, AgentError> {
        self.0.get_mut().write_all(&request.frame())?;
        self.hear()
    }

    fn hear(&mut self) -> Result<Reply, AgentError> {
        let mut head = [0; HEAD];
        self.0.read_exact(&mut head)?;
        let head = Head::parse(head);
        if head.length > MAX_BODY {
            return Err(AgentError::Nonsense);
        }
        let mut body = Zeroizing::new(vec![0; head.length]);
        self.0.read_exact(&mut body)?;
        match Reply::parse(head.kind, &body) {
            Ok(Reply::Unknown(version)) => Err(AgentError::OtherVersion(version)),
            Ok(reply) if head.version == VERSION => Ok(reply),
            _ => Err(AgentError::Nonsense),
        }
    }
}

fn done(reply: Reply) -> Result<(), AgentError> {
    match reply {
        Reply::Done => Ok(()),
        reply => Err(other(reply)),
    }
}

/// An answer that is not the one hoped for.
fn other(reply: Reply) -> AgentError {
    match reply {
        Reply::Failed(failure) => AgentError::Failed(failure),
        Reply::NotHeld(why) => AgentError::NotHeld(why),
        Reply::Unknown(version) => AgentError::OtherVersion(version),
        Reply::Done | Reply::Status(_) | Reply::Found { .. } => AgentError::Nonsense,
    }
}

/// A vault that the agent may hold.
pub struct Remote {
    client: Client,
    path: PathBuf,
}

impl Remote {
    /// The vault at this real path.
    pub fn new(client: Client, path: PathBuf) -> Self {
        Self { client, path }
    }

    /// Whether the agent holds it.
    pub fn look(&mut self) -> Result<(), AgentError> {
        done(self.ask_again(|| Op::Look)?)?;
        socket::be_patient(self.client.0.get_ref()).map_err(AgentError::from)
    }

    /// Asks what changes nothing: of very many clients at once the agent closes some unheard, and then it is asked again.
    fn ask_again(&mut self, op: impl Fn() -> Op) -> Result<Reply, AgentError> {
        for _ in 0..RETRIES {
            match self.ask(op()) {
                Err(error) if error.is_end() => {}
                answered => return answered,
            }
            let Some(client) = Client::connect() else { break };
            self.client = client;
        }
        self.ask(op())
    }

    fn ask(&mut self, op: Op) -> Result<Reply, AgentError> {
        self.client.ask(&Request::Item(self.path.clone(), op))
    }

    /// The item of that name.
    pub fn get(&mut self, name: &str) -> Result<Found, AgentError> {
        match self.ask_again(|| Op::Get(name.to_owned()))? {
            Reply::Found { id, revision, item } => found(id, revision, &item),
            reply => Err(other(reply)),
        }
    }

    /// Refuses a name that an item has.
    pub fn refuse_taken(&mut self, name: &str) -> Result<(), AgentError> {
        done(self.ask(Op::Free(name.to_owned()))?)
    }

    /// Adds a new item, as JSON.
    pub fn add(&mut self, item: Zeroizing<Vec<u8>>) -> Result<(), AgentError> {
        done(self.ask(Op::Add(item))?)
    }

    /// Replaces an item by another, as JSON.
    pub fn replace(&mut self, found: &Found, item: Zeroizing<Vec<u8>>) -> Result<(), AgentError> {
        let Found { id, revision, item: Item { name, .. } } = found;
        done(self.ask(Op::Replace { id: *id, revision: *revision, name: name.clone(), item })?)
    }

    /// Removes an item.
    pub fn remove(&mut self, found: &Found) -> Result<(), AgentError> {
        let Found { id, revision, item: Item { name, .. } } = found;
        done(self.ask(Op::Remove { id: *id, revision: *revision, name: name.clone() })?)
    }

    /// Every item, in no order.
    pub fn each(&mut self, visit: &mut dyn FnMut(Found)) -> Result<(), AgentError> {
        let mut reply = self.ask(Op::Each)?;
        loop {
            match reply {
                Reply::Found { id, revision, item } => visit(found(id, revision, &item)?),
                Reply::Done => return Ok(()),
                reply => return Err(other(reply)),
            }
            reply = self.client.hear()?;
        }
    }
}

fn found(id: RecordId, revision: u64, item: &[u8]) -> Result<Found, AgentError> {
    let item = Item::from_json(item).map_err(|_| AgentError::Nonsense)?;
    Ok(Found { id, revision, item })
}
