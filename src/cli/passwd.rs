//! `twinlock passwd`

use super::command::{Line, Names};
use super::factors::Kdf;
use super::report::{CliError, count, prose, warn};
use super::sentence::Sentence;
use super::session::Session;
use crate::vault::{Vault, VaultError};

/// Change the password, offline; items are not touched
///
/// Every keyslot that holds a password gets the new one, but those for custodians, whose passwords are theirs. A token may stay in
/// its drawer where its public key is enough; keyslots that could not be changed are named, and the command fails then.
#[derive(clap::Args)]
pub struct Args {
    /// In this keyslot only
    #[arg(long = "only", value_name = "NAME")]
    pub only: Option<String>,
    #[command(flatten)]
    pub kdf: Kdf,
    /// Keep a weak password
    #[arg(long)]
    pub force: bool,
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let mut vault = session.unlock_keeping_tokens()?;
        self.change(&mut vault, session)
    }

    /// The same in an open vault.
    pub fn change(&self, vault: &mut Vault, session: &mut Session) -> Result<(), CliError> {
        let openers = &mut session.openers;
        let prompt = session.prompt.as_mut();
        let only = self.only.as_deref();
        let before = vault.header().clone();
        let report =
            vault.change_password(only, self.kdf.cost(), self.force, openers, prompt).map_err(|error| {
                match (error, only) {
                    (VaultError::NoPassword, Some(name)) => CliError::Plain {
                        message: format!("keyslot '{name}' holds no password"),
                        hint: "'twinlock keyslot list' shows which keyslots do".into(),
                        code: 1,
                    },
                    (error, _) => error.into(),
                }
            })?;
        for name in &report.changed {
            prose(&format!("keyslot '{name}' has the new password"));
        }
        for name in &report.theirs {
            let stays = format!("keyslot '{name}' is for custodians: its password is theirs, and stays; to change it");
            Sentence::with(stays, only_in(name)).say("");
        }
        let own = |name: &String| before.keyslot(name).is_some_and(|slot| !slot.custodians());
        if report.changed.iter().any(own) {
            session.finish_requests();
        }
        session.end_gone(&before, vault.header());
        warn("older copies of the vault file still open with the old password");
        super::confirm::warn_of_old(vault, true);
        if report.kept.is_empty() {
            return Ok(());
        }
        for (name, why) in &report.kept {
            warn(&format!("keyslot '{name}' still has the old password: {why}"));
        }
        Err(CliError::Plain {
            message: format!("{} could not be changed", count(report.kept.len() as u64, "keyslot")),
            hint: again(&report.kept),
            code: 1,
        })
    }
}

/// The command that changes it in one keyslot alone.
pub(super) fn only_in(keyslot: &str) -> Line {
    Line::new("passwd").option("--only", Names::Proven.of(keyslot))
}

/// How to change what is left over.
pub(super) fn again(kept: &[(String, String)]) -> Sentence {
    match kept {
        [(name, _)] => {
            Sentence::with("open the vault by it", only_in(name).option("--keyslot", Names::Proven.of(name)))
        }
        _ => "open the vault by each of them: 'twinlock passwd --only=NAME --keyslot=NAME'".into(),
    }
}
