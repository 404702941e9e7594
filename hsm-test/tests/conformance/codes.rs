//! The error table: each return value that a class of failures shows itself by, at its function.

use crate::lab::{Enrolled, on_each_module};
use hsm_test::Module;
use twinlock::factor::pkcs11::{Mode, TokenError as E};

/// A plan, what it must come to, and how often C_Login may be called: `None` where the module is SoftHSM and the code may be one of its
/// races, which say nothing of the PIN.
struct Row {
    plan: &'static str,
    is: fn(&E) -> bool,
    logins: usize,
}

macro_rules! rows {
    ($($plan:literal, $logins:literal => $error:pat $(if $when:expr)?,)*) => {
        &[$(Row { plan: $plan, is: |error| matches!(error, $error $(if $when)?), logins: $logins }),*]
    };
}

/// The mode has no public half, so that nothing is compared before the PIN.
const OPENING: &[Row] = rows! {
    // PIN wrong, locked, to be changed, of a wrong form
    "C_Login * return CKR_PIN_INCORRECT", 1 => E::PinWrong { .. },
    "C_Login * return CKR_PIN_LOCKED", 1 => E::PinLocked { .. },
    "token-flags +USER_PIN_LOCKED", 0 => E::PinLocked { .. },
    "C_Login * return CKR_PIN_EXPIRED", 1 => E::PinMustChange { .. },
    "token-flags +USER_PIN_TO_BE_CHANGED", 0 => E::PinMustChange { .. },
    "C_Login * return CKR_PIN_INVALID", 1 => E::PinNotTaken { .. },
    "C_Login * return CKR_PIN_LEN_RANGE", 1 => E::PinNotTaken { .. },
    "C_Login * return CKR_ARGUMENTS_BAD", 1 => E::PinNotTaken { .. },
    "token-flags -USER_PIN_INITIALIZED", 0 => E::PinNotSet { .. },
    "C_Login * return CKR_USER_PIN_NOT_INITIALIZED", 1 => E::PinNotSet { .. },
    "token-flags +USER_PIN_FINAL_TRY", 0 => E::FinalTry { .. },
    // openCryptoki: a locked token calls every PIN wrong, and only the flag tells
    "C_Login * return CKR_PIN_INCORRECT\ntoken-flags +USER_PIN_COUNT_LOW", 1 => E::PinWrong { .. },
    // token gone, wherever it is found out
    "C_OpenSession * return CKR_TOKEN_NOT_PRESENT", 0 => E::TokenGone { .. },
    "C_OpenSession * return CKR_DEVICE_REMOVED", 0 => E::TokenGone { .. },
    "C_Login * return CKR_DEVICE_REMOVED", 1 => E::TokenGone { .. },
    "C_FindObjectsInit * return CKR_DEVICE_REMOVED", 1 => E::TokenGone { .. },
    "C_FindObjects * return CKR_DEVICE_REMOVED", 1 => E::TokenGone { .. },
    "C_SignInit * return CKR_DEVICE_REMOVED", 1 => E::TokenGone { .. },
    "C_Sign * return CKR_DEVICE_REMOVED", 1 => E::TokenGone { .. },
    "C_Sign * return CKR_TOKEN_NOT_PRESENT", 1 => E::TokenGone { .. },
    "C_Sign * return CKR_TOKEN_NOT_RECOGNIZED", 1 => E::TokenGone { .. },
    // but a damaged blob may be called a device error too, and then the token answers still
    "C_Sign * return CKR_DEVICE_ERROR", 1 => E::Refused { code: Some(0x30), .. },
    // key gone
    "C_SignInit * return CKR_KEY_HANDLE_INVALID", 1 => E::KeyGone { .. },
    "C_SignInit * return CKR_OBJECT_HANDLE_INVALID", 1 => E::KeyGone { .. },
    // mechanism
    "C_SignInit * return CKR_MECHANISM_INVALID", 1 => E::Mechanism { mode: Some(Mode::HmacSha256), .. },
    "C_SignInit * return CKR_MECHANISM_PARAM_INVALID", 1 => E::Mechanism { .. },
    "C_SignInit * return CKR_FUNCTION_NOT_SUPPORTED", 1 => E::Mechanism { .. },
    "C_SignInit * return CKR_KEY_FUNCTION_NOT_PERMITTED", 1 => E::Mechanism { .. },
    "C_SignInit * return CKR_KEY_TYPE_INCONSISTENT", 1 => E::Mechanism { .. },
    "C_SignInit * return CKR_ARGUMENTS_BAD", 1 => E::Mechanism { .. },
    "hide CKM_SHA256_HMAC", 1 => E::Mechanism { mode: Some(Mode::HmacSha256), .. },
    "C_Sign * return CKR_ARGUMENTS_BAD", 1 => E::Refused { code: Some(0x7), .. },
    // not logged in
    "C_SignInit * return CKR_USER_NOT_LOGGED_IN", 1 => E::NotLoggedIn { .. },
    "C_Sign * return CKR_USER_NOT_LOGGED_IN", 1 => E::NotLoggedIn { .. },
    // module unusable
    "C_GetFunctionList * return CKR_GENERAL_ERROR", 0 => E::ModuleUnusable { .. },
    "C_Initialize * return CKR_GENERAL_ERROR", 0 => E::ModuleUnusable { .. },
    "C_Initialize * return CKR_DEVICE_ERROR", 0 => E::ModuleUnusable { .. },
    "C_Initialize * return CKR_CANT_LOCK", 0 => E::ModuleUnusable { .. },
    "C_Initialize * return CKR_ARGUMENTS_BAD", 0 => E::ModuleUnusable { .. },
    "C_GetInfo * return CKR_GENERAL_ERROR", 0 => E::ModuleUnusable { .. },
    "C_GetSlotList * return CKR_GENERAL_ERROR", 0 => E::ModuleUnusable { .. },
    // anything else: function and code, as the vendor will ask for them
    "C_Sign * return CKR_GENERAL_ERROR", 1 => E::Refused { function, code: Some(0x5), .. } if function == "C_Sign",
    "C_Sign * return CKR_FUNCTION_FAILED", 1 => E::Refused { name, .. } if name == "CKR_FUNCTION_FAILED",
    "C_Sign * return 0x80000001", 1 => E::Refused { code: Some(0x8000_0001), .. },
    "C_Sign * return CKR_HOST_MEMORY", 1 => E::Refused { .. },
    "C_Sign * return CKR_FUNCTION_CANCELED", 1 => E::Refused { .. },
    "C_Sign * return CKR_OPERATION_NOT_INITIALIZED", 1 => E::Refused { .. },
    "C_SignInit * return CKR_OPERATION_ACTIVE", 1 => E::Refused { .. },
    "C_OpenSession * return CKR_SESSION_COUNT", 0 => E::Refused { function, .. } if function == "C_OpenSession",
    "C_FindObjectsInit * return CKR_GENERAL_ERROR", 1 => E::Refused { function, .. } if function == "C_FindObjectsInit",
};

