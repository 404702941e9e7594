//! `twinlock account-key`

use super::factors::write_new;
use super::out;
use super::report::{CliError, warn};
use super::session::Session;
use crate::crypto::account_key_sum;
use crate::encode::{base58, hex};
use crate::secret::{AccountKey, CodeText, zeros32};
use rustix::io::retry_on_intr;
use std::io::{Error, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Bytes of a key file that are looked at.
const MAX: usize = 1000;

/// The account key itself: the one key that opens everything
#[derive(clap::Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Show the account key as 46 characters, after a warning
    Export {
        /// Write it to FILE (made new, mode 0600) instead
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Do not ask
        #[arg(long)]
        force: bool,
    },
}

impl Command {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let Self::Export { out: file, force } = self;
        warn(
            "whoever has the account key can read this vault and every old copy of it, \
             without password or token; no change of a password ends that; 'twinlock rotate' ends it for what is written from then on",
        );
        session.confirm(force, "Show the account key?")?;
        let vault = session.unlock()?;
        let text = CodeText::new(base58::encode(vault.account_key().expose(), account_key_sum));
        match file {
            // Straight to its place: a draft that a kill leaves behind would hold the key, and half a key has wrong check digits.
            Some(path) => write_new(&path, &text).map_err(|error| CliError::File {
                doing: "write the account key to",
                path,
                error,
            }),
            None => out::secret_line(text.expose()),
        }
    }
}

/// Fills the buffer from a file or stream, past `std::io::Stdin`, whose own buffer nobody erases; how many bytes there were.
fn read_into(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match retry_on_intr(|| rustix::io::read(fd, &mut buffer[length..]))? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}

/// A person's own account key from a file: 64 hex digits, or the 46-character form.
pub fn read_account_key(path: &Path) -> Result<AccountKey, CliError> {
    let mut buffer = Zeroizing::new([0; MAX]);
    let read = if path.as_os_str() == "-" {
        read_into(rustix::stdio::stdin(), &mut *buffer)
    } else {
        std::fs::File::open(path).and_then(|file| read_into(file.as_fd(), &mut *buffer))
    };
    let failed = |error| CliError::File { doing: "read the account key from", path: path.into(), error };
    let length = read.map_err(failed)?;
    let text =
        std::str::from_utf8(&buffer[..length]).map_err(|error| failed(Error::new(ErrorKind::InvalidData, error)))?;
    let line = text.lines().next().unwrap_or("").trim();
    let bad = |why: String| CliError::Plain {
        message: format!("'{}' holds no account key: {why}", path.display()),
        hint: "it is 64 hex digits, or the 46 characters that 'twinlock account-key export' shows".into(),
        code: 1,
    };
    if line.len() == 64 && line.bytes().all(|b| b.is_ascii_hexdigit()) {
        let lower = Zeroizing::new(line.to_ascii_lowercase());
        let mut key = zeros32();
        hex::decode_into(&lower, &mut key[..]).map_err(|error| bad(error.to_string()))?;
        return Ok(AccountKey::new(key));
    }
    if line.len() != 46 && !line.is_empty() && line.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(bad(format!("{} hex digits where 64 belong", line.len())));
    }
    base58::decode(line, account_key_sum).map(AccountKey::new).map_err(|error| bad(error.to_string()))
}
