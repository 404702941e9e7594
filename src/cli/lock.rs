//! `twinlock lock`

use super::report::{CliError, prose};
use super::session::Session;
use crate::agent::client::{AgentError, Client};
use crate::agent::socket;

/// Lock all vaults that are unlocked: the agent erases their account keys
#[derive(clap::Args)]
pub struct Args {
    /// Only this vault: the one named by --vault, or the usual one
    #[arg(long)]
    this: bool,
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let Some(mut agent) = Client::connect() else {
            if socket::is_held() {
                return Err(AgentError::silent().into());
            }
            prose("nothing was unlocked: no agent runs");
            return Ok(());
        };
        let path = if self.this { Some(session.real_path()?) } else { None };
        let locked = match agent.lock(path) {
            Ok(locked) => locked,
            // Whatever it is, it shall hold nothing any more.
            Err(AgentError::OtherVersion(version)) => {
                if let Some(agent) = Client::connect() {
                    agent.quit()?;
                }
                prose(&format!("locked, and ended the agent, which was of version {version}"));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        prose(if locked { "locked" } else { "nothing was unlocked" });
        Ok(())
    }
}
