//! One vault on two machines: honest turns ask nothing, copies that went different ways are found whichever has more writes.

use crate::program::{CHEAP, Cli, Ran};
use twinlock::factor::Openers;
use twinlock::item::Item;
use twinlock::prompt::{FilePrompt, NoPrompt, Sources};
use twinlock::store::sqlite::SqliteStore;
use twinlock::vault::{Vault, Wish};

/// Two machines that have both seen the vault, with one item.
fn two() -> (Cli, Cli) {
    let here = Cli::with_vault().file("value", "v");
    here.ok("add one --value-file value --recovery-file code");
    let there = Cli::new().file("code", &here.read("code")).file("value", "v");
    std::fs::create_dir_all(there.vault().parent().unwrap()).unwrap();
    sync(&here, &there);
    there.ok("list --recovery-file code");
    (here, there)
}

/// As a sync tool does it: the file of one in the place of the other's.
fn sync(from: &Cli, to: &Cli) {
    std::fs::copy(from.vault(), to.vault()).unwrap();
}

fn add(cli: &Cli, names: &[&str]) {
    for name in names {
        cli.ok(&format!("add {name} --value-file value --recovery-file code"));
    }
}

/// It opens, and nothing is said.
#[track_caller]
fn quiet(cli: &Cli) {
    let ran = cli.run("list --recovery-file code");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

/// Nothing is shown, nothing is written, and it is said that copies went different ways.
#[track_caller]
fn forked(cli: &Cli, said: &str) {
    let before = std::fs::read(cli.vault()).unwrap();
    for line in ["list", "add new --value-file value", "keyslot rename recovery paper", "rotate --force"] {
        let Ran { code, stdout, stderr } = cli.run(&format!("{line} --recovery-file code"));
        assert_eq!((code, stdout.as_str()), (Some(5), ""), "{line}: {stderr}");
        assert!(stderr.contains(said), "{line}: {stderr}");
    }
    assert_eq!(std::fs::read(cli.vault()).unwrap(), before);
}

/// Adds notes, each by a write of its own.
fn write_often(cli: &Cli, times: usize) {
    let sources = Sources { recovery: Some(cli.path("code")), ..Sources::default() };
    let mut prompt = FilePrompt::new(NoPrompt, sources).ok().unwrap();
    let store = Box::new(SqliteStore::open(&cli.vault()).unwrap());
    let wish = Wish { recovery: true, ..Wish::default() };
    let mut vault = Vault::unlock(store, wish, &mut Openers::typed(), &mut prompt).unwrap();
    for n in 0..times {
        let json = format!(r#"{{"type":"note","name":"{n}","created":"c","updated":"u","fields":[]}}"#);
        vault.add(&Item::from_json(json.as_bytes()).unwrap()).unwrap();
    }
}

const MORE: &str = "this vault file went another way than the one last seen here: it has 2 writes more, but not all of those \
                    seen here";

#[test]
fn a_copy_that_went_another_way_and_has_more_writes_is_found() {
    let (here, there) = two();
    add(&here, &["mine"]);
    add(&there, &["a", "b", "c"]);
    sync(&there, &here);
    forked(&here, MORE);
    here.session(&format!(
        r#"
$ twinlock list --recovery-file code
2> twinlock: error: {MORE}
2> twinlock: hint: if you or a sync tool put this copy in the place of the other one, repeat with --accept-changed, and look in the other one for what is missing here; if not, somebody tampered with the file
=> 5
"#
    ));
    // Beside it, not in its place, it opens with a word.
    std::fs::copy(there.vault(), here.path("copy")).unwrap();
    let ran = here.run("list --vault copy --recovery-file code");
    assert!(ran.code == Some(0) && ran.stderr.contains("went different ways"), "{}", ran.stderr);
}

#[test]
fn what_was_accepted_is_the_line_from_then_on() {
    let (here, there) = two();
    add(&here, &["mine", "mine-too"]);
    let mine = std::fs::read(here.vault()).unwrap();
    add(&there, &["a", "b", "c"]);
    sync(&there, &here);
    let ran = here.run("list --accept-changed --recovery-file code");
    assert!(ran.code == Some(0) && ran.stderr.contains("twinlock: warning: this vault file went another way"));
    quiet(&here);
    // Both machines go on with it, in turns.
    for (from, to, name) in [(&here, &there, "d"), (&there, &here, "e"), (&here, &there, "f")] {
        add(from, &[name]);
        sync(from, to);
        quiet(to);
    }
    // What this machine had before is now the one that went another way; and so it is with fewer writes.
    std::fs::write(here.vault(), mine).unwrap();
    forked(&here, "this vault file went another way than the one last seen here: the last writes are others");
}

#[test]
fn whatever_the_other_machine_writes_in_turn_nothing_is_asked() {
    let (here, there) = two();
    let (pw, way) = ("--new-password-file pw", "--recovery-file code");
    for cli in [&here, &there] {
        cli.write("pw", crate::program::PASSWORD);
        cli.write("pw2", "four other random words");
    }
    for line in [
        format!("add two --value-file value {way}"),
        format!("edit two --name three {way}"),
        format!("rm three --force {way}"),
        format!("keyslot enroll --factor password --name second {pw} {CHEAP} {way}"),
        format!("keyslot rename second third {way}"),
        format!("passwd --new-password-file pw2 --kdf-memory 19 --kdf-passes 2 {way}"),
        format!("keyslot wipe third --force {way}"),
    ] {
        there.ok(&line);
        sync(&there, &here);
        quiet(&here);
    }
    // Several at once; and what was altered behind the program and accepted, and a header put back.
    write_often(&there, 5);
    there.ok(&format!("kit export -o kit.txt {way}"));
    let file = rusqlite::Connection::open(there.vault()).unwrap();
    file.execute_batch("DELETE FROM record WHERE id = (SELECT min(id) FROM record)").unwrap();
    there.ok(&format!("verify --accept --force {way}"));
    there.ok(&format!("keyslot enroll --factor password --name second {pw} {CHEAP} {way}"));
    there.ok(&format!("kit export -o one.txt --only recovery {way}"));
    file.execute_batch("DELETE FROM meta WHERE name = 'header'").unwrap();
    there.ok(&format!("restore --kit one.txt --force {way}"));
    drop(file);
    sync(&there, &here);
    quiet(&here);
}

#[test]
fn up_to_255_writes_can_be_followed_back_and_more_are_told_once() {
    let (here, there) = two();
    write_often(&there, 255);
    sync(&there, &here);
    quiet(&here);
    let (here, there) = two();
    write_often(&there, 256);
    sync(&there, &here);
    let before = std::fs::read(here.vault()).unwrap();
    let ran = here.run("get one --field password --recovery-file code");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "v\n"), "{}", ran.stderr);
    let said = "twinlock: warning: the vault has had 256 writes since it was last seen here, more than the 255 that can be followed \
                back: whether another copy has taken its place cannot be told; look whether what you saved here last is still in it\n";
    assert_eq!(ran.stderr, said);
    assert_eq!(std::fs::read(here.vault()).unwrap(), before);
    quiet(&here);
    // From here on it can be told again.
    let mine = std::fs::read(here.vault()).unwrap();
    add(&here, &["mine"]);
    std::fs::write(there.vault(), mine).unwrap();
    add(&there, &["a", "b", "c"]);
    sync(&there, &here);
    forked(&here, MORE);
}

