//! `twinlock rotate`

use super::command::{Line, Names};
use super::progress::Bar;
use super::report::{CliError, count, prose, warn};
use super::sentence::Sentence;
use super::session::Session;
use super::ways_in::{of_structure, tell};
use crate::factor::{Role, role};
use crate::header::{Header, Keyslot, Stanza};
use crate::prompt::Stoppable;
use crate::vault::{Need, Stage, Vault};
use std::ops::ControlFlow;

/// Give the vault a new account key: what had the old one opens only the old data
///
/// Every item is sealed anew, and every keyslot wrapped anew. A token may stay in its drawer where its public key is enough; what
/// else is needed is said first, and asked for before anything is written. It happens as a whole or not at all, also when it is
/// stopped or killed.
#[derive(clap::Args, Default)]
pub struct Args {
    /// Drop this keyslot instead of keeping it; may be repeated
    #[arg(long, value_name = "NAME")]
    drop: Vec<String>,
    /// Do not ask whether to begin, and keep a weak password
    #[arg(long, short)]
    force: bool,
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let mut vault = session.unlock_keeping_tokens()?;
        self.rotate(&mut vault, session)
    }

    /// The same with an open vault.
    pub fn rotate(&self, vault: &mut Vault, session: &mut Session) -> Result<(), CliError> {
        vault.check_room()?;
        vault.check()?;
        let here = tokens_here(vault.header(), session);
        let mut here = |stanza: &Stanza| here.contains(&stanza.share);
        self.tell(vault, &mut here)?;
        // What cannot be kept is an error without a question.
        if session.interactive() && !self.force && self.can(vault, &mut here)? {
            session.confirm(false, "Rotate it now?")?;
        }
        let prompt = session.prompt.as_mut();
        let (force, openers) = (self.force, &mut session.openers);
        let rotation = vault.prepare_rotation(&self.drop, force, &mut here, openers, prompt)?;
        session.dismiss_tokens();
        let mut work = Stoppable::begin();
        let mut bar = Bar::new(session.global.plain);
        let before = vault.header().clone();
        let rotated = vault.rotate(rotation, &mut |progress| {
            let what = match progress.stage {
                Stage::Sealing => "sealing anew",
                Stage::Writing => "writing",
                Stage::Reading => "reading back",
            };
            bar.show(what, progress.done, progress.total);
            if work.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        drop((bar, work));
        let rotated = rotated?;
        prose(&format!(
            "rotated the vault '{}': {} and {} under a new account key (its number {})",
            vault.header().name,
            count(rotated.items, "item"),
            count(vault.header().keyslots.len() as u64, "keyslot"),
            rotated.epoch
        ));
        // All of them: whatever was asked for is wrapped anew.
        session.end_gone(&before, vault.header());
        for name in &self.drop {
            prose(&format!("dropped keyslot '{name}'"));
        }
        if !self.drop.is_empty() {
            super::confirm::warn_of_old(vault, false);
        }
        warn(
            "older copies of the vault file, and account keys exported before, still open what was in the vault until \
             now: destroy those you do not need, and change the passwords that others may have read",
        );
        prose(&format!("another machine asks once; there, too, the fingerprint is {}", vault.mark().short()));
        tell(&of_structure(vault.header(), Names::Proven));
        Ok(())
    }

    /// Whether every keyslot can be kept or is to be dropped.
    fn can(&self, vault: &Vault, here: &mut dyn FnMut(&Stanza) -> bool) -> Result<bool, CliError> {
        let needs = vault.rotation_needs(&self.drop, here)?;
        Ok(!needs.iter().any(|needed| matches!(needed.need, Need::Lost(_))))
    }

    /// Says what will happen to each keyslot, and what will be asked for.
    fn tell(&self, vault: &Vault, here: &mut dyn FnMut(&Stanza) -> bool) -> Result<(), CliError> {
        for needed in vault.rotation_needs(&self.drop, here)? {
            let theirs = vault.header().keyslot(&needed.keyslot).is_some_and(Keyslot::custodians);
            let drop = Line::new("rotate").option("--drop", Names::Proven.of(&needed.keyslot));
            let what = match needed.need {
                Need::Nothing => "is kept, nothing is asked".to_owned(),
                // Who rotates is asked for what others keep: they may be far away.
                Need::Asked(what) if theirs => {
                    let (name, what) = (&needed.keyslot, listed(&what));
                    let kept = format!(
                        "keyslot '{name}' is kept with {what} of its custodians; if they are not here, do without"
                    );
                    Sentence::with(kept, drop).say("");
                    continue;
                }
                Need::Asked(what) => format!("is kept with {}", what.join(" and ")),
                Need::NewPassword(tokens) => format!(
                    "is kept with a new password, as the one it has could be checked only with {}",
                    tokens.join(" and ")
                ),
                Need::Lost(why) => format!("cannot be kept: {why}"),
            };
            prose(&format!("keyslot '{}' {what}", needed.keyslot));
        }
        for name in &self.drop {
            prose(&format!("keyslot '{name}' is dropped"));
        }
        Ok(())
    }
}

/// `a, b and c`.
fn listed(words: &[String]) -> String {
    match words {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        words => words.concat(),
    }
}

/// The factors of all keyslots whose token is here, by their share, which no two have in common.
fn tokens_here(header: &Header, session: &mut Session) -> Vec<[u8; 32]> {
    let factors = header.keyslots.iter().flat_map(|slot| &slot.factors);
    let tokens = factors.filter(|stanza| role(&stanza.kind) == Role::Token);
    tokens.filter(|stanza| session.has_token(stanza)).map(|stanza| stanza.share).collect()
}
