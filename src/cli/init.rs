//! `twinlock init`

use super::account_key::read_account_key;
use super::command::Names;
use super::factors::{Maker, Making, Spec, check_specs, check_threshold, default_name, look_early};
use super::keyslot::warn_of_one_alone;
use super::piv::{Known, PivSpec};
use super::recovery::offer_sheet;
use super::report::{CliError, prose};
use super::seen::Seen;
use super::session::Session;
use super::sheet::Sheet;
use super::ways_in::{of_structure, tell_left};
use crate::crypto::random_secret;
use crate::factor::{Enroll, recovery};
use crate::header::{Header, Keyslot, Unverified};
use crate::prompt::Question;
use crate::secret::{AccountKey, CodeText};
use crate::store::StoreError;
use crate::store::sqlite::SqliteStore;
use crate::vault::{Mark, NewKeyslot, NewVault, Vault, check_name, fingerprint, mark_of};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Make a new vault
///
/// Asks three questions: a password? a token? how do they combine? Then it makes a recovery code. Scripts say the same with
/// --factor, --threshold and --recovery.
#[derive(clap::Args)]
pub struct Args {
    /// What to call the vault
    #[arg(long, value_name = "NAME", default_value = "personal")]
    name: String,
    /// A factor of the first keyslot: 'password', 'recovery', 'piv', or a 'pkcs11:...' URI; may be repeated
    #[arg(long = "factor", value_name = "FACTOR")]
    factors: Vec<Spec>,
    /// How many of the factors are needed [default: all]
    #[arg(long, value_name = "K", requires = "factors", value_parser = clap::value_parser!(u8).range(1..=16))]
    threshold: Option<u8>,
    /// The first keyslot is for custodians: other people hold its factors, and can answer for them from where they are
    #[arg(long, requires = "factors")]
    custodians: bool,
    /// Make a second keyslot that a recovery code opens
    #[arg(long)]
    recovery: bool,
    /// Make no recovery code, and do not ask
    #[arg(long, conflicts_with = "recovery")]
    no_recovery: bool,
    /// Bring your own account key: 64 hex digits, or the 46 characters of 'account-key export'
    #[arg(long, value_name = "FILE")]
    account_key_file: Option<PathBuf>,
    #[command(flatten)]
    making: Making,
}

/// A keyslot that was asked for.
struct Wanted {
    name: String,
    specs: Vec<Spec>,
    threshold: u8,
    custodians: bool,
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let path = session.vault_path()?;
        if std::fs::symlink_metadata(&path).is_ok() {
            return Err(StoreError::Exists(path).into());
        }
        // Before a person answers questions and writes a code down for nothing.
        check_name(&self.name)?;
        check_folder(session, &path)?;
        session.prepare_tokens()?;
        let account_key = match &self.account_key_file {
            Some(file) => read_account_key(file)?,
            None => AccountKey::new(random_secret()?),
        };
        let wanted = self.wanted(session)?;
        for wanted in &wanted {
            look_early(&wanted.specs, &Known::none(), &self.making, session)?;
        }
        let mut maker = Maker::new(&self.making, &self.name, Known::none());
        let mut made: Vec<(Wanted, Vec<Box<dyn Enroll>>)> = Vec::new();
        for wanted in wanted {
            let factors = maker.make(&wanted.specs, &wanted.name, session)?;
            made.push((wanted, factors));
        }
        let keyslots: Vec<_> = made
            .iter()
            .map(|(wanted, factors)| NewKeyslot {
                name: wanted.name.clone(),
                threshold: wanted.threshold,
                factors: factors.iter().map(AsRef::as_ref).collect(),
                custodians: wanted.custodians,
            })
            .collect();
        let mut write = || -> Result<(NewVault, Mark), CliError> {
            let new = Vault::prepare(&self.name, &account_key, &keyslots, session.prompt.as_mut())?;
            make_folder(session, &path)?;
            SqliteStore::create(&path, &new.header, &new.manifest)?;
            let mark = mark_of(&mut SqliteStore::open(&path)?, &account_key)?;
            Ok((new, mark))
        };
        let (new, mark) = self.making.or_warn(write())?;
        // From now on another file in its place is noticed, not only from the first command that unlocks.
        Seen::load(&path).accept(&mark);
        let codes = std::mem::take(&mut maker.codes);
        let verified = Unverified::parse(&new.header)?.verify(&account_key)?;
        done(&path, &verified.header);
        if let ([code], true) = (codes.as_slice(), session.interactive()) {
            offer(session, &path, &verified.header, &account_key, code);
        }
        Ok(())
    }

    /// The keyslots, from the arguments or from three questions.
    fn wanted(&self, session: &mut Session) -> Result<Vec<Wanted>, CliError> {
        let mut wanted = Vec::new();
        if !self.factors.is_empty() {
            let threshold = self.threshold.unwrap_or(u8::try_from(self.factors.len()).unwrap_or(u8::MAX));
            check_threshold(threshold, self.factors.len())?;
            check_specs(&self.factors)?;
            if self.custodians {
                warn_of_one_alone(threshold);
            }
            self.making.check(usize::from(self.recovery) + Spec::codes(&self.factors))?;
            wanted.push((self.factors.clone(), threshold));
        } else if session.interactive() {
            wanted = ask(session)?;
        } else {
            return Err(CliError::Usage {
                message: "nobody is there to say how the vault is to be opened".into(),
                hint: "say it with --factor, for example 'twinlock init --factor password --recovery'".into(),
            });
        }
        if self.recovery || (!self.no_recovery && self.factors.is_empty() && ask_recovery(session)?) {
            wanted.push((vec![Spec::Recovery], 1));
        }
        let mut named: Vec<Wanted> = Vec::new();
        for (specs, threshold) in wanted {
            let taken: Vec<&str> = named.iter().map(|wanted| wanted.name.as_str()).collect();
            let custodians = self.custodians && named.is_empty();
            named.push(Wanted {
                name: default_name(&specs, threshold, custodians, &taken),
                specs,
                threshold,
                custodians,
            });
        }
        Ok(named)
    }
}

