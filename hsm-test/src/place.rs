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

fn built(path: PathBuf) -> PathBuf {
    assert!(path.is_file(), "'{}' is not built; run: cargo test -p hsm-test --no-run", path.display());
    path
}

/// The binary that calls modules for the fixtures.
///
/// # Panics
/// If it is not built.
pub fn token_tool() -> PathBuf {
    built(profile_dir().join(format!("token-tool{}", std::env::consts::EXE_SUFFIX)))
}

/// The forwarding module that fails on command.
///
/// # Panics
/// If it is not built.
pub fn fault_module() -> PathBuf {
    built(profile_dir().join("examples").join(format!("libfault_module{}", std::env::consts::DLL_SUFFIX)))
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
