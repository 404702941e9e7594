//! What is on a token, and what a setup would do to it.

use super::super::card::{Desk, NewKey};
use super::super::error::PivError;
use super::super::info::{Counters, KeyInfo, Management, SlotInfo, TokenInfo};
use super::super::params::Mode;
use super::super::public::PublicKey;
use super::super::slot::{PinPolicy, PivSlot, TouchPolicy};
use super::super::tokens::PivTokens;
use super::begun::{self, Begun};
use super::error::SetupError;
use crate::factor::FactorError;
use crate::prompt::{Event, Prompt};

/// The first firmware with X25519.
const X25519_SINCE: (u8, u8, u8) = (5, 7, 0);

/// A token with everything that a setup looks at.
#[derive(Clone, Debug)]
pub struct Look {
    /// The token.
    pub token: TokenInfo,
    /// Whether it is the only one here.
    pub alone: bool,
    /// Tries left, and whether PIN and PUK are still those it came with.
    pub counters: Counters,
    /// Its management key.
    pub management: Management,
    /// All PIV slots.
    pub slots: Vec<SlotInfo>,
    /// What an earlier setup was about to make, if it did not come to its end.
    pub begun: Option<Begun>,
}

/// What a setup would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Make a key in a free PIV slot.
    Make(PivSlot),
    /// Make a key where another one is, which is then gone.
    Overwrite(PivSlot),
    /// Write the certificate of a key that a stopped setup made.
    Finish(KeyInfo),
}

impl Plan {
    /// Where.
    pub fn slot(&self) -> PivSlot {
        match self {
            Self::Make(slot) | Self::Overwrite(slot) => *slot,
            Self::Finish(key) => key.slot,
        }
    }
}

impl PivTokens {
    /// Looks at a token. Nothing is changed, and no PIN is sent.
    pub fn look(&self, token: &TokenInfo, alone: bool, prompt: &mut dyn Prompt) -> Result<Look, FactorError> {
        let serial = token.serial;
        let look = self.glance(token, alone, prompt)?;
        let name = token.name();
        let note = format!("Looking at the {name}");
        // Fifty commands to the card: a second or two.
        let work = move |desk: &mut Desk| desk.slots(serial);
        let slots = self.cards.borrow_mut().run_long(&name, &Event::Note(&note), prompt, work)?;
        let begun = self.cards.borrow_mut().run(prompt, move |desk| desk.object(serial, begun::OBJECT))?;
        Ok(Look { slots, begun: begun.as_deref().and_then(Begun::of), ..look })
    }

    /// The same without its PIV slots.
    pub fn glance(&self, token: &TokenInfo, alone: bool, prompt: &mut dyn Prompt) -> Result<Look, FactorError> {
        let serial = token.serial;
        let counters = self.cards.borrow_mut().counters(serial, prompt)?;
        let management = self.cards.borrow_mut().run(prompt, move |desk| desk.management(serial))?;
        Ok(Look { token: token.clone(), alone, counters, management, slots: Vec::new(), begun: None })
    }
}

impl Look {
    /// The PIV slots that are not free.
    pub fn used(&self) -> impl Iterator<Item = &SlotInfo> {
        self.slots.iter().filter(|slot| !slot.is_free())
    }

    /// What was in a PIV slot.
    pub fn slot(&self, slot: PivSlot) -> &SlotInfo {
        let seen = self.slots.iter().find(|info| info.slot == slot);
        seen.unwrap_or_else(|| unreachable!("all PIV slots were looked at"))
    }

