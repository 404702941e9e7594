//! What other programs can see of a running one, while a person is at its prompt.

use crate::program::Cli;
use crate::pty::Pty;
use crate::{PASSWORD, assert_clean, home, secrets};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Runs a command up to its password prompt, and looks at it.
fn at_the_prompt(line: &str, look: impl FnOnce(&Cli, PathBuf)) {
    let cli = home();
    let mut terminal = Pty::spawn(&cli.command(line));
    // With a keyslot named it is for that alone.
    terminal.expect("for vault 'personal'");
    terminal.send(&PASSWORD[..10]);
    look(&cli, PathBuf::from(format!("/proc/{}", terminal.id())));
    terminal.send_ctrl('c');
    assert_eq!(terminal.wait_exit().code(), Some(1));
    assert_clean(terminal.transcript().as_bytes(), &secrets(&cli), "the screen");
    assert_clean(terminal.transcript().as_bytes(), &[PASSWORD.as_bytes()[..10].to_vec()], "the screen");
}

#[test]
fn no_secret_in_arguments_or_environment() {
    let files = "--new-password-file pw2 --pin-file pin --keyslot password";
    for line in [
        format!("add x --value-file value {files}"),
        format!("passwd {files}"),
        format!("keyslot enroll --factor password --name n {files}"),
        format!("list --recovery-file code {files}"),
    ] {
        at_the_prompt(&line, |cli, process| {
            let mut secrets = secrets(cli);
            secrets.push(PASSWORD.as_bytes()[..10].to_vec());
            let arguments = fs::read(process.join("cmdline")).unwrap();
            assert!(!arguments.is_empty());
            assert_clean(&arguments, &secrets, "the arguments");
            // A process that is not dumpable lets only root read its environment.
            match fs::read(process.join("environ")) {
                Ok(environment) => assert_clean(&environment, &secrets, "the environment"),
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied),
            }
        });
    }
}

#[test]
fn no_core_and_no_looking_into_its_memory() {
    at_the_prompt("list", |_, process| {
        let limits = fs::read_to_string(process.join("limits")).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
        // What is not dumpable belongs to root: so says the owner of its files in /proc (proc(5)).
        let owner = fs::metadata(process.join("environ")).unwrap().uid();
        assert_eq!(owner, 0);
        if !rustix::process::geteuid().is_root() {
            assert!(fs::File::open(process.join("mem")).is_err());
        }
    });
}

/// As root the owner above says nothing: so also as somebody else, whose own process must refuse them.
#[test]
fn its_own_user_cannot_read_its_memory() {
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        return; // the test above has looked as an ordinary user
    }
    let cli = home();
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("twinlock");
    assert!(std::process::Command::new("cp").arg(crate::program::TWINLOCK).arg(&program).status().unwrap().success());
    let open = std::os::unix::fs::PermissionsExt::from_mode;
    fs::set_permissions(folder.path(), open(0o755)).unwrap();
    fs::set_permissions(&program, open(0o755)).unwrap();
    fs::copy(cli.vault(), folder.path().join("vault")).unwrap();
    std::os::unix::fs::chown(folder.path().join("vault"), Some(NOBODY), Some(NOBODY)).unwrap();
    std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    // It waits for its password at a pipe that stays open.
    let mut command = std::process::Command::new(&program);
    command.args(["list", "--password-file", "-", "--vault"]).arg(folder.path().join("vault"));
    cli.settle(&mut command);
    command.current_dir("/").uid(NOBODY).gid(NOBODY).stdin(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let process = PathBuf::from(format!("/proc/{}", child.id()));
    // It has begun to protect itself, and waits: for its password, as there is nothing else to wait for.
    let limits = || fs::read_to_string(process.join("limits")).unwrap();
    let no_core =
        || limits().lines().any(|line| line.starts_with("Max core") && line.split_whitespace().nth(4) == Some("0"));
    let asleep = || fs::read_to_string(process.join("stat")).unwrap().contains(") S ");
    while !(no_core() && asleep()) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let look = |file: &str| {
        let mut command = std::process::Command::new("cat");
        let command = command.arg(process.join(file)).uid(NOBODY).gid(NOBODY).current_dir("/");
        command.output().unwrap()
    };
    for file in ["environ", "maps", "auxv"] {
        let output = look(file);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("Permission denied"), "{file}: {said}");
    }
    assert!(look("cmdline").status.success(), "what is public still is");
    child.kill().unwrap();
    child.wait().unwrap();
}
