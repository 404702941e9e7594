//! What only the SQLite store must do: files that are no vault, hostile files, deletion, a full disk.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::super::memory::Contents;
use super::super::{Entry, Meta, Record, Store, StoreError};
use super::SqliteStore;

fn vault(folder: &tempfile::TempDir) -> PathBuf {
    let path = folder.path().join("vault");
    drop(SqliteStore::create(&path, b"header", b"manifest").unwrap());
    path
}

fn raw(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

/// Bytes that look random and differ in each 16: SplitMix64 by number.
fn noise(number: u64, length: usize) -> Vec<u8> {
    let word = |index: u64| {
        let mut z = (number << 32 | index).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (z ^ (z >> 27)).to_be_bytes()
    };
    (0..).flat_map(word).take(length).collect()
}

fn record(number: u64, revision: u64, length: usize) -> Record {
    let id = noise(number, 16).try_into().unwrap();
    Record { id, epoch: 1, revision, sealed: noise(number << 8 | revision, length) }
}

fn error(path: &Path) -> String {
    SqliteStore::open(path).err().expect("refused").to_string()
}

#[test]
fn says_what_else_lies_there() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, bytes: &[u8]| {
        fs::write(folder.path().join(name), bytes).unwrap();
        error(&folder.path().join(name)).split_once("' is not a twinlock vault: ").expect(name).1.to_owned()
    };
    assert_eq!(at("empty", b""), "it is empty");
    assert_eq!(at("zero", &[0]), "it is 1 zero bytes");
    assert_eq!(at("zeros", &[0; 4096]), "it is 4096 zero bytes");
    assert_eq!(at("more-zeros", &vec![0; 1 << 20]), "it begins with 65536 zero bytes");
    assert_eq!(at("text", b"my passwords:\n"), "it is a text file");
    assert_eq!(at("long-text", "a vault, said the fool\n".repeat(1000).as_bytes()), "it is a text file");
    assert_eq!(at("binary", &noise(1, 9000)), "it is not an SQLite file");
    raw(&folder.path().join("other"), "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    assert!(error(&folder.path().join("other")).ends_with("it is an SQLite file of another program"));

    let missing = folder.path().join("missing");
    assert!(matches!(SqliteStore::open(&missing), Err(StoreError::NotFound(path)) if path == missing));
    assert!(matches!(SqliteStore::open(&folder.path().join("text/vault")), Err(StoreError::NotFound(_))));
    assert!(!missing.exists(), "looking makes nothing");
}

#[test]
fn never_opens_what_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let what = |path: &Path| match SqliteStore::open(path) {
        Err(StoreError::NotAFile { what, .. }) => what,
        _ => panic!("{}", path.display()),
    };
    assert_eq!(what(folder.path()), "a folder");
    let fifo = folder.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert_eq!(what(&fifo), "a FIFO");
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert_eq!(what(&socket), "a socket");
    assert_eq!(what(Path::new("/dev/zero")), "a device");

    let path = vault(&folder);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        folder.path().join("vault-journal"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    assert!(error(&path).contains("is not a plain file"));
}

#[test]
fn refuses_later_versions_and_strange_tables() {
    let cases = [
        ("PRAGMA user_version = 2", "was made by a later twinlock (store version 2)"),
        ("PRAGMA user_version = 0", "its store version is 0"),
        ("PRAGMA user_version = -1", "its store version is -1"),
        ("PRAGMA application_id = 7", "it is an SQLite file of another program"),
        ("PRAGMA journal_mode = WAL", "its journal mode to 'wal'"),
        ("CREATE TABLE zz (x)", "its table 'zz' is not of a vault's making"),
        ("CREATE VIEW v AS SELECT 1", "its view 'v' is not"),
        ("CREATE TRIGGER t AFTER INSERT ON record BEGIN DELETE FROM record; END", "its trigger 't' is not"),
        ("CREATE INDEX i ON record (epoch)", "its index 'i' is not"),
        ("DROP TABLE record", "its table 'record' is missing"),
        ("DROP TABLE record; CREATE TABLE record (id, epoch, revision, sealed)", "its table 'record' is not"),
        ("ALTER TABLE meta ADD COLUMN extra INTEGER AS (length(value))", "its table 'meta' is not"),
    ];
    for (sql, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = vault(&folder);
        raw(&path, sql);
        let said = error(&path);
        assert!(said.contains(expected), "{sql}: {said}");
    }
}

#[test]
fn accepts_tables_written_on_several_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = vault(&folder);
    raw(
        &path,
        "DROP TABLE entry; create table entry (
            tag BLOB,
            id BLOB,
            sealed BLOB,
            PRIMARY KEY (tag, id)
        ) strict, without rowid",
    );
    SqliteStore::open(&path).unwrap();
}

