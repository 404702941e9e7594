//! A vector's file, as README.md describes it.

use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use twinlock::encode::hex;
use twinlock::store::memory::Contents;
use twinlock::store::{Entry, Record};

/// Where the vectors are.
pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name)
}

/// Every JSON file of a folder, ordered, with its name.
pub fn files(name: &str) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(folder(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .collect();
    files.sort();
    files
}

pub fn json<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Bytes as hex in a file.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(transparent)]
pub struct Hex(#[serde(with = "hex::bytes")] pub Vec<u8>);

impl Hex {
    pub fn array<const N: usize>(&self) -> [u8; N] {
        self.0.as_slice().try_into().unwrap_or_else(|_| panic!("{N} bytes wanted, {} there", self.0.len()))
    }
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    pub name: String,
    pub comment: String,
    pub expect: String,
    pub base: Option<String>,
    pub differs: Option<Vec<String>>,
    pub open: Given,
    pub account_key: Option<Hex>,
    pub items: Option<Vec<Value>>,
    pub header: Text,
    pub manifest: Option<Hex>,
    records: Vec<RecordRow>,
    entries: Vec<EntryRow>,
}

/// Which keyslot to open, and what is at hand for it.
#[derive(Clone, Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
pub struct Given {
    pub keyslot: String,
    pub password: Option<String>,
    pub recovery: Option<String>,
    #[serde(default)]
    pub tokens: Vec<Token>,
    #[serde(default)]
    pub piv: Vec<PivToken>,
}

/// The key of a YubiKey.
#[derive(Clone, Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
pub struct PivToken {
    pub public: Hex,
    pub private: Hex,
}

/// The factor secret behind a token's URI.
#[derive(Clone, Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
pub struct Token {
    pub uri: String,
    pub secret: Hex,
}

/// A header text, whole or in pieces.
#[derive(Deserialize, Debug)]
#[serde(untagged)]
pub enum Text {
    Plain(String),
    Pieces(Vec<Text>),
    Repeat { repeat: String, times: usize },
    Bytes { hex: Hex },
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Text {
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Plain(text) => text.as_bytes().to_vec(),
            Self::Pieces(pieces) => pieces.iter().flat_map(Self::bytes).collect(),
            Self::Repeat { repeat, times } => repeat.repeat(*times).into_bytes(),
            Self::Bytes { hex } => hex.0.clone(),
        }
    }
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct RecordRow {
    id: Hex,
    epoch: u64,
    revision: u64,
    sealed: Hex,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct EntryRow {
    tag: Hex,
    id: Hex,
    sealed: Hex,
}

/// A vault beside a kit. Its header may be damaged, or missing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vault {
    header: Option<Text>,
    manifest: Option<Hex>,
    records: Vec<RecordRow>,
    entries: Vec<EntryRow>,
}

impl Vault {
    /// As it lies in a store.
    pub fn contents(&self) -> Contents {
        Contents {
            header: self.header.as_ref().map(Text::bytes),
            manifest: self.manifest.as_ref().map(|manifest| manifest.0.clone()),
            ..contents(&self.records, &self.entries)
        }
    }
}

fn contents(records: &[RecordRow], entries: &[EntryRow]) -> Contents {
    let record = |row: &RecordRow| Record {
        id: row.id.array(),
        epoch: row.epoch,
        revision: row.revision,
        sealed: row.sealed.0.clone(),
    };
    let entry = |row: &EntryRow| Entry { tag: row.tag.array(), id: row.id.array(), sealed: row.sealed.0.clone() };
    Contents::new(&[], &[], records.iter().map(record), entries.iter().map(entry))
}

impl Vector {
    /// The vault as it lies in a store.
    pub fn contents(&self) -> Contents {
        let manifest = self.manifest.as_ref().map(|manifest| manifest.0.clone());
        Contents { header: Some(self.header.bytes()), manifest, ..contents(&self.records, &self.entries) }
    }

    /// The parts in which two vectors differ, by name.
    pub fn differing(&self, other: &Self) -> Vec<&'static str> {
        let parts = [
            ("header", self.header == other.header),
            ("manifest", self.manifest == other.manifest),
            ("records", self.records == other.records),
            ("entries", self.entries == other.entries),
            ("open", self.open == other.open),
        ];
        parts.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }
}
