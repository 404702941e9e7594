//! `twinlock account-key`

use super::out;
use super::report::{CliError, warn};
use super::session::Session;
use crate::crypto::account_key_sum;
use crate::encode::{base58, hex};
use crate::secret::{AccountKey, zeros32};
use std::io::Read;
use std::path::Path;
use zeroize::{Zeroize, Zeroizing};

/// The account key itself: the one key that opens everything
#[derive(clap::Subcommand)]
pub enum Command {
    /// Show the account key as 46 characters, after a warning
    Export {
        /// Do not ask
        #[arg(long)]
        force: bool,
    },
}

impl Command {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let Self::Export { force } = self;
        warn(
            "whoever has the account key can read this vault and every old copy of it, \
             without password or token; no change of a password ends that, only a new account key does",
        );
        session.confirm(force, "Show the account key?")?;
        let vault = session.unlock()?;
        out::secret_line(&base58::encode(vault.account_key().expose(), account_key_sum))
    }
}

/// A person's own account key from a file: 64 hex digits, or the 46-character form.
pub fn read_account_key(path: &Path) -> Result<AccountKey, CliError> {
    let mut text = Zeroizing::new(String::with_capacity(1024));
    let failed = |error| CliError::File { doing: "read the account key from", path: path.into(), error };
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(1000).read_to_string(&mut text).map_err(failed)?;
    } else {
        std::fs::File::open(path).map_err(failed)?.take(1000).read_to_string(&mut text).map_err(failed)?;
    }
    let line = text.lines().next().unwrap_or("").trim();
    let bad = |why: String| CliError::Plain {
        message: format!("'{}' holds no account key: {why}", path.display()),
        hint: "it is 64 hex digits, or the 46 characters that 'twinlock account-key export' shows".into(),
        code: 1,
    };
    if line.len() == 64 && line.bytes().all(|b| b.is_ascii_hexdigit()) {
        let lower = Zeroizing::new(line.to_ascii_lowercase());
        let mut bytes = hex::decode_array::<32>(&lower).map_err(|error| bad(error.to_string()))?;
        let mut key = zeros32();
        key.copy_from_slice(&bytes);
        bytes.zeroize();
        return Ok(AccountKey::new(key));
    }
    if line.len() != 46 && !line.is_empty() && line.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(bad(format!("{} hex digits where 64 belong", line.len())));
    }
    base58::decode(line, account_key_sum).map(AccountKey::new).map_err(|error| bad(error.to_string()))
}
