//! `twinlock doctor`

use super::report::CliError;
use super::session::Session;

/// Say what is here, what is missing, and what to do
#[derive(clap::Args)]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub fn run(self, _: &mut Session) -> Result<(), CliError> {
        Ok(())
    }
}
