//! `twinlock token`

use super::report::CliError;
use super::session::Session;

/// Tokens
#[derive(clap::Subcommand)]
pub enum Command {
    /// List
    List,
}

impl Command {
    pub fn run(self, _: &mut Session) -> Result<(), CliError> {
        Ok(())
    }
}
