//! What changes a card: a new key, its certificate, PIN and PUK; and the management key that allows the first two.
//!
//! Nothing that writes is repeated by itself: where the connection is lost in the middle, nobody knows whether the card has done it. So
//! each of these looks at the card first, which makes a lost connection anew, and writes then.

use super::super::der::Der;
use super::super::error::PivError;
use super::super::info::{CertificateInfo, KeyInfo, Management, ManagementKind, SlotInfo};
use super::super::params::Mode;
use super::super::public::{PublicKey, certificate_in};
use super::super::setup::SetupError;
use super::super::slot::{PinPolicy, PivSlot, TouchPolicy};
use super::desk::Desk;
use super::line::{BLOCKED, CHANGE_REFERENCE, DONE, RESET_RETRY, tries_in};
use super::token::{PIN_FIELD, Token, Use, algorithm_of, attested_key, slot_id};
use super::trouble::{Trouble, answer, nobody_waits};
use crate::prompt::Tries;
use crate::secret::{ManagementKey, Pin, Puk};
use yubikey::piv::{self, ManagementSlotId, SlotAlgorithmId, SlotId};
use yubikey::{MgmAlgorithmId, MgmKey};
use zeroize::Zeroizing;

/// Yubico's admin data: whether the management key is on the card, whether the PUK was blocked.
const ADMIN_DATA: u32 = 0x005f_ff00;
/// "Printed information", which is read with the PIN alone: where Yubico's tools keep the management key.
const PROTECTED_DATA: u32 = 0x005f_c109;
/// P2 of the commands that are about the PIN, and about the PUK.
const PIN: u8 = 0x80;
const PUK: u8 = 0x81;
const PUK_BLOCKED: u8 = 0x01;
const KEY_PROTECTED: u8 = 0x02;

/// A key to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// Where.
    pub slot: PivSlot,
    /// Its kind.
    pub mode: Mode,
    /// When it wants the PIN.
    pub pin: PinPolicy,
    /// When it wants a touch.
    pub touch: TouchPolicy,
}

impl Desk {
    /// What the token tells of its management key.
    pub fn management(&mut self, serial: u32) -> Result<Management, PivError> {
        self.with(serial, |token| {
            let (kind, is_default, touch) = token.management_key()?;
            let flags = token.object(ADMIN_DATA)?.as_deref().and_then(admin_flags).unwrap_or_default();
            let (is_protected, puk_is_blocked) = (flags & KEY_PROTECTED != 0, flags & PUK_BLOCKED != 0);
            Ok(Management { kind, is_default, is_protected, touch, puk_is_blocked })
        })
    }

    /// What is in each PIV slot.
    pub fn slots(&mut self, serial: u32) -> Result<Vec<SlotInfo>, PivError> {
        self.with(serial, |token| PivSlot::all().map(|slot| token.slot(slot)).collect())
    }

    /// The key that was just made in a PIV slot, whatever certificate is there.
    pub fn made(&mut self, serial: u32, slot: PivSlot) -> Result<Option<KeyInfo>, PivError> {
        self.with(serial, |token| {
            if token.has_metadata() {
                return token.key(slot);
            }
            Ok(token.attest(slot)?.and_then(|statement| attested_key(slot, &statement)))
        })
    }

    /// Whether this is the management key. Nothing counts wrong ones.
    pub fn is_management_key(
        &mut self,
        serial: u32,
        kind: ManagementKind,
        key: &ManagementKey,
    ) -> Result<bool, PivError> {
        self.with(serial, |token| token.manage(kind, key))
    }

    /// The management key that the token keeps for whoever has its PIN. `pin` was right a moment ago, and is sent again if the token has
    /// forgotten that.
    pub fn protected_key(
        &mut self,
        serial: u32,
        kind: ManagementKind,
        pin: &Pin,
    ) -> Result<Option<ManagementKey>, PivError> {
        self.with(serial, |token| {
            if token.tries()?.is_some() {
                token.verify_again(pin)?;
            }
            let object = token.object(PROTECTED_DATA)?.map(Zeroizing::new);
            let key = object.as_deref().and_then(|object| protected_key(object));
            let fits = key.filter(|key| key.len() == kind.bytes());
            Ok(fits.map(|key| ManagementKey::new(Zeroizing::new(key.to_vec()))))
        })
    }

    /// The token, with a connection that works.
    fn awake(&mut self, serial: u32) -> Result<&mut Token, PivError> {
        self.with(serial, Token::tries)?;
        self.token(serial)
    }

    /// The same, ready to be changed.
    fn managed(&mut self, serial: u32, kind: ManagementKind, key: &ManagementKey) -> Result<&mut Token, PivError> {
        let token = self.awake(serial)?;
        if token.manage(kind, key).map_err(Trouble::into_error)? {
            if token.fate.send(None) { Ok(token) } else { Err(nobody_waits(token.info().name()).into_error()) }
        } else {
            Err(PivError::Setup(SetupError::ManagementKeyWrong { token: token.info().name() }))
        }
    }

