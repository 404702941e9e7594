//! A connection to a message bus, as much as `logind` needs: calls with strings, their answers, signals, descriptors. By the D-Bus
//! Specification and in our own words, on one thread that waits for the socket and for its own end, and for nothing else.
//!
//! docs/design.md says why this is no library.

mod wire;

pub use wire::{Call, Malformed, Message};

use super::address::Bus;
use super::guard::Stop;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use std::collections::VecDeque;
use std::io::{IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Where the system bus is (D-Bus Specification, "Well-known Message Bus Instances").
const SYSTEM: &str = "/run/dbus/system_bus_socket";

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Descriptors in one message; more are closed unread.
const MAX_DESCRIPTORS: usize = 4;
/// Longest line while we say who we are.
const MAX_LINE: usize = 512;
/// Signals that come while an answer is waited for; nobody honest sends so many.
const MAX_WAITING: usize = 256;

/// The bus itself.
pub const DBUS: &str = "org.freedesktop.DBus";

/// Why there is no (more) answer.
#[derive(Debug)]
pub enum BusError {
    /// Nobody wants to know any more.
    Stopped,
    /// The connection has ended, or cannot be used.
    Ended(String),
    /// An answer did not come in time.
    Slow,
    /// The other side refused; its error in words.
    Refused(String),
}

impl BusError {
    pub fn in_words(self) -> String {
        match self {
            Self::Stopped => "it was stopped".to_owned(),
            Self::Slow => format!("no answer within {} seconds", PATIENCE.as_secs()),
            Self::Ended(why) | Self::Refused(why) => why,
        }
    }
}

impl From<Malformed> for BusError {
    fn from(_: Malformed) -> Self {
        Self::Ended("a message that is none".to_owned())
    }
}

impl From<std::io::Error> for BusError {
    fn from(error: std::io::Error) -> Self {
        Self::Ended(error.to_string())
    }
}

impl From<rustix::io::Errno> for BusError {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Ended(error.to_string())
    }
}

/// An open connection.
pub struct Connection {
    socket: UnixStream,
    stop: Stop,
    serial: u32,
    /// Signals that came while an answer was waited for.
    waiting: VecDeque<Message>,
}

impl Connection {
    /// Connects, says who we are, and gets a name on the bus.
    pub fn open(bus: &Bus, stop: Stop) -> Result<Self, BusError> {
        let path = match bus {
            Bus::System => SYSTEM.as_ref(),
            Bus::At(path) => path.as_path(),
        };
        let socket = UnixStream::connect(path)?;
        // Our calls are short, and a bus that does not read is none.
        socket.set_write_timeout(Some(PATIENCE))?;
        let mut this = Self { socket, stop, serial: 0, waiting: VecDeque::new() };
        this.authenticate()?;
        this.call_bus("Hello", &[])?;
        Ok(this)
    }

    /// D-Bus Specification, "Authentication Protocol": EXTERNAL, by the kernel's word on who we are.
    fn authenticate(&mut self) -> Result<(), BusError> {
        let user = rustix::process::geteuid().as_raw().to_string();
        let until = Instant::now() + PATIENCE;
        self.socket.write_all(format!("\0AUTH EXTERNAL {}\r\n", hex::encode(user)).as_bytes())?;
        self.expect("OK ", until)?;
        self.socket.write_all(b"NEGOTIATE_UNIX_FD\r\n")?;
        self.expect("AGREE_UNIX_FD", until)?;
        self.socket.write_all(b"BEGIN\r\n")?;
        Ok(())
    }

