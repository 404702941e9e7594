//! Enrolling a key of a token that is here, with the proof that the token has it.

use super::error::PivError;
use super::info::{KeyInfo, TokenInfo, Wanted};
use super::params::{Hints, KIND, Mode};
use super::pin::PinRules;
use super::public::PublicKey;
use super::tokens::PivTokens;
use super::wrap::under;
use crate::crypto::equal;
use crate::factor::{Enroll, FactorError, SlotContext};
use crate::header::Stanza;
use crate::prompt::{Event, Prompt, Purpose};
use crate::secret::FactorSecret;

/// Enrolls the key in a PIV slot of a token that is here.
///
/// The keyslot is wrapped in software under the public key; then the token must come to the same secret, with its PIN and touch as it
/// wants them. A second try with something damaged, as modules are put to, would prove nothing more: the ephemeral key is fresh, so
/// no answer but that of the private key can be right. It would cost a second touch.
pub struct PivEnroll {
    /// Cards and PINs.
    pub tokens: PivTokens,
    /// The token.
    pub token: TokenInfo,
    /// Its key.
    pub key: KeyInfo,
    /// What its owner calls it.
    pub name: Option<String>,
    /// Whether the key is proven to be born on the token.
    pub attested: bool,
    /// Send the PIN also where a wrong one blocks it.
    pub force_last_try: bool,
    /// For a test, not for a vault.
    pub test: bool,
}

impl PivEnroll {
    fn mode(&self) -> Result<(Mode, &[u8]), FactorError> {
        match &self.key.public {
            PublicKey::Ecdh { mode, point } => Ok((*mode, point)),
            PublicKey::Other(kind) => Err(FactorError::Piv(PivError::KeyUnsuitable {
                token: self.token.name(),
                slot: self.key.slot,
                why: format!("it is {kind}"),
            })),
        }
    }
}

impl Enroll for PivEnroll {
    fn enroll(&self, ctx: &SlotContext<'_>, prompt: &mut dyn Prompt) -> Result<(Stanza, FactorSecret), FactorError> {
        let (mode, public) = self.mode()?;
        let hints = Hints {
            // A stanza has no zero there: such a token is known by its key.
            serial: Some(self.token.serial).filter(|&serial| serial != 0),
            piv_slot: Some(self.key.slot),
            pin_policy: self.key.pin,
            touch_policy: self.key.touch,
            name: self.name.clone(),
            attested: self.attested,
        };
        let bind = mode.bind(ctx);
        let (params, secret) = under(mode, public, hints.clone(), &bind)?;
        let wanted = Wanted { mode, public: public.to_vec(), hints };
        let mut at = self.tokens.cards.borrow_mut().find(&wanted, prompt)?;
        if at.key.pin == Some(super::slot::PinPolicy::Never) && !at.wants_touch() {
            prompt.show(&Event::Warning(&format!(
                "the key in PIV slot {} of the {} wants neither PIN nor touch: whoever has it, or a program on this machine, can use it",
                at.key.slot,
                at.token.name()
            )));
        }
        let purpose = if self.test { Purpose::Test } else { Purpose::Enroll(ctx.vault) };
        // The person named it, or it is the only one here.
        let rules = PinRules { force_last_try: self.force_last_try, named: true };
        let z = self.tokens.agree(&mut at, &params.ephemeral, purpose, rules, prompt)?;
        if !equal(params.factor_secret(&z, &bind).expose(), secret.expose()) {
            let why = "it does not give back the secret that was made";
            return Err(FactorError::Piv(PivError::RoundTrip { token: at.token.name(), why }));
        }
        Ok((Stanza::new(KIND, &params), secret))
    }
}
