//! `twinlock edit`

use super::command::{Line, Names};
use super::confirm::{self, Asked, Sealing};
use super::item_args::{Values, ask_main, main_field, set};
use super::report::{CliError, prose};
use super::sentence::Sentence;
use super::session::Session;
use crate::item::check_name;
use crate::vault::now;

/// Change an item: its name, its fields, its password
///
/// Only what is named changes. --password asks for a new one. An item that wants a confirmation wants it for this, too, but for a new
/// name or tag.
#[derive(clap::Args)]
pub struct Args {
    /// Which item
    name: String,
    /// Its new name
    #[arg(long = "name", id = "new_name", value_name = "NAME")]
    new_name: Option<String>,
    /// Ask for a new password (or text of a note)
    #[arg(long, conflicts_with_all = ["value_file", "generate"])]
    password: bool,
    /// Remove a field; may be repeated
    #[arg(long = "remove", value_name = "FIELD")]
    remove: Vec<String>,
    /// Remove a tag; may be repeated
    #[arg(long = "untag", value_name = "WORD")]
    untag: Vec<String>,
    #[command(flatten)]
    confirm: Asked,
    #[command(flatten)]
    values: Values,
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let wishes = self.confirm.wishes()?;
        let nothing = wishes.is_none() && self.values.is_empty() && self.new_name.is_none() && !self.password;
        if nothing && self.remove.is_empty() && self.untag.is_empty() {
            return Err(CliError::Usage {
                message: "nothing to change was named".into(),
                hint: for_a_new_password(&self.name),
            });
        }
        let mut items = session.items_to_write()?;
        let found = items.get(&self.name)?;
        let before = confirm::of(&found.item)?;
        // A name and tags are outside of what is sealed, which is left as it is then.
        let inside = self.password || !self.remove.is_empty() || !self.values.are_tags();
        let sealed = wishes.is_some() || (before.is_some() && inside);
        let header = if sealed { Some(items.header(session)?) } else { None };
        let (mut item, mut password) = (found.item.clone(), None);
        if let Some(header) = &header {
            wishes.iter().try_for_each(|wishes| confirm::check(header, wishes))?;
            (item, password) = confirm::open(session, header, &found.item)?;
        }
        if let Some(name) = self.new_name {
            check_name(&name)?;
            item.name = name;
        }
        for name in &self.remove {
            let before = item.fields.len();
            item.fields.retain(|field| field.name != *name);
            if item.fields.len() == before {
                return Err(CliError::Plain {
                    message: format!("the item '{}' has no field '{name}'", found.item.name),
                    hint: Sentence::with(
                        "see which it has",
                        Line::new("get").value(Names::Proven.of(&found.item.name)),
                    ),
                    code: 4,
                });
            }
        }
        item.tags.retain(|tag| !self.untag.contains(tag));
        self.values.apply(&mut item, session)?;
        let (field, kind) = main_field(&item);
        if let Some(value) = self.values.main_value()? {
            set(&mut item, field, kind, value);
        } else if self.password {
            let value = ask_main(session, &item)?;
            set(&mut item, field, kind, value);
        }
        item.updated = now();
        if let Some(header) = &header {
            let kept = before.as_ref().map(confirm::wishes_of).unwrap_or_default();
            let (anew, wishes) = (wishes.is_some(), wishes.as_ref().unwrap_or(&kept));
            let sealing = Sealing { header, before: before.as_ref(), password, wishes, anew };
            item = confirm::seal(session, sealing, &item)?;
        }
        items.replace(&found, &item, session)?;
        prose(&format!("changed '{}'", item.name));
        Ok(())
    }
}

pub(super) fn for_a_new_password(name: &str) -> Sentence {
    let edit = Line::new("edit").value(Names::Proven.of(name)).and("--password");
    Sentence::with("for a new password", edit)
}
