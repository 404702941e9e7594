//! One YubiKey that is open: what the `yubikey` crate does for us, and what we do over a line of our own.
//!
//! The crate's `reconnect` is not used: it would send its cached PIN to whatever card is in the reader by then. `Desk` opens anew
//! instead, and looks whether it is the same token.

use super::super::der::{Der, SEQUENCE, element};
use super::super::error::PivError;
use super::super::info::{Agreed, KeyInfo, TokenInfo, printable};
use super::super::params::Mode;
use super::super::public::{PublicKey, UNREAD, attested_policies, certificate_in};
use super::super::slot::{PinPolicy, PivSlot, TouchPolicy};
use super::fate::Fate;
use super::line::{self, Line, Talk};
use super::trouble::{Trouble, answer, call, nobody_waits};
use crate::prompt::Tries;
use crate::secret::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use yubikey::piv::{AlgorithmId, ManagementSlotId, Origin, SlotAlgorithmId, SlotId};
use yubikey::{YubiKey, piv};
use zeroize::Zeroizing;

/// A missing PIN is refused at once; a touch is waited for longer than this.
const TOO_QUICK_FOR_A_TOUCH: Duration = Duration::from_millis(150);

/// Bytes of a PIN in a command (SP 800-73-4 part 2, 2.4.3).
pub(super) const PIN_FIELD: usize = 8;
/// The first firmware that attests.
const ATTESTS_SINCE: (u8, u8, u8) = (4, 3, 0);

/// What came of a use of a key.
pub(super) enum Use {
    /// The shared secret.
    Agreed(Agreed),
    /// It was not touched in time.
    NotTouched,
    /// It wants its PIN (again).
    NoPin,
}

/// What the card said of its PIN right before one was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Before {
    /// None was.
    #[default]
    NotSent,
    /// One was verified.
    Verified,
    /// So many tries were left.
    Left(u8),
}

/// An open YubiKey.
pub struct Token {
    /// Ours. It ends before the crate's does, which may reset the card.
    pub(super) line: Line,
    yubikey: YubiKey,
    pub(super) info: TokenInfo,
    /// A PIN was sent: the card may hold it verified, so it is reset when closed.
    pub(super) pin_sent: bool,
    /// The right to change its keys was proven: the card may remember that, too.
    pub(super) managed: bool,
    /// Of the work at hand.
    pub(super) fate: Arc<Fate>,
    /// Its keys, once all were looked at.
    pub(super) keys: Option<Vec<KeyInfo>>,
}

impl Token {
    pub(super) fn new(yubikey: YubiKey, line: Line) -> Self {
        let version = yubikey.version();
        let firmware = (version.major, version.minor, version.patch);
        let info = TokenInfo { serial: yubikey.serial().0, firmware, reader: printable(yubikey.name()), called: None };
        Self { line, yubikey, info, pin_sent: false, managed: false, fate: Arc::default(), keys: None }
    }

    /// What it is.
    pub fn info(&self) -> &TokenInfo {
        &self.info
    }

    /// Ends the connection. After a PIN the card is reset, so that the next process cannot ride on it; else others' sessions are left alone.
    pub(super) fn close(self, keep: bool) {
        if self.must_forget(keep) {
            // Dropping it resets.
            return;
        }
        // A card that is gone needs no goodbye; what comes back with the error is dropped, which ends the connection too.
        drop(self.yubikey.disconnect(pcsc::Disposition::LeaveCard));
    }

    /// Ends a connection that is of no use any more. Nothing is reset: the card has been, or is gone.
    pub(super) fn abandon(self) {
        drop(self.yubikey.disconnect(pcsc::Disposition::LeaveCard));
    }

