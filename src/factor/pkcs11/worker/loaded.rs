//! A loaded and initialised module: tokens, sessions, logins.

use super::{Outcome, init_args};
use crate::factor::pkcs11::info::{BrokenToken, ModuleInfo, TokenInfo};
use crate::factor::pkcs11::mode::Mode;
use crate::factor::pkcs11::protocol::{Failure, FailureClass};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::MechanismType;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::path::Path;
use std::time::Duration;

/// SoftHSM rewrites a file at C_Login, and who reads it meanwhile finds it half-written or the token gone: so often is it tried again,
/// and then so often with all files read anew.
const SOFTHSM_TRIES: u32 = 4;
const SOFTHSM_RELOADS: u32 = 20;
/// And so long apart.
const SOFTHSM_PAUSE: Duration = Duration::from_millis(15);

/// The module of this process.
pub struct Loaded {
    context: Pkcs11,
    softhsm: bool,
    init_args: Option<CString>,
    /// One session a token stays open, since closing the last one is a logout. Nothing else is done in it.
    logins: BTreeMap<u64, Session>,
}

impl Loaded {
    /// Loads the library (which runs its code) and initialises it.
    pub fn load(path: &str, init_args: Option<&str>) -> Outcome<(Self, ModuleInfo)> {
        if !Path::new(path).is_absolute() {
            // An empty name would load our own binary, a bare one whatever the loader's search path finds.
            return Err(Failure::plain(FailureClass::ModuleUnusable, "its path is not absolute"));
        }
        let bad_args =
            |_| Failure::plain(FailureClass::ModuleUnusable, "its initialisation arguments have a NUL in them");
        let init_args = init_args.map(CString::new).transpose().map_err(bad_args)?;
        let context = Pkcs11::new(path)?;
        initialize(&context, init_args.as_deref())?;
        let info = context.get_library_info()?;
        let info = ModuleInfo {
            manufacturer: trim(info.manufacturer_id()),
            description: trim(info.library_description()),
            version: info.library_version().to_string(),
            cryptoki: info.cryptoki_version().to_string(),
        };
        let softhsm = info.manufacturer == "SoftHSM";
        Ok((Self { context, softhsm, init_args, logins: BTreeMap::new() }, info))
    }

    /// All initialised and uninitialised tokens; one that cannot be read does not hide the others.
    pub fn tokens(&self) -> Outcome<(Vec<TokenInfo>, Vec<BrokenToken>)> {
        let (mut tokens, mut broken) = (Vec::new(), Vec::new());
        for slot in self.context.get_slots_with_token()? {
            match self.context.get_token_info(slot) {
                Ok(info) => tokens.push(token_info(slot, &info)),
                // Pulled out in the meantime.
                Err(Error::Pkcs11(RvError::TokenNotPresent | RvError::DeviceRemoved, _)) => {}
                Err(error) => broken.push(BrokenToken { slot: slot.id(), why: Failure::from(error).name }),
            }
        }
        Ok((tokens, broken))
    }

    /// CKF_REMOVABLE_DEVICE of a PKCS#11 slot.
    pub fn removable(&self, slot: u64) -> Outcome<bool> {
        Ok(self.context.get_slot_info(slot_of(slot)?)?.removable_device())
    }

    /// Whether some PKCS#11 slot has this token in it, by its own flag (CKF_TOKEN_PRESENT) as well: some modules remember what they told
    /// of a token after it is gone. What cannot be read is not there.
    pub fn has(&self, label: &str, serial: &str) -> bool {
        // Some modules look only when asked for the list.
        self.context.get_slots_with_token().unwrap_or_default().into_iter().any(|slot| {
            self.context.get_slot_info(slot).is_ok_and(|info| info.token_present())
                && self
                    .context
                    .get_token_info(slot)
                    .is_ok_and(|info| trim(info.label()) == label && trim(info.serial_number()) == serial)
        })
    }

    /// Modes that the mechanism list promises. It may lie; a round trip tells.
    pub fn modes(&self, slot: u64) -> Outcome<Vec<Mode>> {
        let list = self.context.get_mechanism_list(slot_of(slot)?)?;
        let has = |wanted: &[MechanismType]| wanted.iter().all(|one| list.contains(one));
        let modes = Mode::ALL.into_iter().filter(|mode| match mode {
            Mode::AesGcm => has(&[MechanismType::AES_GCM, MechanismType::AES_KEY_GEN]),
            Mode::HmacSha256 => has(&[MechanismType::SHA256_HMAC, MechanismType::GENERIC_SECRET_KEY_GEN]),
            Mode::RsaOaepSha256 | Mode::RsaOaepSha1 => {
                has(&[MechanismType::RSA_PKCS_OAEP, MechanismType::RSA_PKCS_KEY_PAIR_GEN])
            }
            Mode::EcdhP256 | Mode::EcdhP384 => has(&[MechanismType::ECDH1_DERIVE, MechanismType::ECC_KEY_PAIR_GEN]),
            Mode::EcdhX25519 => has(&[MechanismType::ECDH1_DERIVE, MechanismType::ECC_MONTGOMERY_KEY_PAIR_GEN]),
        });
        Ok(modes.collect())
    }

