//! Rows in and out. Every shape is checked on the way in: the file may come from anybody.

use std::ops::ControlFlow;

use rusqlite::{Connection, OptionalExtension, Params, Row, Statement, TransactionBehavior, params};

use super::super::{Entry, Looks, Meta, Read, Record, RecordId, RecordRef, StoreError, Transaction};
use super::place::Place;
use crate::encode::hex;

/// Bytes of the longest header or manifest (spec 4): nothing longer is copied.
const MAX_META: usize = 1 << 20;

/// The page cache of a transaction that writes everything anew: KiB, negative as SQLite wants them.
const CLEARED_CACHE: i64 = -65_536;

/// An SQLite transaction: a snapshot when deferred, a writer when immediate. Dropped, it is rolled back.
pub(super) struct View<'a> {
    tx: rusqlite::Transaction<'a>,
    place: &'a Place,
}

impl<'a> View<'a> {
    pub(super) fn begin(
        connection: &'a mut Connection,
        place: &'a Place,
        behavior: TransactionBehavior,
    ) -> Result<Self, StoreError> {
        let tx = connection.transaction_with_behavior(behavior).map_err(|error| place.explain(error))?;
        Ok(Self { tx, place })
    }

    /// Takes the shared lock now: a deferred transaction would see the moment of its first read.
    pub(super) fn pin(&self) -> Result<(), StoreError> {
        let mut statement = self.prepare("SELECT 1 FROM meta LIMIT 1")?;
        statement.exists([]).map(drop).map_err(|error| self.place.explain(error))
    }

    /// What moves with commits of other connections, also of this process: <https://www.sqlite.org/pragma.html#pragma_data_version>.
    pub(super) fn data_version(&self) -> Result<i64, StoreError> {
        let version = self.tx.pragma_query_value(None, "data_version", |row| row.get(0));
        version.map_err(|error| self.place.explain(error))
    }

