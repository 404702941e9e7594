//! Enrolling a key of a token, and wrapping again under a public key that a stanza holds.

use super::error::TokenError;
use super::info::{Class, KeyInfo, TokenInfo};
use super::login::{PinRules, log_in};
use super::mode::{Family, Mode};
use super::params::{KIND, Params};
use super::tokens::{Found, SharedTokens, Tokens};
use super::uri::Uri;
use super::wrap;
use crate::factor::{Enroll, FactorError, SlotContext};
use crate::header::Stanza;
use crate::prompt::{Event, Prompt};
use crate::secret::FactorSecret;

/// Enrolls the one key that a URI means: finds it over all modules, logs in, makes the secret, and proves in a new session that the token
/// gives it back, and does not give it for a damaged blob (ECDH has none).
pub struct Pkcs11Enroll {
    /// The modules of this command.
    pub tokens: SharedTokens,
    /// Which token and key. Its `pin-source`, if any, is where the PIN comes from.
    pub uri: Uri,
    /// The mode; `None`: by the key's type.
    pub mode: Option<Mode>,
    /// Use SHA-1 in OAEP: with an RSA key and no `mode`, that mode is chosen.
    pub allow_sha1: bool,
    /// Send the PIN also where a wrong one locks the token.
    pub force_last_try: bool,
}

impl Enroll for Pkcs11Enroll {
    fn enroll(&self, ctx: &SlotContext<'_>, prompt: &mut dyn Prompt) -> Result<(Stanza, FactorSecret), FactorError> {
        let tokens = &mut *self.tokens.borrow_mut();
        for name in &self.uri.ignored {
            prompt.show(&Event::Warning(&format!("'{name}' in the PKCS#11 URI is not known here and was ignored")));
        }
        let mut found = the_token(tokens, &self.uri, prompt)?;
        let rules = PinRules { file: self.uri.pin_source.as_deref(), force_last_try: self.force_last_try, named: true };
        log_in(tokens, &mut found, rules, prompt)?;
        let (key, mode) = self.the_key(tokens, &found).map_err(FactorError::Token)?;
        if let Some(weakness) = key.weakness() {
            let name = key.name();
            prompt.show(&Event::Warning(&format!(
                "the key '{name}' {weakness}: the token protects it less than it could"
            )));
        }
        let bind = mode.bind(ctx);
        let wrapped = wrap::with_token(tokens, &found, &key, mode, &bind, prompt);
        let (params, secret) = wrapped.map_err(|error| with_mode(error, mode))?;
        Ok((Stanza::new(KIND, &params), secret))
    }
}

/// The one token that a URI means, over all modules. A module that fails is told of, unless it is why nothing was found.
pub fn the_token(tokens: &mut Tokens, uri: &Uri, prompt: &mut dyn Prompt) -> Result<Found, FactorError> {
    if tokens.is_empty() {
        return Err(FactorError::Token(TokenError::NoModule));
    }
    let (mut found, failed) = tokens.find_all(uri);
    let shown = || uri.canonical();
    match (found.len(), failed.into_iter().next()) {
        (0, Some(error)) => Err(FactorError::Token(error)),
        (0, None) => Err(FactorError::Token(TokenError::NotHere { uri: shown() })),
        (1, failed) => {
            if let Some(error) = failed {
                prompt.show(&Event::Warning(&error.to_string()));
            }
            Ok(found.remove(0))
        }
        (n, _) => Err(FactorError::Token(TokenError::TokenAmbiguous { uri: shown(), n })),
    }
}

impl Pkcs11Enroll {
    /// Whether the one token that the URI means is here; no PIN is asked for.
    pub fn find_token(&self, prompt: &mut dyn Prompt) -> Result<(), FactorError> {
        the_token(&mut self.tokens.borrow_mut(), &self.uri, prompt).map(drop)
    }

    /// Enrolls the key of a stanza anew, in the same mode: for a keyslot that is wrapped again and whose token is needed for it. The
    /// `pin-source` is that of the first of the person's own `uris` that means the same token. `None`: another kind, or a stanza that is
    /// not as it should be.
    pub fn again(tokens: &SharedTokens, stanza: &Stanza, uris: &[Uri], force_last_try: bool) -> Option<Self> {
        let (params, mut uri) = Params::from_stanza(stanza).ok()??;
        let fits = |mine: &Option<Vec<u8>>, its: &Option<Vec<u8>>| mine.is_none() || mine == its;
        let same = |mine: &&Uri| fits(&mine.token, &uri.token) && fits(&mine.serial, &uri.serial);
        uri.pin_source = uris.iter().filter(same).find_map(|mine| mine.pin_source.clone());
        let mode = params.mode();
        Some(Self {
            tokens: tokens.clone(),
            uri,
            mode: Some(mode),
            allow_sha1: mode == Mode::RsaOaepSha1,
            force_last_try,
        })
    }

