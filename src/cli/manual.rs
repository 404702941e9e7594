//! `twinlock manual`: man pages from the same definitions as the help, for packagers.

use super::Cli;
use super::report::CliError;
use clap::CommandFactory;
use std::path::PathBuf;

/// Write the man pages into a folder
#[derive(clap::Args)]
pub struct Args {
    /// The folder; it must be there
    folder: PathBuf,
}

impl Args {
    pub fn run(self) -> Result<(), CliError> {
        clap_mangen::generate_to(Cli::command(), &self.folder).map_err(|error| CliError::File {
            doing: "write man pages into",
            path: self.folder,
            error,
        })
    }
}
