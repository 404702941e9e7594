//! `twinlock unlock`

use super::held;
use super::lifetime::{Lifetime, in_words};
use super::report::{CliError, prose};
use super::session::Session;
use super::ways_in::in_plain_words;
use crate::agent::protocol::{Token, Unlock};
use crate::factor::piv::PivOpen;
use crate::vault::Vault;

/// Unlock the vault once: until it locks, commands on items ask for nothing
///
/// The account key is kept by the agent, a process that this command starts where none runs. It locks by itself: when the vault is not used
/// for a while, after some hours in any case, when the token that opened it is pulled, when the machine sleeps or its screen is
/// locked, when you log out, or when another file takes the vault's place.
#[derive(clap::Args)]
pub struct Args {
    /// Lock when not used for so long, as in 15m or 1h [default: 15m]
    #[arg(long, value_name = "TIME", value_parser = super::lifetime::parse)]
    idle: Option<std::time::Duration>,
    /// Lock after so long in any case, at most 7 days [default: 12h]
    #[arg(long, value_name = "TIME", value_parser = super::lifetime::parse)]
    max: Option<std::time::Duration>,
    /// Stay unlocked when the token is pulled
    #[arg(long)]
    keep_on_removal: bool,
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let Lifetime { idle, max, keep_on_removal } =
            Lifetime::of(&session.config()?.agent, self.idle, self.max, self.keep_on_removal)?;
        let path = session.real_path()?;
        let vault = session.unlock()?;
        let (slot, _) = vault.opened_with();
        let (keyslot, way) = (slot.name.clone(), in_plain_words(slot));
        let token = if keep_on_removal { None } else { token_of(&vault) };
        let name = vault.header().name.clone();
        let account_key = vault.into_account_key();
        let mut agent = held::agent()?;
        agent.unlock(Unlock { path, keyslot, way, idle, max, account_key, token })?;
        prose(&format!(
            "unlocked '{name}'; it locks when not used for {}, and in {} at the latest",
            in_words(idle),
            in_words(max)
        ));
        Ok(())
    }
}

/// The token that has opened the vault, if one did: with its removal the vault locks.
fn token_of(vault: &Vault) -> Option<Token> {
    let (slot, answered) = vault.opened_with();
    let factors = answered.iter().filter_map(|number| slot.factors.get(usize::from(*number).checked_sub(1)?));
    let piv = factors.filter_map(|stanza| PivOpen::wanted(stanza).ok()??.0.hints.serial);
    piv.map(Token::Piv).next()
}
