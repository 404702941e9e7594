//! Signatures of certificates (RFC 5280): checking those of others, RSASSA-PKCS1-v1_5 (RFC 8017, 8.2) and ECDSA (FIPS 186-5), and making
//! one with a key that is forgotten at once. Nothing here is secret but that key.

use super::{RandomError, oaep, random_secret};
use p256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use rsa::Pkcs1v15Sign;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// The hash that is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// 32 bytes.
    Sha256,
    /// 48 bytes.
    Sha384,
    /// 64 bytes.
    Sha512,
}

impl Hash {
    /// The hash of a message.
    pub fn of(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }

    /// What stands before the hash in a PKCS#1 v1.5 block: the DigestInfo of RFC 8017, 9.2, note 1.
    fn prefix(self) -> Box<[u8]> {
        let (number, length) = match self {
            Self::Sha256 => (1, 32),
            Self::Sha384 => (2, 48),
            Self::Sha512 => (3, 64),
        };
        let oid = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, number];
        [&[0x30, 17 + length, 0x30, 13, 0x06, 9][..], &oid, &[0x05, 0, 0x04, length]].concat().into()
    }
}

/// A public key that signatures are checked under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verifier<'a> {
    /// Modulus and exponent, big-endian.
    Rsa(&'a [u8], &'a [u8]),
    /// An uncompressed point, 65 bytes.
    P256(&'a [u8]),
    /// An uncompressed point, 97 bytes.
    P384(&'a [u8]),
}

impl Verifier<'_> {
    /// Whether the signature (RSA: as long as the modulus; ECDSA: DER) is of this message. A key that is none, or an RSA key below
    /// 2048 bits, has signed nothing.
    pub fn has_signed(self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        let digest = hash.of(message);
        match self {
            Self::Rsa(modulus, exponent) => {
                let padding = Pkcs1v15Sign { hash_len: Some(digest.len()), prefix: hash.prefix() };
                oaep::public_key(modulus, exponent).is_ok_and(|key| key.verify(padding, &digest, signature).is_ok())
            }
            Self::P256(point) => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point);
                let signature = p256::ecdsa::Signature::from_der(signature);
                matches!((key, signature), (Ok(key), Ok(signature)) if key.verify_prehash(&digest, &signature).is_ok())
            }
            Self::P384(point) => {
                let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(point);
                let signature = p384::ecdsa::Signature::from_der(signature);
                matches!((key, signature), (Ok(key), Ok(signature)) if key.verify_prehash(&digest, &signature).is_ok())
            }
        }
    }
}

