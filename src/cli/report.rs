//! Every error as a person reads it: what happened, what to do about it, and the exit code. The only file that knows all of them.

use super::command::Line;
use super::sentence::Sentence;
use crate::agent::protocol::Failure;
use crate::crypto::RandomError;
use crate::factor::FactorError;
use crate::factor::pkcs11::TokenError;
use crate::header::HeaderError;
use crate::item::ItemError;
use crate::prompt::{PromptError, StdinTwice};
use crate::store::StoreError;
use crate::vault::{Refusal, VaultError};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Why a command failed.
#[derive(Debug)]
pub enum CliError {
    /// The vault.
    Vault(VaultError),
    /// The vault did not open, and its header is not as it was last seen here.
    Doubtful {
        /// Why it did not open.
        error: VaultError,
        /// What is strange.
        notes: Vec<String>,
    },
    /// The same, as a way in was away: another time it may be there.
    Away(Box<CliError>),
    /// The person did not answer, or could not be asked.
    Prompt(PromptError),
    /// Arguments that do not fit together.
    Usage {
        /// What does not fit.
        message: String,
        /// What would.
        hint: Sentence,
    },
    /// A file beside the vault.
    File {
        /// "read the config file" and the like.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The config file is not as it should be.
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line.
        why: String,
    },
    /// Something with its own message and hint.
    Plain {
        /// What happened.
        message: String,
        /// What to do.
        hint: Sentence,
        /// The exit code.
        code: u8,
    },
    /// The agent could not, and says why.
    Agent(Failure),
    /// A question was answered with no.
    Declined,
    /// Neither `--vault` nor a home folder.
    NoHome,
    /// stdout could not be written.
    Stdout(io::Error),
    /// The reader of stdout went away, as `head` does.
    ReaderGone,
}

impl CliError {
    /// Enter alone, where that means: something else, please.
    pub fn is_skipped(&self) -> bool {
        matches!(
            self,
            Self::Prompt(PromptError::Skipped)
                | Self::Vault(VaultError::Factor(FactorError::Prompt(PromptError::Skipped)))
        )
    }
}

macro_rules! from {
    ($($error:ty => |$e:ident| $to:expr;)*) => {$(
        impl From<$error> for CliError {
            fn from($e: $error) -> Self {
                $to
            }
        }
    )*};
}

from! {
    VaultError => |error| Self::Vault(error);
    StoreError => |error| Self::Vault(VaultError::Store(error));
    HeaderError => |error| Self::Vault(VaultError::Header(error));
    FactorError => |error| Self::Vault(VaultError::Factor(error));
    TokenError => |error| Self::Vault(VaultError::Factor(FactorError::Token(error)));
    ItemError => |error| Self::Vault(VaultError::Item(error));
    RandomError => |error| Self::Vault(error.into());
    PromptError => |error| Self::Prompt(error);
    StdinTwice => |error| Self::Usage {
        message: error.to_string(),
        hint: "give one of them a file of its own, or /dev/fd/3".into(),
    };
}

/// What is printed.
pub(super) struct Explained {
    pub message: String,
    pub notes: Vec<String>,
    pub hint: Option<Sentence>,
    pub code: u8,
}

impl Explained {
    pub fn new(code: u8, message: impl ToString, hint: impl Into<Sentence>) -> Self {
        let hint = Some(hint.into()).filter(|hint| !hint.is_empty());
        Self { message: message.to_string(), notes: Vec::new(), hint, code }
    }
}

pub(super) const FIXABLE: u8 = 1;
pub(super) const USAGE: u8 = 2;
pub(super) const LOCKED: u8 = 3;
pub(super) const NOT_FOUND: u8 = 4;
pub(super) const DAMAGED: u8 = 5;
pub(super) const BUSY: u8 = 6;
pub(super) const TOKEN: u8 = 7;
pub(super) const BUG: u8 = 255;

