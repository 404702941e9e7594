//! YubiKeys on the command line: `piv[:SERIAL-OR-NAME][/PIV SLOT]`, and what a session does with them.

use super::report::{CliError, NOT_FOUND, USAGE, prose, warn};
use super::session::Session;
use crate::factor::piv::attestation::{Birth, Roots};
use crate::factor::piv::info::{KeyInfo, TokenInfo};
use crate::factor::piv::public::{MAX_FILE, PublicKey};
use crate::factor::piv::{
    Hints, KIND, PivEnroll, PivError, PivOpen, PivPublicEnroll, PivSlot, PivTokens, SetupError, TouchPolicy, describe,
    params::check_new_name,
};
use crate::factor::{Enroll, FactorError, SlotContext};
use crate::header::{Header, Keyslot, Stanza};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Which key of which token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PivSpec {
    /// Its serial number.
    pub serial: Option<u32>,
    /// Its name in this vault.
    pub known_as: Option<String>,
    /// The PIV slot.
    pub slot: Option<PivSlot>,
    /// What it is to be called.
    pub name: Option<String>,
    /// A certificate or public key in place of the token.
    pub file: Option<PathBuf>,
}

const FORMS: &str = "it is 'piv', 'piv:SERIAL', 'piv:SERIAL/PIV-SLOT', or 'piv:serial=...;slot=...;name=...;file=...'";

impl std::str::FromStr for PivSpec {
    type Err = String;

    /// What follows `piv`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut spec = Self::default();
        let Some(rest) = text.strip_prefix(':') else {
            return if text.is_empty() { Ok(spec) } else { Err(FORMS.into()) };
        };
        if !rest.contains('=') {
            let (token, slot) = rest.split_once('/').map_or((rest, None), |(token, slot)| (token, Some(slot)));
            spec.slot = slot
                .map(str::parse)
                .transpose()
                .map_err(|why| if names_a_file(rest) { as_a_file(rest) } else { why })?;
            match (token, token.bytes().all(|byte| byte.is_ascii_digit())) {
                ("", _) if slot.is_none() => return Err(FORMS.into()),
                ("", _) => {}
                (digits, true) => spec.serial = Some(serial(digits)?),
                (name, false) => spec.known_as = Some(name.to_owned()),
            }
            return Ok(spec);
        }
        for part in rest.split(';').filter(|part| !part.is_empty()) {
            let (field, value) = part.split_once('=').ok_or(FORMS)?;
            let twice = match field {
                "serial" => spec.serial.replace(serial(value)?).is_some(),
                "slot" => spec.slot.replace(value.parse()?).is_some(),
                "name" => {
                    check_new_name(value)?;
                    spec.name.replace(value.to_owned()).is_some()
                }
                "file" => spec.file.replace(value.into()).is_some(),
                _ => return Err(format!("'{field}' is not known; {FORMS}")),
            };
            if twice {
                return Err(format!("'{field}' is there twice"));
            }
        }
        Ok(spec)
    }
}

fn serial(text: &str) -> Result<u32, String> {
    let number: Option<u32> = text.parse().ok();
    number.filter(|&number| number > 0).ok_or_else(|| format!("'{text}' is not a serial number"))
}

/// Whether that looks like the name of a file with a certificate or public key in it.
fn names_a_file(text: &str) -> bool {
    let ends = ["pem", "der", "crt", "cer", "pub"];
    let extension = Path::new(text).extension().and_then(std::ffi::OsStr::to_str);
    extension.is_some_and(|end| ends.iter().any(|known| end.eq_ignore_ascii_case(known)))
}

fn as_a_file(path: &str) -> String {
    format!("for a certificate or public key in a file: 'piv:file={path}'")
}

/// What keyslots of the vault know of YubiKeys.
pub struct Known {
    /// Serial numbers and names.
    names: Vec<(u32, String)>,
    /// The public halves of their keys, and the keyslot of each.
    keys: Vec<(Vec<u8>, String)>,
}

/// A key that is to be enrolled.
pub struct Found {
    /// Its public half.
    pub public: Vec<u8>,
    /// The serial number of its token; of a key from a file as the person says it, if they do.
    pub serial: Option<u32>,
    /// Its token, as a person knows it.
    pub called: String,
    /// What enrolls it.
    pub enroll: Box<dyn Enroll>,
}

