//! `twinlock recovery`

use super::custody;
use super::factors::{Making, Spec};
use super::keyslot::{enroll, named};
use super::report::{CliError, prose};
use super::session::Session;
use crate::header::Keyslot;
use std::path::PathBuf;

/// Ways back in when things are lost: recovery codes, and the help of others
#[derive(clap::Subcommand)]
pub enum Command {
    New(New),
    Request(custody::Request),
    Answer(custody::Answer),
    Combine(custody::Combine),
    Pending(custody::Pending),
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
        match self {
            Self::New(args) => args.run(session),
            Self::Request(args) => args.run(session),
            Self::Answer(args) => args.run(session),
            Self::Combine(args) => args.run(session),
            Self::Pending(args) => args.run(),
        }
    }
}

impl New {
    fn run(self, session: &mut Session) -> Result<(), CliError> {
        let args = self;
        let mut vault = session.unlock_keeping_tokens()?;
        let replaced = args.replace.as_deref().map(|old| named(&vault, old)).transpose()?;
        let making = Making { recovery_out: args.recovery_out, ..Making::default() };
        let name = enroll(&mut vault, session, args.name.as_deref(), &[Spec::Recovery], None, &making)?;
        prose(&format!("enrolled keyslot '{name}': the recovery code alone opens the vault"));
        if let Some(old) = &replaced {
            vault.wipe(old)?;
            prose(&format!("wiped keyslot '{}'", old.name));
            return Ok(());
        }
        for old in vault.header().keyslots.iter().filter(|slot| slot.name != name && code_alone(slot)) {
            prose(&format!(
                "the older code still opens keyslot '{0}'; 'twinlock keyslot wipe {0}' ends that",
                old.name
            ));
        }
        Ok(())
    }
}

/// Whether a recovery code opens the keyslot without anything else.
fn code_alone(slot: &Keyslot) -> bool {
    slot.threshold == 1 && slot.factors.iter().any(|stanza| stanza.kind == crate::factor::recovery::KIND)
}
