//! `twinlock keyslot`

use super::command::Names;
use super::factors::{Maker, Making, Spec, check_specs, check_threshold, default_name, look_early};
use super::out;
use super::piv::Known;
use super::proofs::Proofs;
use super::report::{CliError, prose, warn};
use super::session::Session;
use super::ways_in::{tell_left, warnings};
use crate::factor::{Role, describe, role, ways};
use crate::header::{Header, Keyslot};
use crate::secret::CodeText;
use crate::store::sqlite::SqliteStore;
use crate::vault::{NewKeyslot, Vault, VaultError, Weaker, check_name, peek};
use serde_json::{Value, json};
use std::time::SystemTime;

/// The ways into the vault: list, enroll, wipe, rename, test
#[derive(clap::Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// List the ways in; needs no password and no token
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    Enroll(Enroll),
    /// Remove a way in, never the last one
    Wipe {
        /// Which keyslot
        name: String,
        /// Do not ask
        #[arg(long, short)]
        force: bool,
    },
    /// Give a keyslot another name
    Rename {
        /// Which keyslot
        name: String,
        /// Its new name
        to: String,
    },
    /// Prove that a keyslot opens, with its real factors; changes nothing
    Test {
        /// Which keyslot
        name: String,
    },
}

/// Add a way in: a keyslot with factors that are all needed, or --threshold of them
#[derive(clap::Args)]
pub struct Enroll {
    /// 'password', 'recovery', 'piv', 'piv:SERIAL/PIV-SLOT', 'piv:file=CERTIFICATE;name=NAME', or a 'pkcs11:...' URI; may be
    /// repeated
    #[arg(long = "factor", value_name = "FACTOR", required = true)]
    factors: Vec<Spec>,
    /// How many of the factors are needed [default: all]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u8).range(1..=16))]
    threshold: Option<u8>,
    /// What to call it [default: after its factors]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// For custodians: other people hold its factors, and can answer for them from where they are ('recovery request')
    #[arg(long)]
    custodians: bool,
    #[command(flatten)]
    making: Making,
}

impl Command {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        match self {
            Self::List { json } => list(session, json),
            Self::Enroll(args) => args.run(session),
            Self::Wipe { name, force } => wipe(session, &name, force),
            Self::Rename { name, to } => {
                session.unlock()?.rename(&name, &to)?;
                prose(&format!("keyslot '{name}' is called '{to}' now"));
                Ok(())
            }
            Self::Test { name } => test(session, &name),
        }
    }
}

impl Enroll {
    fn run(self, session: &mut Session) -> Result<(), CliError> {
        self.making.check(Spec::codes(&self.factors))?;
        check_specs(&self.factors)?;
        check_threshold(default_threshold(self.threshold, &self.factors), self.factors.len())?;
        self.refuse_early(session)?;
        let mut vault = session.unlock_keeping_tokens()?;
        let (name, specs, threshold) = (self.name.as_deref(), self.factors.as_slice(), self.threshold);
        let new = Enrolling { name, specs, threshold, custodians: self.custodians };
        let (name, _) = enroll(&mut vault, session, &new, &self.making)?;
        if self.custodians {
            prose(&format!(
                "enrolled keyslot '{name}' for custodians: 'twinlock recovery request' asks those who hold its factors"
            ));
        } else {
            prose(&format!("enrolled keyslot '{name}'"));
        }
        Ok(())
    }

    /// What the file says is enough to find a name that is taken or not known, before a person types or touches.
    fn refuse_early(&self, session: &mut Session) -> Result<(), CliError> {
        // What is wrong with the vault is told when it is unlocked.
        let store = SqliteStore::open(&session.vault_path()?);
        let Ok(unverified) = store.map_err(CliError::from).and_then(|mut store| Ok(peek(&mut store)?)) else {
            return Ok(());
        };
        let header = unverified.header();
        if let Some(name) = &self.name {
            check_name(name)?;
            if header.keyslot(name).is_some() {
                return Err(VaultError::KeyslotExists(name.clone()).into());
            }
        }
        look_early(&self.factors, &Known::of(header), &self.making, session)
    }
}

