//! A new password, offline: every keyslot that holds one is wrapped again; items are not touched. But those for custodians: the password in
//! such a keyslot is somebody else's, who would not know the new one, and answers that are on their way would open nothing.
//!
//! The other factors of such a keyslot are needed too, as its shares are made anew. In this order: the secret by which this command has
//! opened the same keyslot; the token's public key, the token being in a drawer; the token itself, enrolled again. A code that has not
//! opened this keyslot is never taken for its own: nothing in the file could tell, and the right one would be dead.

use super::keyslots::prove;
use super::{Vault, VaultError};
use crate::factor::password::{self, CostWish, NewPassword, PasswordEnroll};
use crate::factor::{Enroll, FactorError, Openers, SlotContext, in_words, rewrap};
use crate::header::{Header, Keyslot, Stanza};
use crate::keyslot::{self, Plan};
use crate::prompt::{Event, Prompt, PromptError};
use crate::secret::{AccountKey, FactorSecret};
use std::rc::Rc;

/// What became of the keyslots that hold a password.
#[derive(Debug, Default)]
pub struct Rewrapped {
    /// Those that the new password opens now.
    pub changed: Vec<String>,
    /// Those that the old password still opens, and what was missing.
    pub kept: Vec<(String, String)>,
    /// Those for custodians: their passwords are not the owner's, and stay.
    pub theirs: Vec<String>,
}

impl Vault {
    /// Asks for one new password and puts it into every keyslot that holds one and is not for custodians, or into `only` that one,
    /// whosever it is.
    pub fn change_password(
        &mut self,
        only: Option<&str>,
        cost: CostWish,
        force: bool,
        openers: &mut Openers,
        prompt: &mut dyn Prompt,
    ) -> Result<Rewrapped, VaultError> {
        let header = self.header().clone();
        let (slots, theirs) = chosen(&header, only)?;
        let names = slots.iter().map(|slot| slot.name.as_str()).collect::<Vec<_>>().join("', '");
        let password = Rc::new(NewPassword::ask(&header.name, &names, force, prompt)?);
        let theirs = theirs.iter().map(|slot| slot.name.clone()).collect();
        let mut report = Rewrapped { theirs, ..Rewrapped::default() };
        let mut made = Vec::new();
        for slot in slots {
            match self.wrap_again(&header, slot, (&password, cost), openers, prompt)? {
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
            change.set_header(now)
        })?;
        Ok(report)
    }

    /// The keyslot with the new password in it; the inner error says which factor is missing.
    fn wrap_again(
        &self,
        header: &Header,
        slot: &Keyslot,
        password: (&Rc<NewPassword>, CostWish),
        openers: &mut Openers,
        prompt: &mut dyn Prompt,
    ) -> Result<Result<Keyslot, String>, VaultError> {
        if let Some(field) = slot.unknown_critical() {
            return Ok(Err(format!("it needs '{field}', which this program does not know")));
        }
        let ctx = context(header, slot);
        let mut made: Vec<Made<'_>> = Vec::new();
        for (i, stanza) in (1u8..).zip(&slot.factors) {
            let kept = self.opened.secrets.iter().find(|(n, _)| self.opened.keyslot == *slot && *n == i);
            let anew: Box<dyn Enroll> = if stanza.kind == password::KIND {
                Box::new(password_at_cost(stanza, password, prompt))
            } else if let Some((_, secret)) = kept {
                made.push(Made::kept(stanza.clone(), secret));
                continue;
            } else if let Some(anew) = rewrap(stanza).or_else(|| openers.of(&stanza.kind)?.again(stanza)) {
                anew
            } else {
                return Ok(Err(format!("{} is needed, too", in_words(stanza))));
            };
            match anew.enroll(&ctx, prompt) {
                Ok((mut new, secret)) => {
                    keep_later_fields(&mut new, stanza);
                    made.push(Made::new(new, secret));
                }
                // This one names what is missing itself.
                Err(FactorError::Prompt(error @ PromptError::Nobody { .. })) => return Ok(Err(error.to_string())),
                Err(FactorError::Prompt(error)) => return Ok(Err(format!("{}: {error}", in_words(stanza)))),
                Err(FactorError::Token(error)) => return Ok(Err(error.to_string())),
                Err(FactorError::Piv(error)) => return Ok(Err(error.to_string())),
                Err(error) => return Err(error.into()),
            }
        }
        wrap_around(header, slot, made, &self.account_key).map(Ok)
    }
}

/// A factor of a keyslot that is wrapped again: its stanza, and its secret from opening or just made.
pub(super) struct Made<'a> {
    stanza: Stanza,
    secret: Secret<'a>,
}

