//! Every primitive, in the shape the spec uses it. The only folder that names a crypto crate.

pub mod aead;
pub mod argon;
pub mod ecdh;
pub mod keywrap;
pub mod oaep;
pub mod sealed;
pub mod shamir;
pub mod signature;
pub mod wash;

use crate::secret::{AccountKey, Bytes32, EntryKey, HeaderKey, IndexKey, ManifestKey, RecordKey, SetKey, zeros32};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// The operating system gave no randomness.
#[derive(Debug, PartialEq, Eq)]
pub struct RandomError;

impl std::fmt::Display for RandomError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the operating system gave no random numbers")
    }
}

impl std::error::Error for RandomError {}

/// `N` public random bytes from the operating system.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| RandomError)?;
    Ok(bytes)
}

/// 32 secret random bytes from the operating system.
pub fn random_secret() -> Result<Bytes32, RandomError> {
    let mut bytes = zeros32();
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| RandomError)?;
    Ok(bytes)
}

/// HKDF-SHA-256 (RFC 5869) with 32 bytes of output; `salt` and `info` are the concatenation of their parts.
pub fn hkdf_sha256(ikm: &[u8], salt: &[&[u8]], info: &[&[u8]]) -> Bytes32 {
    let mut okm = zeros32();
    // An empty salt is RFC 5869's default, a string of zeros: HMAC pads the empty key to just that.
    if hkdf::Hkdf::<Sha256>::new(Some(&salt.concat()), ikm).expand_multi_info(info, okm.as_mut_slice()).is_err() {
        unreachable!("32 bytes are within the limit of HKDF-SHA-256, 8160 bytes");
    }
    okm
}

/// HMAC-SHA-256 (RFC 2104) over the concatenation of `parts`.
pub fn hmac_sha256(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    HmacKey::new(key).tag(parts)
}

/// An HMAC-SHA-256 key with its two pads absorbed once, for many short messages.
pub struct HmacKey(Hmac<Sha256>);

impl HmacKey {
    /// Absorbs the key.
    pub fn new(key: &[u8; 32]) -> Self {
        match Hmac::new_from_slice(key) {
            Ok(mac) => Self(mac),
            Err(_) => unreachable!("HMAC takes keys of any length"),
        }
    }

    /// The 32-byte tag over the concatenation of `parts`.
    pub fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// SHA-256 of the concatenation of `parts`.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// The check sum of an account key's text form (spec 2), from which two digits are kept.
pub fn account_key_sum(bytes: &[u8; 32]) -> u32 {
    let [a, b, c, d, ..] = sha256(&[b"twinlock/1 account key", bytes]);
    u32::from_be_bytes([a, b, c, d])
}

/// Compares in a time that tells nothing of where they differ.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    subtle::ConstantTimeEq::ct_eq(a, b).into()
}

/// The keys of a vault, each for one use. Spec 2. Only [`crate::header`] makes them, when the header tag is right.
pub struct Keys {
    /// HMAC over the header text.
    pub header: HeaderKey,
    /// Seals items.
    pub record: RecordKey,
    /// Blind index of names.
    pub index: IndexKey,
    /// Seals index entries.
    pub entry: EntryKey,
    /// Leaves of the record set.
    pub set: SetKey,
    /// Seals the manifest.
    pub manifest: ManifestKey,
}

impl Keys {
    /// Derives all keys from the account key and the vault id.
    pub fn derive(account_key: &AccountKey, vault_id: &[u8; 16]) -> Self {
        let key = |info: &str| hkdf_sha256(account_key.expose(), &[vault_id], &[info.as_bytes()]);
        Self {
            header: HeaderKey::new(key("twinlock/1 header")),
            record: RecordKey::new(key("twinlock/1 record")),
            index: IndexKey::new(key("twinlock/1 index")),
            entry: EntryKey::new(key("twinlock/1 entry")),
            set: SetKey::new(key("twinlock/1 set")),
            manifest: ManifestKey::new(key("twinlock/1 manifest")),
        }
    }
}
