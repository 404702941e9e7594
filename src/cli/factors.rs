//! Keyslots as arguments: repeated `--factor`, `--threshold`; and making the factors, with the person or from files.

use super::out;
use super::piv::{Found, Known, PivSpec};
use super::report::{CliError, prose, warn};
use super::session::Session;
use crate::factor::Enroll;
use crate::factor::password::{CostWish, NewPassword, PasswordEnroll};
use crate::factor::piv::KIND;
use crate::factor::recovery::{Kept, RecoveryCode, RecoveryEnroll};
use crate::header::MAX_FACTORS;
use crate::secret::{CodeText, SecretText};
use crate::vault::VaultError;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use zeroize::Zeroizing;

/// One `--factor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spec {
    /// `password`
    Password,
    /// `recovery`
    Recovery,
    /// `piv...`
    Piv(PivSpec),
    /// An RFC 7512 URI.
    Pkcs11(String),
    /// `fake:NAME`, in test builds.
    #[cfg(debug_assertions)]
    Fake(String),
}

impl std::str::FromStr for Spec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "password" => Ok(Self::Password),
            "recovery" => Ok(Self::Recovery),
            _ if text == "piv" || text.starts_with("piv:") => text["piv".len()..].parse().map(Self::Piv),
            _ if text.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("pkcs11:")) => {
                // Not parsed here: the parser of arguments repeats what it refuses, and that may hold a PIN.
                Ok(Self::Pkcs11(text.to_owned()))
            }
            #[cfg(debug_assertions)]
            _ if text.starts_with("fake:") => Ok(Self::Fake(text["fake:".len()..].to_owned())),
            "pkcs11" => {
                Err("say which key, like 'pkcs11:token=LABEL;object=KEY'; 'twinlock token list' shows them".into())
            }
            _ => Err("it is 'password', 'recovery', 'piv', 'piv:SERIAL' or a 'pkcs11:...' URI".into()),
        }
    }
}

impl Spec {
    /// How many recovery codes are to be made.
    pub fn codes(specs: &[Self]) -> usize {
        specs.iter().filter(|spec| **spec == Self::Recovery).count()
    }

    /// The kind in a stanza.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Password => crate::factor::password::KIND,
            Self::Recovery => crate::factor::recovery::KIND,
            Self::Piv(_) => crate::factor::piv::KIND,
            Self::Pkcs11(_) => crate::factor::pkcs11::KIND,
            #[cfg(debug_assertions)]
            Self::Fake(_) => crate::factor::fake::KIND,
        }
    }
}

/// What checking a password costs.
#[derive(clap::Args, Clone, Default)]
pub struct Kdf {
    /// Memory that checking a password takes, in MiB (19 to 4096) [default: 64, or as before]
    #[arg(long = "kdf-memory", value_name = "MIB", value_parser = clap::value_parser!(u32).range(19..=4096))]
    pub memory: Option<u32>,
    /// Passes over that memory (2 to 32) [default: 3, or as before]
    #[arg(long = "kdf-passes", value_name = "N", value_parser = clap::value_parser!(u32).range(2..=32))]
    pub passes: Option<u32>,
    /// Threads that checking a password uses (1 to 32) [default: 4, or as before]
    #[arg(long = "kdf-lanes", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=32))]
    pub lanes: Option<u32>,
}

impl Kdf {
    /// The same for the factor.
    pub fn cost(&self) -> CostWish {
        CostWish { memory_kib: self.memory.map(|mib| mib * 1024), passes: self.passes, lanes: self.lanes }
    }
}

/// How factors are made.
#[derive(clap::Args, Clone, Default)]
pub struct Making {
    /// For passwords.
    #[command(flatten)]
    pub kdf: Kdf,
    /// Write a new recovery code to FILE (made new, mode 0600) instead of showing it
    #[arg(long, value_name = "FILE")]
    pub recovery_out: Option<PathBuf>,
    /// Certificates of a YubiKey's maker: refuse a key of a YubiKey unless they prove that it was born on it
    #[arg(long, value_name = "FILE")]
    pub attestation_root: Option<PathBuf>,
    /// Allow RSA keys to be used with OAEP-SHA-1, for old modules that know no other hash
    #[arg(long)]
    pub allow_sha1: bool,
    /// Keep a weak password, and do not ask about weaker keyslots
    #[arg(long)]
    pub force: bool,
}

impl Making {
    /// Before anything is made: a file for a recovery code, and no code to be made, is a misunderstanding.
    pub fn check(&self, codes: usize) -> Result<(), CliError> {
        if codes == 1 || self.recovery_out.is_none() {
            return Ok(());
        }
        if codes > 1 {
            return Err(CliError::Usage {
                message: format!("--recovery-out names one file, and {codes} recovery codes are to be made"),
                hint: "make one of them at a time, or run it on a terminal".into(),
            });
        }
        Err(CliError::Usage {
            message: "--recovery-out names a file for a recovery code, and none is to be made".into(),
            hint: "leave it out; or make one, with --factor recovery, or with 'twinlock init --recovery'".into(),
        })
    }
}

