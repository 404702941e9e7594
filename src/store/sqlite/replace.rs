//! A vault file in the place of another: a copy is made beside it, may be read there, and takes its name in one step.

use std::path::{Path, PathBuf};

use super::super::{Store, StoreError};
use super::SqliteStore;
use super::draft::{Draft, refused};
use super::place::{beside, folder_of};

/// A whole copy beside the place that it is for. Removed when dropped unpublished.
pub struct Replacement {
    draft: Draft,
}

impl SqliteStore {
    /// Writes a consistent copy of this vault beside `to`, as [`SqliteStore::backup`] does, for what is there to be replaced.
    pub fn copy_beside(&self, to: &Path) -> Result<Replacement, StoreError> {
        let draft = Draft::over(to)?;
        self.copy_into(&draft)?;
        Ok(Replacement { draft })
    }
}

impl Replacement {
    /// The copy, to be read before it counts.
    pub fn open(&self) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(self.draft.path())
    }

    /// Gives the copy its name. What has it now is kept as `aside`, a name in the same folder that is free; where it was.
    ///
    /// Between the two names there is no moment without a file. A vault that can be locked is locked meanwhile: a writer's journal would be
    /// rolled back into the new file. Who has the old one open can no longer write to it (SQLite looks whether its file was moved).
    pub fn publish(self, aside: &str) -> Result<Option<PathBuf>, StoreError> {
        let target = self.draft.target().to_owned();
        let aside = target.with_file_name(aside);
        if std::fs::symlink_metadata(&target).is_err() {
            self.draft.publish()?;
            return Ok(None);
        }
        let mut old = match SqliteStore::open(&target) {
            Err(StoreError::Busy) => return Err(StoreError::Busy),
            opened => opened.ok(),
        };
        // Opening it has put back what a killed writer had left half done.
        let lock = match old.as_mut().map(Store::begin) {
            Some(Err(StoreError::Busy)) => return Err(StoreError::Busy),
            lock => lock.and_then(Result::ok),
        };
        let refused = |error: std::io::Error| refused(folder_of(&target), &error);
        if lock.is_none() {
            // Not to be opened, so nobody else uses it either; a journal of it must not get into the new file.
            for suffix in ["-journal", "-wal", "-shm"] {
                match std::fs::rename(beside(&target, suffix), beside(&aside, suffix)) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(refused(error)),
                    _ => {}
                }
            }
        }
        self.draft.publish_over(&aside)?;
        drop(lock);
        Ok(Some(aside))
    }
}
