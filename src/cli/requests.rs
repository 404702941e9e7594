//! The requests that this machine has made, in its state folder: each one's text, and the private key that opens its answers. The key
//! is erased when the request has served, when its time is over, or when the person says so.
//!
//! `requests/ID.txt` is the text as it was sent, `ID.path` the vault file that it was made at, `ID.key` 32 bytes, `ID.ended` why there is
//! no key any more: so that an answer that comes late is told from one to somebody else.

use super::report::CliError;
use crate::custody::Request;
use crate::encode::hex;
use crate::secret::{RequestKey, zeros32};
use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long an ended request is remembered after its time.
const REMEMBERED: Duration = Duration::from_secs(90 * 24 * 3600);
/// How long the key of a request is kept after its time, unused: one start of this program under a clock that is wrong would otherwise cost
/// a request for which custodians have answered already.
const GRACE: Duration = Duration::from_secs(2 * 24 * 3600);
/// Bytes of a file here, at most.
const MAX_FILE: u64 = 100_000;

/// Why a request is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its answers have opened the vault, and a way in was made.
    Used,
    /// Another request for the same keyslot has: what was asked for is no longer needed.
    Beside,
    /// The keyslot was wiped or wrapped anew: nothing that comes could open it.
    Gone,
    /// Its time is over.
    Expired,
    /// The person said so.
    Forgotten,
}

impl Ended {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Used, "used"),
        (Self::Beside, "beside"),
        (Self::Gone, "gone"),
        (Self::Expired, "expired"),
        (Self::Forgotten, "forgotten"),
    ];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(ended, _)| *ended == self).map_or("", |(_, word)| word)
    }
}

/// A request that answers can still come to, or that is remembered.
pub struct Kept {
    pub request: Request,
    /// None: it waits for answers.
    pub ended: Option<Ended>,
    /// Its key is there: also of one whose time has just ended, which is used no more unless the clock was wrong.
    pub has_key: bool,
    /// The vault file that it was made at, by its real path; none where an earlier version has made it.
    pub path: Option<PathBuf>,
}

impl Kept {
    /// When a key that is not used any more is erased. RFC 3339, UTC.
    pub fn erased_at(&self) -> String {
        humantime::format_rfc3339_seconds(self.request.until() + GRACE).to_string()
    }
}

/// The folder of this machine's requests.
pub struct Requests(PathBuf);

impl Requests {
    /// Nothing is made yet.
    pub fn new() -> Result<Self, CliError> {
        super::config::state_folder().map(|folder| Self(folder.join("requests"))).ok_or(CliError::NoHome)
    }

    fn file(&self, id: &[u8; 16], ending: &str) -> PathBuf {
        self.0.join(format!("{}.{ending}", hex::encode(id)))
    }

    /// Keeps a request and its key, on the disk before this returns: an answer to a request whose key is lost is lost.
    pub fn keep(&self, request: &Request, key: &RequestKey, vault: &Path) -> Result<(), CliError> {
        let id = request.id();
        let kept = || -> io::Result<()> {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
            write_new(&self.file(&id, "key"), key.expose())?;
            write_new(&self.file(&id, "path"), vault.as_os_str().as_bytes())?;
            write_new(&self.file(&id, "txt"), request.lines().as_bytes())?;
            File::open(&self.0)?.sync_all()
        };
        kept().map_err(|error| {
            erase(&self.file(&id, "key"));
            CliError::File { doing: "keep the request in", path: self.0.clone(), error }
        })
    }

    /// All that are kept, oldest first. Those whose time is long enough over lose their keys now.
    pub fn all(&self) -> Vec<Kept> {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        let ids = entries.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            hex::decode_array(name.strip_suffix(".txt")?).ok()
        });
        let mut all: Vec<Kept> = ids.filter_map(|id| self.find(&id)).collect();
        all.sort_by(|a, b| a.request.asked.created.cmp(&b.request.asked.created));
        all
    }

    /// The one with that id, if it was made here.
    pub fn find(&self, id: &[u8; 16]) -> Option<Kept> {
        let request = Request::read(&read(&self.file(id, "txt"))?).ok().filter(|request| request.id() == *id)?;
        let said = read(&self.file(id, "ended"));
        let mut has_key = said.is_none();
        let mut ended =
            Ended::ALL.iter().find(|(_, word)| said.as_deref().map(str::trim) == Some(word)).map(|(ended, _)| *ended);
        if ended.is_none() && request.check_time(SystemTime::now()).is_err() {
            ended = Some(Ended::Expired);
            let over = SystemTime::now().checked_sub(GRACE).is_some_and(|then| request.check_time(then).is_err());
            has_key = has_key && !(over && self.end(id, Ended::Expired));
        }
        let long_over = SystemTime::now().checked_sub(REMEMBERED);
        let forget = ended.is_some() && long_over.is_some_and(|then| request.check_time(then).is_err());
        // A key that could not be erased is not left behind without the text by which it is found and tried again.
        if forget && erase(&self.file(id, "key")) {
            for ending in ["txt", "path", "ended"] {
                // What cannot be removed is only remembered for longer.
                let _ = std::fs::remove_file(self.file(id, ending));
            }
        }
        let path = std::fs::read(self.file(id, "path")).ok().map(|bytes| PathBuf::from(OsString::from_vec(bytes)));
        Some(Kept { request, ended, has_key, path })
    }

    /// Its key.
    pub fn key(&self, id: &[u8; 16]) -> Result<RequestKey, CliError> {
        let path = self.file(id, "key");
        let mut bytes = zeros32();
        let read = File::open(&path).and_then(|mut file| file.read_exact(bytes.as_mut_slice()));
        read.map_err(|error| CliError::File { doing: "read the request's key", path, error })?;
        Ok(RequestKey::new(bytes))
    }

    /// Erases its key, and remembers why. False: the key could not be erased.
    pub fn end(&self, id: &[u8; 16], why: Ended) -> bool {
        let gone = erase(&self.file(id, "key"));
        // Not remembered is no harm: without its key it cannot be used.
        let _ = write_new(&self.file(id, "ended"), why.word().as_bytes());
        gone
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(MAX_FILE).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Overwrites and removes a key. Flash and snapshots may keep older blocks; nothing here can reach those.
fn erase(path: &Path) -> bool {
    if let Ok(mut file) = OpenOptions::new().write(true).open(path) {
        let _ = file.write_all(&[0; 32]).and_then(|()| file.sync_all());
    }
    match std::fs::remove_file(path) {
        Err(error) => error.kind() == io::ErrorKind::NotFound,
        Ok(()) => true,
    }
}