impl Making {
    /// What becomes of a code whose keyslot was not written: its file is there, and somebody might trust it.
    pub fn or_warn<T>(&self, result: Result<T, CliError>) -> Result<T, CliError> {
        if let (Err(_), Some(path)) = (&result, &self.recovery_out)
            && path.exists()
        {
            warn(&format!(
                "the code in '{}' may open nothing: look at 'twinlock keyslot list' before you trust it",
                path.display()
            ));
        }
        result
    }
}

/// Refuses a URI that is none, and the same factor twice: it would ask for two and need one. A recovery code is another one each time.
pub fn check_specs(specs: &[Spec]) -> Result<(), CliError> {
    for spec in specs {
        if let Spec::Pkcs11(uri) = spec {
            super::tokens::parse(uri)?;
        }
    }
    let twice = |(i, spec): &(usize, &Spec)| **spec != Spec::Recovery && specs[..*i].contains(spec);
    match specs.iter().enumerate().find(twice) {
        None => Ok(()),
        Some((_, spec)) => Err(named_twice(spec.kind())),
    }
}

/// Finds the typing errors in what names YubiKeys and files before a person types anything, or a PIN and a touch are spent for unlocking.
pub fn look_early(specs: &[Spec], known: &Known, making: &Making, session: &mut Session) -> Result<(), CliError> {
    let mut keys = Vec::new();
    for spec in specs {
        let Spec::Piv(spec) = spec else { continue };
        let Some(key) = session.piv_check(spec, known, making.attestation_root.as_deref())? else { continue };
        if keys.contains(&key) {
            return Err(named_twice(KIND));
        }
        keys.push(key);
    }
    Ok(())
}

fn named_twice(kind: &str) -> CliError {
    CliError::Usage {
        message: format!("the factor '{kind}' is there twice, and would count twice for the same thing"),
        hint: "name each factor once".into(),
    }
}

/// Refuses a threshold that its factors cannot reach, before a person types or a code is made for nothing.
pub fn check_threshold(threshold: u8, factors: usize) -> Result<(), CliError> {
    if factors <= MAX_FACTORS && threshold > 0 && usize::from(threshold) <= factors {
        return Ok(());
    }
    Err(VaultError::BadThreshold { threshold, factors }.into())
}

/// Makes factors for one command; a password asked for once serves every keyslot of it.
pub struct Maker<'a> {
    making: &'a Making,
    vault: String,
    password: Option<Rc<NewPassword>>,
    known: Known,
    /// Keys of YubiKeys in the keyslot that is being made.
    keys: Vec<Vec<u8>>,
    /// The serial numbers of these YubiKeys.
    devices: Vec<u32>,
    /// The recovery codes that were made, for their sheets.
    pub codes: Vec<CodeText>,
}

impl<'a> Maker<'a> {
    /// For a vault of that name, whose keyslots know these tokens.
    pub fn new(making: &'a Making, vault: &str, known: Known) -> Self {
        Self {
            making,
            vault: vault.to_owned(),
            password: None,
            known,
            keys: Vec::new(),
            devices: Vec::new(),
            codes: Vec::new(),
        }
    }

    /// The public halves of a keyslot's factors.
    pub fn make(
        &mut self,
        specs: &[Spec],
        keyslot: &str,
        session: &mut Session,
    ) -> Result<Vec<Box<dyn Enroll>>, CliError> {
        self.keys.clear();
        self.devices.clear();
        specs.iter().map(|spec| self.one(spec, keyslot, session)).collect()
    }

    fn one(&mut self, spec: &Spec, keyslot: &str, session: &mut Session) -> Result<Box<dyn Enroll>, CliError> {
        Ok(match spec {
            Spec::Password => {
                let password = if let Some(password) = &self.password {
                    Rc::clone(password)
                } else {
                    let prompt = session.prompt.as_mut();
                    Rc::new(NewPassword::ask(&self.vault, keyslot, self.making.force, prompt)?)
                };
                self.password = Some(Rc::clone(&password));
                Box::new(PasswordEnroll { cost: self.making.kdf.cost().fresh(), password })
            }
            Spec::Recovery => Box::new(RecoveryEnroll(self.recovery(session)?)),
            Spec::Piv(spec) => {
                let found = session.piv_enroller(spec, &self.known, self.making.attestation_root.as_deref())?;
                if self.keys.contains(&found.public) {
                    return Err(named_twice(KIND));
                }
                self.warn_of_shared(&found, keyslot);
                self.keys.push(found.public);
                self.devices.extend(found.serial);
                found.enroll
            }
            Spec::Pkcs11(uri) => session.token_enroller(uri, self.making.allow_sha1)?,
            #[cfg(debug_assertions)]
            Spec::Fake(name) => Box::new(crate::factor::fake::FakeEnroll { name: name.clone() }),
        })
    }

