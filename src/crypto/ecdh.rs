//! Ephemeral ECDH against a token's public key, software side (SP 800-56A 5.7.1.2, RFC 7748). Spec 5.3, 5.4.
//!
//! Points are checked before anything is computed with them: an invalid-curve point would make the token, or us, give
//! away parts of a private key.

use super::{RandomError, random_secret};
use elliptic_curve::{CurveArithmetic, PublicKey, SecretKey};
use p256::elliptic_curve::{self, AffinePoint, FieldBytesSize, sec1};
use zeroize::Zeroizing;

/// The curves of spec 5.3 and 5.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// NIST P-256: points of 65 bytes, shared secret of 32.
    P256,
    /// NIST P-384: points of 97 bytes, shared secret of 48.
    P384,
    /// X25519: points of 32 bytes, shared secret of 32.
    X25519,
}

/// Why no shared secret came out.
#[derive(Debug, PartialEq, Eq)]
pub enum EcdhError {
    /// Not an uncompressed point of the curve, the identity, or an X25519 point of small order.
    BadPoint,
    /// No randomness for the ephemeral key.
    Random(RandomError),
}

impl std::fmt::Display for EcdhError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BadPoint => f.write_str("the public key is not a valid point of its curve"),
            Self::Random(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for EcdhError {}

impl From<RandomError> for EcdhError {
    fn from(error: RandomError) -> Self {
        Self::Random(error)
    }
}

/// What an ephemeral key and a token's public key give.
pub struct Agreement {
    /// The ephemeral public point: uncompressed (65 or 97 bytes), or 32 bytes for X25519.
    pub ephemeral: Vec<u8>,
    /// `Z`: the x-coordinate (32 or 48 bytes), or the X25519 output (32 bytes).
    pub z: Zeroizing<Vec<u8>>,
}

impl Curve {
    /// Bytes of a public point.
    pub fn point_len(self) -> usize {
        match self {
            Self::P256 => 65,
            Self::P384 => 97,
            Self::X25519 => 32,
        }
    }

    /// Bytes of the shared secret.
    pub fn secret_len(self) -> usize {
        match self {
            Self::P256 | Self::X25519 => 32,
            Self::P384 => 48,
        }
    }

    /// Whether these bytes are a point one may compute with: right length, on the curve, not the identity; for X25519 not of small
    /// order.
    pub fn check_point(self, point: &[u8]) -> Result<(), EcdhError> {
        match self {
            Self::P256 => sec1_point::<p256::NistP256>(self, point).map(drop),
            Self::P384 => sec1_point::<p384::NistP384>(self, point).map(drop),
            // Any scalar shows small order, since clamping makes all of them multiples of the cofactor (RFC 7748, 6.1).
            Self::X25519 => x25519(&[1; 32], point).map(drop),
        }
    }

    /// A fresh ephemeral key against `public`, the point of the token's key.
    pub fn agree(self, public: &[u8]) -> Result<Agreement, EcdhError> {
        match self {
            Self::P256 => sec1_agree::<p256::NistP256>(self, public),
            Self::P384 => sec1_agree::<p384::NistP384>(self, public),
            Self::X25519 => {
                let secret = random_secret()?;
                let z = x25519(&secret, public)?;
                let own = x25519_dalek::StaticSecret::from(**secret);
                let ephemeral = x25519_dalek::PublicKey::from(&own).to_bytes().to_vec();
                Ok(Agreement { ephemeral, z })
            }
        }
    }
}

/// X25519 (RFC 7748); a public point of small order is refused.
pub(super) fn x25519(secret: &[u8; 32], public: &[u8]) -> Result<Zeroizing<Vec<u8>>, EcdhError> {
    let public: [u8; 32] = public.try_into().map_err(|_| EcdhError::BadPoint)?;
    let shared = x25519_dalek::StaticSecret::from(*secret).diffie_hellman(&public.into());
    if !shared.was_contributory() {
        return Err(EcdhError::BadPoint);
    }
    Ok(Zeroizing::new(shared.as_bytes().to_vec()))
}

fn sec1_point<C>(curve: Curve, point: &[u8]) -> Result<PublicKey<C>, EcdhError>
where
    C: CurveArithmetic,
    AffinePoint<C>: sec1::FromSec1Point<C> + sec1::ToSec1Point<C>,
    FieldBytesSize<C>: sec1::ModulusSize,
{
    // The length excludes the compressed form and the one byte of the identity; the tag 4 excludes the hybrid form.
    if point.len() != curve.point_len() || point[0] != 4 {
        return Err(EcdhError::BadPoint);
    }
    PublicKey::<C>::from_sec1_bytes(point).map_err(|_| EcdhError::BadPoint)
}

fn sec1_agree<C>(curve: Curve, public: &[u8]) -> Result<Agreement, EcdhError>
where
    C: CurveArithmetic,
    AffinePoint<C>: sec1::FromSec1Point<C> + sec1::ToSec1Point<C>,
    FieldBytesSize<C>: sec1::ModulusSize,
{
    let public = sec1_point::<C>(curve, public)?;
    let own = sec1_secret::<C>(curve)?;
    let shared = own.diffie_hellman(&public);
    let z = Zeroizing::new(shared.raw_secret_bytes().to_vec());
    let ephemeral = sec1::ToSec1Point::to_sec1_point(&own.public_key(), false).as_bytes().to_vec();
    Ok(Agreement { ephemeral, z })
}

/// A uniform scalar by rejection (FIPS 186-5, A.2.2): bytes of zero or of the group order and above are drawn again.
fn sec1_secret<C: CurveArithmetic>(curve: Curve) -> Result<SecretKey<C>, EcdhError> {
    let mut bytes = Zeroizing::new(vec![0; curve.secret_len()]);
    loop {
        getrandom::fill(&mut bytes).map_err(|_| RandomError)?;
        if let Ok(secret) = SecretKey::<C>::from_slice(&bytes) {
            return Ok(secret);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// X25519 with a private key that a test knows, as its token.
    pub(crate) fn x25519_of(private: &[u8; 32], point: &[u8; 32]) -> Zeroizing<Vec<u8>> {
        x25519(private, point).unwrap()
    }

    fn unhex(text: &str) -> Vec<u8> {
        crate::encode::hex::decode(text).unwrap()
    }

    #[test]
    fn both_sides_agree() {
        let token = p256::SecretKey::from_slice(&[7; 32]).unwrap();
        let public = token.public_key().to_sec1_bytes();
        let ours = Curve::P256.agree(&public).unwrap();
        let point = p256::PublicKey::from_sec1_bytes(&ours.ephemeral).unwrap();
        assert_eq!(ours.z.as_slice(), token.diffie_hellman(&point).raw_secret_bytes().as_slice());

        let token = p384::SecretKey::from_slice(&[7; 48]).unwrap();
        let public = token.public_key().to_sec1_bytes();
        let ours = Curve::P384.agree(&public).unwrap();
        let point = p384::PublicKey::from_sec1_bytes(&ours.ephemeral).unwrap();
        assert_eq!(ours.z.as_slice(), token.diffie_hellman(&point).raw_secret_bytes().as_slice());

        let token = x25519_dalek::StaticSecret::from([7; 32]);
        let ours = Curve::X25519.agree(x25519_dalek::PublicKey::from(&token).as_bytes()).unwrap();
        let point: [u8; 32] = ours.ephemeral.as_slice().try_into().unwrap();
        assert_eq!(ours.z.as_slice(), token.diffie_hellman(&point.into()).as_bytes());
    }

    #[test]
    fn x25519_known_answer() {
        // RFC 7748, 5.2, first vector
        let scalar = unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
        let point = unhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
        let z = x25519(scalar[..].try_into().unwrap(), &point).unwrap();
        assert_eq!(*z, unhex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"));
    }

    #[test]
    fn refuses_points_that_are_none() {
        let good = p256::SecretKey::from_slice(&[7; 32]).unwrap().public_key().to_sec1_bytes().to_vec();
        assert_eq!(Curve::P256.check_point(&good), Ok(()));
        let mut off_curve = good.clone();
        off_curve[64] ^= 1;
        let mut compressed = good[..33].to_vec();
        compressed[0] = 2;
        let mut hybrid = good.clone();
        hybrid[0] = 6 | (good[64] & 1);
        for bad in [&off_curve, &compressed, &hybrid, &vec![0; 65], &vec![0], &vec![], &good[..64].to_vec()] {
            assert_eq!(Curve::P256.check_point(bad), Err(EcdhError::BadPoint), "{bad:02x?}");
            assert!(Curve::P256.agree(bad).is_err());
            assert!(Curve::P384.check_point(bad).is_err());
        }
    }

    #[test]
    fn refuses_x25519_points_of_small_order() {
        let order_8 = unhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");
        let mut one = vec![0; 32];
        one[0] = 1;
        for bad in [&vec![0; 32], &one, &order_8, &vec![9; 31]] {
            assert_eq!(Curve::X25519.check_point(bad), Err(EcdhError::BadPoint));
            assert!(Curve::X25519.agree(bad).is_err());
        }
    }
}
