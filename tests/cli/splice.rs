//! Parts of one vault, or of one of its states, put into another: each is found, named, and nothing is written.

use crate::program::{Cli, Ran};
use rusqlite::Connection;
use serde_json::Value;
use std::path::Path;

/// Two vaults of one item each; the second lies in `other`, its code in `other-code`.
fn two() -> Cli {
    let (cli, other) = (Cli::with_vault().file("value", "v"), Cli::with_vault().file("value", "v"));
    cli.ok("add mine --value-file value --recovery-file code");
    other.ok("add theirs --value-file value --recovery-file code");
    std::fs::copy(other.vault(), cli.path("other")).unwrap();
    std::fs::copy(other.path("code"), cli.path("other-code")).unwrap();
    cli
}

/// Runs SQL on the vault, with the file `from` at hand as `other`.
fn splice(cli: &Cli, from: &str, sql: &str) {
    let file = Connection::open(cli.vault()).unwrap();
    file.execute("ATTACH ?1 AS other", [cli.path(from).to_str().unwrap()]).unwrap();
    file.execute_batch(sql).unwrap();
}

/// A command that would write is refused with code 5, and nothing is written.
fn refused(cli: &Cli, way: &str) -> Ran {
    let before = std::fs::read(cli.vault()).unwrap();
    let ran = cli.run(&format!("add new --value-file value {way}"));
    assert_eq!(std::fs::read(cli.vault()).unwrap(), before, "{}", ran.stderr);
    ran
}

fn says(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, Some(code), "{}", ran.stderr);
    for words in words {
        assert!(ran.stderr.contains(words), "'{words}' is not in: {}", ran.stderr);
    }
}

#[test]
fn an_item_of_another_vault() {
    let cli = two();
    splice(&cli, "other", "INSERT INTO record SELECT * FROM other.record");
    says(
        &refused(&cli, "--recovery-file code"),
        5,
        &[
            "changed by something other than twinlock",
            "cannot be opened: it is damaged, or of another vault",
            "--accept",
        ],
    );
    // On the owner's word the stranger goes, and the rest stays.
    cli.ok("verify --accept --force --recovery-file code");
    assert_eq!(cli.ok("list --recovery-file code"), "mine\n");
}

#[test]
fn an_item_from_before_a_rotation() {
    let cli = two();
    cli.ok("backup old");
    cli.ok("rotate --recovery-file code --no-input");
    splice(&cli, "old", "REPLACE INTO record SELECT * FROM other.record");
    says(
        &refused(&cli, "--recovery-file code"),
        5,
        &["'mine' is sealed under an account key that the vault had before (its number 1)"],
    );
}

#[test]
fn a_header_of_one_generation_with_items_of_another() {
    let cli = two();
    cli.ok("backup old");
    cli.ok("keyslot rename recovery paper --recovery-file code");
    splice(&cli, "old", "REPLACE INTO meta SELECT * FROM other.meta WHERE name = 'header'");
    says(
        &refused(&cli, "--recovery-file code"),
        5,
        &[
            "the vault's header and its items do not belong together",
            "its header is an older one (generation 1, last seen here 2)",
        ],
    );
}

/// A header's text, and the body in it.
fn header(path: &Path) -> (Vec<u8>, Value) {
    let file = Connection::open(path).unwrap();
    let text: Vec<u8> = file.query_row("SELECT value FROM meta WHERE name = 'header'", [], |row| row.get(0)).unwrap();
    let body = serde_json::from_slice(&text[..text.len() - 70]).unwrap();
    (text, body)
}

/// Writes another body into a header, as whoever may write the file can; the tag stays, and is wrong.
pub fn edit_header(path: &Path, edit: impl FnOnce(&mut Value)) {
    let (text, mut body) = header(path);
    edit(&mut body);
    let mut new = serde_json::to_vec_pretty(&body).unwrap();
    new.extend_from_slice(&text[text.len() - 70..]);
    let file = Connection::open(path).unwrap();
    file.execute("UPDATE meta SET value = ?1 WHERE name = 'header'", [new]).unwrap();
}

/// The keyslot of the second vault among those of the first.
fn with_foreign_keyslot() -> Cli {
    let cli = two();
    let mut slot = header(&cli.path("other")).1["keyslots"][0].clone();
    slot["name"] = "foreign".into();
    edit_header(&cli.vault(), |body| body["keyslots"].as_array_mut().unwrap().push(slot));
    cli
}

#[test]
fn a_keyslot_of_another_vault() {
    let cli = with_foreign_keyslot();
    let named = "keyslot 'foreign' was not in the vault when it was last seen here: it may be of another vault";
    let ran = refused(&cli, "--recovery-file code --keyslot recovery");
    says(
        &ran,
        5,
        &["the vault's header was altered by something other than twinlock", named, "do not trust this copy"],
    );
    // The stranger's own code opens nothing, and what it is is said.
    says(&refused(&cli, "--recovery-file other-code --keyslot foreign"), 3, &["the recovery code is wrong", named]);
}

#[test]
fn a_header_of_another_vault() {
    let cli = two();
    splice(&cli, "other", "REPLACE INTO meta SELECT * FROM other.meta WHERE name = 'header'");
    let named = "the file calls itself another vault than the one last seen here";
    says(&refused(&cli, "--recovery-file code"), 3, &["the recovery code is wrong", named]);
    says(&refused(&cli, "--recovery-file other-code"), 5, &["do not belong together", named]);
    splice(&cli, "other", "REPLACE INTO meta SELECT * FROM other.meta");
    says(&refused(&cli, "--recovery-file other-code"), 5, &["this is another vault than the one last seen here"]);
}

#[test]
fn an_older_header_and_manifest_are_an_older_vault_whose_items_are_newer() {
    let cli = two();
    cli.ok("backup old");
    cli.ok("add later --value-file value --recovery-file code");
    splice(&cli, "old", "REPLACE INTO meta SELECT * FROM other.meta");
    says(
        &refused(&cli, "--recovery-file code"),
        5,
        &["this vault file is older than the one last seen here, by 1 write"],
    );
    says(&refused(&cli, "--accept-changed --recovery-file code"), 5, &["there should be 1 item, and there are 2"]);
}
