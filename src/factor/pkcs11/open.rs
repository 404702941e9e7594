//! Opening: reproduces the factor secret with the token.

use super::enroll::Pkcs11Enroll;
use super::error::TokenError;
use super::info::{Class, PublicKey};
use super::login::{PinRules, log_in};
use super::params::{Params, key_ref};
use super::tokens::{Found, SharedTokens, Tokens};
use super::uri::Uri;
use super::wrap;
use crate::factor::{Enroll, FactorError, Open, SlotContext};
use crate::header::Stanza;
use crate::prompt::{Event, Prompt};
use crate::secret::FactorSecret;

/// Opens stanzas of kind `pkcs11` with the tokens of this command.
///
/// `Ok(None)`: no module has that token; without any module that cannot be said, and is an error. A token that is here without its key is an error. Before a PIN is asked for, the token's
/// flags are looked at, and its public key is compared where it shows one. A lost session is opened again (`tokens/again.rs`). A PIV card that is not found by its name is found by its public key.
pub struct Pkcs11Open {
    /// The modules of this command.
    pub tokens: SharedTokens,
    /// URIs from the person's command line or config: these tokens are theirs. The `pin-source` of the first that means the token is where
    /// its PIN comes from. The stanza's own URI never names a file.
    pub uris: Vec<Uri>,
    /// Send the PIN also where a wrong one locks the token.
    pub force_last_try: bool,
}

impl Open for Pkcs11Open {
    fn open(
        &mut self,
        ctx: &SlotContext<'_>,
        stanza: &Stanza,
        prompt: &mut dyn Prompt,
    ) -> Result<Option<FactorSecret>, FactorError> {
        let Some((params, uri)) = Params::from_stanza(stanza)? else { return Ok(None) };
        let tokens = &mut *self.tokens.borrow_mut();
        if tokens.is_empty() {
            // Not "the token is not here": it may well be, and nobody could see it.
            return Err(FactorError::Token(TokenError::NoModule));
        }
        let mut at = None;
        let mut failed = None;
        loop {
            let opened = self.open_once(ctx, (&params, &uri), tokens, &mut at, prompt);
            let error = match (opened, failed) {
                // Not back yet.
                (Ok(None), Some(before)) => before,
                (Err(FactorError::Token(error)), _) => error,
                (done, _) => return done,
            };
            // Told first: then comes the pause.
            let text = format!("{error}; trying again");
            if !tokens.reconnect(&error, at.as_ref(), &mut || prompt.show(&Event::Warning(&text))) {
                return Err(FactorError::Token(error));
            }
            failed = Some(error);
        }
    }

    fn prepare(&mut self, _: &Stanza) -> bool {
        self.tokens.borrow_mut().begin()
    }

    /// Not every module sees a token that came after it was loaded.
    fn look_again(&mut self) {
        self.tokens.borrow_mut().dismiss();
    }

    fn again(&self, stanza: &Stanza) -> Option<Box<dyn Enroll>> {
        let enroll = Pkcs11Enroll::again(&self.tokens, stanza, &self.uris, self.force_last_try)?;
        Some(Box::new(enroll))
    }
}

impl Pkcs11Open {
    /// The same, in one session. `at`: the token, once it is found.
    fn open_once(
        &self,
        ctx: &SlotContext<'_>,
        (params, uri): (&Params, &Uri),
        tokens: &mut Tokens,
        at: &mut Option<Found>,
        prompt: &mut dyn Prompt,
    ) -> Result<Option<FactorSecret>, FactorError> {
        let expected = params.public();
        let meant = the_meant(tokens, uri.clone(), expected.as_ref(), at).map_err(FactorError::Token)?;
        let Some(Meant { mut found, uri, seen }) = meant else { return Ok(None) };
        let mine = self.uris.iter().find(|mine| mine.pin_source.is_some() && tokens.is_meant(&found, mine));
        let file = mine.and_then(|mine| mine.pin_source.as_deref());
        let named = self.uris.iter().any(|mine| mine.names_token() && tokens.is_meant(&found, mine));
        log_in(tokens, &mut found, PinRules { file, force_last_try: self.force_last_try, named }, prompt)?;
        if let (Some(expected), false) = (&expected, seen) {
            matches_private(tokens, &found, params, &uri, expected).map_err(FactorError::Token)?;
        }
        let secret = wrap::reproduce(tokens, &found, params, &uri, &params.mode().bind(ctx), prompt);
        secret.map(Some)
    }
}

