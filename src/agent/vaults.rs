//! The vaults that are held: which, until when, and what becomes of them.

use super::House;
use super::events::{Event, Teller};
use super::held::Lease;
use super::protocol::{Failure, Held, Op, Reply, Status, Unlock};
use super::sources;
use super::watch::Guard;
use super::wire::Secret;
use super::worker::{Answer, Job, Opening, Worker};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Vaults at a time.
const VAULTS: usize = 64;
/// Whoever locks is told after so long that it is not done yet.
const LOCKING: Duration = Duration::from_secs(5);
/// Paths of which it is remembered why they are not held any more.
const REASONS: usize = 256;

struct Entry {
    id: u64,
    worker: Worker,
    lease: Lease,
    keyslot: String,
    way: String,
    /// Of its tokens.
    watchers: Vec<Guard>,
}

/// Whoever waits until account keys are erased.
struct Waiting {
    client: Option<u64>,
    workers: Vec<u64>,
    until: Duration,
    /// Dropped when they are.
    _then: Option<Box<dyn Send>>,
}

/// All of them.
pub struct Vaults {
    house: Arc<dyn House>,
    teller: Teller,
    warnings: Vec<String>,
    held: BTreeMap<PathBuf, Entry>,
    /// Being opened: what is held at that path stays until they are.
    opening: HashMap<u64, (PathBuf, Entry)>,
    leaving: HashMap<u64, Worker>,
    waiting: Vec<Waiting>,
    reasons: HashMap<PathBuf, String>,
    next: u64,
}

