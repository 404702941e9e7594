//! The same typing for more than one use: kept as it is typed, and typed again by nobody.

use super::{Ask, Event, Prompt, PromptError, Question, Waited};
use crate::secret::SecretText;
use std::os::fd::BorrowedFd;
use std::time::Duration;
use zeroize::Zeroizing;

/// A person, and what they typed last.
pub struct Keeping<'a> {
    /// The person.
    pub person: &'a mut dyn Prompt,
    /// What they typed last.
    pub said: Option<SecretText>,
}

/// Types what was kept, once, and says nothing.
pub struct Again(Option<SecretText>);

impl Again {
    /// With a copy of its own.
    pub fn new(said: &SecretText) -> Self {
        Self(Some(copy(said)))
    }
}

fn copy(text: &SecretText) -> SecretText {
    SecretText::new(Zeroizing::new(text.expose().to_owned()))
}

impl Prompt for Keeping<'_> {
    fn secret(&mut self, ask: &Ask<'_>) -> Result<SecretText, PromptError> {
        let said = self.person.secret(ask)?;
        self.said = Some(copy(&said));
        Ok(said)
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
        self.person.wait(event, ready, patience)
    }

    fn is_person(&mut self) -> bool {
        self.person.is_person()
    }

    fn can_retry(&self, ask: &Ask<'_>) -> bool {
        self.person.can_retry(ask)
    }
}

impl Prompt for Again {
    fn secret(&mut self, _: &Ask<'_>) -> Result<SecretText, PromptError> {
        self.0.take().ok_or(PromptError::Skipped)
    }

    fn confirm(&mut self, _: &Question<'_>) -> Result<bool, PromptError> {
        Err(PromptError::Skipped)
    }

    fn line(&mut self, _: &str) -> Result<String, PromptError> {
        Err(PromptError::Skipped)
    }

    fn show(&mut self, _: &Event<'_>) {}

    fn can_retry(&self, _: &Ask<'_>) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::ScriptedPrompt;

    const ASK: Ask<'static> = Ask::Password { vault: "v", keyslot: "k" };

    #[test]
    fn what_was_typed_last_is_typed_again_once() {
        let mut person = ScriptedPrompt::new().types("one").types("two");
        let mut keeping = Keeping { person: &mut person, said: None };
        for text in ["one", "two"] {
            assert_eq!(keeping.secret(&ASK).unwrap().expose(), text);
        }
        let mut again = Again::new(&keeping.said.unwrap());
        assert_eq!(again.secret(&ASK).unwrap().expose(), "two");
        assert!(matches!(again.secret(&ASK), Err(PromptError::Skipped)));
        person.finish();
    }
}