impl Known {
    /// Those of a header.
    pub fn of(header: &Header) -> Self {
        let stanzas = || header.keyslots.iter().flat_map(|slot| slot.factors.iter().map(move |stanza| (slot, stanza)));
        let described = stanzas().filter_map(|(_, stanza)| describe(stanza));
        let key = |(slot, stanza): (&Keyslot, &Stanza)| {
            let (_, wanted) = PivOpen::wanted(stanza).ok()??;
            Some((wanted.public, slot.name.clone()))
        };
        Self {
            names: described.filter_map(|(_, hints)| Some((hints.serial?, hints.name?))).collect(),
            keys: stanzas().filter_map(key).collect(),
        }
    }

    /// None: the vault is not made yet.
    pub fn none() -> Self {
        Self { names: Vec::new(), keys: Vec::new() }
    }

    /// The keyslots that this key is a factor of.
    pub fn used_by(&self, public: &[u8]) -> impl Iterator<Item = &str> {
        self.keys.iter().filter(move |(key, _)| key == public).map(|(_, keyslot)| keyslot.as_str())
    }

    /// The serial number of a token that was named by it, or by its name.
    fn serial_of(&self, spec: &PivSpec) -> Result<Option<u32>, CliError> {
        let Some(name) = &spec.known_as else { return Ok(spec.serial) };
        if let Some((serial, _)) = self.names.iter().find(|(_, known)| known == name) {
            return Ok(Some(*serial));
        }
        let unknown = PivError::UnknownName { name: name.clone() };
        if names_a_file(name) || Path::new(name).is_file() {
            let (message, hint) = (unknown.to_string(), as_a_file(name));
            return Err(CliError::Plain { message, hint: hint.into(), code: NOT_FOUND });
        }
        Err(FactorError::Piv(unknown).into())
    }

    fn name(&self, serial: u32) -> Option<&str> {
        self.names.iter().find(|(known, _)| *known == serial).map(|(_, name)| name.as_str())
    }
}

impl Session {
    /// The PIV tokens of this command; no card is looked at before one is needed.
    pub fn piv(&mut self) -> Result<PivTokens, CliError> {
        if let Some(tokens) = &self.piv {
            return Ok(tokens.clone());
        }
        let config = self.config()?;
        let tokens = PivTokens::new(config.piv.leave_card);
        let named = config.tokens.iter().map(|token| token.uri.as_str());
        let named =
            named.chain(self.global.token.iter().map(String::as_str)).filter_map(|text| text.strip_prefix(KIND));
        let named = named
            .map(|rest| rest.parse::<PivSpec>().map_err(bad_token)?.serial.ok_or_else(|| bad_token(String::new())));
        let named = named.collect::<Result<Vec<_>, CliError>>()?;
        let opener = PivOpen { tokens: tokens.clone(), named, force_last_try: self.global.force_pin };
        self.openers.add(KIND, Box::new(opener));
        Ok(self.piv.insert(tokens).clone())
    }

    /// Whether the token of a keyslot's factor is here with its key; no PIN is asked for.
    pub fn has_piv(&mut self, stanza: &Stanza) -> bool {
        let Ok(Some(wanted)) = PivOpen::wanted(stanza).map(|found| found.map(|(_, wanted)| wanted)) else {
            return false;
        };
        let Ok(tokens) = self.piv() else { return false };
        tokens.cards.borrow_mut().find(&wanted, self.prompt.as_mut()).is_ok()
    }

    /// The YubiKeys that are here; none where nobody can say.
    pub fn yubikeys(&mut self) -> Vec<TokenInfo> {
        let Ok(tokens) = self.piv() else { return Vec::new() };
        tokens.here(self.prompt.as_mut()).map(|(tokens, _)| tokens).unwrap_or_default()
    }

    /// Finds out before anything is typed, or a PIN and a touch are spent for unlocking, whether a key can be enrolled: its file is parsed, its
    /// token looked for. Its public half; `None`: it comes from a pipe, which can be read once only.
    pub fn piv_check(
        &mut self,
        spec: &PivSpec,
        known: &Known,
        root: Option<&Path>,
    ) -> Result<Option<Vec<u8>>, CliError> {
        let serial = known.serial_of(spec)?;
        let Some(path) = &spec.file else {
            self.attestation_roots(root)?;
            return Ok(Some(point(&self.piv_key(PivSpec { serial, ..spec.clone() })?.key)));
        };
        let hints = hints_of(spec, serial, root)?;
        if std::fs::metadata(path).is_ok_and(|data| !data.is_file() && !data.is_dir()) {
            return Ok(None);
        }
        Ok(Some(from_file(path, hints)?.public))
    }

