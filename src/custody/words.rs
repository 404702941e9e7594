//! Four words of a request, to be compared over a telephone. Spec 9.4.
//!
//! Whoever changes a request on its way (the requester's public key, above all) must make one whose words are the same: 2^40 tries on
//! average, each of which takes 256 MiB and most of a second. With a fast hash that would be a matter of minutes.

use super::CustodyError;
use crate::crypto::argon::{ArgonError, argon2id};
use crate::encode::words::{BITS, word};

const MEMORY_KIB: u32 = 262_144;
const PASSES: u32 = 4;
const LANES: u32 = 4;
const SALT: &[u8; 16] = b"twinlock/1 words";

/// The words of a request with this hash (`H`, 32 bytes).
pub fn words(hash: &[u8; 32]) -> Result<[&'static str; 4], CustodyError> {
    let digest = argon2id(hash, SALT, MEMORY_KIB, PASSES, LANES).map_err(|error| match error {
        ArgonError::NoMemory => CustodyError::NoMemory(MEMORY_KIB / 1024),
        ArgonError::Parameters => unreachable!("they are Argon2's"),
    })?;
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    let bits = u64::from_be_bytes(first);
    Ok([1, 2, 3, 4].map(|nth| {
        let number = bits >> (u64::BITS - nth * BITS) & ((1 << BITS) - 1);
        word(u16::try_from(number).unwrap_or_else(|_| unreachable!("10 bits")))
    }))
}