/// Prints an error and its hint on stderr; gives the exit code.
pub fn error(error: &CliError) -> ExitCode {
    let Some(explained) = explain(error) else { return ExitCode::SUCCESS };
    say("error", &explained.message);
    for note in &explained.notes {
        say("note", note);
    }
    explained.hint.iter().for_each(hint);
    ExitCode::from(explained.code)
}

/// What to do about items that something else has changed.
pub const ACCEPT: &str =
    "restore a backup; or if you know why, accept the items as they are with 'twinlock verify --accept'";

/// Tells of an error that does not end the command: the person is just dealing with it, so there is no hint.
pub fn tell(error: &CliError) {
    let Some(explained) = explain(error) else { return };
    say("warning", &explained.message);
    explained.notes.iter().for_each(|note| say("note", note));
}

/// `1 item`, `2 items`.
pub fn count(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// Prints a warning on stderr.
pub fn warn(text: &str) {
    say("warning", text);
}

/// Prints what to do about a warning on stderr.
pub fn hint(sentence: &Sentence) {
    sentence.say("twinlock: hint: ");
}

/// Prints a command on a line of its own on stderr: never broken into two, of which a shell would run the first.
pub fn command(line: &Line) {
    let _ = writeln!(io::stderr(), "    {}", super::out::clean(&line.text()));
}

/// Prints prose on stderr.
pub fn prose(text: &str) {
    Sentence::from(text).say("");
}

fn say(what: &str, text: &str) {
    Sentence::from(text).say(&format!("twinlock: {what}: "));
}

/// A panic is a defect of ours: say so, and where, but not what was in memory. Not so on the threads of the cards and of pinentry: there a
/// crate stumbles over what these answer, and that is told as an error of theirs.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        let theirs = [crate::factor::piv::card::THREAD, crate::prompt::PINENTRY_THREAD];
        if std::thread::current().name().is_some_and(|name| theirs.contains(&name)) {
            return;
        }
        let place = info.location().map_or_else(String::new, |at| format!(", at {}:{}", at.file(), at.line()));
        say("error", &format!("this is a bug in twinlock{place}; what was saved before is safe"));
        say("hint", "please report it with the command and the version ('twinlock --version'), never with a secret");
    }));
}

/// The exit code after a panic.
pub fn bug() -> ExitCode {
    ExitCode::from(BUG)
}

pub(super) fn explain(error: &CliError) -> Option<Explained> {
    Some(match error {
        CliError::ReaderGone => return None,
        CliError::Vault(error) => vault(error),
        CliError::Doubtful { error, notes } => {
            let mut explained = vault(error);
            explained.notes.extend(notes.iter().cloned());
            explained
        }
        CliError::Away(error) => Explained { code: TOKEN, ..explain(error)? },
        CliError::Prompt(error) => prompt(error),
        CliError::Usage { message, hint } => Explained::new(USAGE, message, hint.clone()),
        CliError::File { doing, path, error } => Explained::new(
            FIXABLE,
            format!("cannot {doing} '{}': {}", path.display(), system(error)),
            about_file(error),
        ),
        CliError::Config { path, why } => Explained::new(
            FIXABLE,
            format!("the config file '{}' cannot be used: {}", path.display(), why.trim_end()),
            "correct that line, or give another file with --config",
        ),
        CliError::Plain { message, hint, code } => Explained::new(*code, message, hint.clone()),
        CliError::Agent(Failure { code, message, hint, notes }) => {
            Explained { notes: notes.clone(), ..Explained::new(*code, message, hint.as_str()) }
        }
        CliError::Declined => Explained::new(FIXABLE, "stopped as you said; nothing was changed", ""),
        CliError::NoHome => Explained::new(
            FIXABLE,
            "there is no home folder to look for the vault in",
            "name the vault with --vault FILE or TWINLOCK_VAULT",
        ),
        CliError::Stdout(error) => Explained::new(FIXABLE, format!("cannot write the output: {}", system(error)), ""),
    })
}

