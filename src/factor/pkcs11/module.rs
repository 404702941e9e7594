//! Which module may be loaded. Loading runs its code with the person's rights, so the path comes from their own config file or command
//! line, never from a vault, and the file must be one that nobody else can have altered.

use super::error::TokenError;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a module may take over one call, unless the person says otherwise.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A PKCS#11 module as the person configured it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Absolute path of the library.
    pub path: PathBuf,
    /// What C_Initialize gets in pReserved (NSS wants its configuration there).
    pub init_args: Option<String>,
    /// How long one call may take.
    pub deadline: Duration,
}

impl Module {
    /// A module without arguments and with the usual deadline.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), init_args: None, deadline: DEADLINE }
    }

    /// The path for messages.
    pub fn shown(&self) -> String {
        super::info::printable(&self.path.to_string_lossy())
    }

    /// The path with symbolic links resolved, if the file may be loaded: absolute, a regular file, it and every folder above it
    /// owned by root or by the person, and writable by nobody else. A folder that all may write to is let through if it is
    /// sticky, like `/tmp`: there only the owner of an entry, which is root or the person, can rename or replace it.
    pub fn check(&self) -> Result<PathBuf, TokenError> {
        check_library(&self.path).map_err(|why| TokenError::ModuleUnusable { path: self.shown(), why })
    }
}

fn check_library(path: &Path) -> Result<PathBuf, String> {
    if !path.is_absolute() {
        return Err("the path is not absolute".to_owned());
    }
    let real = std::fs::canonicalize(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::NotADirectory => "a part of its path is not a folder".to_owned(),
        std::io::ErrorKind::PermissionDenied => "you may not look at that path".to_owned(),
        _ => error.to_string(),
    })?;
    let data = metadata(&real)?;
    if data.is_dir() {
        return Err("it is a folder, not a library".to_owned());
    }
    if !data.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    only_mine(&real)?;
    Ok(real)
}

/// Whether a file whose path is absolute and without links, and every folder above it, belongs to root or to the person, and nobody else
/// can write to it; why not, if not. Sticky folders are let through, see `Module::check`.
pub fn only_mine(real: &Path) -> Result<(), String> {
    let me = rustix::process::geteuid().as_raw();
    real.ancestors().try_for_each(|part| trust(part, &metadata(part)?, me))
}

fn metadata(part: &Path) -> Result<Metadata, String> {
    std::fs::metadata(part).map_err(|error| format!("'{}': {error}", part.display()))
}

const STICKY: u32 = 0o1000;
const OTHERS_WRITE: u32 = 0o022;

fn trust(part: &Path, data: &Metadata, me: u32) -> Result<(), String> {
    let name = super::info::printable(&part.to_string_lossy());
    if data.uid() != 0 && data.uid() != me {
        return Err(format!("'{name}' belongs to another user"));
    }
    if data.mode() & OTHERS_WRITE != 0 && !(data.is_dir() && data.mode() & STICKY != 0) {
        return Err(format!("'{name}' can be changed by other users"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn why(path: &Path) -> String {
        match Module::new(path).check() {
            Err(TokenError::ModuleUnusable { why, .. }) => why,
            other => panic!("{other:?}"),
        }
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn library(dir: &Path) -> PathBuf {
        let path = dir.join("module.so");
        fs::write(&path, "x").unwrap();
        chmod(&path, 0o644);
        path
    }

    #[test]
    fn a_file_of_ones_own_will_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = library(dir.path());
        assert_eq!(Module::new(&path).check().unwrap(), fs::canonicalize(&path).unwrap());
        let link = dir.path().join("link.so");
        symlink(&path, &link).unwrap();
        assert_eq!(Module::new(&link).check().unwrap(), fs::canonicalize(&path).unwrap());
    }

    #[test]
    fn says_what_is_wrong_with_a_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = library(dir.path());
        assert!(why(Path::new("module.so")).contains("not absolute"));
        assert!(why(Path::new("")).contains("not absolute"));
        assert!(why(&dir.path().join("none.so")).contains("no such file"));
        assert!(why(dir.path()).contains("folder"));
        assert!(why(&path.join("x")).contains("not a folder"));
        assert!(why(Path::new("/dev/null")).contains("not a regular file"));
    }

    #[test]
    fn what_others_can_write_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("lib");
        fs::create_dir(&inner).unwrap();
        let path = library(&inner);
        for mode in [0o664, 0o646] {
            chmod(&path, mode);
            assert!(why(&path).contains("module.so' can be changed by other users"));
        }
        chmod(&path, 0o644);
        chmod(&inner, 0o777);
        assert!(why(&path).contains("lib' can be changed by other users"));
        chmod(&inner, 0o1777);
        assert!(Module::new(&path).check().is_ok());
    }
}
