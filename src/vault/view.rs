//! Looking at the file: header, manifest and record set, accepted only if the keys vouch for them. Spec 4.1, 6.4.

use super::past::Line;
use super::record::{Damaged, Manifest, Sealer};
use super::set::{Ahead, Tally};
use super::{Altered, VaultError};
use crate::header::{Header, HeaderError, Unverified, Verified};
use crate::secret::AccountKey;
use crate::store::{Entry, Meta, Read, RecordId, RecordRef};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// What was last seen and found right.
pub(super) struct State {
    pub verified: Verified,
    pub manifest: Manifest,
    text: Vec<u8>,
    sealed_manifest: Vec<u8>,
}

impl State {
    /// Checks header and manifest.
    pub fn read(read: &dyn Read, account_key: &AccountKey) -> Result<Self, VaultError> {
        let text = read.meta(Meta::Header)?.ok_or(VaultError::Manifest)?;
        let sealed_manifest = read.meta(Meta::Manifest)?.ok_or(VaultError::Manifest)?;
        let verified = Unverified::parse(&text)?.verify(account_key)?;
        let sealer = Sealer::new(&verified.keys, &verified.header.vault_id, verified.header.epoch);
        let manifest = sealer.open_manifest(&verified.tag, &sealed_manifest).map_err(|_| VaultError::Manifest)?;
        Ok(Self { verified, manifest, text, sealed_manifest })
    }

    /// The same again, if another process has written meanwhile.
    pub fn refresh(&mut self, read: &dyn Read, account_key: &AccountKey) -> Result<(), VaultError> {
        let same = |which, old: &Vec<u8>| Ok::<_, VaultError>(read.meta(which)?.as_ref() == Some(old));
        if !same(Meta::Header, &self.text)? || !same(Meta::Manifest, &self.sealed_manifest)? {
            let now = match Self::read(read, account_key) {
                Err(VaultError::Header(HeaderError::Tag)) => {
                    return Err(other_account_key(read, &self.verified.header)?);
                }
                now => now?,
            };
            // Whoever was allowed to go on with a file may not have it exchanged for an older one, or for another copy, behind a prompt.
            if now.manifest.sequence < self.manifest.sequence {
                return Err(VaultError::WentBack);
            }
            match now.line().parted(&self.line()) {
                Some(false) => {}
                Some(true) => return Err(VaultError::WentAstray),
                // The next command tells what it can of that, and asks.
                None => return Err(VaultError::WentFar),
            }
            *self = now;
        }
        Ok(())
    }

    /// The header text as it lies in the store.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The manifest as it lies in the store.
    pub fn sealed_manifest(&self) -> &[u8] {
        &self.sealed_manifest
    }

    /// This state and those that it tells of.
    pub fn line(&self) -> Line {
        self.manifest.line(&self.sealed_manifest)
    }

    /// The manifest of the next write, so far with the same records.
    pub fn next(&self) -> Result<Manifest, VaultError> {
        self.manifest.next(&self.sealed_manifest)
    }

    pub fn sealer(&self) -> Sealer<'_> {
        let Verified { keys, header, .. } = &self.verified;
        Sealer::new(keys, &header.vault_id, header.epoch)
    }

    /// Walks over all records once, and compares their set with the manifest. `visit` sees each record on the way.
    pub fn walk(&self, read: &dyn Read, visit: &mut dyn FnMut(RecordRef<'_>)) -> Result<(), VaultError> {
        let tally = Tally::read(read, &self.sealer().leaves(), visit)?;
        self.check(read, &tally)
    }

    /// Compares the set only, as every write does first; `ahead`, if it was read already.
    pub fn check_set(&self, read: &dyn Read, ahead: Option<Ahead>) -> Result<(), VaultError> {
        match ahead.map_or(Ok(None), |ahead| ahead.still(read, &self.sealer().leaves()))? {
            Some(tally) => self.check(read, &tally),
            None => self.walk(read, &mut |_| ()),
        }
    }

    fn check(&self, read: &dyn Read, tally: &Tally) -> Result<(), VaultError> {
        if tally.fits(&self.manifest) {
            return Ok(());
        }
        Err(VaultError::Altered(Box::new(self.explain(read, tally.count())?)))
    }

    /// The slow way, once something is wrong: index entries know name and revision of every item, so most changes can be named.
    fn explain(&self, read: &dyn Read, count: u64) -> Result<Altered, VaultError> {
        let sealer = self.sealer();
        let mut entries: HashMap<RecordId, (u64, String)> = HashMap::new();
        read.each_entry(&mut |entry: Entry| {
            if let Ok((revision, name)) = sealer.open_entry(&entry) {
                entries.insert(entry.id, (revision, name.to_string()));
            }
            ControlFlow::Continue(())
        })?;
        let epoch = self.verified.header.epoch;
        let mut altered = Altered { epoch, count: (self.manifest.count, count), ..Altered::default() };
        read.each_record(&mut |record| {
            match (entries.remove(&record.id), sealer.open_record(record)) {
                (Some((revision, _)), Ok(_)) if revision == record.revision => {}
                (Some((_, name)), Ok(_)) => altered.replaced.push(name),
                (None, Ok(item)) => altered.put_back.push(item.name),
                (known, Err(Damaged)) => altered.does_not_open(record, known.map(|(_, name)| name)),
            }
            ControlFlow::Continue(())
        })?;
        altered.deleted = entries.into_values().map(|(_, name)| name).collect();
        altered.deleted.sort();
        Ok(altered)
    }
}

/// Why the header is under another account key than it was then. What it says of itself is not verified, and decides nothing but the words.
pub(super) fn other_account_key(read: &dyn Read, then: &Header) -> Result<VaultError, VaultError> {
    let text = read.meta(Meta::Header)?.ok_or(VaultError::Manifest)?;
    let now = Unverified::parse(&text)?;
    let rotated = now.header().vault_id == then.vault_id && now.header().epoch > then.epoch;
    Ok(if rotated { VaultError::Rotated } else { VaultError::Header(HeaderError::Tag) })
}