#[test]
fn a_journal_that_names_another_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = vault(&folder);
    let magic = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7";
    let ending = |name_length: u8| {
        let journal = [&[0; 512][..], b"/a/fifo", &[0, 0, 0, name_length, 0, 0, 2, 0x99], magic].concat();
        fs::write(folder.path().join("vault-journal"), journal).unwrap();
    };
    ending(7);
    assert!(error(&path).contains("names another journal"), "{}", error(&path));
    for harmless in [&[][..], magic, &[0; 600]] {
        fs::write(folder.path().join("vault-journal"), harmless).unwrap();
        assert!(!SqliteStore::open(&path).is_err_and(|error| error.to_string().contains("names another")));
    }
    ending(0);
    assert!(SqliteStore::open(&path).is_ok(), "SQLite reads no name there either");
}

#[test]
fn names_the_row_of_a_wrong_shape() {
    let cases = [
        ("INSERT INTO record VALUES (x'0102', 1, 1, x'')", "record '0102' has an impossible id"),
        ("INSERT INTO record VALUES (zeroblob(16), -1, 1, x'')", "has an impossible epoch"),
        ("INSERT INTO record VALUES (zeroblob(16), 1, NULL, x'')", "has an impossible revision"),
        ("INSERT INTO record VALUES (zeroblob(16), 1, 1, NULL)", "record '00000000000000000000000000000000' has an"),
        ("INSERT INTO entry VALUES (zeroblob(99999), zeroblob(16), x'')", "has an impossible tag"),
        ("INSERT INTO entry VALUES (zeroblob(32), zeroblob(15), x'')", "has an impossible id"),
        ("UPDATE meta SET value = NULL WHERE name = 'header'", "the header is not a blob"),
        (
            "UPDATE meta SET value = zeroblob(1048577) WHERE name = 'header'",
            "the header is not a blob of at most 1 MiB",
        ),
        ("INSERT INTO record VALUES (zeroblob(16), 1, 1, zeroblob(26000000))", "a row is longer than any of a vault"),
    ];
    for (sql, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = vault(&folder);
        raw(&path, sql);
        let mut store = SqliteStore::open(&path).unwrap();
        match Contents::of(&mut store) {
            Err(StoreError::Damaged(said)) => assert!(said.contains(expected) && said.len() < 200, "{sql}: {said}"),
            other => panic!("{sql}: {other:?}"),
        }
    }
}

/// Which of these still have 24 bytes in a row anywhere in the file.
fn left_in(path: &Path, sealed: impl Iterator<Item = (u64, Vec<u8>)>) -> Vec<u64> {
    let file = fs::read(path).unwrap();
    let words: std::collections::HashSet<&[u8]> = file.windows(24).collect();
    sealed.filter(|(_, bytes)| bytes.windows(24).any(|word| words.contains(word))).map(|(number, _)| number).collect()
}

