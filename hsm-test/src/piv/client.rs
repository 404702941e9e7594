//! A PC/SC client of our own, small: it speaks pcscd's socket protocol (4.4, pcsc-lite 1.8.24 and later), so that a fixture needs
//! neither libpcsclite nor its environment variable, which is for a whole process.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// CMD_VERSION.
const VERSION: u32 = 0x11;
/// CMD_GET_READERS_STATE.
const READERS: u32 = 0x12;
/// CMD_WAIT_READER_STATE_CHANGE: answered by the states of now; then by two words when something changed.
const WAIT: u32 = 0x13;
/// PCSCLITE_MAX_READERS_CONTEXTS.
const MAX_READERS: usize = 16;
/// A reader's name, 128 bytes; event counter, state, sharing; ATR, 33 bytes and 3 to round up; ATR's length; protocol.
const STATE: usize = 128 + 3 * 4 + 36 + 2 * 4;
/// SCARD_PRESENT.
const PRESENT: u32 = 0x0004;
/// SCARD_NEGOTIABLE, SCARD_SPECIFIC: it has power and an ATR.
const USABLE: u32 = 0x0020 | 0x0040;

/// A reader, as pcscd shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reader {
    /// Its name.
    pub name: String,
    /// A card is in it and answered.
    pub present: bool,
    /// How many clients share it; -1 if one has it alone.
    pub sharing: i32,
}

pub(super) struct Connection(UnixStream);

impl Connection {
    pub(super) fn open(socket: &Path) -> std::io::Result<Self> {
        let mut connection = Self(UnixStream::connect(socket)?);
        connection.0.set_read_timeout(Some(PATIENCE))?;
        // Major, minor, and room for the answer's return value.
        let version: Vec<u8> = [4_u32, 4, 0].iter().flat_map(|word| word.to_ne_bytes()).collect();
        connection.say(VERSION, &version)?;
        let answer = connection.hear::<12>()?;
        if answer[8..] == [0; 4] { Ok(connection) } else { Err(std::io::ErrorKind::Unsupported.into()) }
    }

    pub(super) fn say(&mut self, command: u32, body: &[u8]) -> std::io::Result<()> {
        let length = u32::try_from(body.len()).expect("messages are short");
        self.0.write_all(&[&length.to_ne_bytes()[..], &command.to_ne_bytes(), body].concat())
    }

    /// The data that follow a message.
    pub(super) fn say_more(&mut self, data: &[u8]) -> std::io::Result<()> {
        self.0.write_all(data)
    }

    pub(super) fn hear_some(&mut self, length: usize) -> std::io::Result<Vec<u8>> {
        let mut answer = vec![0; length];
        self.0.read_exact(&mut answer)?;
        Ok(answer)
    }

    fn hear<const N: usize>(&mut self) -> std::io::Result<[u8; N]> {
        let mut answer = [0; N];
        self.0.read_exact(&mut answer)?;
        Ok(answer)
    }

    fn readers(&mut self) -> std::io::Result<Vec<Reader>> {
        let all = self.hear::<{ MAX_READERS * STATE }>()?;
        Ok(all.chunks(STATE).filter(|state| state[0] != 0).map(reader).collect())
    }
}

fn reader(state: &[u8]) -> Reader {
    let word = |at: usize| state[at..at + 4].try_into().expect("four bytes");
    let name = state[..128].split(|byte| *byte == 0).next().expect("split gives one part");
    let flags = u32::from_ne_bytes(word(132));
    Reader {
        name: String::from_utf8_lossy(name).into_owned(),
        present: flags & PRESENT != 0 && flags & USABLE != 0,
        sharing: i32::from_ne_bytes(word(136)),
    }
}

/// A fixture waits this long for what comes by itself.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Every reader of the pcscd behind this socket.
///
/// # Panics
/// If pcscd does not answer.
pub fn readers(socket: &Path) -> Vec<Reader> {
    let ask = || {
        let mut connection = Connection::open(socket)?;
        connection.say(READERS, &[])?;
        connection.readers()
    };
    ask().unwrap_or_else(|why| panic!("'{}': {why}", socket.display()))
}

/// Waits until a reader shows a card, or none.
pub(super) fn wait_for(socket: &Path, reader: &str, present: bool) {
    let wait = || {
        let start = Instant::now();
        let mut connection = Connection::open(socket)?;
        loop {
            connection.say(WAIT, &[])?;
            if connection.readers()?.iter().any(|one| one.name == reader && one.present == present) {
                return Ok(());
            }
            connection.hear::<8>()?;
            if start.elapsed() > PATIENCE {
                return Err(std::io::ErrorKind::TimedOut.into());
            }
        }
    };
    wait().unwrap_or_else(|why: std::io::Error| panic!("reader '{reader}', card {present}: {why}"));
}
