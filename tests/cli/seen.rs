//! What a machine remembers of its vaults: an older file put back, a link in its place, another vault in its place.

use crate::program::{CHEAP, Cli};

const HINT: &str = "if you restored a backup, repeat with --accept-changed; if not, somebody tampered with the file";

#[test]
fn a_link_to_an_older_copy_is_the_file_that_was_named() {
    let cli = Cli::aged();
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
    let cli = Cli::aged();
    std::fs::rename(cli.vault(), cli.path("mine")).unwrap();
    let forged = Cli::with_vault();
    std::fs::copy(forged.vault(), cli.vault()).unwrap();
    std::fs::copy(forged.path("code"), cli.path("forged-code")).unwrap();
    cli.session(
        r#"
$ twinlock list --recovery-file forged-code
2> twinlock: error: this is another vault than the one last seen here
2> twinlock: hint: if you put it there, repeat with --accept-changed; if not, somebody replaced the file
=> 5
"#,
    );
    // Its owner may have done it: then it is the vault of this place.
    cli.ok("list --accept-changed --recovery-file forged-code");
    cli.ok("list --recovery-file forged-code");
}

#[test]
fn a_new_vault_in_the_place_of_a_removed_one_is_no_surprise() {
    let cli = Cli::aged();
    std::fs::remove_file(cli.vault()).unwrap();
    cli.ok(&format!("init --factor recovery --recovery-out code2 {CHEAP}"));
    cli.ok("list --recovery-file code2");
}

#[test]
fn a_copy_elsewhere_opens_with_a_word_and_does_not_touch_what_is_remembered() {
    let cli = Cli::aged();
    let ran = cli.run("list --vault old --recovery-file code");
    assert!(ran.stderr.contains("this copy of the vault is older than the one in"), "{}", ran.stderr);
    assert_eq!(ran.code, Some(0));
    std::fs::copy(cli.path("old"), cli.vault()).unwrap();
    assert_eq!(cli.run("list --recovery-file code").code, Some(5));
}

#[test]
fn an_older_file_put_back_behind_a_prompt_is_refused() {
    let cli = Cli::aged();
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

/// The same vault on another machine: another state folder, and the same file.
fn elsewhere(cli: &Cli) -> Cli {
    let other = Cli::new().file("code", &cli.read("code")).file("value", "v");
    std::fs::create_dir_all(other.vault().parent().unwrap()).unwrap();
    std::fs::copy(cli.vault(), other.vault()).unwrap();
    other
}

/// As a sync tool does it.
fn sync(from: &Cli, to: &Cli) {
    std::fs::copy(from.vault(), to.vault()).unwrap();
}

#[test]
fn a_vault_that_was_rotated_on_another_machine_is_asked_about_once() {
    let cli = Cli::aged();
    let other = elsewhere(&cli);
    other.ok("rotate --recovery-file code");
    let fingerprint = other.json("verify --json --recovery-file code")["fingerprint"].as_str().unwrap().to_owned();
    sync(&other, &cli);
    let before = std::fs::read(cli.vault()).unwrap();
    let ran = cli.run("add three --value-file value --recovery-file code");
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    let said = format!("got another account key since it was last seen here (fingerprint {fingerprint})");
    assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    assert!(ran.stderr.contains("if you rotated it elsewhere"), "{}", ran.stderr);
    assert_eq!(std::fs::read(cli.vault()).unwrap(), before, "nothing is written before the answer");
    cli.ok("list --accept-changed --recovery-file code");
    cli.ok("add three --value-file value --recovery-file code");
}

#[test]
fn an_older_file_from_before_a_rotation_is_told_from_another_vault() {
    let cli = Cli::aged();
    cli.ok("rotate --recovery-file code");
    let rotated = std::fs::read(cli.vault()).unwrap();
    std::fs::copy(cli.path("old"), cli.vault()).unwrap();
    cli.session(
        r#"
$ twinlock add three --value-file value --recovery-file code
2> twinlock: error: this vault file is from before the vault was rotated: whoever had the old account key can read it, and may have written it
2> twinlock: hint: if you restored a backup, repeat with --accept-changed, then 'twinlock rotate'; if not, somebody tampered with the file
=> 5
"#,
    );
    let ran = cli.run("list --vault old --recovery-file code");
    assert!(ran.stderr.contains("was rotated: it has the old account key"), "{}", ran.stderr);
    assert_eq!(ran.code, Some(0));
    // Gone back on the owner's word, the rotated one is a surprise again.
    cli.ok("list --accept-changed --recovery-file code");
    std::fs::write(cli.vault(), rotated).unwrap();
    assert_eq!(cli.run("list --recovery-file code").code, Some(5));
}

#[test]
fn copies_that_went_different_ways_are_no_older_and_newer_ones() {
    let cli = Cli::aged();
    let other = elsewhere(&cli);
    for (cli, name) in [(&cli, "mine"), (&other, "theirs")] {
        cli.ok(&format!("add {name} --value-file value --recovery-file code"));
    }
    cli.ok("add more --value-file value --recovery-file code");
    // As many writes, or fewer: what was there after so many is remembered.
    sync(&other, &cli);
    let fork = "this vault file went another way than the one last seen here: the last writes are others";
    let ran = cli.run("add three --value-file value --recovery-file code");
    assert_eq!(ran.code, Some(5));
    assert!(ran.stderr.contains(fork) && ran.stderr.contains("a sync tool"), "{}", ran.stderr);
    std::fs::copy(other.vault(), cli.path("copy")).unwrap();
    let ran = cli.run("list --vault copy --recovery-file code");
    assert!(ran.stderr.contains("went different ways"), "{}", ran.stderr);
    cli.ok("list --accept-changed --recovery-file code");
    cli.ok("add three --value-file value --recovery-file code");
}

#[test]
fn a_rotation_seen_by_this_machine_is_no_surprise_to_it_also_when_its_end_was_not_seen() {
    let cli = Cli::aged();
    let seen = cli.home().join("state/twinlock/seen.json");
    cli.ok("rotate --recovery-file code");
    // As if it had been killed between the commit and the note of it.
    let mut memory: serde_json::Value = serde_json::from_slice(&std::fs::read(&seen).unwrap()).unwrap();
    let kept = &mut memory["vaults"][0];
    kept["coming"] = kept["fingerprint"].clone();
    kept["fingerprint"] = kept["before"][0].clone();
    let then = kept["past"].as_array_mut().unwrap().pop().unwrap();
    kept["state"] = then[1].clone();
    assert_eq!(then[0], 3);
    (kept["epoch"], kept["sequence"], kept["before"]) = (1.into(), 3.into(), serde_json::json!([]));
    std::fs::write(&seen, memory.to_string()).unwrap();
    cli.ok("list --recovery-file code");
    let memory: serde_json::Value = serde_json::from_slice(&std::fs::read(&seen).unwrap()).unwrap();
    assert_eq!((&memory["vaults"][0]["epoch"], &memory["vaults"][0]["coming"]), (&2.into(), &serde_json::Value::Null));
    // What a program kept that knew no rotation is still known.
    let mut plain = memory.clone();
    for field in ["epoch", "past", "links", "before", "coming"] {
        plain["vaults"][0].as_object_mut().unwrap().remove(field);
    }
    std::fs::write(&seen, plain.to_string()).unwrap();
    cli.ok("list --recovery-file code");
}
