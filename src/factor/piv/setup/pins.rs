//! Changing PIN and PUK, and setting a blocked PIN anew. A try is precious here too: the counter is read first, the form is checked before
//! anything is sent, and each secret is sent once. Of the PUK a person types one in a command: it is needed twice in the life of a token,
//! and whoever has to guess it should stop.

use super::super::error::PivError;
use super::super::info::Counters;
use super::super::pin::{Door, PinRules, check_form};
use super::super::tokens::PivTokens;
use super::error::SetupError;
use super::{DEFAULT_PIN, DEFAULT_PUK, Look};
use crate::factor::FactorError;
use crate::prompt::{Ask, Code, Event, Prompt, Tries};
use crate::secret::{Pin, Puk, SecretText};
use std::sync::Arc;
use zeroize::Zeroizing;

impl PivTokens {
    /// Changes the PIN. The old one is known where the token says that it is the one it came with, and is asked for otherwise.
    pub fn change_pin(&self, look: &mut Look, rules: PinRules, prompt: &mut dyn Prompt) -> Result<(), FactorError> {
        let old = if look.counters.pin_is_default == Some(true) {
            Arc::new(Pin::new(Zeroizing::new(DEFAULT_PIN.to_owned())))
        } else {
            let (token, tries) = (&look.token, &mut look.counters.pin);
            self.log_in_at(Door { token, tries, key: None, alone: look.alone }, rules, prompt)?
        };
        let (serial, name) = (look.token.serial, look.token.name());
        let new = Arc::new(new_code(Code::Pin, &name, prompt)?.into_pin());
        let sent = Arc::clone(&new);
        self.cards.borrow_mut().run(prompt, move |desk| desk.change_pin(serial, &old, &sent))?;
        self.remember(serial, new);
        self.count(look, prompt)
    }

    /// Changes the PUK, in the same way.
    pub fn change_puk(&self, look: &mut Look, rules: PinRules, prompt: &mut dyn Prompt) -> Result<(), FactorError> {
        let (serial, name) = (look.token.serial, look.token.name());
        let old = puk(look, rules, prompt)?;
        let new = new_code(Code::Puk, &name, prompt)?.into_puk();
        self.cards.borrow_mut().run(prompt, move |desk| desk.change_puk(serial, &old, &new))?;
        self.count(look, prompt)
    }

    /// Sets the PIN anew, with the PUK.
    pub fn unblock(&self, look: &mut Look, rules: PinRules, prompt: &mut dyn Prompt) -> Result<(), FactorError> {
        let (serial, name) = (look.token.serial, look.token.name());
        let puk = puk(look, rules, prompt)?;
        let new = new_code(Code::Pin, &name, prompt)?.into_pin();
        self.cards.borrow_mut().run(prompt, move |desk| desk.unblock(serial, &puk, &new))?;
        self.count(look, prompt)
    }

    /// Whether the PIN that was right in this command is the one that all YubiKeys come with.
    pub fn knows_default_pin(&self, serial: u32) -> bool {
        self.known(serial).is_some_and(|pin| pin.expose() == DEFAULT_PIN)
    }

    /// Reads the counters again.
    fn count(&self, look: &mut Look, prompt: &mut dyn Prompt) -> Result<(), FactorError> {
        look.counters = self.cards.borrow_mut().counters(look.token.serial, prompt)?;
        Ok(())
    }
}

/// The PUK: known, or typed. It is not sent yet.
fn puk(look: &Look, rules: PinRules, prompt: &mut dyn Prompt) -> Result<Puk, FactorError> {
    let (name, counters) = (look.token.name(), &look.counters);
    may_try(&name, counters, look.management.puk_is_blocked, rules.force_last_try).map_err(FactorError::Piv)?;
    if counters.puk_is_default == Some(true) {
        return Ok(Puk::new(Zeroizing::new(DEFAULT_PUK.to_owned())));
    }
    let tries = counters.puk.map_or(Tries::Unknown, Tries::Exactly);
    let typed = prompt.secret(&Ask::Puk { token: &name, tries }).map_err(FactorError::Prompt)?;
    check(&typed, Code::Puk).map_err(FactorError::Piv)?;
    Ok(typed.into_puk())
}

/// Whether a PUK may be sent. The last try is nobody's but the person's who says so; nor is one that may be the last.
fn may_try(token: &str, counters: &Counters, noted: bool, force: bool) -> Result<(), PivError> {
    let token = || token.to_owned();
    match counters.puk {
        Some(0) => Err(PivError::Setup(SetupError::PukLocked { token: token() })),
        // The note of a tool is not the counter: whoever knows better can say so.
        None if noted && !force => Err(PivError::Setup(SetupError::PukLocked { token: token() })),
        // The default is not guessed, and is right.
        _ if force || counters.puk_is_default == Some(true) => Ok(()),
        Some(1) => Err(PivError::Setup(SetupError::FinalPukTry { token: token(), known: true })),
        None => Err(PivError::Setup(SetupError::FinalPukTry { token: token(), known: false })),
        Some(_) => Ok(()),
    }
}

