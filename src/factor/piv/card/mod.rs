//! The cards of one command, as the rest of the program sees them.
//!
//! PC/SC calls block: for a touch, for another program's transaction, for ever if that program hangs. So one thread holds all
//! connections (`desk`), and gets its work from here. The person sees what is waited for, Ctrl-C works at once, and there is a deadline.
//! A thread that does not come back is left behind; it ends with the program, and the service then gives the card back.

mod desk;
mod fate;
mod find;
mod holder;
mod line;
mod manage;
mod readers;
mod token;
mod trouble;
mod watch;

pub use desk::Desk;
pub use manage::NewKey;
pub use token::{Token, algorithm_of, slot_id};
pub use watch::CardWatch;

use super::error::PivError;
use super::info::{Agreed, Counters, KeyInfo, Located, ReaderInfo, TokenInfo, Wanted};
use super::slot::PivSlot;
use crate::factor::FactorError;
use crate::prompt::{Ask, Came, Event, Prompt, PromptError};
use crate::secret::Pin;
use fate::Fate;
use std::io::{PipeReader, pipe};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// The name of the thread. What panics there is told as an answer that makes no sense, and nowhere else.
pub const THREAD: &str = "cards";

/// The crate `yubikey` traces PINs and shared secrets. Every log call must be gone from the program, whatever logger somebody installs.
const _: () = assert!(log::STATIC_MAX_LEVEL as usize == log::LevelFilter::Off as usize);

/// How long nothing is said: a healthy card answers sooner.
const QUIET: Duration = Duration::from_millis(700);
/// How long a card may take for what needs nobody.
const DEADLINE: Duration = Duration::from_secs(10);
/// The same for what may make a key, or need a touch: a YubiKey gives up waiting for one after 15 seconds, and two may be asked for.
const LONG: Duration = Duration::from_secs(60);
/// How long the end of the program waits for the connections to be ended.
const GOODBYE: Duration = Duration::from_secs(2);

type Task = Box<dyn FnOnce(&mut Desk) + Send>;

/// All cards of one command. Nothing is started or looked at before it is needed.
pub struct Cards {
    /// Leave a verified PIN on the card when the command ends (the person's wish).
    keep: bool,
    worker: Option<Worker>,
    /// It did not come back: every later call says the same.
    lost: Option<PivError>,
    /// Serial numbers of tokens whose keys were used.
    used: Vec<u32>,
}

struct Worker {
    tasks: mpsc::Sender<Task>,
    thread: JoinHandle<()>,
    stop: Arc<AtomicBool>,
}

/// Work under way on the thread. Dropped before its end, it sends no PIN any more.
struct Job<T> {
    answer: mpsc::Receiver<Result<T, PivError>>,
    /// Hung up when the work is done.
    done: PipeReader,
    fate: Arc<Fate>,
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        // What was sent was sent: whoever waited for it gave up by Ctrl-C, and is told nothing.
        let _ = self.fate.give_up();
    }
}

impl Cards {
    /// `keep`: a PIN that was verified stays so on the card when the command ends.
    pub fn new(keep: bool) -> Self {
        Self { keep, worker: None, lost: None, used: Vec::new() }
    }

    /// Whether a PIN that was verified stays so (the person's wish).
    pub fn keeps(&self) -> bool {
        self.keep
    }

    fn worker(&mut self) -> Result<&Worker, PivError> {
        if let Some(error) = &self.lost {
            return Err(error.clone());
        }
        match &mut self.worker {
            Some(worker) => Ok(worker),
            none => {
                let (tasks, todo) = mpsc::channel::<Task>();
                let keep = self.keep;
                let run = move || {
                    let mut desk = Desk::new(keep);
                    while let Ok(task) = todo.recv() {
                        task(&mut desk);
                    }
                    desk.close();
                };
                let thread = std::thread::Builder::new().name(THREAD.to_owned()).spawn(run);
                let thread = thread.map_err(|error| no_thread(&error))?;
                Ok(none.insert(Worker { tasks, thread, stop: Arc::default() }))
            }
        }
    }

