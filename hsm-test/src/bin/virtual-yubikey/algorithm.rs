//! The algorithms that keys are of, with their numbers in PIV and in Yubico's extensions.

use crate::apdu::Sw;
use crate::firmware::Firmware;

/// What a key is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// Of so many bits.
    Rsa(u16),
    P256,
    P384,
    X25519,
}

impl Algorithm {
    pub fn from_number(number: u8, firmware: Firmware) -> Result<Self, Sw> {
        match number {
            0x05 if firmware.seven() => Ok(Self::Rsa(3072)),
            0x06 => Ok(Self::Rsa(1024)),
            0x07 => Ok(Self::Rsa(2048)),
            0x16 if firmware.seven() => Ok(Self::Rsa(4096)),
            0x11 => Ok(Self::P256),
            0x14 => Ok(Self::P384),
            0xe1 if firmware.seven() => Ok(Self::X25519),
            _ => Err(Sw::WRONG_DATA),
        }
    }

    pub fn number(self) -> u8 {
        match self {
            Self::Rsa(1024) => 0x06,
            Self::Rsa(3072) => 0x05,
            Self::Rsa(4096) => 0x16,
            Self::Rsa(_) => 0x07,
            Self::P256 => 0x11,
            Self::P384 => 0x14,
            Self::X25519 => 0xe1,
        }
    }
}

/// The ciphers of management keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Management {
    TripleDes,
    Aes128,
    Aes192,
    Aes256,
}

impl Management {
    pub fn from_number(number: u8, firmware: Firmware) -> Result<Self, Sw> {
        match number {
            0x03 => Ok(Self::TripleDes),
            0x08 if firmware.aes_management() => Ok(Self::Aes128),
            0x0a if firmware.aes_management() => Ok(Self::Aes192),
            0x0c if firmware.aes_management() => Ok(Self::Aes256),
            _ => Err(Sw::WRONG_DATA),
        }
    }

    pub fn number(self) -> u8 {
        match self {
            Self::TripleDes => 0x03,
            Self::Aes128 => 0x08,
            Self::Aes192 => 0x0a,
            Self::Aes256 => 0x0c,
        }
    }

    /// Bytes of a key.
    pub fn key_length(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::TripleDes | Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }

    /// Bytes of a challenge.
    pub fn block_length(self) -> usize {
        if self == Self::TripleDes { 8 } else { 16 }
    }

    /// One block in the direction of the card's own half (`encrypt`) or back; `key` has the right length.
    pub fn block(self, key: &[u8], block: &[u8], encrypt: bool) -> Vec<u8> {
        match self {
            Self::TripleDes => one::<des::TdesEde3>(key, block, encrypt),
            Self::Aes128 => one::<aes::Aes128>(key, block, encrypt),
            Self::Aes192 => one::<aes::Aes192>(key, block, encrypt),
            Self::Aes256 => one::<aes::Aes256>(key, block, encrypt),
        }
    }
}

fn one<C>(key: &[u8], block: &[u8], encrypt: bool) -> Vec<u8>
where
    C: aes::cipher::KeyInit + aes::cipher::BlockCipherEncrypt + aes::cipher::BlockCipherDecrypt,
{
    let cipher = C::new_from_slice(key).expect("the key has the length of its cipher");
    let mut block = aes::cipher::Block::<C>::try_from(block).expect("a block has the length of its cipher");
    if encrypt {
        cipher.encrypt_block(&mut block);
    } else {
        cipher.decrypt_block(&mut block);
    }
    block.to_vec()
}
