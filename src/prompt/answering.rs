//! A custodian, who unlocks nothing: what a touch is for is told as it is.

use super::{Ask, Came, Event, Prompt, PromptError, Purpose, Question, Waited};
use crate::secret::SecretText;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// A person who answers somebody's request.
pub struct Answering<'a> {
    /// The person.
    pub person: &'a mut dyn Prompt,
    /// Who asks, as they say.
    pub from: &'a str,
}

/// The same event, with the purpose that it has here.
fn meant<'e>(from: &'e str, event: &Event<'e>) -> Event<'e> {
    match *event {
        Event::Touch { token, purpose: Purpose::Unlock(vault), maybe } => {
            Event::Touch { token, purpose: Purpose::Answer { from, vault }, maybe }
        }
        other => other,
    }
}

impl Prompt for Answering<'_> {
    fn secret(&mut self, ask: &Ask<'_>) -> Result<SecretText, PromptError> {
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
        self.person.show(&meant(self.from, event));
    }

    fn wait(&mut self, event: &Event<'_>, ready: BorrowedFd<'_>, patience: Duration) -> Result<Waited, PromptError> {
        self.person.wait(&meant(self.from, event), ready, patience)
    }

    fn is_person(&mut self) -> bool {
        self.person.is_person()
    }

    fn can_retry(&self, ask: &Ask<'_>) -> bool {
        self.person.can_retry(ask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::ScriptedPrompt;

    #[test]
    fn a_touch_is_for_what_is_asked_and_the_rest_is_as_it_was() {
        let mut person = ScriptedPrompt::new();
        let mut answering = Answering { person: &mut person, from: "Ada" };
        for purpose in [Purpose::Unlock("family"), Purpose::Test] {
            answering.show(&Event::Touch { token: "YubiKey 1", purpose, maybe: false });
        }
        assert_eq!(
            person.transcript(),
            "Touch YubiKey 1 to help 'Ada' to open 'family'\nTouch YubiKey 1 to test its key\n"
        );
    }
}