    /// A fresh session, thrown away by the caller after one use: NSS and tpm2 keep a failed operation active in it.
    pub fn session(&self, slot: u64) -> Outcome<Session> {
        Ok(self.context.open_ro_session(slot_of(slot)?)?)
    }

    /// The same, that may make objects.
    pub fn writing_session(&self, slot: u64) -> Outcome<Session> {
        Ok(self.context.open_rw_session(slot_of(slot)?)?)
    }

    /// Logs in as user. `pin` is `None` only where the PIN is typed on the token: without a PIN pad it may count as a wrong try.
    pub fn login(&mut self, slot: u64, pin: Option<&AuthPin>) -> Outcome<()> {
        self.logins.remove(&slot);
        let id = slot_of(slot)?;
        let mut tries = 0;
        loop {
            match self.login_once(id, pin) {
                Ok(session) => {
                    self.logins.insert(slot, session);
                    return Ok(());
                }
                Err(error) if self.softhsm && tries < SOFTHSM_TRIES + SOFTHSM_RELOADS && is_softhsm_race(&error) => {
                    std::thread::sleep(SOFTHSM_PAUSE);
                    tries += 1;
                    // It would log out of the other tokens of this module.
                    if tries >= SOFTHSM_TRIES && self.logins.is_empty() {
                        self.reload()?;
                    }
                }
                Err(error) => return Err(self.failure(slot, error)),
            }
        }
    }

    fn login_once(&self, slot: Slot, pin: Option<&AuthPin>) -> Result<Session, Error> {
        let session = self.context.open_ro_session(slot)?;
        match session.login(UserType::User, pin) {
            // Returned without looking at the PIN, so it may not be taken for a success.
            Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {
                session.logout()?;
                session.login(UserType::User, pin)?;
            }
            other => other?,
        }
        Ok(session)
    }

    /// C_Finalize and C_Initialize, so that SoftHSM reads its files anew; logins are lost. For other modules nothing.
    pub fn reload(&mut self) -> Outcome<()> {
        if self.softhsm {
            self.logins.clear();
            self.context.clone().finalize()?;
            initialize(&self.context, self.init_args.as_deref())?;
        }
        Ok(())
    }

    /// The failure behind an error, with a second look where the code alone does not tell: a damaged blob may come back as
    /// `CKR_DEVICE_ERROR`, which does not mean that the token is gone.
    pub fn failure(&self, slot: u64, error: Error) -> Failure {
        let device_error = matches!(error, Error::Pkcs11(RvError::DeviceError, _));
        let mut failure = Failure::from(error);
        let vague = matches!(failure.class, FailureClass::Refused | FailureClass::TokenGone) && failure.code.is_some();
        if vague {
            let there = slot_of(slot).is_ok_and(|slot| self.context.get_token_info(slot).is_ok());
            if !there {
                failure.class = FailureClass::TokenGone;
            } else if device_error {
                failure.class = FailureClass::Refused;
            }
        }
        failure
    }

    /// C_Logout, C_Finalize. What they return helps nobody. OpenSC leaves a card as it is at the end: without the logout whoever comes next
    /// could use its keys without a PIN.
    pub fn finalize(self) {
        for session in self.logins.values() {
            let _ = session.logout();
        }
        drop(self.logins);
        let _ = self.context.finalize();
    }
}

fn initialize(context: &Pkcs11, init_args: Option<&CStr>) -> Outcome<()> {
    let flags = CInitializeFlags::OS_LOCKING_OK;
    let done = match init_args {
        None => context.initialize(CInitializeArgs::new(flags)),
        Some(text) => init_args::initialize(context, flags, text),
    };
    match done {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Only codes that say nothing of the PIN: a PIN that was judged is never sent again by itself. SoftHSM has no lockout, so not even
/// a misjudged code costs a try.
fn is_softhsm_race(error: &Error) -> bool {
    matches!(
        error,
        Error::Pkcs11(
            RvError::GeneralError
                | RvError::FunctionFailed
                | RvError::DeviceError
                | RvError::UserPinNotInitialized
                | RvError::TokenNotRecognized
                | RvError::TokenNotPresent
                | RvError::SlotIdInvalid,
            _
        )
    )
}

pub fn slot_of(slot: u64) -> Outcome<Slot> {
    Ok(Slot::try_from(slot)?)
}

fn trim(text: &str) -> String {
    text.trim_matches([' ', '\0']).to_owned()
}

fn token_info(slot: Slot, info: &cryptoki::slot::TokenInfo) -> TokenInfo {
    TokenInfo {
        slot: slot.id(),
        label: trim(info.label()),
        manufacturer: trim(info.manufacturer_id()),
        model: trim(info.model()),
        serial: trim(info.serial_number()),
        initialized: info.token_initialized(),
        pin_set: info.user_pin_initialized(),
        login_required: info.login_required(),
        pin_pad: info.protected_authentication_path(),
        pin_low: info.user_pin_count_low(),
        pin_last: info.user_pin_final_try(),
        pin_locked: info.user_pin_locked(),
        pin_must_change: info.user_pin_to_be_changed(),
        write_protected: info.write_protected(),
        min_pin: info.min_pin_length(),
        max_pin: info.max_pin_length(),
    }
    .corrected()
}
