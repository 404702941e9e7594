//! Changing the ways in: enroll, wipe, rename, test. Enroll first, wipe second; never the last.

use super::{Vault, VaultError, now};
use crate::crypto::{equal, random_bytes};
use crate::factor::{Enroll, Role, SlotContext, role};
use crate::header::{Header, Keyslot, MAX_FACTORS, MAX_KEYSLOTS, MAX_NAME};
use crate::keyslot::{self, Plan};
use crate::prompt::Prompt;
use crate::secret::AccountKey;

/// A keyslot to be made.
pub struct NewKeyslot<'a> {
    /// Its name.
    pub name: String,
    /// `k`.
    pub threshold: u8,
    /// 1 to 16 factors, numbered from 1 in this order.
    pub factors: Vec<&'a dyn Enroll>,
    /// Whether people who hold its factors may be asked for them from elsewhere.
    pub custodians: bool,
}

/// A keyslot that asks for more than a new one beside it: the vault is only as strong as its weakest way in.
#[derive(Debug, PartialEq, Eq)]
pub struct Weaker {
    /// The stronger keyslot.
    pub than: String,
    /// What an attacker no longer needs.
    pub why: &'static str,
}

impl NewKeyslot<'_> {
    /// Enrolls the factors, wraps the account key, and opens it again with the same secrets before it is believed.
    pub(super) fn wrap(
        &self,
        header: &Header,
        account_key: &AccountKey,
        prompt: &mut dyn Prompt,
    ) -> Result<Keyslot, VaultError> {
        check_name(&self.name)?;
        let n = self.factors.len();
        if n == 0 || n > MAX_FACTORS || self.threshold == 0 || usize::from(self.threshold) > n {
            return Err(VaultError::BadThreshold { threshold: self.threshold, factors: n });
        }
        if header.keyslot(&self.name).is_some() {
            return Err(VaultError::KeyslotExists(self.name.clone()));
        }
        if header.keyslots.len() == MAX_KEYSLOTS {
            return Err(VaultError::TooManyKeyslots);
        }
        let id = random_bytes()?;
        let ctx = SlotContext { vault_id: &header.vault_id, keyslot_id: &id, vault: &header.name, keyslot: &self.name };
        let made = self.factors.iter().map(|factor| factor.enroll(&ctx, prompt)).collect::<Result<Vec<_>, _>>()?;
        let (stanzas, secrets): (Vec<_>, Vec<_>) = made.into_iter().unzip();
        let plan = Plan {
            id,
            name: self.name.clone(),
            created: now(),
            threshold: self.threshold,
            extra: Keyslot::extra_of_new(self.custodians),
        };
        let secrets: Vec<_> = secrets.iter().collect();
        let slot = keyslot::wrap(&header.vault_id, plan, stanzas, &secrets, account_key)?;
        prove(header, &slot, &secrets, account_key);
        Ok(slot)
    }
}

/// A keyslot that would not open is never written. It cannot happen but by a defect here, and then a panic that writes nothing is
/// the only right answer: the file is untouched.
pub(super) fn prove(
    header: &Header,
    slot: &Keyslot,
    secrets: &[&crate::secret::FactorSecret],
    account_key: &AccountKey,
) {
    let first: Vec<_> = (1u8..).zip(secrets.iter().copied()).take(slot.threshold.into()).collect();
    let opened = keyslot::unwrap(&header.vault_id, slot, &first);
    assert!(
        opened.is_ok_and(|opened| equal(opened.expose(), account_key.expose())),
        "a new keyslot did not open; nothing was written"
    );
}

impl Vault {
    /// Adds a way in.
    pub fn enroll(&mut self, new: &NewKeyslot<'_>, prompt: &mut dyn Prompt) -> Result<(), VaultError> {
        let slot = new.wrap(self.header(), &self.account_key, prompt)?;
        self.change(|change| {
            let mut header = change.header().clone();
            // Again, on the header as it is now: somebody may have enrolled while a person was typing.
            if header.keyslot(&slot.name).is_some() {
                return Err(VaultError::KeyslotExists(slot.name.clone()));
            }
            if header.keyslots.len() == MAX_KEYSLOTS {
                return Err(VaultError::TooManyKeyslots);
            }
            header.keyslots.push(slot);
            change.set_header(header)
        })
    }

    /// Removes a way in, never the last one that this program can use.
    ///
    /// `wiped` is the keyslot that the person saw: another one of that name, or the same one changed since, is a conflict.
    pub fn wipe(&mut self, wiped: &Keyslot) -> Result<(), VaultError> {
        self.wipe_and_name(wiped, None)
    }

    /// The same, and the keyslot `by`, which was enrolled in its place, takes over its name: in one write, so that there is no time when
    /// neither has it, or when the name stands for nothing.
    pub fn wipe_for(&mut self, wiped: &Keyslot, by: &str) -> Result<(), VaultError> {
        self.wipe_and_name(wiped, Some(by))
    }

