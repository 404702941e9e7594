//! What every store must do, run on each of them. A "place" makes two handles on one new vault, as two processes have.

use std::ops::ControlFlow;

use super::faulty::{Faults, Faulty};
use super::memory::{Contents, MemoryStore};
use super::sqlite::SqliteStore;
use super::{Entry, Meta, Record, RecordRef, Store, StoreError};

type Pair = (Box<dyn Store>, Box<dyn Store>);

fn record(number: u8, revision: u64) -> Record {
    Record { id: [number; 16], epoch: 1, revision, sealed: vec![number ^ 0x5a; 300] }
}

fn entry(tag: u8, id: u8) -> Entry {
    Entry { tag: [tag; 32], id: [id; 16], sealed: vec![tag, id] }
}

/// One transaction over all of `change`.
fn write(store: &mut dyn Store, change: &dyn Fn(&mut dyn super::Transaction) -> Result<(), StoreError>) {
    let mut transaction = store.begin().unwrap();
    change(&mut *transaction).unwrap();
    transaction.commit().unwrap();
}

fn starts_with_header_and_manifest_alone((mut one, _): Pair) {
    assert_eq!(Contents::of(&mut *one).unwrap(), Contents::new(b"header", b"manifest", [], []));
}

fn gives_back_what_was_written((mut one, mut two): Pair) {
    write(&mut *one, &|to| {
        to.put_meta(Meta::Header, b"second")?;
        to.put_record(&record(7, 1))?;
        to.put_record(&Record { id: [0xff; 16], epoch: u64::MAX >> 1, revision: 0, sealed: Vec::new() })?;
        to.put_entry(&entry(9, 7))
    });
    let seen = two.snapshot().unwrap();
    assert_eq!(seen.meta(Meta::Header).unwrap().unwrap(), b"second");
    assert_eq!(seen.meta(Meta::Manifest).unwrap().unwrap(), b"manifest");
    assert_eq!(seen.record(&[7; 16]).unwrap(), Some(record(7, 1)));
    assert_eq!(seen.record(&[0xff; 16]).unwrap().unwrap().epoch, u64::MAX >> 1);
    assert_eq!(seen.record(&[8; 16]).unwrap(), None);
    assert_eq!(seen.entries(&[9; 32]).unwrap(), [entry(9, 7)]);
    assert_eq!(seen.entries(&[7; 32]).unwrap(), []);
}

fn replaces_what_has_the_same_key((mut one, mut two): Pair) {
    write(&mut *one, &|to| {
        to.put_record(&record(1, 1))?;
        to.put_record(&record(1, 2))?;
        to.put_entry(&entry(1, 1))?;
        to.put_entry(&Entry { sealed: b"later".to_vec(), ..entry(1, 1) })
    });
    let expected =
        Contents::new(b"header", b"manifest", [record(1, 2)], [Entry { sealed: b"later".to_vec(), ..entry(1, 1) }]);
    assert_eq!(Contents::of(&mut *two).unwrap(), expected);
}

