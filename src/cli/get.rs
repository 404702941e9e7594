//! `twinlock get`

use super::out;
use super::report::CliError;
use super::session::Session;
use crate::item::{Field, Item};
use serde_json::{Value, json};
use std::fmt::Write;
use zeroize::Zeroizing;

/// What stands in for a concealed value on a terminal.
const HIDDEN: &str = "********";

/// Show an item, or one field of it
///
/// On a terminal secret fields are hidden unless --show or --field is given; a pipe gets them.
#[derive(clap::Args)]
pub struct Args {
    /// Which item
    name: String,
    /// This field's value alone, for scripts
    #[arg(long, short, value_name = "FIELD", conflicts_with_all = ["json", "show"])]
    field: Option<String>,
    /// Show secret fields on a terminal
    #[arg(long)]
    show: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let mut vault = session.unlock()?;
        let item = vault.get(&self.name)?.item;
        if let Some(name) = &self.field {
            let field = item.field(name).ok_or_else(|| no_field(&item, name))?;
            return out::secret_line(field.value.expose());
        }
        let show = self.show || !out::is_terminal();
        if self.json {
            return out::json(&as_json(&item, show));
        }
        let text = as_text(&item, show);
        if out::is_terminal() {
            out::bytes(Zeroizing::new(out::clean(&text)).as_bytes())
        } else {
            out::bytes(text.as_bytes())
        }
    }
}

fn no_field(item: &Item, name: &str) -> CliError {
    let names: Vec<_> = item.fields.iter().map(|field| format!("'{}'", field.name)).collect();
    CliError::Plain {
        message: format!("the item '{}' has no field '{name}'", item.name),
        hint: if names.is_empty() { "it has no fields".into() } else { format!("it has {}", names.join(", ")) },
        code: 4,
    }
}

fn as_text(item: &Item, show: bool) -> Zeroizing<String> {
    let width = item.fields.iter().map(|field| field.name.chars().count()).max().unwrap_or(0).max("updated".len());
    let mut text = Zeroizing::new(String::with_capacity(1024 + item.fields.iter().map(size).sum::<usize>()));
    let mut row = |name: &str, value: &str| {
        // A value of several lines starts on a line of its own and is not indented, so that it can be copied.
        let gap = if value.contains('\n') { "\n" } else { " " };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<width$}{gap}{value}");
    };
    row("name", &item.name);
    row("type", &item.item_type);
    for field in &item.fields {
        row(&field.name, if field.kind.concealed() && !show { HIDDEN } else { field.value.expose() });
    }
    if !item.tags.is_empty() {
        row("tags", &item.tags.join(", "));
    }
    row("updated", &item.updated);
    text
}

/// Room for a field's row, so that the buffer never moves.
fn size(field: &Field) -> usize {
    field.name.len() * 4 + field.value.expose().len() + 64
}

/// The item as the format has it; a concealed value is null when it is not to be shown.
fn as_json(item: &Item, show: bool) -> Value {
    let mut value = json!(item);
    if show {
        return value;
    }
    if let Some(fields) = value["fields"].as_array_mut() {
        for (json, field) in fields.iter_mut().zip(&item.fields) {
            if field.kind.concealed() {
                json["value"] = Value::Null;
            }
        }
    }
    value
}
