//! A note on the token that a setup has begun: which key it is about to make. It is written before the key is made and taken away after its
//! certificate. Without it, a key that has no certificate could be anybody's; with it, it is what a setup of ours left that was stopped.

use super::super::card::NewKey;
use super::super::info::SlotInfo;
use super::super::params::Mode;
use super::super::public::PublicKey;
use super::super::slot::{PinPolicy, PivSlot, TouchPolicy};
use crate::crypto::signature::Hash;

/// The data object: in the range that Yubico leaves to everybody (5F0000 to 5FFFFF), away from those of PIV and of Yubico. "tw".
pub const OBJECT: u32 = 0x005f_7477;
const FORM: &[u8] = b"twinlock setup 1";
/// Bytes of the name of a key.
const NAME: usize = 16;

/// What a setup was about to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    new: NewKey,
    /// Which key was in the PIV slot until then.
    before: [u8; NAME],
}

impl Begun {
    /// A setup that makes this key where this was `seen`.
    pub fn new(new: NewKey, seen: &SlotInfo) -> Self {
        Self { new, before: named(seen) }
    }

    /// What is written: FORM, then a byte each for PIV slot, mode, PIN and touch policy, then 16 bytes that name the key before.
    pub fn object(&self) -> Vec<u8> {
        let NewKey { slot, mode, pin, touch } = self.new;
        let place = |at: Option<usize>| {
            at.and_then(|at| u8::try_from(at).ok()).unwrap_or_else(|| unreachable!("all of them are in the list"))
        };
        let code = [
            slot.code(),
            place(Mode::ALL.iter().position(|one| *one == mode)),
            place(PinPolicy::ALL.iter().position(|one| *one == pin)),
            place(TouchPolicy::ALL.iter().position(|one| *one == touch)),
        ];
        [FORM, &code, &self.before].concat()
    }

    /// What was written; `None`: something else.
    pub fn of(object: &[u8]) -> Option<Self> {
        let (&[slot, mode, pin, touch], before) = object.strip_prefix(FORM)?.split_first_chunk()?;
        let new = NewKey {
            slot: PivSlot::new(slot)?,
            mode: *Mode::ALL.get(usize::from(mode))?,
            pin: *PinPolicy::ALL.get(usize::from(pin))?,
            touch: *TouchPolicy::ALL.get(usize::from(touch))?,
        };
        Some(Self { new, before: before.try_into().ok()? })
    }

    /// Whether what is in this PIV slot now is what that setup made.
    pub fn made(&self, new: NewKey, now: &SlotInfo) -> bool {
        self.new == new && new.slot == now.slot && named(now) != self.before
    }
}

/// The key in a PIV slot, in 16 bytes; zeros for none that could be made here.
fn named(info: &SlotInfo) -> [u8; NAME] {
    match info.key.as_ref().map(|key| &key.public) {
        Some(PublicKey::Ecdh { point, .. }) => {
            let hash = Hash::Sha256.of(point);
            std::array::from_fn(|at| hash[at])
        }
        _ => [0; NAME],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::factor::piv::info::KeyInfo;

    const SLOT: PivSlot = PivSlot::FIRST_RETIRED;

    fn used(byte: Option<u8>) -> SlotInfo {
        let public = |byte| PublicKey::Ecdh { mode: Mode::EcdhP256, point: vec![byte; 65] };
        let key = |byte| KeyInfo { slot: SLOT, public: public(byte), pin: None, touch: None, generated: Some(true) };
        SlotInfo { slot: SLOT, key: byte.map(key), certificate: None }
    }

    #[test]
    fn what_is_written_is_read() {
        for mode in Mode::ALL {
            for (pin, touch) in PinPolicy::ALL.into_iter().zip(TouchPolicy::ALL) {
                let new = NewKey { slot: SLOT, mode, pin, touch };
                for seen in [used(None), used(Some(1))] {
                    let begun = Begun::new(new, &seen);
                    let object = begun.object();
                    assert_eq!(object.len(), 36);
                    assert_eq!(Begun::of(&object), Some(begun));
                }
            }
        }
        let good = Begun::new(
            NewKey { slot: SLOT, mode: Mode::EcdhP256, pin: PinPolicy::Once, touch: TouchPolicy::Never },
            &used(None),
        )
        .object();
        for length in 0..good.len() {
            assert_eq!(Begun::of(&good[..length]), None);
        }
        assert_eq!(Begun::of(&[&good[..], &[0]].concat()), None);
        for at in 16..20 {
            let mut bad = good.clone();
            bad[at] = 0x81;
            assert_eq!(Begun::of(&bad), None);
        }
    }

    #[test]
    fn only_a_key_that_was_not_there_before_is_its_own() {
        let new = NewKey { slot: SLOT, mode: Mode::EcdhP256, pin: PinPolicy::Once, touch: TouchPolicy::Never };
        assert!(Begun::new(new, &used(None)).made(new, &used(Some(1))));
        assert!(Begun::new(new, &used(Some(2))).made(new, &used(Some(1))));
        assert!(!Begun::new(new, &used(Some(1))).made(new, &used(Some(1))), "stopped before it was overwritten");
        assert!(!Begun::new(new, &used(None)).made(NewKey { mode: Mode::EcdhP384, ..new }, &used(Some(1))));
        let elsewhere = NewKey { slot: PivSlot::KEY_MANAGEMENT, ..new };
        assert!(!Begun::new(elsewhere, &used(None)).made(elsewhere, &used(Some(1))));
    }
}