enum Secret<'a> {
    Kept(&'a FactorSecret),
    New(FactorSecret),
}

impl<'a> Made<'a> {
    /// By the secret that has opened the keyslot.
    pub fn kept(stanza: Stanza, secret: &'a FactorSecret) -> Self {
        Self { stanza, secret: Secret::Kept(secret) }
    }

    /// By another one.
    pub fn new(stanza: Stanza, secret: FactorSecret) -> Self {
        Self { stanza, secret: Secret::New(secret) }
    }

    fn secret(&self) -> &FactorSecret {
        match &self.secret {
            Secret::Kept(secret) => secret,
            Secret::New(secret) => secret,
        }
    }
}

/// What a later version has put beside a factor stays.
pub(super) fn keep_later_fields(new: &mut Stanza, old: &Stanza) {
    for (name, value) in &old.params {
        new.params.entry(name).or_insert_with(|| value.clone());
    }
}

/// A keyslot of the same id and name around an account key, with all its factors made again; it has been opened when this returns.
pub(super) fn wrap_around(
    header: &Header,
    slot: &Keyslot,
    made: Vec<Made<'_>>,
    account_key: &AccountKey,
) -> Result<Keyslot, VaultError> {
    let secrets: Vec<_> = made.iter().map(Made::secret).collect();
    let stanzas = made.iter().map(|made| made.stanza.clone()).collect();
    let Keyslot { id, name, created, threshold, extra, .. } = slot.clone();
    let plan = Plan { id, name, created, threshold, extra };
    let new = keyslot::wrap(&header.vault_id, plan, stanzas, &secrets, account_key)?;
    prove(header, &new, &secrets, account_key);
    Ok(new)
}

/// The new password at the cost asked for, or at the old one's; a lower cost is never silent.
pub(super) fn password_at_cost(
    stanza: &Stanza,
    (password, wish): (&Rc<NewPassword>, CostWish),
    prompt: &mut dyn Prompt,
) -> PasswordEnroll {
    let old = password::cost_of(stanza).unwrap_or_default();
    let cost = wish.instead_of(old);
    if cost.memory_kib < old.memory_kib || cost.passes < old.passes {
        prompt.show(&Event::Warning("the new password costs less to guess than the old one did, as you asked"));
    }
    PasswordEnroll { cost, password: Rc::clone(password) }
}

pub(super) fn context<'a>(header: &'a Header, slot: &'a Keyslot) -> SlotContext<'a> {
    SlotContext { vault_id: &header.vault_id, keyslot_id: &slot.id, vault: &header.name, keyslot: &slot.name }
}

