//! What this machine has seen of vaults, in its state folder: so that an older file put back, or another vault in the place of
//! one's own, is noticed. The person is asked, not overruled: restoring a backup is a right.
//!
//! One mark a path, as the vault was named: a link in the place of the file is then the file's, and a backup elsewhere, older by nature, has
//! a mark of its own. It is kept as best this machine can: a vault must open on one that keeps nothing.

use super::report::{CliError, count, system, warn};
use super::session::Session;
use crate::encode::hex;
use crate::vault::{Mark, now};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Vault files remembered; the one not seen for longest goes first.
const PATHS: usize = 256;

#[derive(Clone, Default, Serialize, Deserialize)]
struct Memory {
    vaults: Vec<Kept>,
}

/// A vault file as last seen.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    path: String,
    vault: String,
    fingerprint: String,
    sequence: u64,
    state: String,
    seen: String,
}

impl Kept {
    fn is(&self, mark: &Mark) -> bool {
        self.vault == hex::encode(&mark.vault_id) && self.fingerprint == hex::encode(&mark.fingerprint)
    }
}

/// What is remembered, and the path that this command works on.
pub(super) struct Seen {
    folder: Option<PathBuf>,
    path: String,
    memory: Memory,
    /// The person said that the file is right though it is not as remembered.
    settled: bool,
    warned: bool,
}

/// Why the file may not be what its owner thinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Another vault, or another account key, than was seen here.
    OtherVault,
    /// Older by so many writes.
    Older(u64),
    /// As many writes, but others.
    Fork,
}

impl Seen {
    /// Reads what is remembered. What cannot be read is as if never seen.
    pub fn load(path: &Path) -> Self {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned();
        let folder = super::config::state_folder();
        let memory = folder.as_deref().map(read).unwrap_or_default();
        Self { folder, path, memory, settled: false, warned: false }
    }

    /// A vault was made at this path: whatever was there before is gone.
    pub fn forget(&mut self) {
        if self.memory.vaults.iter().any(|kept| kept.path == self.path) {
            self.update(|memory, path| memory.vaults.retain(|kept| kept.path != path));
        }
    }

    /// Compares the vault with what is remembered.
    pub fn doubt(&self, mark: &Mark) -> Option<Doubt> {
        let id = hex::encode(&mark.vault_id);
        let Some(kept) = self.memory.vaults.iter().find(|kept| kept.path == self.path) else {
            let forged = self.memory.vaults.iter().any(|kept| kept.vault == id)
                && !self.memory.vaults.iter().any(|k| k.is(mark));
            return forged.then_some(Doubt::OtherVault);
        };
        if !kept.is(mark) {
            return Some(Doubt::OtherVault);
        }
        match kept.sequence.checked_sub(mark.sequence) {
            Some(0) if kept.state != hex::encode(&mark.state) => Some(Doubt::Fork),
            Some(0) | None => None,
            Some(writes) => Some(Doubt::Older(writes)),
        }
    }

    /// Where a newer copy of a vault was seen that has not been seen at this path before: it may be a backup, and is worth a word.
    fn newer_elsewhere(&self, mark: &Mark) -> Option<&str> {
        if self.memory.vaults.iter().any(|kept| kept.path == self.path) {
            return None;
        }
        let newer = |kept: &&Kept| kept.is(mark) && kept.sequence > mark.sequence;
        self.memory.vaults.iter().find(newer).map(|kept| kept.path.as_str())
    }

    /// Remembers the vault as it is now; never as older than another command has seen it, unless the person said so.
    pub fn remember(&mut self, mark: &Mark) {
        let new = Kept {
            path: self.path.clone(),
            vault: hex::encode(&mark.vault_id),
            fingerprint: hex::encode(&mark.fingerprint),
            sequence: mark.sequence,
            state: hex::encode(&mark.state),
            seen: now(),
        };
        let same = |kept: &Kept| Kept { seen: new.seen.clone(), ..kept.clone() } == new;
        if self.memory.vaults.iter().any(same) {
            return;
        }
        let settled = std::mem::take(&mut self.settled);
        self.update(|memory, path| {
            let at = memory.vaults.iter().position(|kept| kept.path == path);
            match at.map(|at| &mut memory.vaults[at]) {
                Some(kept) if settled || (kept.is(mark) && kept.sequence < mark.sequence) => *kept = new,
                Some(_) => {}
                None => memory.vaults.push(new),
            }
            while memory.vaults.len() > PATHS {
                let oldest = memory.vaults.iter().enumerate().min_by_key(|(_, kept)| kept.seen.clone());
                let Some((at, _)) = oldest else { break };
                memory.vaults.remove(at);
            }
        });
    }

    /// Changes what is remembered, as it is by now: other commands do, too.
    fn update(&mut self, change: impl FnOnce(&mut Memory, &str)) {
        let Some(folder) = &self.folder else { return };
        let changed = || -> io::Result<Memory> {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            let lock =
                OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join("lock"))?;
            flock(&lock, FlockOperation::LockExclusive)?;
            let mut memory = read(folder);
            change(&mut memory, &self.path);
            write(folder, &memory)?;
            Ok(memory)
        };
        match changed() {
            Ok(memory) => self.memory = memory,
            Err(error) if !std::mem::replace(&mut self.warned, true) => warn(&format!(
                "cannot write to '{}' ({}): an older vault file put back would not be noticed",
                folder.display(),
                system(&error)
            )),
            Err(_) => {}
        }
    }
}

fn read(folder: &Path) -> Memory {
    let text = std::fs::read(folder.join("seen.json")).ok();
    text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

/// Whole or not at all: a new file is renamed over the old one, under the lock.
fn write(folder: &Path, memory: &Memory) -> io::Result<()> {
    let (new, file) = (folder.join("seen.json.new"), folder.join("seen.json"));
    let mut out: File = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    out.write_all(&serde_json::to_vec(memory)?)?;
    std::fs::rename(&new, &file)
}

impl Session {
    /// Compares an unlocked vault with what is remembered of it; in doubt the person says whether it is right.
    pub(super) fn check_seen(&mut self, seen: &mut Seen, mark: &Mark) -> Result<(), CliError> {
        if let Some(doubt) = seen.doubt(mark) {
            self.settle(doubt)?;
            seen.settled = true;
        } else if let Some(path) = seen.newer_elsewhere(mark) {
            warn(&format!("this copy of the vault is older than the one in '{path}'"));
        }
        Ok(())
    }

    fn settle(&mut self, doubt: Doubt) -> Result<(), CliError> {
        let (message, question) = match doubt {
            Doubt::OtherVault => (
                "this is another vault than the one last seen here: it holds another account key".to_owned(),
                "Have you put it in the place of the other one yourself? Go on with it?",
            ),
            Doubt::Older(writes) => (
                format!("this vault file is older than the one last seen here, by {}", count(writes, "write")),
                "Have you put an older copy back yourself? Go on with it?",
            ),
            Doubt::Fork => (
                "this vault file went another way than the one last seen here: the last writes are others".to_owned(),
                "Have you put another copy in its place yourself? Go on with it?",
            ),
        };
        if self.global.accept_changed {
            warn(&message);
            return Ok(());
        }
        if self.interactive() {
            warn(&message);
            return self.confirm(false, question);
        }
        Err(CliError::Plain {
            message,
            hint: "if you restored a backup, repeat with --accept-changed; if not, somebody tampered with the file"
                .into(),
            code: super::report::DAMAGED,
        })
    }
}
