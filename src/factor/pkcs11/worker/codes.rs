//! Names and numbers of PKCS#11 return values and functions, which cryptoki keeps to itself: a person who asks a vendor for help needs
//! them as the standard writes them.

use cryptoki::context::Function;
use cryptoki::error::RvError;

macro_rules! codes {
    ($($variant:ident $code:literal,)*) => {
        /// The number of a return value (PKCS#11 3.2, `CKR_*`).
        pub fn code(rv: RvError) -> u64 {
            match rv {
                $(RvError::$variant => $code,)*
                RvError::VendorDefined(code) | RvError::UnknownErrorCode(code) => u64::from(code),
            }
        }
    };
}

codes! {
    Cancel 0x1, HostMemory 0x2, SlotIdInvalid 0x3, GeneralError 0x5, FunctionFailed 0x6, ArgumentsBad 0x7,
    NoEvent 0x8, NeedToCreateThreads 0x9, CantLock 0xa, AttributeReadOnly 0x10, AttributeSensitive 0x11,
    AttributeTypeInvalid 0x12, AttributeValueInvalid 0x13, ActionProhibited 0x1b, DataInvalid 0x20, DataLenRange 0x21,
    DeviceError 0x30, DeviceMemory 0x31, DeviceRemoved 0x32, EncryptedDataInvalid 0x40, EncryptedDataLenRange 0x41,
    FunctionCanceled 0x50, FunctionNotParallel 0x51, FunctionNotSupported 0x54, CurveNotSupported 0x140,
    KeyHandleInvalid 0x60, KeySizeRange 0x62, KeyTypeInconsistent 0x63, KeyNotNeeded 0x64, KeyChanged 0x65,
    KeyNeeded 0x66, KeyIndigestible 0x67, KeyFunctionNotPermitted 0x68, KeyNotWrappable 0x69, KeyUnextractable 0x6a,
    MechanismInvalid 0x70, MechanismParamInvalid 0x71, ObjectHandleInvalid 0x82, OperationActive 0x90,
    OperationNotInitialized 0x91, PinIncorrect 0xa0, PinInvalid 0xa1, PinLenRange 0xa2, PinExpired 0xa3,
    PinLocked 0xa4, SessionClosed 0xb0, SessionCount 0xb1, SessionHandleInvalid 0xb3,
    SessionParallelNotSupported 0xb4, SessionReadOnly 0xb5, SessionExists 0xb6, SessionReadOnlyExists 0xb7,
    SessionReadWriteSoExists 0xb8, SignatureInvalid 0xc0, SignatureLenRange 0xc1, TemplateIncomplete 0xd0,
    TemplateInconsistent 0xd1, TokenNotPresent 0xe0, TokenNotRecognized 0xe1, TokenWriteProtected 0xe2,
    UnwrappingKeyHandleInvalid 0xf0, UnwrappingKeySizeRange 0xf1, UnwrappingKeyTypeInconsistent 0xf2,
    UserAlreadyLoggedIn 0x100, UserNotLoggedIn 0x101, UserPinNotInitialized 0x102, UserTypeInvalid 0x103,
    UserAnotherAlreadyLoggedIn 0x104, UserTooManyTypes 0x105, WrappedKeyInvalid 0x110, WrappedKeyLenRange 0x112,
    WrappingKeyHandleInvalid 0x113, WrappingKeySizeRange 0x114, WrappingKeyTypeInconsistent 0x115,
    RandomSeedNotSupported 0x120, RandomNoRng 0x121, DomainParamsInvalid 0x130, BufferTooSmall 0x150,
    SavedStateInvalid 0x160, InformationSensitive 0x170, StateUnsaveable 0x180, CryptokiNotInitialized 0x190,
    CryptokiAlreadyInitialized 0x191, MutexBad 0x1a0, MutexNotLocked 0x1a1, NewPinMode 0x1b0, NextOtp 0x1b1,
    ExceededMaxIterations 0x1b5, FipsSelfTestFailed 0x1b6, LibraryLoadFailed 0x1b7, PinTooWeak 0x1b8,
    PublicKeyInvalid 0x1b9, FunctionRejected 0x200,
}

/// `CKR_PIN_INCORRECT`. The number, which alone tells a vendor's own codes apart, is always shown beside it.
pub fn name(rv: RvError) -> String {
    match rv {
        RvError::VendorDefined(_) => "CKR_VENDOR_DEFINED".to_owned(),
        RvError::UnknownErrorCode(_) => "an unknown code".to_owned(),
        known => snake("CKR", &format!("{known:?}")),
    }
}

/// `C_EncryptInit`.
pub fn function_name(function: Function) -> String {
    format!("C_{function:?}")
}

/// `UserPinNotInitialized` to `CKR_USER_PIN_NOT_INITIALIZED`.
fn snake(prefix: &str, camel: &str) -> String {
    camel.chars().fold(prefix.to_owned(), |mut name, c| {
        if c.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(c.to_ascii_uppercase());
        name
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_standard_writes_them() {
        assert_eq!((name(RvError::PinIncorrect).as_str(), code(RvError::PinIncorrect)), ("CKR_PIN_INCORRECT", 0xa0));
        assert_eq!(name(RvError::UserPinNotInitialized), "CKR_USER_PIN_NOT_INITIALIZED");
        let vendor = RvError::VendorDefined(0x8000_0001);
        assert_eq!((name(vendor).as_str(), code(vendor)), ("CKR_VENDOR_DEFINED", 0x8000_0001));
        assert_eq!(function_name(Function::InitPIN), "C_InitPIN");
    }
}
