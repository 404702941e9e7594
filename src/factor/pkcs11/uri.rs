//! PKCS#11 URIs (RFC 7512), strictly: what is not understood is refused, since a URI that matches more than its writer meant sends
//! a PIN to the wrong token.

use super::info::{Class, ModuleInfo, TokenInfo};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// A parsed URI. What is absent matches anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uri {
    /// `token`: label.
    pub token: Option<Vec<u8>>,
    /// `serial`.
    pub serial: Option<Vec<u8>>,
    /// `manufacturer` of the token.
    pub manufacturer: Option<Vec<u8>>,
    /// `model`.
    pub model: Option<Vec<u8>>,
    /// `library-manufacturer`.
    pub library_manufacturer: Option<Vec<u8>>,
    /// `library-description`.
    pub library_description: Option<Vec<u8>>,
    /// `slot-id`.
    pub slot_id: Option<u64>,
    /// `object`: label of the key.
    pub object: Option<Vec<u8>>,
    /// `id` of the key.
    pub id: Option<Vec<u8>>,
    /// `type`: `private` or `secret-key`.
    pub class: Option<Class>,
    /// `pin-source`: an absolute path.
    pub pin_source: Option<PathBuf>,
    /// Query attributes that were ignored, to be told.
    pub ignored: Vec<String>,
}

/// Why a text is not a URI that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UriError {
    /// Does not begin with `pkcs11:`.
    Scheme,
    /// A part without `=`, or an empty one.
    Syntax(String),
    /// A character that must be percent-encoded, or a broken percent-encoding.
    Encoding(String),
    /// An attribute twice.
    Duplicate(String),
    /// A path attribute that is not in the RFC, or that is not supported here.
    Unknown(String),
    /// A value that cannot be right; the attribute and why.
    Value(&'static str, &'static str),
    /// Refused for safety; the attribute and why.
    Refused(&'static str, &'static str),
}

impl std::fmt::Display for UriError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Scheme => f.write_str("a PKCS#11 URI begins with 'pkcs11:'"),
            Self::Syntax(part) => write!(f, "in a PKCS#11 URI '{part}' is not 'name=value'"),
            Self::Encoding(part) => {
                write!(f, "in a PKCS#11 URI '{part}' is not percent-encoded as it must be (a space is %20)")
            }
            Self::Duplicate(name) => write!(f, "'{name}' is in the PKCS#11 URI twice"),
            Self::Unknown(name) => write!(f, "'{name}' in the PKCS#11 URI is not known here"),
            Self::Value(name, why) => write!(f, "'{name}' in the PKCS#11 URI {why}"),
            Self::Refused(name, why) => write!(f, "'{name}' in a PKCS#11 URI is refused: {why}"),
        }
    }
}

impl std::error::Error for UriError {}

/// Characters that may stand for themselves besides letters, digits and `-._~` (RFC 7512, 2.3).
const PATH_CHARS: &[u8] = b":[]@!$'()*+,=&";
const QUERY_CHARS: &[u8] = b":[]@!$'()*+,=/?|";

impl Uri {
    /// Parses a URI. Attributes may come in any order.
    pub fn parse(text: &str) -> Result<Self, UriError> {
        let rest = match text.split_at_checked(7) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("pkcs11:") => rest,
            _ => return Err(UriError::Scheme),
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let mut uri = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for part in path.split(';').filter(|_| !path.is_empty()) {
            let (name, value) = attribute(part, &mut seen)?;
            uri.set_path(name, decode(value, PATH_CHARS)?)?;
        }
        seen.clear();
        for part in query.iter().flat_map(|query| query.split('&')) {
            let (name, value) = attribute(part, &mut seen)?;
            uri.set_query(name, decode(value, QUERY_CHARS)?)?;
        }
        Ok(uri)
    }

    fn set_path(&mut self, name: &str, value: Vec<u8>) -> Result<(), UriError> {
        match name {
            "token" => self.token = Some(value),
            "serial" => self.serial = Some(value),
            "manufacturer" => self.manufacturer = Some(value),
            "model" => self.model = Some(value),
            "library-manufacturer" => self.library_manufacturer = Some(value),
            "library-description" => self.library_description = Some(value),
            "object" => self.object = Some(value),
            "id" => self.id = Some(value),
            "slot-id" => {
                let number = std::str::from_utf8(&value).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
                let number = number.and_then(|text| text.parse().ok());
                self.slot_id = Some(number.ok_or(UriError::Value("slot-id", "is not a number"))?);
            }
            "type" => match value.as_slice() {
                b"private" => self.class = Some(Class::Private),
                b"secret-key" => self.class = Some(Class::Secret),
                _ => return Err(UriError::Value("type", "must be 'private' or 'secret-key'")),
            },
            other => return Err(UriError::Unknown(shown(other))),
        }
        Ok(())
    }

    fn set_query(&mut self, name: &str, value: Vec<u8>) -> Result<(), UriError> {
        match name {
            "pin-source" => self.pin_source = Some(pin_source(value)?),
            "pin-value" => {
                return Err(UriError::Refused("pin-value", "a PIN on a command line can be read by every process"));
            }
            "module-path" | "module-name" => {
                return Err(UriError::Refused(
                    if name == "module-path" { "module-path" } else { "module-name" },
                    "modules come from your own config or --module",
                ));
            }
            other => self.ignored.push(shown(other)),
        }
        Ok(())
    }

