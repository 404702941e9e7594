//! Writing: each change looks at the file again under the write lock, checks it, and changes records, index, manifest and header together.

use super::count::{next_in_header, next_in_manifest};
use super::record::{Manifest, Sealer};
use super::resident::still_whole;
use super::view::State;
use super::{Found, Vault, VaultError};
use crate::crypto::random_bytes;
use crate::header::{Header, Unverified, sign};
use crate::item::{Item, normalised};
use crate::secret::AccountKey;
use crate::store::{Meta, RecordId, Transaction};

/// A change under way: the transaction, and what the manifest will be.
pub(super) struct Change<'a> {
    pub(super) tx: Box<dyn Transaction + 'a>,
    pub(super) state: &'a mut State,
    account_key: &'a AccountKey,
    pub(super) manifest: Manifest,
    header: Option<Header>,
}

impl Vault {
    /// Runs `edit` on the vault as it is now; all of it lasts when this returns Ok, and nothing of it otherwise.
    pub(super) fn change<T>(
        &mut self,
        edit: impl FnOnce(&mut Change<'_>) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let (ahead, whole) = (self.ahead.take(), self.whole);
        self.change_unchecked(|change| {
            if !still_whole(change.tx.as_ref(), whole)? {
                change.state.check_set(change.tx.as_ref(), ahead)?;
            }
            edit(change)
        })
    }

    /// The same without looking at the set of records first: only for accepting an altered one.
    pub(super) fn change_unchecked<T>(
        &mut self,
        edit: impl FnOnce(&mut Change<'_>) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        // What was read ahead is of before this write, and our own writes do not move the stamp.
        self.ahead = None;
        let tx = self.store.begin()?;
        self.state.refresh(tx.as_ref(), &self.account_key)?;
        let manifest = self.state.next()?;
        let mut change = Change { tx, state: &mut self.state, account_key: &self.account_key, manifest, header: None };
        let result = edit(&mut change)?;
        let stamp = change.tx.stamp()?;
        self.whole = None;
        change.commit()?;
        self.settled(stamp);
        self.tell_watch();
        Ok(result)
    }

    /// Adds a new item.
    pub fn add(&mut self, item: &Item) -> Result<(), VaultError> {
        self.add_all(std::slice::from_ref(item))
    }

    /// Adds new items, all of them or none: one look at the set of records and one sync of the disk for as many as there are.
    pub fn add_all(&mut self, items: &[Item]) -> Result<(), VaultError> {
        // In the order of the ids each page of the table is written once; in random order a large import is several times slower.
        let mut ids = items.iter().map(|_| random_bytes()).collect::<Result<Vec<RecordId>, _>>()?;
        ids.sort_unstable();
        self.change(|change| {
            for (id, item) in ids.into_iter().zip(items) {
                change.refuse_taken(&item.name, None)?;
                change.put(id, 1, item)?;
            }
            Ok(())
        })
    }

    /// Replaces an item, which may have got another name.
    pub fn replace(&mut self, found: &Found, item: &Item) -> Result<(), VaultError> {
        self.change(|change| {
            let old = change.unchanged(found)?;
            change.refuse_taken(&item.name, Some(&old.id))?;
            change.take(&old)?;
            change.put(old.id, next_in_manifest(old.revision)?, item)
        })
    }

    /// Removes an item, as the person saw it.
    pub fn remove(&mut self, found: &Found) -> Result<(), VaultError> {
        self.change(|change| {
            let old = change.unchanged(found)?;
            change.take(&old)
        })
    }
}

impl Change<'_> {
    pub(super) fn sealer(&self) -> Sealer<'_> {
        self.state.sealer()
    }

    /// The header as it is, or as this change has made it.
    pub fn header(&self) -> &Header {
        self.header.as_ref().unwrap_or(&self.state.verified.header)
    }