    /// Ends a connection over which something went wrong. A card that still answers may hold a PIN that was sent, and is reset; a reset of
    /// one that is gone would confuse the service.
    pub(super) fn break_off(mut self, keep: bool) {
        let name = self.info.name();
        let answers = |card: &Talk<'_>| Ok(card.ask(line::VERIFY, 0, 0x80, &[])?.status != 0);
        if self.must_forget(keep) && self.line.talk(&name, "answer", answers).unwrap_or(false) {
            self.close(keep);
        } else {
            self.abandon();
        }
    }

    pub(super) fn call<T>(
        &mut self,
        doing: &'static str,
        what: impl FnOnce(&mut YubiKey) -> Result<T, yubikey::Error>,
    ) -> Result<Result<T, yubikey::Error>, Trouble> {
        let name = self.info.name();
        call(&name, doing, || what(&mut self.yubikey))
    }

    /// Anything else that the crate can do, with the same care. `doing` completes "the YubiKey failed to ...".
    pub fn with<T>(
        &mut self,
        doing: &'static str,
        what: impl FnOnce(&mut YubiKey) -> Result<T, yubikey::Error>,
    ) -> Result<Result<T, yubikey::Error>, PivError> {
        self.call(doing, what).map_err(Trouble::into_error)
    }

    /// Whether it holds what the next process must not find. `keep`: a verified PIN is to be found, by the person's wish; that it may be
    /// managed never is.
    pub(super) fn must_forget(&self, keep: bool) -> bool {
        self.managed || self.pin_sent && !keep
    }

    /// Its management key is being sent.
    pub(super) fn manages(&mut self) {
        self.managed = true;
    }

    /// Whether a PIN was sent.
    pub(super) fn sent_pin(&self) -> bool {
        self.pin_sent
    }

    /// A PIN (or PUK) has been sent by way of [`Token::with`]: the card is reset when it is closed.
    pub fn pin_was_sent(&mut self) {
        self.pin_sent = true;
    }

    /// Whether it tells of its keys by metadata (firmware 5.3).
    pub fn has_metadata(&self) -> bool {
        self.info.firmware >= (5, 3, 0)
    }

    /// The key in a PIV slot; `None`: it is empty. On old firmware only a key with its certificate is seen.
    pub(super) fn key(&mut self, slot: PivSlot) -> Result<Option<KeyInfo>, Trouble> {
        const DOING: &str = "tell of its key";
        if !self.has_metadata() {
            return self.key_by_certificate(slot);
        }
        let id = slot_id(slot);
        let metadata = match self.call(DOING, |yubikey| piv::metadata(yubikey, id))? {
            Ok(metadata) => metadata,
            Err(yubikey::Error::NotFound) => return Ok(None),
            Err(error) => return Err(answer(&self.info.name(), DOING, error)),
        };
        let (pin, touch) = metadata
            .policy
            .map_or((None, None), |(pin, touch)| (Some(pin_policy(slot, pin)), Some(touch_policy(touch))));
        let bad = || Trouble::Final(PivError::BadAnswer { token: self.info.name(), why: "its public key is none" });
        let public = match (metadata.algorithm, metadata.public) {
            (SlotAlgorithmId::Asymmetric(algorithm), Some(info)) => match mode_of(algorithm) {
                Ok(mode) => PublicKey::ecdh(mode, info.subject_public_key.raw_bytes()).ok_or_else(bad)?,
                Err(kind) => PublicKey::Other(kind),
            },
            _ => return Err(bad()),
        };
        let generated = metadata.origin.map(|origin| origin == Origin::Generated);
        Ok(Some(KeyInfo { slot, public, pin, touch, generated }))
    }

    fn key_by_certificate(&mut self, slot: PivSlot) -> Result<Option<KeyInfo>, Trouble> {
        let object = self.object(slot.certificate_object())?.filter(|object| !object.is_empty());
        let Some(object) = object else { return Ok(None) };
        let key = |public| KeyInfo { slot, public, pin: None, touch: None, generated: None };
        if let Some(public) = certificate_in(&object).and_then(PublicKey::from_certificate) {
            return Ok(Some(key(public)));
        }
        // Packed, or nonsense: that is of this PIV slot alone. A key that was made here is seen by its attestation.
        let statement = self.attest(slot)?;
        Ok(statement.and_then(|statement| attested_key(slot, &statement)).or(Some(key(PublicKey::Other(UNREAD)))))
    }

