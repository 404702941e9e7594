//! GET METADATA: what a key, the PIN, the PUK and the management key are like.

use super::Piv;
use crate::apdu::{Answer, Apdu, Sw, tlv};
use crate::memory::{ManagementKey, Reference};

impl Piv {
    pub(super) fn metadata(&self, apdu: &Apdu) -> Answer {
        let memory = &self.memory;
        Ok(match apdu.p2 {
            0x80 => reference(&memory.pin, &Reference::default_pin(0)),
            0x81 => reference(&memory.puk, &Reference::default_puk(0)),
            0x9b => {
                let key = &memory.management;
                let touch = if key.touch { 2 } else { 1 };
                let default = key.value == ManagementKey::DEFAULT;
                [tlv(0x01, &[key.algorithm]), tlv(0x02, &[0, touch]), tlv(0x05, &[u8::from(default)])].concat()
            }
            of => {
                let key = memory.keys.get(&of).ok_or(Sw::NO_SUCH_REFERENCE)?;
                let private = self.private_key(of)?;
                let origin = if key.generated { 1 } else { 2 };
                [
                    tlv(0x01, &[key.algorithm]),
                    tlv(0x02, &[key.pin_policy, key.touch_policy]),
                    tlv(0x03, &[origin]),
                    tlv(0x04, &private.public_tlv()),
                ]
                .concat()
            }
        })
    }
}

fn reference(is: &Reference, factory: &Reference) -> Vec<u8> {
    let default = u8::from(is.value == factory.value);
    [tlv(0x01, &[0xff]), tlv(0x05, &[default]), tlv(0x06, &[is.total, is.left])].concat()
}
