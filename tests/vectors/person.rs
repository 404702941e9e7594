//! Who opens a vector: types what it gives and nothing else, and has its tokens.

use crate::load::Given;
use twinlock::factor::{FactorError, Open, Openers, SlotContext};
use twinlock::header::Stanza;
use twinlock::item::{Field, FieldKind, Item};
use twinlock::prompt::{Ask, Event, Prompt, PromptError, Question};
use twinlock::secret::{FactorSecret, SecretText, zeros32};
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

/// Everything that can be opened here.
pub fn openers(given: &Given) -> Openers {
    let mut openers = Openers::typed();
    openers.add("pkcs11", Box::new(Tokens(given.clone())));
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
