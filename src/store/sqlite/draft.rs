//! A new file that appears whole or not at all, and never in the place of another.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::CWD;

use super::super::StoreError;
use super::place::{Place, beside, folder_of};

/// A file under another name, in the folder of its target, mode 0600. Removed when dropped unpublished.
pub(super) struct Draft {
    /// Given: the target as the person named it. Real: the draft.
    place: Place,
    target: PathBuf,
}

impl Draft {
    /// An empty draft for `target`, which must not exist yet, nor anything that SQLite would take for its journal: a journal
    /// left there by an earlier file would be rolled back into the new one.
    pub(super) fn new(target: &Path) -> Result<Self, StoreError> {
        let Some(name) = target.file_name() else { return Err(StoreError::Exists(target.to_owned())) };
        let given = folder_of(target);
        let folder = given.canonicalize().map_err(|error| refused(given, &error))?;
        for suffix in ["", "-journal", "-wal", "-shm"] {
            if std::fs::symlink_metadata(beside(&folder.join(name), suffix)).is_ok() {
                return Err(StoreError::Exists(beside(target, suffix)));
            }
        }
        Self::make(target, folder.join(name))
    }

    /// An empty draft for the place of a file that may be there; a link in its place is followed, and stays.
    pub(super) fn over(target: &Path) -> Result<Self, StoreError> {
        match target.canonicalize() {
            Ok(real) if real.is_file() => Self::make(target, real),
            Ok(_) => Err(StoreError::NotAFile { path: target.to_owned(), what: "no plain file" }),
            Err(_) => Self::new(target),
        }
    }

    fn make(given: &Path, target: PathBuf) -> Result<Self, StoreError> {
        let mut draft = std::ffi::OsString::from(".");
        draft.push(target.file_name().unwrap_or_default());
        draft.push(format!(".{:08x}.new", unique()));
        let real = target.with_file_name(draft);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&real)
            .map_err(|error| refused(folder_of(given), &error))?;
        Ok(Self { place: Place { given: given.to_owned(), real }, target })
    }

    /// Where it is to be, links followed.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Where to write.
    pub(super) fn path(&self) -> &Path {
        &self.place.real
    }

    /// For messages.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Makes the draft last, then gives it its name. The caller has closed it. From then on it is there, whole; a folder that cannot be
    /// synced means only that a power cut soon after may take the name away again, and is no failure: a person who is told of one would
    /// believe that there is no vault.
    pub(super) fn publish(self) -> Result<(), StoreError> {
        self.publish_then(sync_folder)
    }

    /// The same over a file that is there, which gets the name `aside` first.
    pub(super) fn publish_over(self, aside: &Path) -> Result<(), StoreError> {
        let keep = || match std::fs::hard_link(&self.target, aside) {
            // A file system without hard links: then there is a moment without a file, and a kill in it leaves both under other names.
            Err(error) if error.kind() != ErrorKind::AlreadyExists => rename_onto_nothing(&self.target, aside),
            linked => linked,
        };
        let done = File::open(self.path())
            .and_then(|file| file.sync_all())
            .and_then(|()| keep())
            .and_then(|()| std::fs::rename(self.path(), &self.target));
        if done.is_ok() {
            let _ = sync_folder(folder_of(&self.target));
        }
        done.map_err(|error| refused(folder_of(&self.place.given), &error))
    }

    fn publish_then(self, sync_folder: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<(), StoreError> {
        let done = File::open(self.path())
            .and_then(|file| file.sync_all())
            .and_then(|()| rename_onto_nothing(self.path(), &self.target));
        if done.is_ok() {
            let _ = sync_folder(folder_of(&self.target));
        }
        done.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => StoreError::Exists(self.place.given.clone()),
            _ => refused(folder_of(&self.place.given), &error),
        })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already if it was published. Otherwise nothing more can be done about it here.
        let _ = std::fs::remove_file(&self.place.real);
    }
}

/// Atomic, and fails where something has appeared meanwhile. Where a link must do it, the old name is left to `drop`.
fn rename_onto_nothing(from: &Path, to: &Path) -> std::io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    match rustix::fs::renameat_with(CWD, from, CWD, to, rustix::fs::RenameFlags::NOREPLACE) {
        // NFS and some FUSE file systems do not know the flag; they know hard links.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::OPNOTSUPP) => {}
        done => return done.map_err(Error::from),
    }
    std::fs::hard_link(from, to)
}

/// Without this the new name can be lost in a power cut. Some file systems have no such call for a folder.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    match File::open(folder)?.sync_all() {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        done => done,
    }
}

/// Differs between processes and moments; whether it is free is decided by `create_new`.
fn unique() -> u32 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.subsec_nanos());
    now ^ std::process::id().rotate_left(16)
}

/// Why the folder does not take a file.
pub(super) fn refused(folder: &Path, error: &Error) -> StoreError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => StoreError::NoFolder(folder.to_owned()),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full,
        ErrorKind::ReadOnlyFilesystem => {
            StoreError::ReadOnly(format!("'{}' is on a read-only medium", folder.display()))
        }
        ErrorKind::PermissionDenied => {
            StoreError::Denied(format!("the folder '{}' cannot be written", folder.display()))
        }
        _ => StoreError::Io(format!("'{}': {error}", folder.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_it_has_its_name_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("vault");
        let draft = Draft::new(&target).unwrap();
        draft.publish_then(|_| Err(Error::from(ErrorKind::PermissionDenied))).unwrap();
        assert!(target.is_file());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
