//! RSAES-OAEP encryption (RFC 8017, 7.1.1) under a token's public key. Only the public operation: decryption is the token's.

use super::RandomError;
use rsa::rand_core::{self, CryptoRng, RngCore};
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, Oaep, RsaPublicKey};

/// The hash of OAEP and of its MGF1. SHA-1 is not broken in OAEP, but is refused by policy in many places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OaepHash {
    /// SHA-256 in both places.
    Sha256,
    /// SHA-1 in both places.
    Sha1,
}

/// Why nothing was encrypted.
#[derive(Debug, PartialEq, Eq)]
pub enum OaepError {
    /// The modulus is not 2048 to 8192 bits, is even, has leading zero bytes, or the exponent is even or below 3 or above 2^33 - 1.
    BadKey,
    /// The plaintext does not fit the modulus.
    TooLong,
    /// No randomness.
    Random(RandomError),
}

impl std::fmt::Display for OaepError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BadKey => f.write_str("the public key is not an RSA key of 2048 to 8192 bits"),
            Self::TooLong => f.write_str("the plaintext is too long for the RSA key"),
            Self::Random(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for OaepError {}

/// Whether modulus and exponent (big-endian) are a key to encrypt under.
pub fn check_key(modulus: &[u8], exponent: &[u8]) -> Result<(), OaepError> {
    public_key(modulus, exponent).map(drop)
}

/// Encrypts `plaintext` (at most modulus - 2 hashes - 2 bytes), empty label. The result is as long as the modulus.
pub fn encrypt(hash: OaepHash, modulus: &[u8], exponent: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, OaepError> {
    let key = public_key(modulus, exponent)?;
    let padding = match hash {
        OaepHash::Sha256 => Oaep::new::<sha2_010::Sha256>(),
        OaepHash::Sha1 => Oaep::new::<sha1_010::Sha1>(),
    };
    let mut rng = SystemRng { failed: false };
    let sealed = key.encrypt(&mut rng, padding, plaintext);
    if rng.failed {
        return Err(OaepError::Random(RandomError));
    }
    sealed.map_err(|_| OaepError::TooLong)
}

pub(super) fn public_key(modulus: &[u8], exponent: &[u8]) -> Result<RsaPublicKey, OaepError> {
    let sizes = (256..=1024).contains(&modulus.len()) && (1..=8).contains(&exponent.len());
    if !sizes || modulus[0] == 0 || modulus[modulus.len() - 1] & 1 == 0 || exponent[0] == 0 {
        return Err(OaepError::BadKey);
    }
    if modulus.len() == 256 && modulus[0] < 0x80 {
        return Err(OaepError::BadKey);
    }
    let (modulus, exponent) = (BigUint::from_bytes_be(modulus), BigUint::from_bytes_be(exponent));
    let key = RsaPublicKey::new_with_max_size(modulus, exponent, 8192).map_err(|_| OaepError::BadKey)?;
    // An exponent of 1 would be the plaintext in clear.
    if *key.e() < BigUint::from(3_u8) { Err(OaepError::BadKey) } else { Ok(key) }
}

/// The operating system's generator, as the trait of an older generation wants it. That trait cannot report a failure, so it is
/// remembered here and asked for before the result is used.
struct SystemRng {
    failed: bool,
}

impl RngCore for SystemRng {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.failed |= getrandom::fill(bytes).is_err();
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for SystemRng {}

#[cfg(test)]
mod tests {
    use super::*;
    use rsa::RsaPrivateKey;

    #[test]
    fn the_private_key_opens_it() {
        let private = RsaPrivateKey::new(&mut SystemRng { failed: false }, 2048).unwrap();
        let (n, e) = (private.n().to_bytes_be(), private.e().to_bytes_be());
        for (hash, padding) in
            [(OaepHash::Sha256, Oaep::new::<sha2_010::Sha256>()), (OaepHash::Sha1, Oaep::new::<sha1_010::Sha1>())]
        {
            let sealed = encrypt(hash, &n, &e, b"thirty-two bytes of secret value").unwrap();
            assert_eq!(sealed.len(), 256);
            assert_eq!(private.decrypt(padding, &sealed).unwrap(), b"thirty-two bytes of secret value");
        }
        assert_eq!(encrypt(OaepHash::Sha256, &n, &e, &[0; 191]), Err(OaepError::TooLong));
    }

    #[test]
    fn refuses_keys_that_are_none() {
        let mut good = vec![0xff; 256];
        assert_eq!(check_key(&good, &[1, 0, 1]), Ok(()));
        for exponent in [&[][..], &[0], &[1], &[2], &[4], &[0, 1, 0, 1], &[1; 9]] {
            assert_eq!(check_key(&good, exponent), Err(OaepError::BadKey), "{exponent:?}");
        }
        assert_eq!(check_key(&good[..255], &[3]), Err(OaepError::BadKey), "short");
        assert_eq!(check_key(&[0xff; 1025], &[3]), Err(OaepError::BadKey), "long");
        good[255] = 0xfe;
        assert_eq!(check_key(&good, &[3]), Err(OaepError::BadKey), "even");
        good[255] = 0xff;
        good[0] = 0;
        assert_eq!(check_key(&good, &[3]), Err(OaepError::BadKey), "leading zero");
    }
}