    fn wipe_and_name(&mut self, wiped: &Keyslot, by: Option<&str>) -> Result<(), VaultError> {
        let name = wiped.name.as_str();
        self.change(|change| {
            let mut header = change.header().clone();
            if header.keyslots[position(&header, name)?] != *wiped {
                return Err(VaultError::Conflict(name.to_owned()));
            }
            header.keyslots.retain(|slot| slot.name != name);
            if !header.keyslots.iter().any(usable) {
                return Err(VaultError::LastKeyslot(name.to_owned()));
            }
            if let Some(by) = by {
                let at = position(&header, by)?;
                name.clone_into(&mut header.keyslots[at].name);
            }
            change.set_header(header)
        })
    }

    /// Gives a keyslot another name; its factors are not needed.
    pub fn rename(&mut self, name: &str, to: &str) -> Result<(), VaultError> {
        check_name(to)?;
        self.change(|change| {
            let mut header = change.header().clone();
            let at = position(&header, name)?;
            if header.keyslot(to).is_some() {
                return Err(VaultError::KeyslotExists(to.to_owned()));
            }
            to.clone_into(&mut header.keyslots[at].name);
            change.set_header(header)
        })
    }

    /// The keyslots beside which one of these kinds and threshold asks for less. A recovery code does not count: 160 random bits are not
    /// guessed. Nor does what another keyslot gives away already.
    pub fn weaker(&self, kinds: &[&str], threshold: u8) -> Vec<Weaker> {
        let header = self.header();
        let slots = header.keyslots.iter().filter(|slot| usable(slot));
        let already: Vec<Weaker> = slots.flat_map(|slot| weaker_keyslot(header, slot)).collect();
        let mut weaker = weaker_than(header, &Needs::of(kinds, threshold));
        weaker.retain(|weaker| !already.contains(weaker));
        weaker
    }
}

/// The keyslots of the header beside which this one, of the same header, asks for less.
pub fn weaker_keyslot(header: &Header, slot: &Keyslot) -> Vec<Weaker> {
    // It asks for as much as itself.
    weaker_than(header, &Needs::of_keyslot(slot))
}

fn weaker_than(header: &Header, new: &Needs) -> Vec<Weaker> {
    let slots = header.keyslots.iter().filter(|slot| usable(slot));
    let compare = |slot: &Keyslot| {
        let old = Needs::of_keyslot(slot);
        let why = match () {
            // 160 random bits are not guessed, and every vault should have a code beside its other ways in.
            () if new.code || (old.code && old.count == 1) => return None,
            () if old.token && !new.token => "the token",
            () if new.count >= old.count => return None,
            () if old.typed && !new.typed => "the password",
            () => "as many factors",
        };
        Some(Weaker { than: slot.name.clone(), why })
    };
    slots.filter_map(compare).collect()
}

/// What every way through a keyslot needs.
struct Needs {
    /// No k factors without a token.
    token: bool,
    /// No k factors without something typed.
    typed: bool,
    /// No k factors without a recovery code.
    code: bool,
    count: u8,
}

impl Needs {
    fn of(kinds: &[&str], threshold: u8) -> Self {
        let without = |f: &dyn Fn(&&&str) -> bool| kinds.iter().filter(|kind| !f(kind)).count() < threshold.into();
        Self {
            token: without(&|kind| role(kind) == Role::Token),
            typed: without(&|kind| matches!(role(kind), Role::Typed(_))),
            code: without(&|kind| **kind == crate::factor::recovery::KIND),
            count: threshold,
        }
    }

    fn of_keyslot(slot: &Keyslot) -> Self {
        let kinds: Vec<_> = slot.factors.iter().map(|stanza| stanza.kind.as_str()).collect();
        Self::of(&kinds, slot.threshold)
    }
}

/// Whether this program can use the keyslot at all.
pub fn usable(slot: &Keyslot) -> bool {
    let known = slot.factors.iter().filter(|stanza| role(&stanza.kind) != Role::Unknown).count();
    slot.unknown_critical().is_none() && known >= usize::from(slot.threshold)
}

pub(super) fn position(header: &Header, name: &str) -> Result<usize, VaultError> {
    header.keyslots.iter().position(|slot| slot.name == name).ok_or_else(|| VaultError::NoKeyslot {
        name: name.to_owned(),
        have: header.keyslots.iter().map(|slot| slot.name.clone()).collect(),
    })
}

/// Refuses what the header could not hold as a new name, and what begins with a dash: as an argument it would be taken for an option.
pub fn check_name(name: &str) -> Result<(), VaultError> {
    let bad = name.trim().is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control);
    if bad || name.starts_with('-') { Err(VaultError::BadName(name.to_owned())) } else { Ok(()) }
}
