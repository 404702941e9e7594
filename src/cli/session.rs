//! What every command shares: the global options, the person at the terminal, the vault's place, the tokens.

use super::config::{Config, data_folder};
use super::proofs::Proofs;
use super::report::{CliError, warn};
use super::seen::Seen;
use crate::factor::Openers;
use crate::factor::piv::PivTokens;
use crate::factor::pkcs11::{SharedTokens, Spare};
use crate::header::HeaderError;

use crate::prompt::{FilePrompt, NoPrompt, Prompt, Question, Sources, TtyPrompt};
use crate::store::sqlite::SqliteStore;
use crate::vault::{Vault, VaultError, Wish, peek};
use std::path::{Path, PathBuf};

/// Options of every command.
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[derive(clap::Args, Debug, Default)]
#[command(next_help_heading = "Global options")]
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
    /// Open the vault with a custodian's answer to 'recovery request'; may be repeated
    #[arg(long, global = true, value_name = "FILE")]
    pub answer: Vec<PathBuf>,
    /// Take a token's PIN from the first line of FILE
    #[arg(long, global = true, value_name = "FILE")]
    pub pin_file: Option<PathBuf>,
    /// Use this PKCS#11 module (absolute path; may be repeated), beside those of the config file
    #[arg(long, global = true, value_name = "PATH")]
    pub module: Vec<PathBuf>,
    /// A token of yours, 'piv:SERIAL' or 'pkcs11:token=LABEL', to which the PIN of --pin-file may be sent; or with a PIN file of
    /// its own, 'pkcs11:token=LABEL?pin-source=/FILE'; may be repeated
    #[arg(long, global = true, value_name = "URI")]
    pub token: Vec<String>,
    /// Send a PIN even if it is the last try before the token locks
    #[arg(long, global = true)]
    pub force_pin: bool,
    /// Go on with a vault file that is older, or another, than this machine has seen it, as after restoring a backup
    #[arg(long, global = true)]
    pub accept_changed: bool,
    /// Open the vault in this command, also if the agent holds it
    #[arg(long, global = true)]
    pub no_agent: bool,
    /// Never ask; fail instead
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Write each line once and move nothing, as for a screen reader
    #[arg(long, global = true, env = "TWINLOCK_PLAIN", value_parser = clap::builder::FalseyValueParser::new())]
    pub plain: bool,
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
    /// A helper process, begun before.
    pub(super) spare: Option<Spare>,
    /// The tokens of this command, once they are needed.
    pub(super) tokens: Option<SharedTokens>,
    /// The requests whose answers opened the vault.
    pub(super) requests: Vec<[u8; 16]>,
    /// The same for PIV.
    pub(super) piv: Option<PivTokens>,
}

impl Session {
    /// Sets up the prompt; nothing is opened or asked yet.
    pub fn new(global: Global, spare: Option<Spare>) -> Result<Self, CliError> {
        let prompt = prompt(&global, Sources::default())?;
        let openers = Openers::typed();
        Ok(Self { global, prompt, openers, spare, tokens: None, piv: None, requests: Vec::new() })
    }

