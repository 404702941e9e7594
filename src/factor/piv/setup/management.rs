//! Finding out the management key: it is the one that all YubiKeys come with, or the token keeps it for whoever has its PIN, or a person
//! has it. Nothing counts wrong ones, so the first is simply tried.

use super::super::card::Desk;
use super::super::error::PivError;
use super::super::info::ManagementKind;
use super::super::pin::PinRules;
use super::super::tokens::PivTokens;
use super::error::SetupError;
use super::{DEFAULT_MANAGEMENT_KEY, Look};
use crate::encode::hex;
use crate::factor::FactorError;
use crate::prompt::{Ask, Event, Prompt, Purpose};
use crate::secret::{ManagementKey, SecretText};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Keys a person may type in one command.
const ATTEMPTS: u32 = 3;

/// The right to change a token's keys.
#[derive(Clone)]
pub struct Manager {
    /// What the key is.
    pub kind: ManagementKind,
    /// The key.
    pub(super) key: Arc<ManagementKey>,
    /// Whether the token wants to be touched for it.
    pub(super) touch: bool,
    /// Whether it is the one that all YubiKeys come with.
    pub is_default: bool,
}

impl PivTokens {
    /// The management key of a token. `given`: it is in a file, which is believed before anything else is tried.
    pub fn manager(
        &self,
        look: &mut Look,
        given: bool,
        rules: PinRules,
        prompt: &mut dyn Prompt,
    ) -> Result<Manager, FactorError> {
        let management = look.management;
        let manager = |key: ManagementKey, is_default| Manager {
            kind: management.kind,
            key: Arc::new(key),
            touch: management.touch,
            is_default,
        };
        if !given {
            let default = manager(ManagementKey::new(Zeroizing::new(DEFAULT_MANAGEMENT_KEY.to_vec())), true);
            let may_be =
                management.is_default != Some(false) && management.kind.bytes() == DEFAULT_MANAGEMENT_KEY.len();
            if may_be && self.is_right(look, &default, prompt)? {
                return Ok(default);
            }
            if management.is_protected
                && let Some(key) = self.protected(look, rules, prompt)?
            {
                let protected = manager(key, false);
                if self.is_right(look, &protected, prompt)? {
                    return Ok(protected);
                }
            }
        }
        let name = look.token.name();
        let (kind, digits) = (management.kind.name(), management.kind.bytes() * 2);
        for attempt in 1.. {
            let ask = Ask::ManagementKey { token: &name, kind, digits };
            let typed = prompt.secret(&ask).map_err(FactorError::Prompt)?;
            let error = match parse(&typed, management.kind) {
                None => PivError::Setup(SetupError::ManagementKeyForm { token: name.clone(), kind, digits }),
                Some(key) => {
                    let typed = manager(key, false);
                    if self.is_right(look, &typed, prompt)? {
                        return Ok(typed);
                    }
                    PivError::Setup(SetupError::ManagementKeyWrong { token: name.clone() })
                }
            };
            if attempt >= ATTEMPTS || !prompt.can_retry(&ask) {
                return Err(FactorError::Piv(error));
            }
            prompt.show(&Event::Warning(&error.to_string()));
        }
        unreachable!("the loop ends with its last attempt")
    }

    fn is_right(&self, look: &Look, manager: &Manager, prompt: &mut dyn Prompt) -> Result<bool, FactorError> {
        let (serial, kind, key) = (look.token.serial, manager.kind, Arc::clone(&manager.key));
        let name = look.token.name();
        self.managing(&name, manager.touch, prompt, move |desk| {
            let is = desk.is_management_key(serial, kind, &key);
            // Nobody else is to have the right to change keys while a person reads on.
            desk.let_go(serial);
            is
        })
    }

    /// Work that begins with the management key: where the token wants a touch for that, the person is told.
    pub(super) fn managing<T: Send + 'static>(
        &self,
        name: &str,
        touch: bool,
        prompt: &mut dyn Prompt,
        work: impl FnOnce(&mut Desk) -> Result<T, PivError> + Send + 'static,
    ) -> Result<T, FactorError> {
        if touch {
            let event = Event::Touch { token: name, purpose: Purpose::Manage, maybe: false };
            return self.cards.borrow_mut().run_long(name, &event, prompt, work);
        }
        self.cards.borrow_mut().run(prompt, work)
    }

    fn protected(
        &self,
        look: &mut Look,
        rules: PinRules,
        prompt: &mut dyn Prompt,
    ) -> Result<Option<ManagementKey>, FactorError> {
        let pin = self.proven(look, rules, prompt)?;
        let (serial, kind) = (look.token.serial, look.management.kind);
        self.cards.borrow_mut().run(prompt, move |desk| {
            let key = desk.protected_key(serial, kind, &pin);
            desk.let_go(serial);
            key
        })
    }
}

/// Hexadecimal digits in either case, as tools print them.
fn parse(typed: &SecretText, kind: ManagementKind) -> Option<ManagementKey> {
    let text = Zeroizing::new(typed.expose().trim().to_ascii_lowercase());
    let mut bytes = Zeroizing::new(vec![0; kind.bytes()]);
    (text.len() == 2 * kind.bytes()).then(|| hex::decode_into(&text, &mut bytes).ok()).flatten()?;
    Some(ManagementKey::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_taken_in_either_case_and_nothing_else_is() {
        let parsed = |text: &str, kind| {
            parse(&SecretText::new(Zeroizing::new(text.to_owned())), kind).map(|key| key.expose().to_vec())
        };
        let digits = "0102030405060708090A0b0C0d0e0f10";
        let bytes: Vec<u8> = (1..=16).collect();
        assert_eq!(parsed(digits, ManagementKind::Aes128), Some(bytes.clone()));
        assert_eq!(parsed(&format!(" {digits} "), ManagementKind::Aes128), Some(bytes));
        for bad in ["", &digits[2..], &format!("{digits}00"), &digits.replace("01", "0x"), &digits.replace("01", "é")]
        {
            assert_eq!(parsed(bad, ManagementKind::Aes128), None, "{bad}");
        }
        assert_eq!(parsed(digits, ManagementKind::TripleDes), None);
    }
}
