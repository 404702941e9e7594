//! A rotation that is killed, or whose store fails: the vault opens with the old account key or with the new, whole, and the next run
//! finishes.

use crate::program::Cli;
use crate::pty::Pty;
use crate::steps::{PASSWORD, contents, item, open, write};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use twinlock::factor::Openers;
use twinlock::prompt::{FilePrompt, NoPrompt, ScriptedPrompt, Sources};
use twinlock::store::faulty::{Faults, Faulty};
use twinlock::store::memory::{Contents, MemoryStore};
use twinlock::store::sqlite::SqliteStore;
use twinlock::store::{Store, StoreError};
use twinlock::vault::{Rotated, Vault, VaultError, Wish};

/// Items of the vault that is killed.
const ITEMS: usize = 1000;
/// Kills of each of the two that run at once.
const ROUNDS: u32 = 260;

fn rotate(vault: &mut Vault) -> Result<Rotated, VaultError> {
    let mut prompt = ScriptedPrompt::new().types(PASSWORD);
    let rotation = vault.prepare_rotation(&[], false, &mut |_| false, &mut Openers::typed(), &mut prompt)?;
    vault.rotate(rotation, &mut |_| ControlFlow::Continue(()))
}

/// Revisions and contents, which no rotation changes.
fn items(vault: &mut Vault) -> Vec<(u64, Vec<u8>)> {
    let one = |found: twinlock::vault::Found| (found.revision, found.item.to_json().unwrap().to_vec());
    vault.items().unwrap().into_iter().map(one).collect()
}

fn every_step<S: Store + 'static>(make: impl Fn() -> S, look: impl Fn() -> Box<dyn Store>) {
    let mut lost_answers = 0;
    for step in 0.. {
        let faults = Faults::default();
        let mut vault = open(Box::new(Faulty::new(make(), faults.clone())));
        let before = Contents::of(&mut *look()).unwrap();
        let seen = items(&mut vault);
        faults.fail_at(step, || StoreError::Full);
        let result = rotate(&mut vault);
        let last = faults.steps() <= step;
        faults.never();
        let now = Contents::of(&mut *look()).unwrap();
        match result {
            Ok(rotated) => {
                assert_eq!(rotated, Rotated { items: 3, epoch: 2 }, "{step}");
                assert_eq!(vault.header().epoch, 2, "{step}");
                assert!(now.records.values().all(|record| record.epoch == 2), "{step}");
                lost_answers += usize::from(!last);
            }
            Err(error) => {
                assert!(matches!(error, VaultError::Store(StoreError::Full)), "{step}: {error}");
                assert!(now == before, "{step}: the old vault, byte for byte");
                // The same handle can begin again.
                assert_eq!(rotate(&mut vault).unwrap().epoch, 2, "{step}, again");
            }
        }
        assert_eq!(items(&mut vault), seen, "{step}, by the same handle");
        let mut fresh = open(look());
        assert_eq!(fresh.verify().unwrap().items, 3, "{step}");
        assert_eq!(items(&mut fresh), seen, "{step}, by another");
        if last {
            assert!(step > 15, "{step} steps are too few to be true");
            assert_eq!(lost_answers, 1, "the lost answer of the commit, which had happened");
            return;
        }
    }
}

fn start() -> Contents {
    let store = MemoryStore::new(contents());
    open(Box::new(store.clone())).add(&item("three")).unwrap();
    store.contents()
}

#[test]
fn in_memory_old_or_new_at_every_step() {
    let (start, store) = (start(), MemoryStore::default());
    let make = || {
        store.replace(start.clone());
        store.clone()
    };
    every_step(make, || Box::new(store.clone()));
}

#[test]
fn in_a_file_old_or_new_at_every_step() {
    let start = start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault");
    let make = || {
        let _ = std::fs::remove_file(&path);
        write(&path, &start)
    };
    every_step(make, || Box::new(SqliteStore::open(&path).unwrap()));
}

/// A vault with many items, which lies in `pristine`, and the program that works on copies of it.
fn many(items: usize) -> Cli {
    let cli = Cli::with_vault();
    let all: Vec<_> = (0..items).map(|n| item(&format!("item {n:04}"))).collect();
    unlock(&cli, &cli.vault()).add_all(&all).unwrap();
    std::fs::copy(cli.vault(), cli.path("pristine")).unwrap();
    cli
}

fn unlock(cli: &Cli, path: &Path) -> Vault {
    let sources = Sources { recovery: Some(cli.path("code")), ..Sources::default() };
    let mut prompt = FilePrompt::new(NoPrompt, sources).unwrap();
    let wish = Wish { recovery: true, ..Wish::default() };
    let store = Box::new(SqliteStore::open(path).unwrap());
    Vault::unlock(store, wish, &mut Openers::typed(), &mut prompt).unwrap()
}