#[test]
fn a_replaced_header_is_gone_from_the_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = vault(&folder);
    let mut store = SqliteStore::open(&path).unwrap();
    let header = |number: u64| noise(number, usize::try_from(100 + number * 137 % 9_000).unwrap());
    for number in 0..60 {
        let mut transaction = store.begin().unwrap();
        transaction.put_meta(Meta::Header, &header(number)).unwrap();
        transaction.put_meta(Meta::Manifest, &noise(1000 + number, 300)).unwrap();
        transaction.put_record(&record(2000 + number, 1, 300)).unwrap();
        transaction.commit().unwrap();
        if number % 20 == 19 {
            assert_eq!(left_in(&path, (0..=number).map(|number| (number, header(number)))), [number]);
        }
    }
    assert_eq!(left_in(&path, (1000..1060).map(|number| (number, noise(number, 300)))), [1059]);
}

#[test]
fn what_was_deleted_or_replaced_is_gone_after_compacting() {
    let folder = tempfile::tempdir().unwrap();
    let path = vault(&folder);
    let mut store = SqliteStore::open(&path).unwrap();
    let length = |number: u64| if number.is_multiple_of(9) { 9_000 } else { 250 + usize::try_from(number).unwrap() };
    // Several transactions in an order that splits, merges and rebalances pages.
    for batch in 0..10 {
        let mut transaction = store.begin().unwrap();
        for number in (0..60).map(|n| n * 10 + batch) {
            transaction.put_record(&record(number, 1, length(number))).unwrap();
        }
        transaction.commit().unwrap();
    }
    let mut transaction = store.begin().unwrap();
    for number in 0..600 {
        match number % 3 {
            0 => assert!(transaction.delete_record(&record(number, 1, 0).id).unwrap()),
            1 => transaction.put_record(&record(number, 2, length(number) / 2)).unwrap(),
            _ => {}
        }
    }
    transaction.commit().unwrap();
    store.compact().unwrap();
    let all = || (0..600).map(|number| (number, record(number, 1, length(number)).sealed));
    let kept: Vec<u64> = (0..600).filter(|number| number % 3 == 2).collect();
    assert_eq!(left_in(&path, all()), kept);
    assert_eq!(Contents::of(&mut SqliteStore::open(&path).unwrap()).unwrap().records.len(), 400);
}

#[test]
fn nothing_of_what_was_cleared_is_left_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = vault(&folder);
    let mut store = SqliteStore::open(&path).unwrap();
    let length = |number: u64| if number.is_multiple_of(9) { 9_000 } else { 250 + usize::try_from(number).unwrap() };
    let entry = |number: u64| {
        let tag = noise(10_000 + number, 32).try_into().unwrap();
        Entry { tag, id: record(number, 1, 0).id, sealed: noise(20_000 + number, 290) }
    };
    // Several transactions in an order that splits, merges and rebalances pages, and leaves copies between cells.
    for batch in 0..10 {
        let mut transaction = store.begin().unwrap();
        for number in (0..60).map(|n| n * 10 + batch) {
            transaction.put_record(&record(number, 1, length(number))).unwrap();
            transaction.put_entry(&entry(number)).unwrap();
        }
        transaction.commit().unwrap();
    }
    let mut transaction = store.begin().unwrap();
    for number in (0..600).filter(|number| number % 3 == 0) {
        transaction.put_record(&record(number, 2, length(number) / 2)).unwrap();
    }
    transaction.commit().unwrap();
    let old = || {
        (0..600).flat_map(|number| {
            let of = |revision, length| (number, record(number, revision, length).sealed);
            [of(1, length(number)), of(2, length(number) / 2), (number, entry(number).sealed)]
        })
    };
    assert!(left_in(&path, old()).len() > 1200, "they are found while they are there");
    let mut transaction = store.begin().unwrap();
    transaction.clear().unwrap();
    for number in 1000..1500 {
        transaction.put_record(&record(number, 1, length(number))).unwrap();
    }
    transaction.commit().unwrap();
    assert_eq!(left_in(&path, old()), [0u64; 0]);
}

#[test]
fn a_full_disk_is_called_that_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = vault(&folder);
    let mut store = SqliteStore::open(&path).unwrap();
    store.connection.pragma_update(None, "max_page_count", 12).unwrap();
    let mut transaction = store.begin().unwrap();
    let result = (0..100).try_for_each(|number| transaction.put_record(&record(number, 1, 1000)));
    assert!(matches!(result, Err(StoreError::Full)), "{result:?}");
    drop(transaction);
    assert_eq!(Contents::of(&mut store).unwrap(), Contents::new(b"header", b"manifest", [], []));
}