    /// What is in one PIV slot.
    pub fn slot(&mut self, serial: u32, slot: PivSlot) -> Result<SlotInfo, PivError> {
        self.with(serial, |token| token.slot(slot))
    }

    /// Makes a key; what was in the PIV slot is gone. It must be what was `seen` there: a person has thought since, and another program may
    /// have made a key.
    pub fn make_key(
        &mut self,
        serial: u32,
        kind: ManagementKind,
        key: &ManagementKey,
        new: NewKey,
        seen: &SlotInfo,
    ) -> Result<PublicKey, PivError> {
        let made = self.managed(serial, kind, key).and_then(|token| {
            // Nothing of ours comes between this look and the making.
            let now = token.slot(new.slot).map_err(Trouble::into_error)?;
            seen.is_still(&now, &token.info().name())?;
            token.generate(new)
        });
        self.settled(serial, made)
    }

    /// After a failure the connection is looked at, and ended if it is lost: a card that is gone can be neither used nor reset.
    fn settled<T>(&mut self, serial: u32, result: Result<T, PivError>) -> Result<T, PivError> {
        let Err(error) = result else { return result };
        match (self.with(serial, Token::tries), error) {
            // Which of two PINs it has matters more than why.
            (_, error @ PivError::Setup(SetupError::Unsure { .. })) | (Ok(_), error) => Err(error),
            // Not what the card said last, which made no sense, but that it is gone.
            (Err(lost), _) => Err(lost),
        }
    }

    /// Writes a data object.
    pub fn write(
        &mut self,
        serial: u32,
        kind: ManagementKind,
        key: &ManagementKey,
        object: u32,
        mut content: Vec<u8>,
    ) -> Result<(), PivError> {
        const DOING: &str = "keep a certificate";
        let written = self.managed(serial, kind, key).and_then(|token| {
            let written = token.with(DOING, |yubikey| yubikey.save_object(object, &mut content))?;
            written.map_err(|error| answer(&token.info().name(), DOING, error).into_error())
        });
        self.settled(serial, written)
    }

    /// Lets a key sign a hash; blocks until the token was touched, if it wants that. `pin`: as in [`Desk::protected_key`]. The card forgets
    /// it then.
    pub fn sign(&mut self, serial: u32, key: NewKey, pin: Option<&Pin>, hash: &[u8]) -> Result<Vec<u8>, PivError> {
        let token = self.awake(serial)?;
        let signed = token.sign(key, pin, hash).map_err(Trouble::into_error);
        let signed = self.settled(serial, signed);
        self.let_go(serial);
        signed
    }

    /// Changes the PIN.
    pub fn change_pin(&mut self, serial: u32, old: &Pin, new: &Pin) -> Result<(), PivError> {
        let (old, new) = (old.expose().as_bytes(), new.expose().as_bytes());
        let changed = self.references(serial, ("change its PIN", "PIN"), (CHANGE_REFERENCE, PIN), old, new)?;
        let token = self.token(serial)?.info().name();
        changed.map_err(|tries| match tries {
            Some(0) => PivError::PinLocked { token },
            Some(tries) => PivError::PinWrong { token, tries: Tries::Exactly(tries) },
            None => PivError::Setup(SetupError::NotTaken { token, what: "PIN" }),
        })
    }

    /// Changes the PUK.
    pub fn change_puk(&mut self, serial: u32, old: &Puk, new: &Puk) -> Result<(), PivError> {
        let (old, new) = (old.expose().as_bytes(), new.expose().as_bytes());
        let changed = self.references(serial, ("change its PUK", "PUK"), (CHANGE_REFERENCE, PUK), old, new)?;
        self.puk_answer(serial, changed, "PUK")
    }

    /// Sets the PIN anew, by the PUK; all tries are left then.
    pub fn unblock(&mut self, serial: u32, puk: &Puk, pin: &Pin) -> Result<(), PivError> {
        let (puk, pin) = (puk.expose().as_bytes(), pin.expose().as_bytes());
        let changed = self.references(serial, ("set its PIN anew", "PIN"), (RESET_RETRY, PIN), puk, pin)?;
        self.puk_answer(serial, changed, "PIN")
    }

    fn puk_answer(&mut self, serial: u32, answer: Result<(), Option<u8>>, what: &'static str) -> Result<(), PivError> {
        let token = self.token(serial)?.info().name();
        answer.map_err(|tries| match tries {
            Some(0) => PivError::Setup(SetupError::PukLocked { token }),
            Some(tries) => PivError::Setup(SetupError::PukWrong { token, tries: Tries::Exactly(tries) }),
            None => PivError::Setup(SetupError::NotTaken { token, what }),
        })
    }

