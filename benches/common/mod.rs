//! Vaults of any size, opened by a recovery code: it needs no slow KDF, so what is measured is the vault.

use std::error::Error;
use std::path::Path;
use twinlock::crypto::random_secret;
use twinlock::factor::Openers;
use twinlock::factor::recovery::{RecoveryCode, RecoveryEnroll};
use twinlock::item::{Field, FieldKind, Item};
use twinlock::prompt::{Ask, Event, NoPrompt, Prompt, PromptError, Question};
use twinlock::secret::{AccountKey, CodeText, SecretText};
use twinlock::store::sqlite::SqliteStore;
use twinlock::vault::{NewKeyslot, Vault, Wish, now};
use zeroize::Zeroizing;

/// What a bench may fail with.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Somebody who knows the recovery code and nothing else.
pub struct Knows<'a>(pub &'a CodeText);

impl Prompt for Knows<'_> {
    fn secret(&mut self, ask: &Ask<'_>) -> std::result::Result<SecretText, PromptError> {
        match ask {
            Ask::RecoveryCode { .. } => Ok(SecretText::new(Zeroizing::new(self.0.expose().to_owned()))),
            other => NoPrompt.secret(other),
        }
    }

    fn confirm(&mut self, question: &Question<'_>) -> std::result::Result<bool, PromptError> {
        NoPrompt.confirm(question)
    }

    fn line(&mut self, label: &str) -> std::result::Result<String, PromptError> {
        NoPrompt.line(label)
    }

    fn show(&mut self, _: &Event<'_>) {}

    fn can_retry(&self, _: &Ask<'_>) -> bool {
        false
    }
}

/// The name of item number `at`, the same that `compare.sh` gives it.
pub fn name(at: usize) -> String {
    format!("group-{:03}/site-{at:06}", at / 100)
}

/// A login of about 300 bytes.
pub fn item(at: usize) -> Item {
    let now = now();
    let field = |name, kind, value: String| Field::new(name, kind, value.as_str().into());
    Item {
        item_type: "login".into(),
        name: name(at),
        created: now.clone(),
        updated: now,
        tags: Vec::new(),
        fields: vec![
            field("username", FieldKind::Text, format!("person-{at}@example.org")),
            field("password", FieldKind::Concealed, format!("correct-horse-{at:06}")),
            field("url", FieldKind::Url, format!("https://site-{at:06}.example.org/login")),
            field("notes", FieldKind::Multiline, format!("note number {at:06}, of no interest")),
        ],
        extra: serde_json::Map::new(),
    }
}

/// Makes a vault of `n` items at `path`, and gives the code that opens it.
pub fn make(path: &Path, n: usize) -> Result<CodeText> {
    let code = RecoveryCode::generate().map_err(|error| format!("{error:?}"))?;
    let text = code.text();
    let kept = code.read_back(&text).map_err(|error| format!("{error:?}"))?;
    let enroll = RecoveryEnroll(kept);
    let keyslot = NewKeyslot { name: "recovery".into(), threshold: 1, factors: vec![&enroll] };
    let account_key = AccountKey::new(random_secret()?);
    let new = Vault::prepare("bench", &account_key, &[keyslot], &mut NoPrompt)?;
    SqliteStore::create(path, &new.header, &new.manifest)?;
    let items: Vec<Item> = (0..n).map(item).collect();
    unlock(path, &text)?.add_all(&items)?;
    Ok(text)
}

/// Opens the file, one keyslot, header and manifest.
pub fn unlock(path: &Path, code: &CodeText) -> Result<Vault> {
    let store = Box::new(SqliteStore::open(path)?);
    Ok(Vault::unlock(store, Wish::default(), &mut Openers::typed(), &mut Knows(code))?)
}