#[test]
fn damage_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = vault(&folder);
    let mut store = SqliteStore::open(&path).unwrap();
    let mut transaction = store.begin().unwrap();
    for number in 0..200 {
        transaction.put_record(&record(number, 1, 300)).unwrap();
    }
    transaction.commit().unwrap();
    store.integrity().unwrap();
    drop(store);
    let whole = fs::read(&path).unwrap();

    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(SqliteStore::open(&path), Err(StoreError::Damaged(_))), "cut short");
    fs::write(&path, &whole[..100]).unwrap();
    assert!(matches!(SqliteStore::open(&path), Err(StoreError::Damaged(_))), "cut within the first page");

    // As a sync tool does: pages of an older state among the newer ones.
    let mut mixed = whole.clone();
    let page = whole.len() / 4096 / 2 * 4096;
    mixed[page..page + 4096].fill(0);
    fs::write(&path, &mixed).unwrap();
    let store = SqliteStore::open(&path).expect("the damage is deep inside");
    assert!(matches!(store.integrity(), Err(StoreError::Damaged(_))));
    let copy = folder.path().join("copy");
    assert!(matches!(store.backup(&copy), Err(StoreError::Damaged(_))), "a backup of that would be none");
    assert!(!copy.exists());
}

#[test]
fn backup_is_whole_private_and_never_over_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = vault(&folder);
    let mut store = SqliteStore::open(&path).unwrap();
    let mut transaction = store.begin().unwrap();
    transaction.put_record(&record(1, 1, 9000)).unwrap();
    transaction.put_entry(&Entry { tag: [1; 32], id: [2; 16], sealed: vec![3] }).unwrap();
    transaction.commit().unwrap();
    let mut other = SqliteStore::open(&path).unwrap();
    let mut unfinished = other.begin().unwrap();
    unfinished.put_record(&record(2, 1, 300)).unwrap();

    let copy = folder.path().join("copy");
    store.backup(&copy).unwrap();
    drop(unfinished);
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o7777, 0o600);
    let mut opened = SqliteStore::open(&copy).unwrap();
    assert_eq!(Contents::of(&mut opened).unwrap(), Contents::of(&mut store).unwrap());
    assert!(matches!(store.backup(&copy), Err(StoreError::Exists(_))));
    assert!(matches!(store.backup(&path), Err(StoreError::Exists(_))));
    let nowhere = folder.path().join("no/copy");
    assert!(matches!(store.backup(&nowhere), Err(StoreError::NoFolder(_))));
    let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["copy", "vault"], "no draft is left");
}

#[test]
fn create_never_replaces_and_never_adopts_a_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault");
    let exists = |at: &Path| match SqliteStore::create(at, b"h", b"m") {
        Err(StoreError::Exists(path)) => path.file_name().unwrap().to_str().unwrap().to_owned(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("created"),
    };
    symlink("nowhere", &path).unwrap();
    assert_eq!(exists(&path), "vault", "a dangling link");
    fs::remove_file(&path).unwrap();
    fs::write(folder.path().join("vault-journal"), "left over").unwrap();
    assert_eq!(exists(&path), "vault-journal");
    fs::remove_file(folder.path().join("vault-journal")).unwrap();
    fs::write(&path, "precious").unwrap();
    assert_eq!(exists(&path), "vault");
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    let nowhere = folder.path().join("gone/vault");
    assert!(matches!(SqliteStore::create(&nowhere, b"h", b"m"), Err(StoreError::NoFolder(_))));
    assert!(matches!(SqliteStore::create(&path.join("vault"), b"h", b"m"), Err(StoreError::NoFolder(_))));
}

#[test]
fn mode_is_private_and_a_wider_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault");
    let store = SqliteStore::create(&path, b"h", b"m").unwrap();
    assert_eq!(store.mode_warning(), None);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(SqliteStore::open(&path).unwrap().mode_warning(), Some(0o640));
}