    fn the_key(&self, tokens: &mut Tokens, found: &Found) -> Result<(KeyInfo, Mode), TokenError> {
        let classes: &[Class] = match (self.uri.class, self.mode.map(Mode::family)) {
            (Some(Class::Secret), _) | (None, Some(Family::AesGcm | Family::Hmac)) => &[Class::Secret],
            (Some(_), _) | (None, Some(_)) => &[Class::Private],
            (None, None) => &[Class::Secret, Class::Private],
        };
        let (token, name) = (found.info.name(), self.uri.key_name());
        let keys = tokens.keys(found, classes, &self.uri)?;
        let n = keys.len();
        let (mut fit, mut unfit) = (Vec::new(), None);
        for key in keys {
            match self.mode_for(&found.info, &key) {
                Ok(mode) => fit.push((key, mode)),
                Err(error) => unfit = Some(error),
            }
        }
        match (fit.len(), n, unfit) {
            (_, 0, _) if found.info.is_piv() => Err(TokenError::NoPivKey { token, key: name }),
            (_, 0, _) => Err(TokenError::KeyGone { token, key: name }),
            (0, 1, Some(error)) => Err(error),
            (0, ..) => Err(unsuitable(&found.info, name, format!("none of the {n} keys is fit for it"))),
            (1, ..) => Ok(fit.remove(0)),
            (fit, ..) => Err(TokenError::KeyAmbiguous { token, key: name, n: fit }),
        }
    }

    fn mode_for(&self, token: &TokenInfo, key: &KeyInfo) -> Result<Mode, TokenError> {
        if key.always_authenticate {
            let uri = Uri { object: Some(key.label.clone()), id: Some(key.id.clone()), ..Uri::default() };
            return Err(TokenError::PinEachTime { token: token.name(), key: uri.key_name() });
        }
        let unsuitable = |why| unsuitable(token, key.name(), why);
        let natural = key.mode().map_err(unsuitable)?;
        match (natural, self.mode) {
            (Mode::RsaOaepSha256, Some(Mode::RsaOaepSha1)) if !self.allow_sha1 => Err(TokenError::Sha1NotAllowed),
            (Mode::RsaOaepSha256, Some(Mode::RsaOaepSha1)) => Ok(Mode::RsaOaepSha1),
            (Mode::RsaOaepSha256, None) if self.allow_sha1 => Ok(Mode::RsaOaepSha1),
            (natural, None) => Ok(natural),
            (natural, Some(wanted)) if natural == wanted => Ok(wanted),
            (natural, Some(wanted)) => Err(unsuitable(format!("it is fit for {natural}, not for {wanted}"))),
        }
    }
}

fn unsuitable(token: &TokenInfo, key: String, why: String) -> TokenError {
    if token.is_piv() { TokenError::PivKey { key, why } } else { TokenError::KeyUnsuitable { key, why } }
}

fn with_mode(error: FactorError, mode: Mode) -> FactorError {
    match error {
        FactorError::Token(TokenError::Mechanism { token, code, .. }) => {
            FactorError::Token(TokenError::Mechanism { token, mode: Some(mode), code })
        }
        other => other,
    }
}

/// Wraps again under the public key of a stanza, with its token in a drawer.
pub struct Pkcs11Rewrap {
    stanza: Stanza,
    params: Params,
}

/// For a stanza of a public-key mode (RSA, ECDH): what makes a fresh stanza and secret from it alone. `None`: another kind or mode, or a
/// stanza that is not as it should be; then the token is needed.
pub fn rewrap_from_stanza(stanza: &Stanza) -> Option<Pkcs11Rewrap> {
    let (params, _) = Params::from_stanza(stanza).ok()??;
    params.mode().is_public_key().then(|| Pkcs11Rewrap { stanza: stanza.clone(), params })
}

impl Enroll for Pkcs11Rewrap {
    fn enroll(&self, ctx: &SlotContext<'_>, _: &mut dyn Prompt) -> Result<(Stanza, FactorSecret), FactorError> {
        let mode = self.params.mode();
        let wrapped =
            self.params.public().and_then(|key| wrap::in_software(mode, &self.params.uri, &key, &mode.bind(ctx)));
        let (params, secret) = wrapped
            .unwrap_or_else(|| unreachable!("a public-key mode has a public key of its type"))
            .map_err(FactorError::Token)?;
        let mut stanza = Stanza::new(KIND, &params);
        // Fields of a later version stay (spec 4.2).
        for (name, value) in &self.stanza.params {
            stanza.params.entry(name.clone()).or_insert_with(|| value.clone());
        }
        Ok((stanza, secret))
    }
}
