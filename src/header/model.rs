//! The header as types, and their fields in JSON. Spec 4.2.

use super::fields::Fields;
use super::{HeaderError, Stanza, json};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

/// Keyslots in a vault, at most.
pub const MAX_KEYSLOTS: usize = 64;
/// Factors in a keyslot, at most.
pub const MAX_FACTORS: usize = 16;
/// Characters in the name of a vault or keyslot, at most.
pub const MAX_NAME: usize = 64;
/// The field of a keyslot whose factors may be asked of other people.
const CUSTODIANS: &str = "custodians";
/// The only cipher of version 1.
const CIPHER: &str = "xaes-256-gcm";

/// The header of a vault.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// `V`, 16 bytes.
    pub vault_id: [u8; 16],
    /// What its owner calls it.
    pub name: String,
    /// RFC 3339, UTC.
    pub created: String,
    /// Counts account keys, from 1.
    pub epoch: u64,
    /// Counts header writes, from 1.
    pub generation: u64,
    /// 1 to 64 ways in.
    pub keyslots: Vec<Keyslot>,
    /// Fields of later versions, kept.
    pub extra: Map<String, Value>,
}

/// One way in: the account key wrapped under k of n factors.
#[derive(Clone, Debug, PartialEq)]
pub struct Keyslot {
    /// `K`, 16 bytes.
    pub id: [u8; 16],
    /// What its owner calls it.
    pub name: String,
    /// RFC 3339, UTC.
    pub created: String,
    /// `k`, 1 to the number of factors.
    pub threshold: u8,
    /// `N`, 32 bytes.
    pub nonce: [u8; 32],
    /// The wrapped account key, 40 bytes.
    pub wrapped: [u8; 40],
    /// 1 to 16 factors, numbered from 1 in this order.
    pub factors: Vec<Stanza>,
    /// `custodians`, where it is there, as it is there; and fields of later versions, kept.
    pub extra: Map<String, Value>,
}

impl Keyslot {
    /// The bytes whose SHA-256 binds the keyslot's public parameters into its KEK. Spec 4.3.
    pub fn public_parameters(&self) -> Vec<u8> {
        let factors: Vec<Value> = self
            .factors
            .iter()
            .map(|stanza| {
                let mut params = stanza.params.clone();
                params.insert("kind".into(), stanza.kind.as_str().into());
                Value::Object(params)
            })
            .collect();
        let mut map = self.extra.clone();
        map.insert("id".into(), crate::encode::hex::encode(&self.id).into());
        map.insert("threshold".into(), self.threshold.into());
        map.insert("factors".into(), factors.into());
        json::canonical(&Value::Object(map))
    }

    /// Whether people who hold its factors may be asked for them from elsewhere. It is among what is bound into the KEK, and its masks are
    /// others (spec 3).
    pub fn custodians(&self) -> bool {
        self.extra.get(CUSTODIANS) == Some(&Value::Bool(true))
    }

    /// The further fields of a new keyslot.
    pub fn extra_of_new(custodians: bool) -> Map<String, Value> {
        custodians.then(|| (CUSTODIANS.to_owned(), Value::Bool(true))).into_iter().collect()
    }

    /// The critical field that this program does not know, if there is one: the keyslot must not be used then.
    pub fn unknown_critical(&self) -> Option<&str> {
        let of_factors = self.factors.iter().flat_map(|stanza| stanza.params.keys());
        self.extra.keys().chain(of_factors).find(|name| name.starts_with('!')).map(String::as_str)
    }

    pub(super) fn read(value: Value, at: &str) -> Result<Self, HeaderError> {
        let mut fields = Fields::new(value, at)?;
        let id = fields.hex("id")?;
        let name = fields.name("name")?;
        let created = fields.time("created")?;
        let nonce = fields.hex("nonce")?;
        let wrapped = fields.hex("wrapped")?;
        let factors = fields
            .array("factors", MAX_FACTORS)?
            .into_iter()
            .enumerate()
            .map(|(i, value)| read_stanza(value, &format!("{at}.factors[{i}]")))
            .collect::<Result<Vec<_>, _>>()?;
        let threshold = fields.number("threshold", 1, factors.len() as u64)?;
        let threshold = u8::try_from(threshold).unwrap_or_else(|_| unreachable!("at most 16 factors"));
        fields.check_flag(CUSTODIANS)?;
        Ok(Self { id, name, created, threshold, nonce, wrapped, factors, extra: fields.rest() })
    }
}

