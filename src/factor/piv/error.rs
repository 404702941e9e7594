//! What can go wrong between here and a key in a PIV slot, told so that a person can act. What to do about it is said in
//! `cli/piv_report.rs`.

use super::setup::SetupError;
use super::slot::PivSlot;
use crate::prompt::Tries;

/// Why a PIV token failed. `token` is its name as a person knows it, `YubiKey 12345678 (ada)`, `reader` that of a reader; both are safe
/// to print.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields say the same everywhere, and are explained above")]
pub enum PivError {
    /// While a token was being set up.
    Setup(SetupError),
    /// This program was built without PIV.
    NotBuilt,
    /// Nothing answers for the smart-card service (pcscd).
    NoService,
    /// The service does not let us (polkit).
    Denied,
    /// No token here has the key. `here`: what the readers hold instead, in words.
    NotHere { token: String, here: Vec<String> },
    /// It is here, and none of its keys is the one that was enrolled.
    OtherKeys { token: String },
    /// No YubiKey is here at all, where any would do. `here` as above.
    NoToken { here: Vec<String> },
    /// Several are here, and nobody said which.
    ManyTokens { serials: Vec<u32> },
    /// No token of this vault has that name.
    UnknownName { name: String },
    /// Another program has the card for itself. `holder`: its name and process number, where they can be guessed.
    Held { reader: String, holder: Option<String> },
    /// Another program did not let go of the card in time.
    Busy { token: String, seconds: u64, holder: Option<String> },
    /// It was pulled out.
    Gone { token: String },
    /// The card was reset by another program, again and again.
    Reset { token: String },
    /// Another key than the one that was enrolled is in the PIV slot.
    Rekeyed { token: String, slot: PivSlot },
    /// The PIV slot is empty. Other PIV slots are not.
    KeyGone { token: String, slot: PivSlot },
    /// The PIV slot that a person named is empty.
    SlotEmpty { token: String, slot: PivSlot },
    /// No PIV slot has a key any more.
    Emptied { token: String },
    /// The PIN is wrong, and a try is lost.
    PinWrong { token: String, tries: Tries },
    /// Too many wrong tries.
    PinLocked { token: String },
    /// Cannot be the PIN, and was not sent.
    PinForm { token: String, why: &'static str },
    /// What was typed is what a YubiKey types when it is touched: it was not sent.
    PinIsOtp { token: String },
    /// One wrong try more locks the PIN, and nobody said to dare it.
    FinalTry { token: String },
    /// Only the vault file says that this token is meant, so the PIN of a file was not sent to it.
    NotNamed { token: String, serial: u32 },
    /// It was not touched in time.
    NoTouch { token: String },
    /// It refuses, though PIN and touch were given.
    NotAuthorised { token: String },
    /// The key cannot be used.
    KeyUnsuitable { token: String, slot: PivSlot, why: String },
    /// No key here could open a keyslot.
    NoKey { token: String },
    /// Several keys could.
    ManyKeys { token: String, slots: Vec<PivSlot> },
    /// When enrolled, the token did not give back what was made.
    RoundTrip { token: String, why: &'static str },
    /// The token said something impossible.
    BadAnswer { token: String, why: &'static str },
    /// Anything else that token or service said.
    Refused { token: String, doing: &'static str, why: String },
    /// A file that was to hold a public key.
    BadFile { path: String, why: String },
    /// The operating system gave no randomness.
    NoRandomness,
}

impl std::fmt::Display for PivError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Setup(error) => error.fmt(f),
            Self::NotBuilt => f.write_str("this twinlock was built without YubiKeys (feature 'piv')"),
            Self::NoService => f.write_str("the smart-card service (pcscd) does not answer"),
            Self::Denied => f.write_str("the smart-card service (pcscd) does not let you use its readers"),
            Self::NotHere { token, here } => {
                write!(f, "the {token} is not here")?;
                instead(f, here)
            }
            Self::OtherKeys { token } => {
                write!(f, "the {token} is here, but the key that was enrolled is not on it")
            }
            Self::NoToken { here } => {
                f.write_str("no YubiKey is here")?;
                instead(f, here)
            }
            Self::ManyTokens { serials } => {
                let serials: Vec<_> = serials.iter().map(u32::to_string).collect();
                write!(f, "several YubiKeys are here: {}", serials.join(", "))
            }
            Self::UnknownName { name } => write!(f, "no YubiKey of this vault is called '{name}'"),
            Self::Held { reader, holder } => {
                write!(f, "the card in '{reader}' is held by another program")?;
                perhaps(f, holder.as_deref())
            }
            Self::Busy { token, seconds, holder } => {
                write!(f, "the {token} did not answer within {seconds} seconds: another program is using it")?;
                perhaps(f, holder.as_deref())
            }
            Self::Gone { token } => write!(f, "the {token} was pulled out"),
            Self::Reset { token } => write!(f, "another program resets the {token} again and again"),
            Self::Rekeyed { token, slot } => {
                write!(f, "the key in PIV slot {slot} of the {token} is not the one that was enrolled")
            }
            Self::KeyGone { token, slot } => write!(f, "the {token} has no key in PIV slot {slot} any more"),
            Self::SlotEmpty { token, slot } => write!(f, "the {token} has no key in PIV slot {slot}"),
            Self::Emptied { token } => write!(f, "the {token} has no keys any more: it was reset"),
            Self::PinWrong { token, tries } => {
                write!(f, "wrong PIN for the {token}")?;
                left(f, *tries)
            }
            Self::PinLocked { token } => write!(f, "the PIN of the {token} is blocked after too many wrong tries"),
            Self::PinForm { token, why } => {
                write!(f, "that cannot be the PIN of the {token}: {why}; it was not sent")
            }
            Self::PinIsOtp { token } => write!(
                f,
                "that is what a YubiKey types when it is touched, not the PIN of the {token}; it was not sent"
            ),
            Self::FinalTry { token } => write!(f, "the {token} has one PIN try left; nothing was sent"),
            Self::NotNamed { token, .. } => write!(
                f,
                "the PIN from the file was not sent to the {token}: other tokens are here too, and only the vault file names it"
            ),
            Self::NoTouch { token } => write!(f, "the {token} was not touched in time"),
            Self::NotAuthorised { token } => {
                write!(f, "the {token} does not use its key, though it was asked as it wants")
            }
            Self::KeyUnsuitable { token, slot, why } => {
                write!(f, "the key in PIV slot {slot} of the {token} cannot be used: {why}")
            }
            Self::NoKey { token } => write!(f, "the {token} has no key that could open a vault"),
            Self::ManyKeys { token, slots } => {
                let slots: Vec<_> = slots.iter().map(PivSlot::to_string).collect();
                write!(f, "the {token} has several keys that could open a vault, in the PIV slots {}", slots.join(", "))
            }
            Self::RoundTrip { token, why } => write!(f, "the test with the {token} failed: {why}"),
            Self::BadAnswer { token, why } => write!(f, "the {token} gave an impossible answer: {why}"),
            Self::Refused { token, doing, why } => write!(f, "the {token} failed to {doing}: {why}"),
            Self::BadFile { path, why } => write!(f, "'{path}' holds no public key that could be used: {why}"),
            Self::NoRandomness => f.write_str("the operating system gave no randomness"),
        }
    }
}

/// The system does not tell who it is; it can be guessed.
fn perhaps(f: &mut std::fmt::Formatter<'_>, holder: Option<&str>) -> std::fmt::Result {
    holder.map_or(Ok(()), |holder| write!(f, " (perhaps {holder})"))
}

/// How many tries are left, if that is known.
pub(super) fn left(f: &mut std::fmt::Formatter<'_>, tries: Tries) -> std::fmt::Result {
    match tries {
        Tries::Exactly(1) | Tries::Last => f.write_str(", one try left"),
        Tries::Exactly(n) => write!(f, ", {n} tries left"),
        _ => Ok(()),
    }
}

/// What is here in its place, if anything is.
fn instead(f: &mut std::fmt::Formatter<'_>, here: &[String]) -> std::fmt::Result {
    if here.is_empty() { Ok(()) } else { write!(f, "; what is here: {}", here.join(", ")) }
}

impl std::error::Error for PivError {}

impl From<SetupError> for PivError {
    fn from(error: SetupError) -> Self {
        Self::Setup(error)
    }
}

impl From<crate::crypto::RandomError> for PivError {
    fn from(_: crate::crypto::RandomError) -> Self {
        Self::NoRandomness
    }
}
