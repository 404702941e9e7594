//! Items that want a confirmation: `--confirm`, what lists say of it, and opening and sealing one.
//!
//! All of it is done in the command's own process: the agent keeps and gives sealed parts, and never sees the key of one.

mod left;
mod make;
mod open;

pub use left::warn_of_old;
pub use make::{Sealing, check, seal};
pub use open::open;

use super::items::Items;
use super::report::{CliError, DAMAGED};
use super::session::Session;
use crate::confirm::Confirmation;
use crate::factor::{Role, password, role};
use crate::header::Header;
use crate::item::Item;
use crate::store::sqlite::SqliteStore;
use crate::vault::peek;

/// What an item wants each time it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Wish {
    /// A touch of a YubiKey, or what else a token asks for
    Touch,
    /// The vault's password
    Password,
    /// Nothing more
    None,
}

/// The option.
#[derive(clap::Args, Default)]
pub struct Asked {
    /// Each time it is opened, ask for this besides, also while the agent holds the vault; given twice, either of them is enough
    #[arg(long = "confirm", value_name = "HOW")]
    pub confirm: Vec<Wish>,
}

impl Asked {
    /// What was asked for; None: nothing was said.
    pub fn wishes(&self) -> Result<Option<Vec<Wish>>, CliError> {
        if self.confirm.is_empty() {
            return Ok(None);
        }
        let mut wishes: Vec<Wish> = Vec::new();
        for wish in &self.confirm {
            if !wishes.contains(wish) {
                wishes.push(*wish);
            }
        }
        if wishes.contains(&Wish::None) {
            if wishes.len() > 1 {
                return Err(CliError::Usage {
                    message: "--confirm none, and another one, contradict each other".into(),
                    hint: "leave one of them out".into(),
                });
            }
            wishes.clear();
        }
        Ok(Some(wishes))
    }
}

/// Whether an item wants one.
pub fn wants(item: &Item) -> bool {
    item.extra.contains_key(crate::confirm::FIELD)
}

/// What an item wants, in the words of the option.
pub fn words(item: &Item) -> Vec<String> {
    let Some(value) = item.extra.get(crate::confirm::FIELD) else { return Vec::new() };
    let kinds = value["how"].as_array().into_iter().flatten().filter_map(|way| way["kind"].as_str());
    let mut words: Vec<String> = Vec::new();
    for kind in kinds {
        let word = match role(kind) {
            Role::Token => "touch",
            Role::Typed(_) if kind == password::KIND => "password",
            _ => kind,
        };
        if !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    }
    if words.is_empty() { vec!["damaged".into()] } else { words }
}

/// The same as what was asked for once.
pub fn wishes_of(confirmation: &Confirmation) -> Vec<Wish> {
    let kinds: Vec<String> = confirmation.factors().into_iter().map(|stanza| stanza.kind).collect();
    let mut wishes = Vec::new();
    if kinds.iter().any(|kind| role(kind) == Role::Token) {
        wishes.push(Wish::Touch);
    }
    if kinds.iter().any(|kind| kind == password::KIND) {
        wishes.push(Wish::Password);
    }
    wishes
}

/// The sealed part of an item, if it has one.
pub fn of(item: &Item) -> Result<Option<Confirmation>, CliError> {
    Confirmation::of(item).map_err(|_| damaged(item))
}

fn damaged(item: &Item) -> CliError {
    CliError::Plain {
        message: format!("the sealed part of the item '{}' is damaged", item.name),
        hint: "restore a copy made by 'twinlock backup'".into(),
        code: DAMAGED,
    }
}

impl Items {
    /// The vault's header. Of a vault that the agent holds it is the file's, which the agent checks at every item that it gives or takes.
    pub fn header(&self, session: &Session) -> Result<Header, CliError> {
        match self {
            Self::Here(vault) => Ok(vault.header().clone()),
            Self::Held(_) => header_of_file(session),
        }
    }
}

/// The header as the file says it: enough for opening an item, which opens only if it is of this vault.
pub fn header_of_file(session: &Session) -> Result<Header, CliError> {
    Ok(peek(&mut SqliteStore::open(&session.real_path()?)?)?.header().clone())
}
