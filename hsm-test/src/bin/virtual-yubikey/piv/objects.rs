//! GET DATA, PUT DATA.

use super::Piv;
use crate::apdu::{Answer, Apdu, Sw, parse_tlvs, tlv};

/// The largest data object, bytes.
const LARGEST: usize = 3063;
/// The discovery object: the application's name, and that a PIN of its own opens it.
const DISCOVERY: u32 = 0x7e;
/// Objects that are read with the PIN only: fingerprints, face, printed information, iris.
const WITH_PIN: [u32; 4] = [0x5f_c103, 0x5f_c108, 0x5f_c109, 0x5f_c121];

impl Piv {
    pub(super) fn get_data(&mut self, apdu: &Apdu) -> Answer {
        if (apdu.p1, apdu.p2) != (0x3f, 0xff) {
            return Err(Sw::WRONG_P1P2);
        }
        let tags = parse_tlvs(&apdu.data).ok_or(Sw::WRONG_DATA)?;
        let [(0x5c, name)] = tags[..] else { return Err(Sw::WRONG_DATA) };
        let name = object_name(name)?;
        if name == DISCOVERY {
            let aid = [0xa0, 0, 0, 3, 8, 0, 0, 0x10, 0, 1, 0];
            return Ok(tlv(0x7e, &[tlv(0x4f, &aid), tlv(0x5f2f, &[0x40, 0])].concat()));
        }
        if WITH_PIN.contains(&name) && !self.pin_ok() {
            return Err(Sw::NOT_ALLOWED);
        }
        self.memory.objects.get(&name).map(|value| tlv(0x53, value)).ok_or(Sw::NOT_FOUND)
    }

    pub(super) fn put_data(&mut self, apdu: &Apdu) -> Answer {
        if (apdu.p1, apdu.p2) != (0x3f, 0xff) {
            return Err(Sw::WRONG_P1P2);
        }
        self.must_be_managed()?;
        let tags = parse_tlvs(&apdu.data).ok_or(Sw::WRONG_DATA)?;
        let [(0x5c, name), (0x53, value)] = tags[..] else { return Err(Sw::WRONG_DATA) };
        let name = object_name(name)?;
        if value.len() > LARGEST {
            return Err(Sw::NO_SPACE);
        }
        if value.is_empty() {
            self.memory.objects.remove(&name);
        } else {
            self.memory.objects.insert(name, value.to_vec());
        }
        self.save();
        Ok(Vec::new())
    }
}

/// Three bytes, or the one of the discovery object.
fn object_name(bytes: &[u8]) -> Result<u32, Sw> {
    match *bytes {
        [a @ 0x5f, b, c] => Ok(u32::from_be_bytes([0, a, b, c])),
        [0x7e] => Ok(DISCOVERY),
        _ => Err(Sw::NOT_FOUND),
    }
}
