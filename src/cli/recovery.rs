//! `twinlock recovery`

use super::command::Names;
use super::custody;
use super::drill;
use super::factors::{Making, Spec};
use super::keyslot::{Enrolling, enroll, named};
use super::newfile::Target;
use super::report::{CliError, FIXABLE, NOT_FOUND, USAGE, prose, warn};
use super::sentence::Sentence;
use super::session::Session;
use super::sheet::{FORMATS, Sheet};
use super::ways_in::wipe;
use crate::factor::recovery::KIND;
use crate::header::Keyslot;
use crate::prompt::{Ask, Event, Prompt, PromptError, Question};
use crate::secret::{CodeText, SecretText};
use crate::vault::{Vault, check_name, peek};
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use zeroize::Zeroizing;

/// Ways back in when things are lost: recovery codes, the help of others, and a drill of it
#[derive(clap::Subcommand)]
#[command(defer = true)]
pub enum Command {
    New(New),
    Request(custody::Request),
    Answer(custody::Answer),
    Combine(custody::Combine),
    Pending(custody::Pending),
    Sheet(SheetArgs),
    Drill(drill::Drill),
}

/// Make a recovery code, show it once, and enroll it once it is typed back
#[derive(clap::Args, Default)]
pub struct New {
    /// What to call its keyslot [default: recovery, or with --replace the name of the code's that is wiped]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Wipe this keyslot once the new one is enrolled; the new one takes over its name, if a recovery code opened it alone
    #[arg(long, value_name = "KEYSLOT")]
    pub replace: Option<String>,
    /// Write the code to FILE (made new, mode 0600) instead of showing it
    #[arg(long, value_name = "FILE")]
    pub recovery_out: Option<PathBuf>,
    /// Make a recovery sheet for printing, too: FILE.pdf, .svg, .html or .txt (made new, mode 0600)
    #[arg(long, value_name = "FILE")]
    pub sheet: Option<PathBuf>,
}

/// Print a recovery code that you have on a page, with what to do; the code is proven first
///
/// The page has the code in groups and as a QR code, what it opens and with what else, and how to use it. The code is asked
/// for, or comes from --recovery-file: it is stored nowhere.
#[derive(clap::Args)]
pub struct SheetArgs {
    /// The keyslot that the code opens [default: the only one with a code]
    keyslot: Option<String>,
    /// The file to make: .pdf, .svg, .html or .txt; never one that is there
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

impl Command {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        match self {
            Self::New(args) => args.run(session),
            Self::Request(args) => args.run(session),
            Self::Answer(args) => args.run(session),
            Self::Combine(args) => args.run(session),
            Self::Pending(args) => args.run(),
            Self::Sheet(args) => args.run(session),
            Self::Drill(args) => args.run(session),
        }
    }
}

impl New {
    fn run(self, session: &mut Session) -> Result<(), CliError> {
        let target = self.sheet.as_deref().map(|path| Target::new(path, &FORMATS)).transpose()?;
        let mut vault = session.unlock_keeping_tokens()?;
        self.make(&mut vault, session, target.as_ref()).map(drop)
    }

