//! `twinlock recover`

mod plan;
mod tell;
#[cfg(test)]
pub(super) mod tests;
mod things;
mod walk;

use super::factors::{Making, Spec, check_specs};
use super::report::CliError;
use super::session::Session;
use crate::header::Header;
use crate::vault::{VaultError, peek};
use plan::Plan;
use things::Things;

/// Get back in when something is lost or forgotten, and mend what must be mended: one question after another
///
/// Asks which of the things that open the vault you still have, opens it by the shortest way, and leads through what must follow:
/// a new password, a new token, a new code, wiping what was lost, a new account key. Ctrl-C at any question leaves the vault as it
/// was after the last finished step. With --plan nothing is asked or changed: the same steps are shown as plain commands.
#[derive(clap::Args)]
pub struct Args {
    /// What is lost or forgotten: 'password', 'recovery' (every code of yours), a token's name or serial number, one of the names that --plan
    /// shows, or a keyslot; may be repeated. All else counts as at hand, and is not asked about
    #[arg(long, value_name = "THING")]
    lost: Vec<String>,
    /// What somebody else has, who can be asked by 'recovery request'; named as for --lost; may be repeated [default: all that is in keyslots
    /// for custodians alone]
    #[arg(long, value_name = "THING")]
    custodian: Vec<String>,
    /// What takes a lost token's place, as for 'keyslot enroll --factor'; may be repeated [default: chosen among those that are here]
    #[arg(long, value_name = "FACTOR", value_parser = factor)]
    new_token: Vec<String>,
    /// Show the things, and the steps as commands; needs no password and no token, asks and changes nothing
    #[arg(long)]
    plan: bool,
    /// The plan as JSON
    #[arg(long, requires = "plan")]
    json: bool,
    #[command(flatten)]
    making: Making,
}

fn factor(text: &str) -> Result<String, String> {
    text.parse::<Spec>().map(|_| text.to_owned())
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        // A URI may hold what is not to be shown again; one that is none is refused here.
        check_specs(&self.new_specs())?;
        let unverified = peek(&mut session.store()?)?;
        let header = unverified.header();
        check_keyslot(header, session)?;
        let mut things = Things::of(header);
        for text in &self.lost {
            things.lose(header, text)?;
        }
        for text in &self.custodian {
            things.lend(header, text)?;
        }
        // Where nobody is asked, and nobody has said which of them is at hand, what custodians hold is with them.
        if self.custodian.is_empty() && (self.plan || !self.lost.is_empty()) {
            things.leave_with_custodians();
        }
        if self.plan {
            // Nothing is looked for: the same plan wherever it is made.
            let plan = Plan::of(header, &things, session.global.keyslot.as_deref(), &mut |_| false);
            return tell::plan(header, &things, &plan, &self, session);
        }
        if !session.interactive() {
            return Err(CliError::Usage {
                message: "nobody is there to be led through a recovery".into(),
                hint: "run it on a terminal; or list its commands with 'twinlock recover --plan --lost THING'".into(),
            });
        }
        walk::run(self, session, header, things)
    }

    fn new_specs(&self) -> Vec<Spec> {
        self.new_token.iter().filter_map(|text| text.parse().ok()).collect()
    }

    /// Which new token takes the place of a lost one, where that was said: the first named one for the first lost.
    fn named(&self, things: &Things, lost: &str) -> Option<&str> {
        let mut tokens = things.all.iter().filter(|thing| thing.is_token() && thing.state == things::State::Lost);
        self.new_token.get(tokens.position(|thing| thing.id == lost)?).map(String::as_str)
    }
}

/// A keyslot that was named must be there.
fn check_keyslot(header: &Header, session: &Session) -> Result<(), CliError> {
    match &session.global.keyslot {
        Some(name) if header.keyslot(name).is_none() => {
            let have = header.keyslots.iter().map(|slot| slot.name.clone()).collect();
            Err(VaultError::NoKeyslot { name: name.clone(), have }.into())
        }
        _ => Ok(()),
    }
}