    fn prepare(&self, sql: &str) -> Result<rusqlite::CachedStatement<'_>, StoreError> {
        self.tx.prepare_cached(sql).map_err(|error| self.place.explain(error))
    }

    /// Runs a change; true if a row was touched.
    fn change(&self, sql: &str, params: impl Params) -> Result<bool, StoreError> {
        let changed = self.prepare(sql)?.execute(params).map_err(|error| self.place.explain(error))?;
        Ok(changed > 0)
    }

    fn walk(
        &self,
        statement: &mut Statement<'_>,
        params: impl Params,
        visit: &mut dyn FnMut(&Row<'_>) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let mut rows = statement.query(params).map_err(|error| self.place.explain(error))?;
        while let Some(row) = rows.next().map_err(|error| self.place.explain(error))? {
            if visit(row)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl Read for View<'_> {
    fn meta(&self, which: Meta) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement = self.prepare("SELECT value FROM meta WHERE name = ?1")?;
        let value = statement
            .query_row([meta_name(which)], |row| {
                Ok(blob(row, 0).filter(|value| value.len() <= MAX_META).map(<[u8]>::to_vec))
            })
            .optional()
            .map_err(|error| self.place.explain(error))?;
        match value {
            Some(None) => Err(StoreError::Damaged(format!("the {} is not a blob of at most 1 MiB", meta_name(which)))),
            Some(value) => Ok(value),
            None => Ok(None),
        }
    }

    fn record(&self, id: &RecordId) -> Result<Option<Record>, StoreError> {
        let mut found = None;
        let mut statement = self.prepare("SELECT id, epoch, revision, sealed FROM record WHERE id = ?1")?;
        self.walk(&mut statement, [id], &mut |row| {
            let RecordRef { id, epoch, revision, sealed } = record(row)?;
            found = Some(Record { id, epoch, revision, sealed: sealed.to_vec() });
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    fn entries(&self, tag: &[u8; 32]) -> Result<Vec<Entry>, StoreError> {
        let mut found = Vec::new();
        let mut statement = self.prepare("SELECT tag, id, sealed FROM entry WHERE tag = ?1 ORDER BY id")?;
        self.walk(&mut statement, [tag], &mut |row| {
            found.push(entry(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    fn each_record(&self, visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>) -> Result<(), StoreError> {
        let mut statement = self.prepare("SELECT id, epoch, revision, sealed FROM record ORDER BY id")?;
        self.walk(&mut statement, [], &mut |row| Ok(visit(record(row)?)))
    }

    fn each_entry(&self, visit: &mut dyn FnMut(Entry) -> ControlFlow<()>) -> Result<(), StoreError> {
        let mut statement = self.prepare("SELECT tag, id, sealed FROM entry ORDER BY tag, id")?;
        self.walk(&mut statement, [], &mut |row| Ok(visit(entry(row)?)))
    }

    fn stamp(&self) -> Result<Option<u64>, StoreError> {
        self.data_version().map(|version| u64::try_from(version).ok())
    }

    fn looks(&self) -> Option<Looks> {
        self.place.is_local().then(|| self.place.looks()).flatten()
    }
}

impl Transaction for View<'_> {
    fn put_meta(&mut self, which: Meta, value: &[u8]) -> Result<(), StoreError> {
        self.change("REPLACE INTO meta (name, value) VALUES (?1, ?2)", params![meta_name(which), value]).map(drop)
    }

    fn put_record(&mut self, record: &Record) -> Result<(), StoreError> {
        let (epoch, revision) = (integer("epoch", record.epoch)?, integer("revision", record.revision)?);
        let row = params![record.id, epoch, revision, record.sealed];
        self.change("REPLACE INTO record (id, epoch, revision, sealed) VALUES (?1, ?2, ?3, ?4)", row).map(drop)
    }

    fn delete_record(&mut self, id: &RecordId) -> Result<bool, StoreError> {
        self.change("DELETE FROM record WHERE id = ?1", [id])
    }

    fn put_entry(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let row = params![entry.tag, entry.id, entry.sealed];
        self.change("REPLACE INTO entry (tag, id, sealed) VALUES (?1, ?2, ?3)", row).map(drop)
    }

    fn delete_entry(&mut self, tag: &[u8; 32], id: &RecordId) -> Result<bool, StoreError> {
        self.change("DELETE FROM entry WHERE tag = ?1 AND id = ?2", params![tag, id])
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        // Without WHERE, SQLite frees the pages of a table whole (https://www.sqlite.org/lang_delete.html, 4), and `secure_delete` makes each
        // all zeros: nothing is left between the cells, as it is where rows go one by one.
        // What follows touches every page: with the usual 2 MiB each would be written out and read again several times, and readers be locked
        // out from the first of them on.
        self.tx.pragma_update(None, "cache_size", CLEARED_CACHE).map_err(|error| self.place.explain(error))?;
        self.change("DELETE FROM record", [])?;
        self.change("DELETE FROM entry", []).map(drop)
    }

    fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let Self { tx, place } = *self;
        tx.commit().map_err(|error| place.explain(error))
    }
}

/// A counter as SQLite keeps it: signed, 64 bits.
pub(in super::super) fn integer(what: &str, value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::Io(format!("{what} {value} is more than it can hold")))
}

pub(super) fn meta_name(which: Meta) -> &'static str {
    match which {
        Meta::Header => "header",
        Meta::Manifest => "manifest",
    }
}

fn record<'r>(row: &'r Row<'_>) -> Result<RecordRef<'r>, StoreError> {
    let wrong = |column| wrong("record", blob(row, 0), column);
    Ok(RecordRef {
        id: array(row, 0).ok_or_else(|| wrong("id"))?,
        epoch: counter(row, 1).ok_or_else(|| wrong("epoch"))?,
        revision: counter(row, 2).ok_or_else(|| wrong("revision"))?,
        sealed: blob(row, 3).ok_or_else(|| wrong("sealed item"))?,
    })
}

fn entry(row: &Row<'_>) -> Result<Entry, StoreError> {
    let wrong = |column| wrong("index entry", blob(row, 0), column);
    Ok(Entry {
        tag: array(row, 0).ok_or_else(|| wrong("tag"))?,
        id: array(row, 1).ok_or_else(|| wrong("id"))?,
        sealed: blob(row, 2).ok_or_else(|| wrong("sealed name"))?.to_vec(),
    })
}

fn blob<'r>(row: &'r Row<'_>, column: usize) -> Option<&'r [u8]> {
    row.get_ref(column).ok()?.as_blob().ok()
}

fn array<const N: usize>(row: &Row<'_>, column: usize) -> Option<[u8; N]> {
    blob(row, column)?.try_into().ok()
}

fn counter(row: &Row<'_>, column: usize) -> Option<u64> {
    row.get_ref(column).ok()?.as_i64().ok()?.try_into().ok()
}

/// At most 32 bytes of a key are shown: a hostile one could be a megabyte long.
fn wrong(row: &str, key: Option<&[u8]>, column: &str) -> StoreError {
    let key = key.map(|bytes| hex::encode(&bytes[..bytes.len().min(32)])).unwrap_or_default();
    StoreError::Damaged(format!("{row} '{key}' has an impossible {column}"))
}