    /// The same in an open vault; the code, and the name of its keyslot.
    pub fn make(
        self,
        vault: &mut Vault,
        session: &mut Session,
        target: Option<&Target>,
    ) -> Result<(String, Vec<CodeText>), CliError> {
        let replaced = self.replace.as_deref().map(|old| named(vault, old)).transpose()?;
        let making = Making { recovery_out: self.recovery_out, ..Making::default() };
        let new = Enrolling { name: self.name.as_deref(), specs: &[Spec::Recovery], ..Enrolling::default() };
        let (mut name, codes) = enroll(vault, session, &new, &making)?;
        prose(&format!("enrolled keyslot '{name}': the recovery code alone opens the vault"));
        if let Some(old) = &replaced {
            let before = vault.header().clone();
            // Both are there until this write; a sheet shows the name that stays.
            if self.name.is_none() && is_code(old) && check_name(&old.name).is_ok() {
                vault.wipe_for(old, &name)?;
                prose(&format!("wiped keyslot '{}', and gave its name to the new one", old.name));
                name.clone_from(&old.name);
            } else {
                vault.wipe(old)?;
                prose(&format!("wiped keyslot '{}'", old.name));
            }
            session.end_gone(&before, vault.header());
        }
        if let (Some(target), [code]) = (target, codes.as_slice()) {
            let written = write_sheet(session, vault, &name, code, target);
            if written.is_err() {
                warn("the code is enrolled all the same: 'twinlock recovery sheet' makes the sheet later");
            }
            written?;
        }
        if replaced.is_some() {
            return Ok((name, codes));
        }
        for old in
            vault.header().keyslots.iter().filter(|slot| slot.name != name && code_alone(slot) && !slot.custodians())
        {
            let still = format!("the older code still opens keyslot '{}', until you wipe that", old.name);
            Sentence::with(still, wipe(Names::Proven, &old.name)).say("");
        }
        Ok((name, codes))
    }
}

impl SheetArgs {
    fn run(self, session: &mut Session) -> Result<(), CliError> {
        let target = Target::new(&self.output, &FORMATS)?;
        let name = match (&self.keyslot, &session.global.keyslot) {
            (Some(name), Some(other)) if name != other => {
                return Err(CliError::Usage {
                    message: format!("the sheet is to be of keyslot '{name}', and --keyslot names another"),
                    hint: "leave out --keyslot".into(),
                });
            }
            (Some(name), _) | (None, Some(name)) => name.clone(),
            (None, None) => only_code(session)?,
        };
        session.global.keyslot = Some(name.clone());
        let heard = Rc::new(RefCell::new(None));
        let prompt = std::mem::replace(&mut session.prompt, Box::new(crate::prompt::NoPrompt));
        session.prompt = Box::new(Listening { prompt, heard: Rc::clone(&heard) });
        let vault = session.unlock()?;
        // It was typed for this keyslot, which opened by it.
        let Some(code) = heard.borrow_mut().take() else {
            return Err(CliError::Plain {
                message: format!("keyslot '{name}' opened without its recovery code, so the code is not known"),
                hint: "press Enter alone where something else is asked for, or bring the code by --recovery-file"
                    .into(),
                code: FIXABLE,
            });
        };
        let code = canonical(&code)?;
        prose(&format!("the recovery code is right: it opens keyslot '{name}'"));
        write_sheet(session, &vault, &name, &code, &target)
    }
}

/// Writes the sheet of a keyslot's code.
pub fn write_sheet(
    session: &Session,
    vault: &Vault,
    keyslot: &str,
    code: &CodeText,
    target: &Target,
) -> Result<(), CliError> {
    let path = session.vault_path()?;
    let path = std::path::absolute(&path).unwrap_or(path);
    let fingerprint = &vault.mark().fingerprint;
    let keyslot = &named(vault, keyslot)?;
    Sheet { vault: &vault.header().name, fingerprint, path: &path, keyslot, code }.write(target)
}

/// The code as it is printed, however it was typed.
fn canonical(code: &CodeText) -> Result<CodeText, CliError> {
    let mistyped = |error: crate::encode::crockford::CrockfordError| {
        CliError::from(crate::factor::FactorError::MistypedCode(error.to_string()))
    };
    let entropy = crate::encode::crockford::decode(code.expose()).map_err(mistyped)?;
    Ok(CodeText::new(crate::encode::crockford::encode(&entropy)))
}

