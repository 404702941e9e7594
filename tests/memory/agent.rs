//! The agent's memory.

use crate::program::Cli;
use crate::scan::{Needle, can_look, core, process};
use crate::secrets::{has, items, keys, long, none, typed, vault};
use std::time::{Duration, Instant};

fn pid(cli: &Cli) -> i32 {
    i32::try_from(cli.json("status --json")["agent"]["pid"].as_i64().unwrap()).unwrap()
}

fn all(cli: &Cli) -> (Vec<Needle>, Vec<Needle>) {
    let mut rest = typed(cli);
    rest.extend(items());
    rest.extend(Needle::text("name", "first-n4me"));
    rest.extend(Needle::text("name", "another-n4me"));
    rest.extend(Needle::text("user", "us3r-of-it"));
    (keys(cli), rest)
}

/// Everything that items go through.
fn use_it(cli: &Cli) {
    cli.ok("add first-n4me --username us3r-of-it --value-file value0");
    cli.ok("add long-n4me --note --value-file value2");
    assert_eq!(cli.ok("get first-n4me --field password"), format!("{}\n", crate::secrets::VALUES[0]));
    assert!(cli.ok("get long-n4me --show").contains(&long()));
    cli.ok("edit first-n4me --value-file value1 --name another-n4me");
    cli.ok("get another-n4me");
    cli.ok("find us3r");
    cli.ok("list");
    cli.run("get nothing-such");
    cli.run("add another-n4me --value-file value0");
    cli.ok("add third-n4me --value-file value0");
    cli.ok("rm third-n4me --force");
}

#[test]
fn it_holds_keys_and_not_items_and_after_lock_nothing() {
    if !can_look() {
        return;
    }
    let cli = vault();
    let (keys, rest) = all(&cli);
    cli.ok("unlock --password-file pw");
    let pid = pid(&cli);
    use_it(&cli);
    let (memory, dump) = (process(pid, &keys), core(&cli, pid, &keys));
    for hits in [&memory, &dump] {
        assert!(has(hits, "account key (first") && has(hits, "record key"), "the scan finds what is there: {hits:?}");
    }
    none("unlocked: items, and what was typed", &process(pid, &rest));
    none("unlocked: items, and what was typed, in a core", &core(&cli, pid, &rest));
    cli.ok("lock");
    none("locked: keys", &process(pid, &keys));
    none("locked: keys, in a core", &core(&cli, pid, &keys));
    none("locked: items, and what was typed", &process(pid, &rest));
}

#[test]
fn nothing_is_left_when_it_was_not_used_or_its_file_was_replaced() {
    if !can_look() {
        return;
    }
    let cli = vault();
    let (mut needles, rest) = all(&cli);
    needles.extend(rest);
    cli.ok("unlock --recovery-file code --idle 1s");
    let pid = pid(&cli);
    cli.ok("add another-n4me --value-file value1");
    let end = Instant::now() + Duration::from_secs(30);
    while cli.json("status --json")["agent"]["unlocked"].as_array().is_none_or(|held| !held.is_empty()) {
        assert!(Instant::now() < end);
    }
    settled("not used", pid, &needles);
    cli.ok("unlock --recovery-file code");
    cli.ok("get another-n4me");
    assert!(has(&process(pid, &needles), "account key"));
    std::fs::copy(cli.vault(), cli.path("copy")).unwrap();
    std::fs::rename(cli.path("copy"), cli.vault()).unwrap();
    cli.run("get another-n4me");
    settled("replaced", pid, &needles);
}

/// Nobody waits for these: the thread of the vault ends a moment after it is not held any more.
fn settled(when: &str, pid: i32, needles: &[Needle]) {
    let end = Instant::now() + Duration::from_secs(10);
    let mut hits = process(pid, needles);
    while !hits.is_empty() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(100));
        hits = process(pid, needles);
    }
    none(when, &hits);
}
