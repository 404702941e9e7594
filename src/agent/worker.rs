//! One unlocked vault, open on a thread of its own: whatever its disk does, the agent goes on.

use super::House;
use super::events::{Event, Teller};
use super::protocol::{Failure, Op, Reply};
use super::vaults::Farewell;
use super::wire::Secret;
use crate::crypto::wash::wash;
use crate::item::Item;
use crate::secret::AccountKey;
use crate::store::StoreError;
use crate::store::sqlite::SqliteStore;
use crate::vault::{Found, Seen, Vault, VaultError};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Bytes that are sent at once, about. As much as is given back to the system when it is freed (`cli/held.rs`).
const PIECE: usize = 256 << 10;

/// What a worker is to do.
pub struct Job {
    /// Who has asked.
    pub client: u64,
    /// For what.
    pub op: Op,
}

/// What a worker has done.
pub struct Answer {
    /// Which worker.
    pub worker: u64,
    /// Who has asked; nobody, if it ends by itself.
    pub client: Option<u64>,
    /// Frames to send.
    pub frames: Vec<Secret>,
    /// The vault is open: from now on it is held.
    pub opened: bool,
    /// It has dropped its account key, and why.
    pub ended: Option<String>,
}

/// The thread of a vault.
pub struct Worker {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

/// What opens the vault.
pub struct Opening {
    /// Of this worker.
    pub id: u64,
    /// The client that waits for it to be open.
    pub client: u64,
    /// The vault file.
    pub path: PathBuf,
    /// The keyslot's name.
    pub keyslot: String,
    /// The account key.
    pub account_key: AccountKey,
}

impl Worker {
    /// Begins; the client is told when the vault is open, or why not.
    pub fn start(opening: Opening, house: Arc<dyn House>, teller: Teller) -> io::Result<Self> {
        let (jobs, todo) = channel();
        let run = move || {
            // Last of all, when everything else here is dropped and erased.
            let farewell = Farewell(teller, opening.id);
            run(opening, house.as_ref(), &farewell.0, &todo);
            // The system keeps the stack for the next thread.
            wash();
        };
        let thread = std::thread::Builder::new().name("vault".into()).stack_size(1 << 20).spawn(run)?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// False: it has ended by itself.
    pub fn give(&self, job: Job) -> bool {
        self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok())
    }

    /// Has it drop the account key when it has done what it is at.
    pub fn stop(&mut self) {
        self.jobs = None;
    }

    /// Waits until it has, but not for a disk that does not answer: the system takes the memory of a process that ends. For the end of
    /// the agent.
    pub fn join(mut self, until: Instant) {
        self.stop();
        while let Some(thread) = self.thread.take_if(|thread| !thread.is_finished() && Instant::now() < until) {
            std::thread::sleep(Duration::from_millis(1));
            self.thread = Some(thread);
        }
    }
}

#[inline(never)]
fn run(opening: Opening, house: &dyn House, teller: &Teller, todo: &Receiver<Job>) {
    let Opening { id, client, path, keyslot, account_key } = opening;
    let tell = |client, frames, opened, ended| {
        teller.tell(Event::Answer(Answer { worker: id, client, frames, opened, ended }));
    };
    let answer = |client, frames, ended| tell(client, frames, false, ended);
    let mut open = match Open::new(&path, account_key, &keyslot) {
        Ok(open) => open,
        Err(error) => {
            let reply = Reply::Failed(house.explain(&error));
            return answer(Some(client), vec![reply.frame()], Some("it did not open".into()));
        }
    };
    let mut watcher = house.watcher(&path);
    tell(Some(client), vec![Reply::Done.frame()], true, None);
    // Before the first write, so that it is not the one that takes long. What is wrong is told to whoever asks for something.
    let _ = open.vault.settle();
    wash();
    let mut queue = Queue::default();
    while let Some(Job { client, op }) = queue.next(todo) {
        let (frames, ended) = open.turn(op, house);
        let last = ended.is_some();
        answer(Some(client), frames, ended);
        // Once it is acknowledged: a later state than the one remembered is no harm.
        for seen in open.seen.take() {
            watcher(&seen);
        }
        if last {
            return;
        }
        // It may be long until the next one, and this one's item shall not wait with it.
        wash();
    }
}

/// What is to be done: what takes long, last, so that whoever asks for one item waits behind one who asks for all, and not behind many.
#[derive(Default)]
struct Queue {
    short: VecDeque<Job>,
    long: VecDeque<Job>,
}

impl Queue {
    /// None: the vault is to be locked, whatever else was asked for.
    fn next(&mut self, todo: &Receiver<Job>) -> Option<Job> {
        loop {
            match todo.try_recv() {
                Ok(job) => self.put(job),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => match self.short.pop_front().or_else(|| self.long.pop_front()) {
                    Some(job) => return Some(job),
                    None => self.put(todo.recv().ok()?),
                },
            }
        }
    }

