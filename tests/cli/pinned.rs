//! What this machine has seen of a vault holds from its first minute, and for backups too; and a file that is refused leaves nothing behind.

use crate::program::Cli;
use crate::pty::Pty;
use std::fs;

/// A vault with one item, and a backup of it.
fn kept() -> Cli {
    let cli = Cli::with_vault().file("value", "v");
    cli.ok("add one --value-file value --recovery-file code");
    cli.ok("backup old");
    cli
}

/// Somebody else with a copy, and whatever opens it.
fn elsewhere(cli: &Cli) -> Cli {
    let other = Cli::new().file("code", &cli.read("code")).file("value", "v");
    fs::create_dir_all(other.vault().parent().unwrap()).unwrap();
    fs::copy(cli.vault(), other.vault()).unwrap();
    other
}

fn fingerprint(cli: &Cli) -> String {
    cli.json("verify --json --recovery-file code")["fingerprint"].as_str().unwrap().to_owned()
}

/// A copy that was rotated by somebody with the old account key, in the file `forged`; its fingerprint.
fn forge(cli: &Cli) -> String {
    let thief = elsewhere(cli);
    thief.ok("rotate --recovery-file code");
    fs::copy(thief.vault(), cli.path("forged")).unwrap();
    fingerprint(&thief)
}

fn vault(cli: &Cli) -> Vec<u8> {
    fs::read(cli.vault()).unwrap()
}

#[test]
fn a_backup_under_an_account_key_never_seen_does_not_come_in_unasked() {
    let cli = kept();
    let forged = forge(&cli);
    let before = vault(&cli);
    let said =
        format!("the backup has got another account key since the vault was last seen here (fingerprint {forged})");
    let refused = || {
        let ran = cli.run("restore forged --no-input --recovery-file code");
        assert_eq!(ran.code, Some(5), "{}", ran.stderr);
        assert!(ran.stderr.contains(&said) && ran.stderr.contains("repeat with --accept-changed"), "{}", ran.stderr);
    };
    refused();
    assert!(vault(&cli) == before, "nothing was replaced");
    // To have taken the vault away first helps nobody.
    fs::remove_file(cli.vault()).unwrap();
    refused();
    assert!(!cli.vault().exists());
    fs::write(cli.vault(), &before).unwrap();
    cli.ok("list --recovery-file code");
    // Its owner rotated it elsewhere, and says so.
    let ran = cli.run("restore forged --accept-changed --force --recovery-file code");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("its fingerprint is {forged}; compare it with")), "{}", ran.stderr);
    assert!(ran.stderr.contains("what was there is in '"), "{}", ran.stderr);
    assert_eq!(cli.ok("list --recovery-file code"), "one\n");
}

#[test]
fn nor_does_another_vault_or_one_that_went_another_way() {
    let cli = kept();
    let other = Cli::with_vault();
    fs::copy(other.vault(), cli.path("other")).unwrap();
    fs::copy(other.path("code"), cli.path("other-code")).unwrap();
    let restore = "restore other --no-input --recovery-file other-code";
    for force in ["", " --force"] {
        let ran = cli.run(&format!("{restore}{force}"));
        assert_eq!(ran.code, Some(5), "{}", ran.stderr);
        let said =
            format!("the backup is of another vault than the one last seen here (fingerprint {})", fingerprint(&other));
        assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    }
    let ran = cli.run(&format!("{restore} --accept-changed"));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("is another vault\n") && ran.stderr.contains("repeat with --force"), "{}", ran.stderr);
    assert_eq!(cli.ok("list --recovery-file code"), "one\n");

    let other = elsewhere(&cli);
    for (cli, name) in [(&cli, "mine"), (&other, "theirs")] {
        cli.ok(&format!("add {name} --value-file value --recovery-file code"));
    }
    fs::copy(other.vault(), cli.path("theirs")).unwrap();
    fs::remove_file(cli.vault()).unwrap();
    let ran = cli.run("restore theirs --force --recovery-file code");
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("the backup went another way than the vault last seen here"), "{}", ran.stderr);
    cli.ok("restore theirs --accept-changed --recovery-file code");
    assert_eq!(cli.ok("list --recovery-file code"), "one\ntheirs\n");
}

#[test]
fn a_person_is_asked_once_with_the_fingerprint() {
    let cli = kept();
    let forged = forge(&cli);
    let before = vault(&cli);
    let line = "restore forged --recovery-file code";
    for (answer, code) in [("n", 1), ("y", 0)] {
        let mut terminal = Pty::spawn(&cli.command(line));
        terminal.expect(&forged);
        terminal.expect("[y/N] ");
        terminal.send(format!("{answer}\r"));
        assert_eq!(terminal.wait_exit().code(), Some(code), "{}", terminal.transcript());
        let screen = terminal.transcript();
        assert_eq!(screen.matches("[y/N]").count(), 1, "{screen}");
        assert_eq!(screen.contains("try another backup"), answer == "n", "{screen}");
        assert!(screen.contains("the backup calls itself a later one"), "{screen}");
        assert!(screen.lines().all(|line| line.trim_end().chars().count() <= 80), "{screen}");
        assert_eq!(vault(&cli) == before, answer == "n");
    }
    assert_eq!(cli.ok("list --recovery-file code"), "one\n");
}

