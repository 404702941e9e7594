//! Whole vault files by the other implementation, and what makes a file none.

use crate::load::{Given, Hex, files, folder, json};
use crate::person::{Person, item, openers};
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;
use twinlock::store::sqlite::SqliteStore;
use twinlock::vault::{Vault, VaultError, Wish};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    name: String,
    comment: String,
    expect: String,
    open: Given,
    account_key: Hex,
    items: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    name: String,
    comment: String,
    expect: String,
    base: String,
    open: Given,
    sql: Vec<String>,
}

fn open(path: &Path, given: &Given) -> Result<Vault, VaultError> {
    let store = SqliteStore::open(path)?;
    let wish = Wish { keyslot: Some(&given.keyslot), ..Wish::default() };
    Vault::unlock(Box::new(store), wish, &mut openers(given), &mut Person::new(given))
}

/// A copy that may be written to.
fn copy(name: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("copy.vault");
    std::fs::copy(folder("vaults").join(format!("{name}.vault")), &path).unwrap();
    (place, path)
}

#[test]
fn files_of_another_implementation_open_and_are_written_to() {
    let all: Vec<_> = files("vaults").into_iter().filter(|(_, path)| path.extension().unwrap() == "json").collect();
    assert!(all.len() >= 3);
    for (name, path) in all {
        let whole: Whole = json(&path);
        assert_eq!((whole.name.as_str(), whole.expect.as_str()), (name.as_str(), "ok"), "{}", whole.comment);
        let (_place, path) = copy(&name);
        let mut vault = open(&path, &whole.open).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(vault.account_key().expose(), &whole.account_key.array(), "{name}");
        let items: Vec<Value> =
            vault.items().unwrap().into_iter().map(|found| serde_json::to_value(found.item).unwrap()).collect();
        assert_eq!(items, whole.items, "{name}");
        let count = vault.verify().unwrap().items;
        vault.add(&item("new")).unwrap();
        vault.rename(&whole.open.keyslot, "renamed").unwrap();
        drop(vault);
        let given = Given { keyslot: "renamed".into(), ..whole.open };
        assert_eq!(open(&path, &given).unwrap().verify().unwrap().items, count + 1, "{name}");
    }
}

#[test]
fn files_that_are_no_vault_are_refused() {
    let mut failures = Vec::new();
    for (name, path) in files("file") {
        let refused: Refused = json(&path);
        assert_eq!((refused.name.as_str(), refused.expect.as_str()), (name.as_str(), "store"), "{}", refused.comment);
        let (_place, path) = copy(&refused.base);
        open(&path, &refused.open).unwrap_or_else(|error| panic!("{}: {error}", refused.base)).verify().unwrap();
        let file = rusqlite::Connection::open(&path).unwrap();
        for sql in &refused.sql {
            // Some pragmas answer with a row.
            let mut statement = file.prepare(sql).unwrap();
            let mut rows = statement.query([]).unwrap();
            while rows.next().unwrap().is_some() {}
        }
        drop(file);
        match open(&path, &refused.open).and_then(|mut vault| vault.verify()) {
            Err(VaultError::Store(_)) => {}
            other => failures.push(format!("file/{name} ({}): {other:?}", refused.comment)),
        }
    }
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
}
