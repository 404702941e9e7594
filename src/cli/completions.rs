//! `twinlock completions`

use super::report::CliError;
use super::{Cli, out};
use clap::CommandFactory;

/// Print completions for a shell
#[derive(clap::Args)]
pub struct Args {
    /// Which shell
    shell: clap_complete::Shell,
}

impl Args {
    pub fn run(self) -> Result<(), CliError> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "twinlock", &mut text);
        out::bytes(&text)
    }
}
