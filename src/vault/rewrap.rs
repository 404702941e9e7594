//! A new password, offline: every keyslot that holds one is wrapped again; items are not touched.
//!
//! The other factors of such a keyslot are needed too, as its shares are made anew. In this order: the secret that this command has from
//! opening the same keyslot; the token's public key, the token being in a drawer; the token itself; a recovery code, typed.

use super::keyslots::prove;
use super::{Vault, VaultError};
use crate::factor::password::{self, Cost, NewPassword, PasswordEnroll};
use crate::factor::{Enroll, FactorError, Openers, SlotContext, in_words, rewrap};
use crate::header::{Header, Keyslot, Stanza};
use crate::keyslot::{self, Plan};
use crate::prompt::Prompt;
use crate::secret::FactorSecret;
use std::rc::Rc;

/// What became of the keyslots that hold a password.
#[derive(Debug, Default)]
pub struct Rewrapped {
    /// Those that the new password opens now.
    pub changed: Vec<String>,
    /// Those that the old password still opens, and what was missing.
    pub kept: Vec<(String, String)>,
}

impl Vault {
    /// Asks for one new password and puts it into every keyslot that holds one, or into `only` that one.
    pub fn change_password(
        &mut self,
        only: Option<&str>,
        cost: Cost,
        force: bool,
        openers: &mut Openers,
        prompt: &mut dyn Prompt,
    ) -> Result<Rewrapped, VaultError> {
        let header = self.header().clone();
        let slots = chosen(&header, only)?;
        let names = slots.iter().map(|slot| slot.name.as_str()).collect::<Vec<_>>().join("', '");
        let password = Rc::new(NewPassword::ask(&header.name, &names, force, prompt)?);
        let password = PasswordEnroll { cost, password };
        let mut report = Rewrapped::default();
        let mut made = Vec::new();
        for slot in slots {
            match self.wrap_again(&header, slot, &password, openers, prompt)? {
                Ok(new) => {
                    report.changed.push(slot.name.clone());
                    made.push((slot, new));
                }
                Err(missing) => report.kept.push((slot.name.clone(), missing)),
            }
        }
        if made.is_empty() {
            return Err(VaultError::NothingRewrapped(report.kept));
        }
        self.change(|change| {
            let mut now = change.header().clone();
            for (old, new) in made {
                let at = now.keyslots.iter().position(|slot| slot == old);
                let at = at.ok_or_else(|| VaultError::Conflict(old.name.clone()))?;
                now.keyslots[at] = new;
            }
            change.set_header(now);
            Ok(())
        })?;
        Ok(report)
    }

    /// The keyslot with the new password in it; the inner error says which factor is missing.
    fn wrap_again(
        &self,
        header: &Header,
        slot: &Keyslot,
        password: &PasswordEnroll,
        openers: &mut Openers,
        prompt: &mut dyn Prompt,
    ) -> Result<Result<Keyslot, String>, VaultError> {
        let ctx = context(header, slot);
        let mut made: Vec<(Stanza, Secret<'_>)> = Vec::new();
        for (i, stanza) in (1u8..).zip(&slot.factors) {
            let kept = self.opened.secrets.iter().find(|(n, _)| self.opened.keyslot_id == slot.id && *n == i);
            let (stanza, secret) = if stanza.kind == password::KIND {
                owned(password.enroll(&ctx, prompt)?)
            } else if let Some((_, secret)) = kept {
                (stanza.clone(), Secret::Kept(secret))
            } else if let Some(public) = rewrap(stanza) {
                owned(public.enroll(&ctx, prompt)?)
            } else {
                match openers.of(&stanza.kind).map_or(Ok(None), |opener| opener.open(&ctx, stanza, prompt)) {
                    Ok(Some(secret)) => (stanza.clone(), Secret::New(secret)),
                    Ok(None) => return Ok(Err(format!("{} is not here", in_words(stanza)))),
                    Err(FactorError::Prompt(error)) => return Ok(Err(format!("{}: {error}", in_words(stanza)))),
                    Err(error) => return Err(error.into()),
                }
            };
            made.push((stanza, secret));
        }
        let secrets: Vec<_> = made.iter().map(|(_, secret)| secret.get()).collect();
        let stanzas = made.iter().map(|(stanza, _)| stanza.clone()).collect();
        let Keyslot { id, name, created, threshold, extra, .. } = slot.clone();
        let plan = Plan { id, name, created, threshold, extra };
        let new = keyslot::wrap(&header.vault_id, plan, stanzas, &secrets, &self.account_key)?;
        prove(header, &new, &secrets, &self.account_key);
        Ok(Ok(new))
    }
}

/// A factor secret from opening, or just made.
enum Secret<'a> {
    Kept(&'a FactorSecret),
    New(FactorSecret),
}

impl Secret<'_> {
    fn get(&self) -> &FactorSecret {
        match self {
            Self::Kept(secret) => secret,
            Self::New(secret) => secret,
        }
    }
}

fn owned<'a>((stanza, secret): (Stanza, FactorSecret)) -> (Stanza, Secret<'a>) {
    (stanza, Secret::New(secret))
}

fn context<'a>(header: &'a Header, slot: &'a Keyslot) -> SlotContext<'a> {
    SlotContext { vault_id: &header.vault_id, keyslot_id: &slot.id, vault: &header.name, keyslot: &slot.name }
}

fn chosen<'a>(header: &'a Header, only: Option<&str>) -> Result<Vec<&'a Keyslot>, VaultError> {
    let holds = |slot: &&Keyslot| slot.factors.iter().any(|stanza| stanza.kind == password::KIND);
    let slots: Vec<_> = match only {
        Some(name) => vec![&header.keyslots[super::keyslots::position(header, name)?]],
        None => header.keyslots.iter().collect(),
    };
    let slots: Vec<_> = slots.into_iter().filter(holds).collect();
    if slots.is_empty() { Err(VaultError::NoPassword) } else { Ok(slots) }
}