/// A keyslot to be enrolled.
#[derive(Default)]
pub struct Enrolling<'a> {
    /// None: after its factors.
    pub name: Option<&'a str>,
    pub specs: &'a [Spec],
    /// None: all of the factors are needed.
    pub threshold: Option<u8>,
    /// Whether other people hold its factors, and can answer for them.
    pub custodians: bool,
}

/// Enrolls a keyslot; its name, and the recovery codes made for it. A weaker one beside a stronger one is never silent.
pub fn enroll(
    vault: &mut Vault,
    session: &mut Session,
    new: &Enrolling<'_>,
    making: &Making,
) -> Result<(String, Vec<CodeText>), CliError> {
    let Enrolling { name, specs, custodians, .. } = *new;
    let threshold = default_threshold(new.threshold, specs);
    check_threshold(threshold, specs.len())?;
    check_specs(specs)?;
    let taken: Vec<&str> = vault.header().keyslots.iter().map(|slot| slot.name.as_str()).collect();
    let name = name.map_or_else(|| default_name(specs, threshold, custodians, &taken), str::to_owned);
    check_name(&name)?;
    if taken.contains(&name.as_str()) {
        return Err(VaultError::KeyslotExists(name).into());
    }
    vault.check()?;
    let kinds: Vec<&str> = specs.iter().map(Spec::kind).collect();
    warn_of_weaker(session, &vault.weaker(&kinds, threshold), making.force)?;
    if custodians {
        warn_of_one_alone(threshold);
    }
    let mut maker = Maker::new(making, &vault.header().name, Known::of(vault.header()));
    let factors = maker.make(specs, &name, session)?;
    let factors = factors.iter().map(AsRef::as_ref).collect();
    let enrolled =
        vault.enroll(&NewKeyslot { name: name.clone(), threshold, factors, custodians }, session.prompt.as_mut());
    making.or_warn(enrolled.map_err(CliError::from))?;
    // What others hold is no way in of one's own: what opened the vault may still be needed.
    if !custodians {
        session.finish_requests();
    }
    Ok((name, maker.codes))
}

/// Says what a keyslot for custodians is worth of which one is enough.
pub fn warn_of_one_alone(threshold: u8) {
    if threshold == 1 {
        warn(
            "each of these custodians alone can open the vault, and so can whoever fools one of them: with --threshold 2 or more it \
             takes several",
        );
    }
}

/// How many factors are needed: all of them, unless somebody said otherwise.
fn default_threshold(threshold: Option<u8>, specs: &[Spec]) -> u8 {
    threshold.unwrap_or(u8::try_from(specs.len()).unwrap_or(u8::MAX))
}

/// Says beside which keyslots the new one asks for less, and has it confirmed.
fn warn_of_weaker(session: &mut Session, weaker: &[Weaker], force: bool) -> Result<(), CliError> {
    let mut reasons: Vec<&str> = weaker.iter().map(|weaker| weaker.why).collect();
    reasons.dedup();
    for why in &reasons {
        let names: Vec<_> =
            weaker.iter().filter(|weaker| weaker.why == *why).map(|weaker| format!("'{}'", weaker.than)).collect();
        warn(&format!(
            "beside {} this one asks for less: a thief no longer needs {why} once it is enrolled",
            names.join(", ")
        ));
    }
    if reasons.is_empty() { Ok(()) } else { session.confirm(force, "Enroll it all the same?") }
}

/// The keyslot of that name, as the person sees it now.
pub fn named(vault: &Vault, name: &str) -> Result<Keyslot, CliError> {
    let slots = &vault.header().keyslots;
    slots.iter().find(|slot| slot.name == name).cloned().ok_or_else(|| {
        let have = slots.iter().map(|slot| slot.name.clone()).collect();
        VaultError::NoKeyslot { name: name.to_owned(), have }.into()
    })
}

