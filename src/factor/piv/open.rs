//! Opening: reproduces the factor secret with the token.

use super::error::PivError;
use super::info::Wanted;
use super::params::Params;
use super::pin::PinRules;
use super::tokens::PivTokens;
use crate::factor::{FactorError, Open, SlotContext};
use crate::header::Stanza;
use crate::prompt::{Ask, Came, Event, Prompt, Purpose};
use crate::secret::FactorSecret;

/// Opens stanzas of kind `piv` with the cards of this command.
///
/// Before a PIN is asked for, the token is found by its serial number or its key, its key is compared with the enrolled one, and the tries
/// left are read. A token that is not here is an error, [`PivError::NotHere`], which says what is here instead.
pub struct PivOpen {
    /// Cards and PINs.
    pub tokens: PivTokens,
    /// Serial numbers that the person named: the PIN of a file may be sent to these.
    pub named: Vec<u32>,
    /// Send the PIN also where a wrong one blocks it.
    pub force_last_try: bool,
}

impl PivOpen {
    /// What a stanza of this kind asks for; `None`: another kind.
    pub fn wanted(stanza: &Stanza) -> Result<Option<(Params, Wanted)>, FactorError> {
        let Some(params) = Params::from_stanza(stanza)? else { return Ok(None) };
        let wanted = Wanted { mode: params.mode, public: params.public.clone(), hints: params.hints.clone() };
        Ok(Some((params, wanted)))
    }
}

impl Open for PivOpen {
    fn open(
        &mut self,
        ctx: &SlotContext<'_>,
        stanza: &Stanza,
        prompt: &mut dyn Prompt,
    ) -> Result<Option<FactorSecret>, FactorError> {
        let Some((params, wanted)) = Self::wanted(stanza)? else { return Ok(None) };
        let mut at = self.tokens.cards.borrow_mut().find(&wanted, prompt)?;
        let rules = PinRules { force_last_try: self.force_last_try, named: self.named.contains(&at.token.serial) };
        let z = self.tokens.agree(&mut at, &params.ephemeral, Purpose::Unlock(ctx.vault), rules, prompt)?;
        Ok(Some(params.factor_secret(&z, &params.mode.bind(ctx))))
    }

    fn is_here(&mut self, stanza: &Stanza, prompt: &mut dyn Prompt) -> Option<bool> {
        let (_, wanted) = Self::wanted(stanza).ok()??;
        self.tokens.cards.borrow_mut().is_here(&wanted, prompt).ok()
    }

    fn absent(&self, error: &FactorError) -> bool {
        // A card that another program has for itself may be the token, or have nothing to do with it.
        matches!(error, FactorError::Piv(PivError::NotHere { .. } | PivError::Held { .. }))
    }

    fn secret_or(&mut self, ask: &Ask<'_>, prompt: &mut dyn Prompt) -> Result<Came, FactorError> {
        self.tokens.cards.borrow_mut().secret_or(ask, prompt)
    }

    fn wait(&mut self, event: &Event<'_>, prompt: &mut dyn Prompt) -> Result<bool, FactorError> {
        self.tokens.cards.borrow_mut().wait(event, prompt).map(|()| true)
    }
}
