//! The human, as a value. Typed requests go out, answers come back; sentences are made in the implementation, never by
//! the caller. `NoPrompt` is a value too: nobody is there.
//!
//! Rules: a secret is read without echo and lives in a type that is erased; a prompt says what the secret is for and how
//! many tries are left; cancelling is not an error of the caller's; stdout is never written to.

mod again;
mod answering;
mod code;
#[cfg(any(test, debug_assertions))]
mod fake;
mod files;
mod line;
mod raw;
mod signals;
mod tty;
mod wait;
mod words;

pub use again::{Again, Keeping};
pub use answering::Answering;
#[cfg(any(test, debug_assertions))]
pub use fake::ScriptedPrompt;
pub use files::{FilePrompt, Sources, StdinTwice, warn_if_exposed};
pub use signals::Stoppable;
pub use tty::TtyPrompt;
pub use words::{let_go, wrap, wrap_under};

use crate::secret::SecretText;
use std::io::{IsTerminal, Write};
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// How many tries a token says are left for its PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tries {
    /// The token does not tell.
    Unknown,
    /// No warning flag: no wrong try since the last right one.
    Full,
    /// Some were wrong (PKCS#11 `CKF_USER_PIN_COUNT_LOW`).
    Low,
    /// One wrong try more locks the token (PKCS#11 `CKF_USER_PIN_FINAL_TRY`).
    Last,
    /// The token gives the exact number (PIV).
    Exactly(u8),
}

/// A request for a secret. Names are those of the vault and keyslot, so that a person knows what they type for.
#[derive(Clone, Copy, Debug)]
pub enum Ask<'a> {
    /// The password of a keyslot.
    Password {
        /// Name of the vault.
        vault: &'a str,
        /// Name of the keyslot.
        keyslot: &'a str,
    },
    /// A new password, first time.
    NewPassword {
        /// Name of the vault.
        vault: &'a str,
        /// Name of the keyslot.
        keyslot: &'a str,
    },
    /// The new password again, to find typing errors.
    RepeatPassword,
    /// A recovery code.
    RecoveryCode {
        /// Name of the vault.
        vault: &'a str,
        /// Name of the keyslot.
        keyslot: &'a str,
    },
    /// The recovery code that has just been shown, typed back to prove that it was kept.
    RepeatRecoveryCode,
    /// The user PIN of a token.
    Pin {
        /// Label and serial of the token, as a person knows it.
        token: &'a str,
        /// What the token says of tries left.
        tries: Tries,
        /// Whether more than the vault file says that this token is meant. Anyone who can write that file could have named it there, so
        /// a PIN that was left in a file is not for a token without this; a person who reads its name may type one.
        vouched: bool,
    },
    /// The PUK of a PIV token, with which its PIN is set anew.
    Puk {
        /// The token, as a person knows it.
        token: &'a str,
        /// What it says of tries left.
        tries: Tries,
    },
    /// A new PIN or PUK, first time.
    NewCode {
        /// Which.
        code: Code,
        /// The token, as a person knows it.
        token: &'a str,
    },
    /// The same again, to find typing errors.
    RepeatCode {
        /// Which.
        code: Code,
    },
    /// The management key of a PIV token, in hexadecimal digits.
    ManagementKey {
        /// The token, as a person knows it.
        token: &'a str,
        /// What the key is: "3DES", "AES-192".
        kind: &'a str,
        /// How many digits it has.
        digits: usize,
    },
    /// The secret of the test factor.
    Fake {
        /// Name given at enrolment.
        name: &'a str,
    },
    /// The value of a concealed field of an item.
    Field {
        /// Name of the item.
        item: &'a str,
        /// Name of the field.
        field: &'a str,
    },
    /// The value of the field again, to find typing errors.
    RepeatField,
    /// The text of a note: lines, up to 64 KiB, seen while they are typed.
    Note {
        /// Name of the item.
        item: &'a str,
    },
}

/// What a person types to a PIV token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Its PIN.
    Pin,
    /// Its PUK.
    Puk,
}

impl Code {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pin => "PIN",
            Self::Puk => "PUK",
        }
    }
}

