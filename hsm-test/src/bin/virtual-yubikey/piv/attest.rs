//! ATTEST: a certificate that says where a key was made, signed by the key of PIV slot f9, whose certificate a root signed.

use super::Piv;
use crate::algorithm::Algorithm;
use crate::apdu::{Answer, Apdu, Sw, tlv};
use crate::certificate::{Extension, authority, integer, root_authority, sign, yubico};
use crate::keys::PrivateKey;
use crate::memory::Key;

/// The attestation key.
pub(super) const REFERENCE: u8 = 0xf9;
/// The data object with its certificate.
pub(super) const CERTIFICATE: u32 = 0x5f_ff01;
const ROOT_NAME: &str = "Virtual PIV Root CA";
const NAME: &str = "Yubico PIV Attestation";

/// A keychain token with USB-A.
pub(super) const FORM_FACTOR: u8 = 1;

const FIRMWARE: [u8; 10] = yubico(3);
const SERIAL: [u8; 10] = yubico(7);
const POLICIES: [u8; 10] = yubico(8);
const FORM: [u8; 10] = yubico(9);

impl Piv {
    /// Makes what the factory put there, if it was not made yet: RSA keys take their time, and most tests want none.
    pub(super) fn factory_attestation(&mut self) {
        if !self.memory.root.is_empty() {
            return;
        }
        let kind = self.attestation;
        let (root, key) = (PrivateKey::generate(kind), PrivateKey::generate(kind));
        self.memory.root = sign((ROOT_NAME, &root), (ROOT_NAME, &root), &[root_authority()]);
        let firmware = Extension { oid: &FIRMWARE, critical: false, value: self.firmware.0.to_vec() };
        let certificate = sign((ROOT_NAME, &root), (NAME, &key), &[authority(), firmware]);
        let object = [tlv(0x70, &certificate), tlv(0x71, &[0]), tlv(0xfe, &[])].concat();
        self.memory.objects.insert(CERTIFICATE, object);
        let kept =
            Key { algorithm: kind.number(), secret: key.secret(), pin_policy: 1, touch_policy: 1, generated: false };
        self.memory.keys.insert(REFERENCE, kept);
        self.save();
    }

    /// The certificate (DER) of the root that signed the factory's attestation key.
    pub fn root(&mut self) -> Vec<u8> {
        self.factory_attestation();
        self.memory.root.clone()
    }

    pub(super) fn attest(&mut self, apdu: &Apdu) -> Answer {
        let of = apdu.p1;
        if apdu.p2 != 0 || of == REFERENCE {
            return Err(Sw::WRONG_P1P2);
        }
        let signer = self.private_key(REFERENCE)?;
        if matches!(signer.algorithm(), Algorithm::X25519) {
            return Err(Sw::CONDITIONS);
        }
        let key = self.memory.keys.get(&of).filter(|key| key.generated).ok_or(Sw::WRONG_DATA)?;
        let mut extensions = vec![
            Extension { oid: &FIRMWARE, critical: false, value: self.firmware.0.to_vec() },
            Extension { oid: &POLICIES, critical: false, value: vec![key.pin_policy, key.touch_policy] },
        ];
        if self.firmware.serial_in_piv() {
            let serial = integer(&self.serial().to_be_bytes());
            extensions.insert(1, Extension { oid: &SERIAL, critical: false, value: serial });
            extensions.push(Extension { oid: &FORM, critical: false, value: vec![FORM_FACTOR] });
        }
        let subject = format!("YubiKey PIV Attestation {of:02x}");
        let key = self.private_key(of)?;
        Ok(sign((NAME, &signer), (&subject, &key), &extensions))
    }
}
