//! A scripted person, for tests of everything above: answers in order, and a transcript of what was asked and told.
//! Not in release builds.

use super::{Ask, Came, Event, NoPrompt, Prompt, PromptError, Question, words};
use crate::secret::SecretText;
use std::collections::VecDeque;
use std::fmt::Write;
use std::os::fd::BorrowedFd;
use zeroize::Zeroizing;

/// What the script does when a secret is asked for.
type Answer = Box<dyn FnOnce(&Ask<'_>) -> Result<String, PromptError>>;

/// One answer of the script.
enum Step {
    Secret(Answer),
    Brings(Box<dyn FnOnce()>),
    Confirm(bool),
    Line(String),
}

/// A person who answers what the script says, in its order. What is asked beyond it, or of another kind, is a panic.
pub struct ScriptedPrompt {
    script: VecDeque<Step>,
    transcript: String,
    can_retry: bool,
    is_person: bool,
}

impl Default for ScriptedPrompt {
    fn default() -> Self {
        Self::new()
    }
}

impl ScriptedPrompt {
    /// An empty script: any question is a panic.
    pub fn new() -> Self {
        Self { script: VecDeque::new(), transcript: String::new(), can_retry: true, is_person: false }
    }

    /// Types a secret.
    #[must_use]
    pub fn types(self, text: &str) -> Self {
        let text = text.to_owned();
        self.answers(move |_| Ok(text))
    }

    /// Answers a secret by what is computed when it is asked for, e.g. the recovery code that was shown just before.
    #[must_use]
    pub fn answers(mut self, answer: impl FnOnce(&Ask<'_>) -> Result<String, PromptError> + 'static) -> Self {
        self.script.push_back(Step::Secret(Box::new(answer)));
        self
    }

    /// Presses Enter alone at a secret.
    #[must_use]
    pub fn skips(self) -> Self {
        self.answers(|_| Err(PromptError::Skipped))
    }

    /// Presses Ctrl-C at a secret.
    #[must_use]
    pub fn cancels(self) -> Self {
        self.answers(|_| Err(PromptError::Cancelled))
    }

    /// Is not there when a secret is asked for.
    #[must_use]
    pub fn is_away(self) -> Self {
        self.answers(|ask| NoPrompt.secret(ask).map(|_| String::new()))
    }

    /// Puts a token in while a secret is asked for.
    #[must_use]
    pub fn brings(mut self, puts_in: impl FnOnce() + 'static) -> Self {
        self.script.push_back(Step::Brings(Box::new(puts_in)));
        self
    }

    /// Sits there, and could do something by hand.
    #[must_use]
    pub fn in_person(mut self) -> Self {
        self.is_person = true;
        self
    }

    /// Answers yes or no.
    #[must_use]
    pub fn says(mut self, yes: bool) -> Self {
        self.script.push_back(Step::Confirm(yes));
        self
    }

    /// Types a line that is not secret.
    #[must_use]
    pub fn writes(mut self, text: &str) -> Self {
        self.script.push_back(Step::Line(text.to_owned()));
        self
    }

    /// Behaves as a file does: asking again brings the same answer.
    #[must_use]
    pub fn no_retry(mut self) -> Self {
        self.can_retry = false;
        self
    }

    /// What was asked and told, a line each, in the words a person would see. Answers are not in it.
    pub fn transcript(&self) -> &str {
        &self.transcript
    }

    /// Checks that the whole script was used.
    ///
    /// # Panics
    /// If answers are left.
    pub fn finish(&self) {
        assert!(self.script.is_empty(), "{} answers were not asked for after:\n{}", self.script.len(), self.transcript);
    }

    /// Notes what was asked, and takes the next answer.
    fn next(&mut self, asked: &str) -> Step {
        self.note(asked);
        match self.script.pop_front() {
            Some(step) => step,
            None => panic!("the script has no answer left for the last line of:\n{}", self.transcript),
        }
    }

    fn note(&mut self, text: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.transcript, "{}", text.trim_end());
    }

    fn wrong_kind(&self) -> ! {
        panic!("the script's answer is of another kind than the last line of:\n{}", self.transcript)
    }
}

impl Prompt for ScriptedPrompt {
    fn secret(&mut self, ask: &Ask<'_>) -> Result<SecretText, PromptError> {
        match self.next(&words::ask(ask)) {
            Step::Secret(answer) => answer(ask).map(|text| SecretText::new(Zeroizing::new(text))),
            _ => self.wrong_kind(),
        }
    }

    fn secret_or(&mut self, ask: &Ask<'_>, _: BorrowedFd<'_>) -> Result<Came, PromptError> {
        match self.next(&words::ask(ask)) {
            Step::Secret(answer) => answer(ask).map(|text| Came::Typed(SecretText::new(Zeroizing::new(text)))),
            Step::Brings(puts_in) => {
                puts_in();
                Ok(Came::Ready)
            }
            _ => self.wrong_kind(),
        }
    }

    fn is_person(&mut self) -> bool {
        self.is_person
    }

    fn confirm(&mut self, question: &Question<'_>) -> Result<bool, PromptError> {
        match self.next(&words::question(question)) {
            Step::Confirm(yes) => Ok(yes),
            _ => self.wrong_kind(),
        }
    }

    fn line(&mut self, label: &str) -> Result<String, PromptError> {
        match self.next(&words::label(label)) {
            Step::Line(text) => Ok(text),
            _ => self.wrong_kind(),
        }
    }

    fn show(&mut self, event: &Event<'_>) {
        self.note(&words::wrap(&words::event(event)));
    }

    fn can_retry(&self, _: &Ask<'_>) -> bool {
        self.can_retry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: Ask<'_> = Ask::Password { vault: "v", keyslot: "k" };

    #[test]
    fn answers_in_order_and_keeps_a_transcript_without_them() {
        let mut person = ScriptedPrompt::new().types("hush").skips().cancels().is_away().says(true).writes("ada");
        assert_eq!(person.secret(&PASSWORD).unwrap().expose(), "hush");
        assert!(matches!(person.secret(&PASSWORD), Err(PromptError::Skipped)));
        assert!(matches!(person.secret(&PASSWORD), Err(PromptError::Cancelled)));
        assert!(matches!(person.secret(&PASSWORD), Err(PromptError::Nobody { .. })));
        person.show(&Event::Mismatch);
        assert!(person.confirm(&Question::Plain("Go on?")).unwrap());
        assert_eq!(person.line("Name").unwrap(), "ada");
        person.finish();
        let asked = "Password for vault 'v' (keyslot 'k'):\n".repeat(4);
        let expected = format!("{asked}The two passwords differ. Type both again.\nGo on? [y/N]\nName:\n");
        assert_eq!(person.transcript(), expected);
    }

    #[test]
    #[should_panic(expected = "no answer left")]
    fn an_exhausted_script_panics() {
        let _ = ScriptedPrompt::new().secret(&PASSWORD);
    }

    #[test]
    #[should_panic(expected = "another kind")]
    fn an_answer_of_another_kind_panics() {
        let _ = ScriptedPrompt::new().says(true).secret(&PASSWORD);
    }

    #[test]
    #[should_panic(expected = "1 answers were not asked for")]
    fn an_answer_left_over_panics() {
        ScriptedPrompt::new().says(true).finish();
    }
}
