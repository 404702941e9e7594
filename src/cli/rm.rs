//! `twinlock rm`

use super::report::{CliError, prose};
use super::session::Session;

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
        let mut vault = session.unlock()?;
        // All are looked up first, so that a mistyped name removes nothing.
        for name in &self.names {
            vault.get(name)?;
        }
        let names = self.names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
        session.confirm(self.force, &format!("Remove {names} for good?"))?;
        for name in &self.names {
            vault.remove(name)?;
        }
        prose(&format!("removed {names}"));
        Ok(())
    }
}
