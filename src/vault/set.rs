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

/// The set as the file has it. No key is needed to read it.
#[derive(Default)]
pub(super) struct Set {
    all: Vec<Essence>,
    damaged: bool,
}

impl Set {
    /// Reads every record; `visit` sees each on the way.
    pub fn read(read: &dyn Read, visit: &mut dyn FnMut(RecordRef<'_>)) -> Result<Self, StoreError> {
        let mut set = Self::default();
        read.each_record(&mut |record| {
            match essence(record) {
                Ok(essence) => set.all.push(essence),
                Err(Damaged) => set.damaged = true,
            }
            visit(record);
            ControlFlow::Continue(())
        })?;
        Ok(set)
    }

    /// Whether it is the set that the manifest vouches for.
    pub fn fits(&self, leaves: &Leaves, manifest: &Manifest) -> bool {
        let mut sum = Manifest::default();
        for essence in &self.all {
            sum.toggle(&leaves.0.tag(&[essence]));
        }
        !self.damaged && self.count() == manifest.count && sum.set == manifest.set
    }

    /// Records in it, but for those too short to be any.
    pub fn count(&self) -> u64 {
        self.all.len() as u64
    }
}

/// The set as it was read while a token was being waited for, for the check that comes before a write.
///
/// That moment is earlier than the write, which changes nothing of what is found: the manifest after a write is made from the one before and
/// the change itself, never from what lies in the file, so that what is altered in between does not fit it, and is found by the next look.
pub(super) struct Ahead {
    set: Set,
    stamp: u64,
}

impl Ahead {
    /// Reads it now, where the store can tell later whether another process has written since.
    pub fn read(read: &dyn Read) -> Result<Option<Self>, StoreError> {
        let Some(stamp) = read.stamp()? else { return Ok(None) };
        Ok(Some(Self { set: Set::read(read, &mut |_| ())?, stamp }))
    }

    /// The set, if nobody has written since.
    pub fn still(self, read: &dyn Read) -> Result<Option<Set>, StoreError> {
        Ok((read.stamp()? == Some(self.stamp)).then_some(self.set))
    }
}
