//! `twinlock recovery request`, `answer`, `combine`, `pending`: factors of other people, at other places and times.

mod answer;
mod combine;
mod pending;
mod request;

pub use answer::Answer;
pub use combine::Combine;
pub use pending::Pending;
pub use request::Request;

use super::out;
use super::report::CliError;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Where a request or an answer goes.
struct Out<'a>(Option<&'a Path>);

impl Out<'_> {
    /// Before anything is asked or made for it.
    fn check(&self) -> Result<(), CliError> {
        match self.0 {
            Some(path) if std::fs::symlink_metadata(path).is_ok() => Err(failed(path, rustix::io::Errno::EXIST.into())),
            _ => Ok(()),
        }
    }

    /// Writes the text for a mail, to a new file or stdout. This is the one place that both pass: a picture of the same in one line,
    /// for a QR code, is made here, too.
    fn write(&self, text: &str) -> Result<(), CliError> {
        let Some(path) = self.0 else { return out::bytes(text.as_bytes()) };
        let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        written.map_err(|error| failed(path, error))
    }

    /// What it is called in a sentence.
    fn named(&self) -> String {
        self.0.map_or_else(|| "the text".to_owned(), |path| format!("'{}'", path.display()))
    }
}

fn failed(path: &Path, error: std::io::Error) -> CliError {
    CliError::File { doing: "write", path: PathBuf::from(path), error }
}

/// Four words as they are shown.
fn shown(words: &[&str; 4]) -> String {
    format!("    {}", words.join("  "))
}
