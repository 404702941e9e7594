//! `twinlock rotate`

use crate::program::{CHEAP, Cli, PASSWORD};
use crate::pty::Pty;
use std::collections::HashSet;

/// A password, a recovery code, one of two items and what was made of the old account key.
fn vault() -> Cli {
    let cli = Cli::with_password().file("value", "hunter2");
    for name in ["github", "wifi"] {
        cli.ok(&format!("add {name} --value-file value --recovery-file code"));
    }
    cli
}

#[test]
fn everything_is_asked_for_first_and_kept() {
    let cli = vault();
    cli.session(
        r#"
$ twinlock rotate --recovery-file code --no-input
2> keyslot 'password' is kept with the password
2> keyslot 'recovery' is kept, nothing is asked
2> twinlock: error: keyslot 'password' cannot be kept: nobody is there to type the password, and no --password-file was given
2> twinlock: hint: bring what is missing, or do without: 'twinlock rotate --drop=password'
=> 1
"#,
    );
    let ran = cli.run("rotate --recovery-file code --password-file pw --no-input");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let said = "rotated the vault 'personal': 2 items and 2 keyslots under a new account key (its number 2)";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    for way in ["--recovery-file code", "--password-file pw"] {
        assert_eq!(cli.ok(&format!("list {way}")), "github\nwifi\n");
    }
    assert_eq!(cli.ok("get github --field password --password-file pw"), "hunter2\n");
    let report = cli.json("verify --json --recovery-file code");
    assert_eq!((&report["epoch"], &report["items"], &report["keyslots"]), (&2.into(), &2.into(), &2.into()));
    // A vault that has been rotated is rotated again.
    cli.ok("rotate --recovery-file code --password-file pw --no-input");
    assert_eq!(cli.json("verify --json --recovery-file code")["epoch"], 3);
}

#[test]
fn a_mistyped_password_does_not_become_the_password() {
    let cli = vault().file("other", "four other random words");
    let before = std::fs::read(cli.vault()).unwrap();
    // Opened by the code, so that the keyslot of the password has to take what the file says.
    cli.session(
        r#"
$ twinlock rotate --keyslot recovery --recovery-file code --password-file other --no-input
2> keyslot 'password' is kept with the password
2> keyslot 'recovery' is kept, nothing is asked
2> twinlock: error: the password does not open keyslot 'password'
2> twinlock: hint: nothing was changed; give what opens it, or do without the keyslot: 'twinlock rotate --drop=password'
=> 3
"#,
    );
    assert_eq!(std::fs::read(cli.vault()).unwrap(), before);
}

#[test]
fn a_code_of_another_keyslot_is_not_taken() {
    let cli = vault();
    cli.ok("recovery new --recovery-out code2 --name second --recovery-file code --keyslot recovery");
    let ran = cli.run("rotate --password-file pw --recovery-file code --keyslot password --no-input");
    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.contains("the recovery code does not open keyslot 'second'"), "{}", ran.stderr);
    let rotate = "rotate --password-file pw --recovery-file code --keyslot password --no-input";
    let ran = cli.run(&format!("{rotate} --drop second"));
    assert!(ran.stderr.contains("dropped keyslot 'second'"), "{}", ran.stderr);
    cli.ok("list --recovery-file code --keyslot recovery");
    assert_eq!(cli.run("list --recovery-file code2").code, Some(3), "dropped");
}

#[test]
fn never_the_last_keyslot_and_none_that_is_not_there() {
    let cli = vault();
    cli.session(
        r#"
$ twinlock rotate --drop password --drop recovery --recovery-file code --no-input
2> twinlock: error: 'recovery' is the last way into the vault, and the last is never wiped
2> twinlock: hint: enroll another first: 'twinlock keyslot enroll'
=> 1
$ twinlock rotate --drop passwort --recovery-file code --no-input
2> twinlock: error: no keyslot is called 'passwort'
2> twinlock: hint: there is 'password', 'recovery'
=> 4
"#,
    );
    // The one that has opened it may go.
    let ran = cli.run("rotate --drop recovery --recovery-file code --password-file pw --keyslot recovery --no-input");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("there is only one way in, 'password' (password alone)"), "{}", ran.stderr);
}

#[test]
fn all_factors_of_k_of_n_are_taken_along() {
    let cli = Cli::new().file("pw", PASSWORD);
    let two = "--factor password --factor recovery --threshold 1";
    cli.ok(&format!("init {two} --new-password-file pw --recovery-out code {CHEAP}"));
    let both = "keyslot enroll --factor password --factor recovery --name both --recovery-out code2 --force";
    cli.ok(&format!("{both} --new-password-file pw --password-file pw {CHEAP}"));
    // Opened by the password alone: the code of the same keyslot is asked for, and each is proven.
    let ran = cli.run("rotate --password-file pw --recovery-file code --drop both --no-input");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for way in ["--password-file pw", "--recovery-file code"] {
        cli.ok(&format!("list {way}"));
    }
}