    /// The policies of a key on firmware that has no metadata: from its attestation, if it has one.
    pub(super) fn attested(&mut self, key: &mut KeyInfo) -> Result<(), Trouble> {
        if key.pin.is_none()
            && let Some(der) = self.attest(key.slot)?
            && let Some((pin, touch)) = attested_policies(&der)
        {
            (key.pin, key.touch) = (Some(pin), Some(touch));
        }
        Ok(())
    }

    /// The attestation certificate of a key, DER; `None`: the token has none to give, as of an empty PIV slot or a key that was imported.
    pub(super) fn attest(&mut self, slot: PivSlot) -> Result<Option<Vec<u8>>, Trouble> {
        let (name, firmware) = (self.info.name(), self.info.firmware);
        self.line.talk(&name, "attest its key", |card| {
            let answer = card.ask(line::ATTEST, slot.code(), 0, &[])?;
            match answer.status {
                line::DONE if answer.data.first() == Some(&SEQUENCE) => Ok(Some(answer.data.to_vec())),
                line::DONE => Err(Trouble::Final(PivError::BadAnswer {
                    token: name.clone(),
                    why: "its attestation is no certificate",
                })),
                // No key that was made there; no attestation key, or none that can sign; a PIV slot that the firmware does not attest.
                line::WRONG_DATA | line::NOT_FOUND | line::NO_SUCH_REFERENCE | line::CONDITIONS | line::WRONG_P1P2 => {
                    Ok(None)
                }
                line::WRONG_INS if firmware < ATTESTS_SINCE => Ok(None),
                _ => Err(card.refused()),
            }
        })
    }

    /// A data object; `None`: there is none.
    pub(super) fn object(&mut self, id: u32) -> Result<Option<Vec<u8>>, Trouble> {
        const DOING: &str = "give a data object";
        match self.call(DOING, |yubikey| yubikey.fetch_object(id))? {
            Ok(object) => Ok(Some(object.to_vec())),
            Err(yubikey::Error::NotFound) => Ok(None),
            Err(error) => Err(answer(&self.info.name(), DOING, error)),
        }
    }

    /// Tries left for the PIN; `None`: it is verified at the moment.
    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method is of one lifetime, and not of any")]
    pub(super) fn tries(&mut self) -> Result<Option<u8>, Trouble> {
        self.line.talk(&self.info.name(), "tell how many PIN tries are left", |card| card.tries())
    }

    /// Counters and defaults of PIN and PUK, where the token tells (firmware 5.3).
    pub(super) fn counter(&mut self, which: Counter) -> Result<Option<(u8, u8, bool)>, Trouble> {
        if !self.has_metadata() {
            return Ok(None);
        }
        let id = SlotId::Management(match which {
            Counter::Pin => ManagementSlotId::Pin,
            Counter::Puk => ManagementSlotId::Puk,
        });
        let metadata = self.call("tell of its counters", |yubikey| piv::metadata(yubikey, id))?;
        Ok(metadata.ok().and_then(|metadata| {
            let retries = metadata.retries?;
            Some((retries.remaining_count, retries.retry_count, metadata.default?))
        }))
    }

