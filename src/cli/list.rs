//! `twinlock list`

use super::out;
use super::report::CliError;
use super::session::Session;
use crate::item::{Item, normalised};
use serde_json::json;

/// List all items; never a secret
///
/// On a terminal a table; into a pipe one name a line.
#[derive(clap::Args)]
pub struct Args {
    /// Only items with this tag
    #[arg(long, value_name = "WORD")]
    tag: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let mut items = session.items()?;
        let wanted = |item: &Item| self.tag.iter().all(|tag| item.tags.contains(tag));
        if !self.json && !out::is_terminal() {
            // Nothing else is kept of an item: in a large vault the rest would be most of the work, and secrets besides.
            let mut names = Vec::new();
            items.each(&mut |found| {
                if wanted(&found.item) {
                    names.push(found.item.name);
                }
            })?;
            names.sort_by_cached_key(|name| normalised(name));
            return out::bytes(names.iter().flat_map(|name| [name.as_str(), "\n"]).collect::<String>().as_bytes());
        }
        let items = items.all()?;
        let items: Vec<&Item> = items.iter().map(|found| &found.item).filter(|item| wanted(item)).collect();
        if self.json {
            out::json(&items.iter().map(|item| summary(item)).collect::<Vec<_>>())
        } else {
            table(&items, self.tag.as_deref())
        }
    }
}

/// What lists show of an item.
pub fn summary(item: &Item) -> serde_json::Value {
    json!({
        "name": item.name,
        "type": item.item_type,
        "username": shown(item, "username"),
        "url": shown(item, "url"),
        "tags": item.tags,
        "confirm": super::confirm::words(item),
        "created": item.created,
        "updated": item.updated,
    })
}

fn shown<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.field(name).filter(|field| !field.kind.concealed()).map(|field| field.value.expose())
}

fn table(items: &[&Item], tag: Option<&str>) -> Result<(), CliError> {
    if items.is_empty() {
        super::report::prose(&match tag {
            Some(tag) => format!("no item has the tag '{tag}'"),
            None => "no items yet; 'twinlock add NAME' adds one".to_owned(),
        });
        return Ok(());
    }
    let cell = |item: &Item, name| shown(item, name).unwrap_or("").to_owned();
    let mut rows = vec![["NAME", "TYPE", "USERNAME", "URL", "UPDATED"].map(String::from).to_vec()];
    rows.extend(items.iter().map(|item| {
        let day = item.updated.get(..10).unwrap_or(&item.updated).to_owned();
        vec![item.name.clone(), item.item_type.clone(), cell(item, "username"), cell(item, "url"), day]
    }));
    out::table(&rows)
}
