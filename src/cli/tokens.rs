//! The PKCS#11 tokens of one command: from the person's config file and arguments, and from nowhere else.

use super::config::default_path;
use super::report::CliError;
use super::session::Session;
use crate::factor::Enroll;
use crate::factor::pkcs11::info::TokenInfo;
use crate::factor::pkcs11::{
    HelperCommand, KIND, Module, Pkcs11Enroll, Pkcs11Open, SharedTokens, Spare, TokenError, Tokens, Uri, is_here, keys,
};
use crate::header::Stanza;
use std::cell::RefCell;
use std::ffi::OsString;
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// Longer config files are not read twice, bytes.
const MAX_GUESSED: u64 = 64 * 1024;
/// Seconds that a module may take for a call, as the config file may say.
const DEADLINE: std::ops::RangeInclusive<u64> = 1..=600;

impl Session {
    /// Makes the tokens available to keyslots; no module is loaded before one needs it.
    pub fn prepare_tokens(&mut self) -> Result<(), CliError> {
        if self.tokens.is_some() {
            return Ok(());
        }
        let config = self.config()?;
        let mut modules = Vec::new();
        for module in config.modules {
            let deadline = module.deadline.unwrap_or(30);
            if !DEADLINE.contains(&deadline) {
                return Err(CliError::Usage {
                    message: format!("the deadline of module '{}' is not 1 to 600 seconds", module.path.display()),
                    hint: "correct it in the config file".into(),
                });
            }
            let mut made = Module::new(module.path);
            made.init_args = module.init_args;
            made.deadline = Duration::from_secs(deadline);
            modules.push(made);
        }
        modules.extend(self.global.module.iter().map(Module::new));
        let texts =
            config.tokens.iter().map(|token| token.uri.as_str()).chain(self.global.token.iter().map(String::as_str));
        let uris = texts.filter(|text| !is_piv(text)).map(parse).collect::<Result<Vec<_>, _>>()?;
        let command = helper_command().map_err(|error| CliError::File {
            doing: "find the program",
            path: "twinlock".into(),
            error,
        })?;
        let tokens = Tokens::new(command, modules).with_spare(self.spare.take());
        let tokens = Rc::new(RefCell::new(tokens));
        let opener = Pkcs11Open { tokens: tokens.clone(), uris, force_last_try: self.global.force_pin };
        self.openers.add(KIND, Box::new(opener));
        self.tokens = Some(tokens);
        self.piv().map(drop)
    }

    /// The tokens, for what works on them directly.
    pub fn tokens(&mut self) -> Result<SharedTokens, CliError> {
        self.prepare_tokens()?;
        match &self.tokens {
            Some(tokens) => Ok(tokens.clone()),
            None => unreachable!("they were just prepared"),
        }
    }

    /// The public half of a key on a token.
    ///
    /// The token is looked for now: it is told before a person types, or a code is made for nothing.
    pub fn token_enroller(&mut self, uri: &str, allow_sha1: bool) -> Result<Box<dyn Enroll>, CliError> {
        let enroll = self.pkcs11_enroll(uri, allow_sha1)?;
        enroll.find_token(self.prompt.as_mut())?;
        Ok(Box::new(enroll))
    }

    /// The same, as its own type.
    pub fn pkcs11_enroll(&mut self, uri: &str, allow_sha1: bool) -> Result<Pkcs11Enroll, CliError> {
        let uri = parse(uri)?;
        Ok(Pkcs11Enroll { tokens: self.tokens()?, uri, mode: None, allow_sha1, force_last_try: self.global.force_pin })
    }

    /// Whether the token of a keyslot's factor is here; no PIN is asked for.
    pub fn has_token(&mut self, stanza: &Stanza) -> bool {
        if stanza.kind == crate::factor::piv::KIND {
            return self.has_piv(stanza);
        }
        self.tokens().is_ok_and(|tokens| is_here(&mut tokens.borrow_mut(), stanza))
    }

    /// The tokens that are here and have a PIN, for a person to choose from; no PIN is asked for.
    pub fn usable_tokens(&mut self) -> Result<Vec<TokenInfo>, CliError> {
        let tokens = self.tokens()?;
        if tokens.borrow().is_empty() {
            return Err(TokenError::NoModule.into());
        }
        let (here, failed) = tokens.borrow_mut().find_all(&Uri::default());
        for error in failed {
            super::report::warn(&error.to_string());
        }
        Ok(here.into_iter().map(|found| found.info).filter(|info| info.initialized && info.pin_set).collect())
    }

    /// URI and name of every key of a token that could open a keyslot. Logs in, since most tokens show their keys only then.
    pub fn suitable_keys(&mut self, token: &TokenInfo) -> Result<Vec<(String, String)>, CliError> {
        let tokens = self.tokens()?;
        let uri = of_token(&token.label, &token.serial);
        crate::factor::pkcs11::log_in_to(&tokens, &uri, self.global.force_pin, self.prompt.as_mut())?;
        let mut found = Vec::new();
        for (_, keys) in keys(&mut tokens.borrow_mut(), &uri)? {
            for key in keys {
                let Ok(mode) = key.mode() else { continue };
                let named = |text: &[u8]| (!text.is_empty()).then(|| text.to_vec());
                let uri = Uri { object: named(&key.label), id: named(&key.id), ..uri.clone() };
                found.push((uri.canonical(), format!("key '{}' ({mode})", key.name())));
            }
        }
        Ok(found)
    }
}

/// How this program starts itself as the helper process.
pub(super) fn helper_command() -> io::Result<HelperCommand> {
    Ok(HelperCommand { exe: std::env::current_exe()?, args: vec![super::HELPER.into()] })
}

/// A helper process where one is likely to be needed: with `--module`, or with a module in the config file in its usual place. It gets
/// ready while the arguments are read and the vault is opened, and runs no module's code before a keyslot asks for it.
pub fn spare_helper() -> Option<Spare> {
    // With an agent no token is needed, as a rule.
    if super::held::is_likely() {
        return None;
    }
    let named = |arg: OsString| arg == "--module" || arg.as_encoded_bytes().starts_with(b"--module=");
    if std::env::args_os().any(named) || config_has_module() == Some(true) {
        // What fails here is told when the helper is needed.
        return helper_command().ok().map(|command| command.spare());
    }
    None
}

/// A guess, as it costs a process at most. The file is read and checked where it is used.
fn config_has_module() -> Option<bool> {
    let path = default_path()?;
    // Of a pipe it would be gone.
    let small = path.metadata().is_ok_and(|data| data.is_file() && data.len() <= MAX_GUESSED);
    let text = if small { std::fs::read_to_string(path).ok()? } else { return None };
    Some(text.lines().any(|line| line.trim_start().starts_with("[[module]]")))
}

/// The URI of a token by what it says of itself.
pub fn of_token(label: &str, serial: &str) -> Uri {
    let named = |text: &str| (!text.is_empty()).then(|| text.as_bytes().to_vec());
    Uri { token: named(label), serial: named(serial), ..Uri::default() }
}

/// Whether a `--token` names a YubiKey.
fn is_piv(text: &str) -> bool {
    text.starts_with("piv:")
}

/// A URI from the person.
pub fn parse(text: &str) -> Result<Uri, CliError> {
    Uri::parse(text).map_err(|error| TokenError::BadUri(error).into())
}