/// The only keyslot with a recovery code, as the file says.
fn only_code(session: &Session) -> Result<String, CliError> {
    let unverified = peek(&mut session.store()?)?;
    let has_code = |slot: &&Keyslot| slot.factors.iter().any(|stanza| stanza.kind == KIND);
    let names: Vec<&str> =
        unverified.header().keyslots.iter().filter(has_code).map(|slot| slot.name.as_str()).collect();
    match names.as_slice() {
        [name] => Ok((*name).to_owned()),
        [] => Err(CliError::Plain {
            message: "no keyslot of this vault has a recovery code".into(),
            hint: "make one, and its sheet: 'twinlock recovery new --sheet sheet.pdf'".into(),
            code: NOT_FOUND,
        }),
        names => Err(CliError::Plain {
            message: format!("there are {} keyslots with a recovery code: '{}'", names.len(), names.join("', '")),
            hint: "say which one's sheet to make: 'twinlock recovery sheet KEYSLOT -o sheet.pdf'".into(),
            code: USAGE,
        }),
    }
}

/// Hears the recovery code that a person types or a file brings: the last one before the keyslot opened was right.
struct Listening {
    prompt: Box<dyn Prompt>,
    heard: Rc<RefCell<Option<CodeText>>>,
}

impl Prompt for Listening {
    fn secret(&mut self, ask: &Ask<'_>) -> Result<SecretText, PromptError> {
        let secret = self.prompt.secret(ask)?;
        if !matches!(ask, Ask::RecoveryCode { .. }) {
            return Ok(secret);
        }
        let code = secret.into_code();
        let copy = |code: &CodeText| {
            let mut text = Zeroizing::new(String::with_capacity(code.expose().len()));
            text.push_str(code.expose());
            text
        };
        let again = SecretText::new(copy(&code));
        *self.heard.borrow_mut() = Some(code);
        Ok(again)
    }

    fn confirm(&mut self, question: &Question<'_>) -> Result<bool, PromptError> {
        self.prompt.confirm(question)
    }

    fn line(&mut self, label: &str) -> Result<String, PromptError> {
        self.prompt.line(label)
    }

    fn show(&mut self, event: &Event<'_>) {
        self.prompt.show(event);
    }

    fn can_retry(&self, ask: &Ask<'_>) -> bool {
        self.prompt.can_retry(ask)
    }
}

/// Whether the keyslot is that of one recovery code.
fn is_code(slot: &Keyslot) -> bool {
    code_alone(slot) && slot.factors.len() == 1 && !slot.custodians()
}

/// Whether a recovery code opens the keyslot without anything else.
fn code_alone(slot: &Keyslot) -> bool {
    slot.threshold == 1 && slot.factors.iter().any(|stanza| stanza.kind == KIND)
}

/// Offers a sheet for the only code of a keyslot that was just made in an open vault. False: the person pressed Ctrl-C.
pub fn offer_sheet_of(session: &mut Session, vault: &Vault, keyslot: &str, codes: &[CodeText]) -> bool {
    let (Ok(path), Ok(keyslot), [code]) = (session.vault_path(), named(vault, keyslot), codes) else { return true };
    let path = std::path::absolute(&path).unwrap_or(path);
    let fingerprint = vault.mark().fingerprint;
    let sheet = Sheet { vault: &vault.header().name, fingerprint: &fingerprint, path: &path, keyslot: &keyslot, code };
    offer_sheet(session, &|target| sheet.write(target))
}

/// Offers a sheet for a code that was just made; Enter alone is none. The vault is there already, whatever becomes of it. False:
/// the person pressed Ctrl-C.
pub fn offer_sheet(session: &mut Session, sheet: &dyn Fn(&Target) -> Result<(), CliError>) -> bool {
    loop {
        let name = match session.prompt.line("A sheet of it to print? A file like sheet.pdf, or Enter for none") {
            Ok(name) if !name.trim().is_empty() => name,
            answer => return !matches!(answer, Err(PromptError::Cancelled)),
        };
        match Target::new(std::path::Path::new(name.trim()), &FORMATS).and_then(|target| sheet(&target)) {
            Ok(()) => return true,
            Err(error) => super::report::tell(&error),
        }
    }
}
