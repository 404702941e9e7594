//! A rotation: every item sealed anew under a new account key, in one transaction of the store.
//!
//! The transaction is the journal. Whatever stops it, a kill or a power cut or a full disk, the next one to open the file finds the old vault
//! whole, and the rotation is begun again. Before the switch everything that was written is read back with the new keys and compared with
//! what the old keys gave; before anything is written, everything old has been read and found right.

use super::record::{Damaged, Manifest};
use super::verify::{Names, check_index, whole};
use super::view::State;
use super::{Rotation, Vault, VaultError, fingerprint};
use crate::crypto::{HmacKey, random_secret};
use crate::store::{Meta, Read, Record, RecordId};
use std::ops::ControlFlow;

/// Progress is told this often, in items.
const OFTEN: u64 = 64;

/// What a rotation is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Opening with the old keys, sealing with the new.
    Sealing,
    /// Writing records and index.
    Writing,
    /// Reading back.
    Reading,
}

/// How far a rotation is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What it does.
    pub stage: Stage,
    /// Items of this stage.
    pub done: u64,
    /// Items in all.
    pub total: u64,
}

/// What a rotation did.
#[derive(Debug, PartialEq, Eq)]
pub struct Rotated {
    /// Items sealed anew.
    pub items: u64,
    /// Counts account keys.
    pub epoch: u64,
}

/// What the owner sees of a set of records, as one value: each item by id, revision and every byte of its JSON.
#[derive(PartialEq, Eq)]
struct Sum {
    count: u64,
    sum: [u8; 32],
}

/// Sums records up. The key is random and forgotten, so nobody can make two sets of one sum, and the XOR tells nothing.
struct Summing {
    key: HmacKey,
}

impl Summing {
    fn new() -> Result<Self, VaultError> {
        Ok(Self { key: HmacKey::new(&**random_secret()?) })
    }

    fn add(&self, sum: &mut Sum, id: &RecordId, revision: u64, json: &[u8]) {
        let tag = self.key.tag(&[id, &revision.to_be_bytes(), json]);
        sum.sum.iter_mut().zip(tag).for_each(|(sum, tag)| *sum ^= tag);
        sum.count += 1;
    }
}

/// The new records, and what the new index is made of.
struct Staged {
    records: Vec<Record>,
    names: Names,
    sum: Sum,
}

/// Tells of progress, and remembers that it is to stop.
struct Telling<'a> {
    tell: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
    progress: Progress,
    stopped: bool,
}

impl Telling<'_> {
    fn begin(&mut self, stage: Stage) -> Result<(), VaultError> {
        self.progress = Progress { stage, done: 0, ..self.progress };
        self.told()
    }

    /// One item more. False: it is to stop.
    fn step(&mut self) -> bool {
        self.progress.done += 1;
        if self.progress.done.is_multiple_of(OFTEN) && !self.stopped {
            self.stopped = (self.tell)(self.progress).is_break();
        }
        !self.stopped
    }

    fn told(&mut self) -> Result<(), VaultError> {
        self.stopped |= (self.tell)(self.progress).is_break();
        if self.stopped { Err(VaultError::Stopped) } else { Ok(()) }
    }
}

impl Vault {
    /// Whether everything could be written anew here, before a person is asked for anything.
    pub fn check_room(&self) -> Result<(), VaultError> {
        Ok(self.store.check_room()?)
    }

