//! A factor for tests: a name in the stanza, a secret typed at the prompt. Not in release builds.

use super::{Enroll, FactorError, Open, SlotContext};
use crate::crypto::hkdf_sha256;
use crate::header::Stanza;
use crate::prompt::{Ask, Prompt};
use crate::secret::{FactorSecret, SecretText};
use serde_json::json;

/// The word in a stanza.
pub const KIND: &str = "fake";

/// Enrolls under a name.
pub struct FakeEnroll {
    /// Kept in the stanza.
    pub name: String,
}

/// Opens by the same secret.
pub struct FakeOpen;

fn derive(ctx: &SlotContext<'_>, name: &str, typed: &SecretText) -> FactorSecret {
    let salt: [&[u8]; 2] = [ctx.vault_id, ctx.keyslot_id];
    FactorSecret::new(hkdf_sha256(typed.expose().as_bytes(), &salt, &[b"twinlock/1 fake", name.as_bytes()]))
}

impl Enroll for FakeEnroll {
    fn enroll(&self, ctx: &SlotContext<'_>, prompt: &mut dyn Prompt) -> Result<(Stanza, FactorSecret), FactorError> {
        let typed = prompt.secret(&Ask::Fake { name: &self.name })?;
        Ok((Stanza::new(KIND, &json!({"name": self.name})), derive(ctx, &self.name, &typed)))
    }
}

impl Open for FakeOpen {
    fn open(
        &mut self,
        ctx: &SlotContext<'_>,
        stanza: &Stanza,
        prompt: &mut dyn Prompt,
    ) -> Result<Option<FactorSecret>, FactorError> {
        let Some(name) = stanza.params.get("name").and_then(|name| name.as_str()) else { return Ok(None) };
        let typed = prompt.secret(&Ask::Fake { name })?;
        Ok(Some(derive(ctx, name, &typed)))
    }
}
