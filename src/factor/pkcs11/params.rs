//! The stanza's parameters, and what follows from them alone: what to ask of the token, and the factor secret. Spec 5.3.

use super::info::{Class, PublicKey};
use super::mode::{Family, Mode};
use super::protocol::{HexBytes, KeyRef, Operation};
use super::uri::Uri;
use crate::crypto::{ecdh::Curve, hkdf_sha256, oaep};
use crate::encode::hex;
use crate::factor::FactorError;
use crate::header::Stanza;
use crate::secret::FactorSecret;
use serde::{Deserialize, Serialize};

/// `kind` of this factor.
pub const KIND: &str = "pkcs11";

/// Longest `uri`: far more than four encoded texts of a token.
const MAX_URI: usize = 2048;

/// Fields of a `pkcs11` factor besides `kind` and `share`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Params {
    /// Where the key is.
    pub uri: String,
    /// The mode and its own fields.
    #[serde(flatten)]
    pub how: How,
}

/// The mode's own fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode")]
pub enum How {
    /// `aes-gcm`.
    #[serde(rename = "aes-gcm")]
    AesGcm {
        /// As it read after C_Encrypt.
        #[serde(with = "hex::array")]
        iv: [u8; 12],
        /// Ciphertext (32) and tag (16).
        #[serde(with = "hex::array")]
        sealed: [u8; 48],
    },
    /// `hmac-sha256`.
    #[serde(rename = "hmac-sha256")]
    Hmac {
        /// Random.
        #[serde(with = "hex::array")]
        challenge: [u8; 32],
    },
    /// `rsa-oaep-sha256`.
    #[serde(rename = "rsa-oaep-sha256")]
    RsaOaepSha256(Rsa),
    /// `rsa-oaep-sha1`.
    #[serde(rename = "rsa-oaep-sha1")]
    RsaOaepSha1(Rsa),
    /// `ecdh-p256`.
    #[serde(rename = "ecdh-p256")]
    EcdhP256(Ecdh),
    /// `ecdh-p384`.
    #[serde(rename = "ecdh-p384")]
    EcdhP384(Ecdh),
    /// `ecdh-x25519`.
    #[serde(rename = "ecdh-x25519")]
    EcdhX25519(Ecdh),
}

/// Fields of the RSA modes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rsa {
    /// Big-endian, 256 to 1024 bytes.
    #[serde(with = "hex::bytes")]
    pub modulus: Vec<u8>,
    /// Big-endian.
    #[serde(with = "hex::bytes")]
    pub exponent: Vec<u8>,
    /// As long as the modulus.
    #[serde(with = "hex::bytes")]
    pub sealed: Vec<u8>,
}

/// Fields of the ECDH modes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ecdh {
    /// The token's point.
    #[serde(with = "hex::bytes")]
    pub public: Vec<u8>,
    /// Ours.
    #[serde(with = "hex::bytes")]
    pub ephemeral: Vec<u8>,
}

impl Params {
    /// Parameters of a stanza of this kind, with every length, point and key checked; `None`: another kind.
    pub fn from_stanza(stanza: &Stanza) -> Result<Option<(Self, Uri)>, FactorError> {
        if stanza.kind != KIND {
            return Ok(None);
        }
        let params: Self = stanza.parse().map_err(FactorError::BadStanza)?;
        let uri = params.check().map_err(FactorError::BadStanza)?;
        Ok(Some((params, uri)))
    }

    fn check(&self) -> Result<Uri, String> {
        if self.uri.len() > MAX_URI {
            return Err(format!("'uri' is longer than {MAX_URI} bytes"));
        }
        match &self.how {
            How::AesGcm { iv, .. } if *iv == [0; 12] => return Err("'iv' is zero".to_owned()),
            How::AesGcm { .. } | How::Hmac { .. } => {}
            How::RsaOaepSha256(rsa) | How::RsaOaepSha1(rsa) => {
                oaep::check_key(&rsa.modulus, &rsa.exponent).map_err(|error| error.to_string())?;
                if rsa.sealed.len() != rsa.modulus.len() {
                    return Err("'sealed' is not as long as 'modulus'".to_owned());
                }
            }
            How::EcdhP256(ecdh) => ecdh.check(Curve::P256)?,
            How::EcdhP384(ecdh) => ecdh.check(Curve::P384)?,
            How::EcdhX25519(ecdh) => ecdh.check(Curve::X25519)?,
        }
        Uri::parse_stanza(&self.uri).map_err(|error| error.to_string())
    }

