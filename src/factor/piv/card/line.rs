//! A line of our own to a card, beside that of the `yubikey` crate, for what it cannot do: ask how many tries are left and send a PIN in one
//! transaction, so that no other program comes between; tell one refusal from another; keep secrets in buffers that are erased.
//!
//! It is connected before the crate's. A card that is changed for another then breaks the line, so what is sent here goes to the
//! card that the crate knows, or nowhere.

use super::super::error::PivError;
use super::trouble::{Trouble, guarded, service};
use pcsc::{Card, Context, Disposition, Protocols, ShareMode, Transaction};
use std::ffi::CStr;
use zeroize::Zeroizing;

/// Commands (SP 800-73-4 part 2, table 4; Yubico's extensions).
pub(super) const VERIFY: u8 = 0x20;
pub(super) const CHANGE_REFERENCE: u8 = 0x24;
pub(super) const RESET_RETRY: u8 = 0x2c;
pub(super) const AUTHENTICATE: u8 = 0x87;
pub(super) const ATTEST: u8 = 0xf9;

/// Status words (SP 800-73-4 part 2, table 6; ISO 7816-4).
pub(super) const DONE: u16 = 0x9000;
pub(super) const NOT_ALLOWED: u16 = 0x6982;
pub(super) const BLOCKED: u16 = 0x6983;
pub(super) const CONDITIONS: u16 = 0x6985;
pub(super) const WRONG_DATA: u16 = 0x6a80;
pub(super) const NOT_FOUND: u16 = 0x6a82;
pub(super) const WRONG_P1P2: u16 = 0x6a86;
pub(super) const NO_SUCH_REFERENCE: u16 = 0x6a88;
pub(super) const WRONG_INS: u16 = 0x6d00;

/// The largest answer that anything here gives is a certificate; a card's data objects have 3063 bytes at most.
const MAX_ANSWER: usize = 4096;
/// GET RESPONSE, for what did not fit into one answer.
const MORE: [u8; 5] = [0x00, 0xc0, 0x00, 0x00, 0x00];
/// Answers that one command may come in.
const MAX_PARTS: usize = 32;

/// A connection.
pub(super) struct Line(Option<Card>);

impl Line {
    pub(super) fn open(context: &Context, reader: &CStr) -> Result<Self, pcsc::Error> {
        context.connect(reader, ShareMode::Shared, Protocols::T1).map(|card| Self(Some(card)))
    }

    /// Waits until no other program is in a transaction, and keeps them out until the end of `what`. `token` and `doing` are for errors.
    pub(super) fn talk<T>(
        &mut self,
        token: &str,
        doing: &'static str,
        what: impl FnOnce(&Talk<'_>) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let Some(card) = &mut self.0 else { unreachable!("it is there until it is dropped") };
        let transaction = card.transaction().map_err(|error| service(token, doing, Some(error)))?;
        what(&Talk { transaction, token, doing })
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // Whether the card is reset is decided at the crate's connection; dropped without a word, this one would.
        if let Some(card) = self.0.take() {
            drop(card.disconnect(Disposition::LeaveCard));
        }
    }
}

/// A transaction.
pub(super) struct Talk<'a> {
    transaction: Transaction<'a>,
    pub(super) token: &'a str,
    doing: &'static str,
}

/// What a card says.
pub(super) struct Answer {
    pub(super) data: Zeroizing<Vec<u8>>,
    /// 0: what came is no answer.
    pub(super) status: u16,
}

impl Talk<'_> {
    /// Sends a command with at most 255 bytes of data.
    pub(super) fn ask(&self, ins: u8, p1: u8, p2: u8, data: &[u8]) -> Result<Answer, Trouble> {
        let Ok(length) = u8::try_from(data.len()) else { unreachable!("PINs and points of curves are short") };
        // With no data it is the length of the answer: any.
        let mut apdu = Zeroizing::new(Vec::with_capacity(5 + data.len()));
        apdu.extend_from_slice(&[0, ins, p1, p2, length]);
        apdu.extend_from_slice(data);
        let answer = guarded(|| self.transmit(&apdu)).unwrap_or(Err(pcsc::Error::ProtoMismatch));
        answer.map_err(|error| service(self.token, self.doing, Some(error)))
    }

    fn transmit(&self, apdu: &[u8]) -> Result<Answer, pcsc::Error> {
        let mut buffer = Zeroizing::new([0; 258]);
        // It never grows: that would leave a copy behind.
        let mut data = Zeroizing::new(Vec::with_capacity(MAX_ANSWER));
        let mut part = self.transaction.transmit(apdu, &mut *buffer)?;
        for _ in 0..MAX_PARTS {
            let Some((rest, &[high, low])) = part.split_last_chunk::<2>() else { break };
            if data.len() + rest.len() > MAX_ANSWER {
                break;
            }
            data.extend_from_slice(rest);
            if high != 0x61 {
                return Ok(Answer { data, status: u16::from_be_bytes([high, low]) });
            }
            part = self.transaction.transmit(&MORE, &mut *buffer)?;
        }
        Ok(Answer { data: Zeroizing::default(), status: 0 })
    }

    /// What a refusal is that has no meaning of its own: another program may have selected another application.
    pub(super) fn refused(&self) -> Trouble {
        let (token, doing) = (self.token.to_owned(), self.doing);
        Trouble::Again(PivError::Refused { token, doing, why: "the token answers with an error".to_owned() })
    }

    /// Tries left for the PIN; `None`: it is verified at the moment. The same on every firmware, and one APDU. Anything but PIV, which
    /// another program may have left selected, gives no such answer.
    pub(super) fn tries(&self) -> Result<Option<u8>, Trouble> {
        match self.ask(VERIFY, 0, 0x80, &[])?.status {
            DONE => Ok(None),
            BLOCKED => Ok(Some(0)),
            status => tries_in(status).map(Some).ok_or_else(|| self.refused()),
        }
    }
}

/// 63cx: so many tries are left.
pub(super) fn tries_in(status: u16) -> Option<u8> {
    let [high, low] = status.to_be_bytes();
    (high == 0x63 && low & 0xf0 == 0xc0).then_some(low & 0x0f)
}
