//! Items that want a confirmation: their secret part is sealed once more, under a key of its own, which is wrapped under one factor or
//! more. Any one of these opens it; the account key does not. Spec 6.6.
//!
//! The item's record is what it was, so that whoever holds the account key lists, renames and removes such an item, and cannot read it.

use crate::crypto::aead::{open_padded, seal_padded};
use crate::crypto::keywrap::{unwrap_item_key, wrap_item_key};
use crate::crypto::{RandomError, equal, hkdf_sha256, random_bytes, random_secret, sha256};
use crate::encode::hex;
use crate::header::Stanza;
use crate::header::strict::canonical;
use crate::item::{Field, FieldKind, Item, ItemError};
use crate::secret::{FactorSecret, ItemKek, ItemKey};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The field of an item that holds it.
pub const FIELD: &str = "confirm";
/// Factors of an item, at most: as many as a vault has keyslots.
const MAX_WAYS: usize = 64;

/// The sealed part is not as it should be, or not of this vault.
#[derive(Debug, PartialEq, Eq)]
pub struct Damaged;

/// Why an item was not sealed.
#[derive(Debug)]
pub enum SealError {
    /// Its secret part is too large.
    Item(ItemError),
    /// No randomness.
    Random,
}

impl From<RandomError> for SealError {
    fn from(_: RandomError) -> Self {
        Self::Random
    }
}

/// The sealed part of an item, and what opens it.
#[derive(Serialize, Deserialize)]
pub struct Confirmation {
    /// `C`, 16 bytes: fresh at each sealing; factors are bound to it as to a keyslot's id.
    #[serde(with = "hex::array")]
    id: [u8; 16],
    how: Vec<Way>,
    #[serde(with = "hex::bytes")]
    sealed: Vec<u8>,
}

/// One factor that opens it.
#[derive(Serialize, Deserialize)]
struct Way {
    kind: String,
    #[serde(with = "hex::array")]
    wrapped: [u8; 40],
    #[serde(flatten)]
    params: Map<String, Value>,
}

/// What is sealed: fields, and where in the item they belong.
#[derive(Serialize, Deserialize)]
struct Part {
    fields: Vec<Field>,
    places: Vec<usize>,
}

impl Way {
    fn stanza(&self) -> Stanza {
        Stanza { kind: self.kind.clone(), params: self.params.clone(), share: [0; 32] }
    }
}

/// Whether a field is sealed: what a list would show stays outside.
fn is_secret(field: &Field) -> bool {
    field.kind.concealed() || field.kind == FieldKind::Multiline
}

/// A new `C`, to which factors are enrolled.
pub fn new_id() -> Result<[u8; 16], RandomError> {
    random_bytes()
}

/// The item with its secret part sealed under a fresh key, which each of these factors opens. They are enrolled to `id`.
///
/// # Panics
/// If one of them does not open it again: a defect here, and then nothing is written.
pub fn seal(
    vault_id: &[u8; 16],
    id: [u8; 16],
    factors: &[(Stanza, FactorSecret)],
    whole: &Item,
) -> Result<Item, SealError> {
    let key = ItemKey::new(random_secret()?);
    let (mut item, mut part) = (whole.clone(), Part { fields: Vec::new(), places: Vec::new() });
    for (place, field) in std::mem::take(&mut item.fields).into_iter().enumerate() {
        if is_secret(&field) {
            part.places.push(place);
            part.fields.push(field);
        } else {
            item.fields.push(field);
        }
    }
    let json = crate::item::json_in_place(&part).map_err(SealError::Item)?;
    let sealed = seal_padded(key.expose(), &aad(vault_id, &id), &json)?;
    let how = factors.iter().map(|(stanza, secret)| {
        let kek = kek(vault_id, &id, stanza, secret);
        let wrapped = wrap_item_key(&kek, &key);
        Way { kind: stanza.kind.clone(), wrapped, params: stanza.params.clone() }
    });
    let confirmation = Confirmation { id, how: how.collect(), sealed };
    for (number, (_, secret)) in factors.iter().enumerate() {
        let again = confirmation.key(vault_id, number, secret);
        assert!(again.is_some_and(|again| equal(again.expose(), key.expose())), "a confirmation did not open");
    }
    let Ok(value) = serde_json::to_value(&confirmation) else { unreachable!("it is made of texts and lists") };
    item.extra.insert(FIELD.to_owned(), value);
    Ok(item)
}