/// How a damaged blob comes back, by the notes of six modules.
const DECRYPTING: &[Row] = rows! {
    "C_Decrypt * return CKR_GENERAL_ERROR", 1 => E::Refused { .. },
    "C_Decrypt * return CKR_DEVICE_ERROR", 1 => E::Refused { .. },
    "C_Decrypt * return CKR_FUNCTION_FAILED", 1 => E::Refused { .. },
    "C_Decrypt * return CKR_ENCRYPTED_DATA_INVALID", 1 => E::Refused { .. },
    "C_Decrypt * return CKR_ENCRYPTED_DATA_LEN_RANGE", 1 => E::Refused { .. },
    "C_Decrypt * return CKR_WRAPPED_KEY_INVALID", 1 => E::Refused { .. },
    "C_Decrypt * return CKR_AEAD_DECRYPT_FAILED", 1 => E::Refused { .. },
    "C_Decrypt * return CKR_DEVICE_REMOVED", 1 => E::TokenGone { .. },
    "C_DecryptInit * return CKR_ARGUMENTS_BAD", 1 => E::Mechanism { mode: Some(Mode::AesGcm), .. },
    "C_DecryptInit * return CKR_KEY_HANDLE_INVALID", 1 => E::KeyGone { .. },
    "hide CKM_AES_GCM", 1 => E::Mechanism { mode: Some(Mode::AesGcm), .. },
};

