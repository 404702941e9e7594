//! The PIV application with Yubico's extensions: NIST SP 800-73-4 part 2, and Yubico's technical manual.

mod attest;
mod authenticate;
mod generate;
mod info;
mod manage_keys;
mod management;
mod metadata;
mod objects;
mod pin;

use crate::algorithm::Algorithm;
use crate::apdu::{Answer, Apdu, Sw};
use crate::card::{Make, Mode};
use crate::desk::Desk;
use crate::firmware::Firmware;
use crate::keys::PrivateKey;
use crate::memory::Memory;
use management::Challenge;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Whether the card saw the right PIN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum PinState {
    Unknown,
    Verified,
    /// With the command just before: what policy `always` asks for.
    Fresh,
}

/// The application, with what it knows since it was selected.
pub struct Piv {
    /// Yubico's extensions are there.
    extended: bool,
    firmware: Firmware,
    /// What the factory's attestation key is.
    attestation: Algorithm,
    memory: Memory,
    file: Option<PathBuf>,
    desk: Arc<Desk>,
    pin: PinState,
    managed: bool,
    challenge: Option<Challenge>,
    /// The last touch that counts with policy `cached`.
    touched_at: Option<Instant>,
    /// The last shared secret.
    agreed: Vec<u8>,
}

impl Piv {
    pub fn new(make: Make, memory: Memory, desk: Arc<Desk>) -> Self {
        Self {
            extended: make.mode == Mode::Yubikey,
            firmware: make.firmware,
            attestation: make.attestation,
            memory,
            file: make.file,
            desk,
            pin: PinState::Unknown,
            managed: false,
            challenge: None,
            touched_at: None,
            agreed: Vec::new(),
        }
    }

    pub fn firmware(&self) -> Firmware {
        self.firmware
    }

    pub fn serial(&self) -> u32 {
        self.memory.serial
    }

    /// The last shared secret that it gave, for tests that look for it where it must not be.
    pub fn agreed(&self) -> &[u8] {
        &self.agreed
    }

    /// Another application, or this one again, was selected.
    pub fn deselect(&mut self) {
        self.pin = PinState::Unknown;
        self.managed = false;
        self.challenge = None;
    }

    /// Power was cut, or the card was reset.
    pub fn power(&mut self) {
        self.deselect();
        self.touched_at = None;
    }

    /// Keeps what is to be kept.
    fn save(&self) {
        if let Some(file) = &self.file {
            self.memory.save(file).unwrap_or_else(|why| panic!("the card's file cannot be written: {why}"));
        }
    }

    fn pin_ok(&self) -> bool {
        self.pin != PinState::Unknown
    }

    /// Back to the factory: only for a card whose PIN and PUK are blocked.
    fn reset(&mut self) -> Answer {
        if self.memory.pin.left > 0 || self.memory.puk.left > 0 {
            return Err(Sw::CONDITIONS);
        }
        let new = Memory::factory(self.serial(), self.firmware);
        let old = std::mem::replace(&mut self.memory, new);
        // The attestation key and its certificate stay, also those that somebody else put there.
        self.memory.keys.extend(old.keys.into_iter().filter(|(reference, _)| *reference == attest::REFERENCE));
        self.memory.objects.extend(old.objects.into_iter().filter(|(name, _)| *name == attest::CERTIFICATE));
        self.memory.root = old.root;
        self.power();
        self.save();
        Ok(Vec::new())
    }

    /// A key, ready for use.
    fn private_key(&self, reference: u8) -> Result<PrivateKey, Sw> {
        let key = self.memory.keys.get(&reference).ok_or(Sw::NO_SUCH_REFERENCE)?;
        let algorithm = Algorithm::from_number(key.algorithm, self.firmware)?;
        Ok(PrivateKey::from_secret(algorithm, &key.secret).expect("the card's own keys are good"))
    }

    pub fn instruction(&mut self, apdu: &Apdu) -> Answer {
        let fresh = self.pin == PinState::Fresh;
        if fresh {
            self.pin = PinState::Verified;
        }
        let (ins, p2) = (apdu.ins, apdu.p2);
        let attestation = match ins {
            0xcb | 0xdb => apdu.data.starts_with(&[0x5c, 3, 0x5f, 0xff, 1]),
            _ => p2 == attest::REFERENCE && matches!(ins, 0x47 | 0xf6 | 0xf7 | 0xfe) || ins == 0xf9,
        };
        if self.extended && attestation {
            self.factory_attestation();
        }
        match ins {
            0x20 => self.verify(apdu),
            0x24 => self.change_reference(apdu),
            0x2c => self.unblock(apdu),
            0x47 => self.generate(apdu),
            0x87 => self.authenticate(apdu, fresh),
            0xcb => self.get_data(apdu),
            0xdb => self.put_data(apdu),
            _ if !self.extended => Err(Sw::WRONG_INS),
            0xf7 if self.firmware.metadata() => self.metadata(apdu),
            0xf6 if self.firmware.seven() => self.move_key(apdu),
            0xf9 => self.attest(apdu),
            0xfa => self.set_tries(apdu),
            0xfb => self.reset(),
            0xfe => self.import(apdu),
            0xff => self.set_management_key(apdu),
            0xf8 if self.firmware.serial_in_piv() => Ok(self.serial().to_be_bytes().to_vec()),
            0xfd => Ok(self.firmware.0.to_vec()),
            _ => Err(Sw::WRONG_INS),
        }
    }
}

/// Whether a key can be there: the four of PIV, the retired ones, and that of attestation.
fn is_key_reference(reference: u8) -> bool {
    matches!(reference, 0x9a | 0x9c | 0x9d | 0x9e | 0x82..=0x95 | 0xf9)
}
