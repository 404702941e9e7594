//! In place of `card` in a program that is built without PC/SC (feature `piv`): says so.

use super::error::PivError;
use super::info::{
    Agreed, Counters, KeyInfo, Located, Management, ManagementKind, ReaderInfo, Sighting, SlotInfo, TokenInfo, Wanted,
};
use super::params::Mode;
use super::public::PublicKey;
use super::slot::{PinPolicy, PivSlot, TouchPolicy};
use crate::factor::FactorError;
use crate::prompt::{Ask, Came, Event, Prompt};
use crate::secret::{ManagementKey, Pin, Puk};
use std::sync::Arc;

/// The name of the thread that `card` would have.
pub const THREAD: &str = "cards";

/// No cards.
pub struct Cards;

/// No readers.
pub struct Desk;

/// No card to wait for.
pub struct CardWatch;

#[expect(missing_docs, reason = "the same as in `card`")]
impl CardWatch {
    pub fn new(_: &Sighting) -> Result<Self, PivError> {
        Err(PivError::NotBuilt)
    }

    pub fn canceller(&self) -> impl Fn() + Send + Sync + use<> {
        || {}
    }

    pub fn until_gone(&self) -> Result<bool, PivError> {
        Err(PivError::NotBuilt)
    }
}

/// A key to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the same as in `card`")]
pub struct NewKey {
    pub slot: PivSlot,
    pub mode: Mode,
    pub pin: PinPolicy,
    pub touch: TouchPolicy,
}

fn none<T>() -> Result<T, FactorError> {
    Err(FactorError::Piv(PivError::NotBuilt))
}

#[expect(missing_docs, reason = "the same as in `card`")]
impl Cards {
    pub fn new(_keep: bool) -> Self {
        Self
    }

    pub fn keeps(&self) -> bool {
        false
    }

    pub fn readers(&mut self, _: &mut dyn Prompt) -> Result<Vec<ReaderInfo>, FactorError> {
        none()
    }

    pub fn keys(&mut self, _: u32, _: &mut dyn Prompt) -> Result<Vec<KeyInfo>, FactorError> {
        none()
    }

    pub fn key(&mut self, _: u32, _: PivSlot, _: &mut dyn Prompt) -> Result<Option<KeyInfo>, FactorError> {
        none()
    }

    pub fn counters(&mut self, _: u32, _: &mut dyn Prompt) -> Result<Counters, FactorError> {
        none()
    }

    pub fn attest(&mut self, _: u32, _: PivSlot, _: &mut dyn Prompt) -> Result<Option<Vec<u8>>, FactorError> {
        none()
    }

    pub fn is_here(&mut self, _: &Wanted, _: &mut dyn Prompt) -> Result<bool, FactorError> {
        none()
    }

    pub fn find(&mut self, _: &Wanted, _: &mut dyn Prompt) -> Result<Located, FactorError> {
        none()
    }

    pub fn tries(&mut self, _: u32, _: &mut dyn Prompt) -> Result<Option<u8>, FactorError> {
        none()
    }

    pub fn verify(
        &mut self,
        _: &TokenInfo,
        _: Option<&KeyInfo>,
        _: &Arc<Pin>,
        _: bool,
        _: &mut dyn Prompt,
    ) -> Result<(), FactorError> {
        none()
    }

    pub fn agree(
        &mut self,
        _: &Located,
        _: Option<&Arc<Pin>>,
        _: &[u8],
        _: Option<&Event<'_>>,
        _: &mut dyn Prompt,
    ) -> Result<Option<Agreed>, FactorError> {
        none()
    }

    pub fn run<T>(
        &mut self,
        _: &mut dyn Prompt,
        _: impl FnOnce(&mut Desk) -> Result<T, PivError> + Send + 'static,
    ) -> Result<T, FactorError> {
        none()
    }

    pub fn run_patiently<T>(
        &mut self,
        _: &str,
        _: &mut dyn Prompt,
        _: impl FnOnce(&mut Desk) -> Result<T, PivError> + Send + 'static,
    ) -> Result<T, FactorError> {
        none()
    }

