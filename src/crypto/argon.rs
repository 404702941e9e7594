//! Argon2id (RFC 9106) in memory of our own, which is refused cleanly when it is not there and erased after use. Spec 5.1.

use crate::secret::{Bytes32, zeros32};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, IntoParallelRefMutIterator, ParallelIterator};
use zeroize::Zeroize;

/// Why Argon2id could not run.
#[derive(Debug, PartialEq, Eq)]
pub enum ArgonError {
    /// The memory is not to be had.
    NoMemory,
    /// The parameters are not Argon2's (memory below 8 KiB a lane and the like).
    Parameters,
}

/// `Argon2id(password, salt, memory_kib, passes, lanes)`, version 0x13, 32 bytes.
pub fn argon2id(
    password: &[u8],
    salt: &[u8; 16],
    memory_kib: u32,
    passes: u32,
    lanes: u32,
) -> Result<Bytes32, ArgonError> {
    let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(|_| ArgonError::Parameters)?;
    let mut memory = Memory::new(params.block_count(), memory_kib)?;
    let mut out = zeros32();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password, salt, out.as_mut_slice(), memory.0.as_mut_slice())
        .map_err(|_| ArgonError::Parameters)?;
    Ok(out)
}

/// The block memory; the crate leaves what it computed in it, so it is erased on drop.
struct Memory(Vec<Block>);

impl Memory {
    /// Asks for the memory in a way that can be refused. An overcommitting kernel grants everything and kills the process when the
    /// pages are touched, so where the system tells what is free, it is asked first.
    fn new(blocks: usize, kib: u32) -> Result<Self, ArgonError> {
        if available_kib().is_some_and(|free| free < u64::from(kib)) {
            return Err(ArgonError::NoMemory);
        }
        let mut memory = Vec::new();
        memory.try_reserve_exact(blocks).map_err(|_| ArgonError::NoMemory)?;
        // The first touch of a page costs more than what Argon2 writes into it in one pass: all threads share it, as later the work.
        (0..blocks).into_par_iter().map(|_| Block::new()).collect_into_vec(&mut memory);
        Ok(Self(memory))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.0.par_iter_mut().for_each(Zeroize::zeroize);
    }
}

/// Memory and swap that can still be had, KiB, where the system tells (Linux, proc(5)).
fn available_kib() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let field = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    Some(field("MemAvailable:")? + field("SwapFree:").unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::hex;

    /// Made with the reference implementation's `argon2` program: `echo -n password | argon2 somesaltsomesalt -id -t 2 -k 19456 -p 1 -l 32 -r`.
    #[test]
    fn agrees_with_the_reference_program() {
        let out = argon2id(b"password", b"somesaltsomesalt", 19456, 2, 1).unwrap();
        assert_eq!(hex::encode(out.as_slice()), "2b5dc4054886ec957ef59c73b661c54dd6fb274590b278f657c6d96aac8fa6d1");
    }

    #[test]
    fn a_machine_without_the_memory_gets_an_error() {
        assert_eq!(argon2id(b"", &[0; 16], u32::MAX, 2, 1).err(), Some(ArgonError::NoMemory));
        assert_eq!(argon2id(b"", &[0; 16], 8, 2, 4).err(), Some(ArgonError::Parameters));
    }
}
