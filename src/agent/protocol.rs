//! What is asked of the agent, and what it answers. Spec 10.2, 10.3.

use super::wire::{Malformed, Reader, Secret, Writer, sized};
use crate::factor::{piv, pkcs11};
use crate::secret::{AccountKey, zeros32};
use crate::store::RecordId;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// What is asked.
pub enum Request {
    /// What is unlocked.
    Status,
    /// Hold this vault.
    Unlock(Unlock),
    /// Drop the account key of one vault, or of all.
    Lock(Option<PathBuf>),
    /// Drop all, and end.
    Quit,
    /// Do something with the items of a vault that is held.
    Item(PathBuf, Op),
}

/// A vault to be held.
pub struct Unlock {
    /// The vault file, its real path.
    pub path: PathBuf,
    /// The keyslot that has opened it.
    pub keyslot: String,
    /// With what, in words.
    pub way: String,
    /// Dropped when unused for so long.
    pub idle: Duration,
    /// Dropped after so long in any case.
    pub max: Duration,
    /// The account key.
    pub account_key: AccountKey,
    /// The tokens with whose removal it is dropped.
    pub tokens: Vec<Token>,
}

/// A token that is watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Token {
    /// A YubiKey.
    Piv(piv::Sighting),
    /// A PKCS#11 token.
    Pkcs11 {
        /// The token, and its module.
        sighting: pkcs11::Sighting,
        /// The environment in which its module works: names and values, as bytes.
        environment: Vec<(Vec<u8>, Vec<u8>)>,
    },
}

/// What is done with items.
pub enum Op {
    /// Nothing; whether the vault is held, and its file as it was or written by a twinlock.
    Look,
    /// The item of that name.
    Get(String),
    /// Whether the name is free.
    Free(String),
    /// A new item, as JSON.
    Add(Secret),
    /// Another item in the place of one, as it was found under that name.
    Replace {
        /// The record.
        id: RecordId,
        /// Its revision.
        revision: u64,
        /// The item's name then.
        name: String,
        /// The item, as JSON.
        item: Secret,
    },
    /// Away with one, as it was found under that name.
    Remove {
        /// The record.
        id: RecordId,
        /// Its revision.
        revision: u64,
        /// The item's name then.
        name: String,
    },
    /// All items.
    Each,
}

/// What is answered.
#[derive(Debug)]
pub enum Reply {
    /// It is done, or true.
    Done,
    /// The vault is not held; why not any more, if it was.
    NotHeld(String),
    /// It could not be done.
    Failed(Failure),
    /// What is unlocked.
    Status(Status),
    /// An item; `Each` gives one after the other, and then `Done`.
    Found {
        /// The record.
        id: RecordId,
        /// Its revision.
        revision: u64,
        /// The item, as JSON.
        item: Secret,
    },
    /// The request is of a version of the protocol, or has a type, that the agent does not know. Its program's version.
    Unknown(String),
}

/// An error, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What happened.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// What else is known, a line each.
    pub notes: Vec<String>,
}

/// What is unlocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The agent's program version.
    pub version: String,
    /// Its process.
    pub pid: u64,
    /// The vaults.
    pub vaults: Vec<Held>,
    /// What protects less than it should.
    pub warnings: Vec<String>,
}

/// A vault that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The vault file.
    pub path: PathBuf,
    /// The keyslot that has opened it.
    pub keyslot: String,
    /// With what, in words.
    pub way: String,
    /// It locks after so long without use.
    pub idle: Duration,
    /// It locks in so long at the latest.
    pub max: Duration,
    /// It locks when the token is pulled.
    pub on_removal: bool,
}

fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

