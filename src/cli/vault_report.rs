//! Errors of rotations, and of records that something else has changed, as a person reads them: part of `report`, which is the way here.

use super::command::{Line, Names};
use super::report::{ACCEPT, BUSY, DAMAGED, Explained, FIXABLE, LOCKED, count};
use super::sentence::Sentence;
use crate::vault::{Altered, VaultError};

/// An item that is there, or is no longer as it was.
pub(super) fn item(error: &VaultError) -> Explained {
    let command = |what: &str, name: &str| Line::new(what).value(Names::Proven.of(name));
    match error {
        VaultError::ItemExists(name) => {
            let hint = Sentence::with("choose another name, or change it", command("edit", name));
            Explained::new(FIXABLE, error, hint)
        }
        VaultError::ItemChanged(name) => {
            Explained::new(BUSY, error, Sentence::with("try again after a look at it", command("get", name)))
        }
        other => unreachable!("{other} is not of an item"),
    }
}

/// Why a rotation did not happen, or another write.
pub(super) fn rotation(error: &VaultError) -> Explained {
    match error {
        VaultError::Rotated => Explained::new(BUSY, error, "run the command again"),
        VaultError::HeaderChanged => Explained::new(BUSY, error, "nothing was changed; run the command again"),
        VaultError::CannotKeep(kept) => cannot_keep(error, kept),
        VaultError::WrongForKeyslot { keyslot, .. } => Explained::new(
            LOCKED,
            error,
            Sentence::with(
                "nothing was changed; give what opens it, or do without the keyslot",
                dropping([keyslot.as_str()]),
            ),
        ),
        VaultError::PasswordOfCustodians(name) => {
            let change = super::passwd::only_in(name);
            Explained::new(
                FIXABLE,
                error,
                Sentence::with("to change it, when they are here to choose a new one", change),
            )
        }
        VaultError::CountedOut => Explained::new(
            DAMAGED,
            error,
            "no vault comes there by being used: restore a copy made by 'twinlock backup', or move its items into a new one",
        ),
        VaultError::ReadBack => Explained::new(DAMAGED, error, "look at the disk and the memory of this machine"),
        VaultError::Stopped => Explained::new(FIXABLE, error, ""),
        other => unreachable!("{other} is not of a rotation"),
    }
}

/// The command that rotates without these keyslots.
fn dropping<'a>(names: impl IntoIterator<Item = &'a str>) -> Line {
    let with = |line: Line, name| line.option("--drop", Names::Proven.of(name));
    names.into_iter().fold(Line::new("rotate"), with)
}

fn cannot_keep(error: &VaultError, kept: &[(String, String)]) -> Explained {
    let drop = dropping(kept.iter().map(|(name, _)| name.as_str()));
    let mut explained = Explained::new(FIXABLE, error, Sentence::with("bring what is missing, or do without", drop));
    if kept.len() > 1 {
        explained.notes = kept.iter().map(|(name, why)| format!("keyslot '{name}': {why}")).collect();
    }
    explained
}

/// What something else has done to the records.
pub(super) fn altered(error: &VaultError, altered: &Altered) -> Explained {
    let mut explained = Explained::new(DAMAGED, error, ACCEPT);
    let mut say = |what: &str, names: &[String]| {
        explained.notes.extend(names.iter().map(|name| format!("'{name}' {what}")));
    };
    say("was deleted", &altered.deleted);
    say("is not as it was last written: an older one was put back", &altered.replaced);
    say("was put into the vault, or back into it", &altered.put_back);
    say("cannot be opened: it is damaged, or of another vault", &altered.unreadable);
    let later = altered.mixed.iter().any(|(_, epoch)| *epoch > altered.epoch);
    explained.notes.extend(altered.mixed.iter().map(|(name, epoch)| {
        if *epoch > altered.epoch {
            format!("'{name}' is sealed under a later account key than this header's (its number {epoch})")
        } else {
            format!("'{name}' is sealed under an account key that the vault had before (its number {epoch})")
        }
    }));
    if later {
        // To accept them would be to throw them away.
        explained.hint = Some("the header is from before a rotation: restore a copy made by 'twinlock backup'".into());
    }
    if altered.is_unexplained() || altered.count.0 != altered.count.1 {
        let (want, have) = altered.count;
        explained.notes.push(format!("there should be {}, and there are {have}", count(want, "item")));
    }
    explained
}
