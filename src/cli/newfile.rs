//! A new file for what is to be printed or kept: mode 0600, whole or not at all, never over another.
//!
//! It has no name before it is whole, so that nothing half-written with a recovery code in it can stay behind, whatever happens to this
//! process. Where a file system cannot make files without a name (NFS, some FUSE, systems other than Linux), it is written
//! under its own name, and removed again if that fails.

use super::report::{CliError, warn};
use super::synced;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What a printed thing is written as, by the ending of its file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Pdf,
    Svg,
    Html,
    Png,
    Text,
}

/// Where something goes: its file, checked before anything is made for it.
pub struct Target {
    path: PathBuf,
    /// How it is written.
    pub format: Format,
}

impl Target {
    /// Refuses a name that is taken, a folder that is not there, and an ending that is not among `known`.
    pub fn new(path: &Path, known: &[(&str, Format)]) -> Result<Self, CliError> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let Some((_, format)) = known.iter().find(|(name, _)| *name == ending) else {
            let endings: Vec<String> = known.iter().map(|(name, _)| format!(".{name}")).collect();
            return Err(CliError::Usage {
                message: format!("the name '{}' does not say what to make", path.display()),
                hint: format!("end it in one of {}", endings.join(", ")).into(),
            });
        };
        let target = Self { path: path.to_owned(), format: *format };
        if std::fs::symlink_metadata(path).is_ok() {
            return Err(target.failed(io::ErrorKind::AlreadyExists.into()));
        }
        std::fs::metadata(target.folder()).map_err(|error| target.failed(error))?;
        Ok(target)
    }

    /// Says so where others may get a copy of what is written there.
    pub fn warn_if_shared(&self, what: &str) {
        if let Some(why) = synced::shared(self.folder()) {
            warn(&format!("'{}' is {why}: {what} will leave this machine", self.path.display()));
        }
    }

    /// Writes it.
    pub fn write(&self, bytes: &[u8]) -> Result<(), CliError> {
        write(self.folder(), &self.path, bytes).map_err(|error| self.failed(error))
    }

    /// Its name, for messages.
    pub fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn folder(&self) -> &Path {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    fn failed(&self, error: io::Error) -> CliError {
        CliError::File { doing: "write", path: self.path.clone(), error }
    }
}

fn write(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if let Some(done) = write_nameless(folder, path, bytes) {
        return done;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let done = file.write_all(bytes).and_then(|()| file.sync_all());
    if done.is_err() {
        // It was made here, a moment ago.
        let _ = std::fs::remove_file(path);
    }
    sync(folder);
    done
}

/// By `O_TMPFILE`; None where the file system does not have it.
#[cfg(target_os = "linux")]
fn write_nameless(folder: &Path, path: &Path, bytes: &[u8]) -> Option<io::Result<()>> {
    use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};
    use std::os::fd::AsRawFd;
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let mut file = File::from(open(folder, flags, Mode::RUSR | Mode::WUSR).ok()?);
    if let Err(error) = file.write_all(bytes).and_then(|()| file.sync_all()) {
        return Some(Err(error));
    }
    let by_number = format!("/proc/self/fd/{}", file.as_raw_fd());
    match linkat(CWD, by_number, CWD, path, AtFlags::SYMLINK_FOLLOW) {
        Ok(()) => sync(folder),
        Err(rustix::io::Errno::EXIST) => return Some(Err(io::ErrorKind::AlreadyExists.into())),
        // No /proc, or no links: the other way.
        Err(_) => return None,
    }
    Some(Ok(()))
}

/// Without this the name can be lost in a power cut; the file is there all the same.
fn sync(folder: &Path) {
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_is_whole_private_and_never_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        let target = Target::new(&path, &[("txt", Format::Text)]).unwrap();
        target.write(b"secret").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"secret");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(target.write(b"other").is_err() && Target::new(&path, &[("txt", Format::Text)]).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"secret");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_name_that_says_nothing_is_refused() {
        for name in ["x", "x.doc", ".pdf", "gone/x.txt"] {
            let folder = tempfile::tempdir().unwrap();
            assert!(Target::new(&folder.path().join(name), &[("txt", Format::Text), ("pdf", Format::Pdf)]).is_err());
        }
    }
}
