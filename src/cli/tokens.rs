//! The PKCS#11 tokens of one command: from the person's config file and arguments, and from nowhere else.

use super::report::CliError;
use super::session::Session;
use crate::factor::Enroll;
use crate::factor::pkcs11::{
    HelperCommand, KIND, Module, Pkcs11Enroll, Pkcs11Open, SharedTokens, TokenError, Tokens, Uri, keys,
};
use std::time::Duration;

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
        let uris = texts.map(parse).collect::<Result<Vec<_>, _>>()?;
        let exe = std::env::current_exe().map_err(|error| CliError::File {
            doing: "find the program",
            path: "twinlock".into(),
            error,
        })?;
        let tokens = Tokens::shared(HelperCommand { exe, args: vec![super::HELPER.into()] }, modules);
        let opener = Pkcs11Open { tokens: tokens.clone(), uris, force_last_try: self.global.force_pin };
        self.openers.add(KIND, Box::new(opener));
        self.tokens = Some(tokens);
        Ok(())
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
    pub fn token_enroller(&mut self, uri: &str, allow_sha1: bool) -> Result<Box<dyn Enroll>, CliError> {
        Ok(Box::new(self.pkcs11_enroll(uri, allow_sha1)?))
    }

    /// The same, as its own type.
    pub fn pkcs11_enroll(&mut self, uri: &str, allow_sha1: bool) -> Result<Pkcs11Enroll, CliError> {
        let uri = parse(uri)?;
        Ok(Pkcs11Enroll { tokens: self.tokens()?, uri, mode: None, allow_sha1, force_last_try: self.global.force_pin })
    }

    /// URI and name of every key that could open a keyslot, of every token that is here. A token that shows its keys only after a login
    /// is asked for its PIN.
    pub fn suitable_keys(&mut self) -> Result<Vec<(String, String)>, CliError> {
        let tokens = self.tokens()?;
        if tokens.borrow().is_empty() {
            return Err(TokenError::NoModule.into());
        }
        let anything = Uri::default();
        let (here, failed) = tokens.borrow_mut().find_all(&anything);
        for error in failed {
            super::report::warn(&error.to_string());
        }
        let mut found = Vec::new();
        for token in here.iter().filter(|token| token.info.initialized && token.info.pin_set) {
            let uri = of_token(&token.info.label, &token.info.serial);
            crate::factor::pkcs11::log_in_to(&tokens, &uri, self.global.force_pin, self.prompt.as_mut())?;
            for (token, keys) in keys(&mut tokens.borrow_mut(), &uri)? {
                for key in keys {
                    let Ok(mode) = key.mode() else { continue };
                    let named = |text: &[u8]| (!text.is_empty()).then(|| text.to_vec());
                    let uri = Uri { object: named(&key.label), id: named(&key.id), ..uri.clone() };
                    let name = format!("key '{}' on token '{}' ({mode})", key.name(), token.info.name());
                    found.push((uri.canonical(), name));
                }
            }
        }
        Ok(found)
    }
}

/// The URI of a token by what it says of itself.
pub fn of_token(label: &str, serial: &str) -> Uri {
    let named = |text: &str| (!text.is_empty()).then(|| text.as_bytes().to_vec());
    Uri { token: named(label), serial: named(serial), ..Uri::default() }
}

/// A URI from the person.
pub fn parse(text: &str) -> Result<Uri, CliError> {
    Uri::parse(text).map_err(|error| TokenError::BadUri(error).into())
}
