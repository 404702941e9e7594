//! Which program asks where there is no terminal, and when one may.

use super::config::Config;
use super::report::explain;
use crate::factor::pkcs11::only_mine;
use crate::prompt::{PinentryPrompt, TtyPrompt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What to do when it failed.
pub const AFTER_A_FAILURE: &str =
    "run it on a terminal; 'pinentry' in the config file names another program, or none (\"\")";

/// Whether somebody may be at a window, and not at a terminal.
pub fn may_be_asked() -> bool {
    !TtyPrompt::available() && PinentryPrompt::reachable()
}

/// The person there.
pub fn prompt(config: Option<PathBuf>) -> PinentryPrompt {
    PinentryPrompt::new(Box::new(move || {
        let config = Config::find(config.as_deref()).map_err(|error| {
            explain(&error).map_or_else(|| "the config file cannot be read".to_owned(), |explained| explained.message)
        })?;
        find(config.pinentry.as_deref(), std::env::var_os("PATH").unwrap_or_default().as_ref())
    }))
}

/// What to do where nobody can be asked.
pub fn instead(flag: Option<&str>) -> String {
    let flag = flag.map_or(String::new(), |flag| format!(", or use {flag}"));
    if may_be_asked() {
        return format!("run it on a terminal or with 'pinentry' installed, without --no-input{flag}");
    }
    format!("run it on a terminal without --no-input{flag}")
}

/// The program that the config file names, or the first in a folder of `PATH` that may be run; none if it is switched off or not there.
fn find(named: Option<&Path>, path: &std::ffi::OsStr) -> Result<Option<PathBuf>, String> {
    match named {
        Some(named) if named.as_os_str().is_empty() => Ok(None),
        Some(named) => check(named)
            .map(Some)
            .map_err(|why| format!("the program '{}' of the config file is not used: {why}", named.display())),
        // A relative folder is another one in every working folder, and there anybody may have put a program.
        None => Ok(std::env::split_paths(path).find_map(|folder| check(&folder.join("pinentry")).ok())),
    }
}

/// The program without links, if nobody else can have written it: it gets what is typed.
fn check(path: &Path) -> Result<PathBuf, String> {
    if !path.is_absolute() {
        return Err("the path is not absolute".to_owned());
    }
    let real = path.canonicalize().map_err(|error| super::report::system(&error))?;
    let data = real.metadata().map_err(|error| super::report::system(&error))?;
    if !data.is_file() || data.permissions().mode() & 0o111 == 0 {
        return Err("it is not a program".to_owned());
    }
    only_mine(&real)?;
    Ok(real)
}
