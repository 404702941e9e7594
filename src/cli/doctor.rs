//! `twinlock doctor`

use super::command::Names;
use super::config::default_path;
use super::out;
use super::proofs::Proofs;
use super::report::{CliError, Explained, count};
use super::sentence::Sentence;
use super::session::Session;
use super::ways_in::{in_plain_words, warnings, when};
use crate::factor::{Role, in_words, role};
use crate::header::{Header, Keyslot, Stanza};
use crate::prompt::wrap_under;
use crate::vault::peek;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Say what is here, what is missing, and what to do; needs no password and no PIN
#[derive(clap::Args)]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Before hints, and lines that go on.
const INDENT: &str = "     ";

/// How a finding is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grade {
    Good,
    Note,
    Problem,
}

/// One finding, and what to do about it.
struct Finding {
    grade: Grade,
    about: &'static str,
    what: String,
    hint: Option<Sentence>,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn good(&mut self, about: &'static str, what: impl Into<String>) {
        self.0.push(Finding { grade: Grade::Good, about, what: what.into(), hint: None });
    }

    fn note(&mut self, about: &'static str, what: impl Into<String>, hint: impl Into<Sentence>) {
        self.0.push(Finding { grade: Grade::Note, about, what: what.into(), hint: Some(hint.into()) });
    }

    fn problem(&mut self, about: &'static str, error: &CliError) {
        if let Some(explained) = super::report::explain(error) {
            let Explained { message, hint, .. } = explained;
            self.0.push(Finding { grade: Grade::Problem, about, what: message, hint });
        }
    }
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let mut found = Findings::default();
        found.good("program", format!("twinlock {}", env!("CARGO_PKG_VERSION")));
        let header = vault(session, &mut found);
        modules(session, &mut found);
        let no_cards = readers(session, &mut found, header.as_ref());
        if let Some(header) = &header {
            ways_in(header, session, &mut found, no_cards.as_ref());
        }
        let problems = found.0.iter().filter(|finding| finding.grade == Grade::Problem).count();
        if self.json {
            as_json(&found)?;
        } else {
            show(&found)?;
        }
        if problems == 0 {
            return Ok(());
        }
        let things = if problems == 1 { "one thing needs".to_owned() } else { format!("{problems} things need") };
        Err(CliError::Plain { message: format!("{things} mending"), hint: "see above".into(), code: 1 })
    }
}

/// The file, its folder, its header.
fn vault(session: &Session, found: &mut Findings) -> Option<Header> {
    let looked = || {
        let path = session.vault_path()?;
        let mut store = session.store()?;
        store.integrity()?;
        let header = peek(&mut store)?.header().clone();
        Ok::<_, CliError>((path, header))
    };
    match looked() {
        Ok((path, header)) => {
            found.good(
                "vault",
                format!(
                    "'{}' in '{}', {}",
                    header.name,
                    path.display(),
                    count(header.keyslots.len() as u64, "keyslot")
                ),
            );
            // A copy made half-way through a write silently misses records.
            if let Some(place) =
                path.canonicalize().ok().as_deref().and_then(Path::parent).and_then(super::synced::shared)
            {
                found.note(
                    "vault",
                    format!("it lies {place}: it may be copied while it is written"),
                    "keep copies made by 'twinlock backup' there instead, and the vault elsewhere",
                );
            }
            Some(header)
        }
        Err(error) => {
            found.problem("vault", &error);
            None
        }
    }
}

/// The config file, the modules, the tokens.
fn modules(session: &mut Session, found: &mut Findings) {
    let tokens = match session.tokens() {
        Ok(tokens) => tokens,
        Err(error) => {
            found.problem("config", &error);
            return;
        }
    };
    if tokens.borrow().is_empty() {
        let place = session.global.config.clone().or_else(default_path).unwrap_or_else(|| PathBuf::from("config.toml"));
        found.note(
            "tokens",
            "no PKCS#11 module is configured, so no token can be used by it",
            format!("for an HSM, name its module in '{}': see 'twinlock token --help'", place.display()),
        );
        return;
    }
    for report in tokens.borrow_mut().list() {
        match report.outcome {
            Ok((info, infos, _)) => {
                let ready: Vec<_> = infos.iter().filter(|token| token.initialized).collect();
                let names: Vec<_> = ready.iter().map(|token| token.name()).collect();
                let names = if names.is_empty() { "no token".to_owned() } else { names.join(", ") };
                found.good("module", format!("'{}' ({}): {names}", report.path.display(), info.description));
            }
            Err(error) => found.problem("module", &error.into()),
        }
    }
}

