//! Who opens a vector: types what it gives and nothing else, and has its tokens.

use crate::load::{Given, Hex};
use twinlock::factor::piv::Mode;
use twinlock::factor::piv::params::Params;
use twinlock::factor::{FactorError, Open, Openers, SlotContext};
use twinlock::header::Stanza;
use twinlock::item::{Field, FieldKind, Item};
use twinlock::prompt::{Ask, Event, Prompt, PromptError, Question};
use twinlock::secret::{AccountKey, FactorSecret, SecretText, zeros32};
use zeroize::Zeroizing;

/// Types each secret once; asked again, there is no other.
pub struct Person {
    given: Given,
}

impl Person {
    pub fn new(given: &Given) -> Self {
        Self { given: given.clone() }
    }
}

impl Prompt for Person {
    fn secret(&mut self, ask: &Ask<'_>) -> Result<SecretText, PromptError> {
        let text = match ask {
            Ask::Password { .. } => &self.given.password,
            Ask::RecoveryCode { .. } => &self.given.recovery,
            other => panic!("asked for {other:?}"),
        };
        text.clone().map(|text| SecretText::new(Zeroizing::new(text))).ok_or(PromptError::Skipped)
    }

    fn confirm(&mut self, question: &Question<'_>) -> Result<bool, PromptError> {
        panic!("asked {question:?}")
    }

    fn line(&mut self, label: &str) -> Result<String, PromptError> {
        panic!("asked for '{label}'")
    }

    fn show(&mut self, _: &Event<'_>) {}

    fn can_retry(&self, _: &Ask<'_>) -> bool {
        false
    }
}

/// Stands in for tokens: their factor secrets, by URI.
struct Tokens(Given);

impl Open for Tokens {
    fn open(
        &mut self,
        _: &SlotContext<'_>,
        stanza: &Stanza,
        _: &mut dyn Prompt,
    ) -> Result<Option<FactorSecret>, FactorError> {
        let uri = stanza.params.get("uri").and_then(|uri| uri.as_str());
        let token = self.0.tokens.iter().find(|token| Some(token.uri.as_str()) == uri);
        Ok(token.map(|token| {
            let mut secret = zeros32();
            secret.copy_from_slice(&token.secret.0);
            FactorSecret::new(secret)
        }))
    }
}

/// Stands in for YubiKeys: their private keys.
struct Yubikeys(Given);

impl Open for Yubikeys {
    fn open(
        &mut self,
        ctx: &SlotContext<'_>,
        stanza: &Stanza,
        _: &mut dyn Prompt,
    ) -> Result<Option<FactorSecret>, FactorError> {
        let Some(params) = Params::from_stanza(stanza)? else { return Ok(None) };
        let token = self.0.piv.iter().find(|token| token.public.0 == params.public);
        Ok(token.map(|token| {
            let z = agree(params.mode, &token.private.0, &params.ephemeral);
            params.factor_secret(&z, &params.mode.bind(ctx))
        }))
    }
}

/// ECDH as a token does it.
pub fn agree(mode: Mode, private: &[u8], point: &[u8]) -> Vec<u8> {
    match mode {
        Mode::EcdhP256 => {
            let point = p256::PublicKey::from_sec1_bytes(point).unwrap();
            p256::SecretKey::from_slice(private).unwrap().diffie_hellman(&point).raw_secret_bytes().to_vec()
        }
        Mode::EcdhP384 => {
            let point = p384::PublicKey::from_sec1_bytes(point).unwrap();
            p384::SecretKey::from_slice(private).unwrap().diffie_hellman(&point).raw_secret_bytes().to_vec()
        }
        Mode::EcdhX25519 => {
            let bytes = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).unwrap();
            let private = x25519_dalek::StaticSecret::from(bytes(private));
            private.diffie_hellman(&bytes(point).into()).as_bytes().to_vec()
        }
    }
}

/// Everything that can be opened here.
pub fn openers(given: &Given) -> Openers {
    let mut openers = Openers::typed();
    openers.add("pkcs11", Box::new(Tokens(given.clone())));
    openers.add("piv", Box::new(Yubikeys(given.clone())));
    openers
}

/// Some item, to be written.
pub fn item(name: &str) -> Item {
    let time = "2026-01-01T00:00:00Z".to_owned();
    Item {
        item_type: "note".into(),
        name: name.into(),
        created: time.clone(),
        updated: time,
        tags: Vec::new(),
        fields: vec![Field::new("notes", FieldKind::Multiline, "x".into())],
        extra: serde_json::Map::new(),
    }
}

/// An account key that a vector gives.
pub fn account_key(key: &Hex) -> AccountKey {
    let mut bytes = zeros32();
    bytes.copy_from_slice(&key.array::<32>());
    AccountKey::new(bytes)
}