fn read_stanza(value: Value, at: &str) -> Result<Stanza, HeaderError> {
    let mut fields = Fields::new(value, at)?;
    let kind = fields.kind()?;
    let share = fields.hex("share")?;
    Ok(Stanza { kind, share, params: fields.rest() })
}

impl Header {
    /// Reads the body of a header text, in which the `known` critical fields may stand. Nothing is verified yet: see
    /// [`super::Unverified`].
    pub(super) fn read(body: &str, known: &[&str]) -> Result<Self, HeaderError> {
        let value = json::parse(body).map_err(|why| HeaderError::Malformed(format!("header: {why}")))?;
        let mut fields = Fields::new(value, "header")?;
        // Before anything else, so that a later format gets "made by another version" and not a complaint about its fields.
        match fields.number("twinlock", 0, json::MAX_NUMBER)? {
            1 => {}
            other => return Err(HeaderError::Version(other)),
        }
        let vault_id = fields.hex("vault")?;
        let name = fields.name("name")?;
        let created = fields.time("created")?;
        let epoch = fields.number("epoch", 1, json::MAX_NUMBER)?;
        let generation = fields.number("generation", 1, json::MAX_NUMBER)?;
        let cipher = fields.text("cipher")?;
        if cipher != CIPHER {
            return Err(HeaderError::Cipher(cipher));
        }
        let keyslots = fields
            .array("keyslots", MAX_KEYSLOTS)?
            .into_iter()
            .enumerate()
            .map(|(i, value)| Keyslot::read(value, &format!("keyslots[{i}]")))
            .collect::<Result<Vec<_>, _>>()?;
        let header = Self { vault_id, name, created, epoch, generation, keyslots, extra: fields.rest() };
        header.check(known)?;
        Ok(header)
    }

    /// What holds between the fields: no name or id twice, no critical field but the known ones.
    fn check(&self, known: &[&str]) -> Result<(), HeaderError> {
        let critical = |name: &&String| name.starts_with('!') && !known.contains(&name.as_str());
        if let Some(name) = self.extra.keys().find(critical) {
            return Err(HeaderError::Critical(name.clone()));
        }
        for (i, slot) in self.keyslots.iter().enumerate() {
            if self.keyslots[..i].iter().any(|other| other.id == slot.id || other.name == slot.name) {
                return Err(HeaderError::Malformed(format!(
                    "keyslots[{i}]: a keyslot of this id or name is there twice"
                )));
            }
        }
        Ok(())
    }

    /// The keyslot of that name.
    pub fn keyslot(&self, name: &str) -> Option<&Keyslot> {
        self.keyslots.iter().find(|slot| slot.name == name)
    }
}

impl Serialize for Header {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("twinlock", &1)?;
        map.serialize_entry("vault", &crate::encode::hex::encode(&self.vault_id))?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("created", &self.created)?;
        map.serialize_entry("epoch", &self.epoch)?;
        map.serialize_entry("generation", &self.generation)?;
        map.serialize_entry("cipher", CIPHER)?;
        map.serialize_entry("keyslots", &self.keyslots)?;
        for (name, value) in &self.extra {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Serialize for Keyslot {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("id", &crate::encode::hex::encode(&self.id))?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("created", &self.created)?;
        map.serialize_entry("threshold", &self.threshold)?;
        map.serialize_entry("factors", &self.factors)?;
        map.serialize_entry("nonce", &crate::encode::hex::encode(&self.nonce))?;
        map.serialize_entry("wrapped", &crate::encode::hex::encode(&self.wrapped))?;
        for (name, value) in &self.extra {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Serialize for Stanza {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("kind", &self.kind)?;
        for (name, value) in &self.params {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("share", &json!(crate::encode::hex::encode(&self.share)))?;
        map.end()
    }
}
