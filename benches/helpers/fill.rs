//! Puts many items into a vault in one write: `bench-fill VAULT RECOVERY_FILE < items`.
//!
//! A line of `items` is one login: name, user name, password, URL and notes, with tabs between.

use std::error::Error;
use std::io::BufRead;
use std::path::PathBuf;
use twinlock::factor::Openers;
use twinlock::item::{Field, FieldKind, Item};
use twinlock::prompt::{FilePrompt, NoPrompt, Sources};
use twinlock::store::sqlite::SqliteStore;
use twinlock::vault::{Vault, Wish, now};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [vault, code] = &args[..] else { return Err("VAULT RECOVERY_FILE < items".into()) };
    let sources = Sources { recovery: Some(code.clone()), ..Sources::default() };
    let mut prompt = FilePrompt::new(NoPrompt, sources).map_err(|error| error.to_string())?;
    let wish = Wish { recovery: true, ..Wish::default() };
    let store = Box::new(SqliteStore::open(vault)?);
    let mut vault = Vault::unlock(store, wish, &mut Openers::typed(), &mut prompt)?;
    let now = now();
    let items: Vec<Item> = std::io::stdin().lock().lines().map(|line| login(&line?, &now)).collect::<Result<_, _>>()?;
    vault.add_all(&items)?;
    Ok(())
}

fn login(line: &str, now: &str) -> Result<Item, Box<dyn Error>> {
    let cells: Vec<&str> = line.split('\t').collect();
    let [name, username, password, url, notes] = cells[..] else {
        return Err(format!("not five cells: {line}").into());
    };
    Ok(Item {
        item_type: "login".into(),
        name: name.into(),
        created: now.into(),
        updated: now.into(),
        tags: Vec::new(),
        fields: vec![
            Field::new("username", FieldKind::Text, username.into()),
            Field::new("password", FieldKind::Concealed, password.into()),
            Field::new("url", FieldKind::Url, url.into()),
            Field::new("notes", FieldKind::Multiline, notes.into()),
        ],
        extra: serde_json::Map::new(),
    })
}