fn wipe(session: &mut Session, name: &str, force: bool) -> Result<(), CliError> {
    refuse_early(session, name)?;
    let mut vault = session.unlock()?;
    wipe_from(&mut vault, session, name, force)
}

/// Wipes a keyslot of an open vault, once the person has seen what is left.
pub fn wipe_from(vault: &mut Vault, session: &mut Session, name: &str, force: bool) -> Result<(), CliError> {
    let slot = named(vault, name)?;
    let mut left = vault.header().clone();
    left.keyslots.retain(|other| other.id != slot.id);
    prose(&format!("without keyslot '{name}' there is left:"));
    tell_left(&left, &warnings(&left, Names::Proven, &Proofs::load(), SystemTime::now()));
    session.confirm(force, &format!("Wipe keyslot '{name}'? It will no longer open this vault."))?;
    let before = vault.header().clone();
    vault.wipe(&slot)?;
    prose(&format!("wiped keyslot '{name}'"));
    super::confirm::warn_of_old(vault, false);
    session.end_gone(&before, vault.header());
    warn("this is no revocation: older copies of the vault file still open by it");
    prose("if its factors are in wrong hands: 'twinlock rotate', then change the passwords that are in the vault");
    Ok(())
}

/// What the file says is enough to refuse a name that is not there, or the last keyslot, before a person types.
fn refuse_early(session: &Session, name: &str) -> Result<(), CliError> {
    let unverified = peek(&mut session.store()?)?;
    let slots = &unverified.header().keyslots;
    if !slots.iter().any(|slot| slot.name == name) {
        let have = slots.iter().map(|slot| slot.name.clone()).collect();
        return Err(VaultError::NoKeyslot { name: name.to_owned(), have }.into());
    }
    if slots.len() == 1 {
        return Err(VaultError::LastKeyslot(name.to_owned()).into());
    }
    Ok(())
}

fn test(session: &mut Session, name: &str) -> Result<(), CliError> {
    if session.global.keyslot.as_deref().is_some_and(|other| other != name) {
        return Err(CliError::Usage {
            message: format!("'keyslot test {name}' opens the vault by '{name}', and --keyslot names another"),
            hint: "leave out --keyslot".into(),
        });
    }
    session.global.keyslot = Some(name.to_owned());
    let vault = session.unlock()?;
    prose(&format!("keyslot '{}' opens the vault '{}'", vault.opened_by(), vault.header().name));
    Ok(())
}

fn list(session: &mut Session, json: bool) -> Result<(), CliError> {
    let mut store = session.store()?;
    let unverified = peek(&mut store)?;
    let header = unverified.header();
    if json {
        return out::json(&header.keyslots.iter().map(|slot| as_json(header, slot)).collect::<Vec<_>>());
    }
    let mut rows = vec![["NAME", "OPENS WITH", "ENROLLED"].map(String::from).to_vec()];
    rows.extend(header.keyslots.iter().map(|slot| {
        let held = if slot.custodians() { "  (for custodians)" } else { "" };
        let note = slot.unknown_critical().map_or(held, |_| "  (needs a newer twinlock)");
        vec![slot.name.clone(), ways(slot) + note, slot.created.get(..10).unwrap_or_default().to_owned()]
    }));
    out::table(&rows)
}

fn as_json(header: &Header, slot: &Keyslot) -> Value {
    let factors: Vec<Value> = slot
        .factors
        .iter()
        .map(|stanza| {
            let known = role(&stanza.kind) != Role::Unknown;
            json!({ "kind": stanza.kind, "known": known, "description": describe(stanza), "parameters": stanza.params })
        })
        .collect();
    json!({
        "vault": header.name,
        "id": crate::encode::hex::encode(&slot.id),
        "name": slot.name,
        "created": slot.created,
        "threshold": slot.threshold,
        "opens_with": ways(slot),
        "custodians": slot.custodians(),
        "usable": slot.unknown_critical().is_none(),
        "factors": factors,
    })
}
