//! Where Cargo left what the tests need beside their own binary.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// `target/<profile>`, from the place of the running binary.
fn profile_dir() -> PathBuf {
    let exe = std::env::current_exe().expect("the system knows which binary runs");
    let dir = exe.parent().expect("a binary is in a folder");
    let nested = dir.file_name().is_some_and(|name| name == "deps" || name == "examples");
    if nested { dir.parent().expect("deps is in target/<profile>") } else { dir }.to_path_buf()
}

/// What Cargo built at a path, if it is there and no older than those of its sources that are in `folder`, as Cargo noted them beside it
/// (`.d`): else a test would run on what the code was yesterday.
fn built(path: PathBuf, folder: &str, command: &str) -> PathBuf {
    let modified = |path: &Path| path.metadata().and_then(|meta| meta.modified());
    let Ok(when) = modified(&path) else { panic!("'{}' is not built; run: {command}", path.display()) };
    let notes = std::fs::read_to_string(path.with_extension("d")).unwrap_or_default();
    // A blank in a path is escaped by a backslash.
    let notes = notes.replace("\\ ", "\0");
    let sources = notes.split_whitespace().skip(1).map(|source| PathBuf::from(source.replace('\0', " ")));
    for source in sources.filter(|source| source.starts_with(folder)) {
        let newer = modified(&source).is_ok_and(|source| source > when);
        assert!(!newer, "'{}' is older than '{}'; run: {command}", path.display(), source.display());
    }
    path
}

/// One of this package's own; the fault module notes twinlock's sources too, as a dev-dependency, and does not depend on them.
fn built_here(path: PathBuf) -> PathBuf {
    built(path, env!("CARGO_MANIFEST_DIR"), "cargo build -p hsm-test --bins --examples")
}

/// The binary that calls modules for the fixtures.
///
/// # Panics
/// If it is not built, or older than its sources.
pub fn token_tool() -> PathBuf {
    built_here(profile_dir().join(format!("token-tool{}", std::env::consts::EXE_SUFFIX)))
}

/// The virtual YubiKey's program.
///
/// # Panics
/// If it is not built, or older than its sources.
pub fn virtual_yubikey() -> PathBuf {
    let path = built_here(profile_dir().join(format!("virtual-yubikey{}", std::env::consts::EXE_SUFFIX)));
    // It starts others of itself, in a namespace in which a relative path may mean something else.
    path.canonicalize().expect("it was there")
}

/// The `twinlock` program of this workspace: its hidden first argument `pkcs11-helper` makes it the process in which a module runs.
///
/// # Panics
/// If it is not built, or older than its sources.
pub fn twinlock() -> PathBuf {
    built(profile_dir().join(format!("twinlock{}", std::env::consts::EXE_SUFFIX)), "/", "cargo build")
}

/// The forwarding module that fails on command.
///
/// # Panics
/// If it is not built, or older than its sources.
pub fn fault_module() -> PathBuf {
    let name = format!("libfault_module{}", std::env::consts::DLL_SUFFIX);
    built_here(profile_dir().join("examples").join(name))
}

/// Where the package `hsm-test/kryoptic` is built: `target/kryoptic`.
pub(crate) fn kryoptic_target() -> PathBuf {
    profile_dir().parent().expect("a profile's folder is in target").join("kryoptic")
}

/// The newest library in a folder of Cargo's whose name starts so: Cargo puts a hash behind it, and keeps old ones.
pub(crate) fn newest_dependency(deps: &Path, prefix: &str) -> Option<PathBuf> {
    let modified = |path: &Path| path.metadata().and_then(|meta| meta.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    std::fs::read_dir(deps)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| name.starts_with(prefix) && name.ends_with(std::env::consts::DLL_SUFFIX))
        })
        .max_by_key(|path| modified(path))
}