#[test]
fn a_link_is_followed_and_the_journal_lies_beside_the_real_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = vault(&folder);
    fs::create_dir(folder.path().join("links")).unwrap();
    let link = folder.path().join("links/vault");
    symlink(&path, &link).unwrap();
    let mut store = SqliteStore::open(&link).unwrap();
    let mut transaction = store.begin().unwrap();
    transaction.put_record(&record(1, 1, 300)).unwrap();
    assert!(folder.path().join("vault-journal").exists());
    assert!(!folder.path().join("links/vault-journal").exists());
    transaction.commit().unwrap();
    assert!(Contents::of(&mut SqliteStore::open(&path).unwrap()).unwrap().records.len() == 1);
}

#[test]
fn a_file_that_vanishes_meanwhile_is_not_written_into_the_void() {
    let folder = tempfile::tempdir().unwrap();
    let path = vault(&folder);
    let mut store = SqliteStore::open(&path).unwrap();
    fs::rename(&path, folder.path().join("elsewhere")).unwrap();
    let result = store.begin().and_then(|mut transaction| transaction.put_record(&record(1, 1, 300)));
    assert_eq!(result.unwrap_err().to_string(), "the vault cannot be written: its file was moved or removed meanwhile");
    drop(folder);
    let said = store.begin().err().expect("no folder").to_string();
    assert!(said.starts_with("the vault cannot be written: its folder '") && said.ends_with("' is gone"), "{said}");
}

/// One record more, by somebody.
fn written(path: &Path, number: u64) {
    let mut store = SqliteStore::open(path).unwrap();
    let mut tx = store.begin().unwrap();
    tx.put_record(&record(number, 1, 100)).unwrap();
    tx.commit().unwrap();
}

#[test]
fn another_copy_written_over_the_file_is_noticed() {
    type Way = fn(&Path, &Path);
    // Each is written once, so that the counters by which SQLite knows a file are alike.
    let folder = tempfile::tempdir().unwrap();
    let (path, theirs) = (vault(&folder), folder.path().join("theirs"));
    fs::copy(&path, &theirs).unwrap();
    written(&path, 1);
    written(&theirs, 2);
    let over: Way = |from, to| fs::write(to, fs::read(from).unwrap()).unwrap();
    let renamed: Way = |from, to| {
        let beside = to.with_extension("new");
        fs::copy(from, &beside).unwrap();
        fs::rename(beside, to).unwrap();
    };
    for exchange in [over, renamed] {
        let mine = fs::read(&path).unwrap();
        let mut store = SqliteStore::open(&path).unwrap();
        drop(store.snapshot().unwrap());
        exchange(&theirs, &path);
        assert!(matches!(store.begin().err(), Some(StoreError::Exchanged)));
        let mut store = SqliteStore::open(&path).unwrap();
        drop(store.snapshot().unwrap());
        exchange(&theirs, &path);
        assert!(matches!(store.snapshot().err(), Some(StoreError::Exchanged)));
        assert_eq!(fs::read(&path).unwrap(), fs::read(&theirs).unwrap(), "and left as it is");
        assert!(SqliteStore::open(&path).unwrap().snapshot().unwrap().record(&record(2, 1, 1).id).unwrap().is_some());
        fs::write(&path, mine).unwrap();
    }
}

#[test]
fn writes_of_our_own_and_of_other_processes_are_no_exchange() {
    let folder = tempfile::tempdir().unwrap();
    let path = vault(&folder);
    let mut store = SqliteStore::open(&path).unwrap();
    for number in [1, 3] {
        drop(store.snapshot().unwrap());
        let mut tx = store.begin().unwrap();
        tx.put_record(&record(number, 1, 100)).unwrap();
        tx.commit().unwrap();
        drop(store.snapshot().unwrap());
        written(&path, number + 1);
        store.compact().unwrap();
    }
    assert!((1..=4).all(|number| store.snapshot().unwrap().record(&record(number, 1, 1).id).unwrap().is_some()));
}
