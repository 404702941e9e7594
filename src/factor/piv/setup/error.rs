//! What can go wrong while a token is being set up, told so that a person can act. What to do about it is said in `cli/setup_report.rs`.

use super::super::error::left;
use super::super::params::Mode;
use super::super::slot::PivSlot;
use crate::prompt::Tries;

/// Why a token was not set up. `token` is its name as a person knows it, safe to print.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields say the same everywhere, and are explained above")]
pub enum SetupError {
    /// Too many wrong tries of the PUK.
    PukLocked { token: String },
    /// The PUK is wrong, and a try is lost.
    PukWrong { token: String, tries: Tries },
    /// Cannot be the PUK, or a new PIN or PUK, and was not sent.
    CodeForm { what: &'static str, why: &'static str },
    /// One wrong try more locks the PUK, or nobody knows, and nobody said to dare it.
    FinalPukTry { token: String, known: bool },
    /// The PIN is not blocked, and nobody said to set it anew all the same.
    NotBlocked { token: String, tries: Option<u8> },
    /// The token does not take the new PIN or PUK.
    NotTaken { token: String, what: &'static str },
    /// The connection was lost, or no answer came, while PIN or PUK was being changed: nobody knows which one holds.
    Unsure { token: String, what: &'static str },
    /// It was the factory's when looked at, and is not any more: another program was there meanwhile. Nothing was sent.
    CodeChanged { token: String, what: &'static str },
    /// Not the management key.
    ManagementKeyWrong { token: String },
    /// Cannot be the management key.
    ManagementKeyForm { token: String, kind: &'static str, digits: usize },
    /// The token does not know keys of that kind.
    CannotMake { token: String, mode: Mode },
    /// The PIV slot is not empty.
    SlotUsed { token: String, slot: PivSlot, holds: String },
    /// The PIV slot is not as it was shown: another program was there meanwhile.
    SlotChanged { token: String, slot: PivSlot, holds: String },
    /// A setup was stopped before, and nobody said to go on with its key.
    Unfinished { token: String, slot: PivSlot },
    /// The key that a stopped setup left has no attestation.
    Unattested { token: String, slot: PivSlot },
    /// All retired PIV slots are used.
    NoFreeSlot { token: String },
    /// What was typed to confirm is not the serial number.
    NotConfirmed { token: String },
    /// The attestation is not right.
    Forged { token: String, why: &'static str },
    /// The attestation is right, but leads to nobody the person trusts; or there is none.
    NotProven { token: String, attested: bool },
    /// A file that was to hold certificates to trust.
    BadRoots { path: String, why: &'static str },
    /// It was pulled out, or reset, in the middle of a setup.
    Stopped { token: String },
}

impl std::fmt::Display for SetupError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PukLocked { token } => write!(f, "the PUK of the {token} is blocked after too many wrong tries"),
            Self::PukWrong { token, tries } => {
                write!(f, "wrong PUK for the {token}")?;
                left(f, *tries)
            }
            Self::CodeForm { what, why } => write!(f, "that cannot be a {what}: {why}; it was not sent"),
            Self::FinalPukTry { token, known: true } => {
                write!(f, "the {token} has one PUK try left; nothing was sent")
            }
            Self::FinalPukTry { token, known: false } => {
                write!(f, "the {token} does not tell how many PUK tries are left; nothing was sent")
            }
            Self::NotBlocked { token, tries: Some(1) } => {
                write!(f, "the PIN of the {token} is not blocked: one try is left")
            }
            Self::NotBlocked { token, tries: Some(n) } => {
                write!(f, "the PIN of the {token} is not blocked: {n} tries are left")
            }
            Self::NotBlocked { token, tries: None } => write!(f, "the PIN of the {token} is not blocked"),
            Self::NotTaken { token, what } => write!(f, "the {token} does not take the new {what}"),
            Self::Unsure { token, what } => write!(
                f,
                "no answer came from the {token} while its {what} was being changed: it has the old one or the new one"
            ),
            Self::CodeChanged { token, what } => {
                write!(f, "another program has changed the {what} of the {token} meanwhile; nothing was sent")
            }
            Self::ManagementKeyWrong { token } => write!(f, "that is not the management key of the {token}"),
            Self::ManagementKeyForm { token, kind, digits } => {
                write!(f, "that cannot be the management key of the {token}: {kind} has {digits} hexadecimal digits")
            }
            Self::CannotMake { token, mode } => write!(f, "the {token} cannot make a key for {mode}"),
            Self::SlotUsed { token, slot, holds } => {
                write!(f, "PIV slot {slot} of the {token} is not empty: {holds}")
            }
            Self::SlotChanged { token, slot, holds } => {
                write!(f, "PIV slot {slot} of the {token} is not as it was a moment ago: {holds}; nothing was made")
            }
            Self::Unfinished { token, slot } => {
                write!(f, "PIV slot {slot} of the {token} has a key that a stopped setup left")
            }
            Self::Unattested { token, slot } => {
                write!(f, "the {token} gives no attestation of the key in PIV slot {slot}: it may come from anywhere")
            }
            Self::NoFreeSlot { token } => write!(f, "all retired PIV slots of the {token} are used"),
            Self::NotConfirmed { token } => {
                write!(f, "that is not the serial number of the {token}; nothing was overwritten")
            }
            Self::Forged { token, why } => write!(f, "the attestation of the {token} is not right: {why}"),
            Self::NotProven { token, attested: true } => write!(
                f,
                "nothing proves that the key was born on the {token}: its attestation is signed by nobody you trust"
            ),
            Self::NotProven { token, attested: false } => {
                write!(f, "nothing proves that the key was born on the {token}: it gives no attestation of it")
            }
            Self::BadRoots { path, why } => write!(f, "'{path}' cannot be trusted as an attestation root: {why}"),
            Self::Stopped { token } => write!(f, "the {token} was pulled out before its setup was done"),
        }
    }
}

impl std::error::Error for SetupError {}
