//! `twinlock backup`

use super::report::{CliError, prose};
use super::session::Session;
use crate::store::StoreError;
use crate::store::sqlite::SqliteStore;
use crate::vault::peek;
use std::path::PathBuf;

/// Write a consistent copy of the vault to a new file, also while others write to it
///
/// The copy opens by the same ways in. It needs no password and no token.
#[derive(clap::Args)]
pub struct Args {
    /// The file to make; never one that is there
    file: PathBuf,
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        session.store()?.backup(&self.file).map_err(|error| self.explain(error))?;
        // Read back as a stranger would: a backup that cannot be opened is none.
        let mut copy = SqliteStore::open(&self.file)?;
        copy.integrity()?;
        let header = peek(&mut copy)?;
        prose(&format!("copied the vault '{}' to '{}'", header.header().name, self.file.display()));
        Ok(())
    }

    /// An error about the copy must not be answered with a hint about the vault.
    fn explain(&self, error: StoreError) -> CliError {
        let hint = match &error {
            StoreError::Exists(path) if *path == self.file => {
                "a backup is never written over: name a file that is not there yet"
            }
            StoreError::NoFolder(_) => "make the folder first, or name another file",
            _ => return error.into(),
        };
        CliError::Plain { message: error.to_string(), hint: hint.into(), code: 1 }
    }
}
