//! Keys brought in, moved, deleted.

use super::attest::REFERENCE;
use super::generate::policies;
use super::{Piv, is_key_reference};
use crate::algorithm::Algorithm;
use crate::apdu::{Answer, Apdu, Sw, parse_tlvs};
use crate::keys::PrivateKey;
use crate::memory::Key;

/// MOVE KEY to here is DELETE KEY.
const NOWHERE: u8 = 0xff;

impl Piv {
    /// IMPORT ASYMMETRIC KEY.
    pub(super) fn import(&mut self, apdu: &Apdu) -> Answer {
        if !is_key_reference(apdu.p2) {
            return Err(Sw::WRONG_P1P2);
        }
        self.must_be_managed()?;
        let algorithm = Algorithm::from_number(apdu.p1, self.firmware)?;
        let (mut secret, mut pin, mut touch) = (Vec::new(), 0, 0);
        for (tag, value) in parse_tlvs(&apdu.data).ok_or(Sw::WRONG_DATA)? {
            match (tag, algorithm) {
                // p and q; the rest follows from them.
                (0x01 | 0x02, Algorithm::Rsa(bits)) => {
                    let missing = (usize::from(bits) / 16).checked_sub(value.len()).ok_or(Sw::WRONG_DATA)?;
                    secret.extend(vec![0; missing]);
                    secret.extend(value);
                }
                (0x03..=0x05, Algorithm::Rsa(_)) => {}
                (0x06, Algorithm::P256 | Algorithm::P384) | (0x08, Algorithm::X25519) => secret = value.to_vec(),
                (0xaa, _) => pin = *value.first().ok_or(Sw::WRONG_DATA)?,
                (0xab, _) => touch = *value.first().ok_or(Sw::WRONG_DATA)?,
                _ => return Err(Sw::WRONG_DATA),
            }
        }
        PrivateKey::from_secret(algorithm, &secret).ok_or(Sw::WRONG_DATA)?;
        let (pin_policy, touch_policy) = policies(apdu.p2, pin, touch)?;
        let key = Key { algorithm: algorithm.number(), secret, pin_policy, touch_policy, generated: false };
        self.memory.keys.insert(apdu.p2, key);
        self.save();
        Ok(Vec::new())
    }

    /// MOVE KEY, DELETE KEY: to P1, from P2. A certificate stays where it is.
    pub(super) fn move_key(&mut self, apdu: &Apdu) -> Answer {
        let (to, from) = (apdu.p1, apdu.p2);
        self.must_be_managed()?;
        if !is_key_reference(from) || to != NOWHERE && (!is_key_reference(to) || to == REFERENCE || from == REFERENCE) {
            return Err(Sw::WRONG_P1P2);
        }
        if self.memory.keys.contains_key(&to) {
            return Err(Sw::WRONG_DATA);
        }
        let key = self.memory.keys.remove(&from).ok_or(Sw::NO_SUCH_REFERENCE)?;
        if to != NOWHERE {
            self.memory.keys.insert(to, key);
        }
        self.save();
        Ok(Vec::new())
    }
}
