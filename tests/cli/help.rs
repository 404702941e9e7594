//! Every help text, in one file to read: tests/cli/snapshots/help.txt. `TWINLOCK_UPDATE_SNAPSHOTS=1 cargo test` writes it anew.

use crate::program::Cli;
use std::fmt::Write;
use std::path::Path;

/// Command paths below `path`, itself first, as its own help lists them.
fn commands(cli: &Cli, path: &str, all: &mut Vec<(String, String)>) {
    let text = cli.ok(format!("{path} --help").trim_start());
    let listed = text.split("\nCommands:\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap_or_default();
    let names: Vec<String> = listed
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect();
    all.push((path.to_owned(), text.clone()));
    for name in names {
        commands(cli, format!("{path} {name}").trim_start(), all);
    }
}

#[test]
fn all_of_it() {
    let cli = Cli::new();
    let mut all = Vec::new();
    commands(&cli, "", &mut all);
    commands(&cli, "manual", &mut all);
    let text = all.iter().fold(String::new(), |mut text, (path, help)| {
        // What is the same for every command is read once.
        let own = if path.is_empty() {
            help.as_str()
        } else {
            help.split("\nOptions of every command:").next().unwrap_or_default()
        };
        let _ = writeln!(text, "$ {}\n{own}", format!("twinlock {path} --help").replace("  ", " "));
        text
    });
    let text = text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/snapshots/help.txt");
    if std::env::var_os("TWINLOCK_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap();
    assert!(text == expected, "the help is not that of {}; TWINLOCK_UPDATE_SNAPSHOTS=1 writes it anew", file.display());
    assert!(all.len() > 20, "commands are found: {}", all.len());
}

#[test]
fn no_line_is_longer_than_a_terminal() {
    let cli = Cli::new();
    let mut all = Vec::new();
    commands(&cli, "", &mut all);
    for (path, help) in all {
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{path}: {line}");
        }
    }
}

#[test]
fn the_version() {
    assert_eq!(Cli::new().ok("--version"), format!("twinlock {}\n", env!("CARGO_PKG_VERSION")));
}