fn aad<'a>(vault_id: &'a [u8; 16], id: &'a [u8; 16]) -> [&'a [u8]; 3] {
    [b"twinlock/1 confirm", vault_id, id]
}

/// `KEK_i`: bound to vault, sealing and the factor's parameters.
fn kek(vault_id: &[u8; 16], id: &[u8; 16], stanza: &Stanza, secret: &FactorSecret) -> ItemKek {
    let mut params = stanza.params.clone();
    params.insert("kind".into(), stanza.kind.as_str().into());
    let params = sha256(&[&canonical(&Value::Object(params))]);
    ItemKek::new(hkdf_sha256(secret.expose(), &[vault_id, id], &[b"twinlock/1 confirm key", &params]))
}

impl Confirmation {
    /// That of an item, if it has one.
    pub fn of(item: &Item) -> Result<Option<Self>, Damaged> {
        let Some(value) = item.extra.get(FIELD) else { return Ok(None) };
        let read: Self = Self::deserialize(value).map_err(|_| Damaged)?;
        if read.how.is_empty() || read.how.len() > MAX_WAYS { Err(Damaged) } else { Ok(Some(read)) }
    }

    /// `C`, 16 bytes.
    pub fn id(&self) -> &[u8; 16] {
        &self.id
    }

    /// The factors, any one of which opens it.
    pub fn factors(&self) -> Vec<Stanza> {
        self.how.iter().map(Way::stanza).collect()
    }

    /// The item's key, by the secret of the factor of that number, from 0. None: the secret is wrong.
    pub fn key(&self, vault_id: &[u8; 16], number: usize, secret: &FactorSecret) -> Option<ItemKey> {
        let way = self.how.get(number)?;
        unwrap_item_key(&kek(vault_id, &self.id, &way.stanza(), secret), &way.wrapped).ok()
    }

