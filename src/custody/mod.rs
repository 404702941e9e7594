//! Factors of other people, at other places and times: a request goes to a custodian, their answer comes back. Spec 9.
//!
//! An answer holds masks (spec 3), never a factor's secret: it is good for one share of one wrap of one keyslot. What is read here comes by
//! e-mail and may be from anybody; it is judged before anything is computed with it.

mod answer;
mod armour;
mod request;
mod words;

pub use answer::Answer;
pub use request::{Asked, MAX_LIFE, MAX_REASON, MAX_TEXT, Request};
pub use words::words;

use crate::crypto::RandomError;

/// Which of the two texts something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To a custodian.
    Request,
    /// From a custodian.
    Answer,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Request => "request",
            Self::Answer => "answer",
        })
    }
}

/// Why a request or an answer is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CustodyError {
    /// There is none in the text.
    Nothing(Kind),
    /// There is only the other one: the file was taken for another.
    Other(Kind),
    /// More than one request: which was meant?
    Several,
    /// Its end is missing.
    CutShort(Kind),
    /// It has a character that none has.
    Character(Kind, char),
    /// Of a later version of the format.
    Version(Kind, u64),
    /// The check sum does not fit: copied wrongly, or damaged on the way.
    Mistyped(Kind),
    /// Whole, and not as it must be; says what.
    Malformed(Kind, String),
    /// It needs something that this program does not know.
    Critical(String),
    /// Its time is over.
    Expired {
        /// RFC 3339, UTC.
        at: String,
    },
    /// The answer is to another request.
    Foreign,
    /// The key of the request does not open the answer, or what is in it is no answer to this request.
    Forged,
    /// No randomness.
    Random,
    /// Not enough memory for the words, MiB.
    NoMemory(u32),
}

impl std::fmt::Display for CustodyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing(kind) => write!(f, "there is no {kind} in it"),
            Self::Other(kind) => write!(f, "it is not what is wanted here, but a custodian's {kind}"),
            Self::Several => f.write_str("there is more than one request in it"),
            Self::CutShort(kind) => write!(f, "the {kind} is cut short: its end, a full stop, is missing"),
            Self::Character(kind, c) => write!(f, "the {kind} has the character '{c}', which none has"),
            Self::Version(kind, version) => {
                write!(f, "the {kind} is of format version {version}, this program knows version 1")
            }
            Self::Mistyped(kind) => {
                write!(f, "the {kind} was not copied right: its check sum does not fit")
            }
            Self::Malformed(kind, why) => write!(f, "the {kind} cannot be used: {why}"),
            Self::Critical(name) => write!(f, "the request needs '{name}', which this program does not know"),
            Self::Expired { at } => write!(f, "the request has expired: it was good until {at}"),
            Self::Foreign => f.write_str("the answer is to another request"),
            Self::Forged => f.write_str("the answer was not made for this request, or was altered"),
            Self::Random => RandomError.fmt(f),
            Self::NoMemory(mib) => {
                write!(f, "the four words take {mib} MiB of memory, which this machine does not have free")
            }
        }
    }
}

impl std::error::Error for CustodyError {}

impl From<RandomError> for CustodyError {
    fn from(_: RandomError) -> Self {
        Self::Random
    }
}
