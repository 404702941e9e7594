//! `twinlock restore`

use super::init::make_folder;
use super::report::{CliError, FIXABLE, count, prose, warn};
use super::restore_kit;
use super::seen::{Doubt, Seen};
use super::session::Session;
use crate::store::StoreError;
use crate::store::sqlite::SqliteStore;
use crate::vault::{Standing, Vault, now};
use std::path::{Path, PathBuf};

/// Put a backup in the place of the vault, or where there is none; or hold a kit against the vault, and put its header back
///
/// The backup is opened first, and every item in it. What lies in the vault's place stays beside the new file, unless it is the same;
/// if it is newer, or another vault, it is replaced only when told to. A backup of another vault or account key than this machine has
/// seen there, or one that went another way, is asked about, or taken with --accept-changed.
///
/// With --kit it is told what the kit is to the vault; a header that is lost or damaged is put back from it. A vault that is not
/// damaged is not written to.
#[derive(clap::Args)]
pub struct Args {
    /// The backup
    #[arg(conflicts_with = "kit")]
    #[cfg_attr(feature = "keychain", arg(required_unless_present_any = ["kit", "keychain"], conflicts_with = "keychain"))]
    #[cfg_attr(not(feature = "keychain"), arg(required_unless_present = "kit"))]
    file: Option<PathBuf>,
    #[command(flatten)]
    kit: restore_kit::Args,
    /// Also in the place of a vault that is newer than the backup, or another one; with --kit, do not ask before a header is written
    /// that differs from the lost one
    #[arg(long, short)]
    force: bool,
}

/// What lies in the vault's place, and whether it may be needed again.
struct There {
    /// What is to be said before it is replaced.
    matter: Option<String>,
    /// Whether somebody must say so first.
    ask: bool,
    /// Whether it stays beside the new file. Fewer writes do not mean that all of them are in the backup.
    keep: bool,
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let Some(file) = self.file else { return self.kit.run(session, self.force) };
        let target = session.vault_path()?;
        if let (Ok(from), Ok(to)) = (file.canonicalize(), target.canonicalize())
            && from == to
        {
            return Err(CliError::Usage {
                message: format!("'{}' is the vault itself", file.display()),
                hint: "name a copy that 'twinlock backup' has made".into(),
            });
        }
        let source = SqliteStore::open(&file).map_err(of_backup)?;
        source.integrity().map_err(of_backup)?;
        let mut vault = session.unlock_file(&file)?;
        vault.verify()?;
        place(session, &mut vault, &source, &target, self.force)?;
        Ok(())
    }
}

/// Puts what `source` holds, which is open as `vault`, in the place of the vault file.
pub fn place(
    session: &mut Session,
    vault: &mut Vault,
    source: &SqliteStore,
    target: &Path,
    force: bool,
) -> Result<(), CliError> {
    let mut seen = Seen::load(target);
    let rolled = seen.doubt(&vault.mark());
    let (known, had) = (seen.knows(&vault.mark()), seen.had(&vault.mark()));
    let there = look(vault, target, known)?;
    let ask = there.as_ref().is_some_and(|there| there.ask);
    if let Some(matter) = there.as_ref().and_then(|there| there.matter.as_ref()) {
        if ask && !force && !session.interactive() {
            session.check_backup(rolled, &vault.mark(), true)?;
            return Err(CliError::Plain {
                message: matter.clone(),
                hint: "if the backup is to take its place, repeat with --force; what is there stays beside it".into(),
                code: FIXABLE,
            });
        }
        warn(matter);
    }
    // Who has answered this is not asked for the same once more.
    let wanted = session.check_backup(rolled, &vault.mark(), false)?;
    if let (None, Some(word)) = (rolled, seen.word(&vault.mark())) {
        warn(&word);
    }
    if ask && !wanted {
        session.confirm(force, "Put the backup in its place? What is there stays beside it.")?;
    }
    // A new machine has no folder for a vault yet.
    make_folder(session, target)?;
    let copy = source.copy_beside(target)?;
    let (mark, report) = vault.verify_copy(&mut copy.open()?)?;
    if mark != vault.mark() {
        return Err(StoreError::Busy.into());
    }
    let aside = copy.publish(&aside_name(target))?;
    vault.verify_copy(&mut SqliteStore::open(target)?)?;
    seen.accept(&mark);
    session.note_proof(vault);
    prose(&format!(
        "restored the vault '{}' to '{}': {}, {}",
        vault.header().name,
        target.display(),
        count(report.items, "item"),
        count(report.sequence, "write")
    ));
    match (aside, there.is_some_and(|there| there.keep)) {
        (Some(aside), true) => prose(&format!("what was there is in '{}'", aside.display())),
        // It is the same vault in the same state.
        (Some(aside), false) => drop(std::fs::remove_file(aside)),
        (None, _) => {}
    }
    let fingerprint = mark.short();
    prose(&match (known, had) {
        (_, true) => {
            format!("its fingerprint is {fingerprint}, which is that of an account key from before a rotation")
        }
        (true, false) => format!("its fingerprint is {fingerprint}, which this machine knows"),
        (false, false) => format!(
            "its fingerprint is {fingerprint}; compare it with your recovery sheet, or with 'twinlock verify' on another machine"
        ),
    });
    match rolled {
        Some(Doubt::Older(writes)) => {
            warn(&format!("it is older than what was last seen here: {} not in it", lost(writes)));
        }
        Some(Doubt::OlderKey { .. }) => warn(
            "it is from before the vault was rotated: whoever had the old account key can read what is added to it; \
             'twinlock rotate' gives it a new one",
        ),
        _ => {}
    }
    Ok(())
}

