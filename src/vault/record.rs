//! Records, index entries and manifest: items and their set as sealed bytes. Spec 6.2 to 6.4.

use super::VaultError;
use super::count::next_in_manifest;
use super::past::{Line, Past};
use super::set::Leaves;
use crate::crypto::aead::{open, open_padded, seal, seal_padded};
use crate::crypto::{Keys, RandomError, hmac_sha256, sha256};
use crate::item::{Item, ItemError, normalised};
use crate::store::{Entry, Record, RecordId, RecordRef};
use zeroize::Zeroizing;

/// Counters stay below this, so that counting on never overflows. Spec 6.4.
pub(super) const LIMIT: u64 = 1 << 63;

/// A record, entry or manifest that was not made under these keys for this place.
#[derive(Debug, PartialEq, Eq)]
pub struct Damaged;

/// Seals and opens everything of one vault and epoch.
#[derive(Clone, Copy)]
pub struct Sealer<'a> {
    keys: &'a Keys,
    vault_id: &'a [u8; 16],
    epoch: u64,
}

impl<'a> Sealer<'a> {
    /// For the keys of a verified header.
    pub fn new(keys: &'a Keys, vault_id: &'a [u8; 16], epoch: u64) -> Self {
        Self { keys, vault_id, epoch }
    }

    /// `record.sealed` of an item.
    pub fn seal_record(self, id: RecordId, revision: u64, item: &Item) -> Result<Record, SealError> {
        Ok(self.seal_content(id, revision, &item.to_json()?)?)
    }

    /// The same of an item's JSON as it is: a rotation changes no byte of it.
    pub fn seal_content(self, id: RecordId, revision: u64, json: &[u8]) -> Result<Record, RandomError> {
        let epoch = self.epoch;
        let aad: [&[u8]; 5] = [b"twinlock/1 record", self.vault_id, &epoch.to_be_bytes(), &id, &revision.to_be_bytes()];
        let sealed = seal_padded(self.keys.record.expose(), &aad, json)?;
        Ok(Record { id, epoch, revision, sealed })
    }

    /// The item of a record of this vault and epoch.
    pub fn open_record(self, record: RecordRef<'_>) -> Result<Item, Damaged> {
        self.open_content(record).map(|(_, item)| item)
    }

    /// The same with its JSON.
    pub fn open_content(self, record: RecordRef<'_>) -> Result<(Zeroizing<Vec<u8>>, Item), Damaged> {
        let json = self.open_json(record)?;
        let item = Item::from_json(&json).map_err(|_| Damaged)?;
        Ok((json, item))
    }

    /// Its JSON alone, not looked at.
    pub fn open_json(self, record: RecordRef<'_>) -> Result<Zeroizing<Vec<u8>>, Damaged> {
        if record.epoch != self.epoch {
            return Err(Damaged);
        }
        let (epoch, revision) = (record.epoch.to_be_bytes(), record.revision.to_be_bytes());
        let aad: [&[u8]; 5] = [b"twinlock/1 record", self.vault_id, &epoch, &record.id, &revision];
        open_padded(self.keys.record.expose(), &aad, record.sealed).map_err(|_| Damaged)
    }

    /// `entry.tag` of a name.
    pub fn tag(self, name: &str) -> [u8; 32] {
        let folded = Zeroizing::new(normalised(name));
        hmac_sha256(self.keys.index.expose(), &[folded.as_bytes()])
    }

    /// The index entry of an item.
    pub fn seal_entry(self, id: RecordId, revision: u64, name: &str) -> Result<Entry, RandomError> {
        self.seal_tagged(self.tag(name), id, revision, name)
    }

    /// The same with the tag that the name has.
    pub fn seal_tagged(self, tag: [u8; 32], id: RecordId, revision: u64, name: &str) -> Result<Entry, RandomError> {
        let aad: [&[u8]; 4] = [b"twinlock/1 entry", self.vault_id, &self.epoch.to_be_bytes(), &id];
        let content = Zeroizing::new([&revision.to_be_bytes(), name.as_bytes()].concat());
        let sealed = seal_padded(self.keys.entry.expose(), &aad, &content)?;
        Ok(Entry { tag, id, sealed })
    }

