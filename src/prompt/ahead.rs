//! What was typed before a keyslot asked for it.

use super::{Ask, Came, Event, Prompt, PromptError, Purpose, Question, Waited};
use crate::secret::SecretText;
use std::os::fd::BorrowedFd;
use std::time::Duration;
use zeroize::Zeroizing;

/// A line, and as what it may be used. There is no way from here to a PIN, which has a prompt of its own that names its token.
#[derive(Default)]
pub struct Typed {
    /// As a password.
    pub password: Option<SecretText>,
    /// As a recovery code.
    pub code: Option<SecretText>,
}

impl Typed {
    /// With copies of its own.
    #[must_use]
    pub fn again(&self) -> Self {
        let copy = |text: &SecretText| SecretText::new(Zeroizing::new(text.expose().to_owned()));
        Self { password: self.password.as_ref().map(copy), code: self.code.as_ref().map(copy) }
    }

    fn of(&mut self, ask: &Ask<'_>) -> &mut Option<SecretText> {
        match ask {
            Ask::RecoveryCode { .. } => &mut self.code,
            _ => &mut self.password,
        }
    }
}

/// Answers with what was typed before, each line once; the person answers the rest.
pub struct Ahead<'a> {
    /// The person.
    pub person: &'a mut dyn Prompt,
    /// What they typed before.
    pub typed: Typed,
    /// Whether they are asked for a password or code that is not there.
    pub others: bool,
    /// The ways in, told before the person does anything for one of them.
    pub ways: Option<&'a mut Vec<String>>,
}

impl Ahead<'_> {
    fn tell_ways(&mut self) {
        if let Some(ways) = self.ways.take()
            && ways.len() > 1
        {
            self.person.show(&Event::Ways { ways });
            // Once is enough.
            ways.clear();
        }
    }
}

/// Whether this could have been typed before.
fn is_typed(ask: &Ask<'_>) -> bool {
    matches!(ask, Ask::Password { .. } | Ask::RecoveryCode { .. })
}

impl Prompt for Ahead<'_> {
    fn secret(&mut self, ask: &Ask<'_>) -> Result<SecretText, PromptError> {
        if is_typed(ask) {
            if let Some(text) = self.typed.of(ask).take() {
                return Ok(text);
            }
            if !self.others {
                return Err(PromptError::Skipped);
            }
        } else if self.person.can_retry(ask) {
            self.tell_ways();
        }
        self.person.secret(ask)
    }

    fn secret_or(&mut self, ask: &Ask<'_>, ready: BorrowedFd<'_>) -> Result<Came, PromptError> {
        self.person.secret_or(ask, ready)
    }

    fn confirm(&mut self, question: &Question<'_>) -> Result<bool, PromptError> {
        self.person.confirm(question)
    }

    fn line(&mut self, label: &str) -> Result<String, PromptError> {
        self.person.line(label)
    }

    fn show(&mut self, event: &Event<'_>) {
        self.person.show(event);
    }

    fn wait(&mut self, event: &Event<'_>, ready: BorrowedFd<'_>, patience: Duration) -> Result<Waited, PromptError> {
        if matches!(event, Event::Touch { purpose: Purpose::Unlock(_), .. }) {
            self.tell_ways();
        }
        self.person.wait(event, ready, patience)
    }

    fn is_person(&mut self) -> bool {
        self.person.is_person()
    }

    /// Not what is answered from here: it is wrong once.
    fn can_retry(&self, ask: &Ask<'_>) -> bool {
        let there = match ask {
            Ask::Password { .. } => self.typed.password.is_some(),
            Ask::RecoveryCode { .. } => self.typed.code.is_some(),
            _ => return self.person.can_retry(ask),
        };
        self.others && !there && self.person.can_retry(ask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{ScriptedPrompt, Tries};

    const PASSWORD: Ask<'static> = Ask::Password { vault: "v", keyslot: "k" };
    const CODE: Ask<'static> = Ask::RecoveryCode { vault: "v", keyslot: "k" };
    const PIN: Ask<'static> = Ask::Pin { token: "t", tries: Tries::Full, vouched: true };

    fn text(text: &str) -> SecretText {
        SecretText::new(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn what_was_typed_is_used_once_as_what_it_may_be_and_never_as_a_pin() {
        let mut person = ScriptedPrompt::new().types("123456").types("again");
        let typed = Typed { password: Some(text("hush")), code: None };
        let mut ahead = Ahead { person: &mut person, typed, others: true, ways: None };
        assert_eq!(ahead.secret(&PIN).unwrap().expose(), "123456", "asked for, though a line is there");
        assert!(!ahead.can_retry(&PASSWORD));
        assert_eq!(ahead.secret(&PASSWORD).unwrap().expose(), "hush");
        assert!(ahead.can_retry(&PASSWORD));
        assert_eq!(ahead.secret(&PASSWORD).unwrap().expose(), "again");
        ahead.others = false;
        assert!(matches!(ahead.secret(&CODE), Err(PromptError::Skipped)));
        assert!(!ahead.can_retry(&CODE));
        person.finish();
    }

    #[test]
    fn the_ways_in_are_told_once_where_there_is_a_choice() {
        for (ways, told) in [
            (vec!["piv \"ada\""], ""),
            (vec!["piv \"ada\"", "password"], "Ways in: piv \"ada\", password. Esc leaves one for the next.\n"),
        ] {
            let mut ways: Vec<String> = ways.into_iter().map(str::to_owned).collect();
            let mut person = ScriptedPrompt::new().types("1").types("2");
            for _ in 0..2 {
                let mut ahead =
                    Ahead { person: &mut person, typed: Typed::default(), others: true, ways: Some(&mut ways) };
                ahead.secret(&PIN).unwrap();
            }
            assert_eq!(person.transcript(), format!("{told}PIN of token 't':\nPIN of token 't':\n"));
        }
    }
}
