//! `twinlock doctor`

use super::config::default_path;
use super::factors::ways;
use super::out;
use super::report::{CliError, count};
use super::session::Session;
use crate::factor::{Role, in_words, role};
use crate::header::{Header, Keyslot, Stanza};
use crate::vault::peek;
use serde_json::json;
use std::path::PathBuf;

/// Say what is here, what is missing, and what to do; needs no password and no PIN
#[derive(clap::Args)]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
}

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
    hint: Option<String>,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn good(&mut self, about: &'static str, what: impl Into<String>) {
        self.0.push(Finding { grade: Grade::Good, about, what: what.into(), hint: None });
    }

    fn note(&mut self, about: &'static str, what: impl Into<String>, hint: impl Into<String>) {
        self.0.push(Finding { grade: Grade::Note, about, what: what.into(), hint: Some(hint.into()) });
    }

    fn problem(&mut self, about: &'static str, error: &CliError) {
        if let Some(explained) = super::report::explain(error) {
            let super::report::Explained { message, hint, .. } = explained;
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
        readers(session, &mut found, header.as_ref());
        if let Some(header) = &header {
            ways_in(header, session, &mut found);
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
            if let Some(service) = synced(&path) {
                found.note(
                    "vault",
                    format!("it lies in a folder that {service} may copy while it is written"),
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

/// A folder of a well-known sync tool above the file: a copy made half-way through a write silently misses records.
fn synced(path: &std::path::Path) -> Option<&'static str> {
    let path = std::fs::canonicalize(path).ok()?;
    let marks: [(&str, &str); 6] = [
        ("Dropbox", "Dropbox"),
        ("OneDrive", "OneDrive"),
        ("Nextcloud", "Nextcloud"),
        ("Google Drive", "Google Drive"),
        ("iCloud Drive", "iCloud"),
        ("Mobile Documents", "iCloud"),
    ];
    for folder in path.ancestors().skip(1) {
        if folder.join(".stfolder").exists() {
            return Some("Syncthing");
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        if let Some((_, service)) = marks.iter().find(|(mark, _)| name == *mark) {
            return Some(service);
        }
    }
    None
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
fn readers(session: &mut Session, found: &mut Findings, header: Option<&Header>) {
    let looked = match session.piv() {
        Ok(tokens) => tokens.here(session.prompt.as_mut()).map_err(CliError::from),
        // Told about the config file already.
        Err(_) => return,
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
        Err(error) if needed => found.problem("smart cards", &error),
        Err(error) => {
            if let Some(explained) = super::report::explain(&error) {
                let what = format!("{}; no YubiKey can be used", explained.message);
                found.note("smart cards", what, explained.hint.unwrap_or_default());
            }
        }
    }
}

/// Which ways in work now, and what is wise about them.
fn ways_in(header: &Header, session: &mut Session, found: &mut Findings) {
    let mut usable = 0;
    for slot in &header.keyslots {
        let missing = missing(slot, session);
        if let Some(field) = slot.unknown_critical() {
            found.note("way in", format!("'{}' needs '{field}', not known here", slot.name), "use a newer twinlock");
        } else if slot.factors.len() - missing.len() < usize::from(slot.threshold) {
            let what = format!("'{}' cannot be used now: {} not here", slot.name, missing.join(", "));
            found.note("way in", what, "plug the token in; one that is used by PKCS#11 needs its module configured");
        } else {
            usable += 1;
            found.good("way in", format!("'{}' opens with {}", slot.name, ways(slot)));
        }
    }
    if usable == 0 {
        let message = "no way into the vault works now".to_owned();
        let hint = "bring a token that is enrolled; 'twinlock keyslot list' shows which".to_owned();
        found.problem("way in", &CliError::Plain { message, hint, code: super::report::LOCKED });
    }
    let needs_token = |slot: &Keyslot| {
        let others = slot.factors.iter().filter(|stanza| role(&stanza.kind) != Role::Token).count();
        others < usize::from(slot.threshold)
    };
    if header.keyslots.len() == 1 {
        found.note(
            "way in",
            "there is only one: if it is lost, so is everything in the vault",
            "'twinlock recovery new' makes a recovery code",
        );
    } else if header.keyslots.iter().all(needs_token) {
        found.note(
            "way in",
            "every way in needs a token: if it is lost or breaks, so is everything in the vault",
            "'twinlock recovery new' makes a recovery code",
        );
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
            out::line(&laid_out(&format!("     {}", out::clean(hint))))?;
        }
    }
    Ok(())
}

/// Lines that fit a terminal, the later ones indented like the hints; into a pipe one line.
fn laid_out(text: &str) -> String {
    const WIDTH: usize = 80;
    const INDENT: &str = "     ";
    if !out::is_terminal() {
        return text.to_owned();
    }
    let rest = text.trim_start();
    let mut lines = " ".repeat(text.len() - rest.len());
    let mut column = lines.len();
    let mut gap = "";
    for word in rest.split(' ') {
        let width = word.chars().count();
        if !gap.is_empty() && column + 1 + width > WIDTH {
            lines.push('\n');
            lines.push_str(INDENT);
            column = INDENT.len();
        } else {
            lines.push_str(gap);
            column += gap.len();
        }
        lines.push_str(word);
        column += width;
        gap = " ";
    }
    lines
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
