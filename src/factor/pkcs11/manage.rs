//! What `token setup` and `token test` do.

use super::enroll::{Pkcs11Enroll, the_token};
use super::error::TokenError;
use super::info::{Class, KeyInfo};
use super::login::{PinRules, log_in};
use super::mode::Mode;
use super::params::Params;
use super::tokens::{Found, SharedTokens, Tokens};
use super::uri::Uri;
use crate::crypto::random_bytes;
use crate::factor::{Enroll, FactorError, SlotContext};
use crate::prompt::Prompt;

/// Two bytes: a YubiHSM has no room for more.
const ID_LEN: usize = 2;
/// Draws of an id before giving up: a token full of keys.
const ID_DRAWS: u32 = 16;

/// Makes a key that can be enrolled.
pub struct TokenSetup {
    /// The modules of this command.
    pub tokens: SharedTokens,
    /// Which token; its `object` and `id` are those of the new key. Without `object` the label is "twinlock", without `id` it is drawn.
    pub uri: Uri,
    /// For which mode; `None`: the first of `Mode::ALL` that the token can do.
    pub mode: Option<Mode>,
    /// Send the PIN also where a wrong one locks the token.
    pub force_last_try: bool,
}

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// The token's name.
    pub token: String,
    /// The mode it was made for.
    pub mode: Mode,
    /// What to enroll.
    pub uri: Uri,
}

impl TokenSetup {
    /// Makes the key on the token.
    pub fn run(&self, prompt: &mut dyn Prompt) -> Result<NewKey, FactorError> {
        let tokens = &mut *self.tokens.borrow_mut();
        let wanted = Uri { object: None, id: None, class: None, ..self.uri.clone() };
        let mut found = the_token(tokens, &wanted, prompt)?;
        if found.info.is_piv() {
            // It would take the management key, and end without a certificate.
            return Err(FactorError::Token(TokenError::OwnTool { token: found.info.name() }));
        }
        if found.info.write_protected {
            return Err(FactorError::Token(TokenError::WriteProtected { token: found.info.name() }));
        }
        let rules = PinRules { file: self.uri.pin_source.as_deref(), force_last_try: self.force_last_try, named: true };
        log_in(tokens, &mut found, rules, prompt)?;
        self.make(tokens, &found).map_err(FactorError::Token)
    }

    fn make(&self, tokens: &mut Tokens, found: &Found) -> Result<NewKey, TokenError> {
        let token = found.info.name();
        let label = match &self.uri.object {
            None => "twinlock".to_owned(),
            Some(bytes) => String::from_utf8(bytes.clone()).map_err(|_| TokenError::KeyUnsuitable {
                key: self.uri.key_name(),
                why: "its label is not UTF-8".to_owned(),
            })?,
        };
        let named = Uri { object: Some(label.clone().into_bytes()), ..Uri::default() };
        if !tokens.keys(found, &[Class::Secret, Class::Private], &named)?.is_empty() {
            return Err(TokenError::KeyExists { token, key: named.key_name() });
        }
        let modes = match self.mode {
            Some(mode) => vec![mode],
            None => tokens.modes(found)?,
        };
        // The list may promise what the token cannot do.
        let mut last = TokenError::Mechanism { token: token.clone(), mode: self.mode, code: "no mode".to_owned() };
        for mode in modes {
            match self.make_as(tokens, found, mode, &label) {
                Ok(id) => {
                    let named = |text: &str| if text.is_empty() { None } else { Some(text.as_bytes().to_vec()) };
                    let uri = Uri {
                        token: Some(found.info.label.clone().into_bytes()),
                        serial: named(&found.info.serial),
                        object: Some(label.into_bytes()),
                        id: Some(id),
                        ..Uri::default()
                    };
                    return Ok(NewKey { token, mode, uri });
                }
                Err(error @ (TokenError::Mechanism { .. } | TokenError::Refused { .. })) => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    fn make_as(&self, tokens: &mut Tokens, found: &Found, mode: Mode, label: &str) -> Result<Vec<u8>, TokenError> {
        if let Some(id) = &self.uri.id {
            return tokens.generate(found, mode, label, id).map(|()| id.clone());
        }
        let mut draws = 0;
        loop {
            let id: [u8; ID_LEN] = random_bytes()?;
            match tokens.generate(found, mode, label, &id) {
                Ok(()) => return Ok(id.to_vec()),
                Err(TokenError::KeyExists { .. }) if draws < ID_DRAWS => draws += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

/// What `token test` found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestReport {
    /// The mode that was tried.
    pub mode: Mode,
    /// The whole URI of the key.
    pub uri: String,
}

/// Tries a key as an enrolment would, for a vault that does not exist: makes a secret, has it given back in a new session, and sees a
/// damaged one refused (where something is sealed: ECDH has nothing to damage). Nothing is written anywhere.
pub fn test(enroll: &Pkcs11Enroll, prompt: &mut dyn Prompt) -> Result<TestReport, FactorError> {
    let random = || random_bytes().map_err(|error| FactorError::Token(error.into()));
    let (vault_id, keyslot_id) = (random()?, random()?);
    let ctx = SlotContext { vault_id: &vault_id, keyslot_id: &keyslot_id, vault: "test", keyslot: "test" };
    let (stanza, _) = enroll.enroll(&ctx, prompt)?;
    match Params::from_stanza(&stanza)? {
        Some((params, _)) => Ok(TestReport { mode: params.mode(), uri: params.uri }),
        None => unreachable!("it was made as one of this kind"),
    }
}

/// The keys of a token that twinlock could use, or would but for one reason; before a login only what the token shows then.
pub fn keys(tokens: &mut Tokens, uri: &Uri) -> Result<Vec<(Found, Vec<KeyInfo>)>, TokenError> {
    let (found, _) = tokens.find_all(uri);
    let classes = [Class::Secret, Class::Private];
    found.into_iter().map(|one| tokens.keys(&one, &classes, uri).map(|keys| (one, keys))).collect()
}

/// Logs in to the one token a URI means, so that its private keys are listed too.
pub fn log_in_to(
    tokens: &SharedTokens,
    uri: &Uri,
    force_last_try: bool,
    prompt: &mut dyn Prompt,
) -> Result<Found, FactorError> {
    let tokens = &mut *tokens.borrow_mut();
    let mut found = the_token(tokens, uri, prompt)?;
    log_in(tokens, &mut found, PinRules { file: uri.pin_source.as_deref(), force_last_try, named: true }, prompt)?;
    Ok(found)
}
