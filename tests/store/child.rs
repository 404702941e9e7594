//! The test program, started again as another process. The "tests" here do nothing unless a parent asks.

use std::ffi::OsString;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use twinlock::store::sqlite::SqliteStore;
use twinlock::store::{Meta, Record, Store, StoreError};

const VAULT: &str = "TWINLOCK_TEST_VAULT";
const NUMBER: &str = "TWINLOCK_TEST_NUMBER";

/// Records in a write that is to be killed: many pages, so that kills fall while the vault file itself is being written, and
/// not only its journal.
pub const BATCH: u64 = 200;

/// A command that runs `child::what` in another process.
pub fn command(what: &str, vault: &Path, number: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(arguments(what)).env(VAULT, vault).env(NUMBER, number.to_string()).stdout(Stdio::piped());
    command
}

/// For a command that is started by way of another program.
pub fn arguments(what: &str) -> [OsString; 4] {
    [format!("child::{what}").into(), "--exact".into(), "--ignored".into(), "--nocapture".into()]
}

/// What the child said with `say`, in order.
pub fn said(stdout: &[u8]) -> Vec<String> {
    let lines = std::str::from_utf8(stdout).unwrap().lines();
    lines.filter_map(|line| line.split_once("said ").map(|(_, what)| what.to_owned())).collect()
}

fn asked() -> Option<(PathBuf, u64)> {
    Some((std::env::var_os(VAULT)?.into(), std::env::var(NUMBER).ok()?.parse().unwrap()))
}

fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "said {what}").unwrap();
    out.flush().unwrap();
}

/// Record `index` of writer `number`; its bytes follow from its id.
pub fn record(number: u64, index: u64) -> Record {
    let mut id = [0; 16];
    // Spread, so that pages all over the file change.
    id[..8].copy_from_slice(&index.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    id[8..].copy_from_slice(&number.to_be_bytes());
    let length = if index.is_multiple_of(7) { 6_000 } else { 300 };
    Record { id, epoch: 1, revision: index + 1, sealed: id.repeat(length / 16) }
}

/// Some records, and in the manifest the number of all: a lost update would show.
fn add(store: &mut SqliteStore, number: u64, indices: Range<u64>) -> Result<(), StoreError> {
    let mut transaction = store.begin()?;
    let count = u64::from_be_bytes(transaction.meta(Meta::Manifest)?.unwrap().try_into().unwrap());
    let added = indices.end - indices.start;
    indices.into_iter().try_for_each(|index| transaction.put_record(&record(number, index)))?;
    transaction.put_meta(Meta::Manifest, &(count + added).to_be_bytes())?;
    transaction.commit()
}

#[test]
#[ignore = "run by others"]
fn write_many() {
    let Some((vault, number)) = asked() else { return };
    let mut store = SqliteStore::open(&vault).unwrap();
    for index in 0..40 {
        // The time-out is for each write; with many writers on a slow disk it can pass.
        while matches!(add(&mut store, number, index..index + 1), Err(StoreError::Busy)) {}
    }
}

#[test]
#[ignore = "run by others"]
fn write_until_killed() {
    let Some((vault, number)) = asked() else { return };
    let mut store = SqliteStore::open(&vault).unwrap();
    for batch in 0.. {
        add(&mut store, number, batch * BATCH..(batch + 1) * BATCH).unwrap();
        say(&batch.to_string());
    }
}

#[test]
#[ignore = "run by others"]
fn write_until_error() {
    let Some((vault, number)) = asked() else { return };
    let written = SqliteStore::open(&vault).and_then(|mut store| {
        store.snapshot()?.meta(Meta::Header)?;
        say("read");
        (0..1_000).try_for_each(|index| add(&mut store, number, index..index + 1))
    });
    say(&format!("{written:?}"));
}

#[test]
#[ignore = "run by others"]
fn make() {
    let Some((vault, _)) = asked() else { return };
    say(&format!("{:?}", SqliteStore::create(&vault, &vec![7; 100_000], b"manifest").map(drop)));
}