/// What to do about a file that cannot be read or written.
fn about_file(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AlreadyExists => "nothing is written over: name a file that is not there yet",
        io::ErrorKind::NotFound => "look for a typing error in its name",
        io::ErrorKind::PermissionDenied => "look at its owner and permissions with 'ls -l'",
        io::ErrorKind::IsADirectory => "name a file in it",
        _ => "",
    }
}

/// The system's words without Rust's "(os error 2)".
pub(super) fn system(error: &io::Error) -> String {
    let text = error.to_string();
    let cut = text.find(" (os error").unwrap_or(text.len());
    let mut rest = text[..cut].chars();
    rest.next().map_or_else(String::new, |first| first.to_lowercase().chain(rest).collect())
}

fn prompt(error: &PromptError) -> Explained {
    match error {
        PromptError::Nobody { flag, .. } => Explained::new(FIXABLE, error, super::pinentry::instead(*flag)),
        PromptError::Pinentry(_) => Explained::new(FIXABLE, error, super::pinentry::AFTER_A_FAILURE),
        // For a YubiKey neither can name a file.
        PromptError::PinUsed { this, .. } if super::piv_report::serial_of(this).is_some() => Explained::new(
            FIXABLE,
            error,
            "type the PINs at a terminal; or enroll it by its certificate, which needs no PIN: 'piv:file=CERTIFICATE'",
        ),
        PromptError::PinUsed { .. } => Explained::new(
            FIXABLE,
            error,
            "name a file for it: pin-source=/FILE in its URI, or [[token]] in the config file",
        ),
        PromptError::Cancelled => Explained::new(FIXABLE, "cancelled; nothing was changed", ""),
        PromptError::File { path, error } => {
            let hint = match error.kind() {
                io::ErrorKind::InvalidData => "its first line must be the secret, as text",
                _ => about_file(error),
            };
            Explained::new(FIXABLE, format!("cannot read the secret from '{path}': {}", system(error)), hint)
        }
        _ => Explained::new(FIXABLE, error, ""),
    }
}

pub(super) fn vault(error: &VaultError) -> Explained {
    match error {
        VaultError::Store(error) => store(error),
        VaultError::Header(error) => header(error),
        VaultError::Locked(refusals) => locked(refusals),
        VaultError::Answers(error) => super::custody_report::answers(error),
        VaultError::Factor(error) => factor(error),
        VaultError::Altered(altered) => super::vault_report::altered(error, altered),
        VaultError::Manifest => Explained::new(
            DAMAGED,
            error,
            "the file was put together from two states, or damaged: restore a copy made by 'twinlock backup'",
        ),
        VaultError::Record { .. } => Explained::new(DAMAGED, error, "'twinlock verify' says what else was altered"),
        VaultError::NoItem { close, .. } if !close.is_empty() => {
            Explained::new(NOT_FOUND, error, format!("did you mean {}?", quoted(close)))
        }
        VaultError::NoItem { .. } => Explained::new(NOT_FOUND, error, "'twinlock list' shows what there is"),
        VaultError::ItemExists(_) | VaultError::ItemChanged(_) => super::vault_report::item(error),
        VaultError::NoKeyslot { have, .. } => Explained::new(NOT_FOUND, error, format!("there is {}", quoted(have))),
        VaultError::KeyslotExists(_) => Explained::new(FIXABLE, error, "choose another name"),
        VaultError::BadName(_) => Explained::new(
            FIXABLE,
            error,
            "a name has 1 to 64 characters, no control characters, and no '-' at its beginning",
        ),
        VaultError::LastKeyslot(_) => Explained::new(
            FIXABLE,
            format!("{error}, and the last is never wiped"),
            "enroll another first: 'twinlock keyslot enroll'",
        ),
        VaultError::BadThreshold { .. } => {
            Explained::new(USAGE, error, "give 1 to 16 times --factor, and a --threshold of 1 to that number")
        }
        VaultError::TooManyKeyslots => Explained::new(FIXABLE, error, "wipe one first: 'twinlock keyslot list'"),
        VaultError::WentBack | VaultError::WentAstray => {
            Explained::new(DAMAGED, error, "nothing was written; if it was you, run the command again")
        }
        VaultError::WentFar => Explained::new(BUSY, error, "nothing was written; run the command again"),
        VaultError::Rotated
        | VaultError::HeaderChanged
        | VaultError::CannotKeep(_)
        | VaultError::WrongForKeyslot { .. }
        | VaultError::ReadBack
        | VaultError::CountedOut
        | VaultError::PasswordOfCustodians(_)
        | VaultError::Stopped => super::vault_report::rotation(error),
        VaultError::Conflict(_) => Explained::new(BUSY, error, "look at 'twinlock keyslot list', and try again"),
        VaultError::NoPassword => {
            Explained::new(FIXABLE, error, "'twinlock keyslot enroll --factor password' makes one that does")
        }
        VaultError::NothingRewrapped(kept) => {
            let mut explained = Explained::new(
                FIXABLE,
                error,
                "bring what is missing, or open the vault by that keyslot, with --keyslot",
            );
            explained.notes = kept.iter().map(|(name, why)| format!("keyslot '{name}': {why}")).collect();
            explained
        }
        VaultError::Item(ItemError::TooLarge) => {
            Explained::new(FIXABLE, error, "keep it as an encrypted file, and the key of that file here")
        }
        VaultError::Item(_) => Explained::new(FIXABLE, error, ""),
        VaultError::Random => Explained::new(TOKEN, error, ""),
    }
}

