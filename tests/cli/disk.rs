//! Places where a vault cannot be, or no longer is, as a person hears of them.

use crate::program::{Cli, Ran, TWINLOCK, split};
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

const NOBODY: u32 = 65_534;

#[test]
fn what_is_no_vault() {
    let cli = Cli::with_vault().file("text", "not a vault\n").file("empty", "");
    fs::write(cli.path("zeros"), vec![0; 8192]).unwrap();
    fs::create_dir(cli.path("folder")).unwrap();
    let made = Command::new("mkfifo").arg(cli.path("fifo")).status().unwrap();
    assert!(made.success());
    std::os::unix::fs::symlink(cli.vault(), cli.path("link")).unwrap();
    std::os::unix::fs::symlink("nowhere", cli.path("broken")).unwrap();
    for name in ["zeros", "text", "empty"] {
        fs::set_permissions(cli.path(name), Permissions::from_mode(0o600)).unwrap();
    }
    cli.session(
        r#"
$ twinlock list --recovery-file code --vault folder
2> twinlock: error: 'folder' is a folder, not a vault
2> twinlock: hint: name the vault file with --vault, or restore a backup
=> 5
$ twinlock list --recovery-file code --vault fifo
2> twinlock: error: 'fifo' is a FIFO, not a vault
2> twinlock: hint: name the vault file with --vault, or restore a backup
=> 5
$ twinlock list --recovery-file code --vault zeros
2> twinlock: error: 'zeros' is not a twinlock vault: it is 8192 zero bytes
2> twinlock: hint: name the vault file with --vault, or restore a backup
=> 5
$ twinlock list --recovery-file code --vault text
2> twinlock: error: 'text' is not a twinlock vault: it is a text file
2> twinlock: hint: name the vault file with --vault, or restore a backup
=> 5
$ twinlock list --recovery-file code --vault empty
2> twinlock: error: 'empty' is not a twinlock vault: it is empty
2> twinlock: hint: name the vault file with --vault, or restore a backup
=> 5
$ twinlock list --recovery-file code --vault /dev/null
2> twinlock: error: '/dev/null' is a device, not a vault
2> twinlock: hint: name the vault file with --vault, or restore a backup
=> 5
$ twinlock list --recovery-file code --vault nowhere/vault
2> twinlock: error: no vault at 'nowhere/vault'
2> twinlock: hint: make one with 'twinlock init', or name another with --vault
=> 4
$ twinlock list --recovery-file code --vault text/vault
2> twinlock: error: no vault at 'text/vault'
2> twinlock: hint: make one with 'twinlock init', or name another with --vault
=> 4
$ twinlock list --recovery-file code --vault link
$ twinlock list --recovery-file code --vault broken
2> twinlock: error: no vault at 'broken'
2> twinlock: hint: make one with 'twinlock init', or name another with --vault
=> 4
$ twinlock init --factor recovery --recovery-out code2 --vault folder
2> twinlock: error: 'folder' exists already
2> twinlock: hint: choose another place with --vault FILE
=> 1
$ twinlock init --factor recovery --recovery-out code2 --vault broken
2> twinlock: error: 'broken' exists already
2> twinlock: hint: choose another place with --vault FILE
=> 1
"#,
    );
    assert_eq!(fs::read(cli.path("zeros")).unwrap(), vec![0; 8192], "nothing is written into it");
}

#[test]
fn a_vault_cut_short_or_overwritten() {
    let cli = Cli::with_vault().file("value", "hunter2");
    cli.ok("add github --value-file value --recovery-file code");
    let whole = fs::read(cli.vault()).unwrap();
    fs::write(cli.vault(), &whole[..whole.len() / 2]).unwrap();
    let ran = cli.run("list --recovery-file code");
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("is damaged") && ran.stderr.contains("restore"), "{}", ran.stderr);
    let mut spoilt = whole.clone();
    let end = spoilt.len();
    spoilt[4096..end].fill(0x55);
    fs::write(cli.vault(), &spoilt).unwrap();
    let ran = cli.run("list --recovery-file code");
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("is damaged") && ran.stderr.contains("restore"), "{}", ran.stderr);
}

