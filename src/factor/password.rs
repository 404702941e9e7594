//! A password, stretched by Argon2id. Spec 5.1.

use super::{Enroll, FactorError, Open, SlotContext};
use crate::crypto::argon::{ArgonError, argon2id};
use crate::crypto::random_bytes;
use crate::encode::hex;
use crate::header::Stanza;
use crate::prompt::{Ask, Event, Prompt, PromptError, Question};
use crate::secret::{FactorSecret, Password};
use serde::{Deserialize, Serialize};
use std::rc::Rc;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// The word in a stanza.
pub const KIND: &str = "password";

/// Accepted cost: OWASP's floor up to what a large server can give.
const MEMORY_KIB: std::ops::RangeInclusive<u32> = 19_456..=4_194_304;
const PASSES: std::ops::RangeInclusive<u32> = 2..=32;
const LANES: std::ops::RangeInclusive<u32> = 1..=32;
/// zxcvbn's score from which a password is called strong enough: "safely unguessable" is 3 and 4.
const STRONG: u8 = 3;
/// Times that a weak password or two differing entries are forgiven.
const ATTEMPTS: usize = 5;

/// What Argon2id costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory, KiB: 19,456 to 4,194,304.
    pub memory_kib: u32,
    /// Passes over it: 2 to 32.
    pub passes: u32,
    /// Lanes, run on threads: 1 to 32.
    pub lanes: u32,
}

impl Default for Cost {
    /// RFC 9106, 4, second recommendation: 64 MiB, 3 passes, 4 lanes.
    fn default() -> Self {
        Self { memory_kib: 65_536, passes: 3, lanes: 4 }
    }
}

impl Cost {
    /// Refuses what is too weak to be safe, or so dear that it is an attack on the machine.
    pub fn check(self) -> Result<Self, FactorError> {
        let bad = |what: &str, got: u32, range: std::ops::RangeInclusive<u32>| {
            Err(FactorError::BadStanza(format!("{what} {got} is outside {} to {}", range.start(), range.end())))
        };
        if !MEMORY_KIB.contains(&self.memory_kib) {
            return bad("Argon2id memory in KiB", self.memory_kib, MEMORY_KIB);
        }
        if !PASSES.contains(&self.passes) {
            return bad("Argon2id passes", self.passes, PASSES);
        }
        if !LANES.contains(&self.lanes) {
            return bad("Argon2id lanes", self.lanes, LANES);
        }
        Ok(self)
    }
}

/// What a person said of the cost; what they left out is as it was, and never below the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CostWish {
    /// Memory, KiB.
    pub memory_kib: Option<u32>,
    /// Passes over it.
    pub passes: Option<u32>,
    /// Lanes.
    pub lanes: Option<u32>,
}

impl CostWish {
    /// For a new password.
    pub fn fresh(self) -> Cost {
        self.instead_of(Cost::default())
    }

    /// For a password in the place of one of that cost: a change of the password must not make it easier to guess by the way.
    pub fn instead_of(self, old: Cost) -> Cost {
        let default = Cost::default();
        Cost {
            memory_kib: self.memory_kib.unwrap_or(old.memory_kib.max(default.memory_kib)),
            passes: self.passes.unwrap_or(old.passes.max(default.passes)),
            lanes: self.lanes.unwrap_or(old.lanes),
        }
    }
}

/// What opening a stanza of this kind costs; `None`: it is not as it should be.
pub fn cost_of(stanza: &Stanza) -> Option<Cost> {
    let Params { memory_kib, passes, lanes, .. } = stanza.parse().ok()?;
    Cost { memory_kib, passes, lanes }.check().ok()
}

#[derive(Serialize, Deserialize)]
struct Params {
    kdf: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    #[serde(with = "hex::array")]
    salt: [u8; 16],
}

impl Params {
    fn derive(&self, password: &Password) -> Result<FactorSecret, FactorError> {
        let cost = Cost { memory_kib: self.memory_kib, passes: self.passes, lanes: self.lanes }.check()?;
        let text = nfkc(password.expose());
        argon2id(text.as_bytes(), &self.salt, cost.memory_kib, cost.passes, cost.lanes).map(FactorSecret::new).map_err(
            |error| match error {
                ArgonError::NoMemory => FactorError::NoMemory { kib: cost.memory_kib },
                ArgonError::Parameters => FactorError::BadStanza("Argon2id does not take these parameters".into()),
            },
        )
    }
}

/// NFKC, so that the same password typed on another system is the same bytes. The buffer never moves: each character
/// becomes at most 18 (U+FDFA, the longest there is) of at most 4 bytes.
fn nfkc(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.chars().count() * 18 * 4));
    out.extend(text.nfkc());
    out
}