    /// Revision and name of an index entry.
    pub fn open_entry(self, entry: &Entry) -> Result<(u64, Zeroizing<String>), Damaged> {
        let aad: [&[u8]; 4] = [b"twinlock/1 entry", self.vault_id, &self.epoch.to_be_bytes(), &entry.id];
        let content = open_padded(self.keys.entry.expose(), &aad, &entry.sealed).map_err(|_| Damaged)?;
        let (revision, name) = content.split_first_chunk::<8>().ok_or(Damaged)?;
        let name = std::str::from_utf8(name).map_err(|_| Damaged)?;
        if self.tag(name) != entry.tag {
            return Err(Damaged);
        }
        Ok((u64::from_be_bytes(*revision), Zeroizing::new(name.to_owned())))
    }

    /// Makes leaves of the record set.
    pub fn leaves(self) -> Leaves {
        Leaves::new(&self.keys.set)
    }

    /// The manifest as it lies in the store, bound to the header's tag.
    pub fn seal_manifest(self, header_tag: &[u8; 32], manifest: &Manifest) -> Result<Vec<u8>, RandomError> {
        let aad: [&[u8]; 3] = [b"twinlock/1 manifest", self.vault_id, header_tag];
        let Manifest { sequence, count, set, past } = manifest;
        let content = [&sequence.to_be_bytes()[..], &count.to_be_bytes(), set, past.as_bytes()].concat();
        seal(self.keys.manifest.expose(), &aad, &content)
    }

    /// Opens what [`Sealer::seal_manifest`] made for this header.
    pub fn open_manifest(self, header_tag: &[u8; 32], sealed: &[u8]) -> Result<Manifest, Damaged> {
        let aad: [&[u8]; 3] = [b"twinlock/1 manifest", self.vault_id, header_tag];
        let content = open(self.keys.manifest.expose(), &aad, sealed).map_err(|_| Damaged)?;
        let (sequence, rest) = content.split_first_chunk::<8>().ok_or(Damaged)?;
        let (count, rest) = rest.split_first_chunk::<8>().ok_or(Damaged)?;
        let (set, past) = rest.split_first_chunk::<32>().ok_or(Damaged)?;
        let bounded = |bytes| Some(u64::from_be_bytes(bytes)).filter(|n| *n < LIMIT).ok_or(Damaged);
        let sequence = bounded(*sequence)?;
        Ok(Manifest { sequence, count: bounded(*count)?, set: *set, past: Past::from_bytes(past, sequence)? })
    }
}

/// What the vault's keys say of the set of records.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Manifest {
    /// Counts writes of anything.
    pub sequence: u64,
    /// Number of records.
    pub count: u64,
    /// XOR of the leaves.
    pub set: [u8; 32],
    /// What it tells of the states before.
    pub past: Past,
}

impl Manifest {
    /// The manifest of the next write, so far with the same records; `sealed` is this one as it lies in the store.
    pub(super) fn next(&self, sealed: &[u8]) -> Result<Self, VaultError> {
        Ok(Self { sequence: next_in_manifest(self.sequence)?, past: self.past.after(sealed), ..*self })
    }

    /// The same without records.
    pub(super) fn emptied(self) -> Self {
        Self { count: 0, set: [0; 32], ..self }
    }

    /// Its state and those before it; `sealed` is it as it lies in the store.
    pub(super) fn line(&self, sealed: &[u8]) -> Line {
        Line::new(self.sequence, &sha256(&[sealed]), self.past.clone())
    }

    /// Adds or removes a leaf; both are the same XOR.
    pub fn toggle(&mut self, leaf: &[u8; 32]) {
        self.set.iter_mut().zip(leaf).for_each(|(set, leaf)| *set ^= leaf);
    }
}

/// Why an item was not sealed.
#[derive(Debug)]
pub enum SealError {
    /// It is no item.
    Item(ItemError),
    /// No randomness.
    Random,
}

impl From<ItemError> for SealError {
    fn from(error: ItemError) -> Self {
        Self::Item(error)
    }
}

impl From<RandomError> for SealError {
    fn from(_: RandomError) -> Self {
        Self::Random
    }
}

impl From<SealError> for super::VaultError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Item(error) => Self::Item(error),
            SealError::Random => Self::Random,
        }
    }
}

impl Record {
    /// The record without owning its bytes.
    pub fn as_ref(&self) -> RecordRef<'_> {
        RecordRef { id: self.id, epoch: self.epoch, revision: self.revision, sealed: &self.sealed }
    }
}
