//! `twinlock recovery combine`

use super::super::factors::{Making, Spec, check_specs};
use super::super::keyslot::{Enrolling, enroll};
use super::super::report::{CliError, prose};
use super::super::session::Session;
use crate::factor::ways;
use crate::prompt::Question;
use std::path::PathBuf;

/// Open the vault with custodians' answers, and make a new way in
///
/// What else the keyslot needs is asked for here. On a terminal a new password is offered; --factor says what else is to open the vault
/// from now on. Without a new way in the answers stay good, and serve any command with --answer.
#[derive(clap::Args)]
pub struct Combine {
    /// The custodians' answers
    #[arg(required = true, value_name = "ANSWER")]
    answers: Vec<PathBuf>,
    /// The new way in: 'password', 'recovery', or a 'pkcs11:...' URI; may be repeated
    #[arg(long = "factor", value_name = "FACTOR")]
    factors: Vec<Spec>,
    /// How many of the new factors are needed [default: all]
    #[arg(long, value_name = "K", requires = "factors", value_parser = clap::value_parser!(u8).range(1..=16))]
    threshold: Option<u8>,
    /// What to call the new keyslot [default: after its factors]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    making: Making,
}

impl Combine {
    pub fn run(mut self, session: &mut Session) -> Result<(), CliError> {
        self.making.check(Spec::codes(&self.factors))?;
        check_specs(&self.factors)?;
        session.global.answer.append(&mut self.answers);
        let mut vault = session.unlock_keeping_tokens()?;
        prose(&format!("keyslot '{}' opens the vault '{}'", vault.opened_by(), vault.header().name));
        if self.factors.is_empty() && session.interactive() {
            let question = Question::YesByDefault("Make a new password that opens the vault from now on?");
            if session.prompt.confirm(&question)? {
                self.factors.push(Spec::Password);
            }
        }
        if self.factors.is_empty() {
            prose(
                "no new way in was made: the answers stay good, for this command and, with --answer, for any other; \
                 'twinlock recovery pending --forget ID' ends that",
            );
            return Ok(());
        }
        let (name, specs, threshold) = (self.name.as_deref(), self.factors.as_slice(), self.threshold);
        let new = Enrolling { name, specs, threshold, custodians: false };
        let (name, _) = enroll(&mut vault, session, &new, &self.making)?;
        let opens = vault.header().keyslot(&name).map(ways).unwrap_or_default();
        prose(&format!("enrolled keyslot '{name}': {opens}"));
        Ok(())
    }
}
