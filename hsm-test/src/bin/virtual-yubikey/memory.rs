//! What a card remembers without power, and the file in which it is kept on request.

use crate::algorithm::Management;
use crate::firmware::Firmware;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// A PIN or PUK, padded with ff to 8 bytes.
#[derive(Serialize, Deserialize, Clone)]
pub struct Reference {
    #[serde(with = "hex")]
    pub value: [u8; 8],
    pub left: u8,
    pub total: u8,
}

impl Reference {
    fn new(value: [u8; 8], total: u8) -> Self {
        Self { value, left: total, total }
    }

    pub fn default_pin(total: u8) -> Self {
        Self::new(*b"123456\xff\xff", total)
    }

    pub fn default_puk(total: u8) -> Self {
        Self::new(*b"12345678", total)
    }
}

/// The key that whoever manages the card proves to have.
#[derive(Serialize, Deserialize, Clone)]
pub struct ManagementKey {
    pub algorithm: u8,
    #[serde(with = "hex")]
    pub value: Vec<u8>,
    pub touch: bool,
}

impl ManagementKey {
    /// The bytes of the factory's key, whatever its cipher.
    pub const DEFAULT: [u8; 24] = [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8];

    fn factory(firmware: Firmware) -> Self {
        let algorithm = if firmware.seven() { Management::Aes192 } else { Management::TripleDes };
        Self { algorithm: algorithm.number(), value: Self::DEFAULT.to_vec(), touch: false }
    }
}

/// A key in a PIV slot.
#[derive(Serialize, Deserialize, Clone)]
pub struct Key {
    pub algorithm: u8,
    /// The scalar; for RSA p and q, one behind the other.
    #[serde(with = "hex")]
    pub secret: Vec<u8>,
    /// 1 never, 2 once, 3 always.
    pub pin_policy: u8,
    /// 1 never, 2 always, 3 cached.
    pub touch_policy: u8,
    /// Made here, not imported.
    pub generated: bool,
}

/// A card without power.
#[derive(Serialize, Deserialize, Clone)]
pub struct Memory {
    pub serial: u32,
    pub pin: Reference,
    pub puk: Reference,
    pub management: ManagementKey,
    pub keys: BTreeMap<u8, Key>,
    /// Contents of data objects, without the tag 53.
    pub objects: BTreeMap<u32, Vec<u8>>,
    /// The certificate of the root above the factory's attestation key; empty until that key is made.
    #[serde(with = "hex")]
    pub root: Vec<u8>,
}

impl Memory {
    /// As it leaves the factory.
    pub fn factory(serial: u32, firmware: Firmware) -> Self {
        Self {
            serial,
            pin: Reference::default_pin(3),
            puk: Reference::default_puk(3),
            management: ManagementKey::factory(firmware),
            keys: BTreeMap::new(),
            objects: BTreeMap::new(),
            root: Vec::new(),
        }
    }

    pub fn load(path: &Path) -> Result<Option<Self>, String> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("'{}': {error}", path.display())),
        };
        serde_json::from_slice(&text).map(Some).map_err(|error| format!("'{}': {error}", path.display()))
    }

    /// Whole or not at all, as a card keeps it.
    pub fn save(&self, path: &Path) -> Result<(), String> {
        let text = serde_json::to_vec_pretty(self).map_err(|error| error.to_string())?;
        let draft = path.with_extension("draft");
        std::fs::write(&draft, text)
            .and_then(|()| std::fs::rename(&draft, path))
            .map_err(|error| format!("'{}': {error}", path.display()))
    }
}