/// Three plain questions.
fn ask(session: &mut Session) -> Result<Vec<(Vec<Spec>, u8)>, CliError> {
    prose("A few questions, and your vault is ready. Ctrl-C stops, and nothing is made.\n");
    let password = session.prompt.confirm(&Question::YesByDefault("1. Is a password to open it?"))?;
    let token = ask_token(session)?;
    Ok(match (password, token) {
        (true, None) => vec![(vec![Spec::Password], 1)],
        (false, Some(token)) => vec![(vec![token], 1)],
        (true, Some(token)) => {
            prose(
                "3. How do they combine?\n   \
                 1  both are needed: a thief needs the token and the password\n   \
                 2  either is enough: more convenient, and only as strong as the weaker one",
            );
            match choose(session, "   Which? [1]", 2)? {
                2 => vec![(vec![token], 1), (vec![Spec::Password], 1)],
                _ => vec![(vec![Spec::Password, token], 2)],
            }
        }
        (false, None) => {
            return Err(CliError::Plain {
                message: "a vault needs a password or a token".into(),
                hint: "start again with 'twinlock init', and say yes to one of them".into(),
                code: 1,
            });
        }
    })
}

/// The second question; the tokens that are here, and the keys of a PKCS#11 one, are numbered.
fn ask_token(session: &mut Session) -> Result<Option<Spec>, CliError> {
    let yubikeys = session.yubikeys();
    let question = match yubikeys.as_slice() {
        [] => "2. Is a token (a YubiKey, or an HSM by PKCS#11) to open it?".to_owned(),
        [one, ..] => format!("2. Is a token to open it? ({} is here)", one.name()),
    };
    if !session.prompt.confirm(&Question::Plain(&question))? {
        return Ok(None);
    }
    choose_token(session).map(Some)
}

