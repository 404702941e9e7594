//! The set of records: what of each record goes into it, and its XOR. Spec 6.4.

use super::record::{Damaged, Manifest};
use crate::crypto::HmacKey;
use crate::crypto::aead::{NONCE, TAG};
use crate::secret::SetKey;
use crate::store::{Read, RecordRef, StoreError};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

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

    /// Takes in what another thread has counted.
    fn join(&mut self, other: &Self) {
        self.sum.toggle(&other.sum.set);
        self.sum.count += other.sum.count;
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
    work: Arc<Work>,
    damaged: bool,
    stamp: u64,
    other: Option<JoinHandle<Tally>>,
}

/// The leaves to be made, by whichever thread has time: the first one is busy with the header when their key is there.
struct Work {
    all: Vec<Essence>,
    /// The next share that nobody has taken.
    next: AtomicUsize,
}

/// So many leaves are made at a time, about 40 microseconds.
const SHARE: usize = 256;
/// For so many leaves another thread is worth its start.
const WORTH_A_THREAD: usize = 2048;

impl Work {
    /// What the leaves come to that this thread gets to make, until none is left.
    fn share(&self, leaves: &Leaves) -> Tally {
        let mut tally = Tally::default();
        while let Some(part) = self.all.chunks(SHARE).nth(self.next.fetch_add(1, Ordering::Relaxed)) {
            for essence in part {
                tally.add(leaves, essence);
            }
        }
        tally
    }
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
        let (mut all, mut damaged, mut left) = (Vec::new(), false, Some(bytes));
        read.each_record(&mut |record| {
            match essence(record) {
                Ok(essence) => all.push(essence),
                Err(Damaged) => damaged = true,
            }
            left = left.and_then(|left| left.checked_sub(record.sealed.len())).filter(|_| all.len() <= records);
            if left.is_some() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        let work = Arc::new(Work { all, next: AtomicUsize::new(0) });
        Ok(left.map(|_| Self { work, damaged, stamp, other: None }))
    }

    /// Has another thread begin with the leaves, now that their key is there. Where they are not wanted after all, it ends by itself.
    pub fn begin(&mut self, leaves: Leaves) {
        if self.work.all.len() >= WORTH_A_THREAD {
            let work = self.work.clone();
            // Without it this thread makes them all.
            self.other = std::thread::Builder::new().spawn(move || work.share(&leaves)).ok();
        }
    }

    /// What the set comes to, if nobody has written since.
    pub fn still(self, read: &dyn Read, leaves: &Leaves) -> Result<Option<Tally>, StoreError> {
        if read.stamp()? != Some(self.stamp) {
            return Ok(None);
        }
        let mut tally = self.work.share(leaves);
        tally.damaged = self.damaged;
        if let Some(other) = self.other {
            tally.join(&other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        Ok(Some(tally))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::store::{Record, Store};

    #[test]
    fn two_threads_count_each_record_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = crate::store::sqlite::SqliteStore::create(&folder.path().join("v"), b"h", b"m").unwrap();
        let mut tx = store.begin().unwrap();
        for number in 0..u32::try_from(2 * WORTH_A_THREAD + 7).unwrap() {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&number.to_be_bytes());
            tx.put_record(&Record { id, epoch: 1, revision: 1, sealed: vec![7; 50] }).unwrap();
        }
        tx.commit().unwrap();
        let leaves = || Leaves::new(&SetKey::new(crate::secret::zeros32()));
        let read = store.snapshot().unwrap();
        let alone = Tally::read(read.as_ref(), &leaves(), &mut |_| ()).unwrap();
        let mut ahead = Ahead::read(read.as_ref()).unwrap().unwrap();
        ahead.begin(leaves());
        assert!(ahead.other.is_some());
        let both = ahead.still(read.as_ref(), &leaves()).unwrap().unwrap();
        assert_eq!((both.sum.count, both.sum.set), (alone.sum.count, alone.sum.set));
        assert_eq!(both.count(), 2 * WORTH_A_THREAD as u64 + 7);
    }

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
