//! Items that want a confirmation, as another implementation sealed them.

use crate::load::{Given, Hex, folder, json};
use crate::person::{Person, openers};
use serde::Deserialize;
use serde_json::Value;
use twinlock::confirm::Confirmation;
use twinlock::factor::{FactorError, SlotContext};
use twinlock::item::Item;
use twinlock::prompt::PromptError;

#[derive(Deserialize)]
struct File {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    expect: String,
    vault: Hex,
    item: Value,
    open: Given,
    whole: Option<Value>,
}

fn item(value: &Value) -> Item {
    Item::from_json(value.to_string().as_bytes()).unwrap()
}

/// The whole item, by the first way that is at hand.
fn open(case: &Case) -> Result<Item, &'static str> {
    let (vault_id, item) = (case.vault.array(), item(&case.item));
    let confirmation = Confirmation::of(&item).map_err(|_| "damaged")?.unwrap();
    let ctx = SlotContext { vault_id: &vault_id, keyslot_id: confirmation.id(), vault: "", keyslot: "" };
    let mut openers = openers(&case.open);
    let mut failure = "missing";
    for (number, stanza) in confirmation.factors().iter().enumerate() {
        let Some(opener) = openers.of(&stanza.kind) else { continue };
        match opener.open(&ctx, stanza, &mut Person::new(&case.open)) {
            Ok(Some(secret)) => match confirmation.key(&vault_id, number, &secret) {
                Some(key) => return confirmation.open(&vault_id, &key, &item).map_err(|_| "damaged"),
                None => failure = "locked",
            },
            Ok(None) | Err(FactorError::Prompt(PromptError::Skipped)) => {}
            Err(error) => panic!("{}: {error:?}", case.name),
        }
    }
    Err(failure)
}

#[test]
fn items_that_want_a_confirmation() {
    let file: File = serde_json::from_value(json(&folder("kat").join("confirm.json"))).unwrap();
    assert!(file.cases.len() > 10);
    for case in &file.cases {
        match open(case) {
            Ok(opened) => {
                assert_eq!(case.expect, "ok", "{}", case.name);
                assert_eq!(opened, item(case.whole.as_ref().unwrap()), "{}", case.name);
            }
            Err(failure) => assert_eq!(failure, case.expect, "{}", case.name),
        }
    }
}
