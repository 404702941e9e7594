//! `twinlock verify`

use super::out;
use super::report::{ACCEPT, CliError, count, prose, tell, warn};
use super::session::Session;
use crate::vault::{Vault, VaultError};
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
                Err(error @ (VaultError::Altered(_) | VaultError::Record { .. })) => tell(&error.into()),
                Ok(_) => {
                    prose("there is nothing to accept");
                    return self.report(&mut vault);
                }
                Err(error) => return Err(error.into()),
            }
            session.confirm(self.force, "Accept the items as they are now? What was deleted stays deleted.")?;
            let accepted = vault.accept()?;
            for (old, new) in &accepted.renamed {
                warn(&format!("two items were called '{old}'; one is called '{new}' now"));
            }
            if accepted.dropped > 0 {
                warn(&format!("removed what cannot be opened: {}", count(accepted.dropped as u64, "record")));
            }
        }
        self.report(&mut vault)
    }

    fn report(&self, vault: &mut Vault) -> Result<(), CliError> {
        let report = vault.verify().map_err(|error| match error {
            // The same words as for other alterations: this is the command that other errors send a person to.
            VaultError::Record { .. } => CliError::Plain { message: error.to_string(), hint: ACCEPT.into(), code: 5 },
            error => error.into(),
        })?;
        if self.json {
            return out::json(&json!({
                "vault": vault.header().name,
                "items": report.items,
                "keyslots": report.keyslots,
                "generation": report.generation,
                "sequence": report.sequence,
                "epoch": vault.header().epoch,
                "fingerprint": vault.mark().short(),
            }));
        }
        prose(&format!(
            "vault '{}' is whole: {}, {}, header generation {}, {}",
            vault.header().name,
            count(report.items, "item"),
            count(report.keyslots as u64, "keyslot"),
            report.generation,
            count(report.sequence, "write")
        ));
        if vault.header().epoch > 1 {
            let (epoch, mark) = (vault.header().epoch, vault.mark());
            prose(&format!("it has been rotated: account key number {epoch}, fingerprint {}", mark.short()));
        }
        Ok(())
    }
}
