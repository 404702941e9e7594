//! Factors: what a person has or knows. The two traits, one file a factor, one list of kinds (`registry`).
//!
//! `Enroll` is the public half: it makes a stanza and the factor secret behind it. `Open` is the private half: it
//! reproduces the factor secret from the stanza. Three outcomes are told apart: mine and opened, not mine, mine and failed.

#[cfg(any(test, debug_assertions))]
pub mod fake;
pub mod password;
pub mod piv;
pub mod pkcs11;
pub mod recovery;
mod registry;

pub use registry::{Openers, Role, describe, in_words, rewrap, role, ways};

use crate::header::Stanza;
use crate::prompt::{Ask, Came, Event, Prompt, PromptError};
use crate::secret::FactorSecret;

/// What binds a factor secret to its place, and names for prompts. Spec 3 and 5.
#[derive(Clone, Copy)]
pub struct SlotContext<'a> {
    /// `V`, 16 bytes.
    pub vault_id: &'a [u8; 16],
    /// `K`, 16 bytes.
    pub keyslot_id: &'a [u8; 16],
    /// The vault's name, for prompts.
    pub vault: &'a str,
    /// The keyslot's name, for prompts.
    pub keyslot: &'a str,
}

/// Why a factor could not be enrolled or opened. What a person can do about it is said in `cli/report.rs`.
#[derive(Debug)]
pub enum FactorError {
    /// The person did not answer, or could not be asked.
    Prompt(PromptError),
    /// The stanza's parameters are outside what this program accepts; nothing was computed.
    BadStanza(String),
    /// The machine lacks the memory that the password's parameters ask for.
    NoMemory {
        /// What Argon2id wants, KiB.
        kib: u32,
    },
    /// The new password is weak, and nobody said to keep it.
    WeakPassword {
        /// How long guessing takes, in words.
        time: String,
        /// What would make it stronger; may be empty.
        advice: String,
    },
    /// New passwords were weak, or typed differently the second time, again and again.
    NoNewPassword,
    /// The operating system gave no randomness.
    NoRandomness,
    /// The typed code cannot be right.
    MistypedCode(String),
    /// The code was typed back wrongly, so the keyslot was not written.
    CodeNotKept,
    /// A token or its module failed.
    Token(crate::factor::pkcs11::TokenError),
    /// A PIV token, its reader or the smart-card service failed.
    Piv(crate::factor::piv::PivError),
}

impl From<PromptError> for FactorError {
    fn from(error: PromptError) -> Self {
        Self::Prompt(error)
    }
}

impl From<crate::factor::pkcs11::TokenError> for FactorError {
    fn from(error: crate::factor::pkcs11::TokenError) -> Self {
        Self::Token(error)
    }
}

/// Public half of a factor. A token factor needs only the token's public key here where its mode allows it, so that a
/// keyslot can be wrapped again while the token is in a drawer. A password must be asked for.
pub trait Enroll {
    /// Makes a stanza (without its `share`) and the factor secret behind it.
    fn enroll(&self, ctx: &SlotContext<'_>, prompt: &mut dyn Prompt) -> Result<(Stanza, FactorSecret), FactorError>;
}

/// Private half of a factor.
pub trait Open {
    /// Reproduces the factor secret. `Ok(Some)`: mine and opened; `Ok(None)`: not mine (or not here), try the next; `Err`: mine
    /// and failed, stop. Must not prompt before the stanza's public parameters matched.
    fn open(
        &mut self,
        ctx: &SlotContext<'_>,
        stanza: &Stanza,
        prompt: &mut dyn Prompt,
    ) -> Result<Option<FactorSecret>, FactorError>;

    /// Starts what takes a while and asks nobody, and returns at once; true if something is now on its way. `open` waits for it.
    fn prepare(&mut self, stanza: &Stanza) -> bool {
        let _ = stanza;
        false
    }

    /// A person has brought something, or exchanged it: what was seen before means nothing.
    fn look_again(&mut self) {}

    /// For a keyslot that is wrapped again: enrolls the same thing anew, where that takes what is here and not the secret it gave before.
    fn again(&self, stanza: &Stanza) -> Option<Box<dyn Enroll>> {
        let _ = stanza;
        None
    }

    /// Whether what the stanza needs is here, where that can be said by a look and without asking; `None`: it cannot.
    fn is_here(&mut self, stanza: &Stanza, prompt: &mut dyn Prompt) -> Option<bool> {
        let _ = (stanza, prompt);
        None
    }

    /// Whether an error of [`Open::open`] says no more than that the device is not here, so that it could be brought.
    fn absent(&self, error: &FactorError) -> bool {
        let _ = error;
        false
    }

    /// Asks a person, and waits meanwhile until a device comes or goes: whatever is first. A kind that cannot wait asks.
    fn secret_or(&mut self, ask: &Ask<'_>, prompt: &mut dyn Prompt) -> Result<Came, FactorError> {
        Ok(Came::Typed(prompt.secret(ask)?))
    }

    /// Waits until a device comes or goes; the person is told what for. False: this kind cannot wait.
    fn wait(&mut self, event: &Event<'_>, prompt: &mut dyn Prompt) -> Result<bool, FactorError> {
        let _ = (event, prompt);
        Ok(false)
    }
}
