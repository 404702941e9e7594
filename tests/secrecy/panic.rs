//! A panic is a bug, and no reason to show what was in memory. The child that panics is this test program itself.

use std::process::Command;

const CHILD: &str = "TWINLOCK_TEST_PANIC";

/// In the child: panics with a secret in its message, where the program would.
#[test]
fn child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    twinlock::cli::install_panic_hook();
    open().expect("opened");
}

/// Fails with a secret in its error, as nothing in the program should.
fn open() -> Result<(), String> {
    Err(crate::PASSWORD.to_owned())
}

#[test]
fn a_panic_says_where_and_not_what() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "panic::child", "--nocapture"]).env(CHILD, "1");
    command.env("RUST_BACKTRACE", "full").env("RUST_LOG", "trace");
    let output = command.output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("twinlock: error: this is a bug in twinlock, at tests/secrecy/panic.rs:"), "{said}");
    assert!(said.contains("twinlock: hint: please report it"), "{said}");
    assert!(!said.contains(crate::PASSWORD), "{said}");
    assert!(!String::from_utf8(output.stdout).unwrap().contains(crate::PASSWORD));
}
