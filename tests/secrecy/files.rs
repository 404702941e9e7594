//! What lies on the disk afterwards.

use crate::program::{CHEAP, Cli};
use crate::{VALUE, assert_clean, home, secrets};
use std::fs;
use std::path::{Path, PathBuf};

fn all_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all_files(&path, found) } else { found.push(path) }
    }
}

/// Every command that handles a secret.
fn use_all(cli: &Cli) {
    for line in [
        "add login --username ada-the-user --url https://named.example --tag tagged-word --value-file value --password-file pw",
        "add note --note --value-file value --recovery-file code",
        "get login --password-file pw",
        "run --password-file pw --env SECRET=login -- true",
        "edit login --name renamed-item --value-file value --recovery-file code",
        "find renamed --recovery-file code",
        "account-key export --force --recovery-file code",
        "recovery sheet recovery -o sheet.txt --recovery-file code",
        "kit export -o kit.txt --recovery-file code",
        "kit export -o kit.pdf --only recovery --recovery-file code",
        "restore --kit kit.pdf --recovery-file code",
        "keyslot enroll --factor recovery --recovery-out code2 --name two --recovery-file code",
        "passwd --password-file pw --new-password-file pw2 --kdf-memory 19 --kdf-passes 2",
        "verify --password-file pw2",
        "backup copy",
        "keyslot wipe two --force --recovery-file code",
    ] {
        cli.ok(line);
    }
}

#[test]
fn nothing_but_what_the_person_wrote_holds_a_secret() {
    let cli = home();
    use_all(&cli);
    let mut secrets = secrets(&cli);
    let other = cli.read("code2").trim().to_owned();
    let key = cli.ok("account-key export --force --recovery-file code").trim().to_owned();
    secrets.extend([other.into_bytes(), key.into_bytes()]);
    let own = ["pw", "pw2", "value", "pin", "code", "code2", "sheet.txt"].map(|name| cli.path(name));
    let mut files = Vec::new();
    all_files(cli.home(), &mut files);
    files.retain(|file| !own.contains(file));
    assert!(files.contains(&cli.vault()) && files.contains(&cli.path("copy")), "{files:?}");
    for file in files {
        assert_clean(&fs::read(&file).unwrap(), &secrets, &file.display().to_string());
    }
}

#[test]
fn the_vault_tells_nothing_of_its_items() {
    let cli = home();
    use_all(&cli);
    let words =
        ["login", "renamed", "ada-the-user", "named.example", "https", "tagged-word", "username", "concealed", VALUE];
    let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    assert_clean(&fs::read(cli.vault()).unwrap(), &words, "the vault");
    assert_clean(&fs::read(cli.path("copy")).unwrap(), &words, "the backup");
}

/// `secure_delete`: also the sealed bytes of what was removed are overwritten.
#[test]
fn what_was_removed_is_gone_sealed_bytes_and_all() {
    let cli = home();
    cli.ok("add keep --value-file value --recovery-file code");
    cli.ok("add gone --value-file value --recovery-file code");
    let sealed = |cli: &Cli| -> Vec<Vec<u8>> {
        let db = rusqlite::Connection::open(cli.vault()).unwrap();
        let mut rows = db.prepare("SELECT sealed FROM record UNION ALL SELECT sealed FROM entry").unwrap();
        rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let header = |cli: &Cli| cli.json("header show --json")["keyslots"].clone();
    let before = sealed(&cli);
    let slots = header(&cli);
    cli.ok("rm gone --force --recovery-file code");
    cli.ok(&format!("passwd --password-file pw --new-password-file pw2 {CHEAP}"));
    let kept = sealed(&cli);
    let mut removed: Vec<Vec<u8>> = before.into_iter().filter(|bytes| !kept.contains(bytes)).collect();
    assert_eq!(removed.len(), 2, "a record and its index entry");
    assert_ne!(slots[0]["wrapped"], header(&cli)[0]["wrapped"]);
    removed.push(slots[0]["wrapped"].as_str().unwrap().as_bytes().to_vec());
    removed.push(slots[0]["factors"][0]["share"].as_str().unwrap().as_bytes().to_vec());
    assert_clean(&fs::read(cli.vault()).unwrap(), &removed, "the vault");
}

/// A request, two answers, the state between them: no secret of a custodian in any, the request's key in its own file alone, and nowhere
/// once it has served.
#[test]
fn custodians_give_away_no_secret_and_the_request_s_key_is_erased() {
    let cli = home();
    let factors = "--factor password --factor recovery --name both --new-password-file pw2 --recovery-out code2";
    cli.ok(&format!("keyslot enroll --custodians {factors} --force --recovery-file code {CHEAP}"));
    let ran = cli.run("recovery request both --from Ada --reason 'all is lost' -o request");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let words = ran.stderr.lines().find_map(|line| line.strip_prefix("    ")).unwrap().to_owned();
    let mut said = vec![ran];
    for (answer, file) in [("a1", "--password-file pw2"), ("a2", "--recovery-file code2")] {
        said.push(cli.run(&format!("recovery answer request --own-vault -o {answer} {file} --words '{words}'")));
    }
    said.push(cli.run("list --answer a1 --answer a2"));
    said.push(cli.run("recovery pending"));

    let mut secrets = secrets(&cli);
    secrets.push(cli.read("code2").trim().as_bytes().to_vec());
    let files = |cli: &Cli| {
        let own = ["pw", "pw2", "value", "pin", "code", "code2", "code3"].map(|name| cli.path(name));
        let mut files = Vec::new();
        all_files(cli.home(), &mut files);
        files.retain(|file| !own.contains(file));
        files
    };
    let mut keys: Vec<PathBuf> = files(&cli);
    keys.retain(|file| file.extension().is_some_and(|ending| ending == "key"));
    let [file] = keys.as_slice() else { panic!("{keys:?}") };
    let key = fs::read(file).unwrap();
    assert_eq!(key.len(), 32);
    let forms = vec![key.clone(), twinlock::encode::hex::encode(&key).into_bytes()];
    for file in files(&cli).iter().filter(|other| *other != file) {
        let bytes = fs::read(file).unwrap();
        assert_clean(&bytes, &secrets, &file.display().to_string());
        assert_clean(&bytes, &forms, &file.display().to_string());
    }
    for ran in said {
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_clean(ran.stderr.as_bytes(), &[&secrets[..], &forms].concat(), "what was said");
        assert_clean(ran.stdout.as_bytes(), &[&secrets[..], &forms].concat(), "what was written");
    }
    // Not even of the mask in an answer: sealed twice, the same mask gives nothing in common but the request's id.
    let again = cli.run(&format!("recovery answer request --own-vault -o a3 --password-file pw2 --words '{words}'"));
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let sealed = |name: &str| cli.read(name).split_once(':').unwrap().1.split_whitespace().collect::<String>();
    let (one, two) = (sealed("a1"), sealed("a3"));
    assert_eq!(one[..26], two[..26], "version and id");
    let same = one[30..].bytes().zip(two[30..].bytes()).filter(|(a, b)| a == b).count();
    assert!(same < 30, "{same} of {} characters", one.len());

    cli.ok("keyslot enroll --factor recovery --recovery-out code3 --name new --force --answer a1 --answer a2");
    assert!(!file.exists());
    for file in files(&cli) {
        assert_clean(&fs::read(&file).unwrap(), &forms, &file.display().to_string());
    }
}
