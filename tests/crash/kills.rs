//! kill -9 at random points of every command that writes.
//!
//! The delays are spread over the time that the command takes, which is learned on the way: whoever had time to end makes the next
//! delays shorter, whoever had not makes them longer. So kills land before, within and after the write on a fast machine and on a
//! slow one. How many landed where is said at the end.

use crate::program::{CHEAP, Cli, PASSWORD};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// What a vault holds, as its owner sees it.
#[derive(PartialEq, Eq, Debug, Clone)]
struct State {
    items: BTreeSet<String>,
    keyslots: Vec<String>,
    /// File of a secret and whether it opens.
    opens: BTreeMap<&'static str, bool>,
}

/// A command to be killed.
struct Victim {
    name: &'static str,
    /// Kills.
    rounds: u32,
    /// Arguments, of a round.
    line: fn(u32) -> String,
    /// Brings the vault back to where the command can run again.
    again: fn(&Cli, u32),
    /// Secrets that may open or not: option and file.
    ways: &'static [(&'static str, &'static str)],
}

/// Where kills landed.
#[derive(Default)]
struct Tally {
    kills: u32,
    not_done: u32,
    done: u32,
    journals: u32,
    finished: u32,
}

fn observe(cli: &Cli, victim: &Victim) -> State {
    let items = cli.ok("list --recovery-file code --no-input").lines().map(str::to_owned).collect();
    let keyslots = cli.json("keyslot list --json");
    let name = |slot: &serde_json::Value| format!("{} {}", slot["name"], slot["id"]);
    let keyslots = keyslots.as_array().unwrap().iter().map(name).collect();
    let opens = |(option, file): &(&'static str, &'static str)| {
        let there = cli.path(file).exists();
        let ran = cli.run(&format!("list {option} {file} --no-input"));
        assert!(matches!(ran.code, Some(0 | 3)) || !there, "{file}: {}", ran.stderr);
        (*file, ran.code == Some(0))
    };
    State { items, keyslots, opens: victim.ways.iter().map(opens).collect() }
}

