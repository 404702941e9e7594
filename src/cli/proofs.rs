//! When ways in have opened a vault here: the dates of their proofs, in this machine's state folder.
//!
//! Days, ids and numbers of factors, and nothing else: no name, no kind, nothing that was typed or that a token answered, and not in
//! the vault file, where a thief of it would read which way in nobody looks after. Nothing is decided by a date: whoever can write to
//! the folder can make one up.

use super::state;
use crate::encode::hex;
use crate::header::Keyslot;
use crate::vault::{Vault, now};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The file in the state folder.
const FILE: &str = "proven.json";
/// Keyslots remembered; the one not proven for longest goes first.
const KEYSLOTS: usize = 1024;

#[derive(Clone, Default, Serialize, Deserialize)]
struct Memory {
    keyslots: Vec<Proof>,
}

/// When a keyslot has opened its vault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    vault: String,
    keyslot: String,
    /// The wrap that opened: the first 8 bytes of its nonce, which is public in the header.
    wrap: String,
    /// The last day, `YYYY-MM-DD`, UTC.
    opened: String,
    /// The last day that each factor has answered here, by its number.
    #[serde(default)]
    factors: BTreeMap<u8, String>,
    /// Custodians have answered for it.
    #[serde(default)]
    custodians: bool,
}

/// What is known of a way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proven {
    /// It has not opened the vault on this machine.
    Never,
    /// It has, on that day.
    On(String),
    /// It has, on that day, before it was wrapped anew: by a new password, or a rotation.
    Before(String),
}

/// The proofs of this machine.
#[derive(Default)]
pub struct Proofs {
    memory: Memory,
    folder: Option<PathBuf>,
}

fn wrap(slot: &Keyslot) -> String {
    hex::encode(&slot.nonce[..8])
}

impl Proofs {
    /// Reads them. What cannot be read is as if there were none.
    pub fn load() -> Self {
        let folder = super::config::state_folder();
        let memory = folder.as_deref().map(|folder| state::read(folder, FILE)).unwrap_or_default();
        Self { memory, folder }
    }

    fn of(&self, vault_id: &[u8; 16], slot: &Keyslot) -> Option<&Proof> {
        let (vault, keyslot) = (hex::encode(vault_id), hex::encode(&slot.id));
        self.memory.keyslots.iter().find(|proof| proof.vault == vault && proof.keyslot == keyslot)
    }

    /// Whether, and when, the keyslot has opened the vault.
    pub fn proven(&self, vault_id: &[u8; 16], slot: &Keyslot) -> Proven {
        match self.of(vault_id, slot) {
            None => Proven::Never,
            Some(proof) if proof.wrap == wrap(slot) => Proven::On(proof.opened.clone()),
            Some(proof) => Proven::Before(proof.opened.clone()),
        }
    }

    /// The last day that a factor of the keyslot has answered here.
    pub fn answered(&self, vault_id: &[u8; 16], slot: &Keyslot, number: u8) -> Option<&str> {
        self.of(vault_id, slot)?.factors.get(&number).map(String::as_str)
    }

    /// Whether custodians have once opened it.
    pub fn by_custodians(&self, vault_id: &[u8; 16], slot: &Keyslot) -> bool {
        self.of(vault_id, slot).is_some_and(|proof| proof.custodians)
    }

    /// A proof of that day, for tests.
    #[cfg(test)]
    pub fn add(&mut self, vault_id: &[u8; 16], slot: &Keyslot, numbers: &[u8], day: &str) {
        self.memory.keyslots.push(next(None, (vault_id, slot), numbers, false, day));
    }

    /// Notes that the vault was opened, today. It is written once a day: an unlock is not to cost a file each time.
    pub fn note(vault: &Vault, custodians: bool) {
        let (slot, numbers) = vault.opened_with();
        let vault_id = vault.header().vault_id;
        let today = now().get(..10).unwrap_or_default().to_owned();
        let mut proofs = Self::load();
        let old = proofs.of(&vault_id, slot);
        if old.is_some() && old == Some(&next(old.cloned(), (&vault_id, slot), &numbers, custodians, &today)) {
            return;
        }
        let Some(folder) = proofs.folder.take() else { return };
        // A vault opens on a machine that keeps nothing, too: `seen.rs` has said so, if it could not write.
        let _ = state::update(&folder, FILE, |memory: &mut Memory| {
            let (vault, keyslot) = (hex::encode(&vault_id), hex::encode(&slot.id));
            let at = memory.keyslots.iter().position(|proof| proof.vault == vault && proof.keyslot == keyslot);
            let old = at.map(|at| memory.keyslots.swap_remove(at));
            memory.keyslots.push(next(old, (&vault_id, slot), &numbers, custodians, &today));
            memory.keyslots.sort_by(|one, other| other.opened.cmp(&one.opened));
            memory.keyslots.truncate(KEYSLOTS);
        });
    }
}

/// The proof after the keyslot has opened today.
fn next(
    old: Option<Proof>,
    (vault_id, slot): (&[u8; 16], &Keyslot),
    numbers: &[u8],
    custodians: bool,
    today: &str,
) -> Proof {
    let mut proof = old.unwrap_or_default();
    (proof.vault, proof.keyslot) = (hex::encode(vault_id), hex::encode(&slot.id));
    (proof.wrap, proof.opened) = (wrap(slot), today.to_owned());
    proof.factors.extend(numbers.iter().map(|number| (*number, today.to_owned())));
    proof.custodians |= custodians;
    proof
}