impl Vaults {
    pub fn new(house: Arc<dyn House>, teller: Teller, warnings: Vec<String>) -> Self {
        let (held, opening, leaving) = (BTreeMap::new(), HashMap::new(), HashMap::new());
        let (waiting, reasons) = (Vec::new(), HashMap::new());
        Self { house, teller, warnings, held, opening, leaving, waiting, reasons, next: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.held.is_empty() && self.opening.is_empty() && self.leaving.is_empty()
    }

    /// Whether this worker's vault is unlocked.
    pub fn is_held(&self, worker: u64) -> bool {
        self.held.values().any(|entry| entry.id == worker)
    }

    /// The worker that was begun last.
    pub fn latest(&self) -> u64 {
        self.next
    }

    /// Something that the person shall find in `status`.
    pub fn warn(&mut self, what: String) {
        self.house.log(&what);
        if !self.warnings.contains(&what) {
            self.warnings.push(what);
        }
    }

    pub fn status(&self, now: Duration) -> Status {
        let held = self.held.iter().map(|(path, entry)| {
            let (idle, max) = entry.lease.left(now);
            let Entry { keyslot, way, watchers, .. } = entry;
            Held {
                path: path.clone(),
                keyslot: keyslot.clone(),
                way: way.clone(),
                idle,
                max,
                on_removal: !watchers.is_empty(),
            }
        });
        Status {
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id().into(),
            vaults: held.collect(),
            warnings: self.warnings.clone(),
        }
    }

    fn not_held(&self, path: &Path) -> Reply {
        Reply::NotHeld(self.reasons.get(path).cloned().unwrap_or_default())
    }

    /// Who does what is asked of a vault.
    pub fn worker(&self, path: &Path) -> Option<u64> {
        self.held.get(path).map(|entry| entry.id)
    }

    /// Gives a vault something to do; the answer, if there is one at once.
    pub fn give(&mut self, client: u64, path: &Path, op: Op, now: Duration) -> Option<Reply> {
        let Some(entry) = self.held.get_mut(path) else { return Some(self.not_held(path)) };
        entry.lease.touch(now);
        if entry.worker.give(Job { client, op }) {
            return None;
        }
        self.forget(&path.to_owned(), "it ended by an error of its own");
        Some(self.not_held(path))
    }

    /// Begins to hold a vault.
    pub fn unlock(&mut self, client: u64, unlock: Unlock, now: Duration) -> Option<Reply> {
        let Unlock { path, keyslot, way, idle, max, account_key, tokens } = unlock;
        if self.held.len() + self.opening.len() >= VAULTS && !self.held.contains_key(&path) {
            return Some(Reply::Failed(Failure {
                code: 6,
                message: format!("the agent holds {VAULTS} vaults, and no more"),
                hint: "lock one first: 'twinlock lock'".into(),
                notes: Vec::new(),
            }));
        }
        self.next += 1;
        let id = self.next;
        let opening = Opening { id, client, path: path.clone(), keyslot: keyslot.clone(), account_key };
        let worker = match Worker::start(opening, self.house.clone(), self.teller.clone()) {
            Ok(worker) => worker,
            Err(error) => {
                return Some(Reply::Failed(Failure {
                    code: 6,
                    message: format!("the agent cannot begin another thread: {error}"),
                    hint: "try again when the machine has less to do".into(),
                    notes: Vec::new(),
                }));
            }
        };
        let lease = Lease::new(now, idle, max);
        let watchers = sources::watch_tokens(tokens, id, self.house.as_ref(), &self.teller);
        self.opening.insert(id, (path, Entry { id, worker, lease, keyslot, way, watchers }));
        None
    }

    /// A worker has done something: what its client shall get.
    pub fn answered(&mut self, answer: Answer, now: Duration) -> Vec<Secret> {
        let path = self.held.iter().find(|(_, entry)| entry.id == answer.worker).map(|(path, _)| path.clone());
        if let (Some(path), Some(why)) = (path, &answer.ended) {
            self.forget(&path, why);
        }
        if answer.opened {
            let Some((path, mut entry)) = self.opening.remove(&answer.worker) else {
                return vec![Reply::NotHeld("it was locked while it was being unlocked".into()).frame()];
            };
            self.forget(&path, "it was unlocked anew");
            self.reasons.remove(&path);
            entry.lease.touch(now);
            self.held.insert(path, entry);
        }
        answer.frames
    }

    /// What is being opened at that path, or at any, is not wanted any more.
    fn give_up(&mut self, wanted: impl Fn(u64, &Path) -> bool) {
        let ids: Vec<u64> =
            self.opening.iter().filter(|(id, (path, _))| wanted(**id, path)).map(|(id, _)| *id).collect();
        for id in ids {
            if let Some((_, mut entry)) = self.opening.remove(&id) {
                entry.worker.stop();
                sources::end(entry.watchers);
                self.leaving.insert(id, entry.worker);
            }
        }
    }

    /// Locks one or all; the answer, if there is nothing to wait for.
    pub fn lock(&mut self, client: u64, path: Option<&Path>, now: Duration) -> Option<Reply> {
        let paths: Vec<PathBuf> = match path {
            Some(path) => self.held.keys().filter(|held| *held == path).cloned().collect(),
            None => self.held.keys().cloned().collect(),
        };
        let before: Vec<u64> = self.leaving.keys().copied().collect();
        self.give_up(|_, opening| path.is_none_or(|path| path == opening));
        for path in &paths {
            self.forget(path, "it was locked");
        }
        // Whoever locks all waits for those that are just being locked, too.
        let mine = self.leaving.keys().copied().filter(|id| path.is_none() || !before.contains(id));
        let workers: Vec<u64> = mine.collect();
        if workers.is_empty() {
            return Some(Reply::NotHeld(String::new()));
        }
        self.wait_for(Some(client), workers, now + LOCKING, None);
        None
    }

    /// Somebody says that the person has left.
    pub fn drop_for(&mut self, vault: Option<u64>, why: &str, then: Option<Box<dyn Send>>) {
        let concerned = |entry: &Entry| vault.is_none_or(|id| id == entry.id);
        let paths: Vec<PathBuf> =
            self.held.iter().filter(|(_, entry)| concerned(entry)).map(|(path, _)| path.clone()).collect();
        self.give_up(|id, _| vault.is_none_or(|vault| vault == id));
        for path in &paths {
            self.forget(path, why);
        }
        let workers = self.leaving.keys().copied().collect();
        self.wait_for(None, workers, Duration::MAX, then);
    }

    fn wait_for(&mut self, client: Option<u64>, workers: Vec<u64>, until: Duration, then: Option<Box<dyn Send>>) {
        self.waiting.push(Waiting { client, workers, until, _then: then });
    }

    /// Locks what has come to its end.
    pub fn expire(&mut self, now: Duration) {
        let over: Vec<(PathBuf, &str)> =
            self.held.iter().filter_map(|(path, entry)| Some((path.clone(), entry.lease.over(now)?))).collect();
        for (path, why) in over {
            self.forget(&path, why);
        }
    }

    /// When the next one comes to its end, or somebody has waited long enough.
    pub fn deadline(&self) -> Option<Duration> {
        let ends = self.held.values().map(|entry| entry.lease.until());
        let waits = self.waiting.iter().map(|waiting| waiting.until).filter(|until| *until < Duration::MAX);
        ends.chain(waits).min()
    }

    fn forget(&mut self, path: &PathBuf, why: &str) {
        let Some(mut entry) = self.held.remove(path) else { return };
        entry.worker.stop();
        sources::end(entry.watchers);
        self.leaving.insert(entry.id, entry.worker);
        self.house.log(&format!("locked '{}': {why}", path.display()));
        if self.reasons.len() >= REASONS {
            self.reasons.clear();
        }
        self.reasons.insert(path.clone(), why.to_owned());
    }

    /// A worker's thread has ended.
    pub fn over(&mut self, worker: u64) {
        self.leaving.remove(&worker);
        if let Some((_, entry)) = self.opening.remove(&worker) {
            sources::end(entry.watchers);
        }
        let died = self.held.iter().find(|(_, entry)| entry.id == worker).map(|(path, _)| path.clone());
        if let Some(path) = died {
            self.forget(&path, "it ended by an error of its own");
            self.leaving.remove(&worker);
        }
    }

    /// Those who need wait no longer, and whether in vain.
    pub fn locked(&mut self, now: Duration) -> Vec<(u64, bool)> {
        let leaving = &self.leaving;
        let mut done = Vec::new();
        self.waiting.retain(|waiting| {
            let over = !waiting.workers.iter().any(|worker| leaving.contains_key(worker));
            let late = now >= waiting.until;
            if (over || late)
                && let Some(client) = waiting.client
            {
                done.push((client, !over));
            }
            !over && !late
        });
        done
    }

    /// Locks all, and waits for it.
    pub fn end(mut self) {
        for path in self.held.keys().cloned().collect::<Vec<_>>() {
            self.forget(&path, "the agent ends");
        }
        self.give_up(|_, _| true);
        let until = Instant::now() + LOCKING;
        for (_, worker) in self.leaving.drain() {
            worker.join(until);
        }
    }
}

/// A worker's thread tells that it has ended when this is dropped, also by a panic.
pub struct Farewell(pub Teller, pub u64);

impl Drop for Farewell {
    fn drop(&mut self) {
        self.0.tell(Event::Over(self.1));
    }
}
