//! `twinlock restore`

use crate::program::Cli;

fn beside(cli: &Cli) -> Vec<String> {
    let folder = std::fs::read_dir(cli.vault().parent().unwrap()).unwrap();
    let mut names: Vec<_> = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_newer_vault_is_replaced_only_when_told_and_stays_beside() {
    let cli = Cli::aged();
    cli.session(
        r#"
$ twinlock restore old --recovery-file code
2> twinlock: error: the vault in '~/data/twinlock/vault.twinlock' is newer than the backup: 1 write is not in it
2> twinlock: hint: if the backup is to take its place, repeat with --force; what is there stays beside it
=> 1
$ twinlock list --recovery-file code
1> one
1> two
"#,
    );
    let ran = cli.run("restore old --force --recovery-file code");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("restored the vault 'personal' to"), "{}", ran.stderr);
    assert!(ran.stderr.contains("it is older than what was last seen here: 1 write is not in it"), "{}", ran.stderr);
    // One step: the owner has said it, and is not asked again.
    assert_eq!(cli.ok("list --recovery-file code"), "one\n");
    let [_, aside] = beside(&cli).try_into().unwrap();
    assert!(aside.starts_with("vault.twinlock.before-") && ran.stderr.contains(&aside), "{aside}: {}", ran.stderr);
    let aside = cli.vault().with_file_name(aside);
    assert_eq!(cli.ok(&format!("list --vault '{}' --recovery-file code", aside.display())), "one\ntwo\n");
    // The newer one put back behind the program's back is the fork that it is.
    cli.ok("add three --value-file value --recovery-file code");
    std::fs::rename(aside, cli.vault()).unwrap();
    let ran = cli.run("list --recovery-file code");
    assert_eq!(ran.code, Some(5));
    assert!(ran.stderr.contains("went another way"), "{}", ran.stderr);
}

#[test]
fn where_nothing_is_lost_nothing_is_asked_and_nothing_is_left() {
    let cli = Cli::aged();
    cli.ok("backup new");
    let restored = |file: &str, code: i32| {
        let ran = cli.run(&format!("restore {file} --recovery-file code"));
        assert_eq!(ran.code, Some(code), "{}", ran.stderr);
        assert_eq!(beside(&cli), ["vault.twinlock"], "{file}");
        ran.stderr
    };
    restored("new", 0);
    std::fs::copy(cli.path("old"), cli.vault()).unwrap();
    assert_eq!(cli.run("list --recovery-file code").code, Some(5));
    // It has fewer writes; that all of them are in the backup, too, nobody knows.
    let said = cli.run("restore new --recovery-file code").stderr;
    assert!(said.contains("what was there is in '"), "{said}");
    let [_, aside] = beside(&cli).try_into().unwrap();
    std::fs::remove_file(cli.vault().with_file_name(aside)).unwrap();
    assert_eq!(cli.ok("list --recovery-file code"), "one\ntwo\n");
    std::fs::remove_file(cli.vault()).unwrap();
    let said = restored("old", 0);
    assert!(said.contains("older than what was last seen here"), "{said}");
    assert_eq!(cli.ok("list --recovery-file code"), "one\n");
}

#[test]
fn a_damaged_file_is_replaced_and_kept_with_its_journal() {
    let cli = Cli::aged();
    std::fs::write(cli.vault(), b"SQLite format 3\0 and then nothing of the kind").unwrap();
    // One that SQLite would take away is gone before; this one names another file, and is never shown to it.
    let magic = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7";
    let journal = [&[0; 512][..], b"/a/fifo", &[0, 0, 0, 7, 0, 0, 2, 0x99], magic].concat();
    std::fs::write(cli.vault().with_file_name("vault.twinlock-journal"), journal).unwrap();
    let ran = cli.run("restore old --recovery-file code");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("cannot be used: "), "{}", ran.stderr);
    assert_eq!(cli.ok("list --recovery-file code"), "one\n");
    let [vault, aside, journal] = beside(&cli).try_into().unwrap();
    assert_eq!((vault.as_str(), journal), ("vault.twinlock", format!("{aside}-journal")));
    cli.ok("add two --value-file value --recovery-file code");
    cli.ok("verify --recovery-file code");
}