    fn put(&mut self, job: Job) {
        if matches!(job.op, Op::Each) { self.long.push_back(job) } else { self.short.push_back(job) }
    }
}

/// As frames, many small ones in one piece: each piece costs a call of the system.
fn joined(replies: &[Reply]) -> Vec<Secret> {
    let mut pieces: Vec<Secret> = Vec::new();
    for reply in replies {
        let frame = reply.frame();
        match pieces.last_mut() {
            // Within what it has room for, so that it never moves.
            Some(piece) if piece.capacity() - piece.len() >= frame.len() => piece.extend_from_slice(&frame),
            _ if replies.len() > 1 && frame.len() < PIECE => {
                let mut piece = Secret::new(Vec::with_capacity(PIECE));
                piece.extend_from_slice(&frame);
                pieces.push(piece);
            }
            _ => pieces.push(frame),
        }
    }
    pieces
}

/// A vault that stays open.
struct Open {
    vault: Vault,
    path: PathBuf,
    file: (u64, u64),
    seen: Rc<RefCell<Vec<Seen>>>,
}

impl Open {
    fn new(path: &Path, account_key: AccountKey, keyslot: &str) -> Result<Self, VaultError> {
        let file = identity(path).ok_or_else(|| StoreError::NotFound(path.to_owned()))?;
        let mut vault = Vault::adopt(Box::new(SqliteStore::open(path)?), account_key, keyslot)?;
        let seen = Rc::new(RefCell::new(Vec::new()));
        let noted = seen.clone();
        vault.watch(move |what| noted.borrow_mut().push(what.clone()));
        Ok(Self { vault, path: path.to_owned(), file, seen })
    }

    /// Whether another file has its place, or none.
    fn replaced(&self) -> Option<&'static str> {
        match identity(&self.path) {
            None => Some("its file is gone"),
            Some(file) if file != self.file => Some("another file is in its place"),
            Some(_) => None,
        }
    }

    /// In a frame of its own, which is gone when the stack is washed.
    #[inline(never)]
    fn turn(&mut self, op: Op, house: &dyn House) -> (Vec<Secret>, Option<String>) {
        let (replies, ended) = match self.replaced() {
            Some(why) => (vec![Reply::NotHeld(why.into())], Some(why.to_owned())),
            None => self.serve(op, house),
        };
        (joined(&replies), ended)
    }

    fn serve(&mut self, op: Op, house: &dyn House) -> (Vec<Reply>, Option<String>) {
        let done = match self.act(&op) {
            // Nothing was done. The file was touched past SQLite, perhaps by no more than a chmod or a link: what is in it decides.
            Err(VaultError::Store(StoreError::Exchanged)) => self.reopen().and_then(|()| self.act(&op)),
            done => done,
        };
        match done {
            Ok(replies) => (replies, None),
            Err(error) => match gone(&error) {
                Some(why) => (vec![Reply::NotHeld(why.into())], Some(why.to_owned())),
                None => (vec![Reply::Failed(house.explain(&error))], None),
            },
        }
    }

    fn reopen(&mut self) -> Result<(), VaultError> {
        self.vault.reopen(Box::new(SqliteStore::open(&self.path)?))
    }

    fn act(&mut self, op: &Op) -> Result<Vec<Reply>, VaultError> {
        match op {
            Op::Look => self.vault.look()?,
            Op::Get(name) => return Ok(vec![found(self.vault.get(name)?)?]),
            Op::Free(name) => self.vault.refuse_taken(name)?,
            Op::Add(item) => self.vault.add(&Item::from_json(item).map_err(VaultError::Item)?)?,
            Op::Replace { id, revision, name, item } => {
                let item = Item::from_json(item).map_err(VaultError::Item)?;
                self.vault.replace(&Found { id: *id, revision: *revision, item: named(name) }, &item)?;
            }
            Op::Remove { id, revision, name } => {
                self.vault.remove(&Found { id: *id, revision: *revision, item: named(name) })?;
            }
            Op::Each => {
                let mut all = Vec::new();
                let mut failed = None;
                self.vault.each(&mut |item| match found(item) {
                    Ok(reply) => all.push(reply),
                    Err(error) => failed = Some(error),
                })?;
                failed.map_or(Ok(()), Err)?;
                all.push(Reply::Done);
                return Ok(all);
            }
        }
        Ok(vec![Reply::Done])
    }
}

/// An item that is only known by its name, for saying which one is meant.
fn named(name: &str) -> Item {
    Item {
        item_type: String::new(),
        name: name.to_owned(),
        created: String::new(),
        updated: String::new(),
        tags: Vec::new(),
        fields: Vec::new(),
        extra: serde_json::Map::new(),
    }
}

fn found(found: Found) -> Result<Reply, VaultError> {
    let item = found.item.to_json().map_err(VaultError::Item)?;
    Ok(Reply::Found { id: found.id, revision: found.revision, item })
}

/// Device and inode.
fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|data| (data.dev(), data.ino()))
}

/// Whether the account key is none of this file any more, or the file is not to be trusted: then it is for the person to open it anew.
fn gone(error: &VaultError) -> Option<&'static str> {
    match error {
        VaultError::Rotated => Some("the vault was rotated"),
        VaultError::WentBack | VaultError::WentAstray | VaultError::WentFar => {
            Some("the file was put back or exchanged")
        }
        VaultError::Store(StoreError::Exchanged) => Some("the file was written over"),
        VaultError::Header(_) | VaultError::Manifest => Some("its header or manifest is not right any more"),
        _ => None,
    }
}

impl From<Failure> for Reply {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