/// What others may have kept: the header, a backup, the account key. Each opens what was there, and nothing of the new file.
#[test]
fn what_was_made_of_the_old_account_key_opens_only_the_old_data() {
    let cli = vault();
    cli.ok("backup old");
    cli.ok("account-key export --out key --force --recovery-file code");
    let old_header = cli.ok("header show");
    let old = std::fs::read(cli.vault()).unwrap();
    cli.ok("rotate --recovery-file code --password-file pw --no-input");
    cli.write("value", "new secret");
    cli.ok("add later --value-file value --recovery-file code");

    // The backup, and a vault made of the exported key, have the old account key, and open the old items.
    assert_eq!(cli.ok("list --vault old --recovery-file code"), "github\nwifi\n");
    let export = |vault: &str, to: &str| {
        let line = format!("account-key export --force --out {to} --recovery-file code");
        if vault.is_empty() {
            cli.ok(&line)
        } else {
            cli.ok(&format!("{line} --vault {vault}"))
        };
        cli.read(to)
    };
    assert_eq!(export("old", "key2"), cli.read("key"));
    assert_ne!(export("", "key3"), cli.read("key"));

    // The old header over the new records, with and without the old manifest.
    for with_manifest in [false, true] {
        std::fs::copy(cli.vault(), cli.path("spliced")).unwrap();
        let (to, from) = (cli.path("spliced"), cli.path("old"));
        let file = rusqlite::Connection::open(to).unwrap();
        file.execute("ATTACH ?1 AS old", [from.to_str().unwrap()]).unwrap();
        let names = if with_manifest { "('header', 'manifest')" } else { "('header')" };
        file.execute(&format!("REPLACE INTO meta SELECT * FROM old.meta WHERE name IN {names}"), []).unwrap();
        drop(file);
        assert_eq!(cli.ok("header show --vault spliced"), old_header);
        for command in ["list", "verify", "get later", "get github", "add x --value-file value"] {
            let ran = cli.run(&format!("{command} --vault spliced --recovery-file code"));
            assert!(
                matches!(ran.code, Some(4 | 5)) && ran.stdout.is_empty(),
                "{command}: {}{}",
                ran.stdout,
                ran.stderr
            );
            if with_manifest && command != "get later" {
                let told =
                    ["from before the vault was rotated", "a later account key than this header's", "cannot be opened"];
                assert!(told.iter().any(|words| ran.stderr.contains(words)), "{command}: {}", ran.stderr);
            }
        }
    }

    // Nothing that was sealed under the old key is left in the new file, nor its header.
    let new = std::fs::read(cli.vault()).unwrap();
    let words: HashSet<&[u8]> = new.windows(24).collect();
    let file = rusqlite::Connection::open(cli.path("old")).unwrap();
    let sealed = "SELECT sealed FROM record UNION ALL SELECT sealed FROM entry UNION ALL SELECT value FROM meta WHERE name = 'manifest'";
    let mut statement = file.prepare(sealed).unwrap();
    let sealed: Vec<Vec<u8>> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(sealed.len(), 5);
    for sealed in sealed {
        assert!(old.windows(24).any(|word| word == &sealed[..24]), "it was in the old one");
        assert!(!sealed.windows(24).any(|word| words.contains(word)), "and is in the new");
    }
}

#[test]
fn at_a_terminal_it_is_said_first_and_a_wrong_password_may_be_typed_again() {
    let cli = vault();
    let mut terminal = Pty::spawn(&cli.command("rotate --recovery-file code --keyslot recovery"));
    terminal.expect("keyslot 'password' is kept with the password");
    terminal.expect("keyslot 'recovery' is kept, nothing is asked");
    terminal.expect("Rotate it now? [y/N] ");
    terminal.send("y\r");
    terminal.expect("Password for vault 'personal' (keyslot 'password'): ");
    terminal.send("four other random words\r");
    terminal.expect("That password is wrong. Try again; Ctrl-C stops.");
    terminal.expect("Password for vault 'personal' (keyslot 'password'): ");
    terminal.send(format!("{PASSWORD}\r"));
    terminal.expect("100 % reading back");
    terminal.expect("rotated the vault 'personal'");
    assert_eq!(terminal.wait_exit().code(), Some(0));
    cli.ok("list --password-file pw");
}

#[test]
fn a_no_at_the_terminal_and_ctrl_c_at_a_question_change_nothing() {
    let cli = vault();
    let before = std::fs::read(cli.vault()).unwrap();
    for answer in ["n\r", "y\r"] {
        let mut terminal = Pty::spawn(&cli.command("rotate --recovery-file code --keyslot recovery"));
        terminal.expect("Rotate it now? [y/N] ");
        terminal.send(answer);
        if answer == "y\r" {
            terminal.expect("Password for vault");
            terminal.send("\u{3}");
        }
        assert_eq!(terminal.wait_exit().code(), Some(1));
        assert_eq!(std::fs::read(cli.vault()).unwrap(), before);
    }
}

#[test]
fn whoever_has_the_vault_open_meanwhile_is_told() {
    let cli = vault();
    let fifo = cli.path("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut add = cli.command("add three --value-file fifo --recovery-file code");
    let add = add.stderr(std::process::Stdio::piped()).spawn().unwrap();
    // Opening the FIFO waits until the program, which has the vault open by then, reads from it.
    let mut typing = std::fs::OpenOptions::new().write(true).open(&fifo).unwrap();
    cli.ok("rotate --recovery-file code --password-file pw --no-input");
    std::io::Write::write_all(&mut typing, b"v\n").unwrap();
    drop(typing);
    let out = add.wait_with_output().unwrap();
    let stderr = String::from_utf8(out.stderr).unwrap();
    assert!(stderr.contains("got a new account key while this command was running"), "{stderr}");
    assert_eq!(out.status.code(), Some(6));
}

#[test]
fn a_vault_that_was_tampered_with_is_not_rotated() {
    let cli = vault();
    let file = rusqlite::Connection::open(cli.vault()).unwrap();
    file.execute("DELETE FROM entry", []).unwrap();
    drop(file);
    let before = std::fs::read(cli.vault()).unwrap();
    let ran = cli.run("rotate --recovery-file code --password-file pw --no-input");
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("was taken out of the vault's index"), "{}", ran.stderr);
    assert_eq!(std::fs::read(cli.vault()).unwrap(), before);
}
