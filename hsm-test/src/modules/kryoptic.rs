//! Kryoptic: a software token in Rust with real lockout and PIN flags, and every mode. Built from its published crate by the package
//! `hsm-test/kryoptic`, or by somebody else, who names it in `TWINLOCK_TEST_KRYOPTIC`.

use crate::modules::Module;
use crate::place::{kryoptic_target, newest_dependency};
use crate::token::{KeyType, Store, Token};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Kryoptic.
pub const MODULE: Module = Module {
    name: "Kryoptic",
    start,
    keys: &[
        KeyType::Aes128,
        KeyType::Aes256,
        KeyType::Hmac,
        KeyType::Rsa2048,
        KeyType::Rsa3072,
        KeyType::EcP256,
        KeyType::EcP384,
        KeyType::EcP521,
        KeyType::X25519,
    ],
    locks_after: Some(10),
    oaep_sha256: true,
};

/// A token in a store of its own.
pub fn start() -> Option<Token> {
    let Some(library) = library() else {
        let command = format!(
            "to build it: cargo build --manifest-path '{}' --target-dir '{}'",
            concat!(env!("CARGO_MANIFEST_DIR"), "/kryoptic/Cargo.toml"),
            kryoptic_target().display()
        );
        return crate::missing("Kryoptic", &command);
    };
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let env = vec![("KRYOPTIC_CONF".to_owned(), config(dir.path()).display().to_string())];
    Some(Store { dir, module: library, env, prepare, remove }.token("lab"))
}

fn library() -> Option<PathBuf> {
    match std::env::var_os("TWINLOCK_TEST_KRYOPTIC") {
        Some(path) => Some(PathBuf::from(path)).filter(|path| path.is_file()),
        None => newest_dependency(&kryoptic_target().join("debug/deps"), "libkryoptic_pkcs11"),
    }
}

fn config(dir: &Path) -> PathBuf {
    dir.join("kryoptic.conf")
}

/// Adds a PKCS#11 slot with an empty token to the configuration.
fn prepare(dir: &Path) {
    let mut text = std::fs::read_to_string(config(dir)).unwrap_or_default();
    let number = text.matches("[[slots]]").count() + 1;
    let file = dir.join(format!("token{number}.sql"));
    writeln!(text, "[[slots]]\nslot = {number}\ndbtype = \"sqlite\"\ndbargs = \"{}\"", file.display())
        .expect("a String can always be written");
    std::fs::write(config(dir), text).expect("a temporary folder can be written");
}

/// A token's file names its serial number.
fn remove(dir: &Path, serial: &str) {
    let file = std::fs::read_dir(dir)
        .expect("the token folder can be read")
        .map(|entry| entry.expect("the token folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .find(|path| {
            let bytes = std::fs::read(path).expect("the token's file can be read");
            bytes.windows(serial.len()).any(|window| window == serial.as_bytes())
        })
        .expect("the token has a file");
    std::fs::remove_file(file).expect("the token's file can be removed");
}
