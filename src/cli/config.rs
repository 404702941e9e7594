//! The person's own config file. The only place, beside `--module`, that PKCS#11 modules come from.
//!
//! ```toml
//! pinentry = "/usr/bin/pinentry-gnome3"                  # asks in a window where there is no terminal; "" for never
//!
//! [[module]]
//! path = "/usr/lib/softhsm/libsofthsm2.so"
//! # init-args = "configdir='sql:/home/ada/nss' ..."   (NSS alone needs it)
//! # deadline = 30                                      (seconds a call may take)
//!
//! [[token]]                                              # for a token whose PIN is not typed
//! uri = "pkcs11:token=vault-hsm?pin-source=/run/credentials/hsm-pin"
//!
//! [piv]
//! # attestation-root = "/home/ada/yubico-roots.pem"      (proves that a key was born on a YubiKey)
//! leave-card = false                                     # true: a verified PIN stays so on the YubiKey when a command ends
//!
//! [agent]
//! idle = "15m"                                           # 'twinlock unlock': lock when not used for so long,
//! max = "12h"                                            # and after so long in any case
//! keep-on-removal = false                                # true: stay unlocked when the token is pulled
//! ```

use super::report::{CliError, FIXABLE};
use crate::factor::pkcs11::only_mine;
use serde::Deserialize;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The file, parsed. Unknown keys are errors: a misspelt setting must not be silently without effect.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The program that asks where there is no terminal: an absolute path, or nothing to switch it off.
    pub pinentry: Option<PathBuf>,
    /// PKCS#11 modules, tried in this order.
    #[serde(default, rename = "module")]
    pub modules: Vec<ModuleConfig>,
    /// Tokens whose PIN is in a file.
    #[serde(default, rename = "token")]
    pub tokens: Vec<TokenConfig>,
    /// YubiKeys.
    #[serde(default)]
    pub piv: PivConfig,
    /// How long vaults stay unlocked.
    #[serde(default)]
    pub agent: AgentConfig,
}

/// How long vaults stay unlocked in the agent; times like `15m`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AgentConfig {
    /// Without use.
    pub idle: Option<String>,
    /// In any case.
    pub max: Option<String>,
    /// Also when the token that opened the vault is pulled.
    #[serde(default)]
    pub keep_on_removal: bool,
}

/// How YubiKeys are treated.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PivConfig {
    /// Do not reset a card after its PIN was verified: other programs keep their sessions, and can use its keys without the PIN.
    #[serde(default)]
    pub leave_card: bool,
    /// Certificates of the maker, which prove that a key was born on a YubiKey.
    pub attestation_root: Option<PathBuf>,
}

/// One token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    /// RFC 7512, with `pin-source`; or `piv:SERIAL`.
    pub uri: String,
}

/// One PKCS#11 module.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ModuleConfig {
    /// Absolute path of the shared library.
    pub path: PathBuf,
    /// The string that NSS's softoken wants in `C_Initialize`.
    pub init_args: Option<String>,
    /// Seconds that a call may take, 1 to 600.
    pub deadline: Option<u64>,
}

impl Config {
    /// The file that was `named`, or the one in its usual place, if there is one.
    pub fn find(named: Option<&Path>) -> Result<Self, CliError> {
        match (named, default_path()) {
            (Some(path), _) => Self::load(path, true),
            (None, Some(path)) => Self::load(&path, false),
            (None, None) => Ok(Self::default()),
        }
    }

    /// Reads the file. In its usual place none is an empty one; a file that was `named` must be there.
    pub fn load(path: &Path, named: bool) -> Result<Self, CliError> {
        let failed = |error| CliError::File { doing: "read the config file", path: path.into(), error };
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if !named && error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(failed(error)),
        };
        check_owner(path, &file).map_err(failed)?.map_err(|why| CliError::Plain {
            message: format!("the config file '{}' is not used: {why}", path.display()),
            hint: "it says which code is run: make sure that only you or root can change it ('chmod go-w')".into(),
            code: FIXABLE,
        })?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        toml::from_str(&text).map_err(|error| CliError::Config { path: path.into(), why: error.to_string() })
    }
}

/// Whether nobody else can have written the file: it names modules, whose code is run. What is no file, `/dev/null` or the pipe of a
/// shell, was named on purpose.
fn check_owner(path: &Path, file: &File) -> std::io::Result<Result<(), String>> {
    if !file.metadata()?.is_file() {
        return Ok(Ok(()));
    }
    path.canonicalize().map(|real| only_mine(&real))
}

/// `$XDG_CONFIG_HOME/twinlock/config.toml`, else below `~/.config`.
pub fn default_path() -> Option<PathBuf> {
    below("XDG_CONFIG_HOME", ".config").map(|folder| folder.join("config.toml"))
}

/// `$XDG_DATA_HOME/twinlock`, else below `~/.local/share`.
pub fn data_folder() -> Option<PathBuf> {
    below("XDG_DATA_HOME", ".local/share")
}

/// `$XDG_STATE_HOME/twinlock`, else below `~/.local/state`.
pub fn state_folder() -> Option<PathBuf> {
    below("XDG_STATE_HOME", ".local/state")
}

/// XDG base directories: a variable that is not an absolute path is ignored.
fn below(variable: &str, fallback: &str) -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    Some(absolute(variable).or_else(|| Some(absolute("HOME")?.join(fallback)))?.join("twinlock"))
}
