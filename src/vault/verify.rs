//! Looking at everything: header, manifest, every record, every index entry; and accepting, on the owner's word, what was altered.

use super::record::Damaged;
use super::{Altered, Vault, VaultError};
use crate::store::{Read, RecordId, RecordRef};
use std::collections::HashMap;
use std::ops::ControlFlow;
use zeroize::Zeroizing;

/// What was looked at and found right.
#[derive(Debug, PartialEq, Eq)]
pub struct Report {
    /// Items opened.
    pub items: u64,
    /// Keyslots under the header's tag.
    pub keyslots: usize,
    /// Counts header writes.
    pub generation: u64,
    /// Counts writes of anything.
    pub sequence: u64,
}

impl Report {
    pub(super) fn of(state: &super::view::State) -> Self {
        let (header, manifest) = (&state.verified.header, &state.manifest);
        Self {
            items: manifest.count,
            keyslots: header.keyslots.len(),
            generation: header.generation,
            sequence: manifest.sequence,
        }
    }
}

impl Vault {
    /// Opens every record and every index entry, and compares them with each other and with the manifest.
    pub fn verify(&mut self) -> Result<Report, VaultError> {
        let snapshot = self.store.snapshot()?;
        self.state.refresh(snapshot.as_ref(), &self.account_key)?;
        let state = &self.state;
        whole(snapshot.as_ref(), state, &mut |_, _| ControlFlow::Continue(()))?;
        Ok(Report::of(state))
    }
}

/// Revisions and names of items by their ids.
pub(super) type Names = HashMap<RecordId, (u64, Zeroizing<String>)>;

/// Opens every record and every index entry of a state; `visit` sees each record with its item's JSON, and may stop it.
pub(super) fn whole(
    read: &dyn Read,
    state: &super::view::State,
    visit: &mut dyn FnMut(RecordRef<'_>, &[u8]) -> ControlFlow<()>,
) -> Result<Names, VaultError> {
    let (mut items, mut stopped) = (Names::new(), false);
    let sealer = state.sealer();
    let mut damaged = Altered { epoch: state.verified.header.epoch, ..Altered::default() };
    state.walk(read, &mut |record| {
        if stopped {
            return;
        }
        match sealer.open_content(record) {
            Ok((json, item)) => {
                stopped = visit(record, &json).is_break();
                items.insert(record.id, (record.revision, Zeroizing::new(item.name)));
            }
            Err(Damaged) => damaged.does_not_open(record, None),
        }
    })?;
    if stopped {
        return Err(VaultError::Stopped);
    }
    if !damaged.is_unexplained() {
        return Err(VaultError::Altered(Box::new(damaged)));
    }
    check_index(read, state, &items)?;
    Ok(items)
}

/// Each item has exactly one index entry, with its name and revision; no entry is without an item, and no two items have one name.
pub(super) fn check_index(read: &dyn Read, state: &super::view::State, items: &Names) -> Result<(), VaultError> {
    let sealer = state.sealer();
    let mut left: HashMap<_, _> = items.iter().collect();
    let mut wrong = None;
    let mut last = None;
    read.each_entry(&mut |entry| {
        let known = left.remove(&entry.id);
        let opened = sealer.open_entry(&entry);
        let fits = match (&known, &opened) {
            // An entry that opens has the tag of the name in it.
            (Some((revision, name)), Ok((of_entry, same))) => {
                revision == of_entry && (name == same || sealer.tag(name) == entry.tag)
            }
            _ => false,
        };
        // Entries come ordered by tag, so two of one name come together: neither could be had by its name.
        let twin = last.replace(entry.tag) == Some(entry.tag);
        if fits && !twin {
            return ControlFlow::Continue(());
        }
        let name = known.map(|(_, name)| name.to_string()).or(opened.ok().map(|(_, name)| name.to_string()));
        let why = if twin { "is in the vault's index twice" } else { "has an index entry that does not belong to it" };
        wrong = Some((name.unwrap_or_else(|| crate::encode::hex::encode(&entry.id)), why));
        ControlFlow::Break(())
    })?;
    if let Some((name, why)) = wrong {
        return Err(VaultError::Record { name, why });
    }
    match left.into_values().next() {
        Some((_, name)) => {
            Err(VaultError::Record { name: name.to_string(), why: "was taken out of the vault's index" })
        }
        None => Ok(()),
    }
}
