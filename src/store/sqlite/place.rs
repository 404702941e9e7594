//! The file's place: what lies at the path, before SQLite touches it.
//!
//! The vault file itself is never opened here while it may be a vault: closing any descriptor of a file drops all POSIX locks
//! that this process holds on it (https://www.sqlite.org/howtocorrupt.html, 2.2).

use std::fs::{File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, OFlags, accessat};
use rustix::io::Errno;

use super::super::{Looks, StoreError};

/// How much of a file that is no vault is looked at to say what it is.
const PEEK: u64 = 65_536;

/// Bytes that a write takes beside what grows with the file.
const ROOM: u64 = 1 << 16;

/// Begins a journal, and ends one that names a super-journal.
const JOURNAL_MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// Kinds of file systems whose times the kernel of this machine keeps, as `statfs(2)` and `linux/magic.h` number them: ext2 to ext4, xfs,
/// btrfs, f2fs, tmpfs, ramfs, overlayfs, zfs, bcachefs.
#[cfg(target_os = "linux")]
const LOCAL: [u32; 9] =
    [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x0102_1994, 0x8584_58f6, 0x794c_7630, 0x2fc1_2fc1, 0xca45_1a4e];

/// A file's path as the person gave it, for messages, and as it really is, for SQLite.
pub(super) struct Place {
    pub(super) given: PathBuf,
    pub(super) real: PathBuf,
}

impl Place {
    /// Follows links and makes sure that a plain file is there; a FIFO is never opened, it would block.
    pub(super) fn find(path: &Path) -> Result<(Self, Metadata), StoreError> {
        let real = path.canonicalize().map_err(|error| refused(path, &error))?;
        let metadata = std::fs::metadata(&real).map_err(|error| refused(path, &error))?;
        let kind = metadata.file_type();
        let what = if kind.is_file() {
            return Ok((Self { given: path.to_owned(), real }, metadata));
        } else if kind.is_dir() {
            "a folder"
        } else if kind.is_fifo() {
            "a FIFO"
        } else if kind.is_socket() {
            "a socket"
        } else {
            "a device"
        };
        Err(StoreError::NotAFile { path: path.to_owned(), what })
    }

    pub(super) fn not_a_vault(&self, why: String) -> StoreError {
        StoreError::NotAVault { path: self.given.clone(), why }
    }

    /// `NAME-journal`.
    pub(super) fn journal(&self) -> PathBuf {
        beside(&self.real, "-journal")
    }

    /// SQLite would open whatever has the journal's name: a FIFO there would block it for ever. It would also open what the journal
    /// names as its super-journal (<https://www.sqlite.org/fileformat2.html>, 3), which one of ours never does.
    pub(super) fn check_journal(&self) -> Result<(), StoreError> {
        let path = self.journal();
        let bad = |why: &str| Err(StoreError::Damaged(format!("its journal '{}' {why}", path.display())));
        match std::fs::symlink_metadata(&path) {
            Ok(metadata) if !metadata.is_file() => bad("is not a plain file"),
            // One that cannot be read, SQLite cannot read either.
            Ok(_) if names_another(&path).unwrap_or(false) => bad("names another journal, as no vault's does"),
            _ => Ok(()),
        }
    }

    /// Whether the folder can take a journal.
    pub(super) fn check_folder(&self) -> Result<(), StoreError> {
        let folder = folder_of(&self.real);
        accessat(CWD, folder, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS).map_err(|error| match error {
            Errno::NOENT | Errno::NOTDIR => StoreError::ReadOnly(format!("its folder '{}' is gone", folder.display())),
            Errno::ROFS => StoreError::ReadOnly("it is on a read-only medium".to_owned()),
            _ => StoreError::ReadOnly(format!(
                "its folder '{}' cannot be written, and each write keeps a journal there",
                folder.display()
            )),
        })
    }

    /// Whether the journal of a write that touches every page fits beside the file. New pages take the place of old ones; a tenth is for those
    /// that come out fuller or emptier.
    pub(super) fn check_room(&self) -> Result<(), StoreError> {
        // A file system that does not tell is not a reason to refuse: a full one is an error later, and harmless.
        let (Ok(disk), Ok(file)) = (rustix::fs::statvfs(folder_of(&self.real)), std::fs::metadata(&self.real)) else {
            return Ok(());
        };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let wanted = file.len() + file.len() / 10 + ROOM;
        if free < wanted && disk.f_blocks > 0 { Err(StoreError::NoRoom { wanted, free }) } else { Ok(()) }
    }

    /// What the system knows of the file without opening it: changed by every write to it, and by every other file in its place.
    /// One that is gone looks like nothing, and SQLite says so.
    pub(super) fn looks(&self) -> Option<Looks> {
        let data = std::fs::metadata(&self.real).ok()?;
        Some([data.dev(), data.ino(), data.len(), data.ctime().cast_unsigned(), data.ctime_nsec().cast_unsigned()])
    }

    /// Whether the times of the file are this machine's own: a file system of another one may say what it likes.
    pub(super) fn is_local(&self) -> bool {
        #[cfg(target_os = "linux")]
        {
            let kind = rustix::fs::statfs(&self.real).map(|disk| u32::try_from(disk.f_type).unwrap_or_default());
            kind.is_ok_and(|kind| LOCAL.contains(&kind))
        }
        #[cfg(not(target_os = "linux"))]
        false
    }

    /// Whether this user may read the file at all.
    pub(super) fn readable(&self) -> bool {
        accessat(CWD, &self.real, Access::READ_OK, AtFlags::EACCESS).is_ok()
    }

    /// What a file is that is no vault.
    pub(super) fn describe(&self) -> String {
        let mut start = Vec::new();
        let Ok(file) = File::open(&self.real) else { return "it is not an SQLite file".to_owned() };
        let length = file.metadata().map(|metadata| metadata.len()).unwrap_or_default();
        if file.take(PEEK).read_to_end(&mut start).is_err() {
            return "it is not an SQLite file".to_owned();
        }
        if start.starts_with(b"SQLite format 3\0") {
            return "it is an SQLite file of another program".to_owned();
        }
        if start.iter().all(|byte| *byte == 0) {
            return if length <= PEEK {
                format!("it is {length} zero bytes")
            } else {
                format!("it begins with {PEEK} zero bytes")
            };
        }
        let text = std::str::from_utf8(&start).is_ok_and(|text| !text.contains('\0'));
        if text { "it is a text file".to_owned() } else { "it is not an SQLite file".to_owned() }
    }
}

/// Whether a journal ends as one with a super-journal does: length of its name (not 0), check sum, magic.
fn names_another(journal: &Path) -> std::io::Result<bool> {
    let mut file = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(journal)?;
    let mut end = [0; 16];
    file.seek(SeekFrom::End(-16))?;
    file.read_exact(&mut end)?;
    Ok(end[8..] == JOURNAL_MAGIC && end[..4] != [0; 4])
}

/// The path with something after its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The folder of a path; "." for a bare name.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Why the system did not show the path.
fn refused(path: &Path, error: &std::io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => StoreError::NotFound(path.to_owned()),
        ErrorKind::PermissionDenied => {
            StoreError::Denied(format!("'{}' is in a folder of someone else", path.display()))
        }
        _ => StoreError::Io(format!("'{}': {error}", path.display())),
    }
}
