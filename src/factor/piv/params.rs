//! The stanza's parameters, and what follows from them alone: no token and no PC/SC is needed here. Spec 5.4.

use super::slot::{PinPolicy, PivSlot, TouchPolicy};
use crate::crypto::ecdh::Curve;
use crate::crypto::hkdf_sha256;
use crate::encode::{hex, terminal};
use crate::factor::{FactorError, SlotContext};
use crate::header::{MAX_NAME, Stanza};
use crate::secret::FactorSecret;
use serde::{Deserialize, Serialize};

/// `kind` of this factor.
pub const KIND: &str = "piv";

/// How the token yields the 32 bytes: recorded in the stanza, never negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// P-256 key on the token.
    #[serde(rename = "ecdh-p256")]
    EcdhP256,
    /// P-384 key on the token.
    #[serde(rename = "ecdh-p384")]
    EcdhP384,
    /// X25519 key on the token (firmware 5.7).
    #[serde(rename = "ecdh-x25519")]
    EcdhX25519,
}

impl Mode {
    /// All of them, in the order in which a new key is best made.
    pub const ALL: [Self; 3] = [Self::EcdhP256, Self::EcdhX25519, Self::EcdhP384];

    /// The name in the stanza and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::EcdhP256 => "ecdh-p256",
            Self::EcdhP384 => "ecdh-p384",
            Self::EcdhX25519 => "ecdh-x25519",
        }
    }

    /// Its curve.
    pub fn curve(self) -> Curve {
        match self {
            Self::EcdhP256 => Curve::P256,
            Self::EcdhP384 => Curve::P384,
            Self::EcdhX25519 => Curve::X25519,
        }
    }

    /// The mode for a key on that curve.
    pub fn of(curve: Curve) -> Self {
        match curve {
            Curve::P256 => Self::EcdhP256,
            Curve::P384 => Self::EcdhP384,
            Curve::X25519 => Self::EcdhX25519,
        }
    }

    /// `bind` (spec 5.4): ties the factor secret to kind, mode, vault and keyslot.
    pub fn bind(self, ctx: &SlotContext<'_>) -> Vec<u8> {
        let name = self.name();
        let length = u8::try_from(name.len()).unwrap_or_else(|_| unreachable!("mode names are short"));
        [b"twinlock/1 piv", &[length][..], name.as_bytes(), ctx.vault_id, ctx.keyslot_id].concat()
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Fields of a `piv` factor besides `kind` and `share`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Params {
    /// The mode.
    pub mode: Mode,
    /// The token's point.
    #[serde(with = "hex::bytes")]
    pub public: Vec<u8>,
    /// Ours.
    #[serde(with = "hex::bytes")]
    pub ephemeral: Vec<u8>,
    /// Where to look; a hint each, as the public key alone says which key is meant.
    #[serde(flatten)]
    pub hints: Hints,
}

/// What a stanza says of its token beside the key. Nothing depends on it before the keyslot is open: the token knows better.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hints {
    /// The token's serial number, as printed on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<u32>,
    /// The PIV slot of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub piv_slot: Option<PivSlot>,
    /// When the token wants its PIN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin_policy: Option<PinPolicy>,
    /// When the token wants to be touched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touch_policy: Option<TouchPolicy>,
    /// What its owner calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the key was proven, when enrolled, to be born on the token.
    #[serde(default)]
    pub attested: bool,
}

impl Hints {
    /// The token as a person knows it: `YubiKey 12345678 (ada)`. Safe to print.
    pub fn called(&self) -> String {
        let name = self.name.as_deref().map(|name| terminal::clean(name, &[]));
        match (self.serial, name) {
            (Some(serial), Some(name)) => format!("YubiKey {serial} ({name})"),
            (Some(serial), None) => format!("YubiKey {serial}"),
            (None, Some(name)) => format!("YubiKey '{name}'"),
            (None, None) => "YubiKey".to_owned(),
        }
    }

    /// The token in a list: its name, else its serial number.
    pub fn short(&self) -> String {
        match (&self.name, self.serial) {
            (Some(name), _) => terminal::clean(name, &[]),
            (None, Some(serial)) => serial.to_string(),
            (None, None) => "unnamed".to_owned(),
        }
    }
}

/// Whether that can be the name of a token.
fn check_name(name: &str) -> Result<(), String> {
    let bad = name.trim().is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control);
    if bad { Err(format!("a name has 1 to {MAX_NAME} characters, and no control characters")) } else { Ok(()) }
}

/// Whether a token may be called so from now on: one that begins with a dash would be taken for an option as an argument.
pub fn check_new_name(name: &str) -> Result<(), String> {
    check_name(name)?;
    if name.starts_with('-') { Err("a name does not begin with '-'".to_owned()) } else { Ok(()) }
}

impl Params {
    /// Parameters of a stanza of this kind, with every length and point checked; `None`: another kind.
    pub fn from_stanza(stanza: &Stanza) -> Result<Option<Self>, FactorError> {
        if stanza.kind != KIND {
            return Ok(None);
        }
        let params: Self = stanza.parse().map_err(FactorError::BadStanza)?;
        params.check().map_err(FactorError::BadStanza)?;
        Ok(Some(params))
    }

    fn check(&self) -> Result<(), String> {
        let curve = self.mode.curve();
        curve.check_point(&self.public).map_err(|_| "'public' is not a valid point".to_owned())?;
        curve.check_point(&self.ephemeral).map_err(|_| "'ephemeral' is not a valid point".to_owned())?;
        if self.hints.serial == Some(0) {
            return Err("'serial' is zero".to_owned());
        }
        self.hints.name.as_deref().map_or(Ok(()), |name| check_name(name).map_err(|why| format!("'name': {why}")))
    }

    /// `F = HKDF(Z, ephemeral || public, bind)`.
    pub fn factor_secret(&self, z: &[u8], bind: &[u8]) -> FactorSecret {
        FactorSecret::new(hkdf_sha256(z, &[&self.ephemeral, &self.public], &[bind]))
    }
}

/// What a list shows of a keyslot's factor, without its token; `None`: another kind, or not as it should be.
pub fn describe(stanza: &Stanza) -> Option<(Mode, Hints)> {
    let params = Params::from_stanza(stanza).ok()??;
    Some((params.mode, params.hints))
}

#[cfg(test)]
mod tests;