    /// Sends a PIN, once, if it is not the last try, or that too. Its form was checked before. How many tries are left is looked at right
    /// before, with nobody between; `before` is what was found then, set when the PIN is sent. Where one was sent already and the card has
    /// counted a wrong try since, it is not sent again.
    pub(super) fn verify(&mut self, pin: &Pin, last: bool, before: &mut Before) -> Result<(), Trouble> {
        let token = self.info.name();
        let mut padded = Zeroizing::new([0xff; PIN_FIELD]);
        let typed = pin.expose().as_bytes();
        let Some(field) = padded.get_mut(..typed.len()) else {
            return Err(Trouble::Final(PivError::PinForm { token, why: "it is too long" }));
        };
        field.copy_from_slice(typed);
        self.line.talk(&token, "check its PIN", |card| {
            let left = card.tries()?;
            let token = || token.clone();
            match left {
                Some(left) if left > 0 && matches!(*before, Before::Left(before) if left < before) => {
                    return Err(Trouble::Final(PivError::PinWrong { token: token(), tries: Tries::Exactly(left) }));
                }
                Some(0) => return Err(Trouble::Final(PivError::PinLocked { token: token() })),
                Some(1) if !last => return Err(Trouble::Final(PivError::FinalTry { token: token() })),
                _ => {}
            }
            if !self.fate.send(None) {
                return Err(nobody_waits(token()));
            }
            (self.pin_sent, *before) = (true, left.map_or(Before::Verified, Before::Left));
            let status = card.ask(line::VERIFY, 0, 0x80, &*padded)?.status;
            match (status, line::tries_in(status)) {
                (line::DONE, _) => Ok(()),
                (line::BLOCKED, _) | (_, Some(0)) => Err(Trouble::Final(PivError::PinLocked { token: token() })),
                (_, Some(left)) => {
                    Err(Trouble::Final(PivError::PinWrong { token: token(), tries: Tries::Exactly(left) }))
                }
                _ => Err(card.refused()),
            }
        })
    }

    /// Where a PIN was sent and the connection lost: what the tries left are to be compared with, before it is sent again.
    pub(super) fn counted(&mut self, before: Before) -> Result<Before, Trouble> {
        if before != Before::Verified {
            return Ok(before);
        }
        // Then all were left. Firmware before 5.3 does not tell how many that is.
        let all = self.counter(Counter::Pin)?.map(|(_, all, _)| Before::Left(all));
        let why = || "the connection was lost, and whether it was right is not known".to_owned();
        let unknown = || PivError::Refused { token: self.info.name(), doing: "check its PIN", why: why() };
        all.ok_or_else(|| Trouble::Final(unknown()))
    }

    /// Sends a PIN that was right in this command, also as the last try: it gives all of them back.
    pub(super) fn verify_again(&mut self, pin: &Pin) -> Result<(), Trouble> {
        self.verify(pin, true, &mut Before::default())
    }

    /// Lets the key agree on a secret with `point`; blocks until the token was touched, if it wants that.
    pub(super) fn agree(&mut self, key: &KeyInfo, mode: Mode, point: &[u8]) -> Result<Use, Trouble> {
        let name = self.info.name();
        // Dynamic authentication template: the response is asked for, the point is the other side's (SP 800-73-4 part 2, 3.2.4).
        let template = element(0x7c, &[element(0x82, &[]), element(0x85, point)].concat());
        let (answer, began, took) = self.line.talk(&name, "use its key", |card| {
            let began = Instant::now();
            let answer = card.ask(line::AUTHENTICATE, algorithm_of(mode).into(), key.slot.code(), &template)?;
            let took = began.elapsed();
            match answer.status {
                line::DONE => Ok((Some(answer.data), began, took)),
                line::NOT_ALLOWED => Ok((None, began, took)),
                _ => Err(card.refused()),
            }
        })?;
        match answer {
            Some(data) => {
                let value = Der(&data).take(0x7c).and_then(|template| Der(template).take(0x82));
                let z = value.map(|z| Zeroizing::new(z.to_vec())).unwrap_or_default();
                self.checked(mode, z).map(|z| Use::Agreed(Agreed { z, took }))
            }
            None => self.why_not(key.pin, key.touch, began),
        }
    }