    /// Replaces the header; its generation is counted here.
    pub fn set_header(&mut self, mut header: Header) -> Result<(), VaultError> {
        header.generation = next_in_header(self.state.verified.header.generation)?;
        self.header = Some(header);
        Ok(())
    }

    /// The item as it is now, if it is still as it was found.
    fn unchanged(&self, found: &Found) -> Result<Found, VaultError> {
        match self.state.find(self.tx.as_ref(), &found.item.name)? {
            Some(now) if now.id == found.id && now.revision == found.revision => Ok(now),
            _ => Err(VaultError::ItemChanged(found.item.name.clone())),
        }
    }

    /// Refuses a name that another record has.
    fn refuse_taken(&self, name: &str, except: Option<&RecordId>) -> Result<(), VaultError> {
        let entries = self.tx.entries(&self.sealer().tag(name))?;
        match entries.iter().find(|entry| Some(&entry.id) != except) {
            Some(_) => Err(VaultError::ItemExists(name.to_owned())),
            None => Ok(()),
        }
    }

    /// Puts a record and its index entry, and into the set.
    pub(super) fn put(&mut self, id: RecordId, revision: u64, item: &Item) -> Result<(), VaultError> {
        let record = self.sealer().seal_record(id, revision, item)?;
        let entry = self.sealer().seal_entry(id, revision, &item.name)?;
        let leaf = self.sealer().leaves().of(record.as_ref()).map_err(|_| VaultError::Manifest)?;
        self.tx.put_record(&record)?;
        self.tx.put_entry(&entry)?;
        self.manifest.toggle(&leaf);
        self.manifest.count += 1;
        Ok(())
    }

    /// Takes a record, its index entry, and its leaf out of the set.
    fn take(&mut self, old: &Found) -> Result<(), VaultError> {
        let gone = || VaultError::Record { name: old.item.name.clone(), why: "is gone" };
        let record = self.tx.record(&old.id)?.ok_or_else(gone)?;
        let leaf = self.sealer().leaves().of(record.as_ref()).map_err(|_| VaultError::Manifest)?;
        self.tx.delete_record(&old.id)?;
        let tag = self.sealer().tag(&normalised(&old.item.name));
        self.tx.delete_entry(&tag, &old.id)?;
        self.manifest.toggle(&leaf);
        self.manifest.count -= 1;
        Ok(())
    }

    /// Closes manifest and header over the change, and makes it last.
    fn commit(mut self) -> Result<(), VaultError> {
        let mut tag = self.state.verified.tag;
        if let Some(header) = &self.header {
            let text = sign(header, self.account_key);
            // What was just written is read as a stranger would, before it replaces the header that works.
            tag = Unverified::parse(&text)?.verify(self.account_key)?.tag;
            self.tx.put_meta(Meta::Header, &text)?;
        }
        let sealed = self.sealer().seal_manifest(&tag, &self.manifest)?;
        self.tx.put_meta(Meta::Manifest, &sealed)?;
        let fresh = State::read(self.tx.as_ref(), self.account_key)?;
        self.tx.commit()?;
        *self.state = fresh;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::factor::Openers;
    use crate::factor::fake::FakeEnroll;
    use crate::prompt::ScriptedPrompt;
    use crate::store::Store;
    use crate::store::sqlite::SqliteStore;
    use crate::vault::set::Ahead;
    use crate::vault::{NewKeyslot, Wish};

    fn note(name: &str) -> Item {
        let json = format!(r#"{{"type":"note","name":"{name}","created":"c","updated":"u","fields":[]}}"#);
        Item::from_json(json.as_bytes()).unwrap()
    }

    fn vault(folder: &std::path::Path) -> Vault {
        let mut prompt = ScriptedPrompt::new().types("s").types("s");
        let factor = FakeEnroll { name: "f".into() };
        let keyslot = NewKeyslot { name: "k".into(), threshold: 1, factors: vec![&factor], custodians: false };
        let account_key = AccountKey::new(crate::secret::zeros32());
        let new = Vault::prepare("v", &account_key, &[keyslot], &mut prompt).unwrap();
        let store = SqliteStore::create(&folder.join("v"), &new.header, &new.manifest).unwrap();
        Vault::unlock(Box::new(store), Wish::default(), &mut Openers::typed(), &mut prompt).unwrap()
    }

    #[test]
    fn many_at_once_are_all_there_and_vouched_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut vault = vault(folder.path());
        let items: Vec<Item> = (0..300).map(|at| note(&format!("note {at:03}"))).collect();
        vault.add_all(&items).unwrap();
        let names: Vec<String> = vault.items().unwrap().into_iter().map(|found| found.item.name).collect();
        assert_eq!(names, items.iter().map(|item| item.name.clone()).collect::<Vec<_>>());
        let report = vault.verify().unwrap();
        assert_eq!((report.items, report.sequence), (300, 2));
    }

    #[test]
    fn one_name_that_is_taken_keeps_all_of_them_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut vault = vault(folder.path());
        vault.add(&note("b")).unwrap();
        for items in [["a", "B"], ["c", "C"]] {
            let refused = vault.add_all(&items.map(note));
            assert!(matches!(refused, Err(VaultError::ItemExists(_))));
            assert_eq!(vault.verify().unwrap().items, 1);
        }
    }

