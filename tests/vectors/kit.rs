//! Kits by the other implementation: each is read, held against its vault, or refused, for the reason that its file names. A header is
//! put back where it says so, and nothing is written where it does not.

use crate::load::{Given, Hex, Text, Vault as InVault, files, json};
use crate::person::{Person, openers};
use serde::Deserialize;
use twinlock::crypto::sha256;
use twinlock::header::HeaderError;
use twinlock::kit::{Gathered, KitError};
use twinlock::store::Store;
use twinlock::store::memory::{Contents, MemoryStore};
use twinlock::vault::{Damage, KitStanding, OpenKit, Refusal, RestoreError, VaultError, Wish, link};

/// Vectors that there must be, at least.
const LEAST: usize = 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    comment: String,
    expect: String,
    texts: Vec<String>,
    open: Given,
    vault: InVault,
    account_key: Option<Hex>,
    header: Option<Text>,
    generation: Option<u64>,
    /// Of one that is completed where the manifest tells of states before it.
    sequence: Option<u64>,
    past: Option<Hex>,
}

fn of_part(error: &KitError) -> &'static str {
    match error {
        KitError::Nothing => "nothing",
        KitError::CutShort => "cut-short",
        KitError::Character(_) => "character",
        KitError::Version(_) => "unsupported",
        KitError::Check(_) => "check",
        KitError::Malformed => "bad-part",
        KitError::Mixed => "mixed",
        KitError::Conflict(_) => "conflict",
        KitError::Missing { .. } => "parts-missing",
        KitError::Sum => "sum",
        KitError::Packed => "packed",
        KitError::TooLong => "too-long",
    }
}

fn of_refusal(error: &RestoreError) -> String {
    match error {
        RestoreError::Header(HeaderError::Malformed(_)) => "malformed",
        RestoreError::Header(HeaderError::Tag) => "tampered",
        RestoreError::Header(_) => "unsupported",
        RestoreError::OtherVault(_) => "other-vault",
        RestoreError::Unproven => "unproven",
        RestoreError::Altered => "altered",
        RestoreError::Vault(VaultError::Locked(refusals)) if matches!(refusals[..], [(_, Refusal::Wrong { .. })]) => {
            "locked"
        }
        other => return format!("{other:?}"),
    }
    .to_owned()
}

/// What a vector came to.
enum Came {
    Stands(String, Box<OpenKit>),
    Back(Box<OpenKit>, Damage),
}

fn used(vector: &Vector, store: &mut MemoryStore) -> Result<Came, String> {
    let mut gathered = Gathered::new();
    for text in &vector.texts {
        gathered.take(text).map_err(|error| of_part(&error).to_owned())?;
    }
    let text = gathered.text().map_err(|error| of_part(&error).to_owned())?;
    let wish = Wish { keyslot: Some(&vector.open.keyslot), ..Wish::default() };
    let (mut openers, mut person) = (openers(&vector.open), Person::new(&vector.open));
    let kit = OpenKit::open(text, Some(store), wish, &mut openers, &mut person).map_err(|error| of_refusal(&error))?;
    let standing = kit.compare(store.snapshot().unwrap().as_ref()).map_err(|error| of_refusal(&error))?;
    let name = match standing {
        KitStanding::Current => "current",
        KitStanding::Older { .. } => "older",
        KitStanding::Newer { .. } => "newer",
        KitStanding::Fork => "fork",
        KitStanding::BeforeRotation { .. } => "before-rotation",
        KitStanding::AfterRotation { .. } => "after-rotation",
        KitStanding::Damaged(damage) => return Ok(Came::Back(Box::new(kit), damage)),
    };
    Ok(Came::Stands(name.to_owned(), Box::new(kit)))
}

/// What is wrong with how a vector came out.
fn wrong(vector: &Vector) -> Option<String> {
    let before: Contents = vector.vault.contents();
    let mut store = MemoryStore::new(before.clone());
    let (came, kit, damage) = match used(vector, &mut store) {
        Err(class) => (class, None, None),
        Ok(Came::Stands(standing, kit)) => (standing, Some(kit), None),
        Ok(Came::Back(kit, damage)) => {
            (if damage.exact { "restored" } else { "completed" }.to_owned(), Some(kit), Some(damage))
        }
    };
    if came != vector.expect {
        return Some(format!("'{came}' where '{}' belongs", vector.expect));
    }
    if store.contents() != before {
        return Some("something was written".to_owned());
    }
    let (kit, key) = (kit?, vector.account_key.as_ref().unwrap());
    let vault_id = kit.header().vault_id;
    let expected = twinlock::vault::fingerprint(&crate::person::account_key(key), &vault_id);
    if kit.fingerprint() != expected {
        return Some("another account key".to_owned());
    }
    let Some(damage) = damage else {
        let standing = ["current", "older", "newer", "fork", "before-rotation", "after-rotation"];
        return (!standing.contains(&came.as_str())).then(|| format!("'{came}' is nothing that a kit is to a vault"));
    };
    let of_kit = kit.header().keyslots.clone();
    let mut vault = match kit.restore(Box::new(store.clone()), &damage) {
        Ok(vault) => vault,
        Err(error) => return Some(format!("not put back: {error:?}")),
    };
    let after = store.contents();
    if let Some(header) = &vector.header
        && after.header.as_deref() != Some(header.bytes().as_slice())
    {
        return Some("another header was put back".to_owned());
    }
    if damage.exact && after.manifest != before.manifest {
        return Some("the manifest was written".to_owned());
    }
    let now = vault.mark();
    let lost = before.manifest.as_deref().unwrap();
    let follows = now.line().at(now.sequence - 1) == Some(link(&sha256(&[lost])));
    let told = vector.past.as_ref().is_none_or(|past| past.0 == now.past.as_bytes());
    let counted = vector.sequence.is_none_or(|sequence| sequence == now.sequence);
    let carried_on = follows && told && counted;
    if !damage.exact && !carried_on {
        return Some("what came before is not told of".to_owned());
    }
    if let Some(generation) = vector.generation
        && vault.header().generation != generation
    {
        return Some(format!("generation {}", vault.header().generation));
    }
    let same = vault.header().keyslots == of_kit && after.records == before.records && after.entries == before.entries;
    let whole = vault.verify().is_ok_and(|report| report.items == before.records.len() as u64);
    (!same || !whole).then(|| "the vault is not whole afterwards".to_owned())
}

#[test]
fn kits_come_out_as_they_say() {
    let files = files("kit");
    let mut failures = Vec::new();
    for (file, path) in &files {
        let vector: Vector = json(path);
        assert_eq!(&vector.name, file);
        if let Some(why) = wrong(&vector) {
            failures.push(format!("kit/{file} ({}): {why}", vector.comment));
        }
    }
    assert!(failures.is_empty(), "\n{} of {}:\n{}\n", failures.len(), files.len(), failures.join("\n"));
    assert!(files.len() >= LEAST, "{} vectors in kit", files.len());
}
