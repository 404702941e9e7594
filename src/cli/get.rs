//! `twinlock get`

use super::columns::{Row, lay_out};
use super::command::{Line, Names};
use super::confirm;
use super::out;
use super::report::{CliError, hint};
use super::sentence::Sentence;
use super::session::Session;
use crate::item::{FieldKind, Item};
use serde_json::{Value, json};
use std::fmt::Write;
use zeroize::Zeroizing;

/// What stands in for a concealed value on a terminal.
const HIDDEN: &str = "********";

/// Show an item, or one field of it
///
/// On a terminal secret fields are hidden unless --show or --field is given; a pipe gets them. An item that wants a confirmation asks
/// for it where a secret field is shown.
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
        let mut item = session.item(&self.name)?.item;
        let confirm = confirm::words(&item);
        let show = self.show || !out::is_terminal();
        // Nobody is asked for what is not shown, or is not sealed.
        let wanted = self.field.as_ref().map_or(show, |name| item.field(name).is_none());
        let closed = !confirm.is_empty() && !wanted;
        if wanted && !confirm.is_empty() {
            (item, _) = confirm::open(session, &confirm::header_of_file(session)?, &item)?;
        }
        if let Some(name) = &self.field {
            let field = item.field(name).ok_or_else(|| no_field(&item, name))?;
            return out::secret_line(field.value.expose());
        }
        if self.json {
            return out::json(&as_json(&item, show, &confirm));
        }
        let (tags, confirm) = (item.tags.join(", "), confirm.join(" or "));
        let rows = rows(&item, &tags, &confirm, show);
        let text = if out::is_terminal() { lay_out(&rows, out::columns()) } else { as_text(&rows) };
        out::bytes(text.as_bytes())?;
        if closed {
            let line = Line::new("get --show").value(Names::Proven.of(&item.name));
            hint(&Sentence::with("its secret fields ask first", line));
        }
        Ok(())
    }
}

/// The item has no such field.
pub(super) fn no_field(item: &Item, name: &str) -> CliError {
    let names: Vec<_> = item.fields.iter().map(|field| format!("'{}'", field.name)).collect();
    CliError::Plain {
        message: format!("the item '{}' has no field '{name}'", item.name),
        hint: if names.is_empty() { "it has no fields".into() } else { format!("it has {}", names.join(", ")).into() },
        code: 4,
    }
}

/// What is shown of an item, in this order.
fn rows<'a>(item: &'a Item, tags: &'a str, confirm: &'a str, show: bool) -> Vec<Row<'a>> {
    let plain = |name, value| Row { name, value, whole: false };
    let mut rows = vec![plain("name", &item.name), plain("type", &item.item_type)];
    rows.extend(item.fields.iter().map(|field| {
        let concealed = field.kind.concealed();
        let value = if concealed && !show { HIDDEN } else { field.value.expose() };
        Row { name: &field.name, value, whole: concealed || field.kind == FieldKind::Url }
    }));
    if !tags.is_empty() {
        rows.push(plain("tags", tags));
    }
    if !confirm.is_empty() {
        rows.push(plain("confirm", confirm));
    }
    rows.push(plain("updated", &item.updated));
    rows
}

/// The rows for a pipe.
fn as_text(rows: &[Row<'_>]) -> Zeroizing<String> {
    let chars = |row: &Row<'_>| row.name.chars().count();
    let width = rows.iter().map(chars).max().unwrap_or(0);
    // Measured first, so that the buffer never moves.
    let size = rows.iter().map(|row| row.name.len() + width - chars(row) + row.value.len() + 2).sum();
    let mut text = Zeroizing::new(String::with_capacity(size));
    for Row { name, value, .. } in rows {
        // A value of several lines starts on a line of its own and is not indented, so that it can be copied.
        let gap = if value.contains('\n') { "\n" } else { " " };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<width$}{gap}{value}");
    }
    text
}

/// The item as the format has it; a concealed value is null when it is not to be shown.
fn as_json(item: &Item, show: bool, confirm: &[String]) -> Value {
    let mut value = json!(item);
    if !confirm.is_empty() {
        value[crate::confirm::FIELD] = confirm.into();
    }
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
