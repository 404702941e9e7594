//! One YubiKey that is open: what the `yubikey` crate does for us, with every way in which it or the card may fail told apart.
//!
//! The crate panics on some short answers of a card (`get_version`, metadata without a value, `attest`): each call is guarded. Its
//! `reconnect` is not used: it would send its cached PIN to whatever card is in the reader by then. `Desk` opens anew instead, and
//! looks whether it is the same token.

use super::super::error::PivError;
use super::super::info::{Agreed, KeyInfo, TokenInfo, printable};
use super::super::params::Mode;
use super::super::public::{PublicKey, attested_policies, certificate_in};
use super::super::slot::{PinPolicy, PivSlot, TouchPolicy};
use crate::prompt::Tries;
use crate::secret::Pin;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use yubikey::piv::{AlgorithmId, ManagementSlotId, Origin, SlotAlgorithmId, SlotId};
use yubikey::{YubiKey, piv};
use zeroize::Zeroizing;

/// A missing PIN is refused at once; a touch is waited for longer than this.
const TOO_QUICK_FOR_A_TOUCH: Duration = Duration::from_millis(150);

/// A failure, and whether a new connection may help.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The card was reset, pulled, or has another application selected: worth one more connection.
    Again(PivError),
    /// It stays so.
    Final(PivError),
}

impl Trouble {
    pub(super) fn into_error(self) -> PivError {
        match self {
            Self::Again(error) | Self::Final(error) => error,
        }
    }
}

/// What came of a use of a key.
pub(super) enum Use {
    /// The shared secret.
    Agreed(Agreed),
    /// It was not touched in time.
    NotTouched,
    /// It wants its PIN (again).
    NoPin,
}

/// Runs a call of the `yubikey` crate; a panic in it is an answer that makes no sense.
fn guarded<T>(call: impl FnOnce() -> Result<T, yubikey::Error>) -> Option<Result<T, yubikey::Error>> {
    catch_unwind(AssertUnwindSafe(call)).ok()
}

/// Runs a call on an open card.
pub(super) fn call<T>(
    token: &str,
    doing: &'static str,
    call: impl FnOnce() -> Result<T, yubikey::Error>,
) -> Result<Result<T, yubikey::Error>, Trouble> {
    let Some(result) = guarded(call) else {
        return Err(Trouble::Final(PivError::BadAnswer {
            token: token.to_owned(),
            why: "it is shorter than it should be",
        }));
    };
    match result {
        Err(yubikey::Error::PcscError { inner }) => Err(service(token, doing, inner)),
        other => Ok(other),
    }
}

/// What the service says.
fn service(token: &str, doing: &'static str, error: Option<pcsc::Error>) -> Trouble {
    use pcsc::Error as E;
    let token = token.to_owned();
    match error {
        Some(E::ResetCard) => Trouble::Again(PivError::Reset { token }),
        Some(
            E::RemovedCard
            | E::NoSmartcard
            | E::UnpoweredCard
            | E::NotTransacted
            | E::CommError
            | E::ReaderUnavailable
            | E::UnknownReader
            | E::InvalidHandle,
        ) => Trouble::Again(PivError::Gone { token }),
        Some(E::NoService | E::ServiceStopped | E::Shutdown) => Trouble::Final(PivError::NoService),
        Some(E::SecurityViolation | E::NoAccess) => Trouble::Final(PivError::Denied),
        Some(E::SharingViolation) => Trouble::Final(PivError::Held { reader: token, holder: super::holder::find() }),
        Some(other) => Trouble::Final(PivError::Refused { token, doing, why: lower(&other.to_string()) }),
        None => Trouble::Final(PivError::Refused { token, doing, why: "the service failed".to_owned() }),
    }
}

/// The service's own sentences, as ours are.
fn lower(text: &str) -> String {
    let mut rest = text.trim_end_matches('.').chars();
    rest.next().map_or_else(String::new, |first| first.to_lowercase().chain(rest).collect())
}

/// What the crate says of an answer.
pub(super) fn answer(token: &str, doing: &'static str, error: yubikey::Error) -> Trouble {
    use yubikey::Error as E;
    let token = token.to_owned();
    match error {
        E::SizeError | E::ParseError | E::InvalidObject | E::AlgorithmError => {
            Trouble::Final(PivError::BadAnswer { token, why: "it is not what was asked for" })
        }
        // Another program selected another application, which does not know the command, or the card was pulled in the middle.
        E::GenericError | E::NotSupported => {
            Trouble::Again(PivError::Refused { token, doing, why: "the token answers with an error".to_owned() })
        }
        other => Trouble::Final(PivError::Refused { token, doing, why: other.to_string() }),
    }
}

