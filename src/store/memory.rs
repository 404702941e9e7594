//! A vault in memory: the double of `sqlite` for tests. It keeps nothing, and it does not wait: a second writer is `Busy` at
//! once, and a snapshot hinders nobody.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Entry, Meta, Read, Record, RecordId, RecordRef, Store, StoreError, Transaction};

/// Everything that a vault holds; public, so that tests can alter it as an attacker would.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Contents {
    /// The header text.
    pub header: Option<Vec<u8>>,
    /// The sealed manifest.
    pub manifest: Option<Vec<u8>>,
    /// By id.
    pub records: BTreeMap<RecordId, Record>,
    /// Sealed names by tag and id.
    pub entries: BTreeMap<([u8; 32], RecordId), Vec<u8>>,
}

impl Contents {
    /// A vault out of its parts; of two records or entries of the same key the later stays.
    pub fn new(
        header: &[u8],
        manifest: &[u8],
        records: impl IntoIterator<Item = Record>,
        entries: impl IntoIterator<Item = Entry>,
    ) -> Self {
        Self {
            header: Some(header.to_vec()),
            manifest: Some(manifest.to_vec()),
            records: records.into_iter().map(|record| (record.id, record)).collect(),
            entries: entries.into_iter().map(|entry| ((entry.tag, entry.id), entry.sealed)).collect(),
        }
    }

    /// All that a store holds, for comparing before and after.
    pub fn of(store: &mut dyn Store) -> Result<Self, StoreError> {
        let snapshot = store.snapshot()?;
        let mut all =
            Self { header: snapshot.meta(Meta::Header)?, manifest: snapshot.meta(Meta::Manifest)?, ..Self::default() };
        snapshot.each_record(&mut |RecordRef { id, epoch, revision, sealed }| {
            all.records.insert(id, Record { id, epoch, revision, sealed: sealed.to_vec() });
            ControlFlow::Continue(())
        })?;
        snapshot.each_entry(&mut |entry| {
            all.entries.insert((entry.tag, entry.id), entry.sealed);
            ControlFlow::Continue(())
        })?;
        Ok(all)
    }
}

#[derive(Default)]
struct Shared {
    contents: Contents,
    writing: bool,
}

/// A vault in memory. Clones are further handles on the same vault, as several processes would have on a file.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Shared>>);

impl MemoryStore {
    /// A store that holds `contents`.
    pub fn new(contents: Contents) -> Self {
        Self(Arc::new(Mutex::new(Shared { contents, writing: false })))
    }

    /// A copy of what it holds.
    pub fn contents(&self) -> Contents {
        self.lock().contents.clone()
    }

    /// Puts other contents in place, past all transactions: what an attacker or a restored backup does.
    pub fn replace(&self, contents: Contents) {
        self.lock().contents = contents;
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // A test that panicked elsewhere has left whole contents: they are only ever replaced at once.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn snapshot(&mut self) -> Result<Box<dyn Read + '_>, StoreError> {
        Ok(Box::new(self.contents()))
    }

    fn begin(&mut self) -> Result<Box<dyn Transaction + '_>, StoreError> {
        let mut shared = self.lock();
        if std::mem::replace(&mut shared.writing, true) {
            return Err(StoreError::Busy);
        }
        let work = shared.contents.clone();
        drop(shared);
        Ok(Box::new(Writing { store: self, work }))
    }
}

impl Read for Contents {
    fn meta(&self, which: Meta) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(match which {
            Meta::Header => self.header.clone(),
            Meta::Manifest => self.manifest.clone(),
        })
    }

    fn record(&self, id: &RecordId) -> Result<Option<Record>, StoreError> {
        Ok(self.records.get(id).cloned())
    }

    fn entries(&self, tag: &[u8; 32]) -> Result<Vec<Entry>, StoreError> {
        let of_tag = self.entries.range((*tag, [0; 16])..=(*tag, [0xff; 16]));
        Ok(of_tag.map(|((tag, id), sealed)| Entry { tag: *tag, id: *id, sealed: sealed.clone() }).collect())
    }

    fn each_record(&self, visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>) -> Result<(), StoreError> {
        for Record { id, epoch, revision, sealed } in self.records.values() {
            if visit(RecordRef { id: *id, epoch: *epoch, revision: *revision, sealed }).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn each_entry(&self, visit: &mut dyn FnMut(Entry) -> ControlFlow<()>) -> Result<(), StoreError> {
        for ((tag, id), sealed) in &self.entries {
            if visit(Entry { tag: *tag, id: *id, sealed: sealed.clone() }).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Works on a copy.
struct Writing<'a> {
    store: &'a MemoryStore,
    work: Contents,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.store.lock().writing = false;
    }
}

impl Read for Writing<'_> {
    fn meta(&self, which: Meta) -> Result<Option<Vec<u8>>, StoreError> {
        self.work.meta(which)
    }

    fn record(&self, id: &RecordId) -> Result<Option<Record>, StoreError> {
        self.work.record(id)
    }

    fn entries(&self, tag: &[u8; 32]) -> Result<Vec<Entry>, StoreError> {
        self.work.entries(tag)
    }

    fn each_record(&self, visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>) -> Result<(), StoreError> {
        self.work.each_record(visit)
    }

    fn each_entry(&self, visit: &mut dyn FnMut(Entry) -> ControlFlow<()>) -> Result<(), StoreError> {
        self.work.each_entry(visit)
    }
}

impl Transaction for Writing<'_> {
    fn put_meta(&mut self, which: Meta, value: &[u8]) -> Result<(), StoreError> {
        let place = match which {
            Meta::Header => &mut self.work.header,
            Meta::Manifest => &mut self.work.manifest,
        };
        *place = Some(value.to_vec());
        Ok(())
    }

    fn put_record(&mut self, record: &Record) -> Result<(), StoreError> {
        super::sqlite::integer("epoch", record.epoch)?;
        super::sqlite::integer("revision", record.revision)?;
        self.work.records.insert(record.id, record.clone());
        Ok(())
    }

    fn delete_record(&mut self, id: &RecordId) -> Result<bool, StoreError> {
        Ok(self.work.records.remove(id).is_some())
    }

    fn put_entry(&mut self, entry: &Entry) -> Result<(), StoreError> {
        self.work.entries.insert((entry.tag, entry.id), entry.sealed.clone());
        Ok(())
    }

    fn delete_entry(&mut self, tag: &[u8; 32], id: &RecordId) -> Result<bool, StoreError> {
        Ok(self.work.entries.remove(&(*tag, *id)).is_some())
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        self.work.records.clear();
        self.work.entries.clear();
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        self.store.lock().contents = std::mem::take(&mut self.work);
        Ok(())
    }
}