    /// The public half of a key, from a token that is here or from a file.
    ///
    /// `root`: certificates that must prove where the key was born. Those of the config file may fail to.
    pub fn piv_enroller(&mut self, spec: &PivSpec, known: &Known, root: Option<&Path>) -> Result<Found, CliError> {
        let serial = known.serial_of(spec)?;
        if let Some(path) = &spec.file {
            let enroll = from_file(path, hints_of(spec, serial, root)?)?;
            warn(&format!(
                "nothing proves that anybody has the token of the key in '{}': have its owner try 'twinlock keyslot test' before you rely on it",
                path.display()
            ));
            let called = enroll.hints.called();
            return Ok(Found { public: enroll.public.clone(), serial, called, enroll: Box::new(enroll) });
        }
        let mut enroll = self.piv_key(PivSpec { serial, ..spec.clone() })?;
        enroll.attested = self.is_proven(&enroll, root)?;
        enroll.name = match (&spec.name, known.name(enroll.token.serial)) {
            (Some(name), _) => Some(name.clone()),
            (None, Some(name)) => Some(name.to_owned()),
            (None, None) if self.interactive() => self.ask_name(&enroll.token)?,
            (None, None) => None,
        };
        let (public, serial) = (point(&enroll.key), Some(enroll.token.serial));
        let called = Hints { serial, name: enroll.name.clone(), ..Hints::default() }.called();
        Ok(Found { public, serial, called, enroll: Box::new(enroll) })
    }

    /// Whether the key is proven to be born on its token, for the keyslot to record.
    fn is_proven(&mut self, enroll: &PivEnroll, root: Option<&Path>) -> Result<bool, CliError> {
        let roots = self.attestation_roots(root)?;
        if roots.is_empty() {
            return Ok(false);
        }
        let token = || enroll.token.name();
        match (enroll.tokens.birth(&enroll.token, &enroll.key, &roots, self.prompt.as_mut())?, root) {
            (Birth::Proven, _) => Ok(true),
            (birth, Some(_)) => {
                let attested = birth == Birth::Claimed;
                Err(FactorError::Piv(PivError::Setup(SetupError::NotProven { token: token(), attested })).into())
            }
            (_, None) => {
                warn(&format!("nothing that you trust proves that the key was born on the {}", token()));
                Ok(false)
            }
        }
    }

    /// The certificates that prove where a key was born: those of a file, else those of the config file's; none otherwise.
    pub fn attestation_roots(&self, file: Option<&Path>) -> Result<Roots, CliError> {
        let config = self.config()?.piv.attestation_root;
        let Some(path) = file.or(config.as_deref()) else { return Ok(Roots::default()) };
        let bytes = read(path, "read the certificates from")?;
        Roots::from_file(&bytes).map_err(|why| {
            FactorError::Piv(PivError::Setup(SetupError::BadRoots { path: path.display().to_string(), why })).into()
        })
    }

    /// The key of a token that is here.
    pub fn piv_key(&mut self, spec: PivSpec) -> Result<PivEnroll, CliError> {
        let tokens = self.piv()?;
        let token = tokens.the_token(spec.serial, self.prompt.as_mut())?;
        super::piv_setup::has_number(&token)?;
        let key = tokens.the_key(&token, spec.slot, self.prompt.as_mut())?;
        let force_last_try = self.global.force_pin;
        Ok(PivEnroll { tokens, token, key, name: None, attested: false, force_last_try, test: false })
    }

    fn ask_name(&mut self, token: &TokenInfo) -> Result<Option<String>, CliError> {
        loop {
            let name = self.prompt.line(&format!("A name for {}, to know it by (Enter: none)", token.name()))?;
            match name.trim() {
                "" => return Ok(None),
                name => match check_new_name(name) {
                    Ok(()) => return Ok(Some(name.to_owned())),
                    Err(why) => prose(&why),
                },
            }
        }
    }

