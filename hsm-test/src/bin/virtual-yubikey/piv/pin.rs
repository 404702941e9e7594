//! PIN and PUK.

use super::{PinState, Piv};
use crate::apdu::{Answer, Apdu, Sw};
use crate::memory::Reference;

/// The PIN's reference.
const PIN: u8 = 0x80;
/// The PUK's.
const PUK: u8 = 0x81;

impl Piv {
    pub(super) fn verify(&mut self, apdu: &Apdu) -> Answer {
        match (apdu.p1, apdu.p2) {
            (0x00, PIN) => {}
            (0xff, PIN) => {
                self.pin = PinState::Unknown;
                return Ok(Vec::new());
            }
            (0x00, _) => return Err(Sw::NO_SUCH_REFERENCE),
            _ => return Err(Sw::WRONG_P1P2),
        }
        if apdu.data.is_empty() {
            return match self.memory.pin.left {
                _ if self.pin_ok() => Ok(Vec::new()),
                0 => Err(Sw::BLOCKED),
                left => Err(Sw::tries(left)),
            };
        }
        let right = self.check(PIN, &apdu.data);
        self.pin = if right.is_ok() { PinState::Fresh } else { PinState::Unknown };
        right.map(|()| Vec::new())
    }

    pub(super) fn change_reference(&mut self, apdu: &Apdu) -> Answer {
        if apdu.p1 != 0 || !matches!(apdu.p2, PIN | PUK) {
            return Err(Sw::NO_SUCH_REFERENCE);
        }
        self.replace(apdu.p2, apdu.p2, &apdu.data)
    }

    /// RESET RETRY COUNTER: a new PIN, with the PUK.
    pub(super) fn unblock(&mut self, apdu: &Apdu) -> Answer {
        if apdu.p1 != 0 || apdu.p2 != PIN {
            return Err(Sw::NO_SUCH_REFERENCE);
        }
        self.replace(PUK, PIN, &apdu.data)
    }

    /// `data`: what proves the right to it (8 bytes), the new value (8 bytes).
    fn replace(&mut self, proof: u8, of: u8, data: &[u8]) -> Answer {
        let (old, new) = data.split_at_checked(8).ok_or(Sw::WRONG_DATA)?;
        let new = <[u8; 8]>::try_from(new).map_err(|_| Sw::WRONG_DATA)?;
        self.check(proof, old)?;
        // After the check, as the real one does: a bad new PIN does not save the try.
        if new[..6].contains(&0xff) {
            return Err(Sw::WRONG_DATA);
        }
        let reference = self.reference(of);
        reference.value = new;
        reference.left = reference.total;
        self.save();
        Ok(Vec::new())
    }

    /// SET PIN RETRIES: also makes PIN and PUK those of the factory.
    pub(super) fn set_tries(&mut self, apdu: &Apdu) -> Answer {
        self.must_be_managed()?;
        if !self.pin_ok() {
            return Err(Sw::NOT_ALLOWED);
        }
        if apdu.p1 == 0 || apdu.p2 == 0 || !apdu.data.is_empty() {
            return Err(Sw::WRONG_DATA);
        }
        self.memory.pin = Reference::default_pin(apdu.p1);
        self.memory.puk = Reference::default_puk(apdu.p2);
        self.save();
        Ok(Vec::new())
    }

    /// Sets the counters from the desk: of the PIN, of the PUK.
    pub fn set_left(&mut self, pin: u8, puk: u8) {
        self.memory.pin.left = pin.min(self.memory.pin.total);
        self.memory.puk.left = puk.min(self.memory.puk.total);
        self.save();
    }

    fn reference(&mut self, reference: u8) -> &mut Reference {
        if reference == PUK { &mut self.memory.puk } else { &mut self.memory.pin }
    }

    /// Spends a try, and gives it back if the value is right.
    fn check(&mut self, reference: u8, value: &[u8]) -> Result<(), Sw> {
        let value = <[u8; 8]>::try_from(value).map_err(|_| Sw::WRONG_DATA)?;
        let reference = self.reference(reference);
        if reference.left == 0 {
            return Err(Sw::BLOCKED);
        }
        let right = reference.value == value;
        reference.left = if right { reference.total } else { reference.left - 1 };
        let left = reference.left;
        self.save();
        if right { Ok(()) } else { Err(Sw::tries(left)) }
    }
}
