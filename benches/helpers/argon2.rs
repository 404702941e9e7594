//! `argon2 SALT -id -r` with this program's Argon2id, so that two processes can be compared.
//!
//! `bench-argon2 MEMORY_KIB PASSES LANES`: the password is standard input, the salt `somesaltsomesalt`.

use std::error::Error;
use std::io::{Read, Write};
use twinlock::crypto::argon::argon2id;
use twinlock::encode::hex;

fn main() -> Result<(), Box<dyn Error>> {
    let numbers = std::env::args().skip(1).map(|arg| arg.parse()).collect::<Result<Vec<u32>, _>>()?;
    let [memory_kib, passes, lanes] = numbers[..] else { return Err("MEMORY_KIB PASSES LANES".into()) };
    let mut password = Vec::new();
    std::io::stdin().read_to_end(&mut password)?;
    let out =
        argon2id(&password, b"somesaltsomesalt", memory_kib, passes, lanes).map_err(|error| format!("{error:?}"))?;
    writeln!(std::io::stdout(), "{}", hex::encode(out.as_slice()))?;
    Ok(())
}
