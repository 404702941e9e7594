//! Sealing: XAES-256-GCM with a random nonce in front, and padding. Spec 6.1.

use super::{RandomError, random_bytes};
use xaes_256_gcm::Xaes256Gcm;
use xaes_256_gcm::aead::{AeadInOut, KeyInit};
use zeroize::Zeroizing;

/// Bytes of the nonce, in front.
pub const NONCE: usize = 24;
/// Bytes of the tag, at the end.
pub const TAG: usize = 16;
/// Smallest padded plaintext, bytes.
const MIN_PADDED: usize = 256;
/// Bytes of the length in front of a padded plaintext.
const LENGTH: usize = 4;

/// The sealed bytes were not made under this key and associated data, or are damaged.
#[derive(Debug, PartialEq, Eq)]
pub struct OpenError;

/// `nonce (24) || ciphertext || tag (16)` of `plaintext` under `aad`.
pub fn seal(key: &[u8; 32], aad: &[&[u8]], plaintext: &[u8]) -> Result<Vec<u8>, RandomError> {
    let nonce: [u8; NONCE] = random_bytes()?;
    let mut out = Vec::with_capacity(NONCE + plaintext.len() + TAG);
    out.extend_from_slice(&nonce);
    out.extend_from_slice(plaintext);
    let cipher = Xaes256Gcm::new(key.into());
    match cipher.encrypt_inout_detached((&nonce).into(), &aad.concat(), (&mut out[NONCE..]).into()) {
        Ok(tag) => out.extend_from_slice(&tag),
        Err(_) => unreachable!("plaintexts are far below the 64 GiB of AES-GCM"),
    }
    Ok(out)
}

/// The plaintext, if key, associated data and every byte are right.
pub fn open(key: &[u8; 32], aad: &[&[u8]], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let body = sealed.len().checked_sub(NONCE + TAG).ok_or(OpenError)?;
    let nonce: &[u8; NONCE] = sealed[..NONCE].try_into().map_err(|_| OpenError)?;
    let tag: &[u8; TAG] = sealed[NONCE + body..].try_into().map_err(|_| OpenError)?;
    let mut plaintext = Zeroizing::new(sealed[NONCE..NONCE + body].to_vec());
    Xaes256Gcm::new(key.into())
        .decrypt_inout_detached(nonce.into(), &aad.concat(), plaintext.as_mut_slice().into(), tag.into())
        .map_err(|_| OpenError)?;
    Ok(plaintext)
}

/// Length to which `len` bytes of content are padded, with the length in front: at most a quarter more than needed, in
/// four steps an octave, so that the length of a sealed item tells little.
fn padded_len(len: usize) -> usize {
    let needed = LENGTH + len;
    if needed <= MIN_PADDED {
        return MIN_PADDED;
    }
    let bits = usize::BITS - (needed - 1).leading_zeros();
    needed.next_multiple_of(1 << (bits - 3))
}

/// Seals the padded form of `content` (at most 16 MiB).
pub fn seal_padded(key: &[u8; 32], aad: &[&[u8]], content: &[u8]) -> Result<Vec<u8>, RandomError> {
    let len = u32::try_from(content.len()).unwrap_or_else(|_| unreachable!("callers bound content to 16 MiB"));
    let total = padded_len(content.len());
    let mut padded = Zeroizing::new(Vec::with_capacity(total));
    padded.extend_from_slice(&len.to_be_bytes());
    padded.extend_from_slice(content);
    padded.resize(total, 0);
    seal(key, aad, &padded)
}

/// Opens what [`seal_padded`] made; a wrong padding is refused like a wrong tag.
pub fn open_padded(key: &[u8; 32], aad: &[&[u8]], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let mut padded = open(key, aad, sealed)?;
    let len: [u8; LENGTH] = padded.get(..LENGTH).and_then(|b| b.try_into().ok()).ok_or(OpenError)?;
    let len = usize::try_from(u32::from_be_bytes(len)).map_err(|_| OpenError)?;
    let end = LENGTH.checked_add(len).filter(|end| *end <= padded.len()).ok_or(OpenError)?;
    if padded_len(len) != padded.len() || padded[end..].iter().any(|b| *b != 0) {
        return Err(OpenError);
    }
    padded.copy_within(LENGTH..end, 0);
    padded.truncate(len);
    Ok(padded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_at_every_length_around_the_steps() {
        for len in (0..700).chain([4091, 4092, 4093, 65532, 65533]) {
            let content = vec![7; len];
            let sealed = seal_padded(&[1; 32], &[b"a", b"b"], &content).unwrap();
            assert_eq!(open_padded(&[1; 32], &[b"ab"], &sealed).unwrap().as_slice(), content, "{len}");
            let overhead = sealed.len() - NONCE - TAG;
            assert!(overhead == 256 || overhead <= (len + 4) * 5 / 4, "{len} became {overhead}");
        }
    }

    #[test]
    fn any_changed_byte_is_found() {
        let sealed = seal_padded(&[1; 32], &[b"aad"], b"content").unwrap();
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert!(open_padded(&[1; 32], &[b"aad"], &bad).is_err(), "{at}");
        }
        assert!(open_padded(&[2; 32], &[b"aad"], &sealed).is_err());
        assert!(open_padded(&[1; 32], &[b"aae"], &sealed).is_err());
        assert!(open_padded(&[1; 32], &[b"aad"], &sealed[..39]).is_err());
    }

    #[test]
    fn wrong_padding_is_refused() {
        let mut text = vec![0; 256];
        text[3] = 2;
        let ok = seal(&[1; 32], &[], &text).unwrap();
        assert_eq!(open_padded(&[1; 32], &[], &ok).unwrap().len(), 2);
        text[255] = 1;
        assert!(open_padded(&[1; 32], &[], &seal(&[1; 32], &[], &text).unwrap()).is_err());
        text[255] = 0;
        text.push(0);
        assert!(open_padded(&[1; 32], &[], &seal(&[1; 32], &[], &text).unwrap()).is_err());
        assert!(open_padded(&[1; 32], &[], &seal(&[1; 32], &[], &[0, 0]).unwrap()).is_err());
        assert!(open_padded(&[1; 32], &[], &seal(&[1; 32], &[], &[255; 256]).unwrap()).is_err());
    }
}