/// A password that was asked twice and judged; one can serve several keyslots.
pub struct NewPassword(Password);

impl NewPassword {
    /// One that is in use already, and was checked against what it opens.
    pub fn known(password: Password) -> Self {
        Self(password)
    }

    /// Asks for it, for a keyslot of a vault by name. A weak one needs the person's word, or `force`; how strong it
    /// is, is told in any case.
    pub fn ask(vault: &str, keyslot: &str, force: bool, prompt: &mut dyn Prompt) -> Result<Self, FactorError> {
        let ask = Ask::NewPassword { vault, keyslot };
        for _ in 0..ATTEMPTS {
            let first = prompt.secret(&ask)?.into_password();
            if !accepted(&first, &[vault, keyslot, "twinlock"], force, prompt)? {
                continue;
            }
            let second = prompt.secret(&Ask::RepeatPassword)?.into_password();
            if first.expose() == second.expose() {
                return Ok(Self(first));
            }
            prompt.show(&Event::Mismatch);
        }
        Err(FactorError::NoNewPassword)
    }
}

/// Enrolls a new password.
pub struct PasswordEnroll {
    /// What opening will cost.
    pub cost: Cost,
    /// The password, which may serve several keyslots.
    pub password: Rc<NewPassword>,
}

impl Enroll for PasswordEnroll {
    fn enroll(&self, _: &SlotContext<'_>, _: &mut dyn Prompt) -> Result<(Stanza, FactorSecret), FactorError> {
        self.cost.check()?;
        let Cost { memory_kib, passes, lanes } = self.cost;
        let salt = random_bytes().map_err(|_| FactorError::NoRandomness)?;
        let params = Params { kdf: "argon2id".into(), memory_kib, passes, lanes, salt };
        let secret = params.derive(&self.password.0)?;
        Ok((Stanza::new(KIND, &params), secret))
    }
}

/// Tells how strong a new password is; a weak one needs the person's word, and without it is asked for again.
fn accepted(password: &Password, names: &[&str], force: bool, prompt: &mut dyn Prompt) -> Result<bool, FactorError> {
    let judged = zxcvbn::zxcvbn(password.expose(), names);
    let score = u8::from(judged.score());
    let time = judged.crack_times().offline_slow_hashing_1e4_per_second().to_string();
    if score >= STRONG {
        // Told to a person; a script does not read it.
        if prompt.can_retry(&Ask::RepeatPassword) {
            prompt.show(&Event::Note(&format!("A strong password: guessing it would take {time}.")));
        }
        return Ok(true);
    }
    if force {
        prompt.show(&Event::Note(&format!("A weak password, kept as --force says: guessing it would take {time}.")));
        return Ok(true);
    }
    let advice = judged.feedback().map(advice).unwrap_or_default();
    match prompt.confirm(&Question::WeakPassword { score, time: &time, advice: &advice }) {
        Ok(false) if !prompt.can_retry(&Ask::RepeatPassword) => Err(FactorError::WeakPassword { time, advice }),
        Ok(kept) => Ok(kept),
        Err(PromptError::Nobody { .. }) => Err(FactorError::WeakPassword { time, advice }),
        Err(error) => Err(error.into()),
    }
}

fn advice(feedback: &zxcvbn::feedback::Feedback) -> String {
    let warning = feedback.warning().map(|w| w.to_string());
    let suggestions = feedback.suggestions().iter().map(ToString::to_string);
    warning.into_iter().chain(suggestions).collect::<Vec<_>>().join(" ")
}

/// Opens with a typed password.
pub struct PasswordOpen;

impl Open for PasswordOpen {
    fn open(
        &mut self,
        ctx: &SlotContext<'_>,
        stanza: &Stanza,
        prompt: &mut dyn Prompt,
    ) -> Result<Option<FactorSecret>, FactorError> {
        if stanza.kind != KIND {
            return Ok(None);
        }
        let params: Params = stanza.parse().map_err(FactorError::BadStanza)?;
        if params.kdf != "argon2id" {
            return Err(FactorError::BadStanza(format!("the KDF '{}' is not known", params.kdf)));
        }
        // Before the person types: parameters that would be refused, or would stop the machine, are not worth a password.
        Cost { memory_kib: params.memory_kib, passes: params.passes, lanes: params.lanes }.check()?;
        let password = prompt.secret(&Ask::Password { vault: ctx.vault, keyslot: ctx.keyslot })?.into_password();
        params.derive(&password).map(Some)
    }
}
