//! What a plan can do beyond a single call: hidden mechanisms, token flags, habits with IVs, a PIN pad, flipped output.
//!
//! Each function here takes pointers as the caller of the PKCS#11 function gave them, and is safe where that call was right by
//! PKCS#11.

use crate::state::{State, Step};
use cryptoki_sys::{
    CK_BYTE, CK_GCM_PARAMS, CK_MECHANISM, CK_MECHANISM_TYPE, CK_RV, CK_SESSION_HANDLE, CK_SLOT_ID, CK_SLOT_INFO,
    CK_TOKEN_INFO, CK_ULONG, CK_USER_TYPE, CK_UTF8CHAR, CKM_AES_GCM, CKR_BUFFER_TOO_SMALL, CKR_MECHANISM_INVALID,
    CKR_MECHANISM_PARAM_INVALID, CKR_OK,
};
use hsm_test::fault::GcmIv;

/// Refuses a mechanism that is hidden.
pub fn hidden(mechanism: CK_MECHANISM_TYPE) -> Option<CK_RV> {
    State::get().plan.hides(mechanism).then_some(CKR_MECHANISM_INVALID)
}

/// The same for a mechanism with its parameters.
///
/// # Safety
/// `mechanism` is null or points to one.
pub unsafe fn hidden_in(mechanism: *mut CK_MECHANISM) -> Option<CK_RV> {
    // SAFETY: see above.
    unsafe { mechanism.as_ref() }.and_then(|mechanism| hidden(mechanism.mechanism))
}

/// The real list without the hidden mechanisms.
///
/// # Safety
/// `list` is null or has room for `*count`; `count` is null or points to a number.
pub unsafe fn mechanism_list(slot: CK_SLOT_ID, list: *mut CK_MECHANISM_TYPE, count: *mut CK_ULONG) -> Option<CK_RV> {
    let state = State::get();
    let real = state.real.C_GetMechanismList?;
    // SAFETY: see above.
    let room = unsafe { count.as_mut() }?;
    let mut length = 0;
    // SAFETY: a null list asks for its length.
    let rv = unsafe { real(slot, std::ptr::null_mut(), &raw mut length) };
    if rv != CKR_OK {
        return Some(rv);
    }
    let mut all = vec![0; usize::try_from(length).ok()?];
    // SAFETY: `all` has room for `length`.
    let rv = unsafe { real(slot, all.as_mut_ptr(), &raw mut length) };
    if rv != CKR_OK {
        return Some(rv);
    }
    all.truncate(usize::try_from(length).ok()?);
    all.retain(|mechanism| !state.plan.hides(*mechanism));
    let needed = CK_ULONG::try_from(all.len()).ok()?;
    let fits = *room >= needed;
    *room = needed;
    if list.is_null() {
        return Some(CKR_OK);
    }
    if !fits {
        return Some(CKR_BUFFER_TOO_SMALL);
    }
    // SAFETY: the caller's list has room for at least `all.len()`.
    unsafe { list.copy_from_nonoverlapping(all.as_ptr(), all.len()) };
    Some(CKR_OK)
}

/// Sets and clears flags of a token.
///
/// # Safety
/// `info` is null or points to one.
pub unsafe fn token_flags(info: *mut CK_TOKEN_INFO) {
    // SAFETY: see above.
    if let Some(info) = unsafe { info.as_mut() } {
        info.flags = State::get().plan.flags(info.flags);
    }
}

/// The same of a PKCS#11 slot; its token may be pulled.
///
/// # Safety
/// `info` is null or points to one.
pub unsafe fn slot_flags(info: *mut CK_SLOT_INFO) {
    // SAFETY: see above.
    if let Some(info) = unsafe { info.as_mut() } {
        info.flags = State::get().plan.slot_flags(info.flags);
    }
}

/// Habits with the IV of AES-GCM encryption.
///
/// # Safety
/// `mechanism` is null or points to one, whose parameters are as its type says.
pub unsafe fn gcm_iv(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM) -> Option<CK_RV> {
    let state = State::get();
    let habit = state.plan.gcm_iv?;
    // SAFETY: see above.
    let mechanism = unsafe { mechanism.as_ref() }.filter(|mechanism| mechanism.mechanism == CKM_AES_GCM)?;
    // SAFETY: the parameters of AES-GCM are these.
    let params = unsafe { mechanism.pParameter.cast::<CK_GCM_PARAMS>().as_ref() }?;
    if params.pIv.is_null() {
        return Some(CKR_MECHANISM_PARAM_INVALID);
    }
    // SAFETY: not null, and of the length that the caller says.
    let iv = unsafe { std::slice::from_raw_parts_mut(params.pIv, usize::try_from(params.ulIvLen).ok()?) };
    if iv.iter().any(|byte| *byte != 0) {
        return Some(CKR_MECHANISM_PARAM_INVALID);
    }
    match habit {
        GcmIv::Zero => None,
        GcmIv::Hsm => {
            // SAFETY: `iv` has room for the bytes asked for.
            let rv = unsafe { state.real.C_GenerateRandom?(session, iv.as_mut_ptr(), params.ulIvLen) };
            (rv != CKR_OK).then_some(rv)
        }
    }
}

/// The PIN typed on the reader's keys where the caller gives none.
///
/// # Safety
/// `pin` is null or points to a PIN; only null matters here.
pub unsafe fn pin_pad(session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: *mut CK_UTF8CHAR) -> Option<CK_RV> {
    let state = State::get();
    let mut typed = state.plan.pin_pad.clone().filter(|_| pin.is_null())?.into_bytes();
    let length = CK_ULONG::try_from(typed.len()).ok()?;
    // SAFETY: `typed` has this length.
    Some(unsafe { state.real.C_Login?(session, user, typed.as_mut_ptr(), length) })
}

/// Flips the lowest bit of the first byte of an output.
///
/// # Safety
/// `output` is null or was filled with `*length` bytes.
pub unsafe fn flip(step: Step, output: *mut CK_BYTE, length: *mut CK_ULONG) {
    // SAFETY: see above.
    let length = unsafe { length.as_ref() }.copied().unwrap_or(0);
    if step == Step::Flip && length > 0 {
        // SAFETY: not empty, so its first byte is there.
        if let Some(first) = unsafe { output.as_mut() } {
            *first ^= 1;
        }
    }
}