    /// Seals everything anew. `tell` hears of the progress, and may stop it, until it is made to last.
    pub fn rotate(
        &mut self,
        rotation: Rotation,
        tell: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Rotated, VaultError> {
        let mut tx = self.store.begin()?;
        self.state.refresh(tx.as_ref(), &self.account_key)?;
        if self.state.text() != rotation.from {
            return Err(VaultError::HeaderChanged);
        }
        let old = fingerprint(&self.account_key, &self.state.verified.header.vault_id);
        let total = self.state.manifest.count;
        let progress = Progress { stage: Stage::Sealing, done: 0, total };
        let mut telling = Telling { tell, progress, stopped: false };
        let summing = Summing::new()?;
        let (staged, manifest) = stage(tx.as_ref(), &self.state, &rotation, &summing, &mut telling)?;

        telling.begin(Stage::Writing)?;
        tx.clear()?;
        let new = rotation.sealer();
        for record in staged.records {
            tx.put_record(&record)?;
            if !telling.step() {
                return Err(VaultError::Stopped);
            }
        }
        let mut tags: Vec<_> = staged.names.iter().map(|(id, (_, name))| (new.tag(name), id)).collect();
        // In the order of the tags each page of the table is written once.
        tags.sort_unstable();
        for (tag, id) in tags {
            let (revision, name) = &staged.names[id];
            tx.put_entry(&new.seal_tagged(tag, *id, *revision, name)?)?;
        }
        tx.put_meta(Meta::Header, &rotation.text)?;
        tx.put_meta(Meta::Manifest, &new.seal_manifest(&rotation.verified.tag, &manifest)?)?;

        telling.begin(Stage::Reading)?;
        let fresh = State::read(tx.as_ref(), &rotation.account_key)?;
        let mut read_back = Sum { count: 0, sum: [0; 32] };
        let mut damaged = false;
        fresh
            .walk(tx.as_ref(), &mut |record| {
                if !telling.step() {
                    return;
                }
                match fresh.sealer().open_json(record) {
                    Ok(json) => summing.add(&mut read_back, &record.id, record.revision, &json),
                    Err(Damaged) => damaged = true,
                }
            })
            .map_err(read_back_wrong)?;
        telling.told()?;
        check_index(tx.as_ref(), &fresh, &staged.names).map_err(read_back_wrong)?;
        if damaged
            || read_back != staged.sum
            || read_back.count != total
            || fresh.verified.header != rotation.verified.header
        {
            return Err(VaultError::ReadBack);
        }
        telling.told()?;

        let (state, account_key) = (fresh, rotation.account_key);
        let epoch = state.verified.header.epoch;
        if let Some(watch) = &mut self.watch {
            // Before it lasts: if this program is killed right afterwards, the new account key is no surprise to this machine.
            watch(&super::Seen::Coming(super::mark(&state, &account_key, Some(old))));
        }
        if let Err(error) = tx.commit() {
            // It may have happened all the same: what the file says is what counts.
            let now = self.store.snapshot().and_then(|now| now.meta(Meta::Header));
            if !now.is_ok_and(|text| text.as_deref() == Some(state.text())) {
                return Err(error.into());
            }
        }
        self.ahead = None;
        self.opened.secrets.clear();
        self.state = state;
        self.account_key = account_key;
        self.rotated_from = Some(old);
        self.tell_watch();
        Ok(Rotated { items: total, epoch })
    }
}

impl Rotation {
    fn sealer(&self) -> super::record::Sealer<'_> {
        let header = &self.verified.header;
        super::record::Sealer::new(&self.verified.keys, &header.vault_id, header.epoch)
    }
}

/// Nobody else can have written meanwhile: what does not fit is the disk's doing, or ours.
fn read_back_wrong(error: VaultError) -> VaultError {
    match error {
        VaultError::Altered(_) | VaultError::Record { .. } => VaultError::ReadBack,
        other => other,
    }
}

/// Reads everything old, and seals it anew: in memory, as the old must be out of the file's pages before the new goes in.
fn stage(
    read: &dyn Read,
    state: &State,
    rotation: &Rotation,
    summing: &Summing,
    telling: &mut Telling<'_>,
) -> Result<(Staged, Manifest), VaultError> {
    telling.begin(Stage::Sealing)?;
    let new = rotation.sealer();
    let leaves = new.leaves();
    let mut records = Vec::new();
    let mut sum = Sum { count: 0, sum: [0; 32] };
    let mut manifest = state.next()?.emptied();
    let mut failed = None;
    let names = whole(read, state, &mut |record, json| {
        if !telling.step() {
            return ControlFlow::Break(());
        }
        summing.add(&mut sum, &record.id, record.revision, json);
        match new.seal_content(record.id, record.revision, json) {
            Ok(sealed) => {
                match leaves.of(sealed.as_ref()) {
                    Ok(leaf) => manifest.toggle(&leaf),
                    Err(Damaged) => unreachable!("what was just sealed has a nonce and a tag"),
                }
                manifest.count += 1;
                records.push(sealed);
            }
            Err(error) => {
                failed = Some(error);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    });
    if let Some(error) = failed {
        return Err(error.into());
    }
    let names = names?;
    telling.told()?;
    Ok((Staged { records, names, sum }, manifest))
}
