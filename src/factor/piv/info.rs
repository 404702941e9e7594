//! What is known of readers, tokens and keys; what is looked for. Plain data, that crosses from the thread of the cards to the others.

use super::params::{Hints, Mode};
use super::public::PublicKey;
use super::slot::{PinPolicy, PivSlot, TouchPolicy};
use crate::encode::terminal::steers;

/// A text from a card or reader as it may be printed, on one line.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if steers(c) { '?' } else { c }).collect()
}

/// A YubiKey that is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInfo {
    /// As printed on it.
    pub serial: u32,
    /// Major, minor, patch.
    pub firmware: (u8, u8, u8),
    /// The reader it is in, safe to print.
    pub reader: String,
    /// What its owner calls it, as far as the keyslot at hand says; safe to print.
    pub called: Option<String>,
}

impl TokenInfo {
    /// The token as a person knows it: `YubiKey 12345678 (ada)`.
    pub fn name(&self) -> String {
        Hints { serial: Some(self.serial), name: self.called.clone(), ..Hints::default() }.called()
    }
}

/// What a reader holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occupant {
    /// No card.
    Empty,
    /// A card that has no PIV.
    NotPiv,
    /// A PIV card that is no YubiKey 4 or 5: its keys can be used by PKCS#11.
    OtherPiv,
    /// A card that does not answer as cards do.
    Mute,
    /// Another program has it for itself: its name and process number, where the system tells.
    Held(Option<String>),
    /// The service does not let us use it.
    Denied,
    /// A YubiKey.
    YubiKey(TokenInfo),
}

/// How what is said of [`Occupant::OtherPiv`] begins.
pub const OTHER_PIV: &str = "a PIV card that is no YubiKey";

/// A reader and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderInfo {
    /// Its name, safe to print.
    pub reader: String,
    /// What it holds.
    pub occupant: Occupant,
}

impl ReaderInfo {
    /// What is here instead of what was looked for; `None`: nothing.
    pub fn instead(&self) -> Option<String> {
        let reader = &self.reader;
        match &self.occupant {
            Occupant::Empty => None,
            Occupant::NotPiv => Some(format!("a card without PIV in '{reader}'")),
            Occupant::OtherPiv => Some(format!("{OTHER_PIV} in '{reader}'")),
            Occupant::Mute => Some(format!("a card that does not answer in '{reader}'")),
            Occupant::Held(_) => Some(format!("a card held by another program in '{reader}'")),
            Occupant::Denied => Some(format!("a card that may not be used in '{reader}'")),
            Occupant::YubiKey(info) => Some(format!("YubiKey {}", info.serial)),
        }
    }
}

/// A key in a PIV slot, as the token tells of it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Where.
    pub slot: PivSlot,
    /// Its public half.
    pub public: PublicKey,
    /// When the token wants its PIN; `None`: it does not tell (firmware before 5.3).
    pub pin: Option<PinPolicy>,
    /// When it wants to be touched; `None`: it does not tell.
    pub touch: Option<TouchPolicy>,
    /// Whether the token says that the key was born on it; `None`: it does not tell. Only an attestation proves it.
    pub generated: Option<bool>,
}

impl KeyInfo {
    /// The mode it is fit for, or what it is instead.
    pub fn mode(&self) -> Result<Mode, &'static str> {
        match &self.public {
            PublicKey::Ecdh { mode, .. } => Ok(*mode),
            PublicKey::Other(kind) => Err(kind),
        }
    }

    /// Whether it is this key.
    pub fn is(&self, wanted: Mode, wanted_point: &[u8]) -> bool {
        matches!(&self.public, PublicKey::Ecdh { mode, point } if *mode == wanted && point == wanted_point)
    }
}

/// A key to be found, and where it was last.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its mode.
    pub mode: Mode,
    /// Its public half.
    pub public: Vec<u8>,
    /// Where it was, and how it was to be used.
    pub hints: Hints,
}

/// A key that was found, on the token that has it.
#[derive(Clone, Debug)]
pub struct Located {
    /// The token.
    pub token: TokenInfo,
    /// The key.
    pub key: KeyInfo,
    /// Its mode.
    pub mode: Mode,
    /// PIN tries left, if the key wants a PIN; `None`: it does not, or it is verified.
    pub tries: Option<u8>,
    /// Whether it is the only token here: a PIN can then be meant for no other.
    pub alone: bool,
}

impl Located {
    /// The public half.
    pub fn public(&self) -> &[u8] {
        match &self.key.public {
            PublicKey::Ecdh { point, .. } => point,
            PublicKey::Other(_) => &[],
        }
    }

    /// Where it is.
    pub fn hints(&self) -> Hints {
        Hints {
            serial: Some(self.token.serial),
            piv_slot: Some(self.key.slot),
            touch_policy: self.key.touch,
            name: self.token.called.clone(),
            ..Hints::default()
        }
    }

    /// Whether it wants a PIN. Where nothing tells, it does: that is what YubiKeys do unless told otherwise.
    pub fn wants_pin(&self) -> bool {
        self.key.pin != Some(PinPolicy::Never)
    }

    /// Whether it may want to be touched.
    pub fn wants_touch(&self) -> bool {
        self.key.touch != Some(TouchPolicy::Never)
    }
}

/// Counters of PIN and PUK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Tries left for the PIN.
    pub pin: Option<u8>,
    /// Of how many.
    pub pin_of: Option<u8>,
    /// Whether the PIN is the one that all YubiKeys come with.
    pub pin_is_default: Option<bool>,
    /// Tries left for the PUK.
    pub puk: Option<u8>,
    /// Of how many.
    pub puk_of: Option<u8>,
    /// Whether the PUK is the one that all YubiKeys come with.
    pub puk_is_default: Option<bool>,
}
