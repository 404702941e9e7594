//! `twinlock verify`: on vaults that something else has written to.

use crate::program::Cli;
use rusqlite::Connection;

fn vault() -> Cli {
    let cli = Cli::with_vault().file("value", "hunter2");
    for name in ["one", "two", "three"] {
        cli.ok(&format!("add {name} --value-file value --recovery-file code"));
    }
    cli
}

fn tamper(cli: &Cli, sql: &str) {
    Connection::open(cli.vault()).unwrap().execute_batch(sql).unwrap();
}

/// Changes the vault by what an older copy of it, which `sql` calls `old`, still has.
fn put_back(cli: &Cli, old: &str, sql: &str) {
    tamper(cli, &format!("ATTACH '{}' AS old; {sql}; DETACH old", cli.path(old).display()));
}

/// What is said of items that were altered: where a command that looks at all of them refuses, and before they are accepted.
fn changed(notes: &[&str]) -> (String, String) {
    let notes = notes.iter().fold(String::new(), |notes, note| notes + "\n2> twinlock: note: " + note);
    let said = |how: &str| {
        format!("2> twinlock: {how}: the vault's items were changed by something other than twinlock{notes}")
    };
    let hint = "restore a backup; or if you know why, accept the items as they are with 'twinlock verify --accept'";
    (format!("{}\n2> twinlock: hint: {hint}\n=> 5", said("error")), said("warning"))
}

/// Altered items are accepted, and are then those of `vault`.
fn accepted(warned: &str) -> String {
    format!(
        "$ twinlock verify --accept --force --recovery-file code
{warned}
2> vault 'personal' is whole: 3 items, 1 keyslot, header generation 1, 6 writes
$ twinlock list --recovery-file code
1> one
1> three
1> two"
    )
}

#[test]
fn a_whole_vault() {
    let cli = vault();
    cli.ok("kit export --recovery-file code -o kit.txt");
    let kit = cli.read("kit.txt");
    let fingerprint = kit.lines().find_map(|line| line.strip_prefix("Fingerprint")).unwrap().trim();
    cli.session(
        &r#"
$ twinlock verify --recovery-file code
2> vault 'personal' is whole: 3 items, 1 keyslot, header generation 1, 4 writes
$ twinlock verify --json --recovery-file code
1> {
1>   "epoch": 1,
1>   "fingerprint": "SHORT",
1>   "generation": 1,
1>   "items": 3,
1>   "keyslots": 1,
1>   "sequence": 4,
1>   "vault": "personal"
1> }
$ twinlock verify --accept --force --recovery-file code
2> there is nothing to accept
2> vault 'personal' is whole: 3 items, 1 keyslot, header generation 1, 4 writes
"#
        .replace("SHORT", fingerprint),
    );
}

