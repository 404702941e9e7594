//! A kit in a real keychain: GNOME Keyring on a bus of its own, looked at by libsecret's own tool.
#![cfg(debug_assertions)]
#![allow(clippy::unwrap_used)] // helpers of tests are tests; clippy.toml knows only #[test] functions

#[path = "common/program.rs"]
mod program;

use program::{Cli, TWINLOCK};
use std::process::{Command, Output};

/// What must be there, with its Debian package.
const OTHERS: [(&str, &str); 3] =
    [("dbus-run-session", "dbus"), ("gnome-keyring-daemon", "gnome-keyring"), ("secret-tool", "libsecret-tools")];

/// Whether the machine has a Secret Service. Where the variable `CI` is set a skipped test is a missing test.
fn here() -> bool {
    let lacks = |program: &str| Command::new(program).arg("--version").output().is_err();
    let Some((program, package)) = OTHERS.iter().find(|(program, _)| lacks(program)) else { return true };
    let text = format!("'{program}' is not here; install the Debian package '{package}'");
    assert!(std::env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{text}");
    // Not eprintln!: the test harness would swallow it, and a skipped test must be seen.
    let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("\nSKIPPED: {text}\n"));
    false
}

/// A bus that starts nothing by itself: a second keychain, started by the bus beside ours, would be locked, and could outlive the test with
/// its output open.
const BUS: &str = r#"<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// Starts and unlocks the keychain, and waits until it is on the bus.
const KEYCHAIN: &str = "
    echo password | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
    owned() {
        dbus-send --session --print-reply --dest=org.freedesktop.DBus /org/freedesktop/DBus \
            org.freedesktop.DBus.NameHasOwner string:org.freedesktop.secrets 2>/dev/null | grep -q true
    }
    tries=0
    until owned; do
        tries=$((tries + 1))
        [ $tries -lt 200 ] || { echo 'the keychain does not come' >&2; exit 99; }
        sleep 0.05
    done
    set -e
";

/// Runs a script with a bus and an unlocked keychain of its own; `$T` is the program.
fn session(cli: &Cli, script: &str) -> Output {
    let bus = cli.home().join("bus.conf");
    std::fs::write(&bus, BUS).unwrap();
    let mut command = Command::new("dbus-run-session");
    command.arg("--config-file").arg(bus).args(["--", "sh", "-c", &format!("{KEYCHAIN}{script}")]);
    cli.settle(&mut command);
    command.env("T", TWINLOCK).env("XDG_RUNTIME_DIR", cli.home().join("cache")).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_kit_goes_into_the_keychain_and_mends_a_header_from_it() {
    if !here() {
        return;
    }
    let cli = Cli::with_vault();
    let vault = cli.vault();
    let ran = session(
        &cli,
        "$T kit export --keychain --recovery-file code --no-input
         $T kit export --keychain --recovery-file code --no-input
         secret-tool search --all application twinlock kind kit
         $T restore --keychain --recovery-file code --no-input",
    );
    let (said, found) = (text(&ran.stderr), text(&ran.stdout));
    assert!(ran.status.success(), "{said}");
    assert!(said.contains("put the kit into the system's keychain"), "{said}");
    assert!(said.contains("the kit is current; nothing needed mending, nothing was written"), "{said}");
    assert_eq!(
        found.matches("label = twinlock: kit of the vault 'personal'").count(),
        1,
        "replaced, not added: {found}"
    );
    assert!(found.contains("secret = TWINLOCK-KIT:"), "{found}");

    let file = rusqlite::Connection::open(vault).unwrap();
    file.execute_batch("DELETE FROM meta WHERE name = 'header'").unwrap();
    drop(file);
    let ran = session(&cli, "$T restore --keychain --recovery-file code --no-input");
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    assert!(text(&ran.stderr).contains("put the header back, byte for byte"), "{}", text(&ran.stderr));
    cli.ok("verify --recovery-file code");
}

#[test]
fn an_empty_or_absent_keychain_is_told() {
    if !here() {
        return;
    }
    let cli = Cli::with_vault();
    let ran = session(&cli, "$T restore --keychain --recovery-file code --no-input");
    assert_eq!(ran.status.code(), Some(4));
    assert!(text(&ran.stderr).contains("no kit is in the system's keychain"), "{}", text(&ran.stderr));
    let ran = cli.run("kit export --keychain --recovery-file code");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("the system's keychain cannot be used: no Secret Service answers"), "{}", ran.stderr);
}
