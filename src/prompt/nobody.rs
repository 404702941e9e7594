//! Nobody is there: what that means for each question, and what is told all the same.

use super::{Ask, Code, Event, Prompt, PromptError, Question, Waited, wait, words, wrap};
use crate::secret::SecretText;
use std::io::{IsTerminal, Write};
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// Nobody is there: every question fails at once. Of events only warnings are told, on stderr, where a log may keep them.
pub struct NoPrompt;

impl Prompt for NoPrompt {
    fn secret(&mut self, ask: &Ask<'_>) -> Result<SecretText, PromptError> {
        let (what, flag) = ask.nobody();
        Err(PromptError::Nobody { what, flag })
    }

    fn confirm(&mut self, _: &Question<'_>) -> Result<bool, PromptError> {
        Err(PromptError::Nobody { what: "an answer", flag: Some("--force") })
    }

    fn line(&mut self, _: &str) -> Result<String, PromptError> {
        Err(PromptError::Nobody { what: "an answer", flag: None })
    }

    fn show(&mut self, event: &Event<'_>) {
        if matches!(event, Event::Warning(_)) {
            tell(event);
        }
    }

    /// A touch may be needed all the same, and somebody may look at the log.
    fn wait(&mut self, event: &Event<'_>, ready: BorrowedFd<'_>, patience: Duration) -> Result<Waited, PromptError> {
        tell(event);
        wait::quietly(ready, patience)
    }

    fn can_retry(&self, _: &Ask<'_>) -> bool {
        false
    }
}

/// Tells on stderr, in whole lines for everything but a terminal, which may search them. stderr may be gone; there is nobody left to
/// tell then.
pub(super) fn tell(event: &Event<'_>) {
    let mut stderr = std::io::stderr();
    let text = words::event(event);
    let text = if stderr.is_terminal() { wrap(&text) } else { text };
    let _ = writeln!(stderr, "{text}");
}

impl Ask<'_> {
    /// What is missing when nobody can be asked, and the flag that brings it.
    pub fn nobody(&self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Password { .. } | Self::ItemPassword { .. } | Self::Any { .. } => {
                ("the password", Some("--password-file"))
            }
            Self::NewPassword { .. } | Self::NewItemPassword { .. } | Self::RepeatPassword => {
                ("the new password", Some("--new-password-file"))
            }
            Self::RecoveryCode { .. } | Self::RepeatRecoveryCode => ("the recovery code", Some("--recovery-file")),
            Self::Pin { .. } => ("the PIN", Some("--pin-file")),
            Self::Puk { .. } => ("the PUK", Some("--puk-file")),
            Self::NewCode { code: Code::Pin, .. } | Self::RepeatCode { code: Code::Pin } => {
                ("the new PIN", Some("--new-pin-file"))
            }
            Self::NewCode { code: Code::Puk, .. } | Self::RepeatCode { code: Code::Puk } => {
                ("the new PUK", Some("--new-puk-file"))
            }
            Self::ManagementKey { .. } => ("the management key", Some("--management-key-file")),
            Self::Fake { .. } => ("the test factor's secret", None),
            Self::Field { .. } | Self::RepeatField => ("the value", None),
            Self::Note { .. } => ("the text", None),
        }
    }
}
