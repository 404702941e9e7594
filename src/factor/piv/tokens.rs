//! The PIV tokens of one command, shared by all its factors: cards that are opened once, PINs that are asked for once.

use super::card::Cards;
use super::error::PivError;
use super::info::{Agreed, KeyInfo, Located, Occupant, ReaderInfo, TokenInfo, Wanted};
use super::params::Hints;
use super::pin::{PinRules, Pins};
use super::slot::{PinPolicy, PivSlot};
use crate::factor::FactorError;
use crate::prompt::{Event, Prompt, Purpose};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use zeroize::Zeroizing;

/// `Cards`, shared by all factors of a command.
pub type SharedCards = Rc<RefCell<Cards>>;

/// Cards and PINs of a command.
#[derive(Clone)]
pub struct PivTokens {
    /// The cards.
    pub cards: SharedCards,
    /// The PINs.
    pub(super) pins: Rc<RefCell<Pins>>,
    took: Rc<Cell<Option<Duration>>>,
}

impl PivTokens {
    /// Nothing is looked at yet. `keep`: a verified PIN stays so on the card when the command ends.
    pub fn new(keep: bool) -> Self {
        Self { cards: Rc::new(RefCell::new(Cards::new(keep))), pins: Rc::default(), took: Rc::default() }
    }

    /// How long the card took over the last use of a key: from the request for the touch, where it wants one, to its answer.
    pub fn last_use(&self) -> Option<Duration> {
        self.took.get()
    }

    /// Ends all connections, and forgets the PINs.
    pub fn dismiss(&self) {
        self.pins.borrow_mut().forget();
        self.cards.borrow_mut().dismiss();
    }

    /// The YubiKeys that are here, and what else the readers hold.
    pub fn here(&self, prompt: &mut dyn Prompt) -> Result<(Vec<TokenInfo>, Vec<ReaderInfo>), FactorError> {
        let readers = self.cards.borrow_mut().readers(prompt)?;
        let mut tokens = Vec::new();
        for reader in &readers {
            if let Occupant::YubiKey(info) = &reader.occupant {
                tokens.push(info.clone());
            }
        }
        Ok((tokens, readers))
    }

    /// The one token that is meant by its serial number, or the only one.
    pub fn the_token(&self, serial: Option<u32>, prompt: &mut dyn Prompt) -> Result<TokenInfo, FactorError> {
        let (mut tokens, readers) = self.here(prompt)?;
        if let Some(serial) = serial {
            tokens.retain(|token| token.serial == serial);
        }
        let instead = || readers.iter().filter_map(ReaderInfo::instead).collect();
        let held = readers.iter().find_map(|reader| match &reader.occupant {
            Occupant::Held(holder) => Some(PivError::Held { reader: reader.reader.clone(), holder: holder.clone() }),
            Occupant::Denied => Some(PivError::Denied),
            _ => None,
        });
        Err(FactorError::Piv(match (tokens.as_slice(), held, serial) {
            ([only], ..) => return Ok(only.clone()),
            ([], Some(held), _) => held,
            ([], None, Some(_)) => {
                PivError::NotHere { token: Hints { serial, ..Hints::default() }.called(), here: instead() }
            }
            ([], None, None) => PivError::NoToken { here: instead() },
            (several, ..) => PivError::ManyTokens { serials: several.iter().map(|token| token.serial).collect() },
        }))
    }

    /// The key of a token that a new keyslot is to be wrapped under: the one in that PIV slot, else the only one that this program or
    /// PIV means for decryption (a retired PIV slot, or 9d).
    pub fn the_key(
        &self,
        token: &TokenInfo,
        slot: Option<PivSlot>,
        prompt: &mut dyn Prompt,
    ) -> Result<KeyInfo, FactorError> {
        let name = token.name();
        if let Some(slot) = slot {
            let key = self.cards.borrow_mut().key(token.serial, slot, prompt)?;
            let key = key.ok_or_else(|| FactorError::Piv(PivError::SlotEmpty { token: name.clone(), slot }))?;
            return match key.mode() {
                Ok(_) => Ok(key),
                Err(kind) => Err(FactorError::Piv(PivError::KeyUnsuitable { token: name, slot, why: unfit(kind) })),
            };
        }
        let keys = self.cards.borrow_mut().keys(token.serial, prompt)?;
        let meant = |key: &&KeyInfo| key.slot.is_retired() || key.slot == PivSlot::KEY_MANAGEMENT;
        let fit: Vec<_> = keys.iter().filter(meant).filter(|key| key.mode().is_ok()).collect();
        Err(FactorError::Piv(match fit.as_slice() {
            [only] => {
                let key = self.cards.borrow_mut().key(token.serial, only.slot, prompt)?;
                return key.ok_or(FactorError::Piv(PivError::NoKey { token: name }));
            }
            [] => match keys.iter().filter(meant).find_map(|key| Some((key.slot, key.mode().err()?))) {
                Some((slot, kind)) => PivError::KeyUnsuitable { token: name, slot, why: unfit(kind) },
                None => PivError::NoKey { token: name },
            },
            several => PivError::ManyKeys { token: name, slots: several.iter().map(|key| key.slot).collect() },
        }))
    }

    /// Uses a key that was found: PIN if it wants one, then touch if it wants that.
    pub fn agree(
        &self,
        at: &mut Located,
        point: &[u8],
        purpose: Purpose<'_>,
        rules: PinRules,
        prompt: &mut dyn Prompt,
    ) -> Result<Zeroizing<Vec<u8>>, FactorError> {
        let name = at.token.name();
        // Where the person wants the card to keep a verified PIN, it is not asked for while it does.
        let may_know = self.cards.borrow().keeps() && at.wants_pin() && at.key.pin != Some(PinPolicy::Always);
        let ready = may_know && self.cards.borrow_mut().tries(at.token.serial, prompt)?.is_none();
        let mut pin = if at.wants_pin() && !ready { Some(self.log_in(at, rules, prompt)?) } else { None };
        loop {
            // Where it does not tell, it may; a touch that was cached is enough, and cannot be asked about.
            let maybe = at.key.touch != Some(super::slot::TouchPolicy::Always);
            let event = Event::Touch { token: &name, purpose, maybe };
            let event = at.wants_touch().then_some(&event);
            let agreed = self.cards.borrow_mut().agree(at, pin.as_ref(), point, event, prompt)?;
            match agreed {
                Some(Agreed { z, took }) => {
                    self.took.set(Some(took));
                    return Ok(z);
                }
                // It wants one after all; what was known of the policy was a hint.
                None if pin.is_none() => {
                    let wanted = Wanted { mode: at.mode, public: at.public().to_vec(), hints: at.hints() };
                    let called = at.token.called.clone();
                    *at = self.cards.borrow_mut().find(&wanted, prompt)?;
                    at.token.called = called;
                    at.key.pin = None;
                    pin = Some(self.log_in(at, rules, prompt)?);
                }
                None => return Err(FactorError::Piv(PivError::NotAuthorised { token: name })),
            }
        }
    }
}

/// Why a key of another kind is of no use here.
fn unfit(kind: &str) -> String {
    if kind == "RSA" {
        return "it is RSA, which a YubiKey unwraps without checking; EC keys (P-256, P-384, X25519) are used"
            .to_owned();
    }
    format!("it is {kind}; P-256, P-384 and X25519 can be used")
}
