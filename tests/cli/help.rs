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
        let _ = writeln!(text, "$ {}\n{help}", format!("twinlock {path} --help").replace("  ", " "));
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

/// Options that a help text describes: their lines are indented by two (`  -f, --field <FIELD>`) or six (`      --show`).
fn options(help: &str) -> Vec<&str> {
    let indents = |line: &&str| line.starts_with("  -") || line.starts_with("      --");
    help.lines()
        .filter(indents)
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with("--")))
        .collect()
}

#[test]
fn global_options_are_described_once() {
    let cli = Cli::new();
    let mut all = Vec::new();
    commands(&cli, "", &mut all);
    let (_, main) = all.remove(0);
    let (_, global) = main.split_once("\nGlobal options:\n").unwrap();
    let global = options(global);
    assert!(global.len() == 15 && global.contains(&"--vault") && global.contains(&"--config"), "{main}");
    for (path, long) in all {
        for help in [&long, &cli.ok(&format!("{path} -h"))] {
            let own = options(help);
            assert!(own.contains(&"--help") && !own.iter().any(|option| global.contains(option)), "{path}: {help}");
            assert!(help.contains("[OPTIONS]"), "global options count, too: {help}");
            let last = "\n\nGlobal options, such as --vault and --password-file: see 'twinlock --help'\n";
            assert!(help.ends_with(last), "{path}: {help}");
        }
    }
    let summary = cli.ok("-h");
    let (own, rest) = summary.split_once("\nGlobal options:\n").unwrap();
    assert_eq!(options(own), ["--help", "--version"]);
    assert_eq!(options(rest), ["--vault", "--keyslot", "--password-file"]);
    assert!(rest.contains("\n\nAll global options: see 'twinlock --help'\n\nStart with:"), "{summary}");
}

#[test]
fn a_command_without_its_subcommand_is_the_same_summary() {
    let ran = Cli::new().run("keyslot");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert_eq!(ran.stderr, Cli::new().ok("keyslot -h"));
}

#[test]
fn the_version() {
    assert_eq!(Cli::new().ok("--version"), format!("twinlock {}\n", env!("CARGO_PKG_VERSION")));
}