fn begin(cli: &Cli) -> Child {
    std::fs::copy(cli.path("pristine"), cli.vault()).unwrap();
    let _ = std::fs::remove_dir_all(cli.home().join("state/twinlock"));
    let mut command = cli.command("rotate --recovery-file code --no-input");
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The journal is there from the first write of the rotation to its end.
fn journal(cli: &Cli) -> bool {
    cli.vault().with_extension("twinlock-journal").exists()
}

/// Where kills landed.
#[derive(Default)]
struct Tally {
    old: u32,
    new: u32,
    journals: u32,
}

/// Kills over the whole run and, every other time, over that part of it that has a journal.
fn kill_many(first: u32) -> Tally {
    let cli = many(ITEMS);
    let expected = items(&mut unlock(&cli, &cli.vault()));
    assert_eq!(expected.len(), ITEMS);
    // The first ones run to their end, for the time that it takes.
    let (mut whole, mut writing) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..2 {
        let (started, mut child) = (Instant::now(), begin(&cli));
        while !journal(&cli) && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let at = started.elapsed();
        assert!(child.wait().unwrap().success());
        (whole, writing) = (started.elapsed(), started.elapsed().saturating_sub(at));
    }
    let mut tally = Tally::default();
    for round in first..first + ROUNDS {
        let mut child = begin(&cli);
        let part = (f64::from(round) * 0.618_033_988_749_895).fract() * 1.1;
        if round.is_multiple_of(2) {
            std::thread::sleep(whole.mul_f64(part));
        } else {
            while !journal(&cli) && child.try_wait().unwrap().is_none() {
                std::thread::yield_now();
            }
            std::thread::sleep(writing.mul_f64(part));
        }
        child.kill().unwrap();
        let finished = child.wait().unwrap().success();
        tally.journals += u32::from(journal(&cli));
        let mut vault = unlock(&cli, &cli.vault());
        let epoch = vault.header().epoch;
        // The set is looked at, too; the index, in the rounds below.
        assert!(items(&mut vault) == expected, "{round}: epoch {epoch}");
        assert!(matches!(epoch, 1 | 2) && (epoch == 2 || !finished), "{round}: epoch {epoch}");
        let thorough = round.is_multiple_of(13);
        if thorough {
            vault.verify().unwrap();
        }
        drop(vault);
        match epoch {
            1 => tally.old += 1,
            _ => tally.new += 1,
        }
        // A slow machine or a fast one: as many before as after.
        let shift = |time: Duration| time.mul_f64(if epoch == 2 { 0.99 } else { 1.01 });
        (whole, writing) = (shift(whole), shift(writing));
        if thorough {
            cli.ok("rotate --recovery-file code --no-input");
            let mut vault = unlock(&cli, &cli.vault());
            assert_eq!(vault.header().epoch, epoch + 1, "{round}: the next run finishes");
            assert!(vault.verify().is_ok() && items(&mut vault) == expected, "{round}, again");
            let folder = std::fs::read_dir(cli.vault().parent().unwrap()).unwrap();
            assert_eq!(folder.count(), 1, "{round}: nothing lies beside the vault");
        }
    }
    tally
}

#[test]
fn killed_anywhere_it_is_the_old_vault_or_the_new() {
    let other = std::thread::spawn(|| kill_many(0));
    let (one, two) = (kill_many(10_000), other.join().unwrap());
    let (old, new, journals) = (one.old + two.old, one.new + two.new, one.journals + two.journals);
    assert!(old + new >= 500);
    let said = format!("rotate: {} kills: {old} left the old vault, {new} the new, {journals} a journal\n", old + new);
    std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()).unwrap();
    let spread = BTreeMap::from([("old", old), ("new", new), ("journals", journals)]);
    assert!(spread.values().all(|kills| *kills >= 25), "kills landed on one side only: {spread:?}");
}

#[test]
fn ctrl_c_rolls_it_back_and_says_so() {
    let cli = many(20 * ITEMS);
    let mut stopped = 0;
    // A key that comes after the last look at it comes too late, and then it is done: so there is much to do.
    for _ in 0..20 {
        std::fs::copy(cli.path("pristine"), cli.vault()).unwrap();
        let _ = std::fs::remove_dir_all(cli.home().join("state/twinlock"));
        let mut terminal = Pty::spawn(&cli.command("rotate --recovery-file code --force"));
        terminal.expect("% sealing anew");
        terminal.send("\u{3}");
        let code = terminal.wait_exit().code();
        let epoch = unlock(&cli, &cli.vault()).header().epoch;
        match code {
            Some(1) => {
                assert!(terminal.transcript().contains("stopped; nothing was changed"), "{}", terminal.transcript());
                assert_eq!(epoch, 1);
                assert!(!journal(&cli));
                stopped += 1;
            }
            other => assert_eq!((other, epoch), (Some(0), 2)),
        }
        if stopped == 3 {
            return;
        }
    }
    panic!("of 20 times it was stopped {stopped} times");
}
