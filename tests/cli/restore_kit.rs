//! `twinlock restore --kit`: what a kit is to a vault, and a header put back.

use crate::program::{CHEAP, Cli, PASSWORD};
use rusqlite::Connection;

/// Password and code, one item, and a whole kit in `kit.txt`, one keyslot's in `one.txt`.
fn home() -> Cli {
    let cli = Cli::with_password().file("value", "hidden");
    cli.ok("add wifi --note --value-file value --recovery-file code");
    cli.ok("kit export -o kit.txt --recovery-file code");
    cli.ok("kit export -o one.txt --only recovery --recovery-file code");
    cli
}

fn header(cli: &Cli) -> Option<Vec<u8>> {
    let file = Connection::open(cli.vault()).unwrap();
    file.query_row("SELECT value FROM meta WHERE name = 'header'", [], |row| row.get(0)).ok()
}

fn sql(cli: &Cli, sql: &str) {
    Connection::open(cli.vault()).unwrap().execute_batch(sql).unwrap();
}

const LOSE: &str = "DELETE FROM meta WHERE name = 'header'";
/// A bit in the middle of the body, as a bad disk would; the tag at the end can still be read.
const DAMAGE: &str = "UPDATE meta SET value = CAST(replace(CAST(value AS TEXT), '\"epoch\"', '\"epocl\"') AS BLOB) WHERE name = 'header'";

#[test]
fn a_lost_or_damaged_header_is_put_back_byte_for_byte() {
    for damage in [LOSE, DAMAGE, "UPDATE meta SET value = x'00' WHERE name = 'header'"] {
        let cli = home();
        let before = header(&cli);
        sql(&cli, damage);
        assert_eq!(cli.run("list --recovery-file code").code, Some(5));
        cli.session(
            r#"
$ twinlock restore --kit kit.txt --password-file pw
2> a kit of the vault 'personal': epoch 1, header generation 1, 2 keyslots
2> keyslot 'password' opens it; fingerprint FINGERPRINT
2> twinlock: warning: the vault's header is lost or damaged; its items are whole, and the kit's account key opens them
2> put the header back, byte for byte: generation 1, 1 item
$ twinlock get wifi --field notes --recovery-file code
1> hidden
"#
            .replace("FINGERPRINT", &fingerprint(&cli))
            .as_str(),
        );
        assert_eq!(header(&cli), before);
    }
}

fn fingerprint(cli: &Cli) -> String {
    let text = cli.read("kit.txt");
    text.lines().find_map(|line| line.strip_prefix("Fingerprint")).unwrap().trim().to_owned()
}

#[test]
fn a_kit_of_one_keyslot_is_completed_and_signed_anew() {
    let cli = home();
    sql(&cli, LOSE);
    let print = fingerprint(&cli);
    cli.session(
        r#"
$ twinlock restore --kit one.txt --recovery-file code --no-input
2> a kit of the vault 'personal': epoch 1, header generation 1, 1 of 2 keyslots
2> keyslot 'recovery' opens it; fingerprint FINGERPRINT
2> twinlock: warning: the vault's header is lost or damaged; its items are whole, and the kit's account key opens them
2> twinlock: warning: the kit has only these of the vault's 2 keyslots: 'recovery'; 1 will be gone
2> twinlock: error: nobody is there to type an answer
2> twinlock: hint: run it on a terminal without --no-input, or use --force
=> 1
$ twinlock restore --kit one.txt --recovery-file code --force
2> a kit of the vault 'personal': epoch 1, header generation 1, 1 of 2 keyslots
2> keyslot 'recovery' opens it; fingerprint FINGERPRINT
2> twinlock: warning: the vault's header is lost or damaged; its items are whole, and the kit's account key opens them
2> twinlock: warning: the kit has only these of the vault's 2 keyslots: 'recovery'; 1 will be gone
2> put the header back, signed anew: generation 2, 1 item
2> enroll what is missing ('twinlock keyslot enroll'), and make a new kit ('twinlock kit export')
$ twinlock verify --recovery-file code
2> vault 'personal' is whole: 1 item, 1 keyslot, header generation 2, 3 writes
"#
        .replace("FINGERPRINT", &print)
        .as_str(),
    );
}

#[test]
fn an_older_kit_is_told_and_says_what_it_means() {
    let cli = home().file("pw2", "another good password, long");
    cli.ok(&format!("passwd --password-file pw --new-password-file pw2 {CHEAP}"));
    cli.ok("keyslot rename recovery paper --recovery-file code");
    let print = fingerprint(&cli);
    let before = header(&cli);
    cli.session(
        r#"
$ twinlock restore --kit kit.txt --password-file pw
2> a kit of the vault 'personal': epoch 1, header generation 1, 2 keyslots
2> keyslot 'password' opens it; fingerprint FINGERPRINT
2> the vault 'personal' is whole: 1 item, header generation 3
2> twinlock: warning: keyslot 'password' was wrapped anew since (a new password, perhaps): the old factors open this kit, the new ones do not
2> twinlock: warning: keyslot 'recovery' is called 'paper' now
2> twinlock: error: the kit is older than the vault by 2 header writes, and whoever has it and its old factors opens the newest vault, too
2> twinlock: hint: make a new kit ('twinlock kit export'), destroy the old one; if it may be in wrong hands, rotate ('twinlock rotate')
=> 1
$ twinlock restore --kit kit.txt --password-file pw2
2> a kit of the vault 'personal': epoch 1, header generation 1, 2 keyslots
2> twinlock: error: the password is wrong
2> twinlock: hint: 'twinlock recover' leads through the other ways in
=> 3
$ twinlock restore --kit one.txt --recovery-file code
2> a kit of the vault 'personal': epoch 1, header generation 1, 1 of 2 keyslots
2> keyslot 'recovery' opens it; fingerprint FINGERPRINT
2> the vault 'personal' is whole: 1 item, header generation 3
2> twinlock: warning: keyslot 'recovery' is called 'paper' now
2> the header was written 2 times since the kit was made, and the kit's keyslots are still as they are in it; nothing was written
"#
        .replace("FINGERPRINT", &print)
        .as_str(),
    );
    assert_eq!(header(&cli), before);
    // The tag of the lost header can still be read: the items are proven, and the person is asked.
    sql(&cli, DAMAGE);
    let ran = cli.run("restore --kit kit.txt --password-file pw --force");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("the ways in will be those of the kit again ('password', 'recovery')"),
        "{}",
        ran.stderr
    );
    cli.write("pw", PASSWORD);
    cli.ok("get wifi --password-file pw");
    // It is gone altogether: nothing proves the items.
    cli.ok("keyslot rename recovery paper --recovery-file code");
    sql(&cli, LOSE);
    let ran = cli.run("restore --kit kit.txt --password-file pw --force");
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("the vault's header is lost, and this kit does not prove what its items should be"),
        "{}",
        ran.stderr
    );
    assert_eq!(header(&cli), None);
}