/// A new PIN or PUK, typed twice.
fn new_code(code: Code, token: &str, prompt: &mut dyn Prompt) -> Result<SecretText, FactorError> {
    loop {
        let ask = Ask::NewCode { code, token };
        let person = prompt.can_retry(&ask);
        let new = prompt.secret(&ask).map_err(FactorError::Prompt)?;
        if let Err(error) = check_new(&new, code) {
            if person {
                prompt.show(&Event::Warning(&error.to_string()));
                continue;
            }
            return Err(FactorError::Piv(error));
        }
        let again = prompt.secret(&Ask::RepeatCode { code }).map_err(FactorError::Prompt)?;
        if crate::crypto::equal(new.expose().as_bytes(), again.expose().as_bytes()) {
            return Ok(new);
        }
        prompt.show(&Event::CodeMismatch(code));
    }
}

fn check_new(typed: &SecretText, code: Code) -> Result<(), PivError> {
    let what = match code {
        Code::Pin => "new PIN",
        Code::Puk => "new PUK",
    };
    form(typed, what)?;
    if [DEFAULT_PIN, DEFAULT_PUK].contains(&typed.expose()) {
        return Err(PivError::Setup(SetupError::CodeForm { what, why: "it is one that all YubiKeys come with" }));
    }
    Ok(())
}

fn check(typed: &SecretText, code: Code) -> Result<(), PivError> {
    form(typed, code.name())
}

/// PIN and PUK have the same form (SP 800-73-4 part 2, 2.4.3, with what Yubico allows).
fn form(typed: &SecretText, what: &'static str) -> Result<(), PivError> {
    let pin = Pin::new(Zeroizing::new(typed.expose().to_owned()));
    check_form(&pin, "").map_err(|error| match error {
        PivError::PinForm { why, .. } => PivError::Setup(SetupError::CodeForm { what, why }),
        _ => PivError::Setup(SetupError::CodeForm { what, why: "it is what a YubiKey types when it is touched" }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::ScriptedPrompt;

    fn counters(puk: Option<u8>, default: Option<bool>) -> Counters {
        Counters { pin: Some(0), pin_of: None, pin_is_default: None, puk, puk_of: None, puk_is_default: default }
    }

    #[test]
    fn the_last_try_of_a_puk_is_nobodys() {
        let locked = Err(PivError::Setup(SetupError::PukLocked { token: "t".into() }));
        let last = |known| Err(PivError::Setup(SetupError::FinalPukTry { token: "t".into(), known }));
        let known = |left, noted, force| may_try("t", &counters(Some(left), Some(false)), noted, force);
        let unknown = |noted, force| may_try("t", &counters(None, None), noted, force);
        assert_eq!(known(0, false, true), locked);
        assert_eq!(known(1, false, false), last(true));
        assert_eq!(known(1, false, true), Ok(()));
        assert_eq!(known(2, true, false), Ok(()), "the counter knows better than a note");
        assert_eq!(unknown(false, false), last(false));
        assert_eq!(unknown(false, true), Ok(()));
        assert_eq!(unknown(true, false), locked);
        assert_eq!(unknown(true, true), Ok(()));
        assert_eq!(may_try("t", &counters(Some(1), Some(true)), false, false), Ok(()), "what is known is not guessed");
        assert_eq!(may_try("t", &counters(Some(0), Some(true)), false, true), locked);
    }

    #[test]
    fn a_new_pin_is_typed_twice_and_has_its_form() {
        let mut person = ScriptedPrompt::new()
            .types("12345")
            .types("123456")
            .types("12345678")
            .types("cccccccbcjdifctrndncchkftchjlnbhvhtugdljibej")
            .types("735501")
            .types("735510")
            .types("735501")
            .types("735501");
        let new = new_code(Code::Pin, "YubiKey 1", &mut person).unwrap();
        assert_eq!(new.expose(), "735501");
        let warned = |why: &str| person.transcript().replace('\n', " ").matches(why).count();
        assert_eq!(warned("it is too short"), 1, "{}", person.transcript());
        assert_eq!(warned("it is one that all YubiKeys come with"), 2);
        assert_eq!(warned("it is what a YubiKey types"), 1);
        assert_eq!(warned("The two PINs differ"), 1);
        person.finish();
    }

    #[test]
    fn a_file_is_not_asked_again() {
        let mut file = ScriptedPrompt::new().types("1").no_retry();
        let Err(FactorError::Piv(error)) = new_code(Code::Puk, "t", &mut file) else { panic!("it worked") };
        assert_eq!(error, PivError::Setup(SetupError::CodeForm { what: "new PUK", why: "it is too short" }));
    }
}
