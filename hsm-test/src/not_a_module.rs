//! What a person could name as a PKCS#11 module by mistake.

use std::path::{Path, PathBuf};

/// A shared library that can be loaded and has no `C_GetFunctionList`: the C library's mathematics.
///
/// # Panics
/// If this machine keeps it at no place known here.
pub fn library() -> PathBuf {
    let folders = ["/lib", "/usr/lib", "/lib64", "/usr/lib64"].map(PathBuf::from);
    let multiarch = ["/lib", "/usr/lib"].iter().flat_map(|folder| {
        std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
    });
    folders
        .into_iter()
        .chain(multiarch)
        .map(|folder| folder.join("libm.so.6"))
        .find(|path| path.is_file())
        .expect("a Linux with glibc has libm.so.6")
}

/// A text file in `folder` that is called like a library, and long enough to be one: what a developer's package puts beside a library.
pub fn text_file(folder: &Path) -> PathBuf {
    let path = folder.join("libtext.so");
    let text = "/* GNU ld script\n   Use the shared library, but some functions are only in\n   the static library. */\nGROUP ( libc.so.6 )\n";
    std::fs::write(&path, text).expect("a test folder can be written");
    path
}

/// A directory in `folder` that is called like a library.
pub fn directory(folder: &Path) -> PathBuf {
    let path = folder.join("libdirectory.so");
    std::fs::create_dir_all(&path).expect("a test folder can be written");
    path
}

/// An empty file in `folder` that is called like a library.
pub fn empty_file(folder: &Path) -> PathBuf {
    let path = folder.join("libempty.so");
    std::fs::write(&path, "").expect("a test folder can be written");
    path
}
