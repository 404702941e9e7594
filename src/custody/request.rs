//! A request to custodians: who asks, for which keyslot of which vault, until when, and the key that answers are sealed to. Spec 9.2.

use super::armour;
use super::{CustodyError, Kind};
use crate::crypto::ecdh::Curve;
use crate::crypto::sha256;
use crate::encode::deflate::{self, DeflateError};
use crate::encode::hex;
use crate::header::strict::{Fields, canonical, parse};
use crate::header::{HeaderError, MAX_FACTORS, Stanza};
use crate::keyslot::Wrap;
use crate::secret::{FactorSecret, Mask};
use serde_json::{Map, Value, json};
use std::time::{Duration, SystemTime};

/// Bytes of a request's JSON, at most: 16 RSA keys would not fit, and nobody asks so many at once.
pub const MAX_TEXT: usize = 16_384;
/// Characters of a reason, at most.
pub const MAX_REASON: usize = 256;
/// How long a request may be good for.
pub const MAX_LIFE: Duration = Duration::from_secs(31 * 24 * 3600);

const KIND: Kind = Kind::Request;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The keyslot, as it is wrapped now.
    pub wrap: Wrap,
    /// The vault's name.
    pub vault: String,
    /// First 10 bytes of the vault's fingerprint (spec 7), where the machine that asks has seen it.
    pub fingerprint: Option<[u8; 10]>,
    /// The keyslot's name.
    pub keyslot: String,
    /// `k` of the keyslot.
    pub threshold: u8,
    /// `n` of the keyslot.
    pub of: u8,
    /// The factors that are asked for, each with its number from 1, ascending; shares are not sent.
    pub factors: Vec<(u8, Stanza)>,
    /// Who asks, in their own words.
    pub from: String,
    /// Why, in their own words; may be empty.
    pub reason: String,
    /// RFC 3339, UTC.
    pub created: String,
    /// RFC 3339, UTC.
    pub expires: String,
    /// The X25519 public key that answers are sealed to, 32 bytes.
    pub public: [u8; 32],
}

/// A request that is as it must be, and its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What is asked.
    pub asked: Asked,
    text: Vec<u8>,
}

impl Request {
    /// Writes what is asked, under the limits of whoever reads it.
    pub fn new(asked: &Asked) -> Result<Self, CustodyError> {
        Self::read_text(canonical(&asked.as_json()))
    }

    /// The one request in a text.
    pub fn read(text: &str) -> Result<Self, CustodyError> {
        let mut all = armour::read(KIND, text)?;
        all.dedup();
        let [payload] = all.as_slice() else { return Err(CustodyError::Several) };
        let text = deflate::unpack(payload, MAX_TEXT).map_err(|error| match error {
            DeflateError::TooLong => malformed("it is longer than 16 KiB"),
            DeflateError::Damaged => malformed("it cannot be unpacked"),
        })?;
        Self::read_text(text)
    }

    fn read_text(text: Vec<u8>) -> Result<Self, CustodyError> {
        if text.len() > MAX_TEXT {
            return Err(malformed("it is longer than 16 KiB"));
        }
        let json = std::str::from_utf8(&text).map_err(|_| malformed("not UTF-8"))?;
        let value = parse(json).map_err(|why| malformed(&why))?;
        let asked = Asked::read(value).map_err(|error| match error {
            HeaderError::Version(version) => CustodyError::Version(KIND, version),
            HeaderError::Critical(name) => CustodyError::Critical(name),
            HeaderError::Malformed(why) => malformed(&why),
            HeaderError::Cipher(_) | HeaderError::Tag => unreachable!("a request has neither"),
        })?;
        Ok(Self { asked, text })
    }

    /// For a mail.
    pub fn lines(&self) -> String {
        armour::lines(KIND, &deflate::pack(&self.text))
    }

    /// For a QR code.
    pub fn line(&self) -> String {
        armour::line(KIND, &deflate::pack(&self.text))
    }

    /// `H`: stands for every byte of the request. 32 bytes.
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[b"twinlock/1 request", &self.text])
    }

    /// By which an answer says what it answers: the first 16 bytes of `H`.
    pub fn id(&self) -> [u8; 16] {
        let mut id = [0; 16];
        id.copy_from_slice(&self.hash()[..16]);
        id
    }

    /// Whether its time is not over.
    pub fn check_time(&self, now: SystemTime) -> Result<(), CustodyError> {
        if now < self.until() { Ok(()) } else { Err(self.expired()) }
    }

    /// When its time is over.
    pub fn until(&self) -> SystemTime {
        time(&self.asked.expires)
    }

    /// That its time is over.
    pub fn expired(&self) -> CustodyError {
        CustodyError::Expired { at: self.asked.expires.clone() }
    }

    /// The factor of that number, if it is asked for.
    pub fn factor(&self, number: u8) -> Option<&Stanza> {
        self.asked.factors.iter().find(|(i, _)| *i == number).map(|(_, stanza)| stanza)
    }
}