/// A yes-or-no question.
#[derive(Clone, Copy, Debug)]
pub enum Question<'a> {
    /// The new password is weak: keep it all the same?
    WeakPassword {
        /// 0 (worst) to 4, by zxcvbn.
        score: u8,
        /// How long guessing takes offline, in words.
        time: &'a str,
        /// What would make it stronger; may be empty.
        advice: &'a str,
    },
    /// Anything asked by a command, as a whole question without the `[y/N]`.
    Plain(&'a str),
    /// The same where Enter alone means yes: `[Y/n]`.
    YesByDefault(&'a str),
}

impl Question<'_> {
    /// What Enter alone means.
    pub fn default_answer(&self) -> bool {
        matches!(self, Self::YesByDefault(_))
    }
}

/// What a token is touched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// To unlock the vault of this name.
    Unlock(&'a str),
    /// To answer somebody's request for the vault of this name.
    Answer {
        /// Who asks, as they say.
        from: &'a str,
        /// What they call the vault.
        vault: &'a str,
    },
    /// To enroll its key for the vault of this name.
    Enroll(&'a str),
    /// To see whether its key works.
    Test,
    /// To sign the certificate of a new key.
    Certificate,
    /// To let its keys be changed.
    Manage,
}

/// How waiting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// What was waited for is there.
    Ready,
    /// It is not, and patience is at its end.
    TooLong,
}

/// Something worth knowing while it happens; shown, never answered.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The next secret is typed on the token's own PIN pad.
    PinPad {
        /// The token.
        token: &'a str,
    },
    /// A PIN was wrong; `tries` as the token tells now.
    WrongPin {
        /// The token.
        token: &'a str,
        /// What the token says of tries left.
        tries: Tries,
    },
    /// A token takes its time over its answer: it may be waiting for a touch, which its module does not tell. Waited for.
    Slow {
        /// The token.
        token: &'a str,
    },
    /// A password or recovery code was wrong, and may be typed again.
    WrongSecret {
        /// What was wrong, or could have been: "password", "recovery code", "password or recovery code".
        what: &'a str,
        /// Whether Enter alone leads to another factor or keyslot.
        others: bool,
    },
    /// A recovery code cannot be right, before anything is computed.
    MistypedCode {
        /// What is wrong, e.g. "group 3 is mistyped".
        why: &'a str,
    },
    /// A token has to be touched now; it blinks meanwhile.
    Touch {
        /// The token, as a person knows it.
        token: &'a str,
        /// What the touch is for.
        purpose: Purpose<'a>,
        /// Whether a touch a moment ago may be enough.
        maybe: bool,
    },
    /// A card does not answer; another program may be using it.
    CardBusy {
        /// The card.
        token: &'a str,
    },
    /// One of these tokens has to be inserted.
    Insert {
        /// The tokens, as a person knows them.
        tokens: &'a [String],
        /// Name of the vault.
        vault: &'a str,
    },
    /// Enter alone, at what is asked next, leads to waiting for one of these tokens.
    EnterWaits {
        /// The tokens, as a person knows them.
        tokens: &'a [String],
        /// Whether other ways in come first.
        others: bool,
    },
    /// Another program has a card for itself.
    Held {
        /// In a sentence.
        why: &'a str,
        /// Its name and process number, where they can be guessed.
        holder: Option<&'a str>,
    },
    /// The two passwords differ; both are asked again.
    Mismatch,
    /// The two new PINs or PUKs differ; both are asked again.
    CodeMismatch(Code),
    /// Something to know that stops nothing.
    Warning(&'a str),
    /// A plain remark.
    Note(&'a str),
}

/// Why no answer came.
#[derive(Debug)]
pub enum PromptError {
    /// Nobody is there (`--no-input`, or no terminal); `what` could not be asked for.
    Nobody {
        /// What was wanted, e.g. "the password".
        what: &'static str,
        /// The flag that brings it from a file, e.g. "--password-file".
        flag: Option<&'static str>,
    },
    /// The person pressed Ctrl-C, or closed the terminal.
    Cancelled,
    /// The person pressed Enter alone where that means "another way in, please".
    Skipped,
    /// What came is not UTF-8, is too long or holds a NUL.
    Unreadable(&'static str),
    /// A file that was to hold a secret could not be read.
    File {
        /// Its path, as given.
        path: String,
        /// The system's error.
        error: std::io::Error,
    },
    /// A PIN from a file was not given, since only the vault file says that this token is meant.
    Withheld,
    /// The PIN file was used for another token, which asked first, and nobody is there to type another PIN.
    PinUsed {
        /// The one that asked first.
        first: String,
        /// The one that has its own PIN.
        this: String,
    },
    /// The terminal failed.
    Io(std::io::Error),
}

impl std::fmt::Display for PromptError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nobody { what, .. } => write!(f, "nobody is there to type {what}"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Skipped => f.write_str("nothing was typed"),
            Self::Unreadable(why) => write!(f, "what was typed cannot be used: {why}"),
            Self::File { path, error } => write!(f, "cannot read '{path}': {error}"),
            Self::Withheld => f.write_str("the PIN from the file was not sent, since nobody named this token"),
            Self::PinUsed { first, .. } => {
                write!(f, "the PIN file was used for token '{first}', and this one has its own PIN")
            }
            Self::Io(error) => write!(f, "the terminal failed: {error}"),
        }
    }
}

