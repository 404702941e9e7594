//! The header as text, and its MAC. Spec 4.1.

use super::{Header, HeaderError};
use crate::crypto::{Keys, equal, hmac_sha256};
use crate::encode::hex;
use crate::secret::AccountKey;

/// Bytes of a header text, at most.
pub const MAX_TEXT: usize = 1 << 20;
/// Between body and tag.
const SEPARATOR: &str = "\n---";
/// `SEPARATOR`, a space, 64 digits, a newline.
const TAIL: usize = SEPARATOR.len() + 1 + 64 + 1;

/// A header as the file has it. Good for opening a keyslot and for being shown with a warning, for nothing else.
pub struct Unverified {
    header: Header,
    signed: Vec<u8>,
    tag: [u8; 32],
}

/// A header whose every byte the account key vouches for, and the vault's keys. Only [`Unverified::verify`] makes one: nobody
/// else can fill the private field.
#[allow(clippy::manual_non_exhaustive, reason = "`non_exhaustive` would let the rest of this crate make one")]
pub struct Verified {
    /// The header.
    pub header: Header,
    /// The vault's keys.
    pub keys: Keys,
    /// The 32 bytes that close the text; the manifest is bound to them.
    pub tag: [u8; 32],
    _proof: (),
}

impl Unverified {
    /// Splits and parses a header text under the limits of spec 4.
    pub fn parse(text: &[u8]) -> Result<Self, HeaderError> {
        Self::parse_knowing(text, &[])
    }

    /// The same where critical fields of these names may stand.
    pub(super) fn parse_knowing(text: &[u8], known: &[&str]) -> Result<Self, HeaderError> {
        let bad = |why: &str| HeaderError::Malformed(format!("header: {why}"));
        if text.len() > MAX_TEXT {
            return Err(bad("longer than 1 MiB"));
        }
        let text = std::str::from_utf8(text).map_err(|_| bad("not UTF-8"))?;
        let split = text.len().checked_sub(TAIL).ok_or_else(|| bad("too short"))?;
        if !text.is_char_boundary(split) || !text[split..].starts_with(SEPARATOR) {
            return Err(bad("does not end in '---' and a tag"));
        }
        let (body, tail) = text.split_at(split);
        let tag = tail[SEPARATOR.len()..].strip_prefix(' ').and_then(|rest| rest.strip_suffix('\n'));
        let tag = hex::decode_array(tag.ok_or_else(|| bad("does not end in '---' and a tag"))?)
            .map_err(|error| bad(&format!("tag: {error}")))?;
        if !body.starts_with('{') || !body.ends_with('}') {
            return Err(bad("not one object"));
        }
        let signed = text.as_bytes()[..split + SEPARATOR.len()].to_vec();
        Ok(Self { header: Header::read(body, known)?, signed, tag })
    }

    /// The tag that the text ends in; whether it is right is not known yet.
    pub fn tag(&self) -> &[u8; 32] {
        &self.tag
    }

    /// What the file says, for opening a keyslot.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Checks the tag over every byte under the account key, and only then gives keys.
    pub fn verify(self, account_key: &AccountKey) -> Result<Verified, HeaderError> {
        let keys = Keys::derive(account_key, &self.header.vault_id);
        if !equal(&hmac_sha256(keys.header.expose(), &[&self.signed]), &self.tag) {
            return Err(HeaderError::Tag);
        }
        Ok(Verified { header: self.header, keys, tag: self.tag, _proof: () })
    }
}

/// The tag at the end of a text that may be damaged otherwise.
pub fn last_tag(text: &[u8]) -> Option<[u8; 32]> {
    let tail = text.get(text.len().checked_sub(TAIL)?..)?;
    let digits = tail.strip_prefix(SEPARATOR.as_bytes())?.strip_prefix(b" ")?.strip_suffix(b"\n")?;
    hex::decode_array(std::str::from_utf8(digits).ok()?).ok()
}

/// Writes a header as text and closes it with its tag.
pub fn sign(header: &Header, account_key: &AccountKey) -> Vec<u8> {
    let Ok(mut text) = serde_json::to_string_pretty(header) else {
        unreachable!("a header has no map keys but texts, and writes to memory");
    };
    text.push_str(SEPARATOR);
    let keys = Keys::derive(account_key, &header.vault_id);
    let tag = hmac_sha256(keys.header.expose(), &[text.as_bytes()]);
    text.push(' ');
    text.push_str(&hex::encode(&tag));
    text.push('\n');
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::{Keyslot, Stanza};
    use crate::secret::zeros32;
    use serde_json::{Map, json};

    fn key() -> AccountKey {
        AccountKey::new(zeros32())
    }

    fn header() -> Header {
        let stanza = Stanza::new("future-kind", &json!({"x": 1, "y": "é\"\\"}));
        let slot = Keyslot {
            id: [2; 16],
            name: "daily".into(),
            created: "2026-01-01T00:00:00Z".into(),
            threshold: 1,
            nonce: [3; 32],
            wrapped: [4; 40],
            factors: vec![stanza],
            extra: Map::from_iter([("later".into(), json!([1, {"a": true}]))]),
        };
        Header {
            vault_id: [1; 16],
            name: "personal".into(),
            created: "2026-01-01T00:00:00Z".into(),
            epoch: 1,
            generation: 1,
            keyslots: vec![slot],
            extra: Map::from_iter([("later".into(), json!("x"))]),
        }
    }

    #[test]
    fn unknown_fields_and_kinds_survive_a_round_trip() {
        let text = sign(&header(), &key());
        let verified = Unverified::parse(&text).unwrap().verify(&key()).ok().unwrap();
        assert_eq!(verified.header, header());
        assert_eq!(sign(&verified.header, &key()), text);
    }

    #[test]
    fn every_byte_is_covered() {
        let text = sign(&header(), &key());
        for at in 0..text.len() {
            let mut bad = text.clone();
            bad[at] ^= 1;
            let refused = Unverified::parse(&bad).and_then(|u| u.verify(&key()).map(|_| ()));
            assert!(refused.is_err(), "byte {at} can be changed");
        }
        for bad in [&text[1..], &text[..text.len() - 1], &[&text[..], b"\n"].concat(), &[b" ", &text[..]].concat()] {
            assert!(Unverified::parse(bad).and_then(|u| u.verify(&key()).map(|_| ())).is_err());
        }
    }

    #[test]
    fn critical_fields_are_refused_where_they_stand() {
        let mut bad = header();
        bad.extra.insert("!new".into(), json!(1));
        assert_eq!(Unverified::parse(&sign(&bad, &key())).err(), Some(HeaderError::Critical("!new".into())));
        let mut bad = header();
        bad.keyslots[0].factors[0].params.insert("!new".into(), json!(1));
        let parsed = Unverified::parse(&sign(&bad, &key())).unwrap();
        assert_eq!(parsed.header().keyslots[0].unknown_critical(), Some("!new"));
    }
}
