//! Composing and opening a keyslot: k-of-n shares, masked by factor secrets, and the account key wrapped under what they share. Spec 3.

use crate::crypto::keywrap::{self, UnwrapError};
use crate::crypto::{RandomError, hkdf_sha256, random_bytes, random_secret, sha256, shamir};
use crate::header::{Keyslot, Stanza};
use crate::secret::{AccountKey, FactorSecret, KeyslotKek, KeyslotSecret, Mask, Share};
use serde_json::{Map, Value};

/// What a keyslot is before its account key is wrapped.
pub struct Plan {
    /// `K`, 16 bytes; kept when a keyslot is wrapped again.
    pub id: [u8; 16],
    /// What its owner calls it.
    pub name: String,
    /// RFC 3339, UTC.
    pub created: String,
    /// `k`, 1 to the number of factors.
    pub threshold: u8,
    /// Whether it is for custodians, and fields of later versions, kept.
    pub extra: Map<String, Value>,
}

/// Wraps the account key under k of the factors, with a fresh `S` and `N`. `secrets` are those of `stanzas`, one each; the shares of the
/// stanzas are overwritten.
pub fn wrap(
    vault_id: &[u8; 16],
    plan: Plan,
    stanzas: Vec<Stanza>,
    secrets: &[&FactorSecret],
    account_key: &AccountKey,
) -> Result<Keyslot, RandomError> {
    let count = u8::try_from(stanzas.len()).unwrap_or_else(|_| unreachable!("callers bound factors to 16"));
    let secret = KeyslotSecret::new(random_secret()?);
    let Plan { id, name, created, threshold, extra } = plan;
    let nonce = random_bytes()?;
    let mut slot = Keyslot { id, name, created, threshold, nonce, wrapped: [0; 40], factors: stanzas, extra };
    let shares = shamir::split(&secret, threshold, count)?;
    for (i, (share, factor)) in (1..=count).zip(shares.iter().zip(secrets)) {
        let mask = mask(vault_id, &slot, i, factor);
        slot.factors[usize::from(i) - 1].share = *hidden(share.expose(), &mask).expose();
    }
    slot.wrapped = keywrap::wrap(&kek(vault_id, &slot, &secret), account_key);
    Ok(slot)
}

/// Opens a keyslot with `threshold` factor secrets, each with its number from 1. The error does not tell which factor was wrong: nothing in
/// the file does.
pub fn unwrap(vault_id: &[u8; 16], slot: &Keyslot, factors: &[(u8, &FactorSecret)]) -> Result<AccountKey, UnwrapError> {
    let masks: Vec<_> = factors.iter().map(|(i, factor)| (*i, mask(vault_id, slot, *i, factor))).collect();
    unwrap_masked(vault_id, slot, &masks.iter().map(|(i, mask)| (*i, mask)).collect::<Vec<_>>())
}

/// The same with masks, which is all of a factor that opening needs.
pub fn unwrap_masked(vault_id: &[u8; 16], slot: &Keyslot, masks: &[(u8, &Mask)]) -> Result<AccountKey, UnwrapError> {
    let share = |i: u8, mask| hidden(&slot.factors[usize::from(i) - 1].share, mask);
    let shares: Vec<(u8, Share)> = masks.iter().map(|(i, mask)| (*i, share(*i, mask))).collect();
    keywrap::unwrap(&kek(vault_id, slot, &shamir::combine(&shares)), &slot.wrapped)
}

/// One wrap of a keyslot: what its masks are bound to. A keyslot that is wrapped again is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrap {
    /// `V`, 16 bytes.
    pub vault_id: [u8; 16],
    /// `K`, 16 bytes.
    pub keyslot_id: [u8; 16],
    /// `N`, 32 bytes.
    pub nonce: [u8; 32],
}

impl Wrap {
    /// That of a keyslot as it is now.
    pub fn of(vault_id: &[u8; 16], slot: &Keyslot) -> Self {
        Self { vault_id: *vault_id, keyslot_id: slot.id, nonce: slot.nonce }
    }

    fn derive(&self, factor: &FactorSecret, info: &[&[u8]]) -> Mask {
        let salt: [&[u8]; 3] = [&self.vault_id, &self.keyslot_id, &self.nonce];
        Mask::new(hkdf_sha256(factor.expose(), &salt, info))
    }

    /// `mask_i` in a keyslot for custodians of this `k` and `n`: the only kind that may be given to anybody. Whoever answers a request knows
    /// the keyslot by the request alone; a lie in it gives a mask that opens nothing.
    pub fn custodian_mask(&self, (k, n): (u8, u8), i: u8, kind: &str, factor: &FactorSecret) -> Mask {
        self.derive(factor, &[b"twinlock/1 custodian share", &[k, n, i], kind.as_bytes()])
    }
}

/// `mask_i` of a keyslot's factor with this secret: good for this share of this wrap, and for nothing else.
pub fn mask(vault_id: &[u8; 16], slot: &Keyslot, i: u8, factor: &FactorSecret) -> Mask {
    let wrap = Wrap::of(vault_id, slot);
    let kind = slot.factors[usize::from(i) - 1].kind.as_str();
    if slot.custodians() {
        let n = u8::try_from(slot.factors.len()).unwrap_or_else(|_| unreachable!("at most 16 factors"));
        return wrap.custodian_mask((slot.threshold, n), i, kind, factor);
    }
    wrap.derive(factor, &[b"twinlock/1 share", &[i], kind.as_bytes()])
}