fn malformed(why: &str) -> CustodyError {
    CustodyError::Malformed(KIND, why.to_owned())
}

/// A time that was checked when it was read.
fn time(text: &str) -> SystemTime {
    humantime::parse_rfc3339(text).unwrap_or(SystemTime::UNIX_EPOCH)
}

impl Asked {
    /// The mask of a factor that is asked for, with its number and kind, for a keyslot for custodians that is as the request says.
    pub fn mask(&self, number: u8, kind: &str, factor: &FactorSecret) -> Mask {
        self.wrap.custodian_mask((self.threshold, self.of), number, kind, factor)
    }

    fn as_json(&self) -> Value {
        let factors = self.factors.iter().map(|(i, stanza)| {
            let mut map = stanza.params.clone();
            map.insert("kind".into(), stanza.kind.as_str().into());
            map.insert("number".into(), (*i).into());
            Value::Object(map)
        });
        let mut map = Map::from_iter([
            ("request".into(), json!(1)),
            ("vault".into(), hex::encode(&self.wrap.vault_id).into()),
            ("name".into(), self.vault.as_str().into()),
            ("keyslot".into(), hex::encode(&self.wrap.keyslot_id).into()),
            ("keyslot_name".into(), self.keyslot.as_str().into()),
            ("nonce".into(), hex::encode(&self.wrap.nonce).into()),
            ("threshold".into(), self.threshold.into()),
            ("of".into(), self.of.into()),
            ("factors".into(), factors.collect()),
            ("from".into(), self.from.as_str().into()),
            ("created".into(), self.created.as_str().into()),
            ("expires".into(), self.expires.as_str().into()),
            ("key".into(), hex::encode(&self.public).into()),
        ]);
        if let Some(fingerprint) = &self.fingerprint {
            map.insert("fingerprint".into(), hex::encode(fingerprint).into());
        }
        if !self.reason.is_empty() {
            map.insert("reason".into(), self.reason.as_str().into());
        }
        Value::Object(map)
    }

    fn read(value: Value) -> Result<Self, HeaderError> {
        let mut fields = Fields::new(value, "request")?;
        // Before anything else, so that a later format is told from a broken one.
        match fields.number("request", 0, u64::MAX)? {
            1 => {}
            other => return Err(HeaderError::Version(other)),
        }
        let wrap =
            Wrap { vault_id: fields.hex("vault")?, keyslot_id: fields.hex("keyslot")?, nonce: fields.hex("nonce")? };
        let (vault, keyslot, from) = (fields.name("name")?, fields.name("keyslot_name")?, fields.name("from")?);
        let fingerprint = if fields.has("fingerprint") { Some(fields.hex("fingerprint")?) } else { None };
        let reason = if fields.has("reason") { fields.text("reason")? } else { String::new() };
        if reason.chars().count() > MAX_REASON || reason.chars().any(char::is_control) {
            return Err(fields.wrong("reason", "not a line of at most 256 characters"));
        }
        let small = |number: u64| u8::try_from(number).unwrap_or_else(|_| unreachable!("at most 16"));
        let of = small(fields.number("of", 1, MAX_FACTORS as u64)?);
        let threshold = small(fields.number("threshold", 1, of.into())?);
        let (created, expires) = (fields.time("created")?, fields.time("expires")?);
        let life = time(&expires).duration_since(time(&created)).ok();
        if !life.is_some_and(|life| !life.is_zero() && life <= MAX_LIFE) {
            return Err(fields.wrong("expires", "not after 'created', or more than 31 days after it"));
        }
        let public = fields.hex("key")?;
        if Curve::X25519.check_point(&public).is_err() {
            return Err(fields.wrong("key", "not a public key that may be used"));
        }
        let mut factors: Vec<(u8, Stanza)> = Vec::new();
        for (at, value) in fields.array("factors", MAX_FACTORS)?.into_iter().enumerate() {
            let mut fields = Fields::new(value, &format!("request.factors[{at}]"))?;
            let least = factors.last().map_or(1, |(last, _)| u64::from(*last) + 1);
            let number = small(fields.number("number", least, of.into())?);
            let kind = fields.kind()?;
            factors.push((number, Stanza { kind, share: [0; 32], params: fields.rest() }));
        }
        let of_factors = factors.iter().flat_map(|(_, stanza)| stanza.params.keys());
        let rest = fields.rest();
        if let Some(name) = rest.keys().chain(of_factors).find(|name| name.starts_with('!')) {
            return Err(HeaderError::Critical(name.clone()));
        }
        Ok(Self { wrap, vault, fingerprint, keyslot, threshold, of, factors, from, reason, created, expires, public })
    }
}

#[cfg(test)]
pub(super) mod tests;