/// The keyslots that get the new password, and those that hold one of a custodian.
fn chosen<'a>(header: &'a Header, only: Option<&str>) -> Result<(Vec<&'a Keyslot>, Vec<&'a Keyslot>), VaultError> {
    let holds = |slot: &&Keyslot| slot.factors.iter().any(|stanza| stanza.kind == password::KIND);
    let (theirs, slots): (Vec<_>, Vec<_>) = match only {
        Some(name) => (Vec::new(), vec![&header.keyslots[super::keyslots::position(header, name)?]]),
        None => header.keyslots.iter().partition(|slot| slot.custodians()),
    };
    let (slots, theirs): (Vec<_>, Vec<_>) =
        (slots.into_iter().filter(holds).collect(), theirs.into_iter().filter(holds).collect());
    match theirs.first() {
        _ if !slots.is_empty() => Ok((slots, theirs)),
        None => Err(VaultError::NoPassword),
        Some(first) => Err(VaultError::PasswordOfCustodians(first.name.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::factor::fake::FakeEnroll;
    use crate::factor::password::Cost;
    use crate::prompt::ScriptedPrompt;
    use crate::secret::zeros32;
    use crate::store::memory::{Contents, MemoryStore};
    use crate::vault::{NewKeyslot, Wish};

    const CHEAP: CostWish = CostWish { memory_kib: Some(19_456), passes: Some(2), lanes: Some(1) };
    const OLD: &str = "correct horse battery 9";
    const NEW: &str = "four other random words";

    fn key() -> AccountKey {
        AccountKey::new(zeros32())
    }

    /// One keyslot, `password + fake "f"`.
    fn store() -> MemoryStore {
        let mut prompt = ScriptedPrompt::new().types(OLD).types(OLD).types("f");
        let password = Rc::new(NewPassword::ask("v", "both", true, &mut prompt).unwrap());
        let password = PasswordEnroll { cost: CHEAP.fresh(), password };
        let fake = FakeEnroll { name: "f".into() };
        let both = NewKeyslot { name: "both".into(), threshold: 2, factors: vec![&password, &fake], custodians: false };
        let new = Vault::prepare("v", &key(), &[both], &mut prompt).unwrap();
        MemoryStore::new(Contents::new(&new.header, &new.manifest, [], []))
    }

    fn unlock(store: &MemoryStore, prompt: &mut ScriptedPrompt) -> Result<Vault, VaultError> {
        Vault::unlock(Box::new(store.clone()), Wish::default(), &mut Openers::typed(), prompt)
    }

    fn change(vault: &mut Vault, cost: CostWish) -> Result<Rewrapped, VaultError> {
        let mut prompt = ScriptedPrompt::new().types(NEW).types(NEW);
        vault.change_password(None, cost, true, &mut Openers::typed(), &mut prompt)
    }

    /// Writes the header anew as somebody with the account key would.
    fn rewrite(store: &MemoryStore, edit: impl FnOnce(&mut Header)) {
        let mut vault = unlock(store, &mut ScriptedPrompt::new().types(OLD).types("f")).ok().unwrap();
        let mut header = vault.header().clone();
        edit(&mut header);
        vault.change(|change| change.set_header(header)).unwrap();
    }

    #[test]
    fn a_secret_is_kept_only_for_the_keyslot_that_it_opened() {
        let store = store();
        let other = store.clone();
        // While the password is typed, another process wraps the same keyslot again.
        let mut prompt = ScriptedPrompt::new()
            .answers(move |_| {
                let mut vault = unlock(&other, &mut ScriptedPrompt::new().types(OLD).types("f")).ok().unwrap();
                change(&mut vault, CHEAP).unwrap();
                Ok(OLD.to_owned())
            })
            .types("f");
        let mut vault = unlock(&store, &mut prompt).ok().unwrap();
        assert!(matches!(change(&mut vault, CHEAP), Err(VaultError::NothingRewrapped(_))));
        assert!(unlock(&store, &mut ScriptedPrompt::new().types(NEW).types("f")).is_ok());
    }

    #[test]
    fn the_cost_goes_down_only_when_asked() {
        let store = store();
        let mut vault = unlock(&store, &mut ScriptedPrompt::new().types(OLD).types("f")).ok().unwrap();
        let dear = CostWish { passes: Some(5), ..CHEAP };
        change(&mut vault, dear).unwrap();
        let mut vault = unlock(&store, &mut ScriptedPrompt::new().types(NEW).types("f")).ok().unwrap();
        change(&mut vault, CostWish { memory_kib: CHEAP.memory_kib, ..CostWish::default() }).unwrap();
        let cost = password::cost_of(&vault.header().keyslots[0].factors[0]).unwrap();
        assert_eq!(cost, Cost { memory_kib: 19_456, passes: 5, lanes: 1 });
    }

    #[test]
    fn a_keyslot_that_demands_what_is_not_known_is_left_alone() {
        let store = store();
        let mut vault = unlock(&store, &mut ScriptedPrompt::new().types(OLD).types("f")).ok().unwrap();
        rewrite(&store, |header| drop(header.keyslots[0].extra.insert("!quorum".into(), 1.into())));
        vault.verify().unwrap();
        let Err(VaultError::NothingRewrapped(kept)) = change(&mut vault, CHEAP) else { panic!("it was wrapped again") };
        assert!(kept[0].1.contains("!quorum"), "{kept:?}");
    }

    #[test]
    fn what_a_later_version_put_beside_a_password_stays() {
        let store = store();
        let mut vault = unlock(&store, &mut ScriptedPrompt::new().types(OLD).types("f")).ok().unwrap();
        let mut slot = vault.header().keyslots[0].clone();
        slot.factors[0].params.insert("later".into(), 1.into());
        // Nobody writes it into a new keyslot; where it is, the keyslot's KEK is bound to it.
        slot.extra.insert("custodians".into(), false.into());
        vault.opened.keyslot = slot.clone();
        let header = Header { keyslots: vec![slot.clone()], ..vault.header().clone() };
        let mut prompt = ScriptedPrompt::new().types(NEW).types(NEW);
        let password = Rc::new(NewPassword::ask("v", "both", true, &mut prompt).unwrap());
        let new = vault.wrap_again(&header, &slot, (&password, CHEAP), &mut Openers::typed(), &mut prompt);
        let new = new.unwrap().unwrap();
        assert_eq!(new.factors[0].params["later"], 1);
        assert_eq!(new.extra["custodians"], false);
    }
}