/// Runs the program as somebody who may not do everything. Root may, so as root it is run as "nobody".
fn unprivileged(cli: &Cli, line: &str) -> Ran {
    let mut command = Command::new("setsid");
    let copy = tempfile::tempdir().unwrap();
    if rustix::process::geteuid().is_root() {
        let program = copy.path().join("twinlock");
        let copied = Command::new("cp").arg(TWINLOCK).arg(&program).status().unwrap();
        assert!(copied.success());
        fs::set_permissions(copy.path(), Permissions::from_mode(0o755)).unwrap();
        give_away(cli.home());
        command.arg("--wait").arg(program).args(split(line));
        command.uid(NOBODY).gid(NOBODY);
    } else {
        command.arg("--wait").arg(TWINLOCK).args(split(line));
    }
    cli.settle(&mut command);
    let output = command.output().unwrap();
    let text = |bytes| cli.steady(&String::from_utf8(bytes).unwrap());
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn give_away(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give_away(&entry.unwrap().path());
        }
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_read_only_folder_and_file_can_be_read() {
    let cli = Cli::with_vault().file("value", "hunter2");
    cli.ok("add github --value-file value --recovery-file code");
    let folder = cli.vault().parent().unwrap().to_owned();
    mode(&folder, 0o500);
    assert_eq!(unprivileged(&cli, "get github -f password --recovery-file code").stdout, "hunter2\n");
    let ran = unprivileged(&cli, "add new --value-file value --recovery-file code");
    assert_eq!(ran.code, Some(1));
    assert_eq!(
        ran.stderr,
        "twinlock: error: the vault cannot be written: its folder '~/data/twinlock' cannot be written, and \
         each write keeps a journal there\n\
         twinlock: hint: check owner and permissions of the file and its folder\n"
    );
    mode(&folder, 0o700);
    mode(&cli.vault(), 0o400);
    assert_eq!(unprivileged(&cli, "get github -f password --recovery-file code").stdout, "hunter2\n");
    let ran = unprivileged(&cli, "rm github --force --recovery-file code");
    assert_eq!(ran.code, Some(1));
    assert_eq!(
        ran.stderr,
        "twinlock: error: the vault cannot be written: its file may only be read\n\
         twinlock: hint: check owner and permissions of the file and its folder\n"
    );
    mode(&cli.vault(), 0o000);
    let ran = unprivileged(&cli, "list --recovery-file code");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.starts_with("twinlock: error: no permission: "), "{}", ran.stderr);
}

#[test]
fn a_folder_that_takes_no_new_vault() {
    let cli = Cli::new();
    fs::create_dir(cli.path("locked")).unwrap();
    mode(&cli.path("locked"), 0o500);
    let ran = unprivileged(&cli, "init --factor recovery --recovery-out code --vault locked/vault");
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("twinlock: error: no permission: the folder 'locked'"), "{}", ran.stderr);
    mode(&cli.path("locked"), 0o700);
}

/// Runs a shell script in a mount namespace of its own, with `$t` the program. None where the system forbids it.
fn in_namespace(cli: &Cli, script: &str) -> Option<Ran> {
    let allowed = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        let said = "SKIPPED: this system does not let a test mount a file system of its own (unshare -rm)\n";
        std::io::stderr().write_all(said.as_bytes()).unwrap();
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(["-rm", "setsid", "--wait", "sh", "-c", script]);
    cli.settle(&mut command);
    command.env("t", TWINLOCK);
    let output = command.output().unwrap();
    let text = |bytes| cli.steady(&String::from_utf8(bytes).unwrap());
    Some(Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) })
}

