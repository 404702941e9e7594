//! Attestation: a certificate that the token makes of one of its keys and signs with its own attestation key (PIV slot f9), to say that
//! the key was born on it, and with which policies.
//!
//! It says two different things. That it is *whole*: signed by the token's attestation key, and about this key, PIV slot, token and
//! firmware. Whoever makes a card that lies can make that, too. That it is *proven*: the token's attestation certificate was signed by
//! one that the person gave, the maker's. Only this counts as a proof. No root is built in: the makers' roots change, and a program that
//! brings its own would say "proven" for what nobody here has looked at.

use super::der::{Der, INTEGER};
use super::info::KeyInfo;
use super::slot::PivSlot;
use super::x509::{COMMON_NAME, Certificate};
use crate::encode::pem;

/// The data object with the certificate of the token's attestation key.
pub const CERTIFICATE_OBJECT: u32 = 0x005f_ff01;
/// Roots in a file, at most.
const MAX_ROOTS: usize = 64;

/// 1.3.6.1.4.1.41482.3.3: firmware, three bytes.
const FIRMWARE: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xc4, 0x0a, 0x03, 0x03];
/// 1.3.6.1.4.1.41482.3.7: serial number, INTEGER.
const SERIAL: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xc4, 0x0a, 0x03, 0x07];
/// 1.3.6.1.4.1.41482.3.8: PIN policy and touch policy, a byte each.
const POLICIES: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xc4, 0x0a, 0x03, 0x08];

/// What is known of where a key was born.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Birth {
    /// The token gives no attestation of it: it was imported, or the attestation key is gone.
    Unknown,
    /// The token says so, and its attestation is whole. A card that lies can say that.
    Claimed,
    /// Its attestation leads to a certificate that the person trusts.
    Proven,
}

/// Certificates that a person trusts to sign those of attestation keys, DER.
#[derive(Clone, Default)]
pub struct Roots(Vec<Vec<u8>>);

impl Roots {
    /// What a file holds: certificates in PEM, or one in DER. Each of them is trusted by itself: an intermediate certificate of the
    /// maker's may be given alone.
    pub fn from_file(bytes: &[u8]) -> Result<Self, &'static str> {
        const NONE: &str = "it holds no certificate";
        let roots = match std::str::from_utf8(bytes).ok().and_then(pem::all) {
            Some(blocks) => {
                blocks.into_iter().filter(|block| block.label == "CERTIFICATE").map(|block| block.der).collect()
            }
            None => vec![bytes.to_vec()],
        };
        match roots.len() {
            0 => Err(NONE),
            1..=MAX_ROOTS if roots.iter().all(|der| Certificate::parse(der).is_some()) => Ok(Self(roots)),
            1..=MAX_ROOTS => Err(if roots.len() == 1 { NONE } else { "one of its certificates cannot be read" }),
            _ => Err("it holds too many certificates"),
        }
    }

    /// Whether nothing is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The key that an attestation is to be about, as its token tells of it.
pub struct Subject<'a> {
    /// The token's serial number.
    pub serial: u32,
    /// Its firmware.
    pub firmware: (u8, u8, u8),
    /// The key.
    pub key: &'a KeyInfo,
}

/// Checks an attestation: `statement` is that of the key, `signer` the certificate of the token's attestation key, both DER. What does not
/// fit is said in words that complete "the attestation is not right: ...".
pub fn check(statement: &[u8], signer: &[u8], subject: &Subject<'_>, roots: &Roots) -> Result<Birth, &'static str> {
    let statement = Certificate::parse(statement).ok_or("it cannot be read")?;
    let signer = Certificate::parse(signer).ok_or("the certificate of the attestation key cannot be read")?;
    if !statement.is_signed_by(&signer) {
        return Err("it is not signed by the token's attestation key");
    }
    let key = subject.key;
    if statement.public().as_ref() != Some(&key.public) {
        return Err("it is about another key");
    }
    // Some firmware writes the PIV slot's number in the subject, and no other place.
    if statement.subject(COMMON_NAME).is_some_and(|name| !names_slot(&name, key.slot)) {
        return Err("it is about another PIV slot");
    }
    let (major, minor, patch) = subject.firmware;
    if statement.extension(FIRMWARE) != Some(&[major, minor, patch]) {
        return Err("it is about another firmware");
    }
    // Old firmware leaves it out.
    if let Some(value) = statement.extension(SERIAL)
        && serial(value) != Some(subject.serial)
    {
        return Err("it is about another serial number");
    }
    let policies = statement.extension(POLICIES).ok_or("it says nothing of PIN and touch")?;
    let said = super::public::policies(policies).ok_or("it says nothing of PIN and touch that makes sense")?;
    if key.pin.is_some_and(|pin| pin != said.0) || key.touch.is_some_and(|touch| touch != said.1) {
        return Err("it says something else of PIN and touch than the token does");
    }
    // One step and no more: a key on a token is attested by a certificate, too, and could sign others as if it were an attestation key.
    let trusted = roots.0.iter().filter_map(|der| Certificate::parse(der)).any(|root| signer.is_signed_by(&root));
    Ok(if trusted { Birth::Proven } else { Birth::Claimed })
}

/// "YubiKey PIV Attestation 82": names of another form say nothing of a PIV slot.
fn names_slot(name: &str, slot: PivSlot) -> bool {
    match name.rsplit_once("Attestation ") {
        Some((_, number)) => number.eq_ignore_ascii_case(&slot.to_string()),
        None => true,
    }
}

fn serial(value: &[u8]) -> Option<u32> {
    let mut field = Der(value);
    let bytes = field.take(INTEGER).filter(|_| field.is_done())?;
    let bytes = bytes.strip_prefix(&[0]).unwrap_or(bytes);
    if bytes.is_empty() || bytes.len() > 4 {
        return None;
    }
    Some(bytes.iter().fold(0, |all, byte| all << 8 | u32::from(*byte)))
}
