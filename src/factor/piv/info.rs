//! What is known of readers, tokens and keys; what is looked for. Plain data, that crosses from the thread of the cards to the others.

use super::params::{Hints, Mode};
use super::public::PublicKey;
use super::setup::certificate::{Ours, subject};
use super::slot::{PinPolicy, PivSlot, TouchPolicy};
use super::x509::Certificate;
use crate::encode::terminal::steers;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use zeroize::Zeroizing;

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

/// A token in its reader at one moment, so that it can be told later whether it has been there ever since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The reader, as the service calls it.
    pub reader: String,
    /// How often a card came or went there since the service started (PC/SC's event counter, 16 bits).
    pub count: u32,
    /// The token's serial number, for its name alone.
    pub serial: u32,
}

impl Sighting {
    /// The token as a person knows it.
    pub fn name(&self) -> String {
        Hints { serial: Some(self.serial), ..Hints::default() }.called()
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
    /// PIN tries left, once a person was to be asked for it; `None` also where it is verified.
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
            serial: Some(self.token.serial).filter(|&serial| serial != 0),
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

/// What a key agreed on.
pub struct Agreed {
    /// The shared secret.
    pub z: Zeroizing<Vec<u8>>,
    /// How long the card took over it: from the request for the touch, where it wants one, to its answer.
    pub took: Duration,
}

/// What a management key is (Yubico's "management key types").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManagementKind {
    /// Triple DES, 24 bytes.
    TripleDes,
    /// AES-128, 16 bytes.
    Aes128,
    /// AES-192, 24 bytes.
    Aes192,
    /// AES-256, 32 bytes.
    Aes256,
}

impl ManagementKind {
    /// Its name for a person.
    pub fn name(self) -> &'static str {
        match self {
            Self::TripleDes => "3DES",
            Self::Aes128 => "AES-128",
            Self::Aes192 => "AES-192",
            Self::Aes256 => "AES-256",
        }
    }

    /// Bytes of the key.
    pub fn bytes(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::TripleDes | Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }
}

/// What a token tells of its management key, and of its PUK, without a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Management {
    /// What it is.
    pub kind: ManagementKind,
    /// Whether it is the one that all YubiKeys come with; `None`: the token does not tell (firmware before 5.3).
    pub is_default: Option<bool>,
    /// Whether it is kept on the token, to be read with the PIN (Yubico's admin data).
    pub is_protected: bool,
    /// Whether the token wants to be touched for it.
    pub touch: bool,
    /// Whether somebody's tool noted that the PUK was blocked on purpose.
    pub puk_is_blocked: bool,
}

/// The certificate in a PIV slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateInfo {
    /// Whose it is, safe to print.
    pub subject: Option<String>,
    /// Its key, if it is one that can be read.
    pub public: Option<PublicKey>,
    /// Whether this program made it.
    pub ours: bool,
    /// What this program wrote into it as the token's name, safe to print.
    pub name: Option<String>,
}

impl CertificateInfo {
    /// What a data object holds; `None`: something else, or packed.
    pub fn of(der: Option<&[u8]>) -> Self {
        let certificate = der.and_then(Certificate::parse);
        let Some(certificate) = certificate else {
            return Self { subject: None, public: None, ours: false, name: None };
        };
        let ours = Ours::of(&certificate);
        Self {
            subject: subject(&certificate),
            public: certificate.public(),
            ours: ours.is_some(),
            name: ours.and_then(|ours| ours.name),
        }
    }
}

/// What is in a PIV slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotInfo {
    /// Which.
    pub slot: PivSlot,
    /// Its key, as the token tells of it.
    pub key: Option<KeyInfo>,
    /// Its certificate; `Some` also where it cannot be read.
    pub certificate: Option<CertificateInfo>,
}

impl SlotInfo {
    /// Whether nothing is in it.
    pub fn is_free(&self) -> bool {
        self.key.is_none() && self.certificate.is_none()
    }

    /// A key that is born on the token, as far as that tells, and has no certificate, or an old one of ours: what a setup leaves that
    /// was stopped on its way.
    pub fn unfinished(&self) -> Option<&KeyInfo> {
        let key = self.key.as_ref().filter(|key| key.generated != Some(false))?;
        match &self.certificate {
            None => Some(key),
            Some(certificate) => (certificate.ours && certificate.public.as_ref() != Some(&key.public)).then_some(key),
        }
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