fn raw(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

fn secret(bytes: &[u8]) -> Secret {
    Zeroizing::new(bytes.to_vec())
}

mod kind {
    pub const STATUS: u8 = 1;
    pub const UNLOCK: u8 = 2;
    pub const LOCK: u8 = 3;
    pub const QUIT: u8 = 4;
    pub const LOOK: u8 = 16;
    pub const GET: u8 = 17;
    pub const FREE: u8 = 18;
    pub const ADD: u8 = 19;
    pub const REPLACE: u8 = 20;
    pub const REMOVE: u8 = 21;
    pub const EACH: u8 = 22;
    pub const DONE: u8 = 128;
    pub const NOT_HELD: u8 = 129;
    pub const FAILED: u8 = 130;
    pub const TOLD: u8 = 131;
    pub const FOUND: u8 = 132;
    pub const UNKNOWN: u8 = 133;
}

/// Seconds; what is longer than 100 years is that.
fn seconds(number: u64) -> Duration {
    Duration::from_secs(number.min(3_155_760_000))
}

impl Request {
    /// As a frame.
    pub fn frame(&self) -> Secret {
        match self {
            Self::Status => Writer::new(kind::STATUS, 0).end(),
            Self::Quit => Writer::new(kind::QUIT, 0).end(),
            Self::Lock(path) => {
                let path = path.as_deref().map_or(&[][..], raw);
                Writer::new(kind::LOCK, sized(path)).bytes(path).end()
            }
            Self::Unlock(unlock) => unlock.frame(),
            Self::Item(path, op) => op.frame(raw(path)),
        }
    }

    /// Reads a body of this type; None: a type that is not known.
    pub fn parse(kind: u8, body: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut body = Reader::new(body);
        let request = match kind {
            kind::STATUS => Self::Status,
            kind::QUIT => Self::Quit,
            kind::LOCK => Self::Lock(Some(body.bytes()?).filter(|path| !path.is_empty()).map(path_of)),
            kind::UNLOCK => Self::Unlock(Unlock::parse(&mut body)?),
            kind::LOOK..=kind::EACH => Self::Item(path_of(body.bytes()?), Op::parse(kind, &mut body)?),
            _ => return Ok(None),
        };
        body.end().map(|()| Some(request))
    }
}

impl Unlock {
    fn frame(&self) -> Secret {
        // A module's path that is no text cannot be written; its token is then not watched, which is told.
        let tokens = Zeroizing::new(serde_json::to_vec(&self.tokens).unwrap_or_else(|_| b"[]".to_vec()));
        let texts = [raw(&self.path), self.keyslot.as_bytes(), self.way.as_bytes(), &tokens];
        let mut frame = Writer::new(kind::UNLOCK, 32 + 2 * 8 + texts.iter().map(|text| sized(text)).sum::<usize>());
        frame = frame.fixed(self.account_key.expose());
        frame = frame.number(self.idle.as_secs()).number(self.max.as_secs());
        texts.iter().fold(frame, |frame, text| frame.bytes(text)).end()
    }

    fn parse(body: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut key = zeros32();
        key.copy_from_slice(body.fixed::<32>()?);
        let (idle, max) = (seconds(body.number()?), seconds(body.number()?));
        let (path, keyslot, way) = (path_of(body.bytes()?), body.text()?.to_owned(), body.text()?.to_owned());
        let tokens = serde_json::from_slice(body.bytes()?).map_err(|_| Malformed)?;
        Ok(Self { path, keyslot, way, idle, max, account_key: AccountKey::new(key), tokens })
    }
}

impl Op {
    fn frame(&self, path: &[u8]) -> Secret {
        let size = sized(path);
        match self {
            Self::Get(name) => Writer::new(kind::GET, size + sized(name.as_bytes())).bytes(path).bytes(name.as_bytes()),
            Self::Free(name) => {
                Writer::new(kind::FREE, size + sized(name.as_bytes())).bytes(path).bytes(name.as_bytes())
            }
            Self::Add(item) => Writer::new(kind::ADD, size + sized(item)).bytes(path).bytes(item),
            Self::Replace { id, revision, name, item } => {
                Writer::new(kind::REPLACE, size + 24 + sized(name.as_bytes()) + sized(item))
                    .bytes(path)
                    .fixed(id)
                    .number(*revision)
                    .bytes(name.as_bytes())
                    .bytes(item)
            }
            Self::Remove { id, revision, name } => Writer::new(kind::REMOVE, size + 24 + sized(name.as_bytes()))
                .bytes(path)
                .fixed(id)
                .number(*revision)
                .bytes(name.as_bytes()),
            Self::Look => Writer::new(kind::LOOK, size).bytes(path),
            Self::Each => Writer::new(kind::EACH, size).bytes(path),
        }
        .end()
    }

    fn parse(kind: u8, body: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match kind {
            kind::LOOK => Self::Look,
            kind::GET => Self::Get(body.text()?.to_owned()),
            kind::FREE => Self::Free(body.text()?.to_owned()),
            kind::ADD => Self::Add(secret(body.bytes()?)),
            kind::REPLACE => Self::Replace {
                id: *body.fixed()?,
                revision: body.number()?,
                name: body.text()?.to_owned(),
                item: secret(body.bytes()?),
            },
            kind::REMOVE => {
                Self::Remove { id: *body.fixed()?, revision: body.number()?, name: body.text()?.to_owned() }
            }
            _ => Self::Each,
        })
    }
}

