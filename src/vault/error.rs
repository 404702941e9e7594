//! Why the vault could not do it. Hints for a person are in `cli/report.rs`.

use crate::crypto::RandomError;
use crate::encode::hex;
use crate::factor::FactorError;
use crate::header::HeaderError;
use crate::item::ItemError;
use crate::store::{RecordRef, StoreError};
use std::fmt;

/// How the set of records differs from what the vault's keys vouch for. Spec 6.4.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Altered {
    /// Items that were deleted, by name.
    pub deleted: Vec<String>,
    /// Items whose record is an older one put back, or not the one last written, by name.
    pub replaced: Vec<String>,
    /// Items that were put into the file, or back into it, by name.
    pub put_back: Vec<String>,
    /// Records that cannot be opened, by id in hex.
    pub unreadable: Vec<String>,
    /// Records sealed under another account key of this vault than the header's, by name or id, and which: their epoch.
    pub mixed: Vec<(String, u64)>,
    /// The header's epoch.
    pub epoch: u64,
    /// How many records there should be, and how many there are.
    pub count: (u64, u64),
}

impl Altered {
    /// Whether nothing could be said but that the sets differ.
    pub fn is_unexplained(&self) -> bool {
        self.deleted.is_empty()
            && self.replaced.is_empty()
            && self.put_back.is_empty()
            && self.unreadable.is_empty()
            && self.mixed.is_empty()
    }

    /// Counts a record that does not open, by its name or id.
    pub(super) fn does_not_open(&mut self, record: RecordRef<'_>, name: Option<String>) {
        let name = name.unwrap_or_else(|| hex::encode(&record.id));
        if record.epoch == self.epoch { self.unreadable.push(name) } else { self.mixed.push((name, record.epoch)) }
    }
}

/// Why one way in did not open.
#[derive(Debug)]
pub enum Refusal {
    /// It has factors or fields that this program does not know.
    Unsupported(String),
    /// Not enough of its factors are at hand; what is missing.
    Missing(Vec<String>),
    /// Enough were given, and at least one was wrong.
    Wrong {
        /// What was typed, by the person or a file.
        what: Vec<&'static str>,
        /// A token answered as well; an HMAC key that was replaced answers like the right one.
        tokens: bool,
        /// A person typed it, and had their tries.
        by_person: bool,
    },
    /// Custodians' answers, and what was typed with them, do not open it.
    WrongAnswers {
        /// What was typed.
        what: Vec<&'static str>,
    },
    /// A factor is here and failed.
    Factor(FactorError),
}

/// Why the answers of custodians do not fit the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswersError {
    /// They are for another vault than this one.
    OtherVault {
        /// This one.
        vault: String,
    },
    /// The keyslot was wiped, or wrapped again, since the request was made.
    Changed {
        /// What it was called then.
        keyslot: String,
    },
    /// The keyslot was not made for custodians.
    Personal {
        /// The keyslot.
        keyslot: String,
    },
    /// They are for this keyslot, and another was asked for.
    OtherKeyslot {
        /// The one that they are for.
        keyslot: String,
    },
}

impl fmt::Display for AnswersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherVault { vault } => write!(f, "the answers are for another vault than '{vault}'"),
            Self::Changed { keyslot } => {
                write!(f, "the keyslot '{keyslot}' was changed or wiped since the answers were asked for")
            }
            Self::Personal { keyslot } => {
                write!(f, "the keyslot '{keyslot}' was not made for custodians: no answer opens it")
            }
            Self::OtherKeyslot { keyslot } => write!(f, "the answers are for the keyslot '{keyslot}' and no other"),
        }
    }
}