    /// Tries a key as an enrolment would, for a vault that does not exist. Nothing is written anywhere.
    pub fn test_piv(&mut self, spec: &PivSpec) -> Result<(), CliError> {
        if spec.file.is_some() || spec.known_as.is_some() {
            return Err(CliError::Usage {
                message: "a test needs the token itself".into(),
                hint: "name it by its serial number: 'twinlock token test piv:SERIAL'".into(),
            });
        }
        let enroll = PivEnroll { test: true, ..self.piv_key(spec.clone())? };
        let (vault_id, keyslot_id) = (crate::crypto::random_bytes()?, crate::crypto::random_bytes()?);
        let ctx = SlotContext { vault_id: &vault_id, keyslot_id: &keyslot_id, vault: "test", keyslot: "test" };
        let (stanza, _) = enroll.enroll(&ctx, self.prompt.as_mut())?;
        let mode = describe(&stanza).map_or("", |(mode, _)| mode.name());
        let took = enroll.tokens.last_use();
        let from = if enroll.key.touch == Some(TouchPolicy::Always) { " from the request for the touch" } else { "" };
        let took = took.map_or(String::new(), |took| format!(" after {:.1} s{from}", took.as_secs_f64()));
        prose(&format!(
            "the key in PIV slot {} of the {} works ({mode}): it gave the secret back{took}",
            enroll.key.slot,
            enroll.token.name()
        ));
        super::out::line(&format!("piv:{}/{}", enroll.token.serial, enroll.key.slot))
    }
}

/// A certificate or public key in place of the token. Nothing proves that anybody has the private half.
fn from_file(path: &Path, hints: Hints) -> Result<PivPublicEnroll, CliError> {
    let bytes = read(path, "read the public key from")?;
    let shown = path.display().to_string();
    if bytes.len() > MAX_FILE {
        let why = "it is too long".to_owned();
        return Err(FactorError::Piv(PivError::BadFile { path: shown, why }).into());
    }
    Ok(PivPublicEnroll::from_file(&shown, &bytes, hints)?)
}

/// What is known of the token of a key that comes from a file. `root`: a proof was asked for, which a file cannot give.
fn hints_of(spec: &PivSpec, serial: Option<u32>, root: Option<&Path>) -> Result<Hints, CliError> {
    let hints = Hints { serial, piv_slot: spec.slot, name: spec.name.clone(), ..Hints::default() };
    if root.is_none() {
        return Ok(hints);
    }
    let token = hints.called();
    Err(FactorError::Piv(PivError::Setup(SetupError::NotProven { token, attested: false })).into())
}

/// The public half of a key; empty for a kind that nothing is wrapped under.
fn point(key: &KeyInfo) -> Vec<u8> {
    match &key.public {
        PublicKey::Ecdh { point, .. } => point.clone(),
        PublicKey::Other(_) => Vec::new(),
    }
}

/// A file, as far as it may be long.
fn read(path: &Path, doing: &'static str) -> Result<Vec<u8>, CliError> {
    let failed = |error| CliError::File { doing, path: path.into(), error };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn bad_token(why: String) -> CliError {
    let why = if why.is_empty() { "it has no serial number".to_owned() } else { why };
    CliError::Plain {
        message: format!("the token cannot be named so: {why}"),
        hint: "--token piv:SERIAL".into(),
        code: USAGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_are_parsed() {
        let slot = |text: &str| Some(text.parse::<PivSlot>().unwrap());
        let parse = |text: &str| text.parse::<PivSpec>();
        let none = PivSpec::default;
        assert_eq!(parse(""), Ok(none()));
        assert_eq!(parse(":12345678"), Ok(PivSpec { serial: Some(12_345_678), ..none() }));
        assert_eq!(parse(":ada"), Ok(PivSpec { known_as: Some("ada".into()), ..none() }));
        assert_eq!(parse(":12345678/82"), Ok(PivSpec { serial: Some(12_345_678), slot: slot("82"), ..none() }));
        assert_eq!(parse(":/9d"), Ok(PivSpec { slot: slot("9d"), ..none() }));
        let all = PivSpec {
            serial: Some(1),
            slot: slot("9a"),
            name: Some("bob's key".into()),
            file: Some("/a=b/c.pem".into()),
            ..none()
        };
        assert_eq!(parse(":serial=1;slot=9a;name=bob's key;file=/a=b/c.pem"), Ok(all));
        for bad in ["x", ":", ":0", ":99999999999", ":1/99", ":1/", ":serial=x", ":pin=1", ":name=", ":slot=82;slot=83"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse(":keys/two.pem").unwrap_err().contains("'piv:file=keys/two.pem'"));
        let unknown = Known::none().serial_of(&parse(":two.pem").unwrap());
        assert!(matches!(unknown, Err(CliError::Plain { hint, .. }) if hint.text().contains("'piv:file=two.pem'")));
    }
}
