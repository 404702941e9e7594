//! Every step of the store made to fail, under every operation that writes: afterwards the vault is byte for byte as before, or
//! the change is there as a whole.

use std::cell::Cell;
use std::path::Path;
use twinlock::crypto::random_secret;
use twinlock::factor::Openers;
use twinlock::factor::fake::FakeEnroll;
use twinlock::factor::password::{Cost, CostWish, NewPassword, PasswordEnroll};
use twinlock::item::Item;
use twinlock::prompt::ScriptedPrompt;
use twinlock::secret::AccountKey;
use twinlock::store::faulty::{Faults, Faulty};
use twinlock::store::memory::{Contents, MemoryStore};
use twinlock::store::sqlite::SqliteStore;
use twinlock::store::{Store, StoreError};
use twinlock::vault::{NewKeyslot, Vault, VaultError, Wish};

const CHEAP: Cost = Cost { memory_kib: 19_456, passes: 2, lanes: 1 };

fn cheap() -> CostWish {
    CostWish { memory_kib: Some(CHEAP.memory_kib), passes: Some(CHEAP.passes), lanes: Some(CHEAP.lanes) }
}
pub const PASSWORD: &str = "correct horse battery staple";
const OTHER: &str = "four other random words";

/// What the owner sees.
#[derive(PartialEq, Debug, Clone)]
struct Seen {
    items: Vec<(String, u64)>,
    keyslots: Vec<(String, [u8; 32])>,
}

/// An operation, and what the vault must be like when it has happened.
struct Operation {
    name: &'static str,
    run: fn(&mut Vault) -> Result<(), VaultError>,
    happened: fn(&Seen, &Seen) -> bool,
    /// Brought about before by someone else.
    altered: bool,
}

