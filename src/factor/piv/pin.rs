//! Getting the PIN to the token. A PIN try is precious: tries left are read before a person is asked, and again right before the PIN is
//! sent, since other programs may have spent some meanwhile; the form is checked before anything is sent, nothing wrong is ever sent
//! twice, and the last try is nobody's but the person's who says so.

use super::error::PivError;
use super::info::{KeyInfo, Located, TokenInfo};
use super::slot::PinPolicy;
use super::tokens::PivTokens;
use crate::factor::FactorError;
use crate::prompt::{Ask, Event, Prompt, PromptError, Tries};
use crate::secret::Pin;
use std::sync::Arc;

/// PINs a person may type in one command.
pub(super) const ATTEMPTS: u32 = 3;
/// Bytes of a PIN (SP 800-73-4 part 2, 2.4.3).
const PIN_LEN: std::ops::RangeInclusive<usize> = 6..=8;
/// What a YubiKey types when it is touched: up to 16 characters of identity, and 32 of a one-time password.
const OTP_LEN: std::ops::RangeInclusive<usize> = 32..=48;
/// The alphabet of that: the same keys on most keyboards.
const MODHEX: &str = "cbdefghijklnrtuv";

/// What allows a PIN to be sent.
#[derive(Clone, Copy, Debug)]
pub struct PinRules {
    /// Also where a wrong one blocks it.
    pub force_last_try: bool,
    /// Whether more than a vault file says that this token is meant.
    pub named: bool,
}

/// The PINs that were right in this command, and the tokens whose PIN was not. A PIN is asked for once a token.
#[derive(Default)]
pub struct Pins {
    right: Vec<(u32, Arc<Pin>)>,
    refused: Vec<(u32, PivError)>,
}

/// Where a PIN is sent to.
pub(super) struct Door<'a> {
    /// The token.
    pub token: &'a TokenInfo,
    /// Tries left, as far as they were asked for; `None`: they were not, or it is verified.
    pub tries: &'a mut Option<u8>,
    /// The key it is for.
    pub key: Option<&'a KeyInfo>,
    /// Whether it is the only token here.
    pub alone: bool,
}

impl Pins {
    /// Forgets those that were right.
    pub(super) fn forget(&mut self) {
        self.right.clear();
    }
}

impl PivTokens {
    /// Has the PIN verified, from the person unless they typed it before in this command.
    pub fn log_in(&self, at: &mut Located, rules: PinRules, prompt: &mut dyn Prompt) -> Result<Arc<Pin>, FactorError> {
        let serial = at.token.serial;
        let Located { token, key, tries, alone, .. } = at;
        if let Some(pin) = self.known(serial) {
            // The card was made to forget it when it had used a key.
            self.send(&mut Door { token, tries, key: Some(key), alone: *alone }, &pin, true, prompt)?;
            return Ok(pin);
        }
        let name = token.name();
        if prompt.can_retry(&Ask::Pin { token: &name, tries: Tries::Unknown, vouched: false }) {
            // A person is told. Whoever is not asked has them looked at when the PIN is sent.
            *tries = self.cards.borrow_mut().tries(serial, prompt)?;
        }
        self.log_in_at(Door { token, tries, key: Some(key), alone: *alone }, rules, prompt)
    }

    /// The PIN that was right in this command.
    pub(super) fn known(&self, serial: u32) -> Option<Arc<Pin>> {
        self.pins.borrow().right.iter().find(|(of, _)| *of == serial).map(|(_, pin)| Arc::clone(pin))
    }

    /// A new PIN was set: it is not asked for.
    pub(super) fn remember(&self, serial: u32, pin: Arc<Pin>) {
        let mut pins = self.pins.borrow_mut();
        pins.right.retain(|(of, _)| *of != serial);
        pins.refused.retain(|(of, _)| *of != serial);
        pins.right.push((serial, pin));
    }

    /// The same where it is not for one key.
    pub(super) fn log_in_at(
        &self,
        mut at: Door<'_>,
        rules: PinRules,
        prompt: &mut dyn Prompt,
    ) -> Result<Arc<Pin>, FactorError> {
        let serial = at.token.serial;
        if let Some(pin) = self.known(serial) {
            // It is still verified, unless something came between, or it is wanted for each use.
            if at.tries.is_some() || at.key.is_some_and(|key| key.pin == Some(PinPolicy::Always)) {
                self.send(&mut at, &pin, true, prompt)?;
            }
            return Ok(pin);
        }
        if let Some((_, error)) = self.pins.borrow().refused.iter().find(|(of, _)| *of == serial) {
            return Err(FactorError::Piv(error.clone()));
        }
        let pin = self.ask(&mut at, rules, prompt)?;
        self.pins.borrow_mut().right.push((serial, Arc::clone(&pin)));
        Ok(pin)
    }

    /// `last`: also if it is the last try.
    fn send(&self, at: &mut Door<'_>, pin: &Arc<Pin>, last: bool, prompt: &mut dyn Prompt) -> Result<(), FactorError> {
        let result = self.cards.borrow_mut().verify(at.token, at.key, pin, last, prompt);
        if let Err(FactorError::Piv(error)) = &result {
            *at.tries = match error {
                PivError::PinWrong { tries: Tries::Exactly(left), .. } => Some(*left),
                PivError::PinLocked { .. } => Some(0),
                PivError::FinalTry { .. } => Some(1),
                _ => return result,
            };
            let mut pins = self.pins.borrow_mut();
            pins.right.retain(|(of, _)| *of != at.token.serial);
            pins.refused.retain(|(of, _)| *of != at.token.serial);
            pins.refused.push((at.token.serial, error.clone()));
        }
        result
    }

