//! The one `unsafe` of this package: C_Initialize with a text in `pReserved`. NSS's softoken takes the place of its database only there.
//!
//! It runs in the helper process alone, which has nothing but the module in it.
#![allow(unsafe_code, reason = "the crate offers pReserved as an unsafe constructor only")]

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::Error;
use std::ffi::CStr;
use std::ptr::NonNull;

/// C_Initialize with `text` in `pReserved`. The text is the person's own, from their config file, never from a vault.
pub fn initialize(context: &Pkcs11, flags: CInitializeFlags, text: &CStr) -> Result<(), Error> {
    let pointer = NonNull::from(text.to_bytes_with_nul()).cast();
    // SAFETY: the pointer is to a text that ends with NUL, is not null, and outlives the call below, after which a module may not use
    // it any more (PKCS#11 3.1, 5.4). It is not written to: NSS declares it so.
    let arguments = unsafe { CInitializeArgs::new_with_reserved(flags, pointer) };
    context.initialize(arguments)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    fn sources(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs")
                && std::fs::read_to_string(&path).unwrap().contains(concat!("unsafe", "_code"))
            {
                found.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }

    #[test]
    fn no_other_file_allows_it() {
        let mut found = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        assert_eq!(found, ["init_args.rs"]);
    }
}
