//! Disks that are full, read-only or of somebody else. Root may do anything, so as root these run as "nobody" or within a
//! mount namespace of their own.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use twinlock::store::sqlite::SqliteStore;

use crate::child;

const NOBODY: u32 = 65_534;

fn vault() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault");
    drop(SqliteStore::create(&path, b"header", &0_u64.to_be_bytes()).unwrap());
    (folder, path)
}

/// A vault that an unprivileged child owns.
fn vault_of_child() -> (tempfile::TempDir, PathBuf) {
    let (folder, path) = vault();
    give_away(folder.path());
    give_away(&path);
    (folder, path)
}

fn give_away(path: &Path) {
    if rustix::process::geteuid().is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

/// Runs a child without privileges and gives what it said.
fn unprivileged(what: &str, vault: &Path) -> Vec<String> {
    let mut command = child::command(what, vault, 0);
    let copy = tempfile::tempdir().unwrap();
    if rustix::process::geteuid().is_root() {
        // The program may lie in a folder that only root may enter. Copied by another process: a descriptor of ours, open
        // for writing while another test forks, would make it "text file busy".
        let program = copy.path().join("child");
        let copied = Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&program).status().unwrap();
        assert!(copied.success());
        fs::set_permissions(copy.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let environment: Vec<_> = command.get_envs().map(|(k, v)| (k.to_owned(), v.unwrap().to_owned())).collect();
        command = Command::new(program);
        command.args(child::arguments(what)).envs(environment).current_dir("/").uid(NOBODY).gid(NOBODY);
    }
    heard(&command.output().unwrap())
}

fn heard(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    child::said(&output.stdout)
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_read_only_file_is_read_and_not_written() {
    let (_folder, path) = vault_of_child();
    mode(&path, 0o400);
    let said = unprivileged("write_until_error", &path);
    assert_eq!(said, ["read", r#"Err(ReadOnly("its file may only be read"))"#]);
}

#[test]
fn a_read_only_folder_is_read_and_not_written() {
    let (folder, path) = vault_of_child();
    mode(folder.path(), 0o500);
    let said = unprivileged("write_until_error", &path);
    assert_eq!(said[0], "read");
    assert!(said[1].starts_with(r#"Err(ReadOnly("its folder '"#), "{said:?}");
    let said = unprivileged("make", &folder.path().join("new"));
    assert!(said[0].starts_with(r#"Err(Denied("the folder '"#), "{said:?}");
    mode(folder.path(), 0o700);
}

#[test]
fn the_vault_of_somebody_else_is_denied() {
    let (folder, path) = vault_of_child();
    mode(&path, 0o000);
    let said = unprivileged("write_until_error", &path);
    assert!(said[0].starts_with(r#"Err(Denied("'"#), "{said:?}");
    mode(folder.path(), 0o000);
    let said = unprivileged("write_until_error", &path);
    assert!(said[0].starts_with(r#"Err(Denied("'"#), "{said:?}");
    mode(folder.path(), 0o700);
}

/// A killed writer's journal needs a write before anything can be read.
#[test]
fn a_cut_write_in_a_read_only_place_is_explained() {
    let (folder, path) = vault_of_child();
    let mut journal = vec![0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let pages = u32::try_from(fs::metadata(&path).unwrap().len() / 4096).unwrap();
    for word in [0, 0, pages, 512, 4096] {
        journal.extend(word.to_be_bytes());
    }
    journal.resize(512, 0);
    fs::write(folder.path().join("vault-journal"), journal).unwrap();
    give_away(&folder.path().join("vault-journal"));
    mode(&path, 0o400);
    let said = unprivileged("write_until_error", &path);
    assert!(said[0].contains("must be put back first"), "file: {said:?}");
    mode(&path, 0o600);
    mode(folder.path(), 0o500);
    let said = unprivileged("write_until_error", &path);
    assert!(said[0].contains("must be put back first"), "folder: {said:?}");
    mode(folder.path(), 0o700);
    assert_eq!(unprivileged("write_until_error", &path)[0], "read", "and put back it is");
}

/// Runs `script` in a mount namespace of its own; `$1` is `folder`, the rest is the child. None where the system forbids it.
fn in_namespace(script: &str, folder: &Path, what: &str, vault: &Path) -> Option<Vec<String>> {
    let allowed = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none"]).arg(folder).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        // Not by a macro, whose output the test harness would swallow.
        let said = "SKIPPED: this system does not let a test mount a file system of its own (unshare -rm)";
        std::io::stderr().write_all(format!("{said}\n").as_bytes()).unwrap();
        return None;
    }
    let child = child::command(what, vault, 0);
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-ec", script, "sh"]).arg(folder).arg(child.get_program()).args(child.get_args());
    command.envs(child.get_envs().map(|(k, v)| (k, v.unwrap())));
    Some(heard(&command.output().unwrap()))
}

#[test]
fn a_full_disk_is_called_full() {
    let (folder, path) = vault();
    let kept = tempfile::tempdir().unwrap();
    let script = format!(
        "cp \"$1/vault\" '{0}/v'; mount -t tmpfs -o size=400k none \"$1\"; cp '{0}/v' \"$1/vault\"; d=$1; shift; \"$@\"; cp \"$d/vault\" '{0}/after'; ls \"$d\" > '{0}/names'",
        kept.path().display()
    );
    let Some(said) = in_namespace(&script, folder.path(), "write_until_error", &path) else { return };
    assert_eq!(said, ["read", "Err(Full)"]);
    let after = SqliteStore::open(&kept.path().join("after")).unwrap();
    after.integrity().unwrap();
    assert_eq!(fs::read_to_string(kept.path().join("names")).unwrap(), "vault\n");
}

#[test]
fn a_vault_is_not_half_made_on_a_full_disk() {
    let (folder, _) = vault();
    let kept = tempfile::tempdir().unwrap();
    let script = format!(
        "mount -t tmpfs -o size=60k none \"$1\"; d=$1; shift; \"$@\"; ls -A \"$d\" > '{}/names'",
        kept.path().display()
    );
    let Some(said) = in_namespace(&script, folder.path(), "make", &folder.path().join("new")) else { return };
    assert_eq!(said, ["Err(Full)"]);
    assert_eq!(fs::read_to_string(kept.path().join("names")).unwrap(), "", "nothing is left");
}

#[test]
fn a_read_only_medium_is_read() {
    let (folder, path) = vault();
    let script = "mount --bind \"$1\" \"$1\"; mount -o remount,bind,ro \"$1\"; shift; \"$@\"";
    let Some(said) = in_namespace(script, folder.path(), "write_until_error", &path) else { return };
    assert_eq!(said, ["read", r#"Err(ReadOnly("its file may only be read"))"#]);
    let Some(said) = in_namespace(script, folder.path(), "make", &folder.path().join("new")) else { return };
    assert!(said[0].contains("is on a read-only medium"), "{said:?}");
}
