//! Sealing to somebody's public key: a fresh X25519 key (RFC 7748), HKDF, XAES-256-GCM. Spec 9.3.
//!
//! Who sealed is not known: anybody can. Only who has the private key opens.

use super::aead::{self, OpenError};
use super::ecdh::{Curve, EcdhError, x25519};
use super::{RandomError, hkdf_sha256, random_secret};
use crate::secret::{AnswerKey, RequestKey};
use zeroize::Zeroizing;

/// A fresh private key.
pub fn new_key() -> Result<RequestKey, RandomError> {
    random_secret().map(RequestKey::new)
}

/// The public key of a private one, 32 bytes.
pub fn public_of(key: &RequestKey) -> [u8; 32] {
    x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(*key.expose())).to_bytes()
}

/// The ephemeral public key (32 bytes) and `nonce || ciphertext || tag`. `context` is bound into key and associated data.
pub fn seal(public: &[u8; 32], context: &[&[u8]], plaintext: &[u8]) -> Result<([u8; 32], Vec<u8>), EcdhError> {
    let agreement = Curve::X25519.agree(public)?;
    let Ok(ephemeral) = <[u8; 32]>::try_from(agreement.ephemeral.as_slice()) else {
        unreachable!("an X25519 point has 32 bytes");
    };
    let key = key_of(&agreement.z, &ephemeral, public, context);
    Ok((ephemeral, aead::seal(key.expose(), context, plaintext)?))
}

/// What was sealed to the public key of `key`, if context and every byte are right.
pub fn open(
    key: &RequestKey,
    ephemeral: &[u8; 32],
    context: &[&[u8]],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let z = x25519(key.expose(), ephemeral).map_err(|_| OpenError)?;
    aead::open(key_of(&z, ephemeral, &public_of(key), context).expose(), context, sealed)
}

/// `HKDF(Z, E || P, context)`: both public keys are bound, as in RFC 9180, 4.1.
fn key_of(z: &[u8], ephemeral: &[u8; 32], public: &[u8; 32], context: &[&[u8]]) -> AnswerKey {
    AnswerKey::new(hkdf_sha256(z, &[ephemeral, public], context))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_and_the_context_open() {
        let (key, other) = (new_key().unwrap(), new_key().unwrap());
        let (ephemeral, sealed) = seal(&public_of(&key), &[b"ab", b"c"], b"mask").unwrap();
        assert_eq!(*open(&key, &ephemeral, &[b"abc"], &sealed).unwrap(), b"mask");
        assert!(open(&other, &ephemeral, &[b"abc"], &sealed).is_err());
        assert!(open(&key, &ephemeral, &[b"abd"], &sealed).is_err());
        assert!(open(&key, &public_of(&other), &[b"abc"], &sealed).is_err());
        assert!(open(&key, &[0; 32], &[b"abc"], &sealed).is_err(), "small order");
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert!(open(&key, &ephemeral, &[b"abc"], &bad).is_err(), "{at}");
        }
        assert!(matches!(seal(&[0; 32], &[], b"x"), Err(EcdhError::BadPoint)), "small order");
    }

    /// RFC 7748, 6.1: Alice's private and public key.
    #[test]
    fn the_public_key_is_that_of_the_rfc() {
        let mut bytes = crate::secret::zeros32();
        let private = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
        crate::encode::hex::decode_into(private, bytes.as_mut_slice()).unwrap();
        let public = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
        assert_eq!(crate::encode::hex::encode(&public_of(&RequestKey::new(bytes))), public);
    }
}