fn walks_in_order_and_stops((mut one, _): Pair) {
    write(&mut *one, &|to| {
        for number in [200, 3, 90, 0, 255, 17] {
            to.put_record(&record(number, 1))?;
            to.put_entry(&entry(number, 1))?;
            to.put_entry(&entry(17, number))?;
        }
        Ok(())
    });
    let seen = one.snapshot().unwrap();
    let mut ids = Vec::new();
    seen.each_record(&mut |RecordRef { id, .. }| {
        ids.push(id[0]);
        if id[0] == 90 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .unwrap();
    assert_eq!(ids, [0, 3, 17, 90]);
    let mut keys = Vec::new();
    seen.each_entry(&mut |entry| {
        keys.push((entry.tag[0], entry.id[0]));
        if entry.tag[0] > 17 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .unwrap();
    assert_eq!(keys, [(0, 1), (3, 1), (17, 0), (17, 1), (17, 3), (17, 17), (17, 90), (17, 200), (17, 255), (90, 1)]);
    let of_tag: Vec<u8> = seen.entries(&[17; 32]).unwrap().iter().map(|entry| entry.id[0]).collect();
    assert_eq!(of_tag, [0, 1, 3, 17, 90, 200, 255]);
}

fn deletes_and_says_whether_it_was_there((mut one, mut two): Pair) {
    write(&mut *one, &|to| {
        to.put_record(&record(1, 1))?;
        to.put_entry(&entry(1, 1))
    });
    write(&mut *one, &|to| {
        assert!(to.delete_record(&[1; 16])?);
        assert!(!to.delete_record(&[1; 16])?);
        assert!(!to.delete_entry(&[1; 32], &[2; 16])?);
        assert!(to.delete_entry(&[1; 32], &[1; 16])?);
        assert!(!to.delete_entry(&[1; 32], &[1; 16])?);
        Ok(())
    });
    assert_eq!(Contents::of(&mut *two).unwrap(), Contents::new(b"header", b"manifest", [], []));
}

fn a_transaction_sees_itself_and_vanishes_when_dropped((mut one, mut two): Pair) {
    let mut transaction = one.begin().unwrap();
    transaction.put_record(&record(1, 1)).unwrap();
    transaction.put_entry(&entry(1, 1)).unwrap();
    transaction.put_meta(Meta::Manifest, b"other").unwrap();
    assert_eq!(transaction.record(&[1; 16]).unwrap(), Some(record(1, 1)));
    assert_eq!(transaction.meta(Meta::Manifest).unwrap().unwrap(), b"other");
    let unchanged = Contents::new(b"header", b"manifest", [], []);
    assert_eq!(Contents::of(&mut *two).unwrap(), unchanged, "not committed yet");
    drop(transaction);
    assert_eq!(Contents::of(&mut *one).unwrap(), unchanged, "dropped");
    two.begin().expect("the first writer is gone");
}

fn a_snapshot_does_not_move((mut one, mut two): Pair) {
    let snapshot = two.snapshot().unwrap();
    let mut transaction = one.begin().expect("a reader does not keep a writer from starting");
    transaction.put_record(&record(1, 1)).unwrap();
    transaction.put_meta(Meta::Header, b"second").unwrap();
    assert_eq!(snapshot.record(&[1; 16]).unwrap(), None);
    assert_eq!(snapshot.meta(Meta::Header).unwrap().unwrap(), b"header");
    drop(snapshot);
    transaction.commit().unwrap();
    let snapshot = two.snapshot().unwrap();
    assert_eq!(snapshot.record(&[1; 16]).unwrap(), Some(record(1, 1)));
    assert_eq!(snapshot.meta(Meta::Header).unwrap().unwrap(), b"second");
}

fn clears_everything_but_header_and_manifest((mut one, mut two): Pair) {
    write(&mut *one, &|to| {
        for number in 0..50 {
            to.put_record(&record(number, 1))?;
            to.put_entry(&entry(number, number))?;
        }
        Ok(())
    });
    let before = Contents::of(&mut *two).unwrap();
    let mut transaction = one.begin().unwrap();
    transaction.clear().unwrap();
    assert_eq!(transaction.record(&[1; 16]).unwrap(), None);
    drop(transaction);
    assert_eq!(Contents::of(&mut *two).unwrap(), before, "dropped");
    write(&mut *one, &|to| {
        to.clear()?;
        to.put_record(&record(9, 2))
    });
    assert_eq!(Contents::of(&mut *two).unwrap(), Contents::new(b"header", b"manifest", [record(9, 2)], []));
}

fn refuses_counters_beyond_63_bits((mut one, _): Pair) {
    let mut transaction = one.begin().unwrap();
    let too_far = Record { epoch: 1 << 63, ..record(1, 1) };
    assert!(matches!(transaction.put_record(&too_far), Err(StoreError::Io(_))));
    let too_far = record(1, u64::MAX);
    assert!(matches!(transaction.put_record(&too_far), Err(StoreError::Io(_))));
    assert_eq!(transaction.record(&[1; 16]).unwrap(), None);
}

/// Goes through a write with each of its steps failing in turn: before or after, never between.
fn failing_at_any_step_leaves_all_or_nothing((one, mut two): Pair) {
    let faults = Faults::default();
    let mut one = Faulty::new(one, faults.clone());
    let change = |store: &mut dyn Store, sequence: u8| -> Result<(), StoreError> {
        let mut transaction = store.begin()?;
        transaction.put_record(&record(sequence, 1))?;
        transaction.put_entry(&entry(sequence, sequence))?;
        transaction.put_meta(Meta::Manifest, &[sequence])?;
        transaction.commit()
    };
    let mut kept = 0;
    for step in 0..6 {
        let sequence = u8::try_from(step + 1).unwrap();
        let before = Contents::of(&mut *two).unwrap();
        faults.fail_at(step, || StoreError::Full);
        assert!(matches!(change(&mut one, sequence), Err(StoreError::Full)), "step {step}");
        assert_eq!(faults.steps(), step + 1);
        let after = Contents::of(&mut *two).unwrap();
        let mut done = before.clone();
        done.manifest = Some(vec![sequence]);
        done.records.insert([sequence; 16], record(sequence, 1));
        done.entries.insert(([sequence; 32], [sequence; 16]), entry(sequence, sequence).sealed);
        assert!(after == before || after == done, "step {step}");
        kept += usize::from(after == done);
    }
    assert_eq!(kept, 1, "only a fault after the commit keeps the change");
    faults.never();
    change(&mut one, 9).unwrap();
    assert_eq!(faults.steps(), 6, "the loop above went through every step");
    faults.fail_at(1, || StoreError::Busy);
    let snapshot = one.snapshot().unwrap();
    assert!(matches!(snapshot.meta(Meta::Header), Err(StoreError::Busy)));
    assert!(snapshot.meta(Meta::Header).is_ok(), "a fault happens once");
}

const ALL: [fn(Pair); 10] = [
    starts_with_header_and_manifest_alone,
    gives_back_what_was_written,
    replaces_what_has_the_same_key,
    walks_in_order_and_stops,
    deletes_and_says_whether_it_was_there,
    a_transaction_sees_itself_and_vanishes_when_dropped,
    a_snapshot_does_not_move,
    clears_everything_but_header_and_manifest,
    refuses_counters_beyond_63_bits,
    failing_at_any_step_leaves_all_or_nothing,
];

#[test]
fn memory_conforms() {
    for test in ALL {
        let store = MemoryStore::new(Contents::new(b"header", b"manifest", [], []));
        test((Box::new(store.clone()), Box::new(store)));
    }
}

#[test]
fn sqlite_conforms() {
    for test in ALL {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault");
        let one = SqliteStore::create(&path, b"header", b"manifest").unwrap();
        let two = SqliteStore::open(&path).unwrap();
        test((Box::new(one), Box::new(two)));
    }
}

#[test]
fn memory_says_busy_to_a_second_writer_and_shows_alterations() {
    let mut one = MemoryStore::default();
    let mut two = one.clone();
    let first = one.begin().unwrap();
    assert!(matches!(two.begin(), Err(StoreError::Busy)));
    drop(first);
    let altered = Contents::new(b"x", b"y", [record(1, 1)], []);
    two.replace(altered.clone());
    assert_eq!(one.contents(), altered);
}
