//! systemd reads the units as it would when they are installed, and has nothing to say.

use crate::program::TWINLOCK;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

const UNITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contrib/systemd");

/// Copies units into a folder, with programs that are here in place of those that will be installed.
fn copy(names: &[&str], to: &Path) -> Vec<std::path::PathBuf> {
    names
        .iter()
        .map(|name| {
            let text = std::fs::read_to_string(Path::new(UNITS).join(name)).unwrap();
            let text = text.replace("/usr/bin/twinlock", TWINLOCK).replace("/usr/bin/example-app", "/bin/true");
            std::fs::write(to.join(name), text).unwrap();
            to.join(name)
        })
        .collect()
}

/// What `systemd-analyze` says, and whether it is content; none, loudly, where it is not here.
fn analyze(args: &[&str], units: &[std::path::PathBuf], folder: &Path) -> Option<(bool, String)> {
    let mut command = Command::new("systemd-analyze");
    command
        .args(args)
        .args(units)
        .env("XDG_RUNTIME_DIR", folder)
        .env("HOME", folder)
        .env("SYSTEMD_LOG_LEVEL", "warning");
    let Ok(output) = command.output() else {
        let what = "systemd-analyze is not here: apt-get install systemd";
        assert!(std::env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{what}");
        // Not eprintln!: the test harness would swallow it, and a skipped test must be seen.
        let _ = writeln!(std::io::stderr(), "\nSKIPPED: {what}");
        return None;
    };
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Some((output.status.success(), text))
}

/// Lines about our units; of the machine's own ones systemd may think what it likes.
fn ours(text: &str) -> Vec<&str> {
    let about = ["twinlock", "example-app"];
    text.lines().filter(|line| about.iter().any(|name| line.contains(name))).collect()
}

fn content(args: &[&str], names: &[&str], change: impl Fn(String) -> String) -> Option<bool> {
    let dir = tempfile::tempdir().unwrap();
    let units = copy(names, dir.path());
    for unit in &units {
        std::fs::write(unit, change(std::fs::read_to_string(unit).unwrap())).unwrap();
    }
    let (fine, text) = analyze(args, &units, dir.path())?;
    let said = ours(&text);
    if !fine || !said.is_empty() {
        println!("{text}");
    }
    Some(fine && said.is_empty())
}

const AGENT: [&str; 2] = ["twinlock-agent.socket", "twinlock-agent.service"];
const VERIFY_USER: [&str; 3] = ["verify", "--user", "--man=no"];
const VERIFY: [&str; 2] = ["verify", "--man=no"];

#[test]
fn the_units_of_the_agent_are_as_systemd_wants_them() {
    assert_ne!(content(&VERIFY_USER, &AGENT, |text| text), Some(false));
}

#[test]
fn the_example_service_is_as_systemd_wants_it() {
    assert_ne!(content(&VERIFY, &["example-app.service"], |text| text), Some(false));
}

#[test]
fn a_misspelt_line_or_a_program_that_is_not_there_is_found() {
    let misspelt = |text: String| text.replace("NoNewPrivileges=", "NoNewPriviliges=");
    assert_ne!(content(&VERIFY_USER, &AGENT, misspelt), Some(true));
    assert_ne!(content(&VERIFY, &["example-app.service"], misspelt), Some(true));
    let gone = |text: String| text.replace(TWINLOCK, "/nonexistent/twinlock");
    assert_ne!(content(&VERIFY_USER, &AGENT, gone), Some(true));
}

#[test]
fn the_example_is_the_page_s() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/unattended.md")).unwrap();
    let unit = std::fs::read_to_string(Path::new(UNITS).join("example-app.service")).unwrap();
    for line in ["LoadCredentialEncrypted=", "RestartPreventExitStatus=", "ExecStart=", "Environment=TWINLOCK_"] {
        let line = unit.lines().find(|one| one.starts_with(line)).unwrap();
        assert!(page.contains(line), "docs/unattended.md lacks: {line}");
    }
}
