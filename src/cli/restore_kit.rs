//! `twinlock restore --kit`

use super::kit_report::{change, no_image, nothing_in, refused, standing, unreadable};
use super::report::{CliError, NOT_FOUND, count, prose, warn};
use super::seen::Seen;
use super::session::Session;
use crate::encode::base32;
use crate::header::KitHeader;
use crate::kit::{Gathered, KitError};
use crate::paper::scan;
use crate::store::sqlite::SqliteStore;
use crate::store::{Store, StoreError};
use crate::vault::{Change, Damage, KitStanding, OpenKit, RestoreError, VaultError, Wish};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes of a file that is looked at for a kit.
const MAX_FILE: u64 = 256 << 20;

/// What a kit is restored from.
#[derive(clap::Args)]
#[group(skip)]
pub struct Args {
    /// A kit: a photo or scan (PNG, JPEG), the PDF, or its text (- is standard input); may be repeated for kits of several codes
    #[arg(long = "kit", value_name = "FILE")]
    kit: Vec<PathBuf>,
    /// Take the kit from the system's keychain
    #[cfg(feature = "keychain")]
    #[arg(long, conflicts_with = "kit")]
    keychain: bool,
}

impl Args {
    pub fn run(self, session: &mut Session, force: bool) -> Result<(), CliError> {
        let mut gathered = Gathered::new();
        for path in &self.kit {
            read(path, &mut gathered)?;
        }
        #[cfg(feature = "keychain")]
        if self.keychain {
            gathered.take(&super::keychain::load(session)?).map_err(|error| unreadable(&error))?;
        }
        run_with(&gathered, session, force)
    }
}

fn run_with(gathered: &Gathered, session: &mut Session, force: bool) -> Result<(), CliError> {
    let text = gathered.text().map_err(|error| unreadable(&error))?;
    let header = KitHeader::parse(&text).map_err(|error| refused(RestoreError::Header(error), ""))?;
    let (name, what) = (header.header().name.clone(), describe(&header));
    prose(&what);
    let path = session.vault_path()?;
    let mut store = match session.store() {
        Ok(store) => Some(store),
        Err(CliError::Vault(VaultError::Store(StoreError::NotFound(_)))) => None,
        Err(error) => return Err(error),
    };
    // Before the vault is read, as for every command.
    let mut seen = Seen::load(&path);
    let brought = session.answers()?;
    session.prepare_tokens()?;
    let wish = Wish {
        keyslot: session.global.keyslot.as_deref(),
        brought: brought.as_ref(),
        password: session.global.password_file.is_some(),
        recovery: session.global.recovery_file.is_some(),
        writes: false,
    };
    let vault = store.as_mut().map(|store| store as &mut dyn Store);
    let kit = OpenKit::open(text, vault, wish, &mut session.openers, session.prompt.as_mut())
        .map_err(|error| refused(error, &name))?;
    session.dismiss_tokens();
    prose(&format!("keyslot '{}' opens it; fingerprint {}", kit.opened_by(), base32::fingerprint(&kit.fingerprint())));
    let Some(mut store) = store else { return Err(no_vault(&path)) };
    let compared = kit.compare(store.snapshot()?.as_ref()).map_err(|error| refused(error, &name))?;
    match compared {
        KitStanding::Damaged(damage) => put_back(session, &mut seen, kit, store, &damage, force),
        KitStanding::BeforeRotation { .. } | KitStanding::AfterRotation { .. } => {
            standing(&compared).map_or(Ok(()), Err)
        }
        compared => intact(session, seen, kit, store, &compared),
    }
}

