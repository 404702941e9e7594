//! SQLite's codes in the words of the store. <https://www.sqlite.org/rescode.html>

use rusqlite::{Error, ErrorCode, ffi};

use super::super::StoreError;
use super::place::{Place, folder_of};

impl Place {
    /// An error while the file is being opened: what is no SQLite file is no vault.
    pub(super) fn opening(&self, error: Error) -> StoreError {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => self.not_a_vault(self.describe()),
            Some(ErrorCode::CannotOpen) if !self.readable() => {
                StoreError::Denied(format!("'{}' cannot be read by this user", self.given.display()))
            }
            _ => self.explain(error),
        }
    }

    /// Any other error.
    pub(super) fn explain(&self, error: Error) -> StoreError {
        let Error::SqliteFailure(ffi::Error { code, extended_code }, message) = error else {
            return StoreError::Io(error.to_string());
        };
        let said = message.unwrap_or_else(|| ffi::code_to_str(extended_code).to_owned());
        match (code, extended_code) {
            (_, ffi::SQLITE_READONLY_DBMOVED) => {
                StoreError::ReadOnly("its file was moved or removed meanwhile".to_owned())
            }
            (_, ffi::SQLITE_READONLY_ROLLBACK | ffi::SQLITE_READONLY_CANTLOCK | ffi::SQLITE_IOERR_DELETE) => {
                self.cut_short()
            }
            (_, ffi::SQLITE_IOERR_LOCK | ffi::SQLITE_IOERR_RDLOCK | ffi::SQLITE_IOERR_CHECKRESERVEDLOCK) => {
                StoreError::Io("its file system does not support locks".to_owned())
            }
            (_, ffi::SQLITE_IOERR_CORRUPTFS) | (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => {
                StoreError::Damaged(format!("{said} (a copy cut short, or a failing disk?)"))
            }
            (ErrorCode::TooBig, _) => StoreError::Damaged("a row is longer than any of a vault".to_owned()),
            (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed, _) => {
                StoreError::Busy
            }
            (ErrorCode::DiskFull, _) => StoreError::Full,
            (ErrorCode::ReadOnly, _) => StoreError::ReadOnly("its file may only be read".to_owned()),
            (ErrorCode::CannotOpen, _) => self.cannot_open(said),
            (ErrorCode::PermissionDenied, _) => StoreError::Denied(said),
            _ => StoreError::Io(said),
        }
    }

    /// SQLite could not open the file or its journal.
    fn cannot_open(&self, said: String) -> StoreError {
        if !folder_of(&self.real).is_dir() {
            return StoreError::ReadOnly(format!("its folder '{}' is gone", folder_of(&self.real).display()));
        }
        if self.journal().exists() {
            return self.cut_short();
        }
        match self.check_folder() {
            Err(error) => error,
            Ok(()) => StoreError::Io(said),
        }
    }

    /// A journal was left by a writer that died, and this process may not roll it back.
    fn cut_short(&self) -> StoreError {
        StoreError::ReadOnly(format!(
            "a write was cut short, and what '{}' kept must be put back first, which needs to write the file and its folder",
            self.journal().display()
        ))
    }
}