fn spawn(cli: &Cli, victim: &Victim, round: u32) -> std::process::Child {
    let mut command: Command = cli.command(&format!("{} --recovery-file code --no-input", (victim.line)(round)));
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// A number below one, another for each round, the same in each run: the golden ratio spreads evenly.
fn spread(round: u32) -> f64 {
    (f64::from(round) * 0.618_033_988_749_895).fract()
}

fn kill_at_random(victim: &Victim) {
    let cli = Cli::with_vault().file("value", "hunter2").file("pw", PASSWORD).file("pw2", "four other random words");
    let enroll = "keyslot enroll --factor password --new-password-file pw --name pw --recovery-file code";
    cli.ok(&format!("{enroll} {CHEAP}"));
    cli.ok("add keep --value-file value --recovery-file code");
    let mut tally = Tally::default();
    let mut whole = Duration::ZERO;
    for round in 0..victim.rounds + 3 {
        (victim.again)(&cli, round);
        let before = observe(&cli, victim);
        let (started, began) = (Instant::now(), SystemTime::now());
        let mut child = spawn(&cli, victim, round);
        let alone = round < 3;
        if !alone {
            std::thread::sleep(whole.mul_f64(spread(round) * 1.3));
            child.kill().unwrap();
            tally.kills += 1;
        }
        let output = child.wait_with_output().unwrap();
        if alone {
            assert!(output.status.success(), "{}: {}", victim.name, String::from_utf8_lossy(&output.stderr));
            whole = started.elapsed();
            continue;
        }
        let finished = output.status.success();
        tally.finished += u32::from(finished);
        whole = whole.mul_f64(if finished { 0.94 } else { 1.03 });
        let journal = std::fs::metadata(cli.vault().with_extension("twinlock-journal"));
        tally.journals += u32::from(journal.is_ok_and(|journal| journal.modified().unwrap() >= began));
        let after = observe(&cli, victim);
        check(&cli, victim, round, &before, &after, finished);
        if after == before { tally.not_done += 1 } else { tally.done += 1 }
    }
    let said = format!(
        "{}: {} kills over {whole:?}: {} before its change lasted, {} after ({} of them after its end), {} left a journal\n",
        victim.name, tally.kills, tally.not_done, tally.done, tally.finished, tally.journals
    );
    std::io::stderr().write_all(said.as_bytes()).unwrap();
    cli.ok("add last --value-file value --recovery-file code");
    assert_eq!(
        files(cli.vault().parent().unwrap()),
        ["vault.twinlock"],
        "{}: a write leaves the vault alone",
        victim.name
    );
    assert!(tally.not_done > 0 && tally.done > 0, "kills landed on one side only: {said}");
}

fn files(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Before or after, and nothing else; and nothing is left lying about.
fn check(cli: &Cli, victim: &Victim, round: u32, before: &State, after: &State, finished: bool) {
    let name = victim.name;
    assert!(after.items.contains("keep"), "{name} {round}: an item that nobody touched");
    cli.ok("verify --recovery-file code --no-input");
    assert_eq!(files(&cli.home().join("tmp")), [""; 0], "{name} {round}");
    let left = files(cli.vault().parent().unwrap());
    // A journal that was only begun is no journal to readers; the next writer takes it away.
    let journal = left.iter().any(|file| file == "vault.twinlock-journal");
    assert_eq!(left.len(), 1 + usize::from(journal), "{name} {round}: {left:?}");
    if finished {
        assert_ne!(before, after, "{name} {round}: it was acknowledged");
    }
    if before == after {
        return;
    }
    // All that the same command makes of the same vault when it is let alone: each part of the state is the old or the new one.
    let steps = [before.items != after.items, before.keyslots != after.keyslots, before.opens != after.opens];
    let expected = match name {
        "add" | "rm" => [true, false, false],
        "passwd" => [false, false, true],
        _ => [false, true, true],
    };
    assert_eq!(steps, expected, "{name} {round}: {before:?} {after:?}");
    assert!(before.items.len().abs_diff(after.items.len()) <= 1, "{name} {round}");
    if name == "passwd" {
        let opened = |state: &State| state.opens.values().filter(|opens| **opens).count();
        assert_eq!((opened(before), opened(after)), (1, 1), "{name} {round}: one password opens, old or new");
    }
}

#[test]
fn add() {
    kill_at_random(&Victim {
        name: "add",
        rounds: 70,
        line: |round| format!("add item-{round} --value-file value --username ada"),
        again: |_, _| {},
        ways: &[],
    });
}

#[test]
fn rm() {
    kill_at_random(&Victim {
        name: "rm",
        rounds: 70,
        line: |round| format!("rm item-{round} --force"),
        again: |cli, round| drop(cli.ok(&format!("add item-{round} --value-file value --recovery-file code"))),
        ways: &[],
    });
}

#[test]
fn enroll() {
    kill_at_random(&Victim {
        name: "keyslot enroll",
        rounds: 70,
        line: |_| "keyslot enroll --factor recovery --recovery-out new --name new".to_owned(),
        again: |cli, _| {
            cli.run("keyslot wipe new --force --recovery-file code");
            let _ = std::fs::remove_file(cli.path("new"));
        },
        ways: &[("--recovery-file", "new")],
    });
}

#[test]
fn wipe() {
    kill_at_random(&Victim {
        name: "keyslot wipe",
        rounds: 70,
        line: |_| "keyslot wipe new --force".to_owned(),
        again: |cli, _| {
            if cli.run("keyslot test new --recovery-file new").code != Some(0) {
                let _ = std::fs::remove_file(cli.path("new"));
                cli.ok("keyslot enroll --factor recovery --recovery-out new --name new --recovery-file code");
            }
        },
        ways: &[("--recovery-file", "new")],
    });
}

#[test]
fn passwd() {
    kill_at_random(&Victim {
        name: "passwd",
        // Each round checks passwords five times.
        rounds: 40,
        line: |_| format!("passwd --new-password-file pw2 {CHEAP}"),
        again: |cli, _| {
            // The password that does not open now is the next one.
            if cli.run("list --password-file pw2 --keyslot pw").code == Some(0) {
                let (one, two) = (cli.read("pw"), cli.read("pw2"));
                cli.write("pw", &two);
                cli.write("pw2", &one);
            }
        },
        ways: &[("--keyslot pw --password-file", "pw"), ("--keyslot pw --password-file", "pw2")],
    });
}
