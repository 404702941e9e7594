//! AES-256-KW (RFC 3394) of the account key (spec 3), and of the key of an item (spec 6.6).

use crate::secret::{AccountKey, Bytes32, ItemKek, ItemKey, KeyslotKek, zeros32};
use aes_kw::{KeyInit, KwAes256};

/// Bytes of a wrapped account key.
pub const WRAPPED: usize = 40;

/// The RFC 3394 check failed: another KEK, or altered bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct UnwrapError;

/// Wraps an account key.
pub fn wrap(kek: &KeyslotKek, account_key: &AccountKey) -> [u8; WRAPPED] {
    wrapped(kek.expose(), account_key.expose())
}

/// Unwraps an account key.
pub fn unwrap(kek: &KeyslotKek, wrapped: &[u8; WRAPPED]) -> Result<AccountKey, UnwrapError> {
    unwrapped(kek.expose(), wrapped).map(AccountKey::new)
}

/// Wraps the key of an item.
pub fn wrap_item_key(kek: &ItemKek, key: &ItemKey) -> [u8; WRAPPED] {
    wrapped(kek.expose(), key.expose())
}

/// Unwraps the key of an item.
pub fn unwrap_item_key(kek: &ItemKek, wrapped: &[u8; WRAPPED]) -> Result<ItemKey, UnwrapError> {
    unwrapped(kek.expose(), wrapped).map(ItemKey::new)
}

fn wrapped(kek: &[u8; 32], key: &[u8; 32]) -> [u8; WRAPPED] {
    let mut out = [0; WRAPPED];
    if KwAes256::new(kek.into()).wrap_key(key, &mut out).is_err() {
        unreachable!("32 bytes is a length of RFC 3394, and the buffer is 8 longer");
    }
    out
}

fn unwrapped(kek: &[u8; 32], wrapped: &[u8; WRAPPED]) -> Result<Bytes32, UnwrapError> {
    let mut out = zeros32();
    KwAes256::new(kek.into()).unwrap_key(wrapped, out.as_mut_slice()).map_err(|_| UnwrapError)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key<const N: usize>(text: &str) -> [u8; N] {
        crate::encode::hex::decode_array(text).unwrap()
    }

    /// RFC 3394, 4.6: 256 bits of key data with a 256-bit KEK.
    #[test]
    fn known_answer() {
        let mut kek = zeros32();
        kek.copy_from_slice(&key::<32>("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"));
        let kek = KeyslotKek::new(kek);
        let mut data = zeros32();
        data.copy_from_slice(&key::<32>("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f"));
        let want = key("28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21");
        assert_eq!(wrap(&kek, &AccountKey::new(data)), want);
        assert_eq!(unwrap(&kek, &want).ok().unwrap().expose()[15], 0xff);
        for at in 0..WRAPPED {
            let mut bad = want;
            bad[at] ^= 0x80;
            assert!(unwrap(&kek, &bad).is_err(), "{at}");
        }
    }
}
