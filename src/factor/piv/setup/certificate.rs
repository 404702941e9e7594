//! The certificate that stands beside a key on the token, so that other programs see what the key is for: `ykman`, `yubico-piv-tool` and
//! OpenSC list a PIV slot by its certificate, and firmware before 5.3 shows a public key no other way.
//!
//! It is signed by the key itself, which proves that the token has the private half. An X25519 key cannot sign. Its certificate is
//! signed by a key that is made for this and forgotten: it names the key as the others do, and proves nothing. Nobody checks either.

use super::super::der::{
    BIT_STRING, BOOLEAN, CONTEXT_0, CONTEXT_3, Der, GENERALIZED_TIME, INTEGER, OCTET_STRING, OID, SEQUENCE, SET,
    UTC_TIME, UTF8, element,
};
use super::super::params::Mode;
use super::super::public::PublicKey;
use super::super::slot::PivSlot;
use super::super::x509::{COMMON_NAME, Certificate, ECDSA_SHA256, ECDSA_SHA384, ORGANIZATION, UNIT};
use crate::crypto::signature::Hash;
use std::time::SystemTime;

/// What stands as the organization in certificates of ours.
const PROGRAM: &str = "twinlock";
/// 2.5.29.15, key usage.
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
/// Bit 4, keyAgreement (RFC 5280, 4.2.1.3).
const KEY_AGREEMENT: &[u8] = &[0x03, 0x08];
/// "No well-defined expiration date" (RFC 5280, 4.1.2.5).
const NEVER: &[u8] = b"99991231235959Z";

/// What a certificate says.
pub struct Content<'a> {
    /// Serial number of the token.
    pub serial: u32,
    /// What its owner calls it; at most 64 characters.
    pub name: Option<&'a str>,
    /// The key's mode.
    pub mode: Mode,
    /// The key, checked.
    pub point: &'a [u8],
    /// Number of the certificate, random.
    pub number: [u8; 16],
    /// When it was made.
    pub now: SystemTime,
}

impl Content<'_> {
    /// What is to be signed.
    pub fn body(&self) -> Vec<u8> {
        let subject = name(&format!("{PROGRAM} YubiKey {}", self.serial), self.name);
        let issuer =
            if self.signs_itself() { subject.clone() } else { name(&format!("{PROGRAM}: a key that is gone"), None) };
        // A positive number without leading zeros.
        let mut number = self.number;
        number[0] = number[0] & 0x7f | 0x40;
        let usage = [
            element(OID, KEY_USAGE),
            element(BOOLEAN, &[0xff]),
            element(OCTET_STRING, &element(BIT_STRING, KEY_AGREEMENT)),
        ];
        element(
            SEQUENCE,
            &[
                element(CONTEXT_0, &element(INTEGER, &[2])),
                element(INTEGER, &number),
                self.algorithm(),
                issuer,
                element(SEQUENCE, &[time(self.now), element(GENERALIZED_TIME, NEVER)].concat()),
                subject,
                PublicKey::info(self.mode, self.point),
                element(CONTEXT_3, &element(SEQUENCE, &element(SEQUENCE, &usage.concat()))),
            ]
            .concat(),
        )
    }

    /// Whether the key can sign its certificate.
    pub fn signs_itself(&self) -> bool {
        self.mode != Mode::EcdhX25519
    }

    /// The hash that is signed.
    pub fn hash(&self) -> Hash {
        if self.mode == Mode::EcdhP384 { Hash::Sha384 } else { Hash::Sha256 }
    }

    fn algorithm(&self) -> Vec<u8> {
        let oid = if self.hash() == Hash::Sha384 { ECDSA_SHA384 } else { ECDSA_SHA256 };
        element(SEQUENCE, &element(OID, oid))
    }

    /// The certificate, DER. `body` is that of [`Content::body`], `signature` DER.
    pub fn signed(&self, body: &[u8], signature: &[u8]) -> Vec<u8> {
        let signature = element(BIT_STRING, &[&[0], signature].concat());
        element(SEQUENCE, &[body, &self.algorithm(), &signature].concat())
    }
}

/// A certificate as its data object holds it: 70 certificate, 71 not packed, FE nothing (SP 800-73-4 part 1, appendix A).
pub fn object(certificate: &[u8]) -> Vec<u8> {
    [element(0x70, certificate), element(0x71, &[0]), element(0xfe, &[])].concat()
}

/// The Key History object (SP 800-73-4 part 1, 3.3.3), without which OpenSC and others look at no retired PIV slot: how many of them, from
/// 82 on, have a certificate on the card (C1), off it (C2), and where those are (F3). `None`: what is there says so already, or is not
/// understood and is left alone.
pub fn history(there: Option<&[u8]>, slot: PivSlot) -> Option<Vec<u8>> {
    let needed = slot.is_retired().then(|| slot.code() - PivSlot::FIRST_RETIRED.code() + 1)?;
    let mut fields = Der(there.unwrap_or(&[0xc1, 1, 0, 0xc2, 1, 0, 0xfe, 0]));
    let &[before] = fields.take(0xc1)? else { return None };
    (before < needed).then(|| [&[0xc1, 1, needed], fields.0].concat())
}

/// A certificate that this program made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ours {
    /// What the token's owner called it; safe to print.
    pub name: Option<String>,
}

impl Ours {
    /// Whether it is one; anybody can write the like.
    pub fn of(certificate: &Certificate<'_>) -> Option<Self> {
        let ours = certificate.subject(ORGANIZATION).is_some_and(|program| program == PROGRAM);
        ours.then(|| Self { name: certificate.subject(UNIT) })
    }
}

