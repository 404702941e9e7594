//! X.509 certificates (RFC 5280) as a YubiKey makes them, written byte by byte: nobody else's code says what they should be.

use crate::algorithm::Algorithm;
use crate::apdu::tlv;
use crate::keys::{PrivateKey, random};
use sha2::{Digest, Sha256};

const INTEGER: u16 = 0x02;
const BIT_STRING: u16 = 0x03;
const OCTET_STRING: u16 = 0x04;
const NULL: u16 = 0x05;
const OID: u16 = 0x06;
const UTF8: u16 = 0x0c;
const UTC_TIME: u16 = 0x17;
const GENERALIZED_TIME: u16 = 0x18;
const SEQUENCE: u16 = 0x30;
const SET: u16 = 0x31;

/// An extension: its object identifier (encoded), whether it is critical, its value.
pub struct Extension {
    pub oid: &'static [u8],
    pub critical: bool,
    pub value: Vec<u8>,
}

/// 1.3.6.1.4.1.41482.3.N: Yubico's.
pub const fn yubico(number: u8) -> [u8; 10] {
    [0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xc4, 0x0a, 0x03, number]
}

/// An integer's encoding.
pub fn integer(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len().saturating_sub(1));
    let mut value = bytes[start..].to_vec();
    if value.first().is_none_or(|first| *first >= 0x80) {
        value.insert(0, 0);
    }
    tlv(INTEGER, &value)
}

/// Basic constraints: it signs others, and none of them may.
pub fn authority() -> Extension {
    let value = tlv(SEQUENCE, &[tlv(0x01, &[0xff]), integer(&[0])].concat());
    Extension { oid: &[0x55, 0x1d, 0x13], critical: true, value }
}

/// Basic constraints: a root.
pub fn root_authority() -> Extension {
    Extension { value: tlv(SEQUENCE, &tlv(0x01, &[0xff])), ..authority() }
}

/// Signs a certificate: `issuer` and `subject` are common names.
pub fn sign(issuer: (&str, &PrivateKey), subject: (&str, &PrivateKey), extensions: &[Extension]) -> Vec<u8> {
    let extension = |one: &Extension| {
        let critical = if one.critical { tlv(0x01, &[0xff]) } else { Vec::new() };
        tlv(SEQUENCE, &[tlv(OID, one.oid), critical, tlv(OCTET_STRING, &one.value)].concat())
    };
    let extensions: Vec<u8> = extensions.iter().flat_map(extension).collect();
    let mut number = random::<16>();
    number[0] = number[0] & 0x7f | 0x01;
    // The dates of Yubico's own.
    let dates = [tlv(UTC_TIME, b"160314000000Z"), tlv(GENERALIZED_TIME, b"20520417000000Z")].concat();
    let body = tlv(
        SEQUENCE,
        &[
            tlv(0xa0, &integer(&[2])),
            integer(&number),
            signature_algorithm(issuer.1),
            name(issuer.0),
            tlv(SEQUENCE, &dates),
            name(subject.0),
            public_key(subject.1),
            tlv(0xa3, &tlv(SEQUENCE, &extensions)),
        ]
        .concat(),
    );
    let signature = signature(issuer.1, &body);
    tlv(SEQUENCE, &[body, signature_algorithm(issuer.1), bits(&signature)].concat())
}

fn name(common: &str) -> Vec<u8> {
    let attribute = tlv(SEQUENCE, &[tlv(OID, &[0x55, 0x04, 0x03]), tlv(UTF8, common.as_bytes())].concat());
    tlv(SEQUENCE, &tlv(SET, &attribute))
}

fn bits(bytes: &[u8]) -> Vec<u8> {
    tlv(BIT_STRING, &[&[0], bytes].concat())
}

fn public_key(key: &PrivateKey) -> Vec<u8> {
    let ec = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    let curve = |curve: &[u8]| [tlv(OID, &ec), tlv(OID, curve)].concat();
    let (algorithm, key) = match key.algorithm() {
        Algorithm::P256 => (curve(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]), key.public()),
        Algorithm::P384 => (curve(&[0x2b, 0x81, 0x04, 0x00, 0x22]), key.public()),
        Algorithm::X25519 => (tlv(OID, &[0x2b, 0x65, 0x6e]), key.public()),
        Algorithm::Rsa(_) => {
            let rsa = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
            let numbers = tlv(SEQUENCE, &[integer(&key.public()), integer(&[1, 0, 1])].concat());
            ([tlv(OID, &rsa), tlv(NULL, &[])].concat(), numbers)
        }
    };
    tlv(SEQUENCE, &[tlv(SEQUENCE, &algorithm), bits(&key)].concat())
}

fn signature_algorithm(key: &PrivateKey) -> Vec<u8> {
    match key.algorithm() {
        Algorithm::Rsa(_) => {
            let sha256_rsa = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
            tlv(SEQUENCE, &[tlv(OID, &sha256_rsa), tlv(NULL, &[])].concat())
        }
        _ => tlv(SEQUENCE, &tlv(OID, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02])),
    }
}

/// ECDSA with SHA-256, or RSASSA-PKCS1-v1_5 with SHA-256.
fn signature(key: &PrivateKey, body: &[u8]) -> Vec<u8> {
    let hash = Sha256::digest(body);
    let block = match key.algorithm() {
        Algorithm::Rsa(bits) => {
            let sha256 = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
            let algorithm = tlv(SEQUENCE, &[tlv(OID, &sha256), tlv(NULL, &[])].concat());
            let info = tlv(SEQUENCE, &[algorithm, tlv(OCTET_STRING, &hash)].concat());
            let fill = vec![0xff; usize::from(bits) / 8 - info.len() - 3];
            [vec![0x00, 0x01], fill, vec![0x00], info].concat()
        }
        _ => hash.to_vec(),
    };
    key.apply(&block).expect("an attestation key can sign")
}