fn lost(writes: u64) -> String {
    format!("{} {}", count(writes, "write"), if writes == 1 { "is" } else { "are" })
}

/// What lies in the vault's place. `known`: this machine has seen the backup's account key before.
fn look(vault: &Vault, target: &Path, known: bool) -> Result<Option<There>, CliError> {
    let at = target.display();
    let unreadable = |why: String| There {
        matter: Some(format!("what is in '{at}' cannot be used: {why}")),
        ask: false,
        keep: true,
    };
    let mut store = match SqliteStore::open(target) {
        Ok(store) => store,
        Err(StoreError::NotFound(_)) => return Ok(None),
        Err(error @ (StoreError::NotAVault { .. } | StoreError::Damaged(_))) => {
            return Ok(Some(unreadable(error.to_string())));
        }
        Err(error) => return Err(error.into()),
    };
    let standing = match vault.standing(&mut store) {
        Err(crate::vault::VaultError::Store(StoreError::Damaged(why))) => Standing::Unreadable(why),
        other => other?,
    };
    let asks = |matter: String| There { matter: Some(matter), ask: true, keep: true };
    Ok(Some(match standing {
        Standing::Same => There { matter: None, ask: false, keep: false },
        Standing::Older(_) => There { matter: None, ask: false, keep: true },
        Standing::BeforeRotation => There {
            // A later epoch is soon written into a file: who had the old account key, or a token's public key, can forge it.
            matter: Some(if known {
                format!("the vault in '{at}' is from before the one in the backup was rotated")
            } else {
                format!("the backup calls itself a later one of the vault in '{at}', rotated since")
            }),
            ask: !known,
            keep: true,
        },
        Standing::Newer(writes) => {
            asks(format!("the vault in '{at}' is newer than the backup: {} not in it", lost(writes)))
        }
        Standing::AfterRotation => asks(format!(
            "the vault in '{at}' is newer than the backup: it was rotated since, and has another account key"
        )),
        Standing::Fork => {
            asks(format!("the vault in '{at}' went another way than the backup: the last writes are others"))
        }
        Standing::OtherVault => asks(format!("in '{at}' is another vault")),
        Standing::Unreadable(why) => unreadable(why),
    }))
}

/// `vault.twinlock.before-20260131T235959Z`, with a number where two are restored in one second.
fn aside_name(target: &Path) -> String {
    let time: String = now().chars().filter(|c| !"-:".contains(*c)).collect();
    let real = target.canonicalize().unwrap_or_else(|_| target.to_owned());
    let name = format!("{}.before-{time}", real.file_name().unwrap_or_default().to_string_lossy());
    let numbered = (2u32..).map(|n| format!("{name}-{n}"));
    let free = |name: &String| std::fs::symlink_metadata(real.with_file_name(name)).is_err();
    std::iter::once(name.clone()).chain(numbered).find(free).unwrap_or_else(|| unreachable!("no folder has 2^32 files"))
}

/// An error about the backup must not be answered with a hint about the vault.
fn of_backup(error: StoreError) -> CliError {
    let hint = match &error {
        StoreError::NotFound(_) => "look for a typing error in its name",
        StoreError::NotAFile { .. } | StoreError::NotAVault { .. } | StoreError::Damaged(_) => {
            "nothing was changed; restore another backup"
        }
        _ => return error.into(),
    };
    let code = if matches!(error, StoreError::NotFound(_)) { 4 } else { 5 };
    CliError::Plain { message: error.to_string(), hint: hint.into(), code }
}
