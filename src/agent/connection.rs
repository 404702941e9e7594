//! One client: what it has sent so far, and what it has still to be sent. Nothing here waits.

use super::wire::{HEAD, Head, MAX_BODY, Secret, VERSION};
use rustix::event::PollFlags;
use rustix::io::Errno;
use std::collections::VecDeque;
use std::os::unix::net::UnixStream;
use std::time::Duration;
use zeroize::{Zeroize, Zeroizing};

/// Bytes that are read at once.
const CHUNK: usize = 16 << 10;
/// A request must be whole so long after its first byte, and some more of an answer be taken.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// All of an answer.
const WHOLE: Duration = Duration::from_secs(60);

/// A client.
pub struct Connection {
    stream: UnixStream,
    /// Grows as bytes come, never to what they only promise.
    input: Secret,
    output: VecDeque<Secret>,
    sent: usize,
    /// A worker has its request.
    pub busy: bool,
    /// Which one, if it is about items.
    pub at: Option<u64>,
    /// Whose items wait to be sent to it.
    from: Option<u64>,
    /// Since when.
    begun: Duration,
    /// It has asked for something, whole.
    pub has_asked: bool,
    /// It is closed when it has its answer.
    pub last: bool,
    /// When it last did something.
    pub since: Duration,
}

/// What a client has done.
pub enum Heard {
    /// Nothing whole yet.
    Nothing,
    /// A request.
    Request(u8, Secret),
    /// Something that is no request of this version.
    Foreign,
    /// It is gone, or speaks nonsense.
    Over,
}

impl Connection {
    pub fn new(stream: UnixStream, now: Duration) -> Self {
        let (input, output) = (Zeroizing::new(Vec::new()), VecDeque::new());
        Self {
            stream,
            input,
            output,
            sent: 0,
            busy: false,
            at: None,
            from: None,
            begun: now,
            has_asked: false,
            last: false,
            since: now,
        }
    }

    pub fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// What is waited for.
    pub fn wants(&self) -> PollFlags {
        match (self.output.is_empty(), self.busy || self.last) {
            (false, _) => PollFlags::OUT,
            // While a worker is at it: only whether it goes away.
            (true, true) => PollFlags::empty(),
            (true, false) => PollFlags::IN,
        }
    }

    /// Bytes that are held for it.
    pub fn weight(&self) -> usize {
        self.input.capacity() + self.output.iter().map(|frame| frame.len()).sum::<usize>()
    }

    /// Whether it has begun something that it does not end.
    pub fn is_late(&self, now: Duration) -> bool {
        self.deadline().is_some_and(|deadline| now >= deadline)
    }

    /// The worker whose items wait to be sent to it.
    pub fn waits_for(&self) -> Option<u64> {
        self.from.filter(|_| !self.output.is_empty())
    }

    /// Whether a time must be kept for it.
    pub fn deadline(&self) -> Option<Duration> {
        let begun = !self.input.is_empty() || !self.output.is_empty();
        let whole = if self.output.is_empty() { Duration::MAX } else { self.begun + WHOLE };
        (begun && !self.busy).then(|| whole.min(self.since + PATIENCE))
    }

    /// Reads what is there.
    pub fn hear(&mut self, now: Duration) -> Heard {
        let mut chunk = Zeroizing::new([0_u8; CHUNK]);
        match rustix::io::read(&self.stream, &mut *chunk) {
            Ok(0) => return Heard::Over,
            Ok(count) => {
                if self.input.is_empty() {
                    self.since = now;
                }
                grow(&mut self.input, &chunk[..count]);
            }
            Err(Errno::AGAIN | Errno::INTR) => return Heard::Nothing,
            Err(_) => return Heard::Over,
        }
        let Some(head) = self.input.first_chunk::<HEAD>().map(|head| Head::parse(*head)) else { return Heard::Nothing };
        if head.version != VERSION {
            return Heard::Foreign;
        }
        if head.length > MAX_BODY || self.input.len() > HEAD + head.length {
            // One request at a time: nothing may follow before its answer.
            return Heard::Over;
        }
        if self.input.len() < HEAD + head.length {
            return Heard::Nothing;
        }
        let body = Zeroizing::new(self.input[HEAD..].to_vec());
        self.input.zeroize();
        self.input.shrink_to_fit();
        self.has_asked = true;
        Heard::Request(head.kind, body)
    }

    /// What it shall get, and from which worker.
    pub fn answer(&mut self, frames: Vec<Secret>, from: Option<u64>, now: Duration) {
        (self.busy, self.at, self.from) = (false, None, from);
        (self.since, self.begun) = (now, now);
        self.output.extend(frames);
    }

    /// Sends what can be sent; false: it is gone, or has all that it shall get.
    pub fn speak(&mut self, now: Duration) -> bool {
        while let Some(frame) = self.output.front() {
            match rustix::io::write(&self.stream, &frame[self.sent..]) {
                Ok(count) => {
                    self.since = now;
                    self.sent += count;
                    if self.sent == frame.len() {
                        self.output.pop_front();
                        self.sent = 0;
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return true,
                Err(_) => return false,
            }
        }
        !self.last
    }
}

/// Appends without leaving a copy behind when the buffer must move.
fn grow(buffer: &mut Secret, more: &[u8]) {
    if buffer.capacity() - buffer.len() < more.len() {
        let mut larger = Zeroizing::new(Vec::with_capacity((buffer.len() + more.len()).max(2 * buffer.capacity())));
        larger.extend_from_slice(buffer);
        *buffer = larger;
    }
    buffer.extend_from_slice(more);
}
