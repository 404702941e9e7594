//! What this machine has seen of vaults, in its state folder: so that an older file put back, or another vault in the place of
//! one's own, is noticed. The person is asked, not overruled: restoring a backup is a right.
//!
//! One mark a path, as the vault was named: a link in the place of the file is then the file's, and a backup elsewhere, older by nature, has
//! a mark of its own. It is kept as best this machine can: a vault must open on one that keeps nothing.

use super::report::{count, system, warn};
use super::state;
use crate::encode::hex;
use crate::header::Header;
use crate::vault::{self, Line, Link, Mark, Past, REACH, link, now};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The file in the state folder.
const FILE: &str = "seen.json";
/// Vault files remembered; the one not seen for longest goes first.
const PATHS: usize = 256;

/// States of a path remembered, so that an older file is told from one that went another way.
const STATES: usize = 64;
/// Account keys that a vault had before, remembered by their fingerprints.
const KEYS: usize = 16;

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
    #[serde(default = "first")]
    epoch: u64,
    sequence: u64,
    state: String,
    seen: String,
    /// What this state tells of those before it.
    #[serde(default)]
    links: String,
    /// States seen before this one, latest last.
    #[serde(default)]
    past: Vec<(u64, String)>,
    /// Fingerprints under account keys before this one, latest last.
    #[serde(default)]
    before: Vec<String>,
    /// Counts header writes; 0: not known.
    #[serde(default)]
    generation: u64,
    /// Ids of the keyslots; none: not known.
    #[serde(default)]
    keyslots: Vec<String>,
    /// The fingerprint after a rotation that was begun here, and may have been cut short.
    #[serde(default)]
    coming: Option<String>,
}

/// Whether a line tells of another state than this one after so many writes.
fn tells_another(line: &Line, (sequence, state): &(u64, String)) -> bool {
    let then: Option<Link> = hex::decode_array(state).ok().map(|state| link(&state));
    line.at(*sequence).zip(then).is_some_and(|(here, then)| here != then)
}

/// What was kept by a program that knew no rotation.
fn first() -> u64 {
    1
}

impl Kept {
    fn of(path: &str, mark: &Mark) -> Self {
        Self {
            path: path.to_owned(),
            vault: hex::encode(&mark.vault_id),
            fingerprint: hex::encode(&mark.fingerprint),
            epoch: mark.epoch,
            sequence: mark.sequence,
            state: hex::encode(&mark.state),
            seen: now(),
            links: hex::encode(mark.past.as_bytes()),
            past: Vec::new(),
            before: Vec::new(),
            generation: mark.generation,
            keyslots: mark.keyslots.iter().map(|id| hex::encode(id)).collect(),
            coming: None,
        }
    }

    fn is(&self, mark: &Mark) -> bool {
        self.vault == hex::encode(&mark.vault_id) && self.fingerprint == hex::encode(&mark.fingerprint)
    }

    /// Whether it is this vault, as this program has rotated it.
    fn becomes(&self, mark: &Mark) -> bool {
        let rotated = mark.follows.is_some_and(|old| self.fingerprint == hex::encode(&old));
        let coming = self.coming.as_deref() == Some(hex::encode(&mark.fingerprint).as_str());
        self.vault == hex::encode(&mark.vault_id) && mark.epoch > self.epoch && (rotated || coming)
    }

    fn line(&self) -> Option<Line> {
        let links = hex::decode(&self.links).unwrap_or_default();
        let past = Past::from_bytes(&links, self.sequence).unwrap_or_default();
        Some(Line::new(self.sequence, &hex::decode_array(&self.state).ok()?, past))
    }

    /// Whether this vault and that one went different ways; None where neither tells of so long ago.
    fn parted(&self, mark: &Mark) -> Option<bool> {
        let line = mark.line();
        self.line()?.parted(&line).or_else(|| {
            // One older than what this one tells of, which may tell of what was seen still longer ago.
            self.past.iter().any(|state| tells_another(&line, state)).then_some(true)
        })
    }

    /// Whether it is a later state of the same line, or nothing tells that it is of another one.
    fn goes_on_as(&self, mark: &Mark) -> bool {
        let later = self.is(mark) && self.sequence < mark.sequence;
        (later || self.becomes(mark)) && self.parted(mark) != Some(true)
    }

    /// What to say of a later state that does not tell of this one.
    fn out_of_reach(&self, mark: &Mark) -> Option<String> {
        let writes = mark.sequence.checked_sub(self.sequence)?;
        if !self.goes_on_as(mark) || self.parted(mark).is_some() {
            return None;
        }
        let told = match mark.past.reach() {
            reach if reach == u64::from(REACH) => format!("more than the {REACH} that can be followed back"),
            // Written by a program that does not carry it on.
            0 => "and none of them can be followed back".to_owned(),
            reach => format!("and only the last {reach} can be followed back"),
        };
        Some(format!(
            "the vault has had {} since it was last seen here, {told}: whether another copy has taken its place cannot be told; \
             look whether what you saved here last is still in it",
            count(writes, "write")
        ))
    }

