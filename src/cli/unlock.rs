//! `twinlock unlock`

use super::held;
use super::lifetime::{Lifetime, in_words};
use super::report::{CliError, prose, warn};
use super::session::Session;
use super::ways_in::in_plain_words;
use crate::agent::protocol::{Token, Unlock};
use crate::factor::piv;
use crate::vault::Vault;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

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
        let vault = session.unlock_keeping_tokens()?;
        let tokens = if keep_on_removal { Vec::new() } else { session.pullable() };
        session.dismiss_tokens();
        let wanted = !tokens.is_empty() || by_yubikey(&vault) && !keep_on_removal;
        let (slot, _) = vault.opened_with();
        let (keyslot, way) = (slot.name.clone(), in_plain_words(slot));
        let name = vault.header().name.clone();
        let account_key = vault.into_account_key();
        let mut agent = held::agent()?;
        agent.unlock(Unlock { path: path.clone(), keyslot, way, idle, max, account_key, tokens })?;
        let watched = agent.status()?.vaults.iter().any(|held| held.path == path && held.on_removal);
        let removal = if watched { "when its token is pulled, " } else { "" };
        prose(&format!(
            "unlocked '{name}'; it locks {removal}when not used for {}, and in {} at the latest",
            in_words(idle),
            in_words(max)
        ));
        if wanted && !watched {
            warn("the token cannot be watched here: the vault stays unlocked when it is pulled");
        }
        Ok(())
    }
}

/// Whether a YubiKey was one of those that have opened the vault.
fn by_yubikey(vault: &Vault) -> bool {
    let (slot, answered) = vault.opened_with();
    let factors = answered.iter().filter_map(|number| slot.factors.get(usize::from(*number).checked_sub(1)?));
    factors.into_iter().any(|stanza| stanza.kind == piv::KIND)
}

impl Session {
    /// The tokens that have opened the vault and can be pulled: with the first that is, the vault locks.
    fn pullable(&mut self) -> Vec<Token> {
        let mut tokens = Vec::new();
        if let Some(piv) = &self.piv {
            // One that is gone already, or cannot be asked any more, is not watched, which is told.
            let seen = piv.cards.borrow_mut().watchable(self.prompt.as_mut());
            tokens.extend(seen.unwrap_or_default().into_iter().map(Token::Piv));
        }
        if let Some(modules) = &self.tokens {
            let seen = modules.borrow_mut().watchable().unwrap_or_default();
            let bytes = |text: OsString| text.into_vec();
            let environment = || std::env::vars_os().map(|(name, value)| (bytes(name), bytes(value))).collect();
            tokens.extend(seen.into_iter().map(|sighting| Token::Pkcs11 { sighting, environment: environment() }));
        }
        tokens
    }
}
