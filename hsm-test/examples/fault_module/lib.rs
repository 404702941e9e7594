//! A PKCS#11 module that hands every call on to a real module, except where a plan says otherwise. `hsm_test::fault` describes the
//! plan and starts it.
//!
//! The only place with `unsafe`: the module is called from C and calls C. `table.rs` lists the functions, `hooks.rs` is what a
//! plan can do beyond a single call, `state.rs` holds what a process knows, without `unsafe`.

#![allow(unsafe_code)]
// The names are those of PKCS#11.
#![allow(non_snake_case)]

mod hooks;
mod state;
mod table;

use cryptoki_sys::{CK_FUNCTION_LIST, CK_RV, CKR_ARGUMENTS_BAD, CKR_GENERAL_ERROR, CKR_OK, Pkcs11};
use state::{State, Step};
use std::io::Write as _;
use std::path::Path;

/// The entry point of every PKCS#11 module.
///
/// # Safety
/// As PKCS#11 says: `list` is null or points to a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetFunctionList(list: *mut *mut CK_FUNCTION_LIST) -> CK_RV {
    let state = match State::get_or_load(load) {
        Ok(state) => state,
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "fault module: {why}");
            return CKR_GENERAL_ERROR;
        }
    };
    if let Step::Return(rv) = state.before("C_GetFunctionList") {
        return rv;
    }
    if list.is_null() {
        return CKR_ARGUMENTS_BAD;
    }
    // SAFETY: not null, and the caller's to be written by PKCS#11. The list itself lives as long as the process; callers only read it.
    unsafe { list.write(std::ptr::from_ref(&state.ours).cast_mut()) };
    CKR_OK
}

/// Loads the real module, for good, and gives its functions.
fn load(path: &Path) -> Result<CK_FUNCTION_LIST, String> {
    // SAFETY: loading runs the module's initialisers; that is what the test asked for.
    let library = unsafe { Pkcs11::new(path) }.map_err(|error| error.to_string())?;
    let mut list = std::ptr::null_mut();
    let get = library.C_GetFunctionList.as_ref().map_err(ToString::to_string)?;
    // SAFETY: `list` is a place for a pointer.
    let rv = unsafe { get(&raw mut list) };
    // SAFETY: null is told apart; otherwise it points to the module's list, which is there while the module is loaded.
    let functions = unsafe { list.as_ref() }.filter(|_| rv == CKR_OK).copied();
    // Never unloaded: the functions are called until the process ends.
    std::mem::forget(library);
    functions.ok_or_else(|| format!("C_GetFunctionList of '{}' returned {rv:#x}", path.display()))
}
