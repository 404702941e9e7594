//! What every command shares: the global options, the person at the terminal, the vault's place, the tokens.

use super::config::{Config, data_folder, default_path};
use super::report::{CliError, warn};
use crate::factor::Openers;


use crate::prompt::{FilePrompt, NoPrompt, Prompt, Question, Sources, TtyPrompt};
use crate::store::sqlite::SqliteStore;
use crate::vault::{Vault, Wish};
use std::path::PathBuf;

/// Options of every command.
#[derive(clap::Args, Debug, Default)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// The vault file [default: vault.twinlock in your data folder]
    #[arg(long, global = true, value_name = "FILE", env = "TWINLOCK_VAULT")]
    pub vault: Option<PathBuf>,
    /// Open the vault by this keyslot and no other
    #[arg(long = "keyslot", id = "way", global = true, value_name = "NAME")]
    pub keyslot: Option<String>,
    /// Take the password from the first line of FILE (- is standard input, /dev/fd/N works)
    #[arg(long, global = true, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Take a new password from the first line of FILE
    #[arg(long, global = true, value_name = "FILE")]
    pub new_password_file: Option<PathBuf>,
    /// Take the recovery code from the first line of FILE
    #[arg(long, global = true, value_name = "FILE")]
    pub recovery_file: Option<PathBuf>,
    /// Take a token's PIN from the first line of FILE
    #[arg(long, global = true, value_name = "FILE")]
    pub pin_file: Option<PathBuf>,
    /// Use this PKCS#11 module (absolute path; may be repeated), beside those of the config file
    #[arg(long, global = true, value_name = "PATH")]
    pub module: Vec<PathBuf>,
    /// Use a token's last PIN try, if it has come to that
    #[arg(long, global = true)]
    pub last_try: bool,
    /// Never ask; fail instead
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Config file [default: twinlock/config.toml in your config folder]
    #[arg(long, global = true, value_name = "FILE", env = "TWINLOCK_CONFIG")]
    pub config: Option<PathBuf>,
}

/// A command under way.
pub struct Session {
    /// Options of every command.
    pub global: Global,
    /// The person, or nobody.
    pub prompt: Box<dyn Prompt>,
    /// Who opens each kind of factor.
    pub openers: Openers,
}

impl Session {
    /// Sets up the prompt; nothing is opened or asked yet.
    pub fn new(global: Global) -> Result<Self, CliError> {
        let person: Box<dyn Prompt> = if global.no_input { Box::new(NoPrompt) } else { Box::new(TtyPrompt::new()) };
        let sources = Sources {
            password: global.password_file.clone(),
            new_password: global.new_password_file.clone(),
            recovery: global.recovery_file.clone(),
            pin: global.pin_file.clone(),
        };
        let prompt = Box::new(FilePrompt::new(person, sources)?);
        let openers = Openers::typed();
        Ok(Self { global, prompt, openers })
    }

    /// Whether a person can be asked.
    pub fn interactive(&self) -> bool {
        !self.global.no_input && TtyPrompt::available()
    }

    /// Asks a question that `force` answers with yes; a no ends the command.
    pub fn confirm(&mut self, force: bool, question: &str) -> Result<(), CliError> {
        if force || self.prompt.confirm(&Question::Plain(question))? { Ok(()) } else { Err(CliError::Declined) }
    }

    /// Where the vault is, or will be.
    pub fn vault_path(&self) -> Result<PathBuf, CliError> {
        match &self.global.vault {
            Some(path) => Ok(path.clone()),
            None => data_folder().map(|folder| folder.join("vault.twinlock")).ok_or(CliError::NoHome),
        }
    }

    /// The config file, read now.
    pub fn config(&self) -> Result<Config, CliError> {
        match self.global.config.clone().or_else(default_path) {
            Some(path) => Config::load(&path),
            None => Ok(Config::default()),
        }
    }

    /// The vault file, not unlocked.
    pub fn store(&self) -> Result<SqliteStore, CliError> {
        let store = SqliteStore::open(&self.vault_path()?)?;
        if let Some(mode) = store.mode_warning() {
            warn(&format!("others may read the vault file (mode {mode:o}); 'chmod 600' it"));
        }
        Ok(store)
    }

    /// The vault, unlocked by the ways in that are at hand.
    pub fn unlock(&mut self) -> Result<Vault, CliError> {
        let store = Box::new(self.store()?);
        self.add_token_openers()?;
        let wish = Wish {
            keyslot: self.global.keyslot.as_deref(),
            password: self.global.password_file.is_some(),
            recovery: self.global.recovery_file.is_some(),
        };
        Ok(Vault::unlock(store, wish, &mut self.openers, self.prompt.as_mut())?)
    }

    /// Makes the tokens of the person's modules available; no module is loaded before a keyslot needs one.
    pub fn add_token_openers(&mut self) -> Result<(), CliError> {
        Ok(())
    }

    /// The public half of a key on a token.
    pub fn token_enroller(&mut self, _: &str, _: bool) -> Result<Box<dyn crate::factor::Enroll>, CliError> {
        unreachable!()
    }

    /// URI and name of every key that could open a keyslot.
    pub fn suitable_keys(&mut self) -> Result<Vec<(String, String)>, CliError> {
        Ok(Vec::new())
    }
}
