//! Vaults of any size, opened by a recovery code: it needs no slow KDF, so what is measured is the vault.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};
use twinlock::crypto::aead::{open_padded, seal_padded};
use twinlock::crypto::random_secret;
use twinlock::factor::Openers;
use twinlock::factor::recovery::{RecoveryCode, RecoveryEnroll};
use twinlock::item::{Field, FieldKind, Item};
use twinlock::prompt::{Ask, Event, NoPrompt, Prompt, PromptError, Question};
use twinlock::secret::{AccountKey, CodeText, SecretText};
use twinlock::store::sqlite::SqliteStore;
use twinlock::store::{Entry, Record, RecordId, Store};
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
    let keyslot = NewKeyslot { name: "recovery".into(), threshold: 1, factors: vec![&enroll], custodians: false };
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

/// What a rotation cannot do without: each item and its name decrypted, encrypted, and written to a new file that lasts. No check, no set, no
/// index by name, no reading back, and no journal for going back to the old.
pub struct Bare {
    items: Vec<(RecordId, Vec<u8>)>,
    names: Vec<(RecordId, Vec<u8>)>,
}

const KEY: [u8; 32] = [7; 32];

impl Bare {
    /// As many sealed items and names, each of the length that those in the file have.
    pub fn read(path: &Path, n: usize) -> Result<Self> {
        let (mut items, mut names) = (Vec::with_capacity(n), Vec::with_capacity(n));
        let mut store = SqliteStore::open(path)?;
        let read = store.snapshot()?;
        let content = |sealed: usize| vec![b'x'; (sealed - 40) * 4 / 5];
        let mut failed = None;
        let mut seal = |id: RecordId, length: usize, all: &mut Vec<_>| match seal_padded(&KEY, &[&id], &content(length))
        {
            Ok(sealed) => all.push((id, sealed)),
            Err(error) => failed = Some(error),
        };
        read.each_record(&mut |record| {
            seal(record.id, record.sealed.len(), &mut items);
            ControlFlow::Continue(())
        })?;
        read.each_entry(&mut |entry| {
            seal(entry.id, entry.sealed.len(), &mut names);
            ControlFlow::Continue(())
        })?;
        failed.map_or(Ok(Self { items, names }), |error| Err(error.into()))
    }

    /// Does it once, into a new file of the folder.
    pub fn run(&self, folder: &Path) -> Duration {
        let path = folder.join("bare");
        let Ok(mut store) = SqliteStore::create(&path, b"header", b"manifest") else { return Duration::MAX };
        let start = Instant::now();
        let done = self.write(&mut store);
        let took = start.elapsed();
        drop(store);
        assert!(done.is_ok() && std::fs::remove_file(&path).is_ok(), "the bench's own file is not written");
        took
    }

    fn write(&self, store: &mut SqliteStore) -> Result<()> {
        let again = |(id, sealed): &(RecordId, Vec<u8>)| -> Result<Vec<u8>> {
            let content = open_padded(&KEY, &[id], sealed).map_err(|_| "it does not open")?;
            Ok(seal_padded(&KEY, &[id], &content)?)
        };
        let mut tx = store.begin()?;
        for one in &self.items {
            tx.put_record(&Record { id: one.0, epoch: 2, revision: 1, sealed: again(one)? })?;
        }
        for (at, one) in (0u64..).zip(&self.names) {
            let mut tag = [0; 32];
            tag[..8].copy_from_slice(&at.to_be_bytes());
            tx.put_entry(&Entry { tag, id: one.0, sealed: again(one)? })?;
        }
        tx.commit()?;
        Ok(())
    }
}