    /// The path attributes as a URI, in the one order and encoding that stanzas use. `pin-source` is left out: where a person keeps a
    /// PIN is nobody's business but theirs.
    pub fn canonical(&self) -> String {
        let mut parts = Vec::new();
        let texts = [
            ("library-manufacturer", &self.library_manufacturer),
            ("library-description", &self.library_description),
            ("manufacturer", &self.manufacturer),
            ("model", &self.model),
            ("token", &self.token),
            ("serial", &self.serial),
            ("object", &self.object),
        ];
        for (name, value) in texts {
            parts.extend(value.as_ref().map(|value| format!("{name}={}", encode(value))));
        }
        parts.extend(self.slot_id.map(|slot| format!("slot-id={slot}")));
        parts.extend(self.id.as_ref().map(|id| format!("id={}", percent(id))));
        parts.extend(
            self.class.map(|class| format!("type={}", if class == Class::Secret { "secret-key" } else { "private" })),
        );
        format!("pkcs11:{}", parts.join(";"))
    }

    /// A stanza's `uri` (spec 5.3): `token`, `serial`, `object`, `id` and nothing else.
    pub fn parse_stanza(text: &str) -> Result<Self, UriError> {
        let uri = Self::parse(text)?;
        let Self { token, serial, object, id, .. } = uri.clone();
        if (Self { token, serial, object, id, ..Self::default() }) != uri || text.contains('?') {
            return Err(UriError::Unknown("an attribute that no stanza has".to_owned()));
        }
        if uri.token.is_none() {
            return Err(UriError::Value("token", "is missing"));
        }
        if uri.object.is_none() && uri.id.is_none() {
            return Err(UriError::Value("object", "is missing, and 'id' too"));
        }
        Ok(uri)
    }

    /// Whether it says which token is meant, not only of which kind.
    pub fn names_token(&self) -> bool {
        self.token.is_some() || self.serial.is_some()
    }

    /// Whether this token, behind this module, is meant.
    pub fn matches(&self, module: &ModuleInfo, token: &TokenInfo) -> bool {
        let same = |wanted: &Option<Vec<u8>>, is: &str| {
            wanted.as_ref().is_none_or(|wanted| trimmed(wanted) == trimmed(is.as_bytes()))
        };
        same(&self.token, &token.label)
            && same(&self.serial, &token.serial)
            && same(&self.manufacturer, &token.manufacturer)
            && same(&self.model, &token.model)
            && same(&self.library_manufacturer, &module.manufacturer)
            && same(&self.library_description, &module.description)
            && self.slot_id.is_none_or(|slot| slot == token.slot)
    }

    /// The key's part of it, for messages.
    pub fn key_name(&self) -> String {
        let label =
            self.object.as_ref().map(|label| format!("'{}'", super::info::printable(&String::from_utf8_lossy(label))));
        let id = self.id.as_ref().map(|id| format!("with id {}", crate::encode::hex::encode(id)));
        match (label, id) {
            (Some(label), Some(id)) => format!("{label} {id}"),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => "that twinlock can use".to_owned(),
        }
    }
}

/// Tokens pad their texts with blanks, some with NUL.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| !matches!(byte, b' ' | 0)).map_or(0, |last| last + 1);
    &bytes[..end]
}

fn attribute<'a>(part: &'a str, seen: &mut Vec<&'a str>) -> Result<(&'a str, &'a str), UriError> {
    let (name, value) = part.split_once('=').ok_or_else(|| UriError::Syntax(shown(part)))?;
    if name.is_empty() {
        return Err(UriError::Syntax(shown(part)));
    }
    if seen.contains(&name) {
        return Err(UriError::Duplicate(shown(name)));
    }
    seen.push(name);
    Ok((name, value))
}

fn decode(value: &str, also: &[u8]) -> Result<Vec<u8>, UriError> {
    let bad = || UriError::Encoding(shown(value));
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let mut digit =
                    || rest.next().and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
                let (high, low) = (digit().ok_or_else(bad)?, digit().ok_or_else(bad)?);
                bytes.push(high << 4 | low);
            }
            _ if is_unreserved(byte) || also.contains(&byte) => bytes.push(byte),
            _ => return Err(bad()),
        }
    }
    Ok(bytes)
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn encode(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|&byte| if is_unreserved(byte) { char::from(byte).to_string() } else { percent(&[byte]) })
        .collect()
}

fn percent(bytes: &[u8]) -> String {
    crate::encode::hex::encode(bytes)
        .to_ascii_uppercase()
        .as_bytes()
        .chunks(2)
        .fold(String::new(), |text, pair| text + "%" + &String::from_utf8_lossy(pair))
}

/// A part of the URI as it may be shown: not too long, without control characters.
fn shown(text: &str) -> String {
    super::info::printable(&text.chars().take(60).collect::<String>())
}

fn pin_source(value: Vec<u8>) -> Result<PathBuf, UriError> {
    if value.first() == Some(&b'|') {
        return Err(UriError::Refused("pin-source", "it would run a command"));
    }
    let path = match value.strip_prefix(b"file:") {
        Some(rest) => rest.strip_prefix(b"//").unwrap_or(rest),
        None => &value,
    };
    if path.first() != Some(&b'/') || path.contains(&0) {
        return Err(UriError::Value("pin-source", "must be a file: an absolute path, or 'file:' and an absolute path"));
    }
    Ok(OsString::from_vec(path.to_vec()).into())
}

#[cfg(test)]
mod tests;
