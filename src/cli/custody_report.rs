//! What went wrong with a request or an answer, and what helps. A part of `report`, which knows all errors.

use super::report::{CliError, DAMAGED, Explained, FIXABLE, LOCKED, TOKEN};
use crate::custody::{CustodyError, Kind};
use crate::vault::AnswersError;
use std::path::Path;

/// Answers that do not fit the vault.
pub(super) fn answers(error: &AnswersError) -> Explained {
    let hint = match error {
        AnswersError::OtherVault { .. } => "name the vault that was asked for, with --vault",
        AnswersError::Changed { .. } => {
            "ask again: 'twinlock recovery request'; 'twinlock keyslot list' shows what there is"
        }
        AnswersError::Personal { .. } => {
            "bring its factors together at this machine; 'twinlock keyslot enroll --custodians' makes one that others can answer for"
        }
        AnswersError::OtherKeyslot { .. } => "leave out --keyslot",
    };
    Explained::new(LOCKED, error, hint)
}

/// An error with its own words.
pub(super) fn told(code: u8, message: &str, hint: &str) -> CliError {
    CliError::Plain { message: message.to_owned(), hint: hint.into(), code }
}

/// A text of somebody else that is not used.
pub(super) fn refused(error: &CustodyError, file: &Path) -> CliError {
    let hint = match error {
        CustodyError::Nothing(_) | CustodyError::Other(_) => "was another file meant?",
        CustodyError::Several => "keep each in a file of its own",
        CustodyError::CutShort(_) | CustodyError::Character(..) | CustodyError::Mistyped(_) => {
            "copy it again, from its first word to the full stop at its end"
        }
        CustodyError::Version(..) | CustodyError::Critical(_) => "use a newer twinlock",
        CustodyError::Malformed(Kind::Request, _) => "do not answer it: tell whoever sent it",
        CustodyError::Malformed(Kind::Answer, _) | CustodyError::Forged => "ask the custodian for a new answer",
        CustodyError::Expired { .. } => "a new one is made with 'twinlock recovery request'",
        CustodyError::Foreign => {
            "answers are used on the machine, and by the user, that made the request: 'twinlock recovery pending'"
        }
        CustodyError::NoMemory(_) => "close other programs, and try again",
        CustodyError::Random => "",
    };
    let code = match error {
        CustodyError::Malformed(..) | CustodyError::Version(..) | CustodyError::Critical(_) => DAMAGED,
        CustodyError::NoMemory(_) => FIXABLE,
        CustodyError::Random => TOKEN,
        _ => LOCKED,
    };
    let message = match error {
        CustodyError::NoMemory(_) | CustodyError::Random => error.to_string(),
        CustodyError::Foreign => {
            format!("the answer in '{}' is to a request that was not made here", file.display())
        }
        _ => format!("'{}' is not used: {error}", file.display()),
    };
    told(code, &message, hint)
}