    /// The whole item, which wants no confirmation.
    pub fn open(&self, vault_id: &[u8; 16], key: &ItemKey, item: &Item) -> Result<Item, Damaged> {
        let json = open_padded(key.expose(), &aad(vault_id, &self.id), &self.sealed).map_err(|_| Damaged)?;
        let part: Part = serde_json::from_slice(&json).map_err(|_| Damaged)?;
        if part.places.len() != part.fields.len() {
            return Err(Damaged);
        }
        let mut whole = item.clone();
        whole.extra.remove(FIELD);
        for (place, field) in part.places.into_iter().zip(part.fields) {
            // A field may have been taken away outside meanwhile.
            whole.fields.insert(place.min(whole.fields.len()), field);
        }
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::zeros32;
    use serde_json::json;

    const V: [u8; 16] = [1; 16];
    const C: [u8; 16] = [2; 16];

    fn secret(byte: u8) -> FactorSecret {
        let mut bytes = zeros32();
        bytes.fill(byte);
        FactorSecret::new(bytes)
    }

    fn item() -> Item {
        let json = br#"{"type":"login","name":"bank","created":"c","updated":"u","tags":["t"],"fields":[
            {"name":"username","kind":"text","value":"ada"},{"name":"password","kind":"concealed","value":"hunter2","later":1},
            {"name":"url","kind":"url","value":"https://x.test"},{"name":"notes","kind":"multiline","value":"line"},
            {"name":"odd","kind":"digits","value":"4111"}],"icon":"x"}"#;
        Item::from_json(json).unwrap()
    }

    fn sealed() -> Item {
        let factors = [7, 8].map(|n| (Stanza::new("fake", &json!({"name": n})), secret(n)));
        seal(&V, C, &factors, &item()).unwrap()
    }

    #[test]
    fn each_factor_opens_it_and_gives_back_what_was_there() {
        let sealed = sealed();
        let text = String::from_utf8(sealed.to_json().unwrap().to_vec()).unwrap();
        for shown in ["ada", "https://x.test", "bank", "icon"] {
            assert!(text.contains(shown), "{shown} in {text}");
        }
        for hidden in ["hunter2", "password", "notes", "4111"] {
            assert!(!text.contains(hidden) && !text.contains(&hex::encode(hidden.as_bytes())), "{hidden} in {text}");
        }
        let read = Item::from_json(text.as_bytes()).unwrap();
        let confirmation = Confirmation::of(&read).unwrap().unwrap();
        for (number, byte) in [(0, 7), (1, 8)] {
            let key = confirmation.key(&V, number, &secret(byte)).unwrap();
            assert_eq!(confirmation.open(&V, &key, &read).unwrap(), item());
        }
        assert!(confirmation.key(&V, 0, &secret(8)).is_none(), "the secret of another factor");
        assert!(confirmation.key(&[9; 16], 0, &secret(7)).is_none(), "another vault");
        assert!(confirmation.key(&V, 2, &secret(7)).is_none());
        assert!(Confirmation::of(&item()).unwrap().is_none());
    }

    #[test]
    fn what_it_is_bound_to_cannot_be_changed() {
        let whole = sealed();
        let changes: [fn(&mut Value); 6] = [
            |confirm| confirm["id"] = hex::encode(&[3; 16]).into(),
            |confirm| confirm["how"][0]["name"] = 9.into(),
            |confirm| confirm["how"][0]["more"] = 1.into(),
            |confirm| confirm["how"][0]["kind"] = "password".into(),
            |confirm| confirm["how"][0]["wrapped"] = confirm["how"][1]["wrapped"].clone(),
            |confirm| confirm["how"][0]["wrapped"] = hex::encode(&[0; 40]).into(),
        ];
        for (i, change) in changes.into_iter().enumerate() {
            let mut item = whole.clone();
            change(item.extra.get_mut(FIELD).unwrap());
            assert!(Confirmation::of(&item).unwrap().unwrap().key(&V, 0, &secret(7)).is_none(), "change {i}");
        }
        let confirmation = Confirmation::of(&whole).unwrap().unwrap();
        let key = confirmation.key(&V, 0, &secret(7)).unwrap();
        assert_eq!(confirmation.open(&[9; 16], &key, &whole), Err(Damaged), "another vault");
        let mut item = whole.clone();
        let other = sealed();
        item.extra[FIELD]["sealed"] = other.extra[FIELD]["sealed"].clone();
        assert_eq!(Confirmation::of(&item).unwrap().unwrap().open(&V, &key, &item), Err(Damaged), "another sealing");
    }

    #[test]
    fn what_is_no_confirmation_is_damaged() {
        for bad in [json!(1), json!({}), json!({"id": "00", "how": [], "sealed": ""})] {
            let mut item = item();
            item.extra.insert(FIELD.into(), bad);
            assert!(Confirmation::of(&item).is_err());
        }
        let mut item = sealed();
        item.extra[FIELD]["how"] = json!([]);
        assert!(Confirmation::of(&item).is_err());
    }

    #[test]
    fn fields_taken_away_outside_leave_the_others() {
        let mut item = sealed();
        item.fields.clear();
        let confirmation = Confirmation::of(&item).unwrap().unwrap();
        let key = confirmation.key(&V, 0, &secret(7)).unwrap();
        let names: Vec<_> = confirmation.open(&V, &key, &item).unwrap().fields.into_iter().map(|f| f.name).collect();
        assert_eq!(names, ["password", "notes", "odd"]);
    }
}
