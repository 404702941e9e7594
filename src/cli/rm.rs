//! `twinlock rm`

use super::report::{CliError, prose};
use super::session::Session;
use crate::vault::Found;

/// Remove items for good
#[derive(clap::Args)]
pub struct Args {
    /// Which items
    #[arg(required = true)]
    names: Vec<String>,
    /// Do not ask
    #[arg(long, short)]
    force: bool,
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let mut items = session.items_to_write()?;
        // All are looked up first, so that a mistyped name removes nothing; one named twice is one.
        let mut found: Vec<Found> = Vec::new();
        for name in &self.names {
            let item = items.get(name)?;
            if !found.iter().any(|other| other.id == item.id) {
                found.push(item);
            }
        }
        let names = found.iter().map(|found| format!("'{}'", found.item.name)).collect::<Vec<_>>().join(", ");
        session.confirm(self.force, &format!("Remove {names} for good?"))?;
        for found in &found {
            items.remove(found, session)?;
        }
        prose(&format!("removed {names}"));
        Ok(())
    }
}
