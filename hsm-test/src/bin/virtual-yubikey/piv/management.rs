//! The management key: proof of it, in one direction or in both.

use super::Piv;
use crate::algorithm::Management;
use crate::apdu::{Answer, Apdu, Sw, parse_tlvs, tlv};
use crate::desk::Touch;
use crate::keys::random;
use crate::memory::ManagementKey;

/// What the card waits for.
pub(super) enum Challenge {
    /// This challenge, encrypted.
    Single(Vec<u8>),
    /// This witness, that went out encrypted.
    Mutual(Vec<u8>),
}

impl Piv {
    /// GENERAL AUTHENTICATE with the management key.
    pub(super) fn prove(&mut self, apdu: &Apdu, tags: &[(u16, &[u8])]) -> Answer {
        let cipher = Management::from_number(self.memory.management.algorithm, self.firmware)
            .expect("the card's own management key is of a kind that it has");
        // 00 is an old number for 3DES.
        let asked = if apdu.p1 == 0 { 0x03 } else { apdu.p1 };
        if asked != cipher.number() {
            return Err(Sw::WRONG_DATA);
        }
        let key = self.memory.management.value.clone();
        let block = random::<16>()[..cipher.block_length()].to_vec();
        let pending = self.challenge.take();
        let tag = |wanted: u16| tags.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
        let length = cipher.block_length();
        match (tag(0x80), tag(0x81), tag(0x82)) {
            (Some([]), None, _) => {
                let hidden = cipher.block(&key, &block, true);
                self.challenge = Some(Challenge::Mutual(block));
                Ok(tlv(0x7c, &tlv(0x80, &hidden)))
            }
            (None, Some([]), _) => {
                self.challenge = Some(Challenge::Single(block.clone()));
                Ok(tlv(0x7c, &tlv(0x81, &block)))
            }
            (Some(witness), Some(theirs), _) if theirs.len() == length => {
                match pending {
                    Some(Challenge::Mutual(ours)) if ours == witness => {}
                    _ => return Err(Sw::NOT_ALLOWED),
                }
                self.touch_for_management()?;
                self.managed = true;
                Ok(tlv(0x7c, &tlv(0x82, &cipher.block(&key, theirs, true))))
            }
            (None, None, Some(answer)) => {
                match pending {
                    Some(Challenge::Single(ours)) if cipher.block(&key, &ours, true) == answer => {}
                    _ => return Err(Sw::NOT_ALLOWED),
                }
                self.touch_for_management()?;
                self.managed = true;
                Ok(Vec::new())
            }
            _ => Err(Sw::WRONG_DATA),
        }
    }

    fn touch_for_management(&self) -> Result<(), Sw> {
        if self.memory.management.touch && self.desk.wait_for_touch() != Touch::Given {
            return Err(Sw::NOT_ALLOWED);
        }
        Ok(())
    }

    /// SET MANAGEMENT KEY: cipher, 9b, length, key; P2 fe asks for a touch with each proof from then on.
    pub(super) fn set_management_key(&mut self, apdu: &Apdu) -> Answer {
        self.must_be_managed()?;
        let touch = match (apdu.p1, apdu.p2) {
            (0xff, 0xff) => false,
            (0xff, 0xfe) => true,
            _ => return Err(Sw::WRONG_P1P2),
        };
        let [cipher, 0x9b, length, value @ ..] = &apdu.data[..] else { return Err(Sw::WRONG_DATA) };
        let cipher = Management::from_number(*cipher, self.firmware)?;
        if value.len() != cipher.key_length() || usize::from(*length) != value.len() {
            return Err(Sw::WRONG_DATA);
        }
        self.memory.management = ManagementKey { algorithm: cipher.number(), value: value.to_vec(), touch };
        self.save();
        Ok(Vec::new())
    }

    /// What only who manages the card may do.
    pub(super) fn must_be_managed(&self) -> Result<(), Sw> {
        if self.managed { Ok(()) } else { Err(Sw::NOT_ALLOWED) }
    }
}

/// The tags below 7c.
pub(super) fn template(data: &[u8]) -> Result<Vec<(u16, &[u8])>, Sw> {
    crate::apdu::only(data, 0x7c).and_then(parse_tlvs).ok_or(Sw::WRONG_DATA)
}