/// A key of a token that is here, chosen by its number.
pub fn choose_token(session: &mut Session) -> Result<Spec, CliError> {
    loop {
        let yubikeys = session.yubikeys();
        let no_module = session.tokens()?.borrow().is_empty();
        // Without a module there may be YubiKeys.
        let others = match session.usable_tokens() {
            Ok(tokens) => tokens,
            Err(_) if no_module || !yubikeys.is_empty() => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut names: Vec<String> = yubikeys.iter().map(|token| format!("the {}", token.name())).collect();
        names.extend(others.iter().map(|token| format!("token '{}'", token.name())));
        if names.is_empty() {
            return Err(CliError::Plain {
                message: "no token is here that has been set up".into(),
                hint: if no_module {
                    "plug in a YubiKey that 'twinlock token setup piv' has set up; other tokens need their module, \
                     --module /PATH/TO/MODULE.so"
                } else {
                    "'twinlock token list' shows what is found; plug the token in, and start again"
                }
                .into(),
                code: super::report::TOKEN,
            });
        }
        let picked = pick(session, &names)?;
        let Some(token) = picked.checked_sub(yubikeys.len()).map(|at| &others[at]) else {
            let spec = PivSpec { serial: Some(yubikeys[picked].serial), ..PivSpec::default() };
            // A token without a key is told now, and not after more questions.
            session.piv_key(spec.clone())?;
            return Ok(Spec::Piv(spec));
        };
        let keys = match session.suitable_keys(token) {
            Ok(keys) => keys,
            // Enter alone at the PIN: another token, then.
            Err(error) if error.is_skipped() => continue,
            Err(error) => return Err(error),
        };
        if keys.is_empty() {
            return Err(CliError::Plain {
                message: format!("token '{}' has no key that could open a vault", token.name()),
                hint: if token.is_piv() {
                    "make key and certificate in PIV slot 9d with the card's own tool, and start again".into()
                } else {
                    "make one with 'twinlock token setup', and start again".into()
                },
                code: super::report::TOKEN,
            });
        }
        let names: Vec<String> = keys.iter().map(|(_, name)| name.clone()).collect();
        let (uri, _) = keys[pick(session, &names)?].clone();
        return Ok(Spec::Pkcs11(uri));
    }
}

/// One of several by its number, counted from 0; the only one without a question.
fn pick(session: &mut Session, names: &[String]) -> Result<usize, CliError> {
    for (n, name) in (1..).zip(names) {
        prose(&format!("   {n}  {name}"));
    }
    if names.len() == 1 { Ok(0) } else { Ok(choose(session, "   Which? [1]", names.len())? - 1) }
}

fn ask_recovery(session: &mut Session) -> Result<bool, CliError> {
    let question = "A recovery code gets you back in when the rest is lost. Make one?";
    Ok(session.prompt.confirm(&Question::YesByDefault(question))?)
}

/// A number from 1 to `max`; Enter alone is 1.
fn choose(session: &mut Session, question: &str, max: usize) -> Result<usize, CliError> {
    loop {
        let answer = session.prompt.line(question)?;
        match answer.trim() {
            "" => return Ok(1),
            text => match text.parse() {
                Ok(n) if (1..=max).contains(&n) => return Ok(n),
                _ => prose(&format!("   please answer with a number from 1 to {max}")),
            },
        }
    }
}

/// A folder that was named must be there.
fn check_folder(session: &Session, path: &Path) -> Result<(), CliError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if session.global.vault.is_none() || folder.is_dir() {
        return Ok(());
    }
    Err(StoreError::NoFolder(folder.into()).into())
}

/// The default place is made, with access for its owner alone; a folder that was named must be there.
pub fn make_folder(session: &Session, path: &Path) -> Result<(), CliError> {
    match path.parent() {
        Some(folder) if session.global.vault.is_none() => {
            let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(|error| CliError::File { doing: "make the folder", path: folder.into(), error })
        }
        _ => Ok(()),
    }
}

/// Offers a sheet of the code that was made.
fn offer(session: &mut Session, path: &Path, header: &Header, account_key: &AccountKey, code: &CodeText) {
    let has_code = |slot: &&Keyslot| slot.factors.iter().any(|stanza| stanza.kind == recovery::KIND);
    let Some(keyslot) = header.keyslots.iter().find(has_code) else { return };
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let fingerprint = &fingerprint(account_key, &header.vault_id);
    let sheet = Sheet { vault: &header.name, fingerprint, path: &path, keyslot, code };
    // Ctrl-C is no more than a no here: the vault is made.
    offer_sheet(session, &|target| sheet.write(target));
}

/// What there is now, and what would be wise.
fn done(path: &Path, header: &Header) {
    prose(&format!("made the vault '{}' in '{}'", header.name, path.display()));
    prose("ways in:");
    tell_left(header, &of_structure(header, Names::Proven));
    prose("add something: 'twinlock add NAME'");
}