    /// Why a key was not used. A missing PIN and a missing touch are refused alike (6982). An empty VERIFY tells whether the PIN is still
    /// there; where it is wanted for each use it never is, and time tells.
    pub(super) fn why_not(
        &mut self,
        pin: Option<PinPolicy>,
        touch: Option<TouchPolicy>,
        began: Instant,
    ) -> Result<Use, Trouble> {
        let touch = touch != Some(TouchPolicy::Never);
        let quick = began.elapsed() < TOO_QUICK_FOR_A_TOUCH;
        Ok(match pin {
            // Without metadata that is a hint from the keyslot: a key that wants its PIN after all says so at once.
            Some(PinPolicy::Never) if !self.has_metadata() && quick => Use::NoPin,
            Some(PinPolicy::Never) => Use::NotTouched,
            Some(PinPolicy::Always) if touch && !quick => Use::NotTouched,
            Some(PinPolicy::Always) => Use::NoPin,
            Some(PinPolicy::Once) | None => match self.tries()? {
                None if touch => Use::NotTouched,
                _ => Use::NoPin,
            },
        })
    }

    fn checked(&self, mode: Mode, z: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let bad = |why| Err(Trouble::Final(PivError::BadAnswer { token: self.info.name(), why }));
        if z.len() != mode.curve().secret_len() {
            return bad("the shared secret has the wrong length");
        }
        // RFC 7748, 6.1. A Weierstrass x of zero is no secret that an honest token would come upon either.
        if z.iter().all(|&byte| byte == 0) {
            return bad("the shared secret is zero");
        }
        Ok(z)
    }
}

/// The key that an attestation is about, where the token tells of it no other way.
pub(super) fn attested_key(slot: PivSlot, statement: &[u8]) -> Option<KeyInfo> {
    let public = PublicKey::from_certificate(statement)?;
    let (pin, touch) = attested_policies(statement)?;
    Some(KeyInfo { slot, public, pin: Some(pin), touch: Some(touch), generated: Some(true) })
}

/// Which of the two that a person types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// The PIN.
    Pin,
    /// The PUK.
    Puk,
}

/// The crate's name for a PIV slot.
pub fn slot_id(slot: PivSlot) -> SlotId {
    SlotId::try_from(slot.code()).unwrap_or_else(|_| unreachable!("all PIV slots of ours are known to the crate"))
}

/// The crate's name for a mode.
pub fn algorithm_of(mode: Mode) -> AlgorithmId {
    match mode {
        Mode::EcdhP256 => AlgorithmId::EccP256,
        Mode::EcdhP384 => AlgorithmId::EccP384,
        Mode::EcdhX25519 => AlgorithmId::X25519,
    }
}

fn mode_of(algorithm: AlgorithmId) -> Result<Mode, &'static str> {
    match algorithm {
        AlgorithmId::EccP256 => Ok(Mode::EcdhP256),
        AlgorithmId::EccP384 => Ok(Mode::EcdhP384),
        AlgorithmId::X25519 => Ok(Mode::EcdhX25519),
        AlgorithmId::Ed25519 => Err("Ed25519"),
        _ => Err("RSA"),
    }
}

fn pin_policy(slot: PivSlot, policy: yubikey::PinPolicy) -> PinPolicy {
    match (policy, slot.code()) {
        (yubikey::PinPolicy::Never, _) | (yubikey::PinPolicy::Default, 0x9e) => PinPolicy::Never,
        (yubikey::PinPolicy::Always, _) | (yubikey::PinPolicy::Default, 0x9c) => PinPolicy::Always,
        (yubikey::PinPolicy::Once | yubikey::PinPolicy::Default, _) => PinPolicy::Once,
    }
}

fn touch_policy(policy: yubikey::TouchPolicy) -> TouchPolicy {
    match policy {
        yubikey::TouchPolicy::Never | yubikey::TouchPolicy::Default => TouchPolicy::Never,
        yubikey::TouchPolicy::Always => TouchPolicy::Always,
        yubikey::TouchPolicy::Cached => TouchPolicy::Cached,
    }
}