    /// Two factors on one device are one to who finds it, and a spare that is the same key is none.
    fn warn_of_shared(&self, found: &Found, keyslot: &str) {
        let called = &found.called;
        if found.serial.is_some_and(|serial| self.devices.contains(&serial)) {
            warn(&format!(
                "two factors of keyslot '{keyslot}' are on the {called}: whoever has it has both, and both are lost with it"
            ));
        }
        let others: Vec<_> = self.known.used_by(&found.public).map(|name| format!("'{name}'")).collect();
        if !others.is_empty() {
            let others = others.join(", ");
            warn(&format!(
                "this key of the {called} is a factor of {others} already: keyslot '{keyslot}' is no spare for it"
            ));
        }
    }

    /// Makes a code, and hands it out; it counts only once it is proven to be kept.
    fn recovery(&mut self, session: &mut Session) -> Result<Kept, CliError> {
        let code = RecoveryCode::generate()?;
        self.codes.push(code.text());
        if let Some(path) = &self.making.recovery_out {
            let text = write_code(path, &code.text())?;
            prose(&format!("the recovery code is in '{}': keep it apart from the vault", path.display()));
            return Ok(code.read_back(&text)?);
        }
        if !session.interactive() {
            return Err(CliError::Usage {
                message: "a recovery code is shown once and typed back, and nobody is there to do so".into(),
                hint: "run it on a terminal, or write the code to a new file with --recovery-out FILE".into(),
            });
        }
        prose(
            "\nThis is your recovery code. It is shown once. Write it down on paper, and keep it \
             away from this computer: with it you get back in when all else is lost, and so \
             does anyone who finds it together with the vault file.\n",
        );
        out::secret_line(code.text().expose())?;
        prose("\nType it back, to be sure that it is right on paper.");
        Ok(code.typed_back(session.prompt.as_mut())?)
    }
}

/// Writes a secret into a new file that only its owner can read.
pub fn write_new(path: &Path, text: &CodeText) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.expose().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// Writes a recovery code into a new file, and reads back what the disk has. The file appears whole or not at all: half a code on a
/// stick would be found out on the day it is needed. A draft that a kill leaves behind opens nothing, as no keyslot was made yet.
fn write_code(path: &Path, code: &CodeText) -> Result<CodeText, CliError> {
    let failed = |error| CliError::File { doing: "write the recovery code to", path: path.into(), error };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let published = write_new(&draft, code).and_then(|()| match std::fs::hard_link(&draft, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists && !path.exists() => std::fs::rename(&draft, path),
        linked => linked,
    });
    // Gone already where it was renamed; what cannot be removed holds nothing that the file does not.
    let _ = std::fs::remove_file(&draft);
    published.map_err(failed)?;
    let mut text = Zeroizing::new(String::with_capacity(256));
    std::fs::File::open(path).and_then(|file| file.take(255).read_to_string(&mut text)).map_err(failed)?;
    Ok(SecretText::new(text).into_code())
}

/// A keyslot's name when none is given: its kinds, k of n, or that it is for custodians; and a number where that is taken.
pub fn default_name(specs: &[Spec], threshold: u8, custodians: bool, taken: &[&str]) -> String {
    let mut kinds: Vec<&str> = specs.iter().map(Spec::kind).collect();
    let base = if custodians {
        "custodians".to_owned()
    } else if usize::from(threshold) == specs.len() {
        kinds.dedup();
        kinds.join("+")
    } else {
        format!("{threshold}-of-{}", specs.len())
    };
    let numbered = (2u32..).map(|n| format!("{base}-{n}"));
    let mut names = std::iter::once(base.clone()).chain(numbered);
    names.find(|name| !taken.contains(&name.as_str())).unwrap_or(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_parsed() {
        assert_eq!("password".parse(), Ok(Spec::Password));
        assert_eq!("piv".parse(), Ok(Spec::Piv(PivSpec::default())));
        assert_eq!("PKCS11:token=a".parse(), Ok(Spec::Pkcs11("PKCS11:token=a".into())));
        for bad in ["", "passwd", "pkcs11", "pivot", "piv:", "Password", "é"] {
            assert!(bad.parse::<Spec>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_made_unique() {
        let specs = [Spec::Password, Spec::Pkcs11("pkcs11:".into())];
        assert_eq!(default_name(&specs, 2, false, &[]), "password+pkcs11");
        assert_eq!(default_name(&specs, 2, false, &["password+pkcs11"]), "password+pkcs11-2");
        assert_eq!(
            default_name(&[Spec::Recovery, Spec::Recovery], 2, false, &["recovery", "recovery-2"]),
            "recovery-3"
        );
        assert_eq!(default_name(&specs, 1, false, &[]), "1-of-2");
        assert_eq!(default_name(&specs, 2, true, &["custodians"]), "custodians-2");
    }
}
