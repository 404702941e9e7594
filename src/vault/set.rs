//! The set of records: what of each record goes into it, and its XOR. Spec 6.4.

use super::record::{Damaged, Manifest};
use crate::crypto::HmacKey;
use crate::crypto::aead::{NONCE, TAG};
use crate::secret::SetKey;
use crate::store::{Read, RecordRef, StoreError};
use std::ops::ControlFlow;

/// What a leaf is made of, 72 bytes: id, epoch, revision, nonce, tag.
pub(super) type Essence = [u8; 16 + 8 + 8 + NONCE + TAG];

/// Makes leaves of the record set.
pub(super) struct Leaves(HmacKey);

impl Leaves {
    pub fn new(key: &SetKey) -> Self {
        Self(HmacKey::new(key.expose()))
    }

    /// The leaf of a record, 32 bytes; a record too short to be sealed has none.
    pub fn of(&self, record: RecordRef<'_>) -> Result<[u8; 32], Damaged> {
        Ok(self.0.tag(&[&essence(record)?]))
    }
}

/// What of a record goes into its leaf.
fn essence(record: RecordRef<'_>) -> Result<Essence, Damaged> {
    let nonce = record.sealed.get(..NONCE).ok_or(Damaged)?;
    let tag = record.sealed.len().checked_sub(TAG).filter(|at| *at >= NONCE).ok_or(Damaged)?;
    let (epoch, revision) = (record.epoch.to_be_bytes(), record.revision.to_be_bytes());
    let parts: [&[u8]; 5] = [&record.id, &epoch, &revision, nonce, &record.sealed[tag..]];
    let mut essence = [0; size_of::<Essence>()];
    let mut rest = &mut essence[..];
    for part in parts {
        let (here, after) = rest.split_at_mut(part.len());
        here.copy_from_slice(part);
        rest = after;
    }
    Ok(essence)
}

/// What a set comes to, beside what the manifest says of it.
#[derive(Default)]
pub(super) struct Tally {
    sum: Manifest,
    damaged: bool,
}

impl Tally {
    /// Goes over every record; `visit` sees each on the way.
    pub fn read(read: &dyn Read, leaves: &Leaves, visit: &mut dyn FnMut(RecordRef<'_>)) -> Result<Self, StoreError> {
        let mut tally = Self::default();
        read.each_record(&mut |record| {
            match essence(record) {
                Ok(essence) => tally.add(leaves, &essence),
                Err(Damaged) => tally.damaged = true,
            }
            visit(record);
            ControlFlow::Continue(())
        })?;
        Ok(tally)
    }

    fn add(&mut self, leaves: &Leaves, essence: &Essence) {
        self.sum.toggle(&leaves.0.tag(&[essence]));
        self.sum.count += 1;
    }

    /// Whether it is the set that the manifest vouches for.
    pub fn fits(&self, manifest: &Manifest) -> bool {
        !self.damaged && self.count() == manifest.count && self.sum.set == manifest.set
    }

    /// Records in it, but for those too short to be any.
    pub fn count(&self) -> u64 {
        self.sum.count
    }
}

/// The set as it was read while a token was being waited for, for the check that comes before a write.
///
/// That moment is earlier than the write. What is altered in between, behind SQLite's back, is either told by the store (`Store::begin`) or
/// found by the next look: a write changes the manifest and the file by the same leaves, so that what did not fit before does not fit after.
pub(super) struct Ahead {
    all: Vec<Essence>,
    damaged: bool,
    stamp: u64,
}

/// As much as is read of a file before anybody has shown a key to it: records, and bytes of them. A larger vault is read when it is open.
const MAX_AHEAD: (usize, usize) = (200_000, 256 << 20);

impl Ahead {
    /// Reads it now, where the store can tell later whether another process has written since, and where it is not too large.
    pub fn read(read: &dyn Read) -> Result<Option<Self>, StoreError> {
        Self::read_up_to(read, MAX_AHEAD)
    }

    fn read_up_to(read: &dyn Read, (records, bytes): (usize, usize)) -> Result<Option<Self>, StoreError> {
        let Some(stamp) = read.stamp()? else { return Ok(None) };
        let (mut ahead, mut left) = (Self { all: Vec::new(), damaged: false, stamp }, Some(bytes));
        read.each_record(&mut |record| {
            match essence(record) {
                Ok(essence) => ahead.all.push(essence),
                Err(Damaged) => ahead.damaged = true,
            }
            left = left.and_then(|left| left.checked_sub(record.sealed.len())).filter(|_| ahead.all.len() <= records);
            if left.is_some() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(left.map(|_| ahead))
    }

    /// What the set comes to, if nobody has written since.
    pub fn still(self, read: &dyn Read, leaves: &Leaves) -> Result<Option<Tally>, StoreError> {
        if read.stamp()? != Some(self.stamp) {
            return Ok(None);
        }
        let mut tally = Tally { damaged: self.damaged, ..Tally::default() };
        self.all.iter().for_each(|essence| tally.add(leaves, essence));
        Ok(Some(tally))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::store::{Record, Store};

    #[test]
    fn a_large_file_is_not_read_ahead() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = crate::store::sqlite::SqliteStore::create(&folder.path().join("v"), b"h", b"m").unwrap();
        let mut tx = store.begin().unwrap();
        for id in 0..4 {
            tx.put_record(&Record { id: [id; 16], epoch: 1, revision: 1, sealed: vec![id; 50] }).unwrap();
        }
        tx.commit().unwrap();
        let mut ahead = |limits| Ahead::read_up_to(store.snapshot().unwrap().as_ref(), limits).unwrap().is_some();
        assert_eq!([(4, 200), (3, 200), (4, 199)].map(&mut ahead), [true, false, false]);
        assert!(Ahead::read(MemoryStore::default().snapshot().unwrap().as_ref()).unwrap().is_none(), "it has no stamp");
    }
}