/// A signature by a new P-256 key that nobody has afterwards: ECDSA with SHA-256, DER.
pub fn sign_once(message: &[u8]) -> Result<Vec<u8>, RandomError> {
    loop {
        let secret = random_secret()?;
        // Zero, or the group order and above, which comes up once in 2^32: drawn again.
        let Ok(key) = p256::ecdsa::SigningKey::from_slice(secret.as_slice()) else { continue };
        let signature: Result<p256::ecdsa::Signature, _> = key.sign_prehash(&Hash::Sha256.of(message));
        if let Ok(signature) = signature {
            return Ok(signature.to_der().as_bytes().to_vec());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        crate::encode::hex::decode(text).unwrap()
    }

    #[test]
    fn p256_known_answer() {
        // RFC 6979, A.2.5: SHA-256, message "sample"
        let point = unhex(
            "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6\
             7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
        );
        let signature = unhex(
            "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
             022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        );
        let key = Verifier::P256(&point);
        assert!(key.has_signed(Hash::Sha256, b"sample", &signature));
        assert!(!key.has_signed(Hash::Sha256, b"simple", &signature));
        assert!(!key.has_signed(Hash::Sha384, b"sample", &signature));
        assert!(!Verifier::P256(&point[..64]).has_signed(Hash::Sha256, b"sample", &signature));
        for at in 0..signature.len() {
            let mut bad = signature.clone();
            bad[at] ^= 1;
            assert!(!key.has_signed(Hash::Sha256, b"sample", &bad), "byte {at}");
        }
        assert!(!key.has_signed(Hash::Sha256, b"sample", &[]));
    }

    #[test]
    fn p384_known_answer() {
        // RFC 6979, A.2.6: SHA-384, message "sample"
        let point = unhex(
            "04ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13\
             8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720",
        );
        let signature = unhex(
            "306602310094edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46\
             02310099ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8",
        );
        assert!(Verifier::P384(&point).has_signed(Hash::Sha384, b"sample", &signature));
        assert!(!Verifier::P384(&point).has_signed(Hash::Sha384, b"simple", &signature));
    }

    #[test]
    fn rsa_signatures_are_checked_whole() {
        use rsa::traits::PublicKeyParts;
        let key = rsa::RsaPrivateKey::from_p_q(
            rsa::BigUint::from_bytes_be(&unhex(PRIME_P)),
            rsa::BigUint::from_bytes_be(&unhex(PRIME_Q)),
            65_537_u32.into(),
        )
        .unwrap();
        let (modulus, exponent) = (key.n().to_bytes_be(), key.e().to_bytes_be());
        let verifier = Verifier::Rsa(&modulus, &exponent);
        for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            let padding = Pkcs1v15Sign { hash_len: None, prefix: hash.prefix() };
            let signature = key.sign(padding, &hash.of(b"sample")).unwrap();
            assert!(verifier.has_signed(hash, b"sample", &signature));
            assert!(!verifier.has_signed(hash, b"simple", &signature));
            assert!(!verifier.has_signed(hash, b"sample", &signature[1..]));
        }
        // A hash without its DigestInfo is no signature by that hash.
        let bare = key.sign(Pkcs1v15Sign::new_unprefixed(), &Hash::Sha256.of(b"sample")).unwrap();
        assert!(!verifier.has_signed(Hash::Sha256, b"sample", &bare));
        assert!(!Verifier::Rsa(&[0xff; 64], &exponent).has_signed(Hash::Sha256, b"sample", &[1; 64]), "512 bits");
    }

    #[test]
    fn the_digest_info_is_that_of_rfc_8017() {
        assert_eq!(*Hash::Sha256.prefix(), unhex("3031300d060960864801650304020105000420")[..]);
        assert_eq!(*Hash::Sha384.prefix(), unhex("3041300d060960864801650304020205000430")[..]);
        assert_eq!(*Hash::Sha512.prefix(), unhex("3051300d060960864801650304020305000440")[..]);
    }

    #[test]
    fn a_signature_by_a_key_that_is_gone_has_its_form() {
        let signature = sign_once(b"x").unwrap();
        assert!(p256::ecdsa::Signature::from_der(&signature).is_ok());
        assert_ne!(signature, sign_once(b"x").unwrap());
    }

    const PRIME_P: &str = "\
        faf98f837799cc29e70e0a81bc8c5a793ac113d23e9093eace4c69bc0bd37bf5ae9e5123a899787206896ac8825fe053\
        ef1fdeefea77c978fc1669310dd155341f89baeb7de36b461d8739b461c697365f1af3f9678cff8db1f3756632fcc01e\
        45a267c4f968d1808f593183ef7f22afae978242338e6c2bbebb61e83f2b3b95";

    const PRIME_Q: &str = "\
        f71251cddb30ad16e7672eb8703c75a34b1f2013cfe250c8de41648f545ba9925a62e523ed77a00ca20a2d69690d09ce\
        0d4267109bd3204551b32b938f984eada963a18806a04ebe20eaad73c9dfc59470ba6f743ca20f2d6e9d29b279d9ff8c\
        ed25ec0619ed16efba5768859c3ca5174c1e0267e40430e0c4028355a9cfe76d";
}
