//! What a machine remembers of its vaults: an older file put back, a link in its place, another vault in its place.

use crate::program::{CHEAP, Cli};

const HINT: &str = "if you restored a backup, repeat with --accept-changed; if not, somebody tampered with the file";

/// A vault with one item, a backup of it, and one item more.
fn aged() -> Cli {
    let cli = Cli::with_vault().file("value", "v");
    cli.ok("add one --value-file value --recovery-file code");
    cli.ok("backup old");
    cli.ok("add two --value-file value --recovery-file code");
    cli
}

#[test]
fn a_link_to_an_older_copy_is_the_file_that_was_named() {
    let cli = aged();
    std::fs::rename(cli.vault(), cli.path("newer")).unwrap();
    std::os::unix::fs::symlink(cli.path("old"), cli.vault()).unwrap();
    cli.session(&format!(
        r#"
$ twinlock list --recovery-file code
2> twinlock: error: this vault file is older than the one last seen here, by 1 write
2> twinlock: hint: {HINT}
=> 5
"#
    ));
}

#[test]
fn another_vault_in_its_place_is_told_whatever_it_calls_itself() {
    let cli = aged();
    std::fs::rename(cli.vault(), cli.path("mine")).unwrap();
    let forged = Cli::with_vault();
    std::fs::copy(forged.vault(), cli.vault()).unwrap();
    std::fs::copy(forged.path("code"), cli.path("forged-code")).unwrap();
    cli.session(&format!(
        r#"
$ twinlock list --recovery-file forged-code
2> twinlock: error: this is another vault than the one last seen here: it holds another account key
2> twinlock: hint: {HINT}
=> 5
"#
    ));
    // Its owner may have done it: then it is the vault of this place.
    cli.ok("list --accept-changed --recovery-file forged-code");
    cli.ok("list --recovery-file forged-code");
}

#[test]
fn a_new_vault_in_the_place_of_a_removed_one_is_no_surprise() {
    let cli = aged();
    std::fs::remove_file(cli.vault()).unwrap();
    cli.ok(&format!("init --factor recovery --recovery-out code2 {CHEAP}"));
    cli.ok("list --recovery-file code2");
}

#[test]
fn a_copy_elsewhere_opens_with_a_word_and_does_not_touch_what_is_remembered() {
    let cli = aged();
    let ran = cli.run("list --vault old --recovery-file code");
    assert!(ran.stderr.contains("this copy of the vault is older than the one in"), "{}", ran.stderr);
    assert_eq!(ran.code, Some(0));
    std::fs::copy(cli.path("old"), cli.vault()).unwrap();
    assert_eq!(cli.run("list --recovery-file code").code, Some(5));
}

#[test]
fn an_older_file_put_back_behind_a_prompt_is_refused() {
    let cli = aged();
    let fifo = cli.path("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut add = cli.command("add three --value-file fifo --recovery-file code");
    let add = add.stderr(std::process::Stdio::piped()).spawn().unwrap();
    // Opening the FIFO waits until the program, which has the vault open by then, reads from it.
    let mut typing = std::fs::OpenOptions::new().write(true).open(&fifo).unwrap();
    std::fs::write(cli.vault(), std::fs::read(cli.path("old")).unwrap()).unwrap();
    std::io::Write::write_all(&mut typing, b"v\n").unwrap();
    drop(typing);
    let out = add.wait_with_output().unwrap();
    let stderr = String::from_utf8(out.stderr).unwrap();
    assert!(stderr.contains("older vault file back"), "{stderr}");
    assert_eq!(out.status.code(), Some(5));
}