    /// The mode.
    pub fn mode(&self) -> Mode {
        match &self.how {
            How::AesGcm { .. } => Mode::AesGcm,
            How::Hmac { .. } => Mode::HmacSha256,
            How::RsaOaepSha256(_) => Mode::RsaOaepSha256,
            How::RsaOaepSha1(_) => Mode::RsaOaepSha1,
            How::EcdhP256(_) => Mode::EcdhP256,
            How::EcdhP384(_) => Mode::EcdhP384,
            How::EcdhX25519(_) => Mode::EcdhX25519,
        }
    }

    /// The public key that was enrolled, in the modes that have one.
    pub fn public(&self) -> Option<PublicKey> {
        match &self.how {
            How::AesGcm { .. } | How::Hmac { .. } => None,
            How::RsaOaepSha256(rsa) | How::RsaOaepSha1(rsa) => {
                Some(PublicKey::Rsa { modulus: rsa.modulus.clone(), exponent: rsa.exponent.clone() })
            }
            How::EcdhP256(ecdh) | How::EcdhP384(ecdh) | How::EcdhX25519(ecdh) => {
                Some(PublicKey::Point(ecdh.public.clone()))
            }
        }
    }

    /// What the token has to do.
    pub fn operation(&self, bind: &[u8]) -> Operation {
        match &self.how {
            How::AesGcm { iv, sealed } => Operation::AesGcm {
                iv: HexBytes(iv.to_vec()),
                aad: HexBytes(bind.to_vec()),
                sealed: HexBytes(sealed.to_vec()),
            },
            How::Hmac { challenge } => Operation::Hmac { message: HexBytes([bind, challenge].concat()) },
            How::RsaOaepSha256(rsa) => Operation::RsaOaep { sha1: false, sealed: HexBytes(rsa.sealed.clone()) },
            How::RsaOaepSha1(rsa) => Operation::RsaOaep { sha1: true, sealed: HexBytes(rsa.sealed.clone()) },
            How::EcdhP256(ecdh) => ecdh.operation(Curve::P256),
            How::EcdhP384(ecdh) => ecdh.operation(Curve::P384),
            How::EcdhX25519(ecdh) => ecdh.operation(Curve::X25519),
        }
    }

    /// `F = HKDF(Z, salt_mode, bind)`.
    pub fn factor_secret(&self, z: &[u8], bind: &[u8]) -> FactorSecret {
        let salt: &[&[u8]] = match &self.how {
            How::EcdhP256(ecdh) | How::EcdhP384(ecdh) | How::EcdhX25519(ecdh) => &[&ecdh.ephemeral, &ecdh.public],
            _ => &[],
        };
        FactorSecret::new(hkdf_sha256(z, salt, &[bind]))
    }

    /// Whether `z` is not the output of a point of small order (RFC 7748, 6.1): the token does not always check.
    pub fn is_possible(&self, z: &[u8]) -> bool {
        !matches!(self.how, How::EcdhX25519(_)) || z.iter().any(|&byte| byte != 0)
    }
}

impl Ecdh {
    fn check(&self, curve: Curve) -> Result<(), String> {
        curve.check_point(&self.public).map_err(|_| "'public' is not a valid point".to_owned())?;
        curve.check_point(&self.ephemeral).map_err(|_| "'ephemeral' is not a valid point".to_owned())
    }

    fn operation(&self, curve: Curve) -> Operation {
        Operation::Ecdh { ephemeral: HexBytes(self.ephemeral.clone()), length: curve.secret_len() }
    }
}

/// Where the key of that mode is.
pub fn key_ref(mode: Mode, uri: &Uri) -> KeyRef {
    let class = match mode.family() {
        Family::AesGcm | Family::Hmac => Class::Secret,
        Family::Rsa(_) | Family::Ecdh(_) => Class::Private,
    };
    KeyRef { class, id: uri.id.clone().map(HexBytes), label: uri.object.clone().map(HexBytes) }
}

/// What a list shows of a keyslot's factor, without its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The mode.
    pub mode: Mode,
    /// Label of the token, safe to print.
    pub token: String,
    /// The whole URI.
    pub uri: String,
}

/// Describes a stanza of this kind; `None`: another kind, or not as it should be.
pub fn describe(stanza: &Stanza) -> Option<Description> {
    let (params, uri) = Params::from_stanza(stanza).ok()??;
    let token = String::from_utf8_lossy(uri.token.as_deref().unwrap_or_default()).into_owned();
    Some(Description { mode: params.mode(), token: super::info::printable(&token), uri: uri.canonical() })
}

#[cfg(test)]
mod tests;