    fn expect(&mut self, answer: &str, until: Instant) -> Result<(), BusError> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            if line.len() > MAX_LINE {
                return Err(Malformed.into());
            }
            let mut byte = [0];
            self.fill(&mut byte, &mut Vec::new(), Some(until))?;
            line.push(byte[0]);
        }
        if line.starts_with(answer.as_bytes()) {
            return Ok(());
        }
        Err(BusError::Ended("it does not accept this user".to_owned()))
    }

    /// Calls the bus itself.
    pub fn call_bus(&mut self, member: &str, arguments: &[&str]) -> Result<Message, BusError> {
        self.call(&Call { to: DBUS, path: "/org/freedesktop/DBus", interface: DBUS, member, arguments })
    }

    /// Calls, and waits for the answer. Signals that come meanwhile are kept.
    pub fn call(&mut self, call: &Call<'_>) -> Result<Message, BusError> {
        // Never 0.
        self.serial = self.serial.checked_add(1).unwrap_or(1);
        self.socket.write_all(&wire::encode(call, self.serial))?;
        let until = Instant::now() + PATIENCE;
        loop {
            let message = self.receive(Some(until))?;
            match message.kind {
                wire::RETURN if message.reply_to == Some(self.serial) => return Ok(message),
                wire::ERROR if message.reply_to == Some(self.serial) => {
                    return Err(BusError::Refused(message.error_text()));
                }
                wire::SIGNAL if self.waiting.len() == MAX_WAITING => {
                    return Err(BusError::Ended("too many signals".to_owned()));
                }
                wire::SIGNAL => self.waiting.push_back(message),
                // Late answers; calls by others, who get none.
                _ => {}
            }
        }
    }

    /// The next signal, whenever it comes; `None`: one of `others` can be read.
    pub fn signal<'fd>(&mut self, others: impl Iterator<Item = BorrowedFd<'fd>>) -> Result<Option<Message>, BusError> {
        if let Some(message) = self.waiting.pop_front() {
            return Ok(Some(message));
        }
        if !self.wait(others, None)? {
            return Ok(None);
        }
        loop {
            let message = self.receive(None)?;
            if message.kind == wire::SIGNAL {
                return Ok(Some(message));
            }
        }
    }

    fn receive(&mut self, until: Option<Instant>) -> Result<Message, BusError> {
        let (mut head, mut descriptors) = ([0; wire::FIXED], Vec::new());
        self.fill(&mut head, &mut descriptors, until)?;
        let rest = wire::rest(&head)?;
        let mut bytes = head.to_vec();
        bytes.resize(wire::FIXED + rest, 0);
        // The bus has the whole message: what is missing is on its way.
        self.fill(&mut bytes[wire::FIXED..], &mut descriptors, Some(Instant::now() + PATIENCE))?;
        Ok(wire::decode(&bytes, descriptors)?)
    }

    /// Reads so many bytes and no more, so that descriptors belong to the message that is read.
    fn fill(
        &mut self,
        mut bytes: &mut [u8],
        descriptors: &mut Vec<OwnedFd>,
        until: Option<Instant>,
    ) -> Result<(), BusError> {
        while !bytes.is_empty() {
            self.wait(std::iter::empty(), until)?;
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
            let read = match recvmsg(&self.socket, &mut [IoSliceMut::new(bytes)], &mut control, flags) {
                Ok(received) => received.bytes,
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => continue,
                Err(error) => return Err(error.into()),
            };
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(rights) = message {
                    descriptors.extend(rights);
                }
            }
            if read == 0 {
                return Err(BusError::Ended("the bus has ended the connection".to_owned()));
            }
            bytes = &mut bytes[read..];
        }
        Ok(())
    }

    /// Waits until the socket can be read; false: one of `others` can.
    fn wait<'fd>(
        &self,
        others: impl Iterator<Item = BorrowedFd<'fd>>,
        until: Option<Instant>,
    ) -> Result<bool, BusError> {
        let one = |fd, flags| PollFd::from_borrowed_fd(fd, flags);
        let mut fds = vec![one(self.socket.as_fd(), PollFlags::IN), one(self.stop.as_fd(), PollFlags::empty())];
        fds.extend(others.map(|other| one(other, PollFlags::IN)));
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let timeout = left.map(|left| {
                Timespec::try_from(left).unwrap_or_else(|_| unreachable!("it is at most PATIENCE, which fits"))
            });
            match poll(&mut fds, timeout.as_ref()) {
                Ok(0) => return Err(BusError::Slow),
                Ok(_) if !fds[1].revents().is_empty() => return Err(BusError::Stopped),
                Ok(_) => return Ok(!fds[0].revents().is_empty()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