/// `share XOR mask`; hiding and showing are the same.
fn hidden(share: &[u8; 32], mask: &Mask) -> Share {
    let mut out = crate::secret::zeros32();
    out.iter_mut().zip(share.iter().zip(mask.expose())).for_each(|(out, (share, mask))| *out = share ^ mask);
    Share::new(out)
}

fn kek(vault_id: &[u8; 16], slot: &Keyslot, secret: &KeyslotSecret) -> KeyslotKek {
    let params = sha256(&[&slot.public_parameters()]);
    let salt: [&[u8]; 3] = [vault_id, &slot.id, &slot.nonce];
    KeyslotKek::new(hkdf_sha256(secret.expose(), &salt, &[b"twinlock/1 kek", &params]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::zeros32;
    use serde_json::json;

    fn secret(byte: u8) -> FactorSecret {
        let mut bytes = zeros32();
        bytes.fill(byte);
        FactorSecret::new(bytes)
    }

    fn made(threshold: u8, n: u8) -> (Keyslot, AccountKey) {
        made_for(false, threshold, n)
    }

    fn made_for(custodians: bool, threshold: u8, n: u8) -> (Keyslot, AccountKey) {
        let plan = Plan {
            id: [7; 16],
            name: "test".into(),
            created: "2026-01-01T00:00:00Z".into(),
            threshold,
            extra: Keyslot::extra_of_new(custodians),
        };
        let stanzas = (1..=n).map(|i| Stanza::new("fake", &json!({"n": i}))).collect();
        let secrets: Vec<_> = (1..=n).map(secret).collect();
        let key = AccountKey::new(random_secret().unwrap());
        (wrap(&[1; 16], plan, stanzas, &secrets.iter().collect::<Vec<_>>(), &key).unwrap(), key)
    }

    #[test]
    fn k_factors_open_and_fewer_or_wrong_ones_do_not() {
        let all = [(1, 1), (1, 2), (2, 2), (2, 3), (3, 4)];
        for ((k, n), custodians) in all.into_iter().flat_map(|kn| [(kn, false), (kn, true)]) {
            let (slot, key) = made_for(custodians, k, n);
            let secrets: Vec<_> = (1..=n).map(secret).collect();
            let pick = |from: u8, count: u8| -> Vec<(u8, &FactorSecret)> {
                (from..from + count).map(|i| (i + 1, &secrets[usize::from(i)])).collect()
            };
            for from in 0..=n - k {
                let opened = unwrap(&[1; 16], &slot, &pick(from, k)).ok().unwrap();
                assert_eq!(opened.expose(), key.expose());
            }
            if k > 1 {
                assert!(unwrap(&[1; 16], &slot, &pick(0, k - 1)).is_err());
            }
            let wrong = secret(99);
            let mut with_wrong = pick(0, k);
            with_wrong[0].1 = &wrong;
            assert!(unwrap(&[1; 16], &slot, &with_wrong).is_err());
            assert!(unwrap(&[2; 16], &slot, &pick(0, k)).is_err(), "another vault");
        }
    }

    #[test]
    fn public_parameters_are_bound_and_names_are_not() {
        let (slot, _) = made(2, 2);
        let (one, two) = (secret(1), secret(2));
        let opens = |slot: &Keyslot| unwrap(&[1; 16], slot, &[(1, &one), (2, &two)]).is_ok();
        let mut renamed = slot.clone();
        renamed.name = "other".into();
        renamed.created = "2027-01-01T00:00:00Z".into();
        assert!(opens(&renamed));
        let changes: [fn(&mut Keyslot); 6] = [
            |slot| slot.threshold = 1,
            |slot| slot.id[0] ^= 1,
            |slot| slot.nonce[0] ^= 1,
            |slot| slot.factors.swap(0, 1),
            |slot| drop(slot.factors[0].params.insert("n".into(), json!(9))),
            |slot| drop(slot.extra.insert("x".into(), json!(9))),
        ];
        for (i, change) in changes.into_iter().enumerate() {
            let mut bad = slot.clone();
            change(&mut bad);
            assert!(!opens(&bad), "change {i}");
        }
    }

    #[test]
    fn what_a_custodian_gives_opens_no_other_keyslot() {
        let opens = |slot: &Keyslot, (k, n): (u8, u8)| {
            let wrap = Wrap::of(&[1; 16], slot);
            let masks = [1, 2].map(|i| (i, wrap.custodian_mask((k, n), i, "fake", &secret(i))));
            unwrap_masked(&[1; 16], slot, &masks.each_ref().map(|(i, mask)| (*i, mask))).is_ok()
        };
        let (held, _) = made_for(true, 2, 3);
        assert!(opens(&held, (2, 3)));
        for lie in [(1, 3), (3, 3), (2, 2), (2, 4), (3, 2)] {
            assert!(!opens(&held, lie), "{lie:?}");
        }
        let (mut own, _) = made(2, 3);
        assert!(!opens(&own, (2, 3)));
        own.extra = Keyslot::extra_of_new(true);
        assert!(!opens(&own, (2, 3)), "the field put in");
        let (mut stripped, _) = made_for(true, 2, 3);
        stripped.extra.clear();
        assert!(!opens(&stripped, (2, 3)), "the field taken away");
        let (one, two) = (secret(1), secret(2));
        assert!(unwrap(&[1; 16], &stripped, &[(1, &one), (2, &two)]).is_err());
    }

    #[test]
    fn no_mask_is_used_twice() {
        let (one, _) = made(2, 2);
        let (two, _) = made(2, 2);
        assert_ne!(one.nonce, two.nonce);
        assert_ne!(one.factors[0].share, two.factors[0].share);
    }
}