/// The subject of a certificate for a person, safe to print.
pub fn subject(certificate: &Certificate<'_>) -> Option<String> {
    certificate.subject(COMMON_NAME).or_else(|| certificate.subject(ORGANIZATION))
}

fn name(common: &str, unit: Option<&str>) -> Vec<u8> {
    let one = |oid: &[u8], text: &str| {
        element(SET, &element(SEQUENCE, &[element(OID, oid), element(UTF8, text.as_bytes())].concat()))
    };
    let unit = unit.map(|text| one(UNIT, text)).unwrap_or_default();
    element(SEQUENCE, &[one(ORGANIZATION, PROGRAM), unit, one(COMMON_NAME, common)].concat())
}

/// RFC 5280, 4.1.2.5: two digits of the year until 2049, four from then on.
fn time(now: SystemTime) -> Vec<u8> {
    // A clock that was never set may be before the epoch, which the crate takes for a mistake.
    let text = humantime::format_rfc3339_seconds(now.max(SystemTime::UNIX_EPOCH)).to_string();
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).chain([b'Z']).collect();
    if text.as_str() < "2050" { element(UTC_TIME, &digits[2..]) } else { element(GENERALIZED_TIME, &digits) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::ecdh::Curve;
    use crate::crypto::signature::sign_once;
    use std::time::Duration;

    fn made(mode: Mode, name: Option<&str>) -> Vec<u8> {
        // The basepoint of X25519, and an ephemeral key on the others, are points that can be in a certificate.
        let point = match mode.curve() {
            Curve::X25519 => [&[9][..], &[0; 31]].concat(),
            curve => {
                let generator = generator(curve);
                curve.agree(&generator).unwrap().ephemeral
            }
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let content = Content { serial: 12_345_678, name, mode, point: &point, number: [0xff; 16], now };
        let body = content.body();
        content.signed(&body, &sign_once(&body).unwrap())
    }

    /// SEC 2, 2.4.2 and 2.5.1.
    fn generator(curve: Curve) -> Vec<u8> {
        crate::encode::hex::decode(match curve {
            Curve::P256 => {
                "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
                 4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
            }
            _ => {
                "04aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7\
                 3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f"
            }
        })
        .unwrap()
    }

    #[test]
    fn it_says_whose_key_it_is() {
        for mode in Mode::ALL {
            let der = made(mode, Some("Zo\u{eb}"));
            let certificate = Certificate::parse(&der).unwrap();
            assert!(matches!(certificate.public(), Some(PublicKey::Ecdh { mode: found, .. }) if found == mode));
            assert_eq!(subject(&certificate).as_deref(), Some("twinlock YubiKey 12345678"));
            assert_eq!(Ours::of(&certificate), Some(Ours { name: Some("Zo\u{eb}".into()) }));
            assert_eq!(PublicKey::from_certificate(&der), certificate.public());
            // Signed by another key than its own, it is not taken for what it is not.
            assert!(!certificate.is_signed_by(&certificate));
        }
        let der = made(Mode::EcdhP256, None);
        assert_eq!(Ours::of(&Certificate::parse(&der).unwrap()), Some(Ours { name: None }));
    }

    #[test]
    fn what_is_damaged_is_none_and_never_a_panic() {
        let der = made(Mode::EcdhX25519, Some("ada"));
        for length in 0..der.len() {
            assert!(Certificate::parse(&der[..length]).is_none(), "{length}");
        }
        assert!(Certificate::parse(&[&der[..], &[0]].concat()).is_none());
        for at in 0..der.len() {
            for flip in [1, 0x80, 0xff] {
                let mut bad = der.clone();
                bad[at] ^= flip;
                if let Some(certificate) = Certificate::parse(&bad) {
                    let _ = (certificate.public(), subject(&certificate), certificate.is_signed_by(&certificate));
                }
            }
        }
    }

    #[test]
    fn times_have_the_form_of_rfc_5280() {
        let at = |seconds| time(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0)[2..], *b"700101000000Z");
        assert_eq!(at(2_524_607_999)[..2], [UTC_TIME, 13]);
        assert_eq!(at(2_524_608_000)[2..], *b"20500101000000Z");
        assert_eq!(time(SystemTime::UNIX_EPOCH - Duration::from_secs(1))[2..], *b"700101000000Z");
    }

    #[test]
    fn the_key_history_only_grows() {
        let slot = |text: &str| text.parse().unwrap();
        let of = |on_card| vec![0xc1, 1, on_card, 0xc2, 1, 0, 0xfe, 0];
        assert_eq!(history(None, slot("82")), Some(of(1)));
        assert_eq!(history(None, slot("95")), Some(of(20)));
        assert_eq!(history(None, slot("9d")), None, "it is not about that");
        assert_eq!(history(Some(&of(3)), slot("85")), Some(of(4)));
        assert_eq!(history(Some(&of(4)), slot("85")), None);
        let off_card = [0xc1, 1, 1, 0xc2, 1, 2, 0xf3, 2, 7, 7, 0xfe, 0];
        assert_eq!(history(Some(&off_card), slot("83")).unwrap(), [&[0xc1, 1, 2][..], &off_card[3..]].concat());
        for odd in [&[][..], &[0xc1, 2, 0, 0], &[0xc2, 1, 0], &[0xc1, 1]] {
            assert_eq!(history(Some(odd), slot("82")), None, "{odd:02x?} is left alone");
        }
    }
}