    /// Where a key is made, or finished. `slot`: only there; otherwise the first retired one that will do.
    pub fn plan(
        &self,
        mode: Mode,
        pin: PinPolicy,
        touch: TouchPolicy,
        slot: Option<PivSlot>,
        overwrite: bool,
    ) -> Result<Plan, PivError> {
        if mode == Mode::EcdhX25519 && self.token.firmware < X25519_SINCE {
            return Err(PivError::Setup(SetupError::CannotMake { token: self.token.name(), mode }));
        }
        // A key without a certificate can be another program's: only one that a setup of ours is known to have begun is gone on with, and
        // only where this program makes keys unless told otherwise.
        let unfinished = |info: &&SlotInfo| {
            let fits = |key: &&KeyInfo| key.mode() == Ok(mode) && key.pin == Some(pin) && key.touch == Some(touch);
            let new = NewKey { slot: info.slot, mode, pin, touch };
            let left = info.slot.is_retired() && self.begun.as_ref().is_some_and(|begun| begun.made(new, info));
            info.unfinished().filter(|_| left).filter(fits).cloned()
        };
        if let Some(wanted) = slot {
            let info = self.slot(wanted);
            return match unfinished(&info) {
                _ if info.is_free() => Ok(Plan::Make(wanted)),
                _ if overwrite => Ok(Plan::Overwrite(wanted)),
                Some(key) => Ok(Plan::Finish(key)),
                None => Err(PivError::Setup(SetupError::SlotUsed {
                    token: self.token.name(),
                    slot: wanted,
                    holds: describe(info),
                })),
            };
        }
        let retired = || self.slots.iter().filter(|info| info.slot.is_retired());
        if let Some(key) = retired().find_map(|info| unfinished(&info)) {
            return Ok(Plan::Finish(key));
        }
        self.free().map(Plan::Make)
    }

    /// The first retired PIV slot with nothing in it.
    pub fn free(&self) -> Result<PivSlot, PivError> {
        let free = self.slots.iter().find(|info| info.slot.is_retired() && info.is_free());
        free.map(|info| info.slot).ok_or_else(|| PivError::Setup(SetupError::NoFreeSlot { token: self.token.name() }))
    }

    /// Keys that an earlier setup made as this one would, and finished.
    pub fn alike(&self, new: NewKey) -> impl Iterator<Item = &SlotInfo> {
        self.slots.iter().filter(move |info| {
            let ours = info.certificate.as_ref().is_some_and(|certificate| certificate.ours);
            let alike =
                |key: &KeyInfo| key.mode() == Ok(new.mode) && key.pin == Some(new.pin) && key.touch == Some(new.touch);
            ours && info.unfinished().is_none() && info.key.as_ref().is_some_and(alike)
        })
    }
}

impl SlotInfo {
    /// Whether a PIV slot is as it was seen, before it is changed: a person has thought since.
    pub fn is_still(&self, now: &Self, token: &str) -> Result<(), PivError> {
        if self == now {
            return Ok(());
        }
        let (token, slot) = (token.to_owned(), self.slot);
        Err(PivError::Setup(SetupError::SlotChanged { token, slot, holds: describe(now) }))
    }
}

/// What is in a PIV slot, in words; safe to print.
pub fn describe(info: &SlotInfo) -> String {
    let words = match &info.key {
        Some(key) => of_key(key),
        None if info.certificate.is_some() => "no key that can be seen".to_owned(),
        None => return "nothing".to_owned(),
    };
    let Some(certificate) = &info.certificate else { return words + ", without a certificate" };
    if info.unfinished().is_some() {
        return words + ", with the certificate of an older key of twinlock's";
    }
    match (certificate.ours, &certificate.name, &certificate.subject) {
        (true, None, _) => words + ", made by twinlock",
        (true, Some(name), _) => format!("{words}, made by twinlock for '{name}'"),
        (false, _, None) => words + ", with a certificate",
        (false, _, Some(subject)) => {
            let another = info.key.as_ref().is_some_and(|key| certificate.public.as_ref() != Some(&key.public));
            format!("{words}, certificate of '{subject}'{}", if another { " (of another key)" } else { "" })
        }
    }
}

/// A key in words: `ecdh-p256, PIN once, touch always`.
pub fn of_key(key: &KeyInfo) -> String {
    let kind = match &key.public {
        PublicKey::Ecdh { mode, .. } => mode.name(),
        PublicKey::Other(kind) => kind,
    };
    let pin = key.pin.map(|pin| format!(", PIN {}", pin.name()));
    let touch = key.touch.map(|touch| format!(", touch {}", touch.name()));
    let imported = (key.generated == Some(false)).then(|| ", imported".to_owned());
    [Some(kind.to_owned()), pin, touch, imported].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