impl std::error::Error for PromptError {}

/// The human.
pub trait Prompt {
    /// Asks for a secret; blocks until it is there or the person gave up.
    fn secret(&mut self, ask: &Ask<'_>) -> Result<SecretText, PromptError>;

    /// Asks yes or no until it is one of them; Enter alone is the question's default.
    fn confirm(&mut self, question: &Question<'_>) -> Result<bool, PromptError>;

    /// Asks for a line that is not secret (a name, a choice), with echo. Enter alone gives an empty string.
    fn line(&mut self, label: &str) -> Result<String, PromptError>;

    /// Shows something; cannot fail, since nobody waits for it.
    fn show(&mut self, event: &Event<'_>);

    /// Shows what is waited for, and waits until `ready` can be read (or has hung up) or until patience ends. Ctrl-C is
    /// [`PromptError::Cancelled`], or ends the program.
    fn wait(&mut self, event: &Event<'_>, ready: BorrowedFd<'_>, patience: Duration) -> Result<Waited, PromptError> {
        self.show(event);
        wait::quietly(ready, patience)
    }

    /// Whether somebody is there who could do something by hand.
    fn is_person(&mut self) -> bool {
        false
    }

    /// Whether asking the same again may bring another answer: true for a person, false for a file.
    fn can_retry(&self, ask: &Ask<'_>) -> bool;
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<P: Prompt + ?Sized> Prompt for $pointer {
            fn secret(&mut self, ask: &Ask<'_>) -> Result<SecretText, PromptError> {
                (**self).secret(ask)
            }

            fn confirm(&mut self, question: &Question<'_>) -> Result<bool, PromptError> {
                (**self).confirm(question)
            }

            fn line(&mut self, label: &str) -> Result<String, PromptError> {
                (**self).line(label)
            }

            fn show(&mut self, event: &Event<'_>) {
                (**self).show(event);
            }

            fn wait(
                &mut self,
                event: &Event<'_>,
                ready: BorrowedFd<'_>,
                patience: Duration,
            ) -> Result<Waited, PromptError> {
                (**self).wait(event, ready, patience)
            }

            fn is_person(&mut self) -> bool {
                (**self).is_person()
            }

            fn can_retry(&self, ask: &Ask<'_>) -> bool {
                (**self).can_retry(ask)
            }
        }
    )*};
}

forward!(&mut P, Box<P>);

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
fn tell(event: &Event<'_>) {
    let mut stderr = std::io::stderr();
    let text = words::event(event);
    let text = if stderr.is_terminal() { wrap(&text) } else { text };
    let _ = writeln!(stderr, "{text}");
}

impl Ask<'_> {
    /// What is missing when nobody can be asked, and the flag that brings it.
    pub fn nobody(&self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Password { .. } => ("the password", Some("--password-file")),
            Self::NewPassword { .. } | Self::RepeatPassword => ("the new password", Some("--new-password-file")),
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