pub fn item(name: &str) -> Item {
    let json = format!(r#"{{"type":"note","name":"{name}","created":"c","updated":"u","fields":[]}}"#);
    Item::from_json(json.as_bytes()).unwrap()
}

fn names(seen: &Seen) -> Vec<&str> {
    seen.items.iter().map(|(name, _)| name.as_str()).collect()
}

fn slots(seen: &Seen) -> Vec<&str> {
    seen.keyslots.iter().map(|(name, _)| name.as_str()).collect()
}

const OPERATIONS: [Operation; 9] = [
    Operation {
        name: "add",
        run: |vault| vault.add(&item("new")),
        happened: |_, now| names(now) == ["new", "one", "two"],
        altered: false,
    },
    Operation {
        name: "replace",
        run: |vault| {
            let found = vault.get("one")?;
            vault.replace(&found, &item("one"))
        },
        happened: |before, now| names(now) == ["one", "two"] && now.items[0].1 == before.items[0].1 + 1,
        altered: false,
    },
    Operation {
        name: "replace under another name",
        run: |vault| {
            let found = vault.get("one")?;
            vault.replace(&found, &item("zero"))
        },
        happened: |_, now| names(now) == ["two", "zero"],
        altered: false,
    },
    Operation {
        name: "remove",
        run: |vault| {
            let found = vault.get("one")?;
            vault.remove(&found)
        },
        happened: |_, now| names(now) == ["two"],
        altered: false,
    },
    Operation {
        name: "enroll",
        run: |vault| {
            let factor = FakeEnroll { name: "b".into() };
            let new = NewKeyslot { name: "new".into(), threshold: 1, factors: vec![&factor], custodians: false };
            vault.enroll(&new, &mut ScriptedPrompt::new().types("2"))
        },
        happened: |_, now| slots(now) == ["fake", "password", "new"],
        altered: false,
    },
    Operation {
        name: "wipe",
        run: |vault| {
            let slot = vault.header().keyslot("password").unwrap().clone();
            vault.wipe(&slot)
        },
        happened: |_, now| slots(now) == ["fake"],
        altered: false,
    },
    Operation {
        name: "rename",
        run: |vault| vault.rename("password", "word"),
        happened: |_, now| slots(now) == ["fake", "word"],
        altered: false,
    },
    Operation {
        name: "change_password",
        run: |vault| {
            let mut prompt = ScriptedPrompt::new().types(OTHER).types(OTHER);
            vault.change_password(None, cheap(), false, &mut Openers::typed(), &mut prompt).map(drop)
        },
        happened: |before, now| before.keyslots[0] == now.keyslots[0] && before.keyslots[1].1 != now.keyslots[1].1,
        altered: false,
    },
    Operation {
        name: "accept",
        run: |vault| vault.accept().map(drop),
        happened: |_, now| names(now) == ["two"],
        altered: true,
    },
];

/// A vault of two keyslots and two items.
pub fn contents() -> Contents {
    let mut prompt = ScriptedPrompt::new().types("1").types(PASSWORD).types(PASSWORD);
    let fake = FakeEnroll { name: "a".into() };
    // Asked in the order of the script: the test factor when it is enrolled, which is after the password was asked for.
    let mut typed = ScriptedPrompt::new().types(PASSWORD).types(PASSWORD);
    let password = std::rc::Rc::new(NewPassword::ask("v", "password", false, &mut typed).unwrap());
    let password = PasswordEnroll { cost: CHEAP, password };
    let keyslots = [
        NewKeyslot { name: "fake".into(), threshold: 1, factors: vec![&fake], custodians: false },
        NewKeyslot { name: "password".into(), threshold: 1, factors: vec![&password], custodians: false },
    ];
    let account_key = AccountKey::new(random_secret().unwrap());
    let new = Vault::prepare("v", &account_key, &keyslots, &mut prompt).unwrap();
    let store = MemoryStore::new(Contents::new(&new.header, &new.manifest, [], []));
    let mut vault = open(Box::new(store.clone()));
    vault.add(&item("one")).unwrap();
    vault.add(&item("two")).unwrap();
    store.contents()
}

pub fn open(store: Box<dyn Store>) -> Vault {
    let wish = Wish { keyslot: Some("fake"), ..Wish::default() };
    Vault::unlock(store, wish, &mut Openers::typed(), &mut ScriptedPrompt::new().types("1")).unwrap()
}

/// Looks at a vault anew, as another process would; an altered one is read past its alteration.
fn see(store: Box<dyn Store>, whole: bool) -> Seen {
    let mut vault = open(store);
    if whole {
        vault.verify().unwrap();
    }
    let items = vault
        .items()
        .map_or(Vec::new(), |found| found.into_iter().map(|found| (found.item.name, found.revision)).collect());
    let keyslots = vault.header().keyslots.iter().map(|slot| (slot.name.clone(), slot.nonce)).collect();
    Seen { items, keyslots }
}

/// Lets `operation` fail at each step of the store that `make` gives, which holds what `look` sees.
fn every_step<S: Store + 'static>(operation: &Operation, make: impl Fn() -> S, look: impl Fn() -> Box<dyn Store>) {
    let name = operation.name;
    let all = |store: Box<dyn Store>| Contents::of(&mut { store }).unwrap();
    let changed = Cell::new(0);
    for step in 0.. {
        let faults = Faults::default();
        let store = Faulty::new(make(), faults.clone());
        let before = all(look());
        let seen = see(look(), !operation.altered);
        let mut vault = open(Box::new(store));
        faults.fail_at(step, || StoreError::Full);
        let result = (operation.run)(&mut vault);
        if faults.steps() <= step {
            result.unwrap();
            assert!((operation.happened)(&seen, &see(look(), true)), "{name} without a fault");
            assert!(step > 8, "{name}: {step} steps are too few to be true");
            assert_eq!(changed.get(), 1, "{name}: the lost answer of one commit");
            return;
        }
        assert!(matches!(result, Err(VaultError::Store(StoreError::Full))), "{name} {step}: {result:?}");
        if all(look()) == before {
            // The same vault object goes on as if nothing had been tried.
            faults.never();
            (operation.run)(&mut vault).unwrap_or_else(|error| panic!("{name} {step}, again: {error}"));
            assert!((operation.happened)(&seen, &see(look(), true)), "{name} {step}, again");
        } else {
            assert!((operation.happened)(&seen, &see(look(), true)), "{name} {step}: half of it is there");
            changed.set(changed.get() + 1);
            // The answer was lost, the change is there: the same vault object must see what is in the file now.
            faults.never();
            vault.verify().unwrap_or_else(|error| panic!("{name} {step}, after a lost answer: {error}"));
        }
    }
}

fn start(operation: &Operation) -> Contents {
    let mut contents = contents();
    if operation.altered {
        let mut vault = open(Box::new(MemoryStore::new(contents.clone())));
        contents.records.remove(&vault.get("one").unwrap().id);
    }
    contents
}

#[test]
fn in_memory_before_or_after_at_every_step() {
    for operation in &OPERATIONS {
        let start = start(operation);
        let store = MemoryStore::default();
        let make = || {
            store.replace(start.clone());
            store.clone()
        };
        every_step(operation, make, || Box::new(store.clone()));
    }
}

#[test]
fn in_a_file_before_or_after_at_every_step() {
    for operation in &OPERATIONS {
        let start = start(operation);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault");
        let make = || {
            let _ = std::fs::remove_file(&path);
            write(&path, &start)
        };
        every_step(operation, make, || Box::new(SqliteStore::open(&path).unwrap()));
    }
}

/// A file with these contents.
pub fn write(path: &Path, contents: &Contents) -> SqliteStore {
    let mut store =
        SqliteStore::create(path, contents.header.as_ref().unwrap(), contents.manifest.as_ref().unwrap()).unwrap();
    let mut transaction = store.begin().unwrap();
    for record in contents.records.values() {
        transaction.put_record(record).unwrap();
    }
    for ((tag, id), sealed) in &contents.entries {
        transaction.put_entry(&twinlock::store::Entry { tag: *tag, id: *id, sealed: sealed.clone() }).unwrap();
    }
    transaction.commit().unwrap();
    store
}
