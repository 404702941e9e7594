//! The header text in a kit: a vault's, byte for byte, or one of its own with chosen keyslots only. Spec 8.2.

use super::fields::Fields;
use super::model::MAX_KEYSLOTS;
use super::{Header, HeaderError, Unverified, Verified, sign};
use crate::encode::hex;
use crate::secret::AccountKey;
use serde_json::{Value, json};

/// The critical field that says: no vault's header. A vault with it is refused.
const FIELD: &str = "!kit";

/// Header writes since a kit was made, more than which nobody believes a damaged header.
const FAR: u64 = 1 << 20;

/// The header text of a kit, not verified.
pub struct KitHeader {
    unverified: Unverified,
    /// The tag of the vault's header that the kit was made from, 32 bytes.
    pub origin: [u8; 32],
    /// How many keyslots that header has, if the kit is not whole.
    pub of: Option<usize>,
}

impl KitHeader {
    /// The text of a kit of these keyslots, at least one, in the header's order. `tag` is the header's own.
    pub fn of_keyslots(header: &Header, tag: &[u8; 32], ids: &[[u8; 16]], account_key: &AccountKey) -> Vec<u8> {
        let mut kit = header.clone();
        kit.keyslots.retain(|slot| ids.contains(&slot.id));
        kit.extra.insert(FIELD.into(), json!({ "tag": hex::encode(tag), "keyslots": header.keyslots.len() }));
        sign(&kit, account_key)
    }

    /// Parses the text under the limits of spec 4.
    pub fn parse(text: &[u8]) -> Result<Self, HeaderError> {
        let unverified = Unverified::parse_knowing(text, &[FIELD])?;
        let Some(value) = unverified.header().extra.get(FIELD) else {
            return Ok(Self { origin: *unverified.tag(), of: None, unverified });
        };
        let (origin, of) = read(value.clone())?;
        Ok(Self { unverified, origin, of: Some(of) })
    }

    /// What the text says, for opening a keyslot.
    pub fn header(&self) -> &Header {
        self.unverified.header()
    }

    /// Checks the tag, as [`Unverified::verify`] does.
    pub fn verify(self, account_key: &AccountKey) -> Result<Verified, HeaderError> {
        self.unverified.verify(account_key)
    }

    /// The generation that a damaged header had, as far as what it says is believed: nothing vouches for it, and one near the end of all
    /// numbers would leave a vault that can hardly be written any more.
    pub fn believed(kit: &Header, said: u64) -> u64 {
        if said <= kit.generation.saturating_add(FAR) { kit.generation.max(said) } else { kit.generation }
    }

    /// The header as a vault may have it, of this generation.
    pub fn complete(kit: &Header, generation: u64) -> Header {
        let mut header = kit.clone();
        header.extra.remove(FIELD);
        header.generation = generation;
        header
    }
}

fn read(value: Value) -> Result<([u8; 32], usize), HeaderError> {
    let mut fields = Fields::new(value, FIELD)?;
    let origin = fields.hex("tag")?;
    let of = fields.number("keyslots", 1, MAX_KEYSLOTS as u64)?;
    Ok((origin, usize::try_from(of).unwrap_or_else(|_| unreachable!("at most 64"))))
}