const DERIVING: &[Row] = rows! {
    "C_DeriveKey * return CKR_MECHANISM_INVALID", 1 => E::Mechanism { mode: Some(Mode::EcdhP256), .. },
    "C_DeriveKey * return CKR_MECHANISM_PARAM_INVALID", 1 => E::Mechanism { .. },
    "C_DeriveKey * return CKR_KEY_HANDLE_INVALID", 1 => E::KeyGone { .. },
    "C_DeriveKey * return CKR_DEVICE_REMOVED", 1 => E::TokenGone { .. },
    "C_DeriveKey * return CKR_TEMPLATE_INCONSISTENT", 1 => E::Refused { function, .. } if function == "C_DeriveKey",
    "C_DeriveKey * return CKR_USER_NOT_LOGGED_IN", 1 => E::NotLoggedIn { .. },
    "hide CKM_ECDH1_DERIVE", 1 => E::Mechanism { .. },
};

fn check(module: &Module, enrolled: &Enrolled, rows: &[Row]) {
    let mut wrong = Vec::new();
    for row in rows {
        // A person who would not type it again: one answer, one try.
        let error = enrolled.refused(row.plan);
        if !(row.is)(&error) {
            wrong.push(format!("{}: {error:?}", row.plan));
        }
        let logins = enrolled.logins();
        // SoftHSM counts no tries, and its races show themselves by codes that say nothing of the PIN.
        let race = module.locks_after.is_none() && logins > row.logins && row.logins > 0 && is_race(row.plan);
        if logins != row.logins && !race {
            wrong.push(format!("{}: C_Login was called {logins} times", row.plan));
        }
    }
    assert!(wrong.is_empty(), "on {}:\n{}", module.name, wrong.join("\n"));
    assert!(enrolled.is_secret(enrolled.open("")), "nothing of it lasts");
}

fn is_race(plan: &str) -> bool {
    plan == "C_Login * return CKR_USER_PIN_NOT_INITIALIZED"
}

#[test]
fn each_code_when_opening_is_an_error_to_act_on() {
    on_each_module(|module, token| check(module, &Enrolled::new(token, Mode::HmacSha256), OPENING));
}

#[test]
fn each_code_when_decrypting_is_an_error_to_act_on() {
    on_each_module(|module, token| check(module, &Enrolled::new(token, Mode::AesGcm), DECRYPTING));
}

#[test]
fn each_code_when_deriving_is_an_error_to_act_on() {
    on_each_module(|module, token| check(module, &Enrolled::new(token, Mode::EcdhP256), DERIVING));
}

#[test]
fn a_device_error_of_a_token_that_does_not_answer_any_more_means_that_it_is_gone() {
    on_each_module(|_, token| {
        let enrolled = Enrolled::new(token, Mode::HmacSha256);
        assert!(enrolled.is_secret(enrolled.open("")));
        // It answers as often as a whole opening asks it, and then no more.
        let asked = enrolled.faulty.count("C_GetTokenInfo");
        let silent: Vec<_> =
            (asked + 1..asked + 9).map(|n| format!("C_GetTokenInfo {n} return CKR_DEVICE_ERROR\n")).collect();
        let error = enrolled.refused(&format!("{}C_Sign * return CKR_DEVICE_ERROR", silent.concat()));
        assert!(matches!(error, E::TokenGone { .. }), "{error:?}");
    });
}

#[test]
fn a_token_that_cannot_be_looked_at_is_as_one_that_is_not_here() {
    on_each_module(|_, token| {
        let enrolled = Enrolled::new(token, Mode::HmacSha256);
        for plan in ["C_GetTokenInfo * return CKR_TOKEN_NOT_PRESENT", "C_GetTokenInfo * return CKR_DEVICE_ERROR"] {
            assert!(matches!(enrolled.open_with(plan, &mut crate::lab::nobody()), Ok(None)), "{plan}");
            assert_eq!(enrolled.logins(), 0);
        }
    });
}