    #[test]
    fn every_write_tells_of_the_state_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut vault = vault(folder.path());
        let mut seen = vec![vault.mark()];
        let mut follows = |vault: &Vault, what: &str| {
            let now = vault.mark();
            let before = seen.last().unwrap();
            assert_eq!(now.sequence, before.sequence + 1, "{what}");
            assert_eq!(now.past.reach(), now.sequence - 1, "{what}");
            assert!(seen.iter().all(|then| now.line().at(then.sequence) == then.line().at(then.sequence)), "{what}");
            seen.push(now);
        };
        vault.add(&note("a")).unwrap();
        follows(&vault, "add");
        vault.add_all(&["b", "c"].map(note)).unwrap();
        follows(&vault, "add many");
        let found = vault.get("a").unwrap();
        vault.replace(&found, &note("A")).unwrap();
        follows(&vault, "replace");
        let found = vault.get("b").unwrap();
        vault.remove(&found).unwrap();
        follows(&vault, "remove");
        vault.accept().unwrap();
        follows(&vault, "accept");
        vault.rename("k", "kk").unwrap();
        follows(&vault, "rename");
        let factor = FakeEnroll { name: "g".into() };
        let new = NewKeyslot { name: "second".into(), threshold: 1, factors: vec![&factor], custodians: false };
        vault.enroll(&new, &mut ScriptedPrompt::new().types("t").types("t")).unwrap();
        follows(&vault, "enroll");
        let slot = vault.header().keyslot("second").unwrap().clone();
        vault.wipe(&slot).unwrap();
        follows(&vault, "wipe");
        let (mut openers, mut prompt) = (Openers::typed(), ScriptedPrompt::new().types("s"));
        let rotation = vault.prepare_rotation(&[], true, &mut |_| true, &mut openers, &mut prompt).unwrap();
        vault.rotate(rotation, &mut |_| std::ops::ControlFlow::Continue(())).unwrap();
        follows(&vault, "rotate");
        vault.add(&note("d")).unwrap();
        follows(&vault, "add after a rotation");
    }

    #[test]
    fn what_another_process_writes_meanwhile_is_of_this_line_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (file, copy) = (folder.path().join("v"), folder.path().join("copy"));
        let mut vault = vault(folder.path());
        let open = |path: &std::path::Path| {
            let store = Box::new(SqliteStore::open(path).unwrap());
            let mut prompt = ScriptedPrompt::new().types("s");
            Vault::unlock(store, Wish::default(), &mut Openers::typed(), &mut prompt).unwrap()
        };
        let mut other = open(&file);
        for n in 0..3 {
            other.add(&note(&format!("of another process {n}"))).unwrap();
        }
        vault.add(&note("in turn")).unwrap();
        std::fs::copy(&file, &copy).unwrap();
        vault.add(&note("here")).unwrap();
        let mut other = open(&copy);
        other.add(&note("there")).unwrap();
        other.add(&note("and more")).unwrap();
        std::fs::write(&file, std::fs::read(&copy).unwrap()).unwrap();
        let refused = vault.add(&note("b"));
        assert!(matches!(refused, Err(VaultError::WentAstray)), "{refused:?}");
        // So many that nobody can tell.
        for n in 0..256 {
            other.add(&note(&format!("many {n}"))).unwrap();
        }
        std::fs::write(&file, std::fs::read(&copy).unwrap()).unwrap();
        let refused = vault.add(&note("b"));
        assert!(matches!(refused, Err(VaultError::WentFar)), "{refused:?}");
    }

    /// A vault that has read its set ahead, as it does while a token is waited for.
    fn ahead_of(folder: &std::path::Path) -> Vault {
        let mut vault = vault(folder);
        vault.add(&note("a")).unwrap();
        vault.ahead = Ahead::read(vault.store.snapshot().unwrap().as_ref()).unwrap();
        assert!(vault.ahead.is_some());
        vault
    }

    fn leaves() -> crate::vault::set::Leaves {
        crate::vault::set::Leaves::new(&crate::secret::SetKey::new(crate::secret::zeros32()))
    }

    #[test]
    fn a_set_read_ahead_is_used_once_and_only_while_nobody_else_writes() {
        let folder = tempfile::tempdir().unwrap();
        let mut vault = ahead_of(folder.path());
        let mut prompt = ScriptedPrompt::new().types("s");
        let store = SqliteStore::open(&folder.path().join("v")).unwrap();
        let mut other = Vault::unlock(Box::new(store), Wish::default(), &mut Openers::typed(), &mut prompt).unwrap();
        let ahead = Ahead::read(vault.store.snapshot().unwrap().as_ref()).unwrap().unwrap();
        let same = ahead.still(vault.store.begin().unwrap().as_ref(), &leaves()).unwrap();
        assert_eq!(same.map(|tally| tally.count()), Some(1));
        other.add(&note("b")).unwrap();
        let ahead = vault.ahead.take().unwrap();
        assert!(
            ahead.still(vault.store.begin().unwrap().as_ref(), &leaves()).unwrap().is_none(),
            "another process has written"
        );

        vault.ahead = Ahead::read(vault.store.snapshot().unwrap().as_ref()).unwrap();
        vault.add(&note("c")).unwrap();
        assert!(vault.ahead.is_none());
        vault.add(&note("d")).unwrap();
        assert_eq!(vault.verify().unwrap().items, 4);
    }

    #[test]
    fn what_was_altered_before_is_found_by_the_set_read_ahead() {
        let folder = tempfile::tempdir().unwrap();
        drop(ahead_of(folder.path()));
        let mut store = SqliteStore::open(&folder.path().join("v")).unwrap();
        let mut tx = store.begin().unwrap();
        let mut ids = Vec::new();
        tx.each_record(&mut |record| {
            ids.push(record.id);
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
        assert!(tx.delete_record(&ids[0]).unwrap());
        tx.commit().unwrap();
        let mut prompt = ScriptedPrompt::new().types("s");
        let mut vault = Vault::unlock(Box::new(store), Wish::default(), &mut Openers::typed(), &mut prompt).unwrap();
        vault.ahead = Ahead::read(vault.store.snapshot().unwrap().as_ref()).unwrap();
        let refused = vault.add(&note("b"));
        assert!(matches!(&refused, Err(VaultError::Altered(altered)) if altered.deleted == ["a"]), "{refused:?}");
    }
}
