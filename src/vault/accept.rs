//! Accepting, on the owner's word, a set of records that something else has altered: a sync tool's copy, a restored file, a thief's.
//!
//! Until then nothing is written to such a vault. Afterwards what is in the file is what the vault's keys vouch for; what was deleted
//! stays deleted, as only a backup can bring it back.

use super::count::next_in_manifest;
use super::record::Damaged;
use super::{Vault, VaultError};
use crate::item::{Item, MAX_NAME, normalised};
use crate::store::RecordId;
use std::collections::HashSet;
use std::ops::ControlFlow;

/// What was accepted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Items that are in the vault now.
    pub items: u64,
    /// Items that got another name, since two had the same: old and new.
    pub renamed: Vec<(String, String)>,
    /// Records that could not be opened, and were removed.
    pub dropped: usize,
}

impl Vault {
    /// Makes manifest and index those of the records that are there and can be opened.
    pub fn accept(&mut self) -> Result<Accepted, VaultError> {
        self.change_unchecked(|change| {
            let mut items: Vec<(RecordId, u64, Item)> = Vec::new();
            let mut unreadable = Vec::new();
            let sealer = change.state.sealer();
            change.tx.each_record(&mut |record| {
                match sealer.open_record(record) {
                    Ok(item) => items.push((record.id, record.revision, item)),
                    Err(Damaged) => unreadable.push(record.id),
                }
                ControlFlow::Continue(())
            })?;
            let mut entries = Vec::new();
            change.tx.each_entry(&mut |entry| {
                entries.push((entry.tag, entry.id));
                ControlFlow::Continue(())
            })?;
            for (tag, id) in entries {
                change.tx.delete_entry(&tag, &id)?;
            }
            for id in &unreadable {
                change.tx.delete_record(id)?;
            }
            change.manifest = std::mem::take(&mut change.manifest).emptied();
            let mut accepted = Accepted { dropped: unreadable.len(), ..Accepted::default() };
            let mut names = HashSet::new();
            for (id, revision, mut item) in items {
                let name = free_name(&item.name, &names);
                names.insert(normalised(&name));
                if name != item.name {
                    accepted.renamed.push((std::mem::replace(&mut item.name, name.clone()), name));
                }
                change.put(id, next_in_manifest(revision)?, &item)?;
                accepted.items += 1;
            }
            Ok(accepted)
        })
    }
}

/// The name, or `name (2)` and so on where it is taken.
fn free_name(name: &str, taken: &HashSet<String>) -> String {
    let numbered = (2u32..).map(|n| {
        let number = format!(" ({n})");
        // The number must fit, also behind a name that is as long as names may be.
        let base: String = name.chars().take(MAX_NAME - number.len()).collect();
        base + &number
    });
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names
        .find(|name| !taken.contains(&normalised(name)))
        .unwrap_or_else(|| unreachable!("there is always a next number"))
}