#[test]
fn an_older_file_of_this_line_is_told_from_one_of_another() {
    let (here, there) = two();
    // What lies between was never seen here: the file alone tells.
    add(&there, &["a", "b"]);
    let older = std::fs::read(there.vault()).unwrap();
    std::fs::copy(there.vault(), there.path("base")).unwrap();
    add(&there, &["c", "d"]);
    sync(&there, &here);
    quiet(&here);
    std::fs::write(here.vault(), older).unwrap();
    let ran = here.run("list --recovery-file code");
    assert!(ran.code == Some(5) && ran.stderr.contains("is older than the one last seen here, by 2 writes"));
    std::fs::copy(there.path("base"), there.vault()).unwrap();
    there.ok("list --accept-changed --recovery-file code");
    add(&there, &["x"]);
    sync(&there, &here);
    forked(&here, "the last writes are others");
}

#[test]
fn a_rotation_of_another_line_is_told_as_that() {
    let (here, there) = two();
    add(&here, &["mine"]);
    there.ok("rotate --force --recovery-file code");
    add(&there, &["a", "b"]);
    sync(&there, &here);
    let fingerprint = there.json("verify --json --recovery-file code")["fingerprint"].as_str().unwrap().to_owned();
    here.session(&format!(
        r#"
$ twinlock list --recovery-file code
2> twinlock: error: the vault has got another account key since it was last seen here (fingerprint {fingerprint}), and not all writes seen here are in it
2> twinlock: hint: if you rotated it elsewhere and 'twinlock verify' shows this fingerprint there, too, repeat with --accept-changed, and look in the other copy for what is missing here; if not, somebody replaced the file
=> 5
"#
    ));
    here.ok("list --accept-changed --recovery-file code");
    add(&there, &["c"]);
    sync(&there, &here);
    quiet(&here);
    // A rotation of one's own goes on as any write.
    here.ok("rotate --force --recovery-file code");
    add(&here, &["d"]);
    quiet(&here);
}

