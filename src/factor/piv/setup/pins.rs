//! Changing PIN and PUK, and setting a blocked PIN anew. A try is precious here too: the counter is read first, the form is checked before
//! anything is sent, and each secret is sent once. Of the PUK a person types one in a command: it is needed twice in the life of a token,
//! and whoever has to guess it should stop.
//!
//! Asking and sending are apart: what is typed is typed before anything is changed, and no PIN waits on the card meanwhile. To change a PIN
//! the card wants the old one in the same command, not verified before.

use super::super::card::Desk;
use super::super::error::PivError;
use super::super::info::Counters;
use super::super::pin::{ATTEMPTS, Door, PinRules, check_form, may_go_on, may_try as may_try_pin};
use super::super::tokens::PivTokens;
use super::error::SetupError;
use super::{DEFAULT_PIN, DEFAULT_PUK, Look};
use crate::factor::FactorError;
use crate::prompt::{Ask, Code, Event, Prompt, Tries};
use crate::secret::{Pin, Puk, SecretText};
use std::sync::Arc;
use zeroize::Zeroizing;

/// A PIN to be changed, and to which.
pub struct NewPin {
    old: Arc<Pin>,
    given: Given,
    new: Arc<Pin>,
}

/// A PUK to be changed, and to which.
pub struct NewPuk {
    old: Arc<Puk>,
    given: Given,
    new: Arc<Puk>,
}

/// Where a PIN or PUK that is to be changed is known from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    /// The token says that it is the one that all YubiKeys come with.
    Factory,
    /// It was right in this command.
    Proven,
    /// It was typed for this, and nobody has judged it.
    Person,
}

impl PivTokens {
    /// The PIN, found right. The card forgets it at once: what comes next may be a person who thinks.
    pub(super) fn proven(
        &self,
        look: &mut Look,
        rules: PinRules,
        prompt: &mut dyn Prompt,
    ) -> Result<Arc<Pin>, FactorError> {
        let serial = look.token.serial;
        if let Some(pin) = self.known(serial) {
            return Ok(pin);
        }
        let (token, tries) = (&look.token, &mut look.counters.pin);
        let pin = self.log_in_at(Door { token, tries, key: None, alone: look.alone }, rules, prompt)?;
        self.cards.borrow_mut().run(prompt, move |desk| {
            desk.let_go(serial);
            Ok(())
        })?;
        Ok(pin)
    }

    /// Asks for a new PIN, and for the old one unless it is known: the token says that it is the one it came with, or it was right in
    /// this command. Nothing is sent.
    pub fn ask_new_pin(&self, look: &Look, rules: PinRules, prompt: &mut dyn Prompt) -> Result<NewPin, FactorError> {
        let name = look.token.name();
        let default = look.counters.pin_is_default == Some(true);
        // What is known is right, and spends no try; but one that is blocked is not changed.
        may_try_pin(&name, look.counters.pin, rules.force_last_try || default).map_err(FactorError::Piv)?;
        let (old, given) = if let Some(known) = self.known(look.token.serial) {
            (known, Given::Proven)
        } else if default {
            (Arc::new(Pin::new(Zeroizing::new(DEFAULT_PIN.to_owned()))), Given::Factory)
        } else {
            (old_pin(&name, look.counters.pin, &[], prompt)?, Given::Person)
        };
        let new = Arc::new(new_code(Code::Pin, &name, prompt)?.into_pin());
        Ok(NewPin { old, given, new })
    }

    /// Changes the PIN. Where the old one was typed wrong, a person may type it again.
    pub fn change_pin(
        &self,
        look: &mut Look,
        codes: NewPin,
        rules: PinRules,
        prompt: &mut dyn Prompt,
    ) -> Result<(), FactorError> {
        let (serial, name) = (look.token.serial, look.token.name());
        let NewPin { mut old, given, new } = codes;
        let typed = given == Given::Person;
        let mut wrong = Vec::new();
        for attempt in 1.. {
            let (of, force) = (name.clone(), rules.force_last_try);
            let allowed = move |now: &Counters| match (given, now.pin_is_default) {
                // It is no guess only while the token itself says that it is still that one.
                (Given::Factory, Some(true)) => Ok(()),
                (Given::Factory, Some(false)) => Err(changed(&of, "PIN")),
                _ => may_try_pin(&of, now.pin, force),
            };
            let (sent, to) = (Arc::clone(&old), Arc::clone(&new));
            let work = move |desk: &mut Desk| desk.change_pin(serial, &sent, &to);
            let error = match self.change(look, allowed, prompt, work) {
                Ok(()) => {
                    self.remember(serial, new);
                    return Ok(());
                }
                Err(error) => error,
            };
            let FactorError::Piv(PivError::PinWrong { tries, .. }) = error else { return Err(error) };
            let ask = Ask::Pin { token: &name, tries, vouched: true };
            if !(typed && attempt < ATTEMPTS && prompt.can_retry(&ask) && may_go_on(tries, rules)) {
                return Err(error);
            }
            prompt.show(&Event::WrongPin { token: &name, tries });
            look.counters.pin = exactly(tries);
            wrong.push(old);
            old = old_pin(&name, look.counters.pin, &wrong, prompt)?;
        }
        unreachable!("the loop ends with its last attempt")
    }

    /// Asks for a new PUK, and for the old one unless the token says that it is the one it came with. Nothing is sent.
    pub fn ask_new_puk(&self, look: &Look, rules: PinRules, prompt: &mut dyn Prompt) -> Result<NewPuk, FactorError> {
        let (old, given) = puk(look, rules, prompt)?;
        let new = Arc::new(new_code(Code::Puk, &look.token.name(), prompt)?.into_puk());
        Ok(NewPuk { old: Arc::new(old), given, new })
    }

