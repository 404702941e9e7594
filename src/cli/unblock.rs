//! `twinlock token unblock`

use super::piv_setup::{counters, the_token, warn_of_default_puk};
use super::report::{CliError, prose};
use super::session::Session;
use crate::factor::FactorError;
use crate::factor::piv::{PinRules, PivError, SetupError};
use crate::prompt::{Question, Sources};
use std::path::PathBuf;

/// Set the PIN of a YubiKey anew with its PUK, when it is blocked
///
/// The PIN is blocked after too many wrong tries, the PUK too; when both are, only a reset helps, which erases all keys. The tries
/// left are shown first, the PUK is sent once, and its last try only with --force-pin.
#[derive(clap::Args)]
pub struct Args {
    /// Which YubiKey, by its serial number [default: the only one here]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    serial: Option<u32>,
    /// Also if the PIN is not blocked (it was forgotten)
    #[arg(long)]
    force: bool,
    /// Take the PUK from the first line of FILE
    #[arg(long, value_name = "FILE")]
    puk_file: Option<PathBuf>,
    /// Take the new PIN from the first line of FILE
    #[arg(long, value_name = "FILE")]
    new_pin_file: Option<PathBuf>,
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        session.take_from(Sources { puk: self.puk_file, new_pin: self.new_pin_file, ..Sources::default() })?;
        let (tokens, token, alone) = the_token(session, self.serial, "token unblock")?;
        let mut look = tokens.glance(&token, alone, session.prompt.as_mut())?;
        prose(&format!("{}: {}", token.name(), counters(&look.counters)));
        if look.counters.pin != Some(0) && !self.force {
            let tries = look.counters.pin;
            let error = CliError::from(FactorError::Piv(PivError::Setup(SetupError::NotBlocked {
                token: token.name(),
                tries,
            })));
            if !session.interactive() {
                return Err(error);
            }
            let question = "Its PIN is not blocked. Set it anew all the same, with the PUK?";
            if !session.prompt.confirm(&Question::Plain(question))? {
                return Err(error);
            }
        }
        let rules = PinRules { force_last_try: session.global.force_pin, named: true };
        tokens.unblock(&mut look, rules, session.prompt.as_mut())?;
        prose(&format!("the PIN of the {} is set anew: {}", token.name(), counters(&look.counters)));
        warn_of_default_puk(&look);
        Ok(())
    }
}