/// The smart-card service, its readers, the YubiKeys in them. Without a keyslot that needs it, a missing service is no more than a note.
/// Where no card can be looked at: why, and what to do about it.
fn readers(session: &mut Session, found: &mut Findings, header: Option<&Header>) -> Option<Explained> {
    let looked = match session.piv() {
        Ok(tokens) => tokens.here(session.prompt.as_mut()).map_err(CliError::from),
        // Told about the config file already.
        Err(_) => return None,
    };
    let mut stanzas = header.iter().flat_map(|header| &header.keyslots).flat_map(|slot| &slot.factors);
    let needed = stanzas.any(|stanza| stanza.kind == crate::factor::piv::KIND);
    match looked {
        Ok((_, readers)) if readers.is_empty() => found.good("smart cards", "the service is there, and no reader"),
        Ok((_, readers)) => {
            for reader in readers {
                match reader.instead() {
                    None => found.good("reader", format!("'{}': empty", reader.reader)),
                    Some(what) => found.good("reader", format!("'{}': {what}", reader.reader)),
                }
            }
        }
        Err(error) => {
            let explained = super::report::explain(&error)?;
            if needed {
                found.problem("smart cards", &error);
            } else {
                let what = format!("{}; no YubiKey can be used", explained.message);
                found.note("smart cards", what, explained.hint.clone().unwrap_or_default());
            }
            return Some(explained);
        }
    }
    None
}

/// Which ways in work now, and what is wise about them.
fn ways_in(header: &Header, session: &mut Session, found: &mut Findings, no_cards: Option<&Explained>) {
    let (mut usable, proofs) = (0, Proofs::load());
    // Nobody knows then whether a YubiKey is here, and to plug it in does not help.
    let mut blind = None;
    for slot in &header.keyslots {
        let missing = missing(slot, session);
        if let Some(field) = slot.unknown_critical() {
            found.note("way in", format!("'{}' needs '{field}', not known here", slot.name), "use a newer twinlock");
        } else if slot.factors.len() - missing.len() < usize::from(slot.threshold) {
            let needs_cards = slot.factors.iter().any(|stanza| stanza.kind == crate::factor::piv::KIND);
            if let Some(Explained { message, hint: Some(hint), .. }) = no_cards.filter(|_| needs_cards) {
                found.note("way in", format!("'{}' cannot be used now: {message}", slot.name), hint.clone());
                blind = Some(hint.clone());
                continue;
            }
            let what = format!("'{}' cannot be used now: {} not here", slot.name, missing.join(", "));
            found.note("way in", what, "plug the token in; one that is used by PKCS#11 needs its module configured");
        } else {
            usable += 1;
            let when = when(&proofs.proven(&header.vault_id, slot));
            found.good("way in", format!("'{}' opens with {}; {when}", slot.name, in_plain_words(slot)));
        }
    }
    if usable == 0 {
        let message = "no way into the vault works now".to_owned();
        let bring = "bring a token that is enrolled; 'twinlock keyslot list' shows which".into();
        let hint = blind.unwrap_or(bring);
        found.problem("way in", &CliError::Plain { message, hint, code: super::report::LOCKED });
    }
    for warning in warnings(header, Names::Unproven, &proofs, SystemTime::now()) {
        found.note("way in", warning.what, warning.hint);
    }
}

/// The factors of a keyslot that cannot answer now: tokens that are not here, kinds that are not known.
fn missing(slot: &Keyslot, session: &mut Session) -> Vec<String> {
    let mut here = |stanza: &Stanza| match role(&stanza.kind) {
        Role::Typed(_) => true,
        Role::Unknown => false,
        Role::Token => session.has_token(stanza),
    };
    slot.factors.iter().filter(|stanza| !here(stanza)).map(in_words).collect()
}

fn show(found: &Findings) -> Result<(), CliError> {
    for finding in &found.0 {
        let sign = match finding.grade {
            Grade::Good => "ok  ",
            Grade::Note => "note",
            Grade::Problem => "BAD ",
        };
        out::line(&laid_out(&format!("{sign} {}: {}", finding.about, out::clean(&finding.what))))?;
        if let Some(hint) = &finding.hint {
            let (prose, command) = if out::is_terminal() { hint.parts() } else { (out::clean(&hint.text()), None) };
            out::line(&laid_out(&format!("     {prose}")))?;
            command.map_or(Ok(()), |command| out::line(&format!("{INDENT}{command}")))?;
        }
    }
    Ok(())
}

/// Lines that fit a terminal, the later ones indented like the hints; into a pipe one line.
fn laid_out(text: &str) -> String {
    if out::is_terminal() { wrap_under(text, INDENT) } else { text.to_owned() }
}

fn as_json(found: &Findings) -> Result<(), CliError> {
    let grade = |grade| match grade {
        Grade::Good => "ok",
        Grade::Note => "note",
        Grade::Problem => "problem",
    };
    let one = |finding: &Finding| json!({ "grade": grade(finding.grade), "about": finding.about, "what": finding.what, "hint": finding.hint });
    out::json(&found.0.iter().map(one).collect::<Vec<_>>())
}
