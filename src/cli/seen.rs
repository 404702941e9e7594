//! What this machine has seen of a vault, in its state folder: so that an older file put back, or another vault in the place of
//! one's own, is noticed. The person is asked, not overruled: restoring a backup is a right.
//!
//! One file a vault id, with one mark a place, since a backup in another place is older by nature. The state is remembered as best this
//! machine can: a vault must open on one that keeps nothing.

use super::report::{CliError, warn};
use super::session::Session;
use crate::encode::hex;
use crate::vault::Mark;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Places remembered of one vault; more are not worth a file that grows for ever.
const PLACES: usize = 64;

#[derive(Clone, Default, Serialize, Deserialize)]
struct Memory {
    /// By the vault's fingerprint the same vault is known again.
    fingerprint: String,
    /// By the whole path of the vault file.
    places: BTreeMap<String, Place>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    sequence: u64,
    state: String,
}

/// What is remembered of one vault in one place.
pub(super) struct Seen {
    file: Option<PathBuf>,
    place: String,
    memory: Memory,
    warned: bool,
}

/// Why the file may not be what its owner thinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Another account key than the vault of this id had.
    OtherVault,
    /// Older by so many writes.
    Older(u64),
    /// As many writes, but others.
    Fork,
}

impl Seen {
    /// Reads what is remembered. What cannot be read is as if never seen.
    pub fn load(path: &Path, vault_id: &[u8; 16]) -> Self {
        let place = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned();
        let file = super::config::state_folder().map(|folder| folder.join(format!("{}.json", hex::encode(vault_id))));
        let text = file.as_ref().and_then(|file| std::fs::read(file).ok());
        let memory = text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        Self { file, place, memory, warned: false }
    }

    /// Compares the vault with what is remembered.
    pub fn doubt(&self, mark: &Mark) -> Option<Doubt> {
        if !self.memory.fingerprint.is_empty() && self.memory.fingerprint != hex::encode(&mark.fingerprint) {
            return Some(Doubt::OtherVault);
        }
        let place = self.memory.places.get(&self.place)?;
        match place.sequence.checked_sub(mark.sequence) {
            Some(0) if place.state != hex::encode(&mark.state) => Some(Doubt::Fork),
            Some(0) | None => None,
            Some(writes) => Some(Doubt::Older(writes)),
        }
    }

    /// Remembers the vault as it is now.
    pub fn remember(&mut self, mark: &Mark) {
        let fingerprint = hex::encode(&mark.fingerprint);
        let place = Place { sequence: mark.sequence, state: hex::encode(&mark.state) };
        if self.memory.fingerprint == fingerprint && self.memory.places.get(&self.place) == Some(&place) {
            return;
        }
        if self.memory.fingerprint != fingerprint {
            self.memory = Memory { fingerprint, ..Memory::default() };
        }
        if self.memory.places.len() >= PLACES && !self.memory.places.contains_key(&self.place) {
            self.memory.places.pop_first();
        }
        self.memory.places.insert(self.place.clone(), place);
        let Some(file) = &self.file else { return };
        if let Err(error) = write(file, &self.memory)
            && !std::mem::replace(&mut self.warned, true)
        {
            warn(&format!(
                "cannot write '{}' ({error}): an older vault file put back would not be noticed",
                file.display()
            ));
        }
    }
}

/// Whole or not at all: a new file is renamed over the old one.
fn write(file: &Path, memory: &Memory) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let new = file.with_extension(format!("{}.new", std::process::id()));
    let made = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new);
    let written = made.and_then(|mut out| out.write_all(&serde_json::to_vec(memory)?));
    let renamed = written.and_then(|()| std::fs::rename(&new, file));
    if renamed.is_err() {
        // Best effort: the error that is told is the first one.
        let _ = std::fs::remove_file(&new);
    }
    renamed
}

impl Session {
    /// Asks the person about a vault file that is not as last seen, and stops if nobody says that it is right.
    pub(super) fn settle(&mut self, doubt: Doubt) -> Result<(), CliError> {
        let (message, question) = match doubt {
            Doubt::OtherVault => {
                return Err(CliError::Plain {
                    message: "this file calls itself a vault that this machine knows, but holds another account key"
                        .into(),
                    hint: "somebody may have put it in the place of yours: restore a backup".into(),
                    code: super::report::DAMAGED,
                });
            }
            Doubt::Older(writes) => (
                format!(
                    "this vault file is older than the one last seen here, by {writes} {}",
                    if writes == 1 { "write" } else { "writes" }
                ),
                "Have you put an older copy back yourself? Go on with it?",
            ),
            Doubt::Fork => (
                "this vault file went another way than the one last seen here: the last writes are others".to_owned(),
                "Have you put another copy in its place yourself? Go on with it?",
            ),
        };
        if self.global.accept_older {
            warn(&message);
            return Ok(());
        }
        if self.interactive() {
            warn(&message);
            return self.confirm(false, question);
        }
        Err(CliError::Plain {
            message,
            hint: "if you restored a backup, repeat with --accept-older; if not, somebody tampered with the file"
                .into(),
            code: super::report::DAMAGED,
        })
    }
}
