//! `twinlock recovery`

use super::factors::{Making, Spec};
use super::keyslot::enroll;
use super::report::{CliError, prose};
use super::session::Session;
use crate::vault::VaultError;
use std::path::PathBuf;

/// Recovery codes: a way back in when password and token are lost
#[derive(clap::Subcommand)]
pub enum Command {
    New(New),
}

/// Make a recovery code, show it once, and enroll it once it is typed back
#[derive(clap::Args)]
pub struct New {
    /// What to call its keyslot [default: recovery]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Wipe this keyslot once the new one is enrolled
    #[arg(long, value_name = "KEYSLOT")]
    replace: Option<String>,
    /// Write the code to FILE (made new, mode 0600) instead of showing it
    #[arg(long, value_name = "FILE")]
    recovery_out: Option<PathBuf>,
}

impl Command {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let Self::New(args) = self;
        let mut vault = session.unlock()?;
        if let Some(old) = args.replace.as_deref().filter(|old| vault.header().keyslot(old).is_none()) {
            let have = vault.header().keyslots.iter().map(|slot| slot.name.clone()).collect();
            return Err(VaultError::NoKeyslot { name: old.to_owned(), have }.into());
        }
        let making = Making { recovery_out: args.recovery_out, ..Making::default() };
        let name = enroll(&mut vault, session, args.name.as_deref(), &[Spec::Recovery], None, &making)?;
        prose(&format!("enrolled keyslot '{name}': the recovery code alone opens the vault"));
        if let Some(old) = &args.replace {
            vault.wipe(old)?;
            prose(&format!("wiped keyslot '{old}'"));
            return Ok(());
        }
        let recovery = |slot: &&crate::header::Keyslot| slot.factors.iter().any(|stanza| stanza.kind == "recovery");
        for old in vault.header().keyslots.iter().filter(recovery).filter(|slot| slot.name != name) {
            prose(&format!(
                "the older code still opens keyslot '{0}'; 'twinlock keyslot wipe {0}' ends that",
                old.name
            ));
        }
        Ok(())
    }
}