#[test]
fn another_vault_is_replaced_only_when_told() {
    let (cli, other) = (Cli::aged(), Cli::with_vault());
    std::fs::copy(other.vault(), cli.path("other")).unwrap();
    std::fs::copy(other.path("code"), cli.path("other-code")).unwrap();
    let ran = cli.run("restore other --accept-changed --recovery-file other-code");
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("/vault.twinlock' is another vault\ntwinlock: hint: if the backup is to"),
        "{}",
        ran.stderr
    );
    cli.session(
        r#"
$ twinlock restore other --recovery-file code
2> twinlock: error: the recovery code is wrong
2> twinlock: hint: 'twinlock recover' leads through the other ways in
=> 3
"#,
    );
    cli.ok("restore other --accept-changed --force --recovery-file other-code");
    cli.ok("list --recovery-file other-code");
}

#[test]
fn what_is_no_backup_changes_nothing() {
    let cli = Cli::aged().file("text", "no vault\n");
    let before = std::fs::read(cli.vault()).unwrap();
    cli.session(
        r#"
$ twinlock restore missing --recovery-file code
2> twinlock: error: no vault at 'missing'
2> twinlock: hint: look for a typing error in its name
=> 4
$ twinlock restore text --recovery-file code
2> twinlock: error: 'text' is not a twinlock vault: it is a text file
2> twinlock: hint: nothing was changed; restore another backup
=> 5
$ twinlock restore old --vault old --recovery-file code
2> twinlock: error: 'old' is the vault itself
2> twinlock: hint: name a copy that 'twinlock backup' has made
=> 2
"#,
    );
    // A backup that was tampered with is none.
    let file = rusqlite::Connection::open(cli.path("old")).unwrap();
    file.execute("DELETE FROM record", []).unwrap();
    drop(file);
    let ran = cli.run("restore old --force --recovery-file code");
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert_eq!(std::fs::read(cli.vault()).unwrap(), before);
    assert_eq!(beside(&cli), ["vault.twinlock"]);
}

#[test]
fn a_writer_of_the_old_file_cannot_write_past_it() {
    let cli = Cli::aged();
    cli.ok("backup new");
    let fifo = cli.path("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut add = cli.command("add three --value-file fifo --recovery-file code");
    let add = add.stderr(std::process::Stdio::piped()).spawn().unwrap();
    // Opening the FIFO waits until the program, which has the vault open by then, reads from it.
    let mut typing = std::fs::OpenOptions::new().write(true).open(&fifo).unwrap();
    cli.ok("restore new --recovery-file code");
    std::io::Write::write_all(&mut typing, b"v\n").unwrap();
    drop(typing);
    let out = add.wait_with_output().unwrap();
    let stderr = String::from_utf8(out.stderr).unwrap();
    assert!(stderr.contains("the vault file was exchanged while this command ran; nothing was changed"), "{stderr}");
    assert_eq!(out.status.code(), Some(6));
    assert_eq!(cli.ok("list --recovery-file code"), "one\ntwo\n");
    assert_eq!(beside(&cli), ["vault.twinlock"]);
}

#[test]
fn a_link_in_the_vaults_place_stays_one() {
    let cli = Cli::aged();
    let real = cli.path("real");
    std::fs::rename(cli.vault(), &real).unwrap();
    std::os::unix::fs::symlink(&real, cli.vault()).unwrap();
    cli.ok("restore old --force --recovery-file code");
    assert!(std::fs::symlink_metadata(cli.vault()).unwrap().is_symlink());
    assert_eq!(cli.ok("list --recovery-file code"), "one\n");
}

#[test]
fn a_new_machine_gets_the_folder_for_its_vault() {
    let old = Cli::with_vault();
    old.ok("backup b");
    let new = Cli::new().file("code", &old.read("code"));
    std::fs::copy(old.path("b"), new.path("b")).unwrap();
    new.ok("restore b --recovery-file code");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&new.vault().parent().unwrap().metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700);
    new.ok("list --recovery-file code");
    // A folder that was named is not made.
    let ran = new.run("restore b --recovery-file code --vault none/v");
    assert!(ran.code == Some(1) && ran.stderr.contains("there is no folder 'none'"), "{}", ran.stderr);
}