    fn ask(&self, at: &mut Door<'_>, rules: PinRules, prompt: &mut dyn Prompt) -> Result<Arc<Pin>, FactorError> {
        let name = at.token.name();
        let mut wrong: Vec<Arc<Pin>> = Vec::new();
        for attempt in 1.. {
            let tries = at.tries.map_or(Tries::Unknown, Tries::Exactly);
            may_try(&name, *at.tries, rules.force_last_try).map_err(FactorError::Piv)?;
            let person = prompt.can_retry(&Ask::Pin { token: &name, tries, vouched: false });
            let ask = Ask::Pin { token: &name, tries, vouched: rules.named || person || at.alone };
            let pin = match prompt.secret(&ask) {
                Ok(typed) => Arc::new(typed.into_pin()),
                Err(PromptError::Withheld) => {
                    return Err(FactorError::Piv(PivError::NotNamed { token: name, serial: at.token.serial }));
                }
                Err(error) => return Err(FactorError::Prompt(error)),
            };
            let again = person && attempt < ATTEMPTS;
            let twice = wrong.iter().any(|wrong| wrong.expose() == pin.expose());
            let unsent = |why| PivError::PinForm { token: name.clone(), why };
            let checked = if twice { Err(unsent("it was wrong before")) } else { check_form(&pin, &name) };
            if let Err(error) = checked {
                // Nothing was sent, so asking again costs nothing.
                if again {
                    prompt.show(&Event::Warning(&error.to_string()));
                    continue;
                }
                return Err(FactorError::Piv(error));
            }
            match self.send(at, &pin, rules.force_last_try, prompt) {
                Ok(()) => return Ok(pin),
                Err(FactorError::Piv(PivError::PinWrong { tries, .. })) if again && may_go_on(tries, rules) => {
                    prompt.show(&Event::WrongPin { token: &name, tries });
                    wrong.push(pin);
                }
                Err(error) => return Err(error),
            }
        }
        unreachable!("the loop ends with its last attempt")
    }
}

/// Whether a person may be asked once more: not for the last try, unless they said so.
pub(super) fn may_go_on(tries: Tries, rules: PinRules) -> bool {
    tries != Tries::Exactly(1) || rules.force_last_try
}

/// What the counter says before a PIN is even asked for.
pub(super) fn may_try(token: &str, tries: Option<u8>, force: bool) -> Result<(), PivError> {
    match tries {
        Some(0) => Err(PivError::PinLocked { token: token.to_owned() }),
        Some(1) if !force => Err(PivError::FinalTry { token: token.to_owned() }),
        _ => Ok(()),
    }
}

/// What can be known of a PIN (or PUK) without sending it.
pub fn check_form(pin: &Pin, token: &str) -> Result<(), PivError> {
    let text = pin.expose();
    let modhex = |c: char| MODHEX.contains(c.to_ascii_lowercase());
    if OTP_LEN.contains(&text.len()) && text.chars().all(modhex) {
        return Err(PivError::PinIsOtp { token: token.to_owned() });
    }
    let why = match text.len() {
        0 => "it is empty",
        length if length < *PIN_LEN.start() => "it is too short",
        length if length > *PIN_LEN.end() => "it is too long",
        _ if text.contains('\0') => "it has a NUL in it",
        _ => return Ok(()),
    };
    Err(PivError::PinForm { token: token.to_owned(), why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    fn check(text: &str) -> Result<(), PivError> {
        check_form(&Pin::new(Zeroizing::new(text.to_owned())), "t")
    }

    #[test]
    fn the_form_is_checked_first() {
        let why = |text: &str| match check(text) {
            Err(PivError::PinForm { why, .. }) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(why(""), "it is empty");
        assert_eq!(why("12345"), "it is too short");
        assert_eq!(why("123456789"), "it is too long");
        assert_eq!(why("12345\0"), "it has a NUL in it");
        // Bytes count: the card has room for eight.
        assert_eq!(why("äöüäö"), "it is too long");
        for good in ["123456", "12345678", "aBc!ef", "äöü"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn a_one_time_password_is_told_from_a_pin() {
        let otp = "cccccccbcjdifctrndncchkftchjlnbhvhtugdljibej";
        let is_otp = |text: &str| check(text) == Err(PivError::PinIsOtp { token: "t".into() });
        assert!(is_otp(otp) && is_otp(&otp[12..]) && is_otp(&otp.to_uppercase()));
        assert!(!is_otp(&otp[13..]), "31 are too few");
        assert!(!is_otp(&format!("{otp}{}", &otp[..5])), "49 are too many");
        assert!(!is_otp(&otp.replace('t', "a")));
        assert!(!is_otp("cccccc"), "could be a PIN");
    }

    #[test]
    fn the_counter_is_obeyed_before_a_pin_is_asked_for() {
        assert_eq!(may_try("t", Some(0), true), Err(PivError::PinLocked { token: "t".into() }));
        assert_eq!(may_try("t", Some(1), false), Err(PivError::FinalTry { token: "t".into() }));
        assert_eq!(may_try("t", Some(1), true), Ok(()));
        assert_eq!(may_try("t", Some(2), false), Ok(()));
        assert_eq!(may_try("t", None, false), Ok(()), "it is verified");
    }
}
