//! X.509 certificates (RFC 5280), read as far as an attestation needs it and no further. Strict, and never a panic: anybody may have
//! written them. Dates are not looked at: a YubiKey has no clock, and that of this machine proves nothing about where a key was born.

use super::der::{BIT_STRING, BOOLEAN, CONTEXT_0, CONTEXT_3, Der, INTEGER, OCTET_STRING, OID, SEQUENCE, SET};
use super::params::Mode;
use super::public::PublicKey;
use crate::crypto::signature::{Hash, Verifier};
use crate::encode::terminal;

/// 2.5.4.3, common name.
pub const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// 2.5.4.10, organization.
pub const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
/// 2.5.4.11, organizational unit.
pub const UNIT: &[u8] = &[0x55, 0x04, 0x0b];

/// ecdsa-with-SHA256, RFC 5758.
pub const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// ecdsa-with-SHA384, RFC 5758.
pub const ECDSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
const ECDSA_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04];
/// sha256WithRSAEncryption, RFC 8017; the last byte tells the hash.
const RSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const RSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c];
const RSA_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// Extensions of a certificate, at most: more than any attestation has.
const MAX_EXTENSIONS: usize = 32;

/// A certificate that was taken apart.
pub struct Certificate<'a> {
    /// What is signed.
    body: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
    /// Content of the issuer's name.
    issuer: &'a [u8],
    /// Content of the subject's name.
    subject: &'a [u8],
    /// Content of the SubjectPublicKeyInfo.
    key: &'a [u8],
    /// Object identifier and value.
    extensions: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Certificate<'a> {
    /// Takes a certificate apart; `None`: it is none, or something comes behind it.
    pub fn parse(der: &'a [u8]) -> Option<Self> {
        let mut file = Der(der);
        let mut outer = Der(file.take(SEQUENCE)?);
        let body = outer.whole(SEQUENCE)?;
        let algorithm = outer.take(SEQUENCE)?;
        let signature = bits(outer.take(BIT_STRING)?)?;
        if !file.is_done() || !outer.is_done() {
            return None;
        }
        let mut inner = Der(Der(body).take(SEQUENCE)?);
        // Without a version it would be X.509 of 1988, which has no extensions.
        inner.take(CONTEXT_0)?;
        inner.take(INTEGER)?;
        // RFC 5280, 4.1.1.2: the algorithm stands inside and outside, and must be the same.
        if inner.take(SEQUENCE)? != algorithm {
            return None;
        }
        let issuer = inner.take(SEQUENCE)?;
        inner.take(SEQUENCE)?;
        let subject = inner.take(SEQUENCE)?;
        let key = inner.take(SEQUENCE)?;
        let extensions = match inner.tag() {
            Some(CONTEXT_3) => extensions(inner.take(CONTEXT_3)?)?,
            _ => Vec::new(),
        };
        inner.is_done().then_some(Self { body, algorithm, signature, issuer, subject, key, extensions })
    }

    /// Whether that certificate's key signed this one, and its name is that of the issuer.
    pub fn is_signed_by(&self, signer: &Certificate<'_>) -> bool {
        self.issuer == signer.subject && self.signed_under(signer).unwrap_or(false)
    }

    fn signed_under(&self, signer: &Certificate<'_>) -> Option<bool> {
        let mut algorithm = Der(self.algorithm);
        let (rsa, hash) = match algorithm.take(OID)? {
            RSA_SHA256 => (true, Hash::Sha256),
            RSA_SHA384 => (true, Hash::Sha384),
            RSA_SHA512 => (true, Hash::Sha512),
            ECDSA_SHA256 => (false, Hash::Sha256),
            ECDSA_SHA384 => (false, Hash::Sha384),
            ECDSA_SHA512 => (false, Hash::Sha512),
            _ => return None,
        };
        let mut key = Der(signer.key);
        let is_rsa = Der(key.take(SEQUENCE)?).take(OID)? == RSA;
        if rsa != is_rsa {
            return None;
        }
        if rsa {
            let mut numbers = Der(Der(bits(key.take(BIT_STRING)?)?).take(SEQUENCE)?);
            let (modulus, exponent) = (number(numbers.take(INTEGER)?)?, number(numbers.take(INTEGER)?)?);
            return Some(Verifier::Rsa(modulus, exponent).has_signed(hash, self.body, self.signature));
        }
        let PublicKey::Ecdh { mode, point } = signer.public()? else { return None };
        Some(verifier(mode, &point)?.has_signed(hash, self.body, self.signature))
    }

    /// The subject's key.
    pub fn public(&self) -> Option<PublicKey> {
        PublicKey::from_info(self.key)
    }

    /// The value of an extension.
    pub fn extension(&self, oid: &[u8]) -> Option<&'a [u8]> {
        self.extensions.iter().find(|(name, _)| *name == oid).map(|(_, value)| *value)
    }

    /// A part of the subject's name, as it may be printed.
    pub fn subject(&self, attribute: &[u8]) -> Option<String> {
        let mut names = Der(self.subject);
        while !names.is_done() {
            let mut one = Der(Der(names.take(SET)?).take(SEQUENCE)?);
            if one.take(OID)? == attribute {
                let text = std::str::from_utf8(one.any()?).ok()?;
                return Some(terminal::clean(text, &[]));
            }
        }
        None
    }
}

/// A key that can sign as it is used to check signatures; X25519 cannot.
pub fn verifier(mode: Mode, point: &[u8]) -> Option<Verifier<'_>> {
    match mode {
        Mode::EcdhP256 => Some(Verifier::P256(point)),
        Mode::EcdhP384 => Some(Verifier::P384(point)),
        Mode::EcdhX25519 => None,
    }
}

fn extensions(field: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut list = Der(Der(field).take(SEQUENCE)?);
    let mut found: Vec<(&[u8], &[u8])> = Vec::new();
    while !list.is_done() {
        let mut one = Der(list.take(SEQUENCE)?);
        let oid = one.take(OID)?;
        if one.tag() == Some(BOOLEAN) {
            one.any()?;
        }
        let value = one.take(OCTET_STRING)?;
        // RFC 5280, 4.2: none is there twice. Of two serial numbers the wrong one might be believed.
        if !one.is_done() || found.len() == MAX_EXTENSIONS || found.iter().any(|(other, _)| *other == oid) {
            return None;
        }
        found.push((oid, value));
    }
    Some(found)
}

/// A bit string of whole bytes.
fn bits(content: &[u8]) -> Option<&[u8]> {
    let (&0, bytes) = content.split_first()? else { return None };
    Some(bytes)
}

/// A positive integer without the byte that makes it positive.
fn number(content: &[u8]) -> Option<&[u8]> {
    match content {
        [0, rest @ ..] => Some(rest),
        [first, ..] if *first < 0x80 => Some(content),
        _ => None,
    }
}