impl Reply {
    /// As a frame.
    pub fn frame(&self) -> Secret {
        match self {
            Self::Done => Writer::new(kind::DONE, 0).end(),
            Self::NotHeld(why) => Writer::new(kind::NOT_HELD, sized(why.as_bytes())).bytes(why.as_bytes()).end(),
            Self::Unknown(version) => {
                Writer::new(kind::UNKNOWN, sized(version.as_bytes())).bytes(version.as_bytes()).end()
            }
            Self::Failed(Failure { code, message, hint, notes }) => {
                let notes = notes.join("\n");
                let texts = [message.as_bytes(), hint.as_bytes(), notes.as_bytes()];
                let size = 8 + texts.iter().map(|text| sized(text)).sum::<usize>();
                let frame = Writer::new(kind::FAILED, size).number(u64::from(*code));
                texts.iter().fold(frame, |frame, text| frame.bytes(text)).end()
            }
            Self::Found { id, revision, item } => {
                Writer::new(kind::FOUND, 24 + sized(item)).fixed(id).number(*revision).bytes(item).end()
            }
            Self::Status(status) => status.frame(),
        }
    }

    /// Reads a body of this type.
    pub fn parse(kind: u8, body: &[u8]) -> Result<Self, Malformed> {
        let mut body = Reader::new(body);
        let reply = match kind {
            kind::DONE => Self::Done,
            kind::NOT_HELD => Self::NotHeld(body.text()?.to_owned()),
            kind::UNKNOWN => Self::Unknown(body.text()?.to_owned()),
            kind::FAILED => Self::Failed(Failure {
                code: u8::try_from(body.number()?).map_err(|_| Malformed)?,
                message: body.text()?.to_owned(),
                hint: body.text()?.to_owned(),
                notes: body.text()?.lines().map(str::to_owned).collect(),
            }),
            kind::FOUND => Self::Found { id: *body.fixed()?, revision: body.number()?, item: secret(body.bytes()?) },
            kind::TOLD => Self::Status(Status::parse(&mut body)?),
            _ => return Err(Malformed),
        };
        body.end().map(|()| reply)
    }
}

impl Status {
    fn frame(&self) -> Secret {
        let warnings = self.warnings.join("\n");
        let mut size = 16 + sized(self.version.as_bytes()) + sized(warnings.as_bytes());
        for held in &self.vaults {
            size += 24 + sized(raw(&held.path)) + sized(held.keyslot.as_bytes()) + sized(held.way.as_bytes());
        }
        let mut frame = Writer::new(kind::TOLD, size).bytes(self.version.as_bytes()).number(self.pid);
        frame = frame.bytes(warnings.as_bytes()).number(self.vaults.len() as u64);
        for held in &self.vaults {
            frame = frame.bytes(raw(&held.path)).bytes(held.keyslot.as_bytes()).bytes(held.way.as_bytes());
            frame = frame.number(held.idle.as_secs()).number(held.max.as_secs()).number(held.on_removal.into());
        }
        frame.end()
    }

    fn parse(body: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (version, pid) = (body.text()?.to_owned(), body.number()?);
        let warnings = body.text()?.lines().map(str::to_owned).collect();
        let mut vaults = Vec::new();
        for _ in 0..body.number()? {
            vaults.push(Held {
                path: path_of(body.bytes()?),
                keyslot: body.text()?.to_owned(),
                way: body.text()?.to_owned(),
                idle: seconds(body.number()?),
                max: seconds(body.number()?),
                on_removal: body.number()? == 1,
            });
        }
        Ok(Self { version, pid, vaults, warnings })
    }
}