    /// Sends PIN or PUK with a new one, once: a lost connection is made anew before, and not after. The inner error: tries left, or that
    /// the new one was not taken.
    fn references(
        &mut self,
        serial: u32,
        (doing, changed): (&'static str, &'static str),
        (ins, of): (u8, u8),
        old: &[u8],
        new: &[u8],
    ) -> Result<Result<(), Option<u8>>, PivError> {
        let done = self.with(serial, |token| {
            let name = token.info.name();
            let unsure = || PivError::Setup(SetupError::Unsure { token: name.clone(), what: changed });
            let mut both = Zeroizing::new([0xff; 2 * PIN_FIELD]);
            let (first, second) = both.split_at_mut(PIN_FIELD);
            // Their form was checked.
            let (Some(first), Some(second)) = (first.get_mut(..old.len()), second.get_mut(..new.len())) else {
                return Ok(Err(None));
            };
            first.copy_from_slice(old);
            second.copy_from_slice(new);
            token.line.talk(&name, doing, |card| {
                // Whether it is PIV that is spoken to.
                card.tries()?;
                if !token.fate.send(Some(unsure())) {
                    return Err(nobody_waits(name.clone()));
                }
                token.pin_sent = true;
                let status = card.ask(ins, 0, of, &*both).map_err(|_| Trouble::Final(unsure()))?.status;
                match (status, tries_in(status)) {
                    (DONE, _) => Ok(Ok(())),
                    (BLOCKED, _) => Ok(Err(Some(0))),
                    (_, Some(tries)) => Ok(Err(Some(tries))),
                    // All other refusals, as of a PIN that firmware 5.7 finds too simple; but not no answer at all.
                    _ if card.tries().is_ok() => Ok(Err(None)),
                    _ => Err(Trouble::Final(unsure())),
                }
            })
        });
        self.settled(serial, done)
    }
}

impl Token {
    fn slot(&mut self, slot: PivSlot) -> Result<SlotInfo, Trouble> {
        let object = self.object(slot.certificate_object())?.filter(|object| !object.is_empty());
        let certificate = object.map(|object| CertificateInfo::of(certificate_in(&object)));
        let ours = certificate.as_ref().is_none_or(|certificate| certificate.ours);
        // Without metadata, a key that has no certificate, or an old one of ours, is seen by its attestation alone.
        let statement = if ours && !self.has_metadata() { self.attest(slot)? } else { None };
        let key = match statement {
            Some(statement) => attested_key(slot, &statement),
            None => self.key(slot)?,
        };
        Ok(SlotInfo { slot, key, certificate })
    }

    fn management_key(&mut self) -> Result<(ManagementKind, Option<bool>, bool), Trouble> {
        const DOING: &str = "tell of its management key";
        if !self.has_metadata() {
            return Ok((ManagementKind::TripleDes, None, false));
        }
        let id = SlotId::Management(ManagementSlotId::Management);
        let metadata = match self.call(DOING, |yubikey| piv::metadata(yubikey, id))? {
            Ok(metadata) => metadata,
            Err(error) => return Err(answer(&self.info().name(), DOING, error)),
        };
        let kind = match metadata.algorithm {
            SlotAlgorithmId::Management(MgmAlgorithmId::ThreeDes) => ManagementKind::TripleDes,
            SlotAlgorithmId::Management(MgmAlgorithmId::Aes128) => ManagementKind::Aes128,
            SlotAlgorithmId::Management(MgmAlgorithmId::Aes192) => ManagementKind::Aes192,
            SlotAlgorithmId::Management(MgmAlgorithmId::Aes256) => ManagementKind::Aes256,
            _ => {
                let why = "its management key is of no kind that there is";
                return Err(Trouble::Final(PivError::BadAnswer { token: self.info().name(), why }));
            }
        };
        let touch = metadata.policy.is_some_and(|(_, touch)| touch == yubikey::TouchPolicy::Always);
        Ok((kind, metadata.default, touch))
    }

    /// Proves to have the management key; false: it is another.
    fn manage(&mut self, kind: ManagementKind, key: &ManagementKey) -> Result<bool, Trouble> {
        const DOING: &str = "check its management key";
        let algorithm = match kind {
            ManagementKind::TripleDes => MgmAlgorithmId::ThreeDes,
            ManagementKind::Aes128 => MgmAlgorithmId::Aes128,
            ManagementKind::Aes192 => MgmAlgorithmId::Aes192,
            ManagementKind::Aes256 => MgmAlgorithmId::Aes256,
        };
        let Ok(key) = MgmKey::from_bytes(key.expose(), Some(algorithm)) else { return Ok(false) };
        self.manages();
        match self.call(DOING, |yubikey| yubikey.authenticate(&key))? {
            Ok(()) => Ok(true),
            // Or the answer never came: a card that was pulled out says nothing here either.
            Err(yubikey::Error::AuthenticationError) => self.tries().map(|_| false),
            Err(error) => Err(answer(&self.info().name(), DOING, error)),
        }
    }

