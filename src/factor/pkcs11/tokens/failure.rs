//! Failures in our own words, by what was wanted and of what token.

use super::{Found, Tokens};
use crate::factor::pkcs11::error::TokenError;
use crate::factor::pkcs11::protocol::{Failure, FailureClass, HexBytes, Request};
use crate::factor::pkcs11::uri::Uri;

impl Tokens {
    /// Names a failure to use a key. `told`: it took so long that the person was told of a touch.
    pub(super) fn use_error(&self, found: &Found, request: &Request, failure: Failure, told: bool) -> TokenError {
        // A PIV card has one answer (69 82) for a touch that did not come and for a PIN that is missing. OpenSC makes of it that nobody is
        // logged in, libykcs11 a failed function.
        let denied = failure.class == FailureClass::NotLoggedIn || failure.name == "CKR_FUNCTION_FAILED";
        if !found.info.is_piv() || !denied {
            return self.token_error(found, request, failure);
        }
        let token = found.info.name();
        match failure.class {
            _ if told => TokenError::NotTouched { token },
            FailureClass::NotLoggedIn => TokenError::PinEachTime { token, key: wanted(request) },
            _ => self.token_error(found, request, failure),
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