/// The item that was added last lies in the record with the greatest rowid of nothing: it is found by what changed.
fn last_record(cli: &Cli, name: &str) -> String {
    let ids = |cli: &Cli| -> Vec<String> {
        let db = Connection::open(cli.vault()).unwrap();
        let mut rows = db.prepare("SELECT hex(id) FROM record").unwrap();
        rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let before = ids(cli);
    cli.ok(&format!("add {name} --value-file value --recovery-file code"));
    ids(cli).into_iter().find(|id| !before.contains(id)).unwrap()
}

#[test]
fn a_deleted_record_is_named_and_nothing_is_written_until_it_is_accepted() {
    let cli = vault();
    let id = last_record(&cli, "four");
    tamper(&cli, &format!("DELETE FROM record WHERE hex(id) = '{id}'"));
    let (refused, warned) = changed(&["'four' was deleted", "there should be 4 items, and there are 3"]);
    let accepted = accepted(&warned);
    cli.session(&format!(
        r#"
$ twinlock verify --recovery-file code
{refused}
$ twinlock list --recovery-file code
{refused}
$ twinlock get four --recovery-file code
2> twinlock: error: the item 'four' was deleted by something other than twinlock
2> twinlock: hint: 'twinlock verify' says what else was altered
=> 5
$ twinlock get one -f password --recovery-file code
1> hunter2
$ twinlock add five --value-file value --recovery-file code
{refused}
$ twinlock rm one -f --recovery-file code
{refused}
$ twinlock keyslot enroll --factor recovery --recovery-out new --recovery-file code
{refused}
$ twinlock verify --accept --recovery-file code
{warned}
2> twinlock: error: nobody is there to type an answer
2> twinlock: hint: run it on a terminal without --no-input, or use --force
=> 1
{accepted}
"#,
    ));
}

#[test]
fn a_record_put_back_is_named() {
    let cli = vault();
    let id = last_record(&cli, "four");
    std::fs::copy(cli.vault(), cli.path("old")).unwrap();
    cli.write("value", "newer");
    cli.ok("edit four --value-file value --recovery-file code");
    put_back(&cli, "old", &format!("REPLACE INTO record SELECT * FROM old.record WHERE hex(id) = '{id}'"));
    let (refused, _) = changed(&["'four' is not as it was last written: an older one was put back"]);
    cli.session(&format!(
        r#"
$ twinlock verify --recovery-file code
{refused}
$ twinlock get four --recovery-file code
2> twinlock: error: the item 'four' is not as it was last written: an older one was put back
2> twinlock: hint: 'twinlock verify' says what else was altered
=> 5
"#,
    ));
}

#[test]
fn a_removed_item_that_is_back_is_named() {
    let cli = vault();
    std::fs::copy(cli.vault(), cli.path("old")).unwrap();
    cli.ok("rm two -f --recovery-file code");
    put_back(&cli, "old", "INSERT OR IGNORE INTO record SELECT * FROM old.record");
    let (refused, warned) =
        changed(&["'two' was put into the vault, or back into it", "there should be 2 items, and there are 3"]);
    let accepted = accepted(&warned);
    cli.session(&format!(
        r#"
$ twinlock verify --recovery-file code
{refused}
{accepted}
"#,
    ));
}

#[test]
fn a_damaged_record() {
    let cli = vault();
    let id = last_record(&cli, "four");
    tamper(&cli, &format!("UPDATE record SET sealed = zeroblob(length(sealed)) WHERE hex(id) = '{id}'"));
    let (refused, warned) = changed(&["'four' cannot be opened: it is damaged, or of another vault"]);
    cli.session(&format!(
        r#"
$ twinlock verify --recovery-file code
{refused}
$ twinlock get four --recovery-file code
2> twinlock: error: the item 'four' is damaged
2> twinlock: hint: 'twinlock verify' says what else was altered
=> 5
$ twinlock verify --accept --force --recovery-file code
{warned}
2> twinlock: warning: removed what cannot be opened: 1 record
2> vault 'personal' is whole: 3 items, 1 keyslot, header generation 1, 6 writes
"#,
    ));
}

#[test]
fn an_item_taken_out_of_the_index() {
    let cli = vault();
    let id = last_record(&cli, "four");
    tamper(&cli, &format!("DELETE FROM entry WHERE hex(id) = '{id}'"));
    cli.session(
        r#"
$ twinlock verify --recovery-file code
2> twinlock: error: the item 'four' was taken out of the vault's index
2> twinlock: hint: restore a backup; or if you know why, accept the items as they are with 'twinlock verify --accept'
=> 5
$ twinlock get four --recovery-file code
2> twinlock: error: the item 'four' was taken out of the vault's index
2> twinlock: hint: 'twinlock verify' says what else was altered
=> 5
$ twinlock verify --accept --force --recovery-file code
2> twinlock: warning: the item 'four' was taken out of the vault's index
2> vault 'personal' is whole: 4 items, 1 keyslot, header generation 1, 6 writes
$ twinlock get four -f password --recovery-file code
1> hunter2
"#,
    );
}

#[test]
fn an_altered_header_and_a_foreign_manifest() {
    let cli = vault();
    std::fs::copy(cli.vault(), cli.path("whole")).unwrap();
    tamper(
        &cli,
        "UPDATE meta SET value = CAST(replace(CAST(value AS TEXT), 'personal', 'personax') AS BLOB) WHERE name = 'header'",
    );
    cli.session(
        r#"
$ twinlock verify --recovery-file code
2> twinlock: error: the vault's header was altered by something other than twinlock
2> twinlock: hint: do not trust this copy: restore one made by 'twinlock backup'
=> 5
"#,
    );
    std::fs::copy(cli.path("whole"), cli.vault()).unwrap();
    tamper(&cli, "UPDATE meta SET value = zeroblob(length(value)) WHERE name = 'manifest'");
    cli.session(
        r#"
$ twinlock verify --recovery-file code
2> twinlock: error: the vault's header and its items do not belong together
2> twinlock: hint: the file was put together from two states, or damaged: restore a copy made by 'twinlock backup'
=> 5
$ twinlock list --recovery-file code
2> twinlock: error: the vault's header and its items do not belong together
2> twinlock: hint: the file was put together from two states, or damaged: restore a copy made by 'twinlock backup'
=> 5
"#,
    );
    tamper(&cli, "UPDATE meta SET value = CAST('{' AS BLOB) WHERE name = 'header'");
    cli.session(
        r#"
$ twinlock list --recovery-file code
2> twinlock: error: the vault's header is damaged: header: too short
2> twinlock: hint: put the header back from a kit ('twinlock restore --kit FILE'), or restore a copy made by 'twinlock backup'
=> 5
$ twinlock header show
1> {
2> twinlock: warning: this is what the file says; only unlocking ('twinlock verify') proves it
"#,
    );
}

#[test]
fn an_older_file_put_back_is_noticed() {
    let cli = vault();
    cli.ok("backup old");
    cli.ok("add four --value-file value --recovery-file code");
    std::fs::copy(cli.path("old"), cli.vault()).unwrap();
    cli.session(
        r#"
$ twinlock list --recovery-file code
2> twinlock: error: this vault file is older than the one last seen here, by 1 write
2> twinlock: hint: if you restored a backup, repeat with --accept-changed; if not, somebody tampered with the file
=> 5
$ twinlock list --accept-changed --recovery-file code
1> one
1> three
1> two
2> twinlock: warning: this vault file is older than the one last seen here, by 1 write
$ twinlock list --recovery-file code
1> one
1> three
1> two
"#,
    );
}