    fn generate(&mut self, new: NewKey) -> Result<PublicKey, PivError> {
        const DOING: &str = "make a key";
        let name = self.info().name();
        let pin = match new.pin {
            PinPolicy::Never => yubikey::PinPolicy::Never,
            PinPolicy::Once => yubikey::PinPolicy::Once,
            PinPolicy::Always => yubikey::PinPolicy::Always,
        };
        let touch = match new.touch {
            TouchPolicy::Never => yubikey::TouchPolicy::Never,
            TouchPolicy::Always => yubikey::TouchPolicy::Always,
            TouchPolicy::Cached => yubikey::TouchPolicy::Cached,
        };
        let (slot, algorithm) = (slot_id(new.slot), algorithm_of(new.mode));
        let bad = PivError::BadAnswer { token: name.clone(), why: "its public key is none" };
        match self.with(DOING, |yubikey| piv::generate(yubikey, slot, algorithm, pin, touch))? {
            Ok(info) => PublicKey::ecdh(new.mode, info.subject_public_key.raw_bytes()).ok_or(bad),
            // What the crate makes of a refusal, and of a public key that is none.
            Err(yubikey::Error::AlgorithmError) => match self.key(new.slot).map_err(Trouble::into_error)? {
                Some(key) if key.mode() == Ok(new.mode) => Err(bad),
                _ => Err(PivError::Setup(SetupError::CannotMake { token: name, mode: new.mode })),
            },
            Err(error) => Err(answer(&name, DOING, error).into_error()),
        }
    }

    fn sign(&mut self, key: NewKey, pin: Option<&Pin>, hash: &[u8]) -> Result<Vec<u8>, Trouble> {
        const DOING: &str = "sign its certificate";
        if let Some(pin) = pin
            && (key.pin == PinPolicy::Always || self.tries()?.is_some())
        {
            self.verify_again(pin)?;
        }
        let (id, algorithm) = (slot_id(key.slot), algorithm_of(key.mode));
        let began = std::time::Instant::now();
        let error = match self.call(DOING, |yubikey| piv::sign_data(yubikey, hash, algorithm, id))? {
            Ok(signature) => return Ok(signature.to_vec()),
            Err(error) => error,
        };
        let token = self.info().name();
        if !matches!(error, yubikey::Error::AuthenticationError) {
            return Err(answer(&token, DOING, error));
        }
        Err(Trouble::Final(match self.why_not(Some(key.pin), Some(key.touch), began)? {
            Use::NotTouched => PivError::NoTouch { token },
            _ => PivError::NotAuthorised { token },
        }))
    }
}

/// The flags of Yubico's admin data: 80 { 81 flags, ... }.
fn admin_flags(object: &[u8]) -> Option<u8> {
    match find(Der(object).take(0x80)?, 0x81)? {
        &[flags] => Some(flags),
        _ => None,
    }
}

/// The management key in Yubico's protected data: 88 { 89 key, ... }.
fn protected_key(object: &[u8]) -> Option<&[u8]> {
    find(Der(object).take(0x88)?, 0x89)
}

fn find(fields: &[u8], tag: u8) -> Option<&[u8]> {
    let mut fields = Der(fields);
    while let Some(found) = fields.tag() {
        let content = fields.any()?;
        if found == tag {
            return Some(content);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_data_is_read() {
        assert_eq!(admin_flags(&[0x80, 3, 0x81, 1, 2]), Some(2));
        assert_eq!(admin_flags(&[0x80, 9, 0x83, 4, 1, 2, 3, 4, 0x81, 1, 3]), Some(3), "with the time of a PIN change");
        for bad in
            [&[][..], &[0x80, 0], &[0x80, 3, 0x81, 2, 1], &[0x80, 4, 0x81, 2, 1, 2], &[0x81, 1, 2], &[0x80, 2, 0x81, 0]]
        {
            assert_eq!(admin_flags(bad), None, "{bad:02x?}");
        }
    }

    #[test]
    fn a_protected_key_is_read() {
        assert_eq!(protected_key(&[0x88, 4, 0x89, 2, 7, 8]), Some(&[7, 8][..]));
        for bad in [&[][..], &[0x88, 0], &[0x88, 4, 0x89, 3, 7, 8], &[0x89, 2, 7, 8], &[0x88, 4, 0x81, 2, 7, 8]] {
            assert_eq!(protected_key(bad), None, "{bad:02x?}");
        }
    }
}
