//! What a return value means. Modules use whatever code they like for the same thing, so the function counts as much as the
//! code, and no class hangs on a single one.

use super::codes;
use crate::factor::pkcs11::protocol::{Failure, FailureClass};
use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Pkcs11(rv, function) => Self {
                class: class(rv, function),
                function: codes::function_name(function),
                name: codes::name(rv),
                code: Some(codes::code(rv)),
            },
            Error::NullFunctionPointer | Error::NotSupported => {
                Self::plain(FailureClass::Mechanism, "the module lacks the function")
            }
            Error::LibraryLoading(error) => Self::plain(FailureClass::ModuleUnusable, &load_error(&error.to_string())),
            Error::MissingSymbol(_) => Self::plain(FailureClass::ModuleUnusable, "it is no PKCS#11 module"),
            other => Self::plain(FailureClass::BadAnswer, &other.to_string()),
        }
    }
}

impl Failure {
    /// A failure that is no return value.
    pub fn plain(class: FailureClass, what: &str) -> Self {
        Self { class, function: String::new(), name: what.to_owned(), code: None }
    }
}

/// The loader's text without what it repeats.
fn load_error(text: &str) -> String {
    if text.contains("C_GetFunctionList") {
        return "it is no PKCS#11 module".to_owned();
    }
    text.rsplit_once(": ").map_or(text, |(_, last)| last).to_owned()
}

/// The class of a return value. 0x30 (`DeviceError`) is looked at again by who knows whether the token is still there.
pub fn class(rv: RvError, function: Function) -> FailureClass {
    use RvError as R;
    if matches!(function, Function::Initialize | Function::GetFunctionList | Function::GetInterface) {
        return FailureClass::ModuleUnusable;
    }
    match rv {
        R::PinIncorrect => FailureClass::PinWrong,
        R::PinLocked => FailureClass::PinLocked,
        R::PinExpired | R::NewPinMode => FailureClass::PinMustChange,
        R::PinInvalid | R::PinLenRange | R::PinTooWeak => FailureClass::PinForm,
        // libykcs11 of a PIN that is too short or too long.
        R::ArgumentsBad if matches!(function, Function::Login) => FailureClass::PinForm,
        R::UserPinNotInitialized => FailureClass::PinNotSet,
        R::DeviceRemoved | R::TokenNotPresent | R::TokenNotRecognized | R::DeviceError | R::SlotIdInvalid => {
            FailureClass::TokenGone
        }
        R::KeyHandleInvalid | R::ObjectHandleInvalid => FailureClass::KeyGone,
        R::MechanismInvalid
        | R::MechanismParamInvalid
        | R::FunctionNotSupported
        | R::KeyFunctionNotPermitted
        | R::KeyTypeInconsistent
        | R::KeySizeRange
        | R::CurveNotSupported => FailureClass::Mechanism,
        R::ArgumentsBad if is_init(function) => FailureClass::Mechanism,
        // The crate asks for the size first, which NSS does not have for AES-GCM.
        R::BufferTooSmall if matches!(function, Function::Encrypt | Function::Decrypt | Function::Sign) => {
            FailureClass::Mechanism
        }
        R::UserNotLoggedIn => FailureClass::NotLoggedIn,
        _ => FailureClass::Refused,
    }
}

fn is_init(function: Function) -> bool {
    matches!(function, Function::EncryptInit | Function::DecryptInit | Function::SignInit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn function_and_code_decide() {
        assert_eq!(class(RvError::ArgumentsBad, Function::DecryptInit), FailureClass::Mechanism);
        assert_eq!(class(RvError::ArgumentsBad, Function::Decrypt), FailureClass::Refused);
        assert_eq!(class(RvError::ArgumentsBad, Function::Login), FailureClass::PinForm);
        assert_eq!(class(RvError::DeviceError, Function::Initialize), FailureClass::ModuleUnusable);
        assert_eq!(class(RvError::DeviceRemoved, Function::FindObjects), FailureClass::TokenGone);
        assert_eq!(class(RvError::PinExpired, Function::Login), FailureClass::PinMustChange);
        assert_eq!(class(RvError::BufferTooSmall, Function::Encrypt), FailureClass::Mechanism);
    }

    #[test]
    fn a_failure_names_function_and_code() {
        let failure = Failure::from(Error::Pkcs11(RvError::PinIncorrect, Function::Login));
        assert_eq!(failure.function, "C_Login");
        assert_eq!(failure.name, "CKR_PIN_INCORRECT");
        assert_eq!(failure.code, Some(0xa0));
    }

    #[test]
    fn the_loader_is_quoted_briefly() {
        assert_eq!(load_error("/x/y.so: invalid ELF header"), "invalid ELF header");
        assert_eq!(load_error("/x/libc.so: undefined symbol: C_GetFunctionList"), "it is no PKCS#11 module");
    }
}
