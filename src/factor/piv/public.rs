//! Public keys as certificates and files have them: SubjectPublicKeyInfo (RFC 5280, 5480, 8410), alone or in a certificate, DER or PEM.

use super::der::{BIT_STRING, CONTEXT_0, Der, INTEGER, OID, SEQUENCE, element};
use super::params::Mode;
use super::slot::{PinPolicy, TouchPolicy};
use crate::encode::pem;

/// Longest file that is looked at: far more than any certificate on a card (3 KiB) in PEM.
pub const MAX_FILE: usize = 65_536;

const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const X25519: &[u8] = &[0x2b, 0x65, 0x6e];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.3.6.1.4.1.41482.3.8, in Yubico's attestation certificates: PIN policy and touch policy.
const ATTESTED_POLICIES: &[u8] = &[0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xc4, 0x0a, 0x03, 0x08, 0x04, 0x02];

/// The kind of a key whose certificate cannot be read, where nothing else tells of it.
pub const UNREAD: &str = "behind a certificate that cannot be read";

/// A public key that was found somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// One that a keyslot can be wrapped under, with its point checked.
    Ecdh {
        /// What it is for.
        mode: Mode,
        /// Uncompressed, 65 or 97 bytes; 32 bytes for X25519.
        point: Vec<u8>,
    },
    /// Another kind, and its name.
    Other(&'static str),
}

impl PublicKey {
    /// A point, checked.
    pub fn ecdh(mode: Mode, point: &[u8]) -> Option<Self> {
        mode.curve().check_point(point).ok()?;
        Some(Self::Ecdh { mode, point: point.to_vec() })
    }

    /// A SubjectPublicKeyInfo of a key that was checked before.
    pub fn info(mode: Mode, point: &[u8]) -> Vec<u8> {
        let algorithm = match mode {
            Mode::EcdhP256 => [element(OID, EC), element(OID, P256)].concat(),
            Mode::EcdhP384 => [element(OID, EC), element(OID, P384)].concat(),
            Mode::EcdhX25519 => element(OID, X25519),
        };
        let bits = element(BIT_STRING, &[&[0], point].concat());
        element(SEQUENCE, &[element(SEQUENCE, &algorithm), bits].concat())
    }

    /// The content of a SubjectPublicKeyInfo.
    pub fn from_info(info: &[u8]) -> Option<Self> {
        let mut info = Der(info);
        let mut algorithm = Der(info.take(SEQUENCE)?);
        let bits = info.take(BIT_STRING)?;
        // No unused bits: all keys are whole bytes.
        let (&0, key) = bits.split_first()? else { return None };
        let mode = match algorithm.take(OID)? {
            X25519 => Mode::EcdhX25519,
            ED25519 => return Some(Self::Other("Ed25519")),
            RSA => return Some(Self::Other("RSA")),
            EC => match algorithm.take(OID)? {
                P256 => Mode::EcdhP256,
                P384 => Mode::EcdhP384,
                _ => return Some(Self::Other("an elliptic curve that is not P-256 or P-384")),
            },
            _ => return Some(Self::Other("of a kind not known here")),
        };
        Self::ecdh(mode, key)
    }

    /// The subject's key of an X.509 certificate. No signature is checked: whoever gave the file is believed, or the token is asked.
    pub fn from_certificate(der: &[u8]) -> Option<Self> {
        let mut certificate = Der(Der(der).take(SEQUENCE)?);
        let mut body = Der(certificate.take(SEQUENCE)?);
        if body.tag() == Some(CONTEXT_0) {
            body.any()?;
        }
        body.take(INTEGER)?;
        // Signature algorithm, issuer, validity, subject.
        for _ in 0..4 {
            body.take(SEQUENCE)?;
        }
        Self::from_info(body.take(SEQUENCE)?)
    }

    /// What a file holds: a certificate or a public key, in DER or PEM.
    pub fn from_file(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).ok();
        // OpenSSL puts the curve's parameters before a private key.
        let secret = |label: &str| {
            label.contains("PRIVATE KEY")
                || label == "EC PARAMETERS" && text.is_some_and(|text| text.contains(" PRIVATE KEY-----"))
        };
        let der = match text.and_then(pem::first) {
            Some(pem::Block { label, .. }) if secret(label) => {
                return Err("it is a private key; only the token should have that".to_owned());
            }
            Some(pem::Block { label: "CERTIFICATE" | "PUBLIC KEY", der }) => der,
            Some(pem::Block { label, .. }) => {
                return Err(format!("it is a '{label}', not a certificate or public key"));
            }
            None => bytes.to_vec(),
        };
        let mut outer = Der(&der);
        let info = outer.take(SEQUENCE).filter(|_| outer.is_done()).ok_or("it is neither DER nor PEM")?;
        match Self::from_certificate(&der).or_else(|| Self::from_info(info)) {
            Some(Self::Other(kind)) => Err(format!("its key is {kind}; P-256, P-384 and X25519 can be used")),
            Some(key) => Ok(key),
            None => Err("it is not a certificate or public key as it should be".to_owned()),
        }
    }
}

/// The certificate in a PIV data object: 70 (certificate), 71 (how it is packed), FE (nothing). SP 800-73-4 part 1, appendix A.
pub fn certificate_in(object: &[u8]) -> Option<&[u8]> {
    let mut object = Der(object);
    let certificate = object.take(0x70)?;
    // Packed ones (gzip) are not read: what unpacks can be made to fill the memory.
    matches!(object.take(0x71), None | Some([0])).then_some(certificate)
}

/// What an attestation certificate says of the key's policies. It is looked for, not parsed: it is a hint where the token tells no other
/// way (firmware before 5.3), and nothing is believed for it.
pub fn attested_policies(der: &[u8]) -> Option<(PinPolicy, TouchPolicy)> {
    let at = der.windows(ATTESTED_POLICIES.len()).position(|window| window == ATTESTED_POLICIES)?;
    policies(der.get(at + ATTESTED_POLICIES.len()..)?.get(..2)?)
}

/// The value of that extension.
pub fn policies(value: &[u8]) -> Option<(PinPolicy, TouchPolicy)> {
    let &[pin, touch] = value else { return None };
    let pin = match pin {
        1 => PinPolicy::Never,
        2 => PinPolicy::Once,
        3 => PinPolicy::Always,
        _ => return None,
    };
    let touch = match touch {
        1 => TouchPolicy::Never,
        2 => TouchPolicy::Always,
        3 => TouchPolicy::Cached,
        _ => return None,
    };
    Some((pin, touch))
}

#[cfg(test)]
mod tests;
