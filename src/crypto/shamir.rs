//! Shamir's secret sharing over GF(2^8), byte by byte. Spec 3.
//!
//! `vsss-rs` does the field arithmetic in constant time; it takes thresholds of 2 and more, so k = 1 (every share is the secret) is done here.

use super::RandomError;
use crate::secret::{KeyslotSecret, Share, zeros32};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use vsss_rs::Gf256;
use zeroize::{Zeroize, Zeroizing};

/// Shares for x = 1 to `n`, `k` of which give the secret. `1 <= k <= n <= 16` is the caller's to hold.
pub fn split(secret: &KeyslotSecret, k: u8, n: u8) -> Result<Vec<Share>, RandomError> {
    if k == 1 {
        return Ok((0..n).map(|_| share(secret.expose())).collect());
    }
    // Asked once before, so that the generator inside cannot be the first to fail.
    super::random_bytes::<1>()?;
    let rng = UnwrapErr(SysRng);
    let Ok(mut rows) = Gf256::split_bytes(k.into(), n.into(), secret.expose(), rng) else {
        unreachable!("2 <= k <= n <= 16 and 32 bytes are what split_bytes takes");
    };
    let shares = rows.iter().map(|row| share(&row[1..])).collect();
    rows.iter_mut().for_each(Zeroize::zeroize);
    Ok(shares)
}

/// Interpolates at 0 from shares with their x (1 to 16, distinct: the caller's to hold). Wrong shares give wrong bytes, not an error.
pub fn combine(shares: &[(u8, Share)]) -> KeyslotSecret {
    let mut secret = zeros32();
    match shares {
        [] => unreachable!("k is at least 1"),
        [(_, only)] => secret.copy_from_slice(only.expose()),
        _ => {
            let rows: Vec<_> = shares.iter().map(|(x, share)| [&[*x][..], share.expose()].concat()).collect();
            let rows = Zeroizing::new(rows);
            match Gf256::combine_bytes(rows.as_slice()).map(Zeroizing::new) {
                Ok(bytes) => secret.copy_from_slice(&bytes),
                Err(_) => unreachable!("the x are distinct and not 0, the lengths equal"),
            }
        }
    }
    KeyslotSecret::new(secret)
}

fn share(bytes: &[u8]) -> Share {
    let mut out = zeros32();
    out.copy_from_slice(bytes);
    Share::new(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> KeyslotSecret {
        KeyslotSecret::new(super::super::random_secret().unwrap())
    }

    #[test]
    fn any_k_of_n_combine_and_fewer_do_not() {
        for (k, n) in [(1, 1), (1, 3), (2, 2), (2, 3), (3, 5), (16, 16)] {
            let secret = secret();
            let shares = split(&secret, k, n).unwrap();
            assert_eq!(shares.len(), usize::from(n));
            let numbered = |from: u8, count: u8| -> Vec<(u8, Share)> {
                (from..from + count).map(|i| (i + 1, share(shares[usize::from(i)].expose()))).collect()
            };
            for from in 0..=(n - k) {
                assert_eq!(combine(&numbered(from, k)).expose(), secret.expose(), "{k} of {n} from {from}");
            }
            if k > 1 {
                assert_ne!(combine(&numbered(0, k - 1)).expose(), secret.expose());
            }
        }
    }

    /// The shares of 2 of 2 lie on a line over the field of AES: s1 - s0 at x = 1 is c, at x = 2 it is c times 2 (xtime).
    #[test]
    fn the_field_is_that_of_aes_and_x_counts_from_one() {
        let secret = secret();
        let shares = split(&secret, 2, 2).unwrap();
        for b in 0..32 {
            let c = shares[0].expose()[b] ^ secret.expose()[b];
            let xtime = (c << 1) ^ if c & 0x80 == 0 { 0 } else { 0x1b };
            assert_eq!(shares[1].expose()[b] ^ secret.expose()[b], xtime);
        }
    }
}