#[test]
fn what_is_not_this_vault_s_is_named() {
    let cli = home();
    let other = Cli::with_vault();
    other.write("kit.txt", &cli.read("kit.txt"));
    other.write("pw", PASSWORD);
    other.session(
        r#"
$ twinlock restore --kit kit.txt --password-file pw
2> a kit of the vault 'personal': epoch 1, header generation 1, 2 keyslots
2> twinlock: error: the kit is of another vault: it is of 'personal', and this is 'personal' with another id
2> twinlock: hint: name the right vault file with --vault, or the right kit
=> 1
$ twinlock restore --kit code --password-file pw
2> twinlock: error: no kit is in 'code'
2> twinlock: hint: a kit has lines that begin with 'TWINLOCK-KIT'
=> 4
$ twinlock restore --kit nothing --password-file pw
2> twinlock: error: cannot read the kit 'nothing': no such file or directory
2> twinlock: hint: look for a typing error in its name
=> 1
"#,
    );
    std::fs::remove_file(other.vault()).unwrap();
    let ran = other.run("restore --kit kit.txt --password-file pw");
    assert_eq!(ran.code, Some(4));
    assert!(ran.stderr.contains("the kit is right, and there is no vault at "), "{}", ran.stderr);
}

#[test]
fn items_that_are_not_whole_get_no_header() {
    let cli = home();
    sql(&cli, LOSE);
    sql(&cli, "DELETE FROM record");
    let ran = cli.run("restore --kit kit.txt --password-file pw --force");
    assert_eq!(ran.code, Some(5));
    assert!(
        ran.stderr.contains("and so are its items: some are missing, or were put back; nothing was written"),
        "{}",
        ran.stderr
    );
    assert_eq!(header(&cli), None);
}

#[test]
fn an_older_vault_file_is_told_from_the_kit() {
    let cli = home();
    cli.ok("backup old");
    cli.ok("keyslot rename recovery paper --recovery-file code");
    cli.ok("kit export -o new.txt --recovery-file code");
    let ran = cli.run("restore --kit new.txt --vault old --recovery-file code");
    assert_eq!(ran.code, Some(5));
    assert!(ran.stderr.contains("the vault file is older than the kit by 1 header write"), "{}", ran.stderr);
    cli.ok("keyslot rename recovery other --vault old --recovery-file code");
    let ran = cli.run("restore --kit new.txt --vault old --recovery-file code");
    assert_eq!(ran.code, Some(5));
    assert!(ran.stderr.contains("went another way since"), "{}", ran.stderr);
}

#[test]
fn a_rotation_ends_an_old_kit() {
    let cli = home();
    cli.ok("backup old.vault");
    cli.ok("rotate --force --password-file pw --recovery-file code --no-input");
    cli.ok("kit export -o new.txt --recovery-file code");
    let before = header(&cli);
    let ran = cli.run("restore --kit kit.txt --recovery-file code");
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("the kit is from before a rotation (epoch 1, the vault has epoch 2): it opens only"),
        "{}",
        ran.stderr
    );
    assert_eq!(cli.run("restore --kit new.txt --recovery-file code").code, Some(0));
    // The new kit beside the file from before, which the old one fits.
    let ran = cli.run("restore --kit new.txt --recovery-file code --vault old.vault");
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("the vault file is from before a rotation (epoch 1), the kit from after it (epoch 2)"),
        "{}",
        ran.stderr
    );
    assert_eq!(cli.run("restore --kit kit.txt --recovery-file code --vault old.vault").code, Some(0));
    assert_eq!(header(&cli), before);
    // With its header lost, the vault takes one from the new kit, and none from the old: its account key opens nothing here.
    sql(&cli, LOSE);
    assert_eq!(cli.run("restore --kit kit.txt --recovery-file code --force").code, Some(5));
    assert_eq!(header(&cli), None);
    assert_eq!(cli.run("restore --kit new.txt --recovery-file code").code, Some(0));
    assert_eq!(header(&cli), before);
    assert_eq!(cli.ok("get wifi --field notes --recovery-file code"), "hidden\n");
}

#[test]
fn a_backup_and_a_kit_are_not_restored_at_once() {
    let cli = home();
    let ran = cli.run("restore old.vault --kit kit.txt");
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("do not go together"), "{}", ran.stderr);
    let ran = cli.run("restore");
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
}
