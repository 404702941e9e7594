//! `twinlock passwd`

use super::factors::Making;
use super::report::{CliError, prose, warn};
use super::session::Session;

/// Change the password, offline; items are not touched
///
/// Every keyslot that holds a password gets the new one. A token may stay in its drawer where its public key is enough;
/// keyslots that could not be changed are named, and the command fails then.
#[derive(clap::Args)]
pub struct Args {
    /// In this keyslot only
    #[arg(long = "only", value_name = "NAME")]
    only: Option<String>,
    #[command(flatten)]
    making: Making,
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let mut vault = session.unlock()?;
        let Making { force, .. } = self.making;
        let openers = &mut session.openers;
        let prompt = session.prompt.as_mut();
        let report = vault.change_password(self.only.as_deref(), self.making.cost(), force, openers, prompt)?;
        for name in &report.changed {
            prose(&format!("keyslot '{name}' has the new password"));
        }
        warn("older copies of the vault file still open with the old password");
        if report.kept.is_empty() {
            return Ok(());
        }
        for (name, why) in &report.kept {
            warn(&format!("keyslot '{name}' still has the old password: {why}"));
        }
        Err(CliError::Plain {
            message: format!("{} of the keyslots could not be changed", report.kept.len()),
            hint: "bring what is missing, and run 'twinlock passwd --only NAME' for each of them".into(),
            code: 7,
        })
    }
}