/// Why the vault could not do it.
#[derive(Debug)]
pub enum VaultError {
    /// The file.
    Store(StoreError),
    /// The header.
    Header(HeaderError),
    /// No way in worked: each keyslot by name, and why.
    Locked(Vec<(String, Refusal)>),
    /// Custodians' answers that do not fit.
    Answers(AnswersError),
    /// A factor to be enrolled failed.
    Factor(FactorError),
    /// The operating system gave no randomness.
    Random,
    /// Header and records do not belong together, or the manifest is missing or altered.
    Manifest,
    /// Records were deleted, put back or replaced by something other than this program.
    Altered(Box<Altered>),
    /// One record is damaged or not the one last written; the item's name, where it is known.
    Record {
        /// The name asked for.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// What was to be written is no item.
    Item(ItemError),
    /// No such item; names that are close.
    NoItem {
        /// The name asked for.
        name: String,
        /// Close ones.
        close: Vec<String>,
    },
    /// An item of that name is there.
    ItemExists(String),
    /// No such keyslot; those there are.
    NoKeyslot {
        /// The name asked for.
        name: String,
        /// Those there are.
        have: Vec<String>,
    },
    /// A keyslot of that name is there.
    KeyslotExists(String),
    /// That name cannot be a keyslot's or a vault's.
    BadName(String),
    /// The vault has 64 keyslots.
    TooManyKeyslots,
    /// A keyslot of no factor or more than 16, or a threshold outside 1 to n.
    BadThreshold {
        /// k.
        threshold: u8,
        /// n.
        factors: usize,
    },
    /// The last way in that this program can use is never wiped.
    LastKeyslot(String),
    /// Another process changed the same item meanwhile.
    ItemChanged(String),
    /// The file went back to an older state while this program had it open.
    WentBack,
    /// Another copy, which went another way, came into the file's place while this program had it open.
    WentAstray,
    /// The file got more writes than it tells of while this program had it open: nobody can tell whether they came after what was read.
    WentFar,
    /// The number of writes, or of account keys, has no next one.
    CountedOut,
    /// Another process has rotated the vault meanwhile.
    Rotated,
    /// Another process has changed the header while a rotation was being prepared.
    HeaderChanged,
    /// Keyslots that cannot be wrapped around a new account key: each by name, and what is missing.
    CannotKeep(Vec<(String, String)>),
    /// What was given does not open a keyslot as it is, so it was not wrapped into the new one.
    WrongForKeyslot {
        /// Its name.
        keyslot: String,
        /// What was typed, by the person or a file.
        what: Vec<&'static str>,
        /// Tokens answered as well.
        tokens: bool,
    },
    /// What a rotation had written was not read back as it was.
    ReadBack,
    /// The person stopped it; nothing has happened.
    Stopped,
    /// Another process changed the same keyslot meanwhile.
    Conflict(String),
    /// No keyslot holds a password.
    NoPassword,
    /// The only passwords are those of custodians; one of their keyslots.
    PasswordOfCustodians(String),
    /// No keyslot that holds a password could be wrapped again: each by name, and what was missing.
    NothingRewrapped(Vec<(String, String)>),
}

impl From<StoreError> for VaultError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<HeaderError> for VaultError {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}

impl From<FactorError> for VaultError {
    fn from(error: FactorError) -> Self {
        Self::Factor(error)
    }
}

impl From<RandomError> for VaultError {
    fn from(_: RandomError) -> Self {
        Self::Random
    }
}

impl From<ItemError> for VaultError {
    fn from(error: ItemError) -> Self {
        Self::Item(error)
    }
}

impl fmt::Display for VaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Header(error) => error.fmt(f),
            Self::Locked(_) => f.write_str("no way into the vault worked"),
            Self::Answers(error) => error.fmt(f),
            Self::Factor(_) => f.write_str("a factor could not be enrolled"),
            Self::Random => RandomError.fmt(f),
            Self::Manifest => f.write_str("the vault's header and its items do not belong together"),
            Self::Altered(_) => f.write_str("the vault's items were changed by something other than twinlock"),
            Self::Record { name, why } => write!(f, "the item '{name}' {why}"),
            Self::Item(error) => error.fmt(f),
            Self::NoItem { name, .. } => write!(f, "no item is called '{name}'"),
            Self::ItemExists(name) => write!(f, "an item is called '{name}' already"),
            Self::NoKeyslot { name, .. } => write!(f, "no keyslot is called '{name}'"),
            Self::KeyslotExists(name) => write!(f, "a keyslot is called '{name}' already"),
            Self::CountedOut => {
                f.write_str("the vault says that it was written so often that the next number does not exist")
            }
            Self::BadName(name) => write!(f, "'{name}' cannot be a name"),
            Self::TooManyKeyslots => f.write_str("a vault has at most 64 keyslots"),
            Self::BadThreshold { threshold, factors } => {
                write!(f, "{threshold} of {factors} factors cannot open a keyslot")
            }
            Self::LastKeyslot(name) => write!(f, "'{name}' is the last way into the vault"),
            Self::Conflict(name) => write!(f, "another process changed the keyslot '{name}' at the same time"),
            Self::ItemChanged(name) => write!(f, "another process changed the item '{name}' at the same time"),
            Self::WentBack => f.write_str("somebody put an older vault file back while this command was running"),
            Self::WentAstray => f.write_str(
                "somebody put another copy of the vault in its place while this command was running: it went another way",
            ),
            Self::WentFar => f.write_str(
                "the vault got so many writes while this command was running that it cannot be told whether it is still the same copy",
            ),
            Self::Rotated => f.write_str("the vault got a new account key while this command was running"),
            Self::HeaderChanged => f.write_str("another process changed the vault's keyslots at the same time"),
            Self::CannotKeep(kept) => match kept.as_slice() {
                [(name, why)] => write!(f, "keyslot '{name}' cannot be kept: {why}"),
                more => write!(f, "{} keyslots cannot be kept", more.len()),
            },
            Self::WrongForKeyslot { keyslot, what, tokens } => match (what.join(" or the "), tokens) {
                (what, _) if what.is_empty() => {
                    write!(f, "the key on the token is not the one that was enrolled in keyslot '{keyslot}'")
                }
                (what, false) => write!(f, "the {what} does not open keyslot '{keyslot}'"),
                (what, true) => write!(
                    f,
                    "the {what} does not open keyslot '{keyslot}' (or the key on the token is not the one that was enrolled)"
                ),
            },
            Self::ReadBack => f.write_str("what was written could not be read back as it was, so nothing was changed"),
            Self::Stopped => f.write_str("stopped; nothing was changed"),
            Self::NoPassword => f.write_str("no keyslot of this vault holds a password"),
            Self::PasswordOfCustodians(name) => {
                write!(f, "no keyslot holds a password of yours: that in '{name}' is a custodian's")
            }
            Self::NothingRewrapped(_) => f.write_str("the password was not changed in any keyslot"),
        }
    }
}

impl std::error::Error for VaultError {}
