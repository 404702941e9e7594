//! The functions that are counted and can be made to fail. One row a function:
//!
//! `C_Name(arguments), size query if CONDITION, first HOOK, last HOOK;`
//!
//! `size query`: handed on and not counted if the condition holds. `first`: may answer instead of the real module. `last`: alters
//! what the real module answered. What has no row keeps the real module's function.

use crate::hooks;
use crate::state::{State, Step};
use cryptoki_sys::{
    CK_ATTRIBUTE, CK_BBOOL, CK_BYTE, CK_FLAGS, CK_FUNCTION_LIST, CK_INFO, CK_MECHANISM, CK_MECHANISM_INFO,
    CK_MECHANISM_TYPE, CK_NOTIFY, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE, CK_SESSION_INFO, CK_SLOT_ID,
    CK_SLOT_INFO, CK_TOKEN_INFO, CK_ULONG, CK_USER_TYPE, CK_UTF8CHAR, CKR_FUNCTION_NOT_SUPPORTED, CKR_OK,
};
use std::os::raw::c_void;

macro_rules! forward {
    ($($name:ident($($arg:ident: $type:ty),*)
        $(, size query if $query:expr)? $(, first $first:expr)? $(, last $last:expr)?;)*) => {
        $(
            /// # Safety
            /// As PKCS#11 says of this function.
            unsafe extern "C" fn $name($($arg: $type),*) -> CK_RV {
                let state = State::get();
                let Some(real) = state.real.$name else { return CKR_FUNCTION_NOT_SUPPORTED };
                // SAFETY: the caller's own arguments go to the same function of the real module, once at most for each call.
                let on = || unsafe { real($($arg),*) };
                $(if $query {
                    return on();
                })?
                let step = state.before(stringify!($name));
                if let Step::Return(rv) = step {
                    return rv;
                }
                $(
                    // SAFETY: the hook gets the caller's own arguments.
                    #[allow(unused_unsafe, reason = "not every hook takes pointers")]
                    if let Some(rv) = unsafe { $first } {
                        return rv;
                    }
                )?
                let rv = on();
                $(
                    // SAFETY: the hook gets the caller's own arguments, filled by the real module if it returned CKR_OK.
                    if rv == CKR_OK {
                        unsafe { ($last)(step) };
                    }
                )?
                rv
            }
        )*

        /// The functions that the caller gets: ours, and the real module's where the table has no row.
        pub fn list(real: CK_FUNCTION_LIST) -> CK_FUNCTION_LIST {
            CK_FUNCTION_LIST { C_GetFunctionList: Some(crate::C_GetFunctionList), $($name: Some($name),)* ..real }
        }

        /// The rows.
        pub const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

forward! {
    C_Initialize(arguments: *mut c_void);
    C_Finalize(reserved: *mut c_void);
    C_GetInfo(info: *mut CK_INFO);
    C_GetSlotList(present: CK_BBOOL, list: *mut CK_SLOT_ID, count: *mut CK_ULONG);
    C_GetSlotInfo(slot: CK_SLOT_ID, info: *mut CK_SLOT_INFO), last |_: Step| hooks::slot_flags(info);
    C_GetTokenInfo(slot: CK_SLOT_ID, info: *mut CK_TOKEN_INFO), last |_: Step| hooks::token_flags(info);
    C_GetMechanismList(slot: CK_SLOT_ID, list: *mut CK_MECHANISM_TYPE, count: *mut CK_ULONG),
        first hooks::mechanism_list(slot, list, count);
    C_GetMechanismInfo(slot: CK_SLOT_ID, mechanism: CK_MECHANISM_TYPE, info: *mut CK_MECHANISM_INFO),
        first hooks::hidden(mechanism);
    C_InitToken(slot: CK_SLOT_ID, pin: *mut CK_UTF8CHAR, length: CK_ULONG, label: *mut CK_UTF8CHAR);
    C_InitPIN(session: CK_SESSION_HANDLE, pin: *mut CK_UTF8CHAR, length: CK_ULONG);
    C_SetPIN(session: CK_SESSION_HANDLE, old: *mut CK_UTF8CHAR, old_length: CK_ULONG, new: *mut CK_UTF8CHAR, new_length: CK_ULONG);
    C_OpenSession(slot: CK_SLOT_ID, flags: CK_FLAGS, data: *mut c_void, notify: CK_NOTIFY, session: *mut CK_SESSION_HANDLE);
    C_CloseSession(session: CK_SESSION_HANDLE);
    C_CloseAllSessions(slot: CK_SLOT_ID);
    C_GetSessionInfo(session: CK_SESSION_HANDLE, info: *mut CK_SESSION_INFO);
    C_Login(session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: *mut CK_UTF8CHAR, length: CK_ULONG),
        first hooks::pin_pad(session, user, pin);
    C_Logout(session: CK_SESSION_HANDLE);
    C_CreateObject(session: CK_SESSION_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG, object: *mut CK_OBJECT_HANDLE);
    C_CopyObject(session: CK_SESSION_HANDLE, from: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG,
        object: *mut CK_OBJECT_HANDLE);
    C_DestroyObject(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE);
    C_GetAttributeValue(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG);
    C_SetAttributeValue(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG);
    C_FindObjectsInit(session: CK_SESSION_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG);
    C_FindObjects(session: CK_SESSION_HANDLE, objects: *mut CK_OBJECT_HANDLE, room: CK_ULONG, count: *mut CK_ULONG);
    C_FindObjectsFinal(session: CK_SESSION_HANDLE);
    C_EncryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE),
        first hooks::hidden_in(mechanism).or_else(|| hooks::gcm_iv(session, mechanism));
    C_Encrypt(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, length: CK_ULONG, output: *mut CK_BYTE, room: *mut CK_ULONG),
        size query if output.is_null(), last |step: Step| hooks::flip(step, output, room);
    C_DecryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE),
        first hooks::hidden_in(mechanism);
    C_Decrypt(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, length: CK_ULONG, output: *mut CK_BYTE, room: *mut CK_ULONG),
        size query if output.is_null(), last |step: Step| hooks::flip(step, output, room);
    C_SignInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE),
        first hooks::hidden_in(mechanism);
    C_Sign(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, length: CK_ULONG, output: *mut CK_BYTE, room: *mut CK_ULONG),
        size query if output.is_null(), last |step: Step| hooks::flip(step, output, room);
    C_GenerateKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, template: *mut CK_ATTRIBUTE, count: CK_ULONG,
        key: *mut CK_OBJECT_HANDLE), first hooks::hidden_in(mechanism);
    C_GenerateKeyPair(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, public: *mut CK_ATTRIBUTE, public_count: CK_ULONG,
        private: *mut CK_ATTRIBUTE, private_count: CK_ULONG, public_key: *mut CK_OBJECT_HANDLE, private_key: *mut CK_OBJECT_HANDLE),
        first hooks::hidden_in(mechanism);
    C_WrapKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, wrapping: CK_OBJECT_HANDLE, key: CK_OBJECT_HANDLE,
        output: *mut CK_BYTE, room: *mut CK_ULONG), size query if output.is_null(), first hooks::hidden_in(mechanism);
    C_UnwrapKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, unwrapping: CK_OBJECT_HANDLE, data: *mut CK_BYTE,
        length: CK_ULONG, template: *mut CK_ATTRIBUTE, count: CK_ULONG, key: *mut CK_OBJECT_HANDLE), first hooks::hidden_in(mechanism);
    C_DeriveKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, base: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE,
        count: CK_ULONG, key: *mut CK_OBJECT_HANDLE), first hooks::hidden_in(mechanism);
    C_GenerateRandom(session: CK_SESSION_HANDLE, output: *mut CK_BYTE, length: CK_ULONG);
}