/// An open YubiKey.
pub struct Token {
    yubikey: YubiKey,
    pub(super) info: TokenInfo,
    /// A PIN was sent: the card may hold it verified, so it is reset when closed.
    pin_sent: bool,
    /// The right to change its keys was proven: the card may remember that, too.
    pub(super) managed: bool,
    /// Its keys, once all were looked at.
    pub(super) keys: Option<Vec<KeyInfo>>,
}

impl Token {
    pub(super) fn new(yubikey: YubiKey) -> Self {
        let version = yubikey.version();
        let firmware = (version.major, version.minor, version.patch);
        let info = TokenInfo { serial: yubikey.serial().0, firmware, reader: printable(yubikey.name()), called: None };
        Self { yubikey, info, pin_sent: false, managed: false, keys: None }
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
        let Some(object) = self.object(slot.certificate_object())? else { return Ok(None) };
        let bad =
            || Trouble::Final(PivError::BadAnswer { token: self.info.name(), why: "its certificate cannot be read" });
        let der = certificate_in(&object).ok_or_else(bad)?;
        let public = PublicKey::from_certificate(der).ok_or_else(bad)?;
        Ok(Some(KeyInfo { slot, public, pin: None, touch: None, generated: None }))
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

    /// The attestation certificate of a key, DER; `None`: the token gives none.
    pub(super) fn attest(&mut self, slot: PivSlot) -> Result<Option<Vec<u8>>, Trouble> {
        let id = slot_id(slot);
        Ok(self.call("attest its key", |yubikey| piv::attest(yubikey, id))?.ok().map(|der| der.to_vec()))
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

    /// Tries left for the PIN; `None`: it is verified at the moment. The same on every firmware, and one APDU.
    pub(super) fn tries(&mut self) -> Result<Option<u8>, Trouble> {
        const DOING: &str = "tell how many PIN tries are left";
        match self.call(DOING, |yubikey| yubikey.verify_pin(b""))? {
            Ok(()) => Ok(None),
            Err(yubikey::Error::WrongPin { tries }) => Ok(Some(tries)),
            Err(error) => Err(answer(&self.info.name(), DOING, error)),
        }
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

    /// Sends a PIN, once. Its form was checked before.
    pub(super) fn verify(&mut self, pin: &Pin) -> Result<(), Trouble> {
        const DOING: &str = "check its PIN";
        self.pin_sent = true;
        let token = self.info.name();
        match self.call(DOING, |yubikey| yubikey.verify_pin(pin.expose().as_bytes()))? {
            Ok(()) => Ok(()),
            Err(yubikey::Error::WrongPin { tries: 0 } | yubikey::Error::PinLocked) => {
                Err(Trouble::Final(PivError::PinLocked { token }))
            }
            Err(yubikey::Error::WrongPin { tries }) => {
                Err(Trouble::Final(PivError::PinWrong { token, tries: Tries::Exactly(tries) }))
            }
            Err(error) => Err(answer(&token, DOING, error)),
        }
    }

    /// Lets the key agree on a secret with `point`; blocks until the token was touched, if it wants that.
    pub(super) fn agree(&mut self, key: &KeyInfo, mode: Mode, point: &[u8]) -> Result<Use, Trouble> {
        const DOING: &str = "use its key";
        let (id, algorithm) = (slot_id(key.slot), algorithm_of(mode));
        let began = Instant::now();
        let error = match self.call(DOING, |yubikey| piv::decrypt_data(yubikey, point, algorithm, id))? {
            Ok(z) => {
                let took = began.elapsed();
                return self.checked(mode, z).map(|z| Use::Agreed(Agreed { z, took }));
            }
            Err(yubikey::Error::AuthenticationError) => None,
            Err(error) => Some(error),
        };
        if let Some(error) = error {
            return Err(answer(&self.info.name(), DOING, error));
        }
        self.why_not(key.pin, key.touch, began)
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
        Ok(match pin {
            Some(PinPolicy::Never) => Use::NotTouched,
            Some(PinPolicy::Always) if touch && began.elapsed() >= TOO_QUICK_FOR_A_TOUCH => Use::NotTouched,
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
