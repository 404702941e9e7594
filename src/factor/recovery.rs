//! A recovery code: 160 random bits, shown once, typed back before anything depends on it. Spec 5.2.

use super::{Enroll, FactorError, Open, SlotContext};
use crate::crypto::{hkdf_sha256, random_bytes};
use crate::encode::crockford;
use crate::header::Stanza;
use crate::prompt::{Ask, Event, Prompt, PromptError};
use crate::secret::{CodeText, FactorSecret};
use serde_json::json;
use zeroize::Zeroizing;

/// The word in a stanza.
pub const KIND: &str = "recovery";
/// Times that a code that cannot be right is asked for again.
const ATTEMPTS: usize = 5;

/// A code just made; it opens nothing until it is [`Kept`].
pub struct RecoveryCode(Zeroizing<[u8; 20]>);

/// A code that its owner has proven to have kept: typed back, or read back from where it was written.
pub struct Kept(RecoveryCode);

impl RecoveryCode {
    /// 160 random bits.
    pub fn generate() -> Result<Self, FactorError> {
        Ok(Self(Zeroizing::new(random_bytes().map_err(|_| FactorError::NoRandomness)?)))
    }

    /// 8 groups of 5 characters joined by `-`, 47 characters.
    pub fn text(&self) -> CodeText {
        CodeText::new(crockford::encode(&self.0))
    }

    /// Asks for the code until it is typed back right or the person gives up. Asking again costs nothing; to give up for them would
    /// throw away all that they answered before.
    pub fn typed_back(self, prompt: &mut dyn Prompt) -> Result<Kept, FactorError> {
        loop {
            let typed = match prompt.secret(&Ask::RepeatRecoveryCode) {
                Err(PromptError::Unreadable(why)) => {
                    prompt.show(&Event::MistypedCode { why });
                    continue;
                }
                other => other?.into_code(),
            };
            match crockford::decode(typed.expose()) {
                Ok(code) if **code == *self.0 => return Ok(Kept(self)),
                Ok(_) => prompt.show(&Event::MistypedCode { why: "it is not the one just shown" }),
                Err(error) => prompt.show(&Event::MistypedCode { why: &error.to_string() }),
            }
        }
    }

    /// Takes what was read back from the file that the code was written to.
    pub fn read_back(self, text: &CodeText) -> Result<Kept, FactorError> {
        match crockford::decode(text.expose()) {
            Ok(code) if **code == *self.0 => Ok(Kept(self)),
            _ => Err(FactorError::CodeNotKept),
        }
    }
}

/// `HKDF(E, V || K, "twinlock/1 recovery")`: 160 random bits need no slow KDF.
fn derive(code: &[u8; 20], ctx: &SlotContext<'_>) -> FactorSecret {
    FactorSecret::new(hkdf_sha256(code, &[ctx.vault_id, ctx.keyslot_id], &[b"twinlock/1 recovery"]))
}

/// Enrolls a code that was kept.
pub struct RecoveryEnroll(pub Kept);

impl Enroll for RecoveryEnroll {
    fn enroll(&self, ctx: &SlotContext<'_>, _: &mut dyn Prompt) -> Result<(Stanza, FactorSecret), FactorError> {
        Ok((Stanza::new(KIND, &json!({})), derive(&self.0.0.0, ctx)))
    }
}

/// Opens with a typed code. A typing error is located and asked again: it costs nothing, since the check characters are public knowledge.
pub struct RecoveryOpen;

impl Open for RecoveryOpen {
    fn open(
        &mut self,
        ctx: &SlotContext<'_>,
        stanza: &Stanza,
        prompt: &mut dyn Prompt,
    ) -> Result<Option<FactorSecret>, FactorError> {
        if stanza.kind != KIND {
            return Ok(None);
        }
        let ask = Ask::RecoveryCode { vault: ctx.vault, keyslot: ctx.keyslot };
        let mut left = ATTEMPTS;
        loop {
            let typed = prompt.secret(&ask)?.into_code();
            match crockford::decode(typed.expose()) {
                Ok(code) => return Ok(Some(derive(&code, ctx))),
                Err(error) => {
                    left -= 1;
                    if left == 0 || !prompt.can_retry(&ask) {
                        return Err(FactorError::MistypedCode(error.to_string()));
                    }
                    prompt.show(&Event::MistypedCode { why: &error.to_string() });
                }
            }
        }
    }
}
