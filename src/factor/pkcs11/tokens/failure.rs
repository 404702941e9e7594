//! Failures in our own words, by what was wanted and of what token.

use super::{Found, Tokens};
use crate::factor::pkcs11::error::TokenError;
use crate::factor::pkcs11::protocol::{Failure, FailureClass, HexBytes, Request};
use crate::factor::pkcs11::uri::Uri;
use std::time::Duration;

/// pcscd looks into its readers every 400 ms.
const PCSCD_LOOKS: Duration = Duration::from_millis(500);

impl Tokens {
    /// Names a failure to use a key. `told`: it took so long that the person was told of a touch.
    pub(super) fn use_error(&mut self, found: &Found, request: &Request, failure: Failure, told: bool) -> TokenError {
        // A PIV card has one answer (69 82) for a touch that did not come and for a PIN that is missing. OpenSC makes of it that nobody is
        // logged in, libykcs11 a failed function.
        let denied = failure.class == FailureClass::NotLoggedIn || failure.name == "CKR_FUNCTION_FAILED";
        let error = self.token_error(found, request, failure);
        let error = self.second_look(found, error);
        let token = found.info.name();
        match error {
            TokenError::Refused { .. } | TokenError::NotLoggedIn { .. } if found.info.is_piv() && denied && told => {
                TokenError::NotTouched { token }
            }
            TokenError::NotLoggedIn { .. } if found.info.is_piv() => {
                TokenError::PinEachTime { token, key: wanted(request) }
            }
            error => error,
        }
    }

    /// A card that is pulled out while it works is to its module any failure; a moment later pcscd knows that it is gone.
    pub(super) fn second_look(&mut self, found: &Found, error: TokenError) -> TokenError {
        if !found.info.is_piv() || !matches!(error, TokenError::Refused { .. }) {
            return error;
        }
        std::thread::sleep(PCSCD_LOOKS);
        match self.refresh(&mut found.clone()) {
            Err(gone @ TokenError::TokenGone { .. }) => gone,
            _ => error,
        }
    }

    /// Names a failure by what was wanted.
    pub(super) fn token_error(&self, found: &Found, request: &Request, failure: Failure) -> TokenError {
        let token = found.info.name();
        let key = wanted(request);
        let mode = if let Request::Generate { mode, .. } = request { Some(*mode) } else { None };
        match failure.class {
            FailureClass::PinWrong => TokenError::PinWrong { token, tries: found.info.tries() },
            FailureClass::PinLocked => TokenError::PinLocked { token },
            FailureClass::PinMustChange => TokenError::PinMustChange { token },
            FailureClass::PinNotSet => TokenError::PinNotSet { token },
            FailureClass::PinForm if failure.code.is_some() => TokenError::PinNotTaken { token, code: failure.name },
            FailureClass::PinForm => TokenError::PinForm {
                token,
                min: found.info.min_pin,
                max: found.info.max_pin,
                why: "the token does not take its form",
            },
            FailureClass::TokenGone => TokenError::TokenGone { token },
            FailureClass::KeyGone if found.info.is_piv() => TokenError::NoPivKey { token, key },
            FailureClass::KeyGone => TokenError::KeyGone { token, key },
            FailureClass::KeyAmbiguous(n) => TokenError::KeyAmbiguous { token, key, n },
            FailureClass::KeyExists => TokenError::KeyExists { token, key },
            FailureClass::Mechanism => TokenError::Mechanism { token, mode, code: failure.name },
            FailureClass::NotLoggedIn => TokenError::NotLoggedIn { token },
            FailureClass::ZeroIv => TokenError::ZeroIv { token },
            FailureClass::BadAnswer => TokenError::BadAnswer { token, why: failure.name },
            FailureClass::ModuleUnusable => {
                let path = self.modules[found.module].module.shown();
                TokenError::ModuleUnusable { path, why: failure.name }
            }
            FailureClass::Refused => {
                TokenError::Refused { token, function: failure.function, name: failure.name, code: failure.code }
            }
        }
    }
}

/// The key that was asked for, for messages.
fn wanted(request: &Request) -> String {
    match request {
        Request::Seal { key, .. } | Request::Reproduce { key, .. } => key_name(key.id.as_ref(), key.label.as_ref()),
        Request::Generate { label, id, .. } => key_name(Some(id), Some(&HexBytes(label.clone().into_bytes()))),
        _ => "it was asked for".to_owned(),
    }
}

fn key_name(id: Option<&HexBytes>, label: Option<&HexBytes>) -> String {
    let uri = Uri { id: id.map(|id| id.0.clone()), object: label.map(|label| label.0.clone()), ..Uri::default() };
    uri.key_name()
}
