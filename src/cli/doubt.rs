//! A vault file that is not as this machine has seen it: what is said, what is asked, and what to do where nobody can be asked.

use super::report::{CliError, FIXABLE, count, warn};
use super::seen::{Doubt, Seen};
use super::session::Session;
use crate::vault::Mark;

/// What a doubt says, what it asks, and what to do where nobody can be asked.
struct Told {
    message: String,
    question: &'static str,
    hint: String,
}

const RESTORED: &str =
    "if you restored a backup, repeat with --accept-changed; if not, somebody tampered with the file";
/// What to do after a no.
const MENDED: &str = "if the file is not the one you want, put your newest copy in its place ('twinlock restore FILE'), then find out who or \
                      what has replaced it";
const ROTATED: &str =
    "Have you rotated it on another machine, which shows this fingerprint in 'verify'? Go on with it?";
/// The same where a backup is not wanted.
const ANOTHER: &str =
    "try another backup; 'twinlock verify' shows the fingerprint of your vault, and your recovery sheet has it";
/// Before a backup takes the place of what was seen there.
const COMPARED: &str = "Does a recovery sheet of yours, or 'verify' on another machine of yours, show this fingerprint? Put the backup in its place?";
const COMPARE: &str = "if your recovery sheet, or 'twinlock verify' on another machine of yours, shows this fingerprint, repeat with \
                       --accept-changed; if not, it is no backup of yours";
const OWN: &str = "Have you put it in the place of the other one yourself? Go on with it?";

impl Doubt {
    fn told(self, mark: &Mark) -> Told {
        let (message, question, hint) = match self {
            Self::OtherVault => (
                "this is another vault than the one last seen here".to_owned(),
                OWN,
                "if you put it there, repeat with --accept-changed; if not, somebody replaced the file",
            ),
            Self::OtherKey => (
                "this is another vault than the one last seen here: it holds another account key".to_owned(),
                OWN,
                RESTORED,
            ),
            Self::Rotated => (
                format!(
                    "the vault has got another account key since it was last seen here (fingerprint {})",
                    mark.short()
                ),
                ROTATED,
                "if you rotated it elsewhere and 'twinlock verify' shows this fingerprint there, too, repeat with \
                 --accept-changed; if not, somebody replaced the file",
            ),
            Self::RotatedFork => (
                format!(
                    "the vault has got another account key since it was last seen here (fingerprint {}), and not all writes \
                     seen here are in it",
                    mark.short()
                ),
                ROTATED,
                "if you rotated it elsewhere and 'twinlock verify' shows this fingerprint there, too, repeat with \
                 --accept-changed, and look in the other copy for what is missing here; if not, somebody replaced the file",
            ),
            Self::OlderKey { astray } => (
                format!("this vault file is from before the vault was rotated{}", old_key(astray)),
                "Have you put an older copy back yourself? Go on with it?",
                "if you restored a backup, repeat with --accept-changed, then 'twinlock rotate'; if not, somebody \
                 tampered with the file",
            ),
            Self::Older(writes) => (
                format!("this vault file is older than the one last seen here, by {}", count(writes, "write")),
                "Have you put an older copy back yourself? Go on with it?",
                RESTORED,
            ),
            Self::Fork(more) => (
                format!("this vault file went another way than the one last seen here{}", others(more)),
                "Have you put another copy in its place yourself? Go on with it?",
                "if you or a sync tool put this copy in the place of the other one, repeat with --accept-changed, and look in the other \
                 one for what is missing here; if not, somebody tampered with the file",
            ),
        };
        Told { message, question, hint: hint.to_owned() }
    }

    /// The same of a backup that is to be put in place; none where it is only an older one of what was there, as backups are. One from before
    /// a rotation is more than that: who rotates because of a thief does not want the thief's copy back.
    fn of_backup(self, mark: &Mark) -> Option<Told> {
        let what = match self {
            Self::Older(_) => return None,
            Self::OlderKey { astray } => {
                return Some(Told {
                    message: format!("the backup is from before the vault was rotated{}", old_key(astray)),
                    question: "Is it a copy that you made yourself? Put it in the place of the vault?",
                    hint: "if you made it yourself, repeat with --accept-changed, then 'twinlock rotate'; if not, try a later backup".to_owned(),
                });
            }
            Self::OtherVault => "the backup is of another vault than the one last seen here",
            Self::OtherKey => {
                "the backup holds another account key than the vault last seen here, and is another vault so"
            }
            Self::Rotated => "the backup has got another account key since the vault was last seen here",
            Self::RotatedFork => {
                "the backup has got another account key since the vault was last seen here, and not all writes seen here are in it"
            }
            Self::Fork(more) => {
                return Some(Told {
                    message: format!("the backup went another way than the vault last seen here{}", others(more)),
                    question: "Is it the copy that you want? Put it in its place?",
                    hint: "if it is the copy that you want, repeat with --accept-changed, and look in the other one for what is \
                           missing in it"
                        .to_owned(),
                });
            }
        };
        Some(Told {
            message: format!("{what} (fingerprint {})", mark.short()),
            question: COMPARED,
            hint: COMPARE.to_owned(),
        })
    }
}

/// What the old account key means.
fn old_key(astray: bool) -> &'static str {
    if astray {
        ", and holds writes that were not seen here: whoever had the old account key can read it, and may have made them"
    } else {
        ": whoever had the old account key can read it, and may have written it"
    }
}

/// What of it is missing, where a later file might be thought to have all of it.
fn others(more: u64) -> String {
    match more {
        0 => ": the last writes are others".to_owned(),
        more => format!(": it has {} more, but not all of those seen here", count(more, "write")),
    }
}

impl Session {
    /// Compares an unlocked vault with what is remembered of it; in doubt the person says whether it is right.
    pub(super) fn check_seen(&mut self, seen: &mut Seen, mark: &Mark) -> Result<(), CliError> {
        if let Some(doubt) = seen.doubt(mark) {
            self.settle(doubt.told(mark), MENDED)?;
            seen.settled = true;
        } else if let Some(word) = seen.word(mark) {
            warn(&word);
        }
        Ok(())
    }

    /// The same for a backup, before anything is replaced by it: what `list` would refuse must not come in by `restore`. True: a person was
    /// asked, and wants it. `force`: what is there wants that option, too, where nobody can be asked.
    pub(super) fn check_backup(&mut self, doubt: Option<Doubt>, mark: &Mark, force: bool) -> Result<bool, CliError> {
        let Some(mut told) = doubt.and_then(|doubt| doubt.of_backup(mark)) else { return Ok(false) };
        if force {
            told.hint = told.hint.replace("--accept-changed", "--accept-changed --force");
        }
        self.settle(told, ANOTHER)?;
        Ok(!self.global.accept_changed)
    }

    /// `mended`: what to do after a no.
    fn settle(&mut self, Told { message, question, hint }: Told, mended: &str) -> Result<(), CliError> {
        if self.global.accept_changed {
            warn(&message);
            return Ok(());
        }
        if self.interactive() {
            warn(&message);
            return self.confirm(false, question).map_err(|error| match error {
                // A no says that the file is wrong: what to do about that is the next question.
                CliError::Declined => CliError::Plain {
                    message: "stopped as you said; nothing was changed".into(),
                    hint: mended.into(),
                    code: FIXABLE,
                },
                other => other,
            });
        }
        Err(CliError::Plain { message, hint: hint.into(), code: super::report::DAMAGED })
    }
}
