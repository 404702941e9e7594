//! SoftHSM 2.6: the module that everybody has. Counts no wrong PINs; tokens are folders of files.

use crate::modules::Module;
use crate::token::{KeyType, Store, Token};
use std::path::{Path, PathBuf};

/// SoftHSM.
pub const MODULE: Module = Module {
    name: "SoftHSM",
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
    ],
    locks_after: None,
    oaep_sha256: false,
};

/// A token in a store of its own.
pub fn start() -> Option<Token> {
    let Some(library) = library() else {
        return crate::missing("SoftHSM", "to have it: apt-get install --no-install-recommends softhsm2");
    };
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::create_dir(tokens(dir.path())).expect("a temporary folder can be written");
    let config = dir.path().join("softhsm2.conf");
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\nslots.mechanisms = ALL\n",
        tokens(dir.path()).display()
    );
    std::fs::write(&config, text).expect("a temporary folder can be written");
    let env = vec![("SOFTHSM2_CONF".to_owned(), config.display().to_string())];
    Some(Store { dir, module: library, env, prepare: |_| {}, remove }.token("lab"))
}

/// Where distributions put it. Debian and Ubuntu, Fedora, Homebrew, built from source.
fn library() -> Option<PathBuf> {
    let multiarch = std::fs::read_dir("/usr/lib").into_iter().flatten();
    ["/usr/lib/softhsm", "/usr/lib64/pkcs11", "/opt/homebrew/lib/softhsm", "/usr/local/lib/softhsm"]
        .into_iter()
        .map(PathBuf::from)
        .chain(multiarch.filter_map(|entry| Some(entry.ok()?.path().join("softhsm"))))
        .map(|folder| folder.join("libsofthsm2.so"))
        .find(|path| path.is_file())
}

fn tokens(dir: &Path) -> PathBuf {
    dir.join("tokens")
}

/// A token's folder is a UUID that ends with its serial number.
fn remove(dir: &Path, serial: &str) {
    let folder = std::fs::read_dir(tokens(dir))
        .expect("the token folder can be read")
        .map(|entry| entry.expect("the token folder can be read").path())
        .find(|path| path.to_string_lossy().replace('-', "").ends_with(serial))
        .expect("the token has a folder");
    std::fs::remove_dir_all(folder).expect("the token folder can be removed");
}
