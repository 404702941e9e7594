//! A vault that stays open for many requests, in the agent: opened by an account key that another process of this program has got, and
//! with a memory of having looked at the whole set of records.

use super::{Vault, VaultError, peek};
use crate::secret::AccountKey;
use crate::store::{Looks, Read, Store};

/// The set of records was whole when the file looked so: the store's stamp, and what the system says of the file. Whoever changes
/// anything changes one of the two (design: "The set of records, and a vault that stays open").
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole(u64, Looks);

impl Whole {
    fn of(read: &dyn Read) -> Result<Option<Self>, VaultError> {
        Ok(read.stamp()?.zip(read.looks()).map(|(stamp, looks)| Self(stamp, looks)))
    }
}

impl Vault {
    /// Opens the vault by its account key, for staying open. `keyslot`: the name of the one that gave it.
    pub fn adopt(mut store: Box<dyn Store>, account_key: AccountKey, keyslot: &str) -> Result<Self, VaultError> {
        let unverified = peek(store.as_mut())?;
        let slots = &unverified.header().keyslots;
        let slot = slots.iter().find(|slot| slot.name == keyslot).or(slots.first()).ok_or(VaultError::Manifest)?;
        let opened = super::Opened { keyslot: slot.clone(), account_key, secrets: Vec::new() };
        let mut vault = Self::with(store, opened, unverified.header())?;
        vault.resident = true;
        Ok(vault)
    }

    /// The account key for staying open elsewhere; this vault ends with it.
    pub fn into_account_key(self) -> AccountKey {
        self.account_key
    }

    /// Goes on with the file opened anew, where something has touched it past SQLite. What is in it is checked as ever: it must be of this
    /// account key, and of this line.
    pub fn reopen(&mut self, store: Box<dyn Store>) -> Result<(), VaultError> {
        (self.store, self.whole) = (store, None);
        self.look()
    }

    /// Looks whether the file is still one of this account key, and of this line.
    pub fn look(&mut self) -> Result<(), VaultError> {
        let snapshot = self.store.snapshot()?;
        self.state.refresh(snapshot.as_ref(), &self.account_key)
    }

    /// Looks at the whole set of records now, so that the next write need not while nobody else has touched the file.
    pub fn settle(&mut self) -> Result<(), VaultError> {
        let snapshot = self.store.snapshot()?;
        // Before it is read: what is altered meanwhile makes the file look otherwise than then.
        let whole = Whole::of(snapshot.as_ref())?;
        self.state.refresh(snapshot.as_ref(), &self.account_key)?;
        self.state.check_set(snapshot.as_ref(), None)?;
        self.whole = whole;
        Ok(())
    }

    /// After a write of this program; `before`: the store's stamp in it, which our own write does not move.
    pub(super) fn settled(&mut self, before: Option<u64>) {
        // Without it the next write looks at all records, as the first one did.
        let mut now = || Whole::of(self.store.snapshot()?.as_ref());
        self.whole = if self.resident { now().ok().flatten() } else { None };
        if self.whole.map(|whole| whole.0) != before {
            self.whole = None;
        }
    }
}

/// Whether the set of records was looked at, and nobody has touched the file since.
pub(super) fn still_whole(read: &dyn Read, whole: Option<Whole>) -> Result<bool, VaultError> {
    Ok(whole.is_some() && Whole::of(read)? == whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::factor::Openers;
    use crate::factor::fake::FakeEnroll;
    use crate::item::Item;
    use crate::prompt::ScriptedPrompt;
    use crate::secret::zeros32;
    use crate::store::sqlite::SqliteStore;
    use crate::vault::{NewKeyslot, Wish};
    use std::ops::ControlFlow;
    use std::path::Path;

    fn note(name: &str) -> Item {
        let json = format!(r#"{{"type":"note","name":"{name}","created":"c","updated":"u","fields":[]}}"#);
        Item::from_json(json.as_bytes()).unwrap()
    }

    fn make(path: &Path) {
        let mut prompt = ScriptedPrompt::new().types("s");
        let factor = FakeEnroll { name: "f".into() };
        let keyslot = NewKeyslot { name: "k".into(), threshold: 1, factors: vec![&factor], custodians: false };
        let new = Vault::prepare("v", &AccountKey::new(zeros32()), &[keyslot], &mut prompt).unwrap();
        SqliteStore::create(path, &new.header, &new.manifest).unwrap();
    }

    fn resident(path: &Path) -> Vault {
        Vault::adopt(Box::new(SqliteStore::open(path).unwrap()), AccountKey::new(zeros32()), "k").unwrap()
    }

    fn other(path: &Path) -> Vault {
        let mut prompt = ScriptedPrompt::new().types("s");
        let store = Box::new(SqliteStore::open(path).unwrap());
        Vault::unlock(store, Wish::default(), &mut Openers::typed(), &mut prompt).unwrap()
    }

    /// Takes out one record behind the program's back.
    fn tamper(path: &Path) {
        let mut store = SqliteStore::open(path).unwrap();
        let mut tx = store.begin().unwrap();
        let mut first = None;
        tx.each_record(&mut |record| {
            first = Some(record.id);
            ControlFlow::Break(())
        })
        .unwrap();
        assert!(tx.delete_record(&first.unwrap()).unwrap());
        tx.commit().unwrap();
    }

    #[test]
    fn a_write_after_a_write_need_not_look_and_one_after_somebody_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v");
        make(&path);
        let mut vault = resident(&path);
        assert!(vault.whole.is_none());
        vault.settle().unwrap();
        let holds = |vault: &mut Vault| {
            let whole = vault.whole;
            still_whole(vault.store.snapshot().unwrap().as_ref(), whole).unwrap()
        };
        assert!(holds(&mut vault));
        vault.add(&note("a")).unwrap();
        assert!(holds(&mut vault), "our own write");
        let mut another = other(&path);
        another.add(&note("b")).unwrap();
        assert!(another.whole.is_none(), "only one that stays open remembers");
        assert!(!holds(&mut vault), "another process has written");
        vault.add(&note("c")).unwrap();
        assert!(holds(&mut vault));
        assert_eq!(vault.verify().unwrap().items, 3);
        tamper(&path);
        assert!(!holds(&mut vault));
        let refused = vault.add(&note("d"));
        assert!(matches!(refused, Err(VaultError::Altered(_))), "{refused:?}");
    }

    #[test]
    fn a_byte_written_past_sqlite_is_seen_by_the_next_write() {
        use std::io::{Seek, SeekFrom, Write};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v");
        make(&path);
        let mut vault = resident(&path);
        for name in ["a", "b", "c"] {
            vault.add(&note(name)).unwrap();
        }
        assert!(vault.whole.is_some());
        // The clock of file times may tick as slowly as the kernel's, a hundred times a second.
        std::thread::sleep(std::time::Duration::from_millis(20));
        let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.seek(SeekFrom::Start(60)).unwrap();
        file.write_all(&[0]).unwrap();
        let whole = vault.whole;
        let told = vault.store.snapshot().map(|read| still_whole(read.as_ref(), whole).unwrap());
        assert!(!matches!(told, Ok(true)));
    }

    #[test]
    fn another_account_key_opens_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v");
        make(&path);
        let mut wrong = zeros32();
        wrong[0] = 1;
        let refused = Vault::adopt(Box::new(SqliteStore::open(&path).unwrap()), AccountKey::new(wrong), "k");
        assert!(refused.is_err());
    }
}
