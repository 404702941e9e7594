//! Processes that write at once lose nothing.

use crate::program::Cli;
use std::process::Stdio;

#[test]
fn adds_at_once_are_all_there() {
    let cli = Cli::with_vault().file("value", "hunter2");
    let add = |n: u32| {
        let mut command = cli.command(&format!("add item-{n:02} --value-file value --recovery-file code --no-input"));
        command.stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..24).map(add).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let expected: Vec<_> = (0..24).map(|n| format!("item-{n:02}")).collect();
    assert_eq!(cli.ok("list --recovery-file code").lines().collect::<Vec<_>>(), expected);
    cli.ok("verify --recovery-file code");
}

#[test]
fn of_many_adds_of_one_name_one_wins() {
    let cli = Cli::with_vault().file("value", "hunter2");
    let add = |_| {
        let mut command = cli.command("add same --value-file value --recovery-file code --no-input");
        command.stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..8).map(add).collect();
    let mut codes: Vec<_> = children.into_iter().map(|child| child.wait_with_output().unwrap().status.code()).collect();
    codes.sort();
    assert_eq!(codes, [&[Some(0)][..], &[Some(1); 7]].concat());
    assert_eq!(cli.ok("list --recovery-file code"), "same\n");
    cli.ok("verify --recovery-file code");
}

#[test]
fn items_and_keyslots_at_once() {
    let cli = Cli::with_vault().file("value", "hunter2");
    let lines = (0..16).map(|n| match n % 2 {
        0 => format!("add item-{n} --value-file value"),
        _ => format!("keyslot enroll --factor recovery --recovery-out code-{n} --name slot-{n}"),
    });
    let run = |line: String| {
        let mut command = cli.command(&format!("{line} --recovery-file code --keyslot recovery --no-input"));
        command.stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = lines.map(run).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(cli.ok("list --recovery-file code").lines().count(), 8);
    for n in (1..16).step_by(2) {
        cli.ok(&format!("keyslot test slot-{n} --recovery-file code-{n}"));
    }
    cli.ok("verify --recovery-file code");
}