    fn start<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Desk) -> Result<T, PivError> + Send + 'static,
    ) -> Result<Job<T>, PivError> {
        let (answer, receiver) = mpsc::sync_channel(1);
        let (done, busy) = pipe().map_err(|error| no_thread(&error))?;
        let fate = Arc::<Fate>::default();
        let desks = Arc::clone(&fate);
        let task = Box::new(move |desk: &mut Desk| {
            desk.fate = desks;
            // The other end may have given up.
            let _ = answer.send(work(desk));
            drop(busy);
        });
        // It cannot be gone: it ends when this end is dropped.
        let _ = self.worker()?.tasks.send(task);
        Ok(Job { answer: receiver, done, fate })
    }

    /// Waits for work that needs nobody; after a while the person is told what is waited for.
    fn finish<T>(
        &mut self,
        job: Job<T>,
        token: &str,
        deadline: Duration,
        prompt: &mut dyn Prompt,
    ) -> Result<T, FactorError> {
        match job.answer.recv_timeout(QUIET) {
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let event = Event::CardBusy { token };
                prompt.wait(&event, job.done.as_fd(), deadline.saturating_sub(QUIET)).map_err(FactorError::Prompt)?;
                self.answered(&job, token, deadline)
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => self.fail(stumbled(token)),
            Ok(answer) => answer.map_err(FactorError::Piv),
        }
    }

    /// What came of it in time. Nothing is sent to the card after it was said that nothing came.
    fn answered<T>(&mut self, job: &Job<T>, token: &str, deadline: Duration) -> Result<T, FactorError> {
        let busy = || PivError::Busy { token: token.to_owned(), seconds: deadline.as_secs(), holder: holder::find() };
        let error = match job.answer.try_recv() {
            Ok(answer) => return answer.map_err(FactorError::Piv),
            Err(mpsc::TryRecvError::Disconnected) => stumbled(token),
            Err(mpsc::TryRecvError::Empty) => match job.fate.give_up() {
                Ok(()) => busy(),
                // The card has it: the answer comes in a moment, if it comes.
                Err(unsure) => match job.answer.recv_timeout(GOODBYE) {
                    Ok(answer) => return answer.map_err(FactorError::Piv),
                    Err(mpsc::RecvTimeoutError::Timeout) => unsure.unwrap_or_else(busy),
                    Err(mpsc::RecvTimeoutError::Disconnected) => stumbled(token),
                },
            },
        };
        self.fail(error)
    }

    fn fail<T>(&mut self, error: PivError) -> Result<T, FactorError> {
        self.lost = Some(error.clone());
        Err(FactorError::Piv(error))
    }

    /// Work on the readers that needs nobody.
    pub fn run<T: Send + 'static>(
        &mut self,
        prompt: &mut dyn Prompt,
        work: impl FnOnce(&mut Desk) -> Result<T, PivError> + Send + 'static,
    ) -> Result<T, FactorError> {
        let job = self.start(work).map_err(FactorError::Piv)?;
        self.finish(job, "card", DEADLINE, prompt)
    }

    /// The same for work on a token that is not given up early: where it stands is not known then.
    pub fn run_patiently<T: Send + 'static>(
        &mut self,
        token: &str,
        prompt: &mut dyn Prompt,
        work: impl FnOnce(&mut Desk) -> Result<T, PivError> + Send + 'static,
    ) -> Result<T, FactorError> {
        let job = self.start(work).map_err(FactorError::Piv)?;
        self.finish(job, token, LONG, prompt)
    }

    /// The same for work on a token that may take as long as making a key does, or need a touch: `event` is shown before it begins.
    pub fn run_long<T: Send + 'static>(
        &mut self,
        token: &str,
        event: &Event<'_>,
        prompt: &mut dyn Prompt,
        work: impl FnOnce(&mut Desk) -> Result<T, PivError> + Send + 'static,
    ) -> Result<T, FactorError> {
        let job = self.start(work).map_err(FactorError::Piv)?;
        match prompt.wait(event, job.done.as_fd(), LONG) {
            Ok(_) => self.answered(&job, token, LONG),
            // Left for another way in: the card gives up by itself, and what it may answer until then is not used.
            Err(PromptError::Skipped) => Err(FactorError::Piv(PivError::NoTouch { token: token.to_owned() })),
            Err(error) => Err(FactorError::Prompt(error)),
        }
    }

    /// Every reader and what it holds. Each card is opened, once.
    pub fn readers(&mut self, prompt: &mut dyn Prompt) -> Result<Vec<ReaderInfo>, FactorError> {
        self.run(prompt, Desk::report)
    }

    /// The keys of a token, in all PIV slots.
    pub fn keys(&mut self, serial: u32, prompt: &mut dyn Prompt) -> Result<Vec<KeyInfo>, FactorError> {
        self.run(prompt, move |desk| desk.keys(serial))
    }

    /// The key in one PIV slot.
    pub fn key(&mut self, serial: u32, slot: PivSlot, prompt: &mut dyn Prompt) -> Result<Option<KeyInfo>, FactorError> {
        self.run(prompt, move |desk| desk.key(serial, slot))
    }

    /// Tries left, and whether PIN and PUK are still those that YubiKeys come with.
    pub fn counters(&mut self, serial: u32, prompt: &mut dyn Prompt) -> Result<Counters, FactorError> {
        self.run(prompt, move |desk| desk.counters(serial))
    }

    /// The attestation certificate of a key, DER; `None`: the token gives none.
    pub fn attest(
        &mut self,
        serial: u32,
        slot: PivSlot,
        prompt: &mut dyn Prompt,
    ) -> Result<Option<Vec<u8>>, FactorError> {
        self.run(prompt, move |desk| desk.attest(serial, slot))
    }

    /// Whether the token of a key is here; cheap, and no more than a look.
    pub fn is_here(&mut self, wanted: &Wanted, prompt: &mut dyn Prompt) -> Result<bool, FactorError> {
        let wanted = wanted.clone();
        self.run(prompt, move |desk| desk.is_here(&wanted))
    }

    /// Finds a key, and says what is needed to use it. No PIN is sent.
    pub fn find(&mut self, wanted: &Wanted, prompt: &mut dyn Prompt) -> Result<Located, FactorError> {
        let wanted = wanted.clone();
        self.run(prompt, move |desk| desk.find(&wanted))
    }

    /// Tries left for the PIN; `None`: it is verified at the moment.
    pub fn tries(&mut self, serial: u32, prompt: &mut dyn Prompt) -> Result<Option<u8>, FactorError> {
        self.run(prompt, move |desk| desk.tries(serial))
    }

    /// Sends a PIN, once. `last`: also if it is the last try, as the card counts them then; `key`: the one it is for, if it is for one.
    pub fn verify(
        &mut self,
        token: &TokenInfo,
        key: Option<&KeyInfo>,
        pin: &Arc<Pin>,
        last: bool,
        prompt: &mut dyn Prompt,
    ) -> Result<(), FactorError> {
        let (name, serial, key, pin) = (token.name(), token.serial, key.cloned(), Arc::clone(pin));
        let work = move |desk: &mut Desk| desk.verify(serial, key.as_ref(), &pin, last);
        let job = self.start(work).map_err(FactorError::Piv)?;
        self.finish(job, &name, DEADLINE, prompt)
    }

    /// Lets the key agree on a secret with a point, and shows `event` before: it may wait for a touch. `pin` is the one that
    /// [`Cards::verify`] found right. With the secret: how long the card took over it, with its touch. `None`: the token wants a PIN, and
    /// none was given.
    pub fn agree(
        &mut self,
        at: &Located,
        pin: Option<&Arc<Pin>>,
        point: &[u8],
        event: Option<&Event<'_>>,
        prompt: &mut dyn Prompt,
    ) -> Result<Option<Agreed>, FactorError> {
        let (name, pin, point) = (at.token.name(), pin.cloned(), point.to_vec());
        let key = at.clone();
        let work = move |desk: &mut Desk| desk.agree(&key, pin.as_deref(), &point);
        let agreed = if let Some(event) = event {
            self.run_long(&name, event, prompt, work)
        } else {
            let job = self.start(work).map_err(FactorError::Piv)?;
            self.finish(job, &name, DEADLINE, prompt)
        };
        if matches!(agreed, Ok(Some(_))) {
            self.note_use(at);
        }
        agreed
    }

    /// Waits until a card comes or goes; the person is told what for.
    pub fn wait(&mut self, event: &Event<'_>, prompt: &mut dyn Prompt) -> Result<(), FactorError> {
        // A day: nobody is expected to wait longer.
        let day = Duration::from_secs(86_400);
        let (job, _) = self.watch(|come| prompt.wait(event, come, day))?;
        job.answer.recv().unwrap_or(Ok(())).map_err(FactorError::Piv)
    }

    /// Asks a person, and waits meanwhile until a card comes or goes: whatever is first.
    pub fn secret_or(&mut self, ask: &Ask<'_>, prompt: &mut dyn Prompt) -> Result<Came, FactorError> {
        let (job, came) = self.watch(|come| prompt.secret_or(ask, come))?;
        if matches!(came, Came::Ready) {
            job.answer.recv().unwrap_or(Ok(())).map_err(FactorError::Piv)?;
        }
        Ok(came)
    }

    /// What a person does while a card may come or go. Afterwards nobody watches the readers.
    fn watch<T>(
        &mut self,
        meanwhile: impl FnOnce(BorrowedFd<'_>) -> Result<T, PromptError>,
    ) -> Result<(Job<()>, T), FactorError> {
        let stop = Arc::clone(&self.worker().map_err(FactorError::Piv)?.stop);
        stop.store(false, Ordering::Relaxed);
        let until = Arc::clone(&stop);
        let job = self.start(move |desk| desk.wait(&until)).map_err(FactorError::Piv)?;
        let done = meanwhile(job.done.as_fd());
        stop.store(true, Ordering::Relaxed);
        Ok((job, done.map_err(FactorError::Prompt)?))
    }

    /// Ends all connections, once a command needs no token any more; one that is needed after all is opened again.
    pub fn dismiss(&mut self) {
        let Some(Worker { tasks, thread, stop }) = self.worker.take() else { return };
        stop.store(true, Ordering::Relaxed);
        let (closed, wait) = mpsc::sync_channel(1);
        let task: Task = Box::new(move |desk| {
            desk.close();
            let _ = closed.send(());
        });
        // Also where it did not come back in time before: it may by now, and a PIN of an earlier step be verified on the card.
        if tasks.send(task).is_ok() && wait.recv_timeout(GOODBYE).is_ok() {
            drop(tasks);
            let _ = thread.join();
        }
    }
}

impl Drop for Cards {
    fn drop(&mut self) {
        self.dismiss();
    }
}

/// The thread is gone: it stumbled over an answer outside of the guarded calls.
fn stumbled(token: &str) -> PivError {
    PivError::BadAnswer { token: token.to_owned(), why: "nothing can be made of it" }
}

fn no_thread(error: &std::io::Error) -> PivError {
    PivError::Refused { token: "cards".to_owned(), doing: "be looked at", why: error.to_string() }
}
