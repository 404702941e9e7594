//! Private keys: made, and used.

use crate::algorithm::Algorithm;
use crate::apdu::{Answer, Sw, tlv};
use p256::ecdsa::signature::hazmat::PrehashSigner;
use p256::elliptic_curve::sec1::ToSec1Point;
use rsa::rand_core;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{BigUint, RsaPrivateKey};

/// The operating system's generator as the `rsa` crate wants it.
struct SystemRng;

impl rand_core::RngCore for SystemRng {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the system has randomness");
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl rand_core::CryptoRng for SystemRng {}

/// Random bytes.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes
}

/// A private key ready for use.
pub enum PrivateKey {
    Rsa(Box<RsaPrivateKey>),
    P256(p256::SecretKey),
    P384(p384::SecretKey),
    X25519(x25519_dalek::StaticSecret),
}

impl PrivateKey {
    pub fn generate(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Rsa(bits) => Self::Rsa(Box::new(
                RsaPrivateKey::new(&mut SystemRng, usize::from(bits)).expect("an RSA key can be made"),
            )),
            Algorithm::P256 => Self::P256(loop {
                if let Ok(key) = p256::SecretKey::from_slice(&random::<32>()) {
                    break key;
                }
            }),
            Algorithm::P384 => Self::P384(loop {
                if let Ok(key) = p384::SecretKey::from_slice(&random::<48>()) {
                    break key;
                }
            }),
            Algorithm::X25519 => Self::X25519(random::<32>().into()),
        }
    }

    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa(key) => Algorithm::Rsa(u16::try_from(key.size() * 8).expect("no key is that long")),
            Self::P256(_) => Algorithm::P256,
            Self::P384(_) => Algorithm::P384,
            Self::X25519(_) => Algorithm::X25519,
        }
    }

    /// As [`Self::secret`] gave it, or as somebody imports it.
    pub fn from_secret(algorithm: Algorithm, secret: &[u8]) -> Option<Self> {
        Some(match algorithm {
            Algorithm::Rsa(bits) => {
                let (p, q) = secret.split_at_checked(usize::from(bits) / 16)?;
                let primes = (BigUint::from_bytes_be(p), BigUint::from_bytes_be(q));
                let key = RsaPrivateKey::from_p_q(primes.0, primes.1, 65537_u32.into()).ok()?;
                if key.size() != usize::from(bits) / 8 {
                    return None;
                }
                Self::Rsa(Box::new(key))
            }
            Algorithm::P256 => Self::P256(p256::SecretKey::from_slice(secret).ok()?),
            Algorithm::P384 => Self::P384(p384::SecretKey::from_slice(secret).ok()?),
            Algorithm::X25519 => Self::X25519(<[u8; 32]>::try_from(secret).ok()?.into()),
        })
    }

    /// The scalar; for RSA the two primes, each half as long as the modulus.
    pub fn secret(&self) -> Vec<u8> {
        match self {
            Self::Rsa(key) => key.primes().iter().flat_map(|prime| padded(prime, key.size() / 2)).collect(),
            Self::P256(key) => key.to_bytes().to_vec(),
            Self::P384(key) => key.to_bytes().to_vec(),
            Self::X25519(key) => key.to_bytes().to_vec(),
        }
    }

    /// The uncompressed point, the u-coordinate, or the modulus.
    pub fn public(&self) -> Vec<u8> {
        match self {
            Self::Rsa(key) => padded(key.n(), key.size()),
            Self::P256(key) => key.public_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::P384(key) => key.public_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::X25519(key) => x25519_dalek::PublicKey::from(key).as_bytes().to_vec(),
        }
    }

    /// The public key in the tags of GENERATE and of METADATA.
    pub fn public_tlv(&self) -> Vec<u8> {
        match self {
            Self::Rsa(_) => [tlv(0x81, &self.public()), tlv(0x82, &[1, 0, 1])].concat(),
            _ => tlv(0x86, &self.public()),
        }
    }

    /// ECDH: the shared x-coordinate, or 32 bytes of X25519.
    pub fn agree(&self, peer: &[u8]) -> Answer {
        match self {
            Self::P256(key) => {
                let peer = p256::PublicKey::from_sec1_bytes(peer).map_err(|_| Sw::WRONG_DATA)?;
                Ok(key.diffie_hellman(&peer).raw_secret_bytes().to_vec())
            }
            Self::P384(key) => {
                let peer = p384::PublicKey::from_sec1_bytes(peer).map_err(|_| Sw::WRONG_DATA)?;
                Ok(key.diffie_hellman(&peer).raw_secret_bytes().to_vec())
            }
            Self::X25519(key) => {
                let peer = <[u8; 32]>::try_from(peer).map_err(|_| Sw::WRONG_DATA)?;
                Ok(key.diffie_hellman(&peer.into()).as_bytes().to_vec())
            }
            Self::Rsa(_) => Err(Sw::WRONG_DATA),
        }
    }

    /// What a challenge becomes: an ECDSA signature (DER) of a hash, or the raw RSA operation.
    pub fn apply(&self, challenge: &[u8]) -> Answer {
        match self {
            Self::P256(key) => {
                let signature: Result<p256::ecdsa::Signature, _> =
                    p256::ecdsa::SigningKey::from(key).sign_prehash(challenge);
                Ok(signature.map_err(|_| Sw::WRONG_DATA)?.to_der().as_bytes().to_vec())
            }
            Self::P384(key) => {
                let signature: Result<p384::ecdsa::Signature, _> =
                    p384::ecdsa::SigningKey::from(key).sign_prehash(challenge);
                Ok(signature.map_err(|_| Sw::WRONG_DATA)?.to_der().as_bytes().to_vec())
            }
            Self::Rsa(key) if challenge.len() == key.size() => {
                let number = BigUint::from_bytes_be(challenge);
                if number >= *key.n() {
                    return Err(Sw::WRONG_DATA);
                }
                Ok(padded(&number.modpow(key.d(), key.n()), key.size()))
            }
            Self::Rsa(_) | Self::X25519(_) => Err(Sw::WRONG_DATA),
        }
    }
}

fn padded(number: &BigUint, length: usize) -> Vec<u8> {
    let bytes = number.to_bytes_be();
    [vec![0; length - bytes.len()], bytes].concat()
}
