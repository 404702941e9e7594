//! Any store, made to fail at a chosen step, so that a test can go through all of them.
//!
//! Each call of the traits is one step, `commit` is two: failing at the first, nothing has happened; failing at the second, all
//! has happened and the caller is told otherwise, as after a power cut whose answer was lost.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Entry, Looks, Meta, Read, Record, RecordId, RecordRef, Store, StoreError, Transaction};

/// The step counter and the plan; clones share both, so that a test keeps one while a vault owns the store.
#[derive(Clone, Default)]
pub struct Faults(Arc<Plan>);

/// The step to fail at, and how.
type Fault = (usize, fn() -> StoreError);

#[derive(Default)]
struct Plan {
    steps: AtomicUsize,
    fault: Mutex<Option<Fault>>,
}

impl Faults {
    /// From now on counts steps from 0 and fails at step `step`, once.
    pub fn fail_at(&self, step: usize, error: fn() -> StoreError) {
        self.set(Some((step, error)));
    }

    /// From now on counts steps from 0 and fails nowhere.
    pub fn never(&self) {
        self.set(None);
    }

    /// Steps since the last `fail_at` or `never`.
    pub fn steps(&self) -> usize {
        self.0.steps.load(Relaxed)
    }

    fn set(&self, fault: Option<Fault>) {
        *self.0.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        self.0.steps.store(0, Relaxed);
    }

    fn step(&self) -> Result<(), StoreError> {
        let now = self.0.steps.fetch_add(1, Relaxed);
        match *self.0.fault.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((step, error)) if step == now => Err(error()),
            _ => Ok(()),
        }
    }
}

/// A store under a plan of faults.
pub struct Faulty<S> {
    inner: S,
    faults: Faults,
}

impl<S: Store> Faulty<S> {
    /// Puts `inner` under the plan.
    pub fn new(inner: S, faults: Faults) -> Self {
        Self { inner, faults }
    }
}

impl<S: Store> Store for Faulty<S> {
    fn snapshot(&mut self) -> Result<Box<dyn Read + '_>, StoreError> {
        self.faults.step()?;
        Ok(Box::new(Within { inner: self.inner.snapshot()?, faults: &self.faults }))
    }

    fn begin(&mut self) -> Result<Box<dyn Transaction + '_>, StoreError> {
        self.faults.step()?;
        Ok(Box::new(Within { inner: self.inner.begin()?, faults: &self.faults }))
    }

    fn check_room(&self) -> Result<(), StoreError> {
        self.faults.step()?;
        self.inner.check_room()
    }
}

/// A snapshot or a transaction under the plan.
struct Within<'a, T: ?Sized> {
    inner: Box<T>,
    faults: &'a Faults,
}

impl<T: Read + ?Sized> Read for Within<'_, T> {
    fn meta(&self, which: Meta) -> Result<Option<Vec<u8>>, StoreError> {
        self.faults.step()?;
        self.inner.meta(which)
    }

    fn record(&self, id: &RecordId) -> Result<Option<Record>, StoreError> {
        self.faults.step()?;
        self.inner.record(id)
    }

    fn entries(&self, tag: &[u8; 32]) -> Result<Vec<Entry>, StoreError> {
        self.faults.step()?;
        self.inner.entries(tag)
    }

    fn each_record(&self, visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>) -> Result<(), StoreError> {
        self.faults.step()?;
        self.inner.each_record(visit)
    }

    fn each_entry(&self, visit: &mut dyn FnMut(Entry) -> ControlFlow<()>) -> Result<(), StoreError> {
        self.faults.step()?;
        self.inner.each_entry(visit)
    }

    fn stamp(&self) -> Result<Option<u64>, StoreError> {
        self.faults.step()?;
        self.inner.stamp()
    }

    fn looks(&self) -> Option<Looks> {
        self.inner.looks()
    }
}

impl<T: Transaction + ?Sized> Transaction for Within<'_, T> {
    fn put_meta(&mut self, which: Meta, value: &[u8]) -> Result<(), StoreError> {
        self.faults.step()?;
        self.inner.put_meta(which, value)
    }

    fn put_record(&mut self, record: &Record) -> Result<(), StoreError> {
        self.faults.step()?;
        self.inner.put_record(record)
    }

    fn delete_record(&mut self, id: &RecordId) -> Result<bool, StoreError> {
        self.faults.step()?;
        self.inner.delete_record(id)
    }

    fn put_entry(&mut self, entry: &Entry) -> Result<(), StoreError> {
        self.faults.step()?;
        self.inner.put_entry(entry)
    }

    fn delete_entry(&mut self, tag: &[u8; 32], id: &RecordId) -> Result<bool, StoreError> {
        self.faults.step()?;
        self.inner.delete_entry(tag, id)
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        self.faults.step()?;
        self.inner.clear()
    }

    fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.faults.step()?;
        self.inner.commit()?;
        self.faults.step()
    }
}
