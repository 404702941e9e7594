//! Taking the fields of a JSON object one by one, each with its own check; what is left over is kept. Spec 4.2.

use super::HeaderError;
use super::model::MAX_NAME;
use crate::encode::hex;
use serde_json::{Map, Value};

/// The fields of an object not taken yet, and where it stands, for errors.
pub struct Fields {
    map: Map<String, Value>,
    at: String,
}

impl Fields {
    /// Those of an object that stands there.
    pub fn new(value: Value, at: &str) -> Result<Self, HeaderError> {
        match value {
            Value::Object(map) => Ok(Self { map, at: at.to_owned() }),
            _ => Err(HeaderError::Malformed(format!("{at}: not an object"))),
        }
    }

    /// An error about a field.
    pub fn wrong(&self, name: &str, why: &str) -> HeaderError {
        HeaderError::Malformed(format!("{}.{name}: {why}", self.at))
    }

    fn take(&mut self, name: &str) -> Result<Value, HeaderError> {
        self.map.remove(name).ok_or_else(|| self.wrong(name, "missing"))
    }

    /// A text.
    pub fn text(&mut self, name: &str) -> Result<String, HeaderError> {
        match self.take(name)? {
            Value::String(text) => Ok(text),
            _ => Err(self.wrong(name, "not a text")),
        }
    }

    /// Whether the field is there.
    pub fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// `kind`: 1 to 32 of `a`-`z`, `0`-`9`, `-`, the first a letter.
    pub fn kind(&mut self) -> Result<String, HeaderError> {
        let kind = self.text("kind")?;
        let mut bytes = kind.bytes();
        let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
        if !first || kind.len() > 32 || !bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return Err(self.wrong("kind", "not a kind of factor"));
        }
        Ok(kind)
    }

    /// A name: 1 to 64 characters, none of them a control character (the parser has seen to ASCII ones).
    pub fn name(&mut self, name: &str) -> Result<String, HeaderError> {
        let text = self.text(name)?;
        if text.is_empty() || text.chars().count() > MAX_NAME || text.chars().any(char::is_control) {
            return Err(self.wrong(name, "not a name of 1 to 64 characters"));
        }
        Ok(text)
    }

    /// `YYYY-MM-DDThh:mm:ssZ`.
    pub fn time(&mut self, name: &str) -> Result<String, HeaderError> {
        let text = self.text(name)?;
        if text.len() != 20 || humantime::parse_rfc3339(&text).is_err() {
            return Err(self.wrong(name, "not a time like 2026-01-31T23:59:59Z"));
        }
        Ok(text)
    }

    /// A whole number between these, both included.
    pub fn number(&mut self, name: &str, min: u64, max: u64) -> Result<u64, HeaderError> {
        match self.take(name)?.as_u64() {
            Some(number) if (min..=max).contains(&number) => Ok(number),
            _ => Err(self.wrong(name, &format!("not a whole number from {min} to {max}"))),
        }
    }

    /// `N` bytes in canonical hex.
    pub fn hex<const N: usize>(&mut self, name: &str) -> Result<[u8; N], HeaderError> {
        let text = self.text(name)?;
        hex::decode_array(&text).map_err(|error| self.wrong(name, &error.to_string()))
    }

    /// A list of 1 to `max`.
    pub fn array(&mut self, name: &str, max: usize) -> Result<Vec<Value>, HeaderError> {
        match self.take(name)? {
            Value::Array(values) if (1..=max).contains(&values.len()) => Ok(values),
            _ => Err(self.wrong(name, &format!("not a list of 1 to {max}"))),
        }
    }

    /// That a field is true or false, if it is there. It is not taken: what is written again keeps it as it is.
    pub fn check_flag(&self, name: &str) -> Result<(), HeaderError> {
        match self.map.get(name) {
            None | Some(Value::Bool(_)) => Ok(()),
            Some(_) => Err(self.wrong(name, "neither true nor false")),
        }
    }

    /// Whatever no one took.
    pub fn rest(self) -> Map<String, Value> {
        self.map
    }
}
