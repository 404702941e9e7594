//! Whether a card is still in its reader, told by the service when it is not: nothing is asked of the card, and no connection to it is
//! held that others would wait for.

use super::super::error::PivError;
use super::super::info::Sighting;
use super::desk::Desk;
use super::readers::service;
use super::token::Token;
use super::{Cards, Located};
use crate::factor::FactorError;
use crate::prompt::Prompt;
use pcsc::{Context, ReaderState, Scope, State};
use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

impl Desk {
    /// Where the token of that serial number is, and how often cards came and went there until now.
    fn sighting(&mut self, serial: u32) -> Result<Sighting, PivError> {
        for _ in 0..3 {
            let before = self.readers.counts()?;
            // Over the line to the card: it is in, and it is this one.
            self.with(serial, Token::tries)?;
            let at = self.at(serial)?;
            let reader = self.places[at].reader.clone();
            let count = |counts: &[(String, u32)]| counts.iter().find(|(name, _)| *name == reader).map(|(_, n)| *n);
            let after = self.readers.counts()?;
            if let (Some(then), Some(now)) = (count(&before), count(&after))
                && then == now
            {
                return Ok(Sighting { reader, count: now, serial });
            }
        }
        Err(PivError::Gone { token: super::desk::named(serial, None) })
    }
}

impl Cards {
    /// The tokens whose keys were used until now, for [`CardWatch`]. One that is gone already is not among them.
    pub fn watchable(&mut self, prompt: &mut dyn Prompt) -> Result<Vec<Sighting>, FactorError> {
        let mut seen = Vec::new();
        for serial in self.used.clone() {
            match self.run(prompt, move |desk| desk.sighting(serial)) {
                Ok(sighting) => seen.push(sighting),
                Err(FactorError::Piv(PivError::Gone { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(seen)
    }

    /// Notes that a key of this token was used.
    pub(super) fn note_use(&mut self, at: &Located) {
        if !self.used.contains(&at.token.serial) {
            self.used.push(at.token.serial);
        }
    }
}

/// Waits for a card to go.
pub struct CardWatch {
    context: Context,
    reader: CString,
    count: u32,
    stop: Arc<AtomicBool>,
}

impl CardWatch {
    /// Connects to the service; nothing is looked at yet.
    pub fn new(sighting: &Sighting) -> Result<Self, PivError> {
        let gone = || PivError::Gone { token: sighting.name() };
        let reader = CString::new(sighting.reader.as_str()).map_err(|_| gone())?;
        let context = Context::establish(Scope::System).map_err(service)?;
        Ok(Self { context, reader, count: sighting.count, stop: Arc::default() })
    }

    /// What ends [`CardWatch::until_gone`] from another thread. To be called until it has ended: what comes just before it waits is lost.
    pub fn canceller(&self) -> impl Fn() + Send + Sync + use<> {
        let (context, stop) = (self.context.clone(), Arc::clone(&self.stop));
        move || {
            stop.store(true, Ordering::Relaxed);
            // Where nobody waits there is nothing to cancel.
            let _ = context.cancel();
        }
    }

    /// Waits without limit; true: the card or its reader is gone, or was, and another card may be in its place; false: cancelled.
    pub fn until_gone(&self) -> Result<bool, PivError> {
        let mut states = [ReaderState::new(self.reader.clone(), State::UNAWARE)];
        while !self.stop.load(Ordering::Relaxed) {
            match self.context.get_status_change(None, &mut states) {
                Ok(()) => {}
                Err(pcsc::Error::Cancelled | pcsc::Error::Timeout) => continue,
                // Nobody knows any more of a reader by this name.
                Err(pcsc::Error::UnknownReader | pcsc::Error::ReaderUnavailable) => return Ok(true),
                Err(error) => return Err(service(error)),
            }
            let state = &mut states[0];
            if !state.event_state().contains(State::PRESENT) || state.event_count() != self.count {
                return Ok(true);
            }
            // Somebody uses it, or has stopped to.
            state.sync_current_state();
        }
        Ok(false)
    }
}