    pub fn run_long<T>(
        &mut self,
        _: &str,
        _: &Event<'_>,
        _: &mut dyn Prompt,
        _: impl FnOnce(&mut Desk) -> Result<T, PivError> + Send + 'static,
    ) -> Result<T, FactorError> {
        none()
    }

    pub fn secret_or(&mut self, ask: &Ask<'_>, prompt: &mut dyn Prompt) -> Result<Came, FactorError> {
        Ok(Came::Typed(prompt.secret(ask)?))
    }

    pub fn wait(&mut self, _: &Event<'_>, _: &mut dyn Prompt) -> Result<(), FactorError> {
        none()
    }

    pub fn watchable(&mut self, _: &mut dyn Prompt) -> Result<Vec<Sighting>, FactorError> {
        Ok(Vec::new())
    }

    pub fn dismiss(&mut self) {}
}

#[expect(missing_docs, reason = "the same as in `card`; never called, since there is no desk")]
impl Desk {
    pub fn counters(&mut self, _: u32) -> Result<Counters, PivError> {
        Err(PivError::NotBuilt)
    }

    pub fn keys(&mut self, _: u32) -> Result<Vec<KeyInfo>, PivError> {
        Err(PivError::NotBuilt)
    }

    pub fn key(&mut self, _: u32, _: PivSlot) -> Result<Option<KeyInfo>, PivError> {
        Err(PivError::NotBuilt)
    }

    pub fn object(&mut self, _: u32, _: u32) -> Result<Option<Vec<u8>>, PivError> {
        Err(PivError::NotBuilt)
    }

    pub fn attest(&mut self, _: u32, _: PivSlot) -> Result<Option<Vec<u8>>, PivError> {
        Err(PivError::NotBuilt)
    }

    pub fn slots(&mut self, _: u32) -> Result<Vec<SlotInfo>, PivError> {
        Err(PivError::NotBuilt)
    }

    pub fn made(&mut self, _: u32, _: PivSlot) -> Result<Option<KeyInfo>, PivError> {
        Err(PivError::NotBuilt)
    }

    pub fn management(&mut self, _: u32) -> Result<Management, PivError> {
        Err(PivError::NotBuilt)
    }

    pub fn is_management_key(&mut self, _: u32, _: ManagementKind, _: &ManagementKey) -> Result<bool, PivError> {
        Err(PivError::NotBuilt)
    }

    pub fn protected_key(&mut self, _: u32, _: ManagementKind, _: &Pin) -> Result<Option<ManagementKey>, PivError> {
        Err(PivError::NotBuilt)
    }

    pub fn slot(&mut self, _: u32, _: PivSlot) -> Result<SlotInfo, PivError> {
        Err(PivError::NotBuilt)
    }

    pub fn let_go(&mut self, _: u32) {}

    pub fn make_key(
        &mut self,
        _: u32,
        _: ManagementKind,
        _: &ManagementKey,
        _: NewKey,
        _: &SlotInfo,
    ) -> Result<PublicKey, PivError> {
        Err(PivError::NotBuilt)
    }

    pub fn write(&mut self, _: u32, _: ManagementKind, _: &ManagementKey, _: u32, _: Vec<u8>) -> Result<(), PivError> {
        Err(PivError::NotBuilt)
    }

    pub fn sign(&mut self, _: u32, _: NewKey, _: Option<&Pin>, _: &[u8]) -> Result<Vec<u8>, PivError> {
        Err(PivError::NotBuilt)
    }

    pub fn change_pin(&mut self, _: u32, _: &Pin, _: &Pin) -> Result<(), PivError> {
        Err(PivError::NotBuilt)
    }

    pub fn change_puk(&mut self, _: u32, _: &Puk, _: &Puk) -> Result<(), PivError> {
        Err(PivError::NotBuilt)
    }

    pub fn unblock(&mut self, _: u32, _: &Puk, _: &Pin) -> Result<(), PivError> {
        Err(PivError::NotBuilt)
    }
}
