//! `twinlock recovery request`, `answer`, `combine`, `pending`: factors of other people, at other places and times.

mod answer;
mod combine;
mod cost;
mod pending;
mod request;

pub use answer::Answer;
pub use combine::Combine;
pub use pending::Pending;
pub use request::Request;

use super::custody_report::told;
use super::out;
use super::qr::{Background, colours, room};
use super::report::{CliError, FIXABLE, warn};
use crate::paper::{Level, Qr, png, scan};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The largest QR code there is, by its version; and one that photos of paper are read from.
const LARGEST: u8 = 40;
const EASY: u8 = 15;

/// How a request or an answer goes to others.
#[derive(clap::Args)]
struct Sending {
    /// Write it to FILE (made new) instead of showing it; one that ends in .png gets a QR code of it
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Draw a QR code of it on this terminal, too, for another machine's camera
    #[arg(long, conflicts_with = "out")]
    qr: bool,
}

impl Sending {
    fn out(&self) -> Out<'_> {
        Out { path: self.out.as_deref(), qr: self.qr }
    }
}

/// Where a request or an answer goes.
struct Out<'a> {
    path: Option<&'a Path>,
    qr: bool,
}

impl Out<'_> {
    /// Before anything is asked or made for it.
    fn check(&self) -> Result<(), CliError> {
        match self.path {
            Some(path) if std::fs::symlink_metadata(path).is_ok() => Err(failed(path, rustix::io::Errno::EXIST.into())),
            _ => Ok(()),
        }
    }

    /// Writes the text for a mail, to a new file or stdout; `line` is the same for a QR code.
    fn write(&self, text: &str, line: &str) -> Result<(), CliError> {
        let Some(path) = self.path else {
            out::bytes(text.as_bytes())?;
            return if self.qr { draw(line) } else { Ok(()) };
        };
        let picture = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
        let bytes = if picture { picture_of(line)? } else { text.as_bytes().to_vec() };
        let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()
        });
        written.map_err(|error| failed(path, error))
    }

    /// What it is called in a sentence.
    fn named(&self) -> String {
        self.path.map_or_else(|| "the text".to_owned(), |path| format!("'{}'", path.display()))
    }
}

/// A PNG of the code. What our own reader cannot read is not sent to anybody.
fn picture_of(line: &str) -> Result<Vec<u8>, CliError> {
    let code =
        Qr::new(line, Level::Medium, EASY).or_else(|| Qr::new(line, Level::Low, LARGEST)).ok_or_else(too_long)?;
    let picture = png(&[code]);
    let same = |texts: &[String]| texts.iter().any(|text| text == line);
    match scan(&picture, &same) {
        Ok(scanned) if same(&scanned.texts) => Ok(picture),
        _ => Err(too_long()),
    }
}

fn draw(line: &str) -> Result<(), CliError> {
    let code = room().version().and_then(|version| Qr::new(line, Level::Low, version));
    if let Some(code) = code {
        return out::bytes(code.blocks(colours(Background::Dark)).as_bytes());
    }
    warn("a QR code of it does not fit into this window: make it larger, or write one with -o FILE.png");
    Ok(())
}

fn too_long() -> CliError {
    told(FIXABLE, "it is too long for a QR code", "send it as text: -o FILE with another ending")
}

fn failed(path: &Path, error: std::io::Error) -> CliError {
    CliError::File { doing: "write", path: PathBuf::from(path), error }
}

/// Four words as they are shown.
fn shown(words: &[&str; 4]) -> String {
    format!("    {}", words.join("  "))
}
