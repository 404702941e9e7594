//! Another program that uses the card at the same time.

use crate::piv::client::{Connection, PATIENCE};
use std::path::Path;

const ESTABLISH: u32 = 0x01;
const RELEASE: u32 = 0x02;
const CONNECT: u32 = 0x04;
const DISCONNECT: u32 = 0x06;
const BEGIN: u32 = 0x07;
const END: u32 = 0x08;
const TRANSMIT: u32 = 0x09;
/// T=1.
const PROTOCOL: u32 = 2;

/// How a program wants the card.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Share {
    /// For itself.
    Exclusive = 1,
    /// With others.
    Shared = 2,
}

/// What a program does to the card when it lets go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leave {
    /// Nothing: a PIN that was verified stays so.
    AsItIs = 0,
    /// Resets it.
    Reset = 1,
    /// Cuts its power.
    Unpower = 2,
}

/// A program that is connected to a card, until it is dropped; then it leaves the card as it is.
pub struct OtherProgram {
    connection: Connection,
    context: u32,
    card: u32,
}

impl OtherProgram {
    /// Connects through pcscd's socket to the card in a reader.
    ///
    /// # Errors
    /// The number of pcscd's refusal, e.g. `0x8010000b` (sharing violation).
    pub fn connect(socket: &Path, reader: &str, share: Share) -> Result<Self, u32> {
        let mut connection = Connection::open(socket).unwrap_or_else(|why| panic!("'{}': {why}", socket.display()));
        let [_, context, _] = connection.call::<3>(ESTABLISH, &words(&[0, 0, 0]))?;
        let mut name = [0; 128];
        name[..reader.len()].copy_from_slice(reader.as_bytes());
        let body = [&words(&[context])[..], &name, &words(&[share as u32, PROTOCOL, 0, 0, 0])].concat();
        // The context and the name come back as they are, before the handle.
        let answer = connection.call::<{ 1 + 128 / 4 + 5 }>(CONNECT, &body)?;
        Ok(Self { connection, context, card: answer[1 + 128 / 4 + 2] })
    }

    /// Sends a command and gives the answer with its status word.
    ///
    /// # Errors
    /// The number of pcscd's refusal.
    pub fn send(&mut self, apdu: &[u8]) -> Result<Vec<u8>, u32> {
        let length = u32::try_from(apdu.len()).expect("commands are short");
        let call = words(&[self.card, PROTOCOL, 8, length, 0, 0, 65538, 0]);
        self.connection.say(TRANSMIT, &call).and_then(|()| self.connection.say_more(apdu)).map_err(|_| NO_SERVICE)?;
        let answer = self.connection.answer::<8>()?;
        self.connection.hear_some(answer[6] as usize).map_err(|_| NO_SERVICE)
    }

    /// Sends a command in hexadecimal and gives the answer in hexadecimal.
    ///
    /// # Panics
    /// If pcscd refuses.
    pub fn ask(&mut self, apdu: &str) -> String {
        let apdu = hex::decode(apdu.replace(' ', "")).unwrap_or_else(|_| panic!("'{apdu}' is not hexadecimal"));
        hex::encode(self.send(&apdu).unwrap_or_else(|why| panic!("pcscd refuses with {why:#010x}")))
    }

    /// Takes the card for itself until [`Self::end`]: the others' commands are refused with a sharing violation, and libpcsclite tries
    /// to begin their transactions again and again.
    ///
    /// # Errors
    /// The number of pcscd's refusal: somebody else has it.
    pub fn begin(&mut self) -> Result<(), u32> {
        self.connection.call::<2>(BEGIN, &words(&[self.card, 0])).map(drop)
    }

    /// Ends what [`Self::begin`] began.
    pub fn end(&mut self) {
        self.connection.call::<3>(END, &words(&[self.card, 0, 0])).expect("a transaction ends");
    }

    /// Lets go of the card.
    pub fn leave(mut self, how: Leave) {
        self.disconnect(how).expect("the card is let go");
    }

    fn disconnect(&mut self, how: Leave) -> Result<(), u32> {
        self.connection.call::<3>(DISCONNECT, &words(&[self.card, how as u32, 0]))?;
        self.connection.call::<2>(RELEASE, &words(&[self.context, 0])).map(drop)
    }
}

impl Drop for OtherProgram {
    fn drop(&mut self) {
        // After `leave`, or without a pcscd, there is nothing to let go of.
        let _ = self.disconnect(Leave::AsItIs);
    }
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

impl Connection {
    fn call<const N: usize>(&mut self, command: u32, body: &[u8]) -> Result<[u32; N], u32> {
        // An answer that does not come at all is a failed test, not a refusal.
        self.say(command, body).map_err(|_| NO_SERVICE)?;
        self.answer()
    }

    /// Words of which the last is what pcscd returns; 0 is success.
    fn answer<const N: usize>(&mut self) -> Result<[u32; N], u32> {
        let bytes = self.hear_some(4 * N).map_err(|_| NO_SERVICE)?;
        let mut words = bytes.chunks(4).map(|word| u32::from_ne_bytes(word.try_into().expect("four bytes")));
        let words = std::array::from_fn(|_| words.next().expect("there are N"));
        match words[N - 1] {
            0 => Ok(words),
            refusal => Err(refusal),
        }
    }
}

/// SCARD_E_NO_SERVICE.
const NO_SERVICE: u32 = 0x8010_001d;

const _: () = assert!(PATIENCE.as_secs() >= 16, "longer than a card waits for a touch");
