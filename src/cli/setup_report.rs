//! What went wrong while a YubiKey was being set up, and what helps. A part of `report`, which knows all errors.

use super::report::{DAMAGED, Explained, FIXABLE, LOCKED, TOKEN, USAGE};
use crate::factor::piv::SetupError;

pub(super) fn explain(error: &SetupError) -> Explained {
    let (code, hint) = match error {
        SetupError::PukLocked { .. } => (
            TOKEN,
            "its keys work as long as its PIN does; if that is blocked too, only a reset helps, which erases all of them: 'ykman piv reset'",
        ),
        SetupError::PukWrong { .. } => {
            (LOCKED, "be sure of the PUK before the next try: once it is blocked, nothing but a reset helps")
        }
        SetupError::CodeForm { .. } => {
            (LOCKED, "it has 6 to 8 characters, and is not the one that all YubiKeys come with")
        }
        SetupError::FinalPukTry { .. } => {
            (TOKEN, "if you are sure of the PUK, repeat with --force-pin; once it is blocked, only a reset helps")
        }
        SetupError::NotBlocked { .. } => (FIXABLE, "to set it anew all the same, with the PUK, repeat with --force"),
        SetupError::NotTaken { .. } => {
            (TOKEN, "choose another one: new YubiKeys refuse what is too simple, as one digit again and again is")
        }
        SetupError::Unsure { .. } => (
            TOKEN,
            "pull it out, put it back: 'twinlock token list' shows, and spends no try, whether it is blocked or still the factory's; else, if two tries are left, try the new one, then the old one",
        ),
        SetupError::CodeChanged { .. } => {
            (FIXABLE, "run it again: it looks at the token anew, and asks for what it needs")
        }
        SetupError::SlotChanged { .. } => {
            (FIXABLE, "another program has used it meanwhile: run it again to see what is there now")
        }
        SetupError::Unfinished { .. } => {
            (FIXABLE, "go on with it by --finish; or leave it there, and name another PIV slot with --piv-slot")
        }
        SetupError::Unattested { .. } => (
            TOKEN,
            "leave it there and name another PIV slot with --piv-slot; or give it up with --overwrite, for ever",
        ),
        SetupError::ManagementKeyWrong { .. } => {
            (LOCKED, "nothing counts wrong ones: try again; 'ykman piv info' tells what kind it is")
        }
        SetupError::ManagementKeyForm { .. } => {
            (LOCKED, "check what was typed, or what the file of --management-key-file holds in its first line")
        }
        SetupError::CannotMake { .. } => {
            (TOKEN, "choose another with --algorithm: every YubiKey 4 and 5 can do p256; x25519 needs firmware 5.7")
        }
        SetupError::SlotUsed { .. } => {
            (FIXABLE, "leave out --piv-slot to take a free one; or give up what is in it with --overwrite, for ever")
        }
        SetupError::NoFreeSlot { .. } => (
            FIXABLE,
            "name one to be overwritten: --piv-slot 82 --overwrite; 'twinlock token list' shows what is in them",
        ),
        SetupError::NotConfirmed { .. } => {
            (FIXABLE, "it is printed on the YubiKey, and 'twinlock token list' shows it")
        }
        SetupError::Forged { .. } => (DAMAGED, "do not trust this token or its reader: use another one"),
        SetupError::NotProven { .. } => (
            TOKEN,
            "run it again without --attestation-root to use the key all the same (after a setup with --finish); or give the certificates of its maker",
        ),
        SetupError::BadRoots { .. } => (USAGE, "give certificates, PEM or DER, as the token's maker publishes them"),
        SetupError::Stopped { .. } => (
            TOKEN,
            "put it back and run the same command again: it offers to go on where this one stopped (--finish: without asking)",
        ),
    };
    Explained::new(code, error, hint)
}