/// An older backup is what backups are: one step, as before.
#[test]
fn what_this_machine_knows_is_put_back_in_one_step() {
    let cli = kept();
    cli.ok("rotate --recovery-file code");
    cli.ok("backup rotated");
    fs::copy(cli.path("old"), cli.vault()).unwrap();
    let ran = cli.run("restore rotated --no-input --recovery-file code");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("is from before the one in the backup was rotated"), "{}", ran.stderr);
    let known = format!("its fingerprint is {}, which this machine knows", fingerprint(&cli));
    assert!(ran.stderr.contains(&known), "{}", ran.stderr);
    // A machine that has never opened either believes nothing that a file says of its epoch.
    let new = Cli::new().file("code", &cli.read("code"));
    fs::create_dir_all(new.vault().parent().unwrap()).unwrap();
    fs::copy(cli.path("old"), new.vault()).unwrap();
    fs::copy(cli.path("rotated"), new.path("rotated")).unwrap();
    let ran = new.run("restore rotated --no-input --recovery-file code");
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("repeat with --force"), "{}", ran.stderr);
    new.ok("restore rotated --force --no-input --recovery-file code");
}

/// Who rotated because of a thief does not get the thief's copy back unasked.
#[test]
fn a_backup_from_before_a_rotation_is_asked_about() {
    let cli = kept();
    let thief = elsewhere(&cli);
    cli.ok("rotate --recovery-file code");
    let rotated = vault(&cli);
    for n in 0..6 {
        thief.ok(&format!("add evil{n} --value-file value --recovery-file code"));
    }
    fs::copy(thief.vault(), cli.path("forged")).unwrap();
    let refused = |file: &str, options: &str, code, says: &str, hint: &str| {
        let ran = cli.run(&format!("restore {file} --no-input --recovery-file code{options}"));
        assert_eq!(ran.code, Some(code), "{}", ran.stderr);
        assert!(ran.stderr.contains(says) && ran.stderr.contains(hint), "{}", ran.stderr);
    };
    let (own, theirs) = ("may have written it\n", "and holds writes that were not seen here");
    let (one, both) = ("repeat with --accept-changed, then", "repeat with --accept-changed --force, then");
    refused("old", "", 5, own, both);
    refused("forged", "", 5, theirs, both);
    refused("forged", " --force", 5, theirs, one);
    assert!(vault(&cli) == rotated, "nothing was replaced");
    // To have taken the vault away first helps nobody.
    fs::remove_file(cli.vault()).unwrap();
    refused("forged", "", 5, theirs, one);
    refused("old", "", 5, own, one);
    assert!(!cli.vault().exists());
    fs::write(cli.vault(), &rotated).unwrap();
    // Its owner has made it, and goes on from there.
    let old = cli.run("restore old --accept-changed --force --no-input --recovery-file code");
    assert_eq!(old.code, Some(0), "{}", old.stderr);
    assert!(old.stderr.contains("which is that of an account key from before a rotation"), "{}", old.stderr);
    assert!(old.stderr.contains("it is from before the vault was rotated"), "{}", old.stderr);
    cli.ok("list --recovery-file code");
}

#[test]
fn a_new_vault_is_known_before_it_is_first_opened() {
    let cli = Cli::with_vault();
    forge(&cli);
    fs::rename(cli.path("forged"), cli.vault()).unwrap();
    let ran = cli.run("list --recovery-file code");
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("got another account key since it was last seen here"), "{}", ran.stderr);
}

#[test]
fn a_file_that_is_refused_or_only_looked_at_proves_nothing() {
    let cli = kept();
    forge(&cli);
    let proofs = || fs::read(cli.home().join("state/twinlock/proven.json")).unwrap();
    let (before, mine) = (proofs(), vault(&cli));
    fs::copy(cli.path("forged"), cli.vault()).unwrap();
    assert_eq!(cli.run("list --recovery-file code").code, Some(5));
    fs::write(cli.vault(), mine).unwrap();
    assert_eq!(cli.run("restore forged --no-input --recovery-file code").code, Some(5));
    assert!(proofs() == before, "{}", String::from_utf8_lossy(&proofs()));
    assert!(cli.json("status --json")["ways_in"][0]["proven"].is_string());
    // Once it is in place, what has opened it is proven.
    cli.ok("restore forged --accept-changed --force --recovery-file code");
    assert!(cli.json("status --json")["ways_in"][0]["proven"].is_string());
}
