//! Where a vault lies. The trait knows blobs and ids and nothing of keys; `sqlite` is the real one, `memory` the double;
//! `faulty` makes either of them fail at any step. Spec 6.
//!
//! All reading goes through a snapshot and all writing through a transaction, so that header, manifest and records are always seen
//! together. Neither is ever held while a person thinks.

use std::ops::ControlFlow;
use std::path::PathBuf;

#[cfg(test)]
mod conformance;
#[cfg(any(test, debug_assertions))]
pub mod faulty;
#[cfg(any(test, debug_assertions))]
pub mod memory;
pub mod sqlite;

/// 16 random bytes that name a record.
pub type RecordId = [u8; 16];

/// A sealed item as it lies in the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// `R`.
    pub id: RecordId,
    /// Counts account keys.
    pub epoch: u64,
    /// Counts writes of this item.
    pub revision: u64,
    /// nonce (24) || ciphertext || tag (16).
    pub sealed: Vec<u8>,
}

/// The same without owning its bytes, for walking over all records.
#[derive(Clone, Copy)]
pub struct RecordRef<'a> {
    /// `R`.
    pub id: RecordId,
    /// Counts account keys.
    pub epoch: u64,
    /// Counts writes of this item.
    pub revision: u64,
    /// nonce (24) || ciphertext || tag (16).
    pub sealed: &'a [u8],
}

/// One line of the blind index.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// HMAC of the normalised name, 32 bytes.
    pub tag: [u8; 32],
    /// `R`.
    pub id: RecordId,
    /// Sealed revision and name.
    pub sealed: Vec<u8>,
}

/// The two named blobs of a vault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meta {
    /// The header text.
    Header,
    /// The sealed manifest.
    Manifest,
}

/// Why the store could not do it. Paths are as the person gave them.
#[derive(Debug)]
pub enum StoreError {
    /// No file there.
    NotFound(PathBuf),
    /// No folder there to put a vault in.
    NoFolder(PathBuf),
    /// Something is there already.
    Exists(PathBuf),
    /// A directory, a FIFO, a socket or a device.
    NotAFile {
        /// The path.
        path: PathBuf,
        /// "a directory", "a FIFO", ...
        what: &'static str,
    },
    /// A file, but no vault.
    NotAVault {
        /// The path.
        path: PathBuf,
        /// What gives it away.
        why: String,
    },
    /// A vault of a later version of the store.
    TooNew {
        /// The path.
        path: PathBuf,
        /// Its `user_version`.
        version: i64,
    },
    /// SQLite found the file damaged, or a row has the wrong shape.
    Damaged(String),
    /// Another process holds the file longer than the time-out.
    Busy,
    /// Since the file was last looked at, something other than SQLite has written over it, or put another in its place.
    Exchanged,
    /// No space left.
    Full,
    /// Too little space to write the whole vault anew; both in bytes.
    NoRoom {
        /// What it takes, at most.
        wanted: u64,
        /// What this user may still use.
        free: u64,
    },
    /// The file or its folder cannot be written.
    ReadOnly(String),
    /// The system refused.
    Denied(String),
    /// Anything else the system said.
    Io(String),
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotFound(path) => write!(f, "no vault at '{}'", path.display()),
            Self::NoFolder(path) => write!(f, "there is no folder '{}'", path.display()),
            Self::Exists(path) => write!(f, "'{}' exists already", path.display()),
            Self::NotAFile { path, what } => write!(f, "'{}' is {what}, not a vault", path.display()),
            Self::NotAVault { path, why } => write!(f, "'{}' is not a twinlock vault: {why}", path.display()),
            Self::TooNew { path, version } => {
                write!(f, "'{}' was made by a later twinlock (store version {version})", path.display())
            }
            Self::Damaged(why) => write!(f, "the vault file is damaged: {why}"),
            Self::Busy => f.write_str("another process is writing to the vault"),
            Self::Exchanged => f.write_str("the vault file was exchanged while this command ran; nothing was changed"),
            Self::Full => f.write_str("no space left on the disk of the vault"),
            Self::NoRoom { wanted, free } => write!(
                f,
                "the disk of the vault has {} KiB left, and writing all of it anew takes up to {}",
                free >> 10,
                (wanted >> 10) + 1
            ),
            Self::ReadOnly(why) => write!(f, "the vault cannot be written: {why}"),
            Self::Denied(why) => write!(f, "no permission: {why}"),
            Self::Io(why) => write!(f, "the vault file cannot be used: {why}"),
        }
    }
}