fn store(error: &StoreError) -> Explained {
    match error {
        StoreError::NotFound(_) => {
            Explained::new(NOT_FOUND, error, "make one with 'twinlock init', or name another with --vault")
        }
        StoreError::NoFolder(_) => {
            Explained::new(FIXABLE, error, "make the folder first, or name another with --vault")
        }
        StoreError::Exists(_) => Explained::new(FIXABLE, error, "choose another place with --vault FILE"),
        StoreError::NotAFile { .. } | StoreError::NotAVault { .. } => {
            Explained::new(DAMAGED, error, "name the vault file with --vault, or restore a backup")
        }
        StoreError::TooNew { .. } => Explained::new(DAMAGED, error, "use the newer twinlock"),
        StoreError::Damaged(_) => Explained::new(DAMAGED, error, "restore a copy made by 'twinlock backup'"),
        StoreError::Busy => Explained::new(BUSY, error, "try again when it has finished"),
        StoreError::Exchanged => Explained::new(BUSY, error, "run the command again: it looks at the file anew"),
        StoreError::Full | StoreError::NoRoom { .. } => {
            Explained::new(FIXABLE, format!("{error}; nothing was changed"), "free some space, and try again")
        }
        StoreError::ReadOnly(_) | StoreError::Denied(_) => {
            Explained::new(FIXABLE, error, "check owner and permissions of the file and its folder")
        }
        StoreError::Io(_) => Explained::new(FIXABLE, error, ""),
    }
}

fn header(error: &HeaderError) -> Explained {
    let hint = match error {
        HeaderError::Version(_) | HeaderError::Cipher(_) | HeaderError::Critical(_) => "use a newer twinlock",
        HeaderError::Malformed(_) => {
            "put the header back from a kit ('twinlock restore --kit FILE'), or restore a copy made by 'twinlock backup'"
        }
        HeaderError::Tag => "do not trust this copy: restore one made by 'twinlock backup'",
    };
    Explained::new(DAMAGED, error, hint)
}

