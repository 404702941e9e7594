//! `twinlock backup`

use super::report::{CliError, count, prose, warn};
use super::session::Session;
use super::shelf::Shelf;
use crate::store::StoreError;
use crate::store::sqlite::SqliteStore;
use crate::vault::{Vault, peek};
use std::path::{Path, PathBuf};

/// Write a consistent copy of the vault to a new file, also while others write to it
///
/// The copy opens by the same ways in. Making it needs no password and no token; with --verify, or where a file with a password or a
/// code is given, every item of it is opened, too.
#[derive(clap::Args)]
pub struct Args {
    /// The file to make, never one that is there; or a folder, for a file named after vault and time
    file: PathBuf,
    /// Keep the newest N backups of this vault that were made in the folder, this one among them, and remove the older ones
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Open the copy, and every item in it
    #[arg(long)]
    verify: bool,
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let folder = self.file.is_dir();
        if self.keep.is_some() && !folder {
            return Err(CliError::Usage {
                message: format!("--keep is for a folder, and '{}' is none", self.file.display()),
                hint: "name the folder that the backups are in".into(),
            });
        }
        let mut store = session.store()?;
        let header = peek(&mut store)?.header().clone();
        let backups = Shelf { folder: &self.file, vault: &header.vault_id, name: &header.name };
        // Opened before the copy is made: a password that is mistyped leaves nothing behind.
        let given = &session.global;
        let with_keys = self.verify || given.password_file.is_some() || given.recovery_file.is_some();
        let vault = if with_keys { Some(session.unlock()?) } else { None };
        let to = if folder { backups.free() } else { self.file.clone() };
        store.backup(&to).map_err(|error| explain(&to, error))?;
        let what = checked(&to, vault.as_ref())?;
        prose(&format!("copied the vault '{}' to '{}'", header.name, to.display()));
        prose(&what);
        let Some(keep) = self.keep else { return Ok(()) };
        let sorted = backups.sort(keep, &to);
        for file in &sorted.future {
            warn(&format!(
                "'{}' is dated in the future, so it is not counted and not removed: if a clock was wrong, look whether it is newer, \
                 then rename or delete it",
                file.display()
            ));
        }
        for old in sorted.beyond {
            match std::fs::remove_file(&old) {
                Ok(()) => prose(&format!("removed the older backup '{}'", old.display())),
                Err(error) => warn(&format!("cannot remove '{}': {}", old.display(), super::report::system(&error))),
            }
        }
        Ok(())
    }
}

/// Reads the copy back, as a stranger would and with the vault's keys: a backup that cannot be opened is none. What was done.
fn checked(copy: &Path, vault: Option<&Vault>) -> Result<String, CliError> {
    let mut store = SqliteStore::open(copy)?;
    store.integrity()?;
    let slots = peek(&mut store)?.header().keyslots.len() as u64;
    let Some(vault) = vault else {
        return Ok(format!(
            "read back: the file is whole, {} (--verify opens the items, too)",
            count(slots, "keyslot")
        ));
    };
    let (_, report) = vault.verify_copy(&mut store)?;
    Ok(format!("read back: {} and {} open", count(report.items, "item"), count(slots, "keyslot")))
}

/// An error about the copy must not be answered with a hint about the vault.
fn explain(to: &Path, error: StoreError) -> CliError {
    let hint = match &error {
        StoreError::Exists(path) if *path == to => "a backup is never written over: name a file that is not there yet",
        StoreError::NoFolder(_) => "make the folder first, or name another file",
        _ => return error.into(),
    };
    CliError::Plain { message: error.to_string(), hint: hint.into(), code: 1 }
}