    /// Takes more secrets from files, those that only some commands have an option for. Before anything is asked.
    pub fn take_from(&mut self, more: Sources) -> Result<(), CliError> {
        self.prompt = prompt(&self.global, more)?;
        Ok(())
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

    /// The vault file by its real path, whatever link it was named by.
    pub fn real_path(&self) -> Result<PathBuf, CliError> {
        let path = self.vault_path()?;
        let absolute = || std::path::absolute(&path);
        Ok(path.canonicalize().or_else(|_| absolute()).unwrap_or(path))
    }

    /// The config file, read now.
    pub fn config(&self) -> Result<Config, CliError> {
        Config::find(self.global.config.as_deref())
    }

    /// The vault file, not unlocked.
    pub fn store(&self) -> Result<SqliteStore, CliError> {
        let path = self.vault_path()?;
        let store = SqliteStore::open(&path)?;
        if let Some(mode) = store.mode_warning() {
            let path = super::command::path(&path.display().to_string());
            warn(&format!(
                "others on this machine may use the vault file (mode {mode:o}); make it yours alone with: chmod 600 {path}"
            ));
        }
        Ok(store)
    }

    /// The vault, unlocked by the ways in that are at hand, for commands that need no token afterwards.
    pub fn unlock(&mut self) -> Result<Vault, CliError> {
        self.unlock_and_dismiss(false)
    }

    /// The same for commands that will change items.
    pub fn unlock_to_write(&mut self) -> Result<Vault, CliError> {
        self.unlock_and_dismiss(true)
    }

    fn unlock_and_dismiss(&mut self, writes: bool) -> Result<Vault, CliError> {
        let vault = self.open(writes)?;
        self.dismiss_tokens();
        Ok(vault)
    }

    /// The same for commands that wrap a keyslot: a token that has its PIN is not asked for it again.
    pub fn unlock_keeping_tokens(&mut self) -> Result<Vault, CliError> {
        self.open(false)
    }

    /// Nothing is needed any more: secrets are erased, and no process of ours is left to the command that takes this program's place.
    pub fn end(&mut self) {
        self.dismiss_tokens();
        if let Some(tokens) = self.tokens.take() {
            tokens.borrow_mut().see_off();
        }
        self.spare = None;
        self.piv = None;
        self.openers = Openers::typed();
        self.prompt = Box::new(NoPrompt);
    }

    /// No token is needed any more in this command.
    pub(super) fn dismiss_tokens(&self) {
        if let Some(tokens) = &self.tokens {
            tokens.borrow_mut().dismiss();
        }
        if let Some(tokens) = &self.piv {
            tokens.dismiss();
        }
    }

    /// The helper process that was begun is not needed.
    pub(super) fn dismiss_spare(&mut self) {
        self.spare = None;
    }

    fn open(&mut self, writes: bool) -> Result<Vault, CliError> {
        let path = self.vault_path()?;
        let store = Box::new(self.store()?);
        // Before the vault is read: what is remembered is then never newer than the file, unless somebody put an older one back.
        let mut seen = Seen::load(&path);
        let mut vault = self.unlock_store(store, writes).map_err(|error| self.with_doubts(error, &seen))?;
        self.check_seen(&mut seen, &vault.mark())?;
        self.note_proof(&vault);
        vault.watch(move |what| seen.note(what));
        Ok(vault)
    }

    /// Another file, a backup, by the ways in that are at hand. What this machine has seen is neither asked nor told, and nothing is proven:
    /// it may be somebody else's.
    pub fn unlock_file(&mut self, path: &Path) -> Result<Vault, CliError> {
        let store = Box::new(SqliteStore::open(path)?);
        let vault = self.unlock_store(store, false)?;
        self.dismiss_tokens();
        Ok(vault)
    }

    /// An error of unlocking, with what is strange about the header.
    fn with_doubts(&self, error: CliError, seen: &Seen) -> CliError {
        match error {
            CliError::Vault(
                error @ (VaultError::Locked(_) | VaultError::Header(HeaderError::Tag) | VaultError::Manifest),
            ) => {
                let path = self.vault_path();
                let header = path.ok().and_then(|path| peek(&mut SqliteStore::open(&path).ok()?).ok());
                let notes = header.map(|header| seen.strange(header.header())).unwrap_or_default();
                CliError::Doubtful { error, notes }
            }
            error => error,
        }
    }

    fn unlock_store(&mut self, store: Box<SqliteStore>, writes: bool) -> Result<Vault, CliError> {
        let brought = self.answers()?;
        self.prepare_tokens()?;
        let wish = Wish {
            keyslot: self.global.keyslot.as_deref(),
            brought: brought.as_ref(),
            password: self.global.password_file.is_some(),
            recovery: self.global.recovery_file.is_some(),
            writes,
        };
        Ok(Vault::unlock(store, wish, &mut self.openers, self.prompt.as_mut())?)
    }

    /// Notes which way in has opened the vault. Only for a file that was accepted as the vault of this machine: a forged one, wrapped for the
    /// same token, would be a proof of another wrap.
    pub(super) fn note_proof(&self, vault: &Vault) {
        Proofs::note(vault, !self.requests.is_empty());
    }
}

/// The PIN that systemd gives a service (`LoadCredentialEncrypted=twinlock.pin`; systemd.exec(5)): by itself, and by the rules of
/// `--pin-file`. Not so a password: it would open another keyslot than the service had before, and nobody had said so.
fn credential() -> Option<PathBuf> {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from).filter(|folder| folder.is_absolute())?;
    Some(folder.join("twinlock.pin")).filter(|path| path.is_file())
}

/// The person, or nobody, behind the files that secrets come from.
fn prompt(global: &Global, more: Sources) -> Result<Box<dyn Prompt>, CliError> {
    let person: Box<dyn Prompt> = match () {
        () if global.no_input => Box::new(NoPrompt),
        () if super::pinentry::may_be_asked() => Box::new(super::pinentry::prompt(global.config.clone())),
        () => Box::new(TtyPrompt::plain(global.plain)),
    };
    let sources = Sources {
        password: global.password_file.clone(),
        new_password: global.new_password_file.clone(),
        recovery: global.recovery_file.clone(),
        pin: global.pin_file.clone().or_else(credential),
        ..more
    };
    Ok(Box::new(FilePrompt::new(person, sources)?))
}
