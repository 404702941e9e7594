//! The human, as a value. Typed requests go out, answers come back; sentences are made in the implementation, never by
//! the caller. `NoPrompt` is a value too: nobody is there.
//!
//! Rules: a secret is read without echo and lives in a type that is erased; a prompt says what the secret is for and how
//! many tries are left; cancelling is not an error of the caller's; stdout is never written to.

mod again;
mod ahead;
mod answering;
mod code;
mod confirming;
mod event;
#[cfg(any(test, debug_assertions))]
mod fake;
mod files;
mod line;
mod nobody;
mod pinentry;
mod raw;
mod signals;
mod tty;
mod wait;
mod words;

pub use self::pinentry::{PinentryPrompt, THREAD as PINENTRY_THREAD};
pub use again::{Again, Keeping};
pub use ahead::{Ahead, Typed};
pub use answering::Answering;
pub use confirming::Confirming;
pub use event::{Event, Purpose};
#[cfg(any(test, debug_assertions))]
pub use fake::ScriptedPrompt;
pub use files::{FilePrompt, Sources, StdinTwice, warn_if_exposed};
pub use nobody::NoPrompt;
pub use signals::Stoppable;
pub use tty::TtyPrompt;
pub use words::{let_go, wrap, wrap_under};

use crate::secret::SecretText;
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
    /// A password for an item that wants one.
    ItemPassword {
        /// Name of the vault.
        vault: &'a str,
        /// Name of the item.
        item: &'a str,
    },
    /// A password of its own for such an item, first time.
    NewItemPassword {
        /// Name of the item.
        item: &'a str,
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
    /// Whatever opens the vault: a password of any keyslot, or a recovery code. Never a PIN.
    Any {
        /// Name of the vault.
        vault: &'a str,
        /// What would be taken.
        ways: AnyOf,
    },
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

/// What [`Ask::Any`] takes, and whether a token could be put in instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnyOf {
    /// A password.
    pub password: bool,
    /// A recovery code.
    pub code: bool,
    /// A token.
    pub token: bool,
}

/// What came first.
pub enum Came {
    /// A line was typed.
    Typed(SecretText),
    /// What was waited for beside it is there; nothing that was typed is used.
    Ready,
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

/// How waiting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// What was waited for is there.
    Ready,
    /// It is not, and patience is at its end.
    TooLong,
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
    /// The person pressed Esc, or Enter alone, where that means "another way in, please".
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
    /// The program that asks in a window failed; why, in a sentence about it.
    Pinentry(String),
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
            Self::Pinentry(why) => write!(f, "nobody could be asked: {why}"),
            Self::Io(error) => write!(f, "the terminal failed: {error}"),
        }
    }
}

impl std::error::Error for PromptError {}

/// The human.
pub trait Prompt {
    /// Asks for a secret; blocks until it is there or the person gave up.
    fn secret(&mut self, ask: &Ask<'_>) -> Result<SecretText, PromptError>;

    /// The same, while `ready` is waited for: whatever comes first. Who cannot wait asks.
    fn secret_or(&mut self, ask: &Ask<'_>, ready: BorrowedFd<'_>) -> Result<Came, PromptError> {
        let _ = ready;
        self.secret(ask).map(Came::Typed)
    }

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

            fn secret_or(&mut self, ask: &Ask<'_>, ready: BorrowedFd<'_>) -> Result<Came, PromptError> {
                (**self).secret_or(ask, ready)
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