fn locked(refusals: &[(String, Refusal)]) -> Explained {
    if let [(name, refusal)] = refusals {
        return one_locked(name, refusal);
    }
    // Where something was given and did not open, that is the news, and not what else was not given.
    let tried: Vec<_> = refusals.iter().filter(|(_, why)| !matches!(why, Refusal::Missing(_))).collect();
    if let [(name, refusal), rest @ ..] = tried.as_slice() {
        let mut explained = one_locked(name, refusal);
        let others = rest.iter().filter(|(_, why)| refused(why) != explained.message);
        explained.notes.extend(others.map(|(name, why)| format!("keyslot '{name}': {}", refused(why))));
        return explained;
    }
    let mut explained = Explained::new(LOCKED, "could not unlock the vault", "");
    explained.notes = refusals.iter().map(|(name, why)| format!("keyslot '{name}': {}", refused(why))).collect();
    explained.hint = refusals.iter().rev().find_map(|(name, why)| one_locked(name, why).hint);
    explained
}

fn one_locked(name: &str, refusal: &Refusal) -> Explained {
    match refusal {
        Refusal::Factor(error) => factor(error),
        Refusal::Wrong { .. } => {
            Explained::new(LOCKED, refused(refusal), "'twinlock recover' leads through the other ways in")
        }
        Refusal::WrongAnswers { .. } => Explained::new(
            LOCKED,
            format!("could not unlock by keyslot '{name}': {}", refused(refusal)),
            "ask each custodian whether they typed the right thing; a new answer takes the place of an old one",
        ),
        Refusal::Missing(_) => Explained::new(
            LOCKED,
            format!("could not unlock by keyslot '{name}': {}", refused(refusal)),
            "bring what is missing, or use another way in: 'twinlock keyslot list' shows them",
        ),
        Refusal::Unsupported(_) => Explained::new(
            LOCKED,
            format!("keyslot '{name}' cannot be used: {}", refused(refusal)),
            "use a newer twinlock",
        ),
    }
}

fn refused(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Unsupported(why) => why.clone(),
        Refusal::Missing(what) => what.join("; "),
        Refusal::WrongAnswers { what } => {
            let typed = if what.is_empty() { String::new() } else { format!(", or the {}", what.join(" or the ")) };
            format!("at least one of the answers{typed} is wrong; which one, nothing tells")
        }
        Refusal::Wrong { what, .. } if what.is_empty() => {
            "the key on the token is not the one that was enrolled".into()
        }
        Refusal::Wrong { what, tokens: true, .. } => {
            format!("the {} is wrong (or the key on the token is not the one that was enrolled)", what.join(" or the "))
        }
        Refusal::Wrong { what, .. } => format!("the {} is wrong", what.join(" or the ")),
        Refusal::Factor(error) => factor(error).message,
    }
}

fn factor(error: &FactorError) -> Explained {
    match error {
        FactorError::Prompt(error) => prompt(error),
        FactorError::BadStanza(why) => Explained::new(
            DAMAGED,
            format!("the keyslot asks for something that is not accepted: {why}"),
            "use another way in, or restore a backup",
        ),
        FactorError::NoMemory { kib } => Explained::new(
            FIXABLE,
            format!("checking the password takes {} MiB of memory, which this machine does not have free", kib / 1024),
            "close other programs, or use another way in",
        ),
        FactorError::WeakPassword { time, advice } => {
            let mut explained = Explained::new(
                FIXABLE,
                format!("the new password is weak: guessing it would take {time}"),
                "choose four or more random words, or keep it with --force",
            );
            explained.notes.extend((!advice.is_empty()).then(|| advice.clone()));
            explained
        }
        FactorError::NoNewPassword => Explained::new(FIXABLE, "no new password was chosen", ""),
        FactorError::NoRandomness => Explained::new(TOKEN, RandomError, ""),
        FactorError::MistypedCode(why) => Explained::new(
            LOCKED,
            format!("the recovery code cannot be right: {why}"),
            "compare it with what you wrote down, group by group",
        ),
        FactorError::CodeNotKept => Explained::new(
            FIXABLE,
            "the file does not hold the recovery code that was written to it, so its keyslot was not made",
            "name another file: that disk does not keep what is written to it",
        ),
        FactorError::Token(error) => super::token_report::explain(error),
        FactorError::Piv(error) => super::piv_report::explain(error),
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}