/// The header is not right, and the kit vouches for the items: a header is put back.
fn put_back(
    session: &mut Session,
    seen: &mut Seen,
    kit: OpenKit,
    mut store: SqliteStore,
    damage: &Damage,
    force: bool,
) -> Result<(), CliError> {
    let name = kit.header().name.clone();
    warn("the vault's header is lost or damaged; its items are whole, and the kit's account key opens them");
    let mark = kit.mark(store.snapshot()?.as_ref(), damage).map_err(|error| refused(error, &name))?;
    session.check_seen(seen, &mark)?;
    let kept = kit.header().keyslots.iter().map(|slot| format!("'{}'", slot.name)).collect::<Vec<_>>().join(", ");
    if !damage.recent {
        warn(&format!(
            "the kit is older than the header that was lost: the ways in will be those of the kit again ({kept}), with the factors \
             of then, and later ones are gone"
        ));
    } else if let (Some(of), false) = (kit.of(), damage.exact) {
        let lost = of - kit.header().keyslots.len();
        warn(&format!(
            "the kit has only these of the vault's {}: {kept}; {lost} will be gone",
            count(of as u64, "keyslot")
        ));
    }
    if !damage.exact {
        session.confirm(force, "Write a header with these ways in?")?;
    }
    let mut vault = kit.restore(Box::new(store), damage).map_err(|error| refused(error, &name))?;
    seen.remember(&vault.mark());
    let report = vault.verify()?;
    let how = if damage.exact { "byte for byte" } else { "signed anew" };
    prose(&format!("put the header back, {how}: generation {}, {}", report.generation, count(report.items, "item")));
    if !damage.exact {
        prose("enroll what is missing ('twinlock keyslot enroll'), and make a new kit ('twinlock kit export')");
    }
    Ok(())
}

/// The vault's header is right: nothing is written, and all is looked at.
fn intact(
    session: &mut Session,
    mut seen: Seen,
    kit: OpenKit,
    store: SqliteStore,
    compared: &KitStanding,
) -> Result<(), CliError> {
    let name = kit.header().name.clone();
    let mut vault = kit.into_vault(Box::new(store)).map_err(|error| refused(error, &name))?;
    session.check_seen(&mut seen, &vault.mark())?;
    seen.remember(&vault.mark());
    let report = vault.verify()?;
    prose(&format!(
        "the vault '{}' is whole: {}, header generation {}",
        vault.header().name,
        count(report.items, "item"),
        report.generation
    ));
    if *compared == KitStanding::Current {
        prose("the kit is current; nothing needed mending, nothing was written");
        return Ok(());
    }
    if let KitStanding::Older { by, changes } = compared {
        for what in changes {
            warn(&change(what));
        }
        if !changes.iter().any(|change| matches!(change, Change::Wrapped(_) | Change::Wiped(_))) {
            prose(&format!(
                "the header was written {} since the kit was made, and the kit's keyslots are still as they are in it; nothing was written",
                count(*by, "time")
            ));
            return Ok(());
        }
    }
    standing(compared).map_or(Ok(()), Err)
}

/// What the kit says of itself, before anything of it is proven.
fn describe(kit: &KitHeader) -> String {
    let header = kit.header();
    let keyslots = count(header.keyslots.len() as u64, "keyslot");
    let of =
        kit.of.map_or(keyslots.clone(), |of| format!("{} of {}", header.keyslots.len(), count(of as u64, "keyslot")));
    format!(
        "a kit of the vault '{}': epoch {}, header generation {}, {of}",
        header.name, header.epoch, header.generation
    )
}

fn no_vault(path: &Path) -> CliError {
    CliError::Plain {
        message: format!("the kit is right, and there is no vault at '{}' to hold it against", path.display()),
        hint: "a kit holds no items: put a backup of the vault there ('twinlock restore FILE'), or name the vault file with --vault"
            .into(),
        code: NOT_FOUND,
    }
}

/// Takes the parts in a file.
fn read(path: &Path, gathered: &mut Gathered) -> Result<(), CliError> {
    let failed = |error| CliError::File { doing: "read the kit", path: path.into(), error };
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(MAX_FILE).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        File::open(path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes)).map_err(failed)?;
    }
    let name = path.display().to_string();
    let enough = |texts: &[String]| {
        let mut all = gathered.clone();
        texts.iter().all(|text| all.take(text).is_ok()) && all.text().is_ok()
    };
    let scanned = scan(&bytes, &enough).map_err(|error| no_image(&name, &error))?;
    let mut found = 0;
    for text in &scanned.texts {
        found += gathered.take(text).map_err(|error: KitError| unreadable(&error))?;
    }
    if found == 0 { Err(nothing_in(&name, scanned.what)) } else { Ok(()) }
}
