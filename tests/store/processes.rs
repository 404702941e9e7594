//! Several processes at one vault, and processes that die.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use twinlock::store::sqlite::SqliteStore;
use twinlock::store::{Meta, RecordId, Store};

use crate::child;

fn vault(folder: &tempfile::TempDir) -> std::path::PathBuf {
    let path = folder.path().join("vault");
    drop(SqliteStore::create(&path, b"header", &0_u64.to_be_bytes()).unwrap());
    path
}

/// All records, each checked against its id, and the count that the writers kept.
fn contents(path: &Path) -> (BTreeMap<RecordId, u64>, u64) {
    let mut store = SqliteStore::open(path).unwrap();
    let mut records = BTreeMap::new();
    let snapshot = store.snapshot().unwrap();
    snapshot
        .each_record(&mut |record| {
            assert!(record.sealed.chunks(16).all(|chunk| chunk == record.id), "half-written");
            records.insert(record.id, record.revision);
            ControlFlow::Continue(())
        })
        .unwrap();
    let count = snapshot.meta(Meta::Manifest).unwrap().unwrap().try_into().unwrap();
    (records, u64::from_be_bytes(count))
}

#[test]
fn four_writers_and_a_reader_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = vault(&folder);
    let mut writers: Vec<_> =
        (0..4).map(|number| child::command("write_many", &path, number).spawn().unwrap()).collect();
    while writers.iter_mut().any(|writer| writer.try_wait().unwrap().is_none()) {
        let (records, count) = contents(&path);
        assert_eq!(records.len() as u64, count, "records and manifest are seen together");
        // A reader that never pauses would hold writers up longer than they wait.
        std::thread::sleep(Duration::from_millis(20));
    }
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    let (records, count) = contents(&path);
    let expected: BTreeMap<_, _> = (0..4)
        .flat_map(|number| (0..40).map(move |index| child::record(number, index)))
        .map(|record| (record.id, record.revision))
        .collect();
    assert_eq!(records, expected);
    assert_eq!(count, 160);
}

#[test]
fn forty_killed_writers_lose_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = vault(&folder);
    let mut acknowledged = 0;
    let mut hot = 0;
    for round in 0..40_u64 {
        let before = contents(&path).1;
        let mut writer = child::command("write_until_killed", &path, round).spawn().unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        // Killed after a number of answers and a part of the next write that differ from round to round.
        let enough =
            lines.by_ref().filter(|line| line.as_ref().unwrap().contains("said ")).take(1 + (round % 3) as usize);
        let mut answers = enough.count() as u64;
        std::thread::sleep(Duration::from_micros(round * 370 % 7_000));
        writer.kill().unwrap();
        writer.wait().unwrap();
        answers += lines.map_while(Result::ok).filter(|line| line.contains("said ")).count() as u64;
        hot += u32::from(folder.path().join("vault-journal").exists());

        let (records, count) = contents(&path);
        assert_eq!(records.len() as u64, count, "round {round}");
        for index in 0..answers * child::BATCH {
            assert!(records.contains_key(&child::record(round, index).id), "round {round}: {index} was acknowledged");
        }
        let written = count - before;
        assert!(
            written == answers * child::BATCH || written == (answers + 1) * child::BATCH,
            "round {round}: {written} records of {answers} acknowledged writes"
        );
        acknowledged += answers;
    }
    assert!(acknowledged >= 40);
    assert!(hot > 0, "no kill hit a write: this test shows nothing");
    SqliteStore::open(&path).unwrap().integrity().unwrap();
}

/// The file with its journal, as a killed writer leaves them: half a write is never shown.
#[test]
fn a_copy_with_its_journal_is_rolled_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = vault(&folder);
    let copy = folder.path().join("copy");
    let mut store = SqliteStore::open(&path).unwrap();
    let mut transaction = store.begin().unwrap();
    for index in 0..3_000 {
        transaction.put_record(&child::record(0, index)).unwrap();
    }
    // More than SQLite's page cache: the unfinished write has reached the file.
    std::fs::copy(&path, &copy).unwrap();
    std::fs::copy(folder.path().join("vault-journal"), folder.path().join("copy-journal")).unwrap();
    drop(transaction);
    assert!(std::fs::metadata(&copy).unwrap().len() > 1 << 20, "nothing to roll back");
    assert_eq!(contents(&copy), (BTreeMap::new(), 0));
}