/// The token that a stanza means.
struct Meant {
    found: Found,
    /// Where the key is on it.
    uri: Uri,
    /// Whether it shows the enrolled public key.
    seen: bool,
}

/// Finds the token by its name, which must not show another key; or a PIV card by the public key alone. `at`: the token, also where it
/// fails then.
fn the_meant(
    tokens: &mut Tokens,
    uri: Uri,
    expected: Option<&PublicKey>,
    at: &mut Option<Found>,
) -> Result<Option<Meant>, TokenError> {
    let by_name = tokens.find_first(&uri).and_then(|found| {
        let Some(found) = found else { return Ok(None) };
        *at = Some(found.clone());
        let seen = match expected {
            None => false,
            Some(expected) => matches_public(tokens, &found, &uri, expected)?,
        };
        Ok(Some(Meant { found, uri, seen }))
    });
    if let (Ok(None) | Err(_), Some(expected)) = (&by_name, expected)
        && let Some((found, uri)) = tokens.find_piv(expected)
    {
        *at = Some(found.clone());
        return Ok(Some(Meant { found, uri, seen: true }));
    }
    by_name
}

/// Whether the token of a stanza is here; no PIN is asked for.
pub fn is_here(tokens: &mut Tokens, stanza: &Stanza) -> bool {
    let Ok(Some((params, uri))) = Params::from_stanza(stanza) else { return false };
    let of_token = Uri { token: uri.token, serial: uri.serial, ..Uri::default() };
    matches!(tokens.find_first(&of_token), Ok(Some(_)))
        || params.public().is_some_and(|public| tokens.find_piv(&public).is_some())
}

/// Compares with the public key that the token shows without a login. False: it shows none.
fn matches_public(tokens: &mut Tokens, found: &Found, uri: &Uri, expected: &PublicKey) -> Result<bool, TokenError> {
    // The id links the halves of a pair; their labels may differ.
    let object = if uri.id.is_some() { None } else { uri.object.clone() };
    let half = Uri { object, ..uri.clone() };
    let keys = match tokens.keys(found, &[Class::Public], &half) {
        Ok(keys) => keys,
        Err(TokenError::NotLoggedIn { .. }) => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut shown = keys.iter().filter_map(|key| key.public.as_ref()).peekable();
    if shown.peek().is_none() {
        // A PIV card shows every public key that it has, so that a PIN would be sent for nothing.
        let gone = found.info.is_piv().then(|| TokenError::NoPivKey { token: found.info.name(), key: uri.key_name() });
        return gone.map_or(Ok(false), Err);
    }
    if shown.any(|public| public == expected) { Ok(true) } else { Err(rekeyed(found, uri)) }
}

/// Compares with the private key, after the login.
fn matches_private(
    tokens: &mut Tokens,
    found: &Found,
    params: &Params,
    uri: &Uri,
    expected: &PublicKey,
) -> Result<(), TokenError> {
    let class = key_ref(params.mode(), uri).class;
    match tokens.keys(found, &[class], uri)?.as_slice() {
        [] => Err(TokenError::KeyGone { token: found.info.name(), key: uri.key_name() }),
        [only] if only.public.as_ref().is_some_and(|public| public != expected) => Err(rekeyed(found, uri)),
        // More than one is found again, and told, when it is used.
        _ => Ok(()),
    }
}

fn rekeyed(found: &Found, uri: &Uri) -> TokenError {
    TokenError::Rekeyed { token: found.info.name(), key: uri.key_name() }
}