    /// The next state of the same file; what came before it is remembered.
    fn advance(&mut self, mut next: Self) {
        next.past = std::mem::take(&mut self.past);
        next.before = std::mem::take(&mut self.before);
        if self.vault != next.vault {
            next.past.clear();
            next.before.clear();
        } else if self.fingerprint != next.fingerprint {
            next.before.retain(|old| *old != next.fingerprint && *old != self.fingerprint);
            next.before.push(self.fingerprint.clone());
            next.before.drain(..next.before.len().saturating_sub(KEYS));
        }
        if self.vault == next.vault {
            next.past.push((self.sequence, self.state.clone()));
            // Gone back, or another way, on the person's word: what is not of this file's line is no longer held against any.
            let line = next.line();
            let other = |state: &(u64, String)| line.as_ref().is_some_and(|line| tells_another(line, state));
            next.past.retain(|state| state.0 < next.sequence && !other(state));
            next.past.drain(..next.past.len().saturating_sub(STATES));
        }
        *self = next;
    }
}

/// What is remembered, and the path that this command works on.
pub(super) struct Seen {
    folder: Option<PathBuf>,
    path: String,
    memory: Memory,
    /// The person said that the file is right though it is not as remembered.
    pub(super) settled: bool,
    warned: bool,
}

/// Why the file may not be what its owner thinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Another vault.
    OtherVault,
    /// A vault of the same id, under an account key that was never seen.
    OtherKey,
    /// The same, and a later one: rotated elsewhere.
    Rotated,
    /// The same, and what was last seen here is not what was rotated.
    RotatedFork,
    /// Under an account key that the vault had before it was rotated; `astray`: not all of it was seen here before that.
    OlderKey { astray: bool },
    /// Older by so many writes.
    Older(u64),
    /// It went another way, and has so many writes more, if any.
    Fork(u64),
}

impl Seen {
    /// Reads what is remembered. What cannot be read is as if never seen.
    pub fn load(path: &Path) -> Self {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned();
        let folder = super::config::state_folder();
        let memory = folder.as_deref().map(|folder| state::read(folder, FILE)).unwrap_or_default();
        Self { folder, path, memory, settled: false, warned: false }
    }

    fn kept(&self) -> Option<&Kept> {
        self.memory.vaults.iter().find(|kept| kept.path == self.path)
    }

    /// What people compare of the fingerprint of the vault at this path, if it is the one with this id (spec 7).
    pub fn fingerprint(&self, vault_id: &[u8; 16]) -> Option<[u8; 10]> {
        let id = hex::encode(vault_id);
        let kept = self.memory.vaults.iter().find(|kept| kept.path == self.path && kept.vault == id)?;
        hex::decode_array(kept.fingerprint.get(..20)?).ok()
    }

    /// A path at which the vault of this id was seen, if it was.
    pub fn place_of(&self, vault_id: &[u8; 16]) -> Option<String> {
        let id = hex::encode(vault_id);
        self.memory.vaults.iter().find(|kept| kept.vault == id).map(|kept| kept.path.clone())
    }

    /// Compares the vault with what is remembered.
    pub fn doubt(&self, mark: &Mark) -> Option<Doubt> {
        let (id, fingerprint) = (hex::encode(&mark.vault_id), hex::encode(&mark.fingerprint));
        let Some(kept) = self.kept() else {
            let mut same = self.memory.vaults.iter().filter(|kept| kept.vault == id).peekable();
            // At a path never seen an older one is a backup; one whose account key was never seen at any path is no copy.
            let known = |kept: &Kept| kept.is(mark) || kept.becomes(mark) || kept.before.contains(&fingerprint);
            let later = same.peek().is_some_and(|kept| mark.epoch > kept.epoch);
            let unknown = same.peek().is_some() && !same.any(known);
            return unknown.then_some(if later { Doubt::Rotated } else { Doubt::OtherKey });
        };
        if kept.vault != id {
            return Some(Doubt::OtherVault);
        }
        let parted = kept.parted(mark) == Some(true);
        if kept.fingerprint != fingerprint && !kept.becomes(mark) {
            return Some(match () {
                () if kept.before.contains(&fingerprint) => Doubt::OlderKey { astray: parted },
                // That it tells of what was seen here proves nothing: whoever had the old account key, or the file, knew it, too.
                () if mark.epoch > kept.epoch && parted => Doubt::RotatedFork,
                () if mark.epoch > kept.epoch => Doubt::Rotated,
                () => Doubt::OtherKey,
            });
        }
        match kept.sequence.checked_sub(mark.sequence) {
            _ if parted => Some(Doubt::Fork(mark.sequence.saturating_sub(kept.sequence))),
            Some(0) | None => None,
            Some(writes) => Some(Doubt::Older(writes)),
        }
    }

    /// What is worth a word about a vault that is not in doubt: once, as it is remembered then.
    pub(super) fn word(&self, mark: &Mark) -> Option<String> {
        match self.kept() {
            Some(kept) => kept.out_of_reach(mark),
            None => self.elsewhere(mark),
        }
    }

