//! How a token yields the 32 bytes: recorded in the stanza under these names, never negotiated. Spec 5.3.

use crate::crypto::ecdh::Curve;
use crate::crypto::oaep::OaepHash;
use crate::factor::SlotContext;
use serde::{Deserialize, Serialize};

/// A mode of spec 5.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// AES-256 key on the token; the secret is sealed under it.
    #[serde(rename = "aes-gcm")]
    AesGcm,
    /// Generic secret on the token; the secret is its HMAC of a challenge.
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
    /// RSA key on the token; the secret is encrypted under its public half.
    #[serde(rename = "rsa-oaep-sha256")]
    RsaOaepSha256,
    /// The same with SHA-1, for modules that know no other (SoftHSM 2.6); only when the person said so.
    #[serde(rename = "rsa-oaep-sha1")]
    RsaOaepSha1,
    /// P-256 key on the token, ephemeral key in software.
    #[serde(rename = "ecdh-p256")]
    EcdhP256,
    /// P-384 key on the token.
    #[serde(rename = "ecdh-p384")]
    EcdhP384,
    /// X25519 key on the token.
    #[serde(rename = "ecdh-x25519")]
    EcdhX25519,
}

/// What a mode asks of the token: the object class of its key follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Secret key, C_Encrypt and C_Decrypt.
    AesGcm,
    /// Secret key, C_Sign.
    Hmac,
    /// Private key, C_Decrypt.
    Rsa(OaepHash),
    /// Private key, C_DeriveKey.
    Ecdh(Curve),
}

impl Mode {
    /// All modes, in the order in which a new key is best made.
    pub const ALL: [Self; 7] = [
        Self::EcdhP256,
        Self::EcdhX25519,
        Self::EcdhP384,
        Self::RsaOaepSha256,
        Self::HmacSha256,
        Self::AesGcm,
        Self::RsaOaepSha1,
    ];

    /// The name in the stanza and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::AesGcm => "aes-gcm",
            Self::HmacSha256 => "hmac-sha256",
            Self::RsaOaepSha256 => "rsa-oaep-sha256",
            Self::RsaOaepSha1 => "rsa-oaep-sha1",
            Self::EcdhP256 => "ecdh-p256",
            Self::EcdhP384 => "ecdh-p384",
            Self::EcdhX25519 => "ecdh-x25519",
        }
    }

    /// The mode of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }

    /// What it asks of the token.
    pub fn family(self) -> Family {
        match self {
            Self::AesGcm => Family::AesGcm,
            Self::HmacSha256 => Family::Hmac,
            Self::RsaOaepSha256 => Family::Rsa(OaepHash::Sha256),
            Self::RsaOaepSha1 => Family::Rsa(OaepHash::Sha1),
            Self::EcdhP256 => Family::Ecdh(Curve::P256),
            Self::EcdhP384 => Family::Ecdh(Curve::P384),
            Self::EcdhX25519 => Family::Ecdh(Curve::X25519),
        }
    }

    /// Whether a keyslot can be wrapped again from the stanza alone, with the token in a drawer.
    pub fn is_public_key(self) -> bool {
        matches!(self.family(), Family::Rsa(_) | Family::Ecdh(_))
    }

    /// Whether the token agrees on a secret with a point, and nothing sealed is opened.
    pub fn is_ecdh(self) -> bool {
        matches!(self.family(), Family::Ecdh(_))
    }

    /// `bind` (spec 5.3): ties what the token does, and the factor secret, to mode, vault and keyslot.
    pub fn bind(self, ctx: &SlotContext<'_>) -> Vec<u8> {
        let name = self.name();
        let length = u8::try_from(name.len()).unwrap_or_else(|_| unreachable!("mode names are short"));
        [b"twinlock/1 pkcs11", &[length][..], name.as_bytes(), ctx.vault_id, ctx.keyslot_id].concat()
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_stanza() {
        for mode in Mode::ALL {
            assert_eq!(Mode::from_name(mode.name()), Some(mode));
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.name());
        }
        assert_eq!(Mode::from_name("aes-cbc"), None);
    }

    #[test]
    fn bind_is_as_in_the_spec() {
        let ctx = SlotContext { vault_id: &[1; 16], keyslot_id: &[2; 16], vault: "", keyslot: "" };
        let mut want = b"twinlock/1 pkcs11\x07aes-gcm".to_vec();
        want.extend([1; 16]);
        want.extend([2; 16]);
        assert_eq!(Mode::AesGcm.bind(&ctx), want);
    }
}
