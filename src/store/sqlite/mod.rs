//! The vault as one SQLite file with a rollback journal. Spec 6; why SQLite: `docs/design.md`.
//!
//! The file may come from anybody: nothing in it may run SQL of its own (`schema`), and nothing at its place may
//! make SQLite wait for ever (`place`).

mod draft;
mod error;
mod place;
mod replace;
mod rows;
mod schema;
#[cfg(test)]
mod tests;

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{Looks, Read, Store, StoreError, Transaction};
use draft::Draft;
use place::Place;
pub use replace::Replacement;
use rows::View;

#[cfg(any(test, debug_assertions))]
pub(super) use rows::integer;

/// How long a call waits for another process before it says `Busy`. A write takes milliseconds; a rotation of 100,000 items
/// about two seconds.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of the longest row: the largest item (16 MiB), sealed and padded, with room to spare. A file that claims more is not believed,
/// and no memory is taken for it.
const MAX_ROW: i32 = 24 << 20;

/// The file at one moment: what SQLite goes by, and how the system sees it.
#[derive(Clone, Copy)]
struct Look {
    version: i64,
    file: Option<Looks>,
}

/// An open vault file.
pub struct SqliteStore {
    connection: Connection,
    place: Place,
    mode: u32,
    /// How the file looked when it was last read, and the data version of then.
    seen: Option<Look>,
}

impl SqliteStore {
    /// Opens the vault at `path`, for writing where the file allows it. A symbolic link is followed first, so that the
    /// journal lies beside the real file.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let (place, metadata) = Place::find(path)?;
        if metadata.len() == 0 {
            return Err(place.not_a_vault("it is empty".to_owned()));
        }
        place.check_journal()?;
        let connection = connect(&place.real).map_err(|error| place.opening(error))?;
        schema::harden(&connection).map_err(|error| place.opening(error))?;
        schema::check(&connection, &place)?;
        Ok(Self { connection, place, mode: metadata.mode() & 0o7777, seen: None })
    }

    /// Makes a vault at `path` out of its first header text and manifest. All or nothing: the file appears whole, with mode
    /// 0600, and never in the place of another.
    pub fn create(path: &Path, header: &[u8], manifest: &[u8]) -> Result<Self, StoreError> {
        let draft = Draft::new(path)?;
        let fill = || {
            let connection = connect(draft.path())?;
            // Nobody sees a draft, and publishing syncs it: no journal is needed.
            connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")?;
            schema::create(&connection, header, manifest)?;
            connection.close().map_err(|(_, error)| error)
        };
        fill().map_err(|error| draft.place().explain(error))?;
        draft.publish()?;
        Self::open(path)
    }

    /// The file's mode if anyone but its owner may read or write it, as `0o644`.
    pub fn mode_warning(&self) -> Option<u32> {
        (self.mode & 0o077 != 0).then_some(self.mode)
    }

    /// Whether a write can succeed here at all, before a person is asked for anything.
    pub fn check_writable(&self) -> Result<(), StoreError> {
        if self.connection.is_readonly("main").map_err(|error| self.place.explain(error))? {
            return Err(StoreError::ReadOnly("its file may only be read".to_owned()));
        }
        self.place.check_folder()
    }

    /// Writes a consistent copy to `to`, beside running readers and writers. All or nothing, mode 0600, never over another
    /// file; the copy has passed SQLite's own check before it appears.
    pub fn backup(&self, to: &Path) -> Result<(), StoreError> {
        let draft = Draft::new(to)?;
        self.copy_into(&draft)?;
        draft.publish()
    }

    fn copy_into(&self, draft: &Draft) -> Result<(), StoreError> {
        let mut copy = connect(draft.path()).map_err(|error| draft.place().explain(error))?;
        copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
            .map_err(|error| draft.place().explain(error))?;
        let step = Backup::new(&self.connection, &mut copy)
            .and_then(|backup| backup.step(-1))
            .map_err(|error| self.place.explain(error))?;
        if step != StepResult::Done {
            return Err(StoreError::Busy);
        }
        schema::integrity(&copy, draft.place())?;
        copy.close().map_err(|(_, error)| draft.place().explain(error))
    }

    /// Writes the whole file anew, without what deleted and replaced records left behind. `secure_delete` overwrites what is
    /// deleted, but where a page was split earlier, its unused middle can still hold copies of records, until it is used
    /// again. The header is never on a page that splits.
    pub fn compact(&mut self) -> Result<(), StoreError> {
        self.check_writable()?;
        self.seen = None;
        self.connection.execute_batch("VACUUM").map_err(|error| self.place.explain(error))
    }

    /// SQLite's own check of every page and row shape. It reads the whole file, and knows nothing of keys.
    pub fn integrity(&self) -> Result<(), StoreError> {
        schema::integrity(&self.connection, &self.place)
    }
}

/// Without `CREATE`, so that a missing file is an error; without `URI`, so that a name is only a name. `NOFOLLOW`: the path
/// is resolved already, a link that appears in it now was put there by someone.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_ROW)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

/// Makes sure that what SQLite takes for the file as it was still is that file. SQLite goes by 16 bytes of it, counters that two copies of
/// a vault reach alike when each is written once: over a copy that `cp`, `scp` or `rsync --inplace` wrote into the file meanwhile it would
/// keep its page cache, and a write would mix the two. The lock is held, so no other SQLite is at it.
fn same_file(view: &View<'_>, place: &Place, seen: Option<Look>) -> Result<Look, StoreError> {
    let now = Look { version: view.data_version()?, file: place.looks() };
    match seen {
        Some(Look { version, file: Some(before) })
            if version == now.version && now.file.is_some_and(|file| file != before) =>
        {
            Err(StoreError::Exchanged)
        }
        _ => Ok(now),
    }
}

impl Store for SqliteStore {
    fn snapshot(&mut self) -> Result<Box<dyn Read + '_>, StoreError> {
        let view = View::begin(&mut self.connection, &self.place, TransactionBehavior::Deferred)?;
        view.pin()?;
        self.seen = Some(same_file(&view, &self.place, self.seen)?);
        Ok(Box::new(view))
    }

    fn begin(&mut self) -> Result<Box<dyn Transaction + '_>, StoreError> {
        self.check_writable()?;
        let view = View::begin(&mut self.connection, &self.place, TransactionBehavior::Immediate)?;
        // Our own commit changes how the file looks, and not the data version.
        same_file(&view, &self.place, self.seen.take())?;
        Ok(Box::new(view))
    }

    fn check_room(&self) -> Result<(), StoreError> {
        self.check_writable()?;
        self.place.check_room()
    }
}
