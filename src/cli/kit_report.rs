//! What a person reads about a kit: what it is to the vault, and why it cannot be used.

use super::report::{CliError, DAMAGED, FIXABLE, NOT_FOUND, count};
use crate::header::HeaderError;
use crate::kit::KitError;
use crate::paper::ScanError;
use crate::vault::{Change, KitStanding, RestoreError};

/// What was found in a file is no kit, or parts of one.
pub fn unreadable(error: &KitError) -> CliError {
    let (code, hint) = match error {
        KitError::Nothing => (NOT_FOUND, "name a photo, scan, PDF or text of a kit with --kit"),
        KitError::Missing { .. } => (FIXABLE, "add what has the others: --kit ONE --kit ANOTHER"),
        KitError::Mixed => (FIXABLE, "name the files of one kit only; which they are is printed on it"),
        KitError::Version(_) => (DAMAGED, "use a newer twinlock"),
        KitError::Check(_) | KitError::Character(_) | KitError::CutShort => {
            (DAMAGED, "compare what was typed with the paper, or take the QR code")
        }
        _ => (DAMAGED, "take another copy of the kit, or another way into the vault"),
    };
    CliError::Plain { message: error.to_string(), hint: hint.into(), code }
}

/// Nothing in a file looks like a kit.
pub fn nothing_in(path: &str, what: &str) -> CliError {
    let (message, hint) = match what {
        "image" => (
            format!("no QR code of a kit can be read in '{path}'"),
            "take the photo again: straight from above, in good light, each code at least a third of the picture's width".into(),
        ),
        "SVG" => (
            format!("no kit is in '{path}'"),
            "if it is one, make an image of it: 'rsvg-convert -o kit.png' and its name".into(),
        ),
        "PDF" => (
            format!("no kit is in '{path}'"),
            format!("if it is a scan, make an image of it: pdftoppm -r 200 -png {} kit", super::command::path(path)),
        ),
        _ => (format!("no kit is in '{path}'"), "a kit has lines that begin with 'TWINLOCK-KIT'".into()),
    };
    CliError::Plain { message, hint: hint.into(), code: NOT_FOUND }
}

/// An image that cannot be looked at.
pub fn no_image(path: &str, error: &ScanError) -> CliError {
    let hint = match error {
        ScanError::Unreadable(_) => "save it as PNG or JPEG, and try again",
        ScanError::TooLong => "name a file with nothing else in it: an image, a PDF, or the text",
        ScanError::TooLarge => "make it smaller: 3,000 pixels a side are enough",
    };
    CliError::Plain { message: format!("'{path}': {error}"), hint: hint.into(), code: FIXABLE }
}

/// Why a kit that was read is not used.
pub fn refused(error: RestoreError, kit: &str) -> CliError {
    let (message, hint, code) = match error {
        RestoreError::Vault(error) => return error.into(),
        RestoreError::Header(HeaderError::Tag) => (
            "the kit was altered by something other than twinlock".to_owned(),
            "do not trust it: take another copy, or another way into the vault",
            DAMAGED,
        ),
        RestoreError::Header(HeaderError::Malformed(why)) => {
            (format!("the kit is damaged: {why}"), "take another copy of it", DAMAGED)
        }
        RestoreError::Header(error) => {
            (error.to_string().replace("the vault", "the kit"), "use a newer twinlock", DAMAGED)
        }
        RestoreError::OtherVault(vault) => (
            format!("the kit is of another vault: it is of '{kit}', and this is '{vault}' with another id"),
            "name the right vault file with --vault, or the right kit",
            FIXABLE,
        ),
        RestoreError::Unproven => (
            "the vault's header is lost, and this kit does not prove what its items should be: it is older than the header \
             that was lost, or the items are damaged, too; nothing was written"
                .to_owned(),
            "take a newer kit, or a copy made by 'twinlock backup'",
            DAMAGED,
        ),
        RestoreError::Altered => (
            "the vault's header is damaged, and so are its items: some are missing, or were put back; nothing was written"
                .to_owned(),
            "restore a copy made by 'twinlock backup'",
            DAMAGED,
        ),
        RestoreError::Changed => {
            ("another process changed the vault meanwhile; nothing was written".to_owned(), "try again", super::report::BUSY)
        }
    };
    CliError::Plain { message, hint: hint.into(), code }
}

/// One change since the kit was made.
pub fn change(change: &Change) -> String {
    match change {
        Change::Wrapped(name) => {
            format!(
                "keyslot '{name}' was wrapped anew since (a new password, perhaps): the old factors open this kit, the new ones do not"
            )
        }
        Change::Wiped(name) => format!("keyslot '{name}' was wiped since: this kit still opens by it"),
        Change::Added(name) => format!("keyslot '{name}' is new since: it is not in this kit"),
        Change::Renamed(old, new) => format!("keyslot '{old}' is called '{new}' now"),
    }
}

/// What the end of a comparison is where the kit is not the vault's.
pub fn standing(standing: &KitStanding) -> Option<CliError> {
    let (message, hint, code) = match standing {
        KitStanding::Current | KitStanding::Damaged(_) => return None,
        KitStanding::Older { by, .. } => (
            format!(
                "the kit is older than the vault by {}, and whoever has it and its old factors opens the newest vault, too",
                count(*by, "header write")
            ),
            "make a new kit ('twinlock kit export'), destroy the old one; if it may be in wrong hands, rotate ('twinlock rotate')",
            FIXABLE,
        ),
        KitStanding::Newer { by } => (
            format!(
                "the vault file is older than the kit by {}: an older copy was put in its place",
                count(*by, "header write")
            ),
            "look for the newer vault file; if you restored a backup yourself, make a new kit",
            DAMAGED,
        ),
        KitStanding::Fork => (
            "the kit is of another copy of this vault, which went another way since: as many header writes, but others"
                .to_owned(),
            "look for the copy of the vault that the kit was made from, and decide which one to keep",
            DAMAGED,
        ),
        KitStanding::BeforeRotation { kit, vault } => (
            format!(
                "the kit is from before a rotation (epoch {kit}, the vault has epoch {vault}): it opens only copies of the vault from before it"
            ),
            "use another way into the vault, and make a new kit",
            FIXABLE,
        ),
        KitStanding::AfterRotation { kit, vault } => (
            format!("the vault file is from before a rotation (epoch {vault}), the kit from after it (epoch {kit})"),
            "look for the newer vault file",
            DAMAGED,
        ),
    };
    Some(CliError::Plain { message, hint: hint.into(), code })
}