impl std::error::Error for StoreError {}

/// A consistent view of a vault.
pub trait Read {
    /// A named blob, whole.
    fn meta(&self, which: Meta) -> Result<Option<Vec<u8>>, StoreError>;
    /// One record.
    fn record(&self, id: &RecordId) -> Result<Option<Record>, StoreError>;
    /// The index lines of a tag (32 bytes).
    fn entries(&self, tag: &[u8; 32]) -> Result<Vec<Entry>, StoreError>;
    /// Every record, ordered by id, until `visit` breaks.
    fn each_record(&self, visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>) -> Result<(), StoreError>;
    /// Every index line, ordered by tag, until `visit` breaks.
    fn each_entry(&self, visit: &mut dyn FnMut(Entry) -> ControlFlow<()>) -> Result<(), StoreError>;
    /// A number that is another one in a later view through the same handle if another handle or process has written meanwhile; None
    /// where the store cannot tell.
    fn stamp(&self) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }
    /// What the system says of the file that any write to it changes, also one behind the store's back; None where it cannot be relied on.
    fn looks(&self) -> Option<Looks> {
        None
    }
}

/// Device, inode, bytes, time of the last change in seconds and nanoseconds.
pub type Looks = [u64; 5];

/// Changes that happen together or not at all; dropped without `commit` they never happened.
pub trait Transaction: Read {
    /// Writes a named blob.
    fn put_meta(&mut self, which: Meta, value: &[u8]) -> Result<(), StoreError>;
    /// Writes a record over one of the same id.
    fn put_record(&mut self, record: &Record) -> Result<(), StoreError>;
    /// Removes a record; true if it was there.
    fn delete_record(&mut self, id: &RecordId) -> Result<bool, StoreError>;
    /// Writes an index line over one of the same tag and id.
    fn put_entry(&mut self, entry: &Entry) -> Result<(), StoreError>;
    /// Removes an index line; true if it was there.
    fn delete_entry(&mut self, tag: &[u8; 32], id: &RecordId) -> Result<bool, StoreError>;
    /// Removes every record and every index line. What they were is overwritten, and so is what earlier ones left in their pages.
    fn clear(&mut self) -> Result<(), StoreError>;
    /// Makes it all last: after Ok it survives a power cut. After an error it is not known whether it happened: look again.
    fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

/// A vault's place.
pub trait Store {
    /// Sees everything at one moment. Blocks writers while it lives: keep it short.
    fn snapshot(&mut self) -> Result<Box<dyn Read + '_>, StoreError>;
    /// Starts writing; waits for other writers up to a time-out (`Busy`).
    fn begin(&mut self) -> Result<Box<dyn Transaction + '_>, StoreError>;
    /// Whether everything in it could be written anew in one transaction, as far as that can be known before: for refusing before a
    /// person is asked for anything. A disk may still fill up on the way, and then nothing has happened.
    fn check_room(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl<S: Store + ?Sized> Store for Box<S> {
    fn snapshot(&mut self) -> Result<Box<dyn Read + '_>, StoreError> {
        (**self).snapshot()
    }

    fn begin(&mut self) -> Result<Box<dyn Transaction + '_>, StoreError> {
        (**self).begin()
    }

    fn check_room(&self) -> Result<(), StoreError> {
        (**self).check_room()
    }
}