#[test]
fn a_full_disk_loses_nothing() {
    let cli = Cli::with_vault();
    fs::create_dir(cli.path("disk")).unwrap();
    cli.write("big", &"x".repeat(300_000));
    cli.ok("add small --generate --recovery-file code");
    cli.ok("backup whole");
    let script = "mount -t tmpfs -o size=200k none disk && cp whole disk/v && chmod 600 disk/v
        $t add big --value-file big --vault disk/v --recovery-file code; echo $?
        $t list --vault disk/v --recovery-file code; $t verify --vault disk/v --recovery-file code; ls disk";
    let Some(ran) = in_namespace(&cli, script) else { return };
    assert_eq!(ran.stdout, "1\nsmall\nv\n", "{}", ran.stderr);
    assert_eq!(
        ran.stderr,
        "twinlock: error: no space left on the disk of the vault; nothing was changed\n\
         twinlock: hint: free some space, and try again\n\
         vault 'personal' is whole: 1 item, 1 keyslot, header generation 1, 2 writes\n"
    );
    let script = "mount -t tmpfs -o size=12k none disk; ls disk
        $t init --factor recovery --recovery-out new --vault disk/v; echo $?; ls -A disk";
    let Some(ran) = in_namespace(&cli, script) else { return };
    assert_eq!(ran.stdout, "1\n", "nothing is left: {}", ran.stderr);
    assert!(ran.stderr.contains("twinlock: error: no space left on the disk of the vault"), "{}", ran.stderr);
}

#[test]
fn a_disk_too_full_for_a_rotation_keeps_the_old_vault() {
    let cli = Cli::with_password();
    fs::create_dir(cli.path("disk")).unwrap();
    cli.ok("add small --generate --recovery-file code");
    cli.ok("backup whole");
    let look = "$t verify --vault disk/v --recovery-file code --json | grep -E 'epoch|items'; ls disk";
    let rotate = "$t rotate --vault disk/v --keyslot recovery --recovery-file code --no-input --password-file";
    let script = format!(
        "mount -t tmpfs -o size=200k none disk && cp whole disk/v && chmod 600 disk/v
        head -c 100000 /dev/zero > disk/fill; {rotate} pw; echo $?; {look}"
    );
    let Some(ran) = in_namespace(&cli, &script) else { return };
    assert_eq!(ran.stdout, "1\n  \"epoch\": 1,\n  \"items\": 1,\nfill\nv\n", "{}", ran.stderr);
    assert!(ran.stderr.contains("and writing all of it anew takes up to"), "{}", ran.stderr);

    // Room enough when it was looked for, and then somebody else fills it: the FIFO is opened after that look.
    let script = format!(
        "mount -t tmpfs -o size=200k none disk && cp whole disk/v && chmod 600 disk/v && mkfifo -m 600 fifo
        {rotate} fifo & exec 3>fifo; head -c 1000000 /dev/zero > disk/fill 2>/dev/null; cat pw >&3; exec 3>&-
        wait $!; echo $?; {look}"
    );
    let Some(ran) = in_namespace(&cli, &script) else { return };
    assert_eq!(ran.stdout, "1\n  \"epoch\": 1,\n  \"items\": 1,\nfill\nv\n", "{}", ran.stderr);
    assert!(ran.stderr.contains("no space left on the disk of the vault; nothing was changed"), "{}", ran.stderr);
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let cli = Cli::with_vault();
    cli.ok("add github --generate --recovery-file code");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = cli.command("get github --recovery-file code --no-input");
    let output = command.stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "twinlock: error: cannot write the output: no space left on device\n");
}

#[test]
fn a_folder_that_vanishes_while_a_person_types() {
    let cli = Cli::with_password();
    let mut terminal = crate::pty::Pty::spawn(&cli.command("add github --generate"));
    terminal.expect("Password or recovery code for");
    fs::rename(cli.home().join("data"), cli.home().join("gone")).unwrap();
    terminal.send(format!("{}\r", crate::program::PASSWORD));
    let status = terminal.wait_exit();
    let screen = terminal.transcript();
    assert_eq!(status.code(), Some(1), "{screen}");
    assert!(screen.contains("twinlock: error: "), "{screen}");
    fs::rename(cli.home().join("gone"), cli.home().join("data")).unwrap();
    assert_eq!(cli.ok("list --recovery-file code"), "");
    cli.ok("verify --recovery-file code");
}

#[test]
fn a_writer_that_never_ends_is_waited_for_and_then_named() {
    let cli = Cli::with_vault().file("value", "x");
    let db = rusqlite::Connection::open(cli.vault()).unwrap();
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ran = cli.run("add github --value-file value --recovery-file code");
    assert_eq!(ran.code, Some(6), "{}", ran.stderr);
    assert_eq!(
        ran.stderr,
        "twinlock: error: another process is writing to the vault\n\
         twinlock: hint: try again when it has finished\n"
    );
}
