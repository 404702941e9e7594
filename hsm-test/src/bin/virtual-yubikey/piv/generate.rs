//! GENERATE ASYMMETRIC KEY PAIR.

use super::authenticate::{PIN_ALWAYS, PIN_NEVER, TOUCH_CACHED, TOUCH_NEVER};
use super::{Piv, is_key_reference};
use crate::algorithm::Algorithm;
use crate::apdu::{Answer, Apdu, Sw, only, parse_tlvs, tlv};
use crate::keys::PrivateKey;
use crate::memory::Key;

impl Piv {
    pub(super) fn generate(&mut self, apdu: &Apdu) -> Answer {
        if apdu.p1 != 0 || !is_key_reference(apdu.p2) {
            return Err(Sw::WRONG_P1P2);
        }
        self.must_be_managed()?;
        let tags = only(&apdu.data, 0xac).and_then(parse_tlvs).ok_or(Sw::WRONG_DATA)?;
        let (mut algorithm, mut pin, mut touch) = (None, 0, 0);
        for (tag, value) in tags {
            match (tag, value) {
                (0x80, [number]) => algorithm = Some(Algorithm::from_number(*number, self.firmware)?),
                (0xaa, [policy]) if self.extended => pin = *policy,
                (0xab, [policy]) if self.extended => touch = *policy,
                _ => return Err(Sw::WRONG_DATA),
            }
        }
        let algorithm = algorithm.ok_or(Sw::WRONG_DATA)?;
        let (pin_policy, touch_policy) = policies(apdu.p2, pin, touch)?;
        let private = PrivateKey::generate(algorithm);
        let (secret, generated) = (private.secret(), true);
        let key = Key { algorithm: algorithm.number(), secret, pin_policy, touch_policy, generated };
        self.memory.keys.insert(apdu.p2, key);
        self.save();
        Ok(tlv(0x7f49, &private.public_tlv()))
    }
}

/// The policies that a key gets; 0 is the default of its PIV slot.
pub(super) fn policies(reference: u8, pin: u8, touch: u8) -> Result<(u8, u8), Sw> {
    let pin = match (pin, reference) {
        (0, 0x9c) => PIN_ALWAYS,
        (0, 0x9e) => PIN_NEVER,
        (0, _) => 2,
        (PIN_NEVER..=PIN_ALWAYS, _) => pin,
        _ => return Err(Sw::WRONG_DATA),
    };
    let touch = match touch {
        0 => TOUCH_NEVER,
        TOUCH_NEVER..=TOUCH_CACHED => touch,
        _ => return Err(Sw::WRONG_DATA),
    };
    Ok((pin, touch))
}
