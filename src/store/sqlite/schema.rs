//! What is in the file besides rows: application id, version, tables, and nothing else.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, params};

use super::super::{Meta, StoreError};
use super::place::Place;
use super::rows::meta_name;

/// "TWLK" in the SQLite header.
pub(super) const APPLICATION_ID: i64 = 0x5457_4C4B;

/// `user_version`: the version of the tables.
pub(super) const VERSION: i64 = 1;

/// Name and definition, ordered by name.
const TABLES: [(&str, &str); 3] = [
    ("entry", "CREATE TABLE entry (tag BLOB, id BLOB, sealed BLOB, PRIMARY KEY (tag, id)) STRICT, WITHOUT ROWID"),
    ("meta", "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB) STRICT, WITHOUT ROWID"),
    (
        "record",
        "CREATE TABLE record (id BLOB PRIMARY KEY, epoch INTEGER, revision INTEGER, sealed BLOB) STRICT, WITHOUT ROWID",
    ),
];

/// Tables and the two blobs of a new vault.
pub(super) fn create(connection: &Connection, header: &[u8], manifest: &[u8]) -> rusqlite::Result<()> {
    for (_, sql) in TABLES {
        connection.execute_batch(sql)?;
    }
    for (which, value) in [(Meta::Header, header), (Meta::Manifest, manifest)] {
        connection.execute("INSERT INTO meta (name, value) VALUES (?1, ?2)", params![meta_name(which), value])?;
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", VERSION)
}

/// Settings of a connection that need nothing of the file yet.
pub(super) fn harden(connection: &Connection) -> rusqlite::Result<()> {
    // https://www.sqlite.org/security.html: what a file can carry must not run, and must not be writable as raw pages.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false)?;
    // No mmap: a file cut short by another program would be a SIGBUS. No temporary files: nothing is written elsewhere.
    // A small cache: most commands read a page once, and what is in use stays in the processor's own cache.
    connection.execute_batch(
        "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA cache_size = -400; PRAGMA temp_store = MEMORY",
    )
}

/// Whether this is a vault that this program understands, and the settings that need the file: durable in a power cut
/// (`EXTRA` also syncs the folder once the journal is gone), deleted bytes overwritten.
pub(super) fn check(connection: &Connection, place: &Place) -> Result<(), StoreError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if pragma("application_id").map_err(|error| place.opening(error))? != APPLICATION_ID {
        return Err(place.not_a_vault(place.describe()));
    }
    let version = pragma("user_version").map_err(|error| place.opening(error))?;
    if version > VERSION {
        return Err(StoreError::TooNew { path: place.given.clone(), version });
    }
    if version != VERSION {
        return Err(StoreError::Damaged(format!("its store version is {version}")));
    }
    check_tables(connection, place)?;
    connection
        .execute_batch("PRAGMA synchronous = EXTRA; PRAGMA secure_delete = ON")
        .map_err(|error| place.opening(error))?;
    let journal = connection
        .pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0))
        .map_err(|error| place.opening(error))?;
    if journal == "delete" {
        Ok(())
    } else {
        // WAL cannot be read from a read-only medium, and leaves one vault in three files.
        Err(StoreError::Damaged(format!("another program has set its journal mode to '{journal}'")))
    }
}

/// Exactly the tables of spec 6: a trigger, a view, a CHECK or a generated column would be SQL of somebody else.
fn check_tables(connection: &Connection, place: &Place) -> Result<(), StoreError> {
    let mut expected = TABLES.iter();
    let mut statement = connection
        .prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY name")
        .map_err(|error| place.opening(error))?;
    let mut rows = statement.query([]).map_err(|error| place.opening(error))?;
    while let Some(row) = rows.next().map_err(|error| place.opening(error))? {
        let text = |column| row.get_ref(column).ok().and_then(|value| value.as_str().ok()).unwrap_or_default();
        let known = expected
            .next()
            .is_some_and(|(name, sql)| text(0) == "table" && text(1) == *name && squeeze(text(2)) == squeeze(sql));
        if !known {
            let (kind, name): (String, String) = (printable(text(0)), printable(text(1)));
            return Err(StoreError::Damaged(format!("its {kind} '{name}' is not of a vault's making")));
        }
    }
    match expected.next() {
        Some((name, _)) => Err(StoreError::Damaged(format!("its table '{name}' is missing"))),
        None => Ok(()),
    }
}

/// Other programs that write vaults may break lines elsewhere.
fn squeeze(sql: &str) -> String {
    sql.chars().filter(|c| !c.is_ascii_whitespace()).map(|c| c.to_ascii_lowercase()).collect()
}

/// A name from the file for an error text: no control characters for the terminal, not longer than a line.
fn printable(text: &str) -> String {
    text.chars().take(64).map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}

/// SQLite's full check; the first finding is enough.
pub(super) fn integrity(connection: &Connection, place: &Place) -> Result<(), StoreError> {
    let finding = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0))
        .map_err(|error| place.explain(error))?;
    if finding == "ok" { Ok(()) } else { Err(StoreError::Damaged(finding.replace(char::is_control, " "))) }
}