#[test]
fn a_copy_of_another_line_put_in_place_behind_a_prompt_is_refused() {
    let (here, there) = two();
    add(&here, &["mine"]);
    add(&there, &["a", "b", "c"]);
    let fifo = here.path("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut command = here.command("add new --value-file fifo --recovery-file code");
    let command = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    // Opening the FIFO waits until the program, which has the vault open by then, reads from it.
    let mut typing = std::fs::OpenOptions::new().write(true).open(&fifo).unwrap();
    std::fs::write(here.vault(), std::fs::read(there.vault()).unwrap()).unwrap();
    std::io::Write::write_all(&mut typing, b"v\n").unwrap();
    drop(typing);
    let out = command.wait_with_output().unwrap();
    let stderr = String::from_utf8(out.stderr).unwrap();
    assert!(stderr.contains("another copy of the vault in its place while this command was running"), "{stderr}");
    assert_eq!(out.status.code(), Some(5));
    assert_eq!(std::fs::read(here.vault()).unwrap(), std::fs::read(there.vault()).unwrap());
}

#[test]
fn a_backup_of_another_line_replaces_nothing_unasked() {
    let (here, there) = two();
    let backup = |name: &str| {
        there.ok(&format!("backup {name}"));
        std::fs::copy(there.path(name), here.path(name)).unwrap();
    };
    add(&there, &["a"]);
    backup("fewer");
    add(&there, &["b", "c"]);
    backup("more");
    // Of this line, and later: all that is here is in it, and nothing is asked.
    let ran = here.run("restore fewer --no-input --recovery-file code");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    // The next one that is set aside in this second would have its name.
    let folder = std::fs::read_dir(here.vault().parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let aside: Vec<_> = folder.filter(|path| *path != here.vault()).collect();
    assert_eq!(aside.len(), 1);
    std::fs::remove_file(&aside[0]).unwrap();
    sync(&here, &there);
    there.ok("list --accept-changed --recovery-file code");
    add(&here, &["mine", "mine-too"]);
    let before = std::fs::read(here.vault()).unwrap();
    for line in ["restore more --no-input", "restore more --no-input --accept-changed"] {
        let ran = here.run(&format!("{line} --recovery-file code"));
        assert!(ran.code != Some(0) && ran.stderr.contains("went another way than"), "{line}: {}", ran.stderr);
    }
    assert_eq!(std::fs::read(here.vault()).unwrap(), before);
    // With fewer writes than the vault it is no older one either.
    add(&there, &["x"]);
    backup("other");
    let ran = here.run("restore other --no-input --accept-changed --recovery-file code");
    let said = "vault.twinlock' went another way than the backup: the last writes are others";
    assert!(ran.code == Some(1) && ran.stderr.contains(said), "{}", ran.stderr);
    let ran = here.run("restore other --force --accept-changed --recovery-file code");
    assert!(ran.code == Some(0) && ran.stderr.contains("what was there is in '"), "{}", ran.stderr);
    quiet(&here);
    add(&there, &["y"]);
    sync(&there, &here);
    quiet(&here);
}
