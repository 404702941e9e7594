//! `twinlock add`

use super::confirm::{self, Asked, Sealing};
use super::item_args::{Values, ask_main, main_field, set};
use super::report::{CliError, prose};
use super::session::Session;
use crate::item::{Item, Text, check_name};
use crate::vault::now;

/// Add an item: a login, or a note
///
/// Its password is asked for, or comes from --value-file or --generate.
#[derive(clap::Args)]
pub struct Args {
    /// What to call it
    name: String,
    /// A note instead of a login
    #[arg(long, conflicts_with_all = ["username", "urls", "generate", "notes"])]
    note: bool,
    #[command(flatten)]
    confirm: Asked,
    #[command(flatten)]
    values: Values,
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        check_name(&self.name)?;
        let wishes = self.confirm.wishes()?.unwrap_or_default();
        let mut items = session.items_to_write()?;
        let header = if wishes.is_empty() { None } else { Some(items.header(session)?) };
        items.refuse_taken(&self.name)?;
        header.iter().try_for_each(|header| confirm::check(header, &wishes))?;
        let now = now();
        let mut item = Item {
            item_type: if self.note { "note" } else { "login" }.into(),
            name: self.name,
            created: now.clone(),
            updated: now,
            tags: Vec::new(),
            fields: Vec::new(),
            extra: serde_json::Map::new(),
        };
        self.values.apply(&mut item, session)?;
        let (field, kind) = main_field(&item);
        let value: Text = match self.values.main_value()? {
            Some(value) => value,
            None => ask_main(session, &item)?,
        };
        set(&mut item, field, kind, value);
        if let Some(header) = &header {
            let sealing = Sealing { header, before: None, password: None, wishes: &wishes, anew: true };
            item = confirm::seal(session, sealing, &item)?;
        }
        items.add(&item, session)?;
        prose(&format!("added '{}'", item.name));
        Ok(())
    }
}
