//! Reading items: one by name, all, those that match.

use super::record::Damaged;
use super::{Vault, VaultError};
use crate::crypto::random_bytes;
use crate::item::{Item, normalised};
use crate::store::{Read, RecordId, RecordRef};
use std::collections::BTreeSet;

/// An item, and where it lies.
#[derive(Debug)]
pub struct Found {
    /// `R`.
    pub id: RecordId,
    /// Counts writes of this item.
    pub revision: u64,
    /// The item.
    pub item: Item,
}

/// Names suggested when one is not found.
const CLOSE: usize = 3;

impl Vault {
    /// The item of that name, read without opening any other.
    pub fn get(&mut self, name: &str) -> Result<Found, VaultError> {
        let snapshot = self.store.snapshot()?;
        self.state.refresh(snapshot.as_ref(), &self.account_key)?;
        if let Some(found) = self.state.find(snapshot.as_ref(), name)? {
            return Ok(found);
        }
        // Not in the index. Before a person is told so, the whole set is looked at: an index entry may have been removed.
        let mut close = Vec::new();
        let mut hidden = false;
        self.state.walk_items(snapshot.as_ref(), &mut |found| {
            hidden |= normalised(&found.item.name) == normalised(name);
            close.push((distance(&found.item.name, name), found.item.name));
        })?;
        if hidden {
            return Err(VaultError::Record { name: name.to_owned(), why: "was taken out of the vault's index" });
        }
        // Of a name of two characters everything short would be close.
        let length = normalised(name).chars().count();
        close.retain(|(distance, _)| *distance <= 2 && *distance < length);
        close.sort();
        Err(VaultError::NoItem {
            name: name.to_owned(),
            close: close.into_iter().take(CLOSE).map(|(_, name)| name).collect(),
        })
    }

    /// Refuses a name that an item has, before a person types its secret.
    pub fn refuse_taken(&mut self, name: &str) -> Result<(), VaultError> {
        let snapshot = self.store.snapshot()?;
        self.state.refresh(snapshot.as_ref(), &self.account_key)?;
        let taken = snapshot.entries(&self.state.sealer().tag(name))?;
        if taken.is_empty() { Ok(()) } else { Err(VaultError::ItemExists(name.to_owned())) }
    }

    /// Whether the set of records is the one last written, before a person types or writes down anything for a change of it.
    pub fn check(&mut self) -> Result<(), VaultError> {
        let snapshot = self.store.snapshot()?;
        self.state.refresh(snapshot.as_ref(), &self.account_key)?;
        self.state.check_set(snapshot.as_ref(), None)
    }

    /// Every item, ordered by name; the set is checked on the way.
    pub fn items(&mut self) -> Result<Vec<Found>, VaultError> {
        let mut all = Vec::new();
        self.each(&mut |found| all.push(found))?;
        all.sort_by_cached_key(|found| (normalised(&found.item.name), found.id));
        Ok(all)
    }

    /// Opens at most `wanted` items, chosen at random, and looks at the whole set on the way; how many were opened, and how many
    /// there are.
    pub fn sample(&mut self, wanted: u64) -> Result<(u64, u64), VaultError> {
        let snapshot = self.store.snapshot()?;
        self.state.refresh(snapshot.as_ref(), &self.account_key)?;
        let total = self.state.manifest.count;
        let mut places = BTreeSet::new();
        while (places.len() as u64) < wanted.min(total) {
            places.insert(u64::from_le_bytes(random_bytes()?) % total);
        }
        let sealer = self.state.sealer();
        let (mut at, mut damaged) = (0, None);
        self.state.walk(snapshot.as_ref(), &mut |record| {
            if places.contains(&at) && sealer.open_record(record).is_err() {
                damaged = Some(record.id);
            }
            at += 1;
        })?;
        match damaged {
            None => Ok((places.len() as u64, total)),
            Some(id) => {
                Err(VaultError::Record { name: self.state.name_of(snapshot.as_ref(), &id)?, why: "is damaged" })
            }
        }
    }

    /// Every item in no order, without keeping them; the set is checked on the way.
    pub fn each(&mut self, visit: &mut dyn FnMut(Found)) -> Result<(), VaultError> {
        let snapshot = self.store.snapshot()?;
        self.state.refresh(snapshot.as_ref(), &self.account_key)?;
        self.state.walk_items(snapshot.as_ref(), visit)
    }
}

impl super::view::State {
    /// The item of that name by the index; what the index says of it must hold.
    pub(super) fn find(&self, read: &dyn Read, name: &str) -> Result<Option<Found>, VaultError> {
        let sealer = self.sealer();
        let bad = |why| VaultError::Record { name: name.to_owned(), why };
        let entries = read.entries(&sealer.tag(name))?;
        let [entry] = entries.as_slice() else {
            return if entries.is_empty() { Ok(None) } else { Err(bad("is in the vault's index twice")) };
        };
        let (revision, _) = sealer.open_entry(entry).map_err(|_| bad("has a damaged index entry"))?;
        let record = read.record(&entry.id)?.ok_or_else(|| bad("was deleted by something other than twinlock"))?;
        if record.revision != revision {
            return Err(bad("is not as it was last written: an older one was put back"));
        }
        let item = sealer.open_record(record.as_ref()).map_err(|_| bad("is damaged"))?;
        if normalised(&item.name) != normalised(name) {
            return Err(bad("was exchanged for another"));
        }
        Ok(Some(Found { id: record.id, revision, item }))
    }

    /// Opens every record; a set that does not fit the manifest is told first, since it explains a record that cannot be opened.
    fn walk_items(&self, read: &dyn Read, visit: &mut dyn FnMut(Found)) -> Result<(), VaultError> {
        let sealer = self.sealer();
        let mut damaged = None;
        self.walk(read, &mut |record: RecordRef<'_>| match sealer.open_record(record) {
            Ok(item) => visit(Found { id: record.id, revision: record.revision, item }),
            Err(Damaged) => damaged = Some(record.id),
        })?;
        match damaged {
            None => Ok(()),
            Some(id) => Err(VaultError::Record { name: self.name_of(read, &id)?, why: "is damaged" }),
        }
    }

    /// The name of a record by the index, or its id.
    fn name_of(&self, read: &dyn Read, id: &RecordId) -> Result<String, VaultError> {
        let sealer = self.sealer();
        let mut name = None;
        read.each_entry(&mut |entry| {
            if entry.id == *id {
                name = sealer.open_entry(&entry).ok().map(|(_, name)| name.to_string());
                return std::ops::ControlFlow::Break(());
            }
            std::ops::ControlFlow::Continue(())
        })?;
        Ok(name.unwrap_or_else(|| crate::encode::hex::encode(id)))
    }
}

/// Edits that make one name of another (Levenshtein), on what is compared; a name that begins with what was asked is close, too.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (normalised(a), normalised(b));
    if a.starts_with(&b) {
        return 1;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = (corner + usize::from(x != *y)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = row[j + 1];
            row[j + 1] = cost;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn close_names() {
        assert_eq!(distance("github", "githib"), 1);
        assert_eq!(distance("GitHub", "github"), 1);
        assert_eq!(distance("github work", "github"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }
}