    /// Whether the vault under this account key was seen here before, at whatever path; what another machine has made of it was not.
    pub fn knows(&self, mark: &Mark) -> bool {
        let (id, fingerprint) = (hex::encode(&mark.vault_id), hex::encode(&mark.fingerprint));
        let is = |kept: &Kept| kept.fingerprint == fingerprint || kept.coming.as_ref() == Some(&fingerprint);
        self.had(mark) || self.memory.vaults.iter().any(|kept| kept.vault == id && is(kept))
    }

    /// Whether it is an account key that the vault had, here or at another path, before it was rotated.
    pub fn had(&self, mark: &Mark) -> bool {
        let (id, fingerprint) = (hex::encode(&mark.vault_id), hex::encode(&mark.fingerprint));
        self.memory.vaults.iter().any(|kept| kept.vault == id && kept.before.contains(&fingerprint))
    }

    /// What is worth a word about a copy that has not been seen at this path before: where a newer one lies, or one that went another way.
    fn elsewhere(&self, mark: &Mark) -> Option<String> {
        let fingerprint = hex::encode(&mark.fingerprint);
        self.memory.vaults.iter().find_map(|kept| {
            let path = &kept.path;
            if kept.is(mark) && kept.parted(mark) == Some(true) {
                return Some(format!("this copy of the vault and the one in '{path}' went different ways"));
            }
            if kept.before.contains(&fingerprint) && kept.vault == hex::encode(&mark.vault_id) {
                return Some(format!(
                    "this copy is from before the vault in '{path}' was rotated: it has the old account key"
                ));
            }
            let newer = kept.is(mark) && kept.sequence > mark.sequence;
            newer.then(|| format!("this copy of the vault is older than the one in '{path}'"))
        })
    }

    /// How a header that is not verified differs from the one last seen here: for a vault that does not open, as words to its error. A header
    /// may say anything, and an honest one may have changed on another machine: nothing is decided by it.
    pub fn strange(&self, header: &Header) -> Vec<String> {
        let Some(kept) = self.kept() else { return Vec::new() };
        if kept.vault != hex::encode(&header.vault_id) {
            return vec!["the file calls itself another vault than the one last seen here".to_owned()];
        }
        let mut strange = Vec::new();
        if header.epoch < kept.epoch {
            strange.push(
                "its header is from before the vault was rotated: an older file, or an older header in it".to_owned(),
            );
        } else if header.epoch == kept.epoch && header.generation < kept.generation {
            let (now, then) = (header.generation, kept.generation);
            strange.push(format!("its header is an older one (generation {now}, last seen here {then})"));
        }
        let known = |id: &[u8; 16]| kept.keyslots.is_empty() || kept.keyslots.contains(&hex::encode(id));
        let unknown = header.keyslots.iter().filter(|slot| !known(&slot.id));
        strange.extend(unknown.map(|slot| {
            format!(
                "keyslot '{}' was not in the vault when it was last seen here: it may be of another vault",
                slot.name
            )
        }));
        strange
    }

    /// What the vault tells of itself while it is open.
    pub fn note(&mut self, what: &vault::Seen) {
        match what {
            vault::Seen::Now(mark) => self.remember(mark),
            vault::Seen::Coming(mark) => self.expect(mark),
        }
    }

    /// Remembers the account key that a rotation is about to bring.
    fn expect(&mut self, mark: &Mark) {
        let coming = Some(hex::encode(&mark.fingerprint));
        self.update(|memory, path| {
            if let Some(kept) = memory.vaults.iter_mut().find(|kept| kept.path == path) {
                kept.coming = coming;
            }
        });
    }

    /// What is at this path now is right, whatever is remembered: its owner has just put it there.
    pub fn accept(&mut self, mark: &Mark) {
        self.settled = true;
        self.remember(mark);
    }

    /// Remembers the vault as it is now; never as older than another command has seen it, unless the person said so.
    pub fn remember(&mut self, mark: &Mark) {
        let new = Kept::of(&self.path, mark);
        let same = |kept: &Kept| {
            let Kept { path, vault, fingerprint, epoch, sequence, state, .. } = &new;
            let same = (&kept.path, &kept.vault, &kept.fingerprint, &kept.epoch, &kept.sequence, &kept.state)
                == (path, vault, fingerprint, epoch, sequence, state);
            same && kept.coming.is_none()
        };
        if self.memory.vaults.iter().any(same) {
            return;
        }
        let settled = std::mem::take(&mut self.settled);
        self.update(|memory, path| {
            let at = memory.vaults.iter().position(|kept| kept.path == path);
            match at.map(|at| &mut memory.vaults[at]) {
                Some(kept) if settled || kept.goes_on_as(mark) => kept.advance(new),
                // A rotation that did not happen is no longer expected.
                Some(kept) => kept.coming = None,
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
        match state::update(folder, FILE, |memory| change(memory, &self.path)) {
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

#[cfg(test)]
mod tests;
