//! In place of `card` in a program that is built without PC/SC (feature `piv`): says so.

use super::error::PivError;
use super::info::{Counters, KeyInfo, Located, ReaderInfo, Wanted};
use super::slot::PivSlot;
use crate::factor::FactorError;
use crate::prompt::{Event, Prompt};
use crate::secret::Pin;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The name of the thread that `card` would have.
pub const THREAD: &str = "cards";

/// No cards.
pub struct Cards;

fn none<T>() -> Result<T, FactorError> {
    Err(FactorError::Piv(PivError::NotBuilt))
}

#[expect(missing_docs, reason = "the same as in `card`")]
impl Cards {
    pub fn new(_keep: bool) -> Self {
        Self
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

    pub fn verify(&mut self, _: &Located, _: &Arc<Pin>, _: &mut dyn Prompt) -> Result<(), FactorError> {
        none()
    }

    pub fn agree(
        &mut self,
        _: &Located,
        _: Option<&Arc<Pin>>,
        _: &[u8],
        _: Option<&Event<'_>>,
        _: &mut dyn Prompt,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, FactorError> {
        none()
    }

    pub fn wait(&mut self, _: &Event<'_>, _: &mut dyn Prompt) -> Result<(), FactorError> {
        none()
    }

    pub fn dismiss(&mut self) {}
}
