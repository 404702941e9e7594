//! `twinlock verify`

use super::out;
use super::report::{CliError, prose, warn};
use super::session::Session;
use crate::vault::VaultError;
use serde_json::json;

/// Check the whole vault: file, header, every item, and that none was taken out or put back
#[derive(clap::Args)]
pub struct Args {
    /// Accept the items as they are now, if something other than twinlock changed them
    #[arg(long)]
    accept: bool,
    /// Do not ask
    #[arg(long, requires = "accept")]
    force: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        session.store()?.integrity()?;
        let mut vault = session.unlock()?;
        if self.accept {
            match vault.verify() {
                Err(error @ (VaultError::Altered(_) | VaultError::Record { .. })) => {
                    super::report::error(&error.into());
                }
                Ok(_) => prose("nothing is altered"),
                Err(error) => return Err(error.into()),
            }
            session.confirm(self.force, "Accept the items as they are now? What was deleted stays deleted.")?;
            let accepted = vault.accept()?;
            for (old, new) in &accepted.renamed {
                warn(&format!("two items were called '{old}'; one is called '{new}' now"));
            }
            if accepted.dropped > 0 {
                warn(&format!("{} records that cannot be opened were removed", accepted.dropped));
            }
        }
        let report = vault.verify()?;
        if self.json {
            return out::json(&json!({
                "vault": vault.header().name,
                "items": report.items,
                "keyslots": report.keyslots,
                "generation": report.generation,
                "sequence": report.sequence,
            }));
        }
        prose(&format!(
            "vault '{}' is whole: {} items, {} keyslots, header generation {}, {} writes",
            vault.header().name,
            report.items,
            report.keyslots,
            report.generation,
            report.sequence
        ));
        Ok(())
    }
}
