//! GENERAL AUTHENTICATE: a private key is used, as its PIN and touch policy say.

use super::Piv;
use super::attest::REFERENCE;
use super::management::template;
use crate::algorithm::Algorithm;
use crate::apdu::{Answer, Apdu, Sw, tlv};
use crate::desk::Touch;
use crate::memory::Key;
use std::time::Instant;

/// PIN policies.
pub(super) const PIN_NEVER: u8 = 1;
pub(super) const PIN_ALWAYS: u8 = 3;
/// Touch policies.
pub(super) const TOUCH_NEVER: u8 = 1;
pub(super) const TOUCH_CACHED: u8 = 3;

impl Piv {
    /// `fresh`: the PIN came with the command just before.
    pub(super) fn authenticate(&mut self, apdu: &Apdu, fresh: bool) -> Answer {
        let tags = template(&apdu.data)?;
        if apdu.p2 == 0x9b {
            return self.prove(apdu, &tags);
        }
        if apdu.p2 == REFERENCE {
            return Err(Sw::WRONG_DATA);
        }
        let key = self.memory.keys.get(&apdu.p2).ok_or(Sw::WRONG_DATA)?.clone();
        let algorithm = Algorithm::from_number(apdu.p1, self.firmware)?;
        if algorithm.number() != key.algorithm {
            return Err(Sw::WRONG_DATA);
        }
        let value = |wanted: u16| tags.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
        self.pin_for(&key, fresh)?;
        self.touch_for(&key)?;
        let private = self.private_key(apdu.p2)?;
        let result = match (value(0x85), value(0x81)) {
            (Some(peer), None) => {
                let agreed = private.agree(peer)?;
                self.agreed.clone_from(&agreed);
                agreed
            }
            (None, Some(challenge)) => private.apply(challenge)?,
            _ => return Err(Sw::WRONG_DATA),
        };
        Ok(tlv(0x7c, &tlv(0x82, &result)))
    }

    fn pin_for(&self, key: &Key, fresh: bool) -> Result<(), Sw> {
        let fine = match key.pin_policy {
            PIN_NEVER => true,
            PIN_ALWAYS => fresh,
            _ => self.pin_ok(),
        };
        if fine { Ok(()) } else { Err(Sw::NOT_ALLOWED) }
    }

    fn touch_for(&mut self, key: &Key) -> Result<(), Sw> {
        let cached = key.touch_policy == TOUCH_CACHED;
        let counts = self.desk.look(|seen| seen.touch_cache);
        let recently = self.touched_at.is_some_and(|at| at.elapsed() < counts);
        if key.touch_policy == TOUCH_NEVER || cached && recently {
            return Ok(());
        }
        // Missed or pulled: nobody hears the second answer.
        if self.desk.wait_for_touch() != Touch::Given {
            return Err(Sw::NOT_ALLOWED);
        }
        if cached {
            self.touched_at = Some(Instant::now());
        }
        Ok(())
    }
}