    /// Changes the PUK.
    pub fn change_puk(
        &self,
        look: &mut Look,
        codes: NewPuk,
        rules: PinRules,
        prompt: &mut dyn Prompt,
    ) -> Result<(), FactorError> {
        let serial = look.token.serial;
        let NewPuk { old, given, new } = codes;
        let work = move |desk: &mut Desk| desk.change_puk(serial, &old, &new);
        self.change(look, puk_allowed(look, given, rules), prompt, work)
    }

    /// Sets the PIN anew, with the PUK.
    pub fn unblock(&self, look: &mut Look, rules: PinRules, prompt: &mut dyn Prompt) -> Result<(), FactorError> {
        let (serial, name) = (look.token.serial, look.token.name());
        let (puk, given) = puk(look, rules, prompt)?;
        let new = new_code(Code::Pin, &name, prompt)?.into_pin();
        let work = move |desk: &mut Desk| desk.unblock(serial, &puk, &new);
        self.change(look, puk_allowed(look, given, rules), prompt, work)
    }

    /// Sends a change of PIN or PUK, once, if the counters still allow it. Where no answer comes, it is known whether it was sent: what was
    /// not is given up for good, and what was may have been done.
    fn change(
        &self,
        look: &mut Look,
        allowed: impl FnOnce(&Counters) -> Result<(), PivError> + Send + 'static,
        prompt: &mut dyn Prompt,
        send: impl FnOnce(&mut Desk) -> Result<(), PivError> + Send + 'static,
    ) -> Result<(), FactorError> {
        let serial = look.token.serial;
        let work = move |desk: &mut Desk| {
            // Another program may have spent tries while a person typed.
            let before = desk.counters(serial)?;
            allowed(&before)?;
            let done = send(desk);
            desk.let_go(serial);
            done?;
            // It is changed, also where the token is pulled out now and cannot be asked any more.
            Ok(desk.counters(serial).unwrap_or(Counters {
                pin: None,
                pin_is_default: None,
                puk: None,
                puk_is_default: None,
                ..before
            }))
        };
        look.counters = self.cards.borrow_mut().run_patiently(&look.token.name(), prompt, work)?;
        Ok(())
    }

    /// Whether the PIN that was right in this command is the one that all YubiKeys come with.
    pub fn knows_default_pin(&self, serial: u32) -> bool {
        self.known(serial).is_some_and(|pin| pin.expose() == DEFAULT_PIN)
    }
}

fn exactly(tries: Tries) -> Option<u8> {
    match tries {
        Tries::Exactly(left) => Some(left),
        _ => None,
    }
}

/// Another PIN or PUK than the one that was looked at.
fn changed(token: &str, what: &'static str) -> PivError {
    PivError::Setup(SetupError::CodeChanged { token: token.to_owned(), what })
}

/// The PIN that is to be changed, typed; not sent yet. `wrong`: those that were judged in this command.
fn old_pin(
    token: &str,
    tries: Option<u8>,
    wrong: &[Arc<Pin>],
    prompt: &mut dyn Prompt,
) -> Result<Arc<Pin>, FactorError> {
    loop {
        let ask = Ask::Pin { token, tries: tries.map_or(Tries::Unknown, Tries::Exactly), vouched: true };
        let person = prompt.can_retry(&ask);
        let pin = Arc::new(prompt.secret(&ask).map_err(FactorError::Prompt)?.into_pin());
        let twice = wrong.iter().any(|wrong| wrong.expose() == pin.expose());
        let unsent = |why| PivError::PinForm { token: token.to_owned(), why };
        let checked = if twice { Err(unsent("it was wrong before")) } else { check_form(&pin, token) };
        match checked {
            Ok(()) => return Ok(pin),
            Err(error) if person => prompt.show(&Event::Warning(&error.to_string())),
            Err(error) => return Err(FactorError::Piv(error)),
        }
    }
}

/// Whether the PUK may still be sent, by what the counters say by then.
fn puk_allowed(
    look: &Look,
    given: Given,
    rules: PinRules,
) -> impl FnOnce(&Counters) -> Result<(), PivError> + Send + 'static {
    let (name, noted, force) = (look.token.name(), look.management.puk_is_blocked, rules.force_last_try);
    move |now| match (given, now.puk_is_default) {
        (Given::Factory, Some(false)) => Err(changed(&name, "PUK")),
        _ => may_try(&name, now, noted, force),
    }
}

/// The PUK: known, or typed. It is not sent yet.
fn puk(look: &Look, rules: PinRules, prompt: &mut dyn Prompt) -> Result<(Puk, Given), FactorError> {
    let (name, counters) = (look.token.name(), &look.counters);
    may_try(&name, counters, look.management.puk_is_blocked, rules.force_last_try).map_err(FactorError::Piv)?;
    if counters.puk_is_default == Some(true) {
        return Ok((Puk::new(Zeroizing::new(DEFAULT_PUK.to_owned())), Given::Factory));
    }
    let tries = counters.puk.map_or(Tries::Unknown, Tries::Exactly);
    let typed = prompt.secret(&Ask::Puk { token: &name, tries }).map_err(FactorError::Prompt)?;
    check(&typed, Code::Puk).map_err(FactorError::Piv)?;
    Ok((typed.into_puk(), Given::Person))
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
