//! Items: what a person keeps. Spec 6.2.
//!
//! One shape for all types: named fields, each with a kind. A richer type is then a convention on names, not a new format; fields and kinds
//! that this program does not know are kept.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// Characters in an item's name, at most.
pub const MAX_NAME: usize = 256;
/// Bytes of an item as JSON, at most.
pub const MAX_ITEM: usize = 16 << 20;

/// A field's value; erased on drop, never printed by `{:?}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(Zeroizing<String>);

impl Text {
    /// Takes a value.
    pub fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The value.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text(..)")
    }
}

/// How a field is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FieldKind {
    /// Shown.
    Text,
    /// Hidden unless asked for.
    Concealed,
    /// Shown, can be opened.
    Url,
    /// Shown, several lines.
    Multiline,
    /// Of a later version: kept, and concealed to be safe.
    Other(String),
}

impl FieldKind {
    /// Whether the value is hidden on a terminal.
    pub fn concealed(&self) -> bool {
        matches!(self, Self::Concealed | Self::Other(_))
    }

    /// The word in the format.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text => "text",
            Self::Concealed => "concealed",
            Self::Url => "url",
            Self::Multiline => "multiline",
            Self::Other(word) => word,
        }
    }
}

impl Serialize for FieldKind {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for FieldKind {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(match String::deserialize(from)?.as_str() {
            "text" => Self::Text,
            "concealed" => Self::Concealed,
            "url" => Self::Url,
            "multiline" => Self::Multiline,
            other => Self::Other(other.to_owned()),
        })
    }
}

/// A named value of an item.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Field {
    /// `username`, `password`, `url`, `notes`, or the person's own.
    pub name: String,
    /// How it is shown.
    pub kind: FieldKind,
    /// The value.
    pub value: Text,
    /// Fields of later versions, kept.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Field {
    /// A field with nothing of later versions in it.
    pub fn new(name: &str, kind: FieldKind, value: Text) -> Self {
        Self { name: name.to_owned(), kind, value, extra: Map::new() }
    }
}

/// One secret as its owner sees it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Item {
    /// `login`, `note`, or of a later version.
    #[serde(rename = "type")]
    pub item_type: String,
    /// 1 to 256 characters.
    pub name: String,
    /// RFC 3339, UTC.
    pub created: String,
    /// RFC 3339, UTC.
    pub updated: String,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The values, in the order they are shown.
    pub fields: Vec<Field>,
    /// Fields of later versions, kept.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Why an item cannot be kept, or what came out of a record is none.
#[derive(Debug, PartialEq, Eq)]
pub enum ItemError {
    /// The name is empty, longer than 256 characters, or holds a control character.
    Name,
    /// More than 16 MiB.
    TooLarge,
    /// The opened record is not an item.
    Malformed,
}

impl fmt::Display for ItemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "an item's name has 1 to 256 characters and no control characters",
            Self::TooLarge => "an item has at most 16 MiB",
            Self::Malformed => "the record holds no item that this program can read",
        })
    }
}

impl std::error::Error for ItemError {}

impl Item {
    /// The first field of that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The item as JSON, in a buffer that never moves, so that no copy is left behind.
    pub fn to_json(&self) -> Result<Zeroizing<Vec<u8>>, ItemError> {
        check_name(&self.name)?;
        json_in_place(self)
    }

    /// Reads what [`Item::to_json`] wrote.
    pub fn from_json(json: &[u8]) -> Result<Self, ItemError> {
        if json.len() > MAX_ITEM {
            return Err(ItemError::TooLarge);
        }
        let item: Self = serde_json::from_slice(json).map_err(|_| ItemError::Malformed)?;
        check_name(&item.name).map_err(|_| ItemError::Malformed)?;
        Ok(item)
    }
}

/// A secret as JSON of at most 16 MiB, in a buffer that never moves.
pub fn json_in_place<T: Serialize>(value: &T) -> Result<Zeroizing<Vec<u8>>, ItemError> {
    let mut size = Counter(0);
    serde_json::to_writer(&mut size, value).map_err(|_| ItemError::TooLarge)?;
    if size.0 > MAX_ITEM {
        return Err(ItemError::TooLarge);
    }
    let mut out = Zeroizing::new(Vec::with_capacity(size.0));
    serde_json::to_writer(&mut *out, value).map_err(|_| ItemError::TooLarge)?;
    Ok(out)
}

/// Counts bytes instead of keeping them.
struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Refuses what no item may be called.
pub fn check_name(name: &str) -> Result<(), ItemError> {
    let empty = normalised(name).is_empty();
    if empty || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(ItemError::Name);
    }
    Ok(())
}

/// `name'` of spec 6.3: two names that a person would call the same are the same. Each character by itself: the rules that look at
/// neighbours (final sigma) differ between libraries.
pub fn normalised(name: &str) -> String {
    // NFKC leaves ASCII as it is; most names are ASCII, and every list sorts by this.
    let folded: String = if name.is_ascii() {
        name.to_ascii_lowercase()
    } else {
        name.nfkc().flat_map(char::to_lowercase).nfkc().collect()
    };
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_the_same_are_the_same() {
        assert_eq!(normalised("  GitHub\u{a0}Work "), "github work");
        assert_eq!(normalised("e\u{301}"), normalised("É"));
        assert_eq!(normalised("ﬁle"), "file");
        assert_ne!(normalised("github"), normalised("gitlab"));
    }

    #[test]
    fn what_a_later_version_adds_is_kept() {
        let json = br#"{"type":"card","name":"visa","created":"c","updated":"u","fields":[
            {"name":"number","kind":"digits","value":"4111","mask":"****"}],"icon":"x"}"#;
        let item = Item::from_json(json).unwrap();
        assert!(item.fields[0].kind.concealed());
        let again: Value = serde_json::from_slice(&item.to_json().unwrap()).unwrap();
        assert_eq!(again, serde_json::from_slice::<Value>(json).unwrap());
    }

    #[test]
    fn names_are_checked() {
        for bad in ["", "   ", "a\nb", "a\u{85}b", &"x".repeat(257)] {
            assert_eq!(check_name(bad), Err(ItemError::Name), "{bad:?}");
        }
        assert!(check_name(&"é".repeat(256)).is_ok());
    }

    #[test]
    fn values_are_not_printed() {
        let field = Field::new("password", FieldKind::Concealed, "hunter2".into());
        assert!(!format!("{field:?}").contains("hunter2"));
    }
}
