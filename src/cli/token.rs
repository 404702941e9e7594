//! `twinlock token`

use super::report::{self, CliError, prose, warn};
use super::session::Session;
use super::tokens::{of_token, parse};
use super::ways::Ways;
use super::{out, piv_setup, readers, unblock};
use crate::factor::pkcs11::info::{KeyInfo, TokenInfo, printable};
use crate::factor::pkcs11::{Mode, TokenError, TokenSetup, keys, log_in_to, test};
use crate::prompt::Tries;
use serde_json::{Value, json};

/// The config file, for the help and the man page.
const CONFIG: &str = "\
The PKCS#11 module of a token (its vendor's shared library) is named with
--module, or once and for all in the config file, twinlock/config.toml in your
config folder:

    [[module]]
    path = \"/usr/lib/softhsm/libsofthsm2.so\"
    deadline = 30          # seconds that a call may take; 30 if left out

    [[token]]              # only where the PIN comes from a file
    uri = \"pkcs11:token=LABEL?pin-source=/FILE\"

A YubiKey is reset after its PIN was used, so that no other program can ride
on it. With leave-card it is not: other programs keep their sessions, can use
its keys until it is pulled out, and a PIN that it still knows is not asked for
again (a YubiKey 4 forgets it all the same). attestation-root names the
certificates of the maker, which prove that a key was born on a YubiKey:

    [piv]
    leave-card = true      # false if left out
    attestation-root = \"/FILE\"";

/// Tokens (YubiKeys; HSMs, by PKCS#11): list, set up, test, unblock
#[derive(clap::Subcommand)]
#[command(after_help = CONFIG, defer = true)]
pub enum Command {
    /// List the tokens that are here and the keys that could open a keyslot
    List {
        /// Log in to this token, to see its private keys too ('pkcs11:token=LABEL')
        #[arg(long, value_name = "URI")]
        login: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    Setup(Setup),
    Unblock(unblock::Args),
    /// Try a key as an enrolment would; nothing is written anywhere
    Test {
        /// Which key: 'piv', 'piv:SERIAL', 'piv:SERIAL/PIV-SLOT' or 'pkcs11:token=LABEL;object=KEY'
        #[arg(value_name = "KEY")]
        uri: String,
        /// Allow an RSA key to be used with OAEP-SHA-1
        #[arg(long)]
        allow_sha1: bool,
    },
}

/// Make a key on a token that can open keyslots
///
/// It is born on the token and cannot leave it. Its label is 'twinlock' unless the URI says another (object=...).
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Setup {
    #[command(subcommand)]
    kind: Option<SetupKind>,
    /// Which token: 'pkcs11:token=LABEL'
    #[arg(required = true)]
    uri: Option<String>,
    /// What the key is to do [default: the first of these that the token can do]
    #[arg(long, value_name = "MODE", value_parser = mode)]
    mode: Option<Mode>,
}

/// Tokens that are set up otherwise.
#[derive(clap::Subcommand)]
#[command(defer = true)]
enum SetupKind {
    Piv(Box<piv_setup::Args>),
}

fn mode(text: &str) -> Result<Mode, String> {
    let known = || Mode::ALL.map(Mode::name).join(", ");
    Mode::from_name(text).ok_or_else(|| format!("it is one of {}", known()))
}

impl Command {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        match self {
            Self::List { login, json } => list(session, login.as_deref(), json),
            Self::Setup(args) => args.run(session),
            Self::Unblock(args) => args.run(session),
            Self::Test { uri, .. } if uri == "piv" || uri.starts_with("piv:") => {
                let spec = uri["piv".len()..].parse().map_err(|why: String| CliError::Usage {
                    message: format!("the token cannot be named '{uri}'"),
                    hint: why.into(),
                })?;
                session.test_piv(&spec)
            }
            Self::Test { uri, .. } if !is_uri(&uri) => {
                Err(misnamed(&uri, "test piv", "test \"pkcs11:token=LABEL;object=KEY\""))
            }
            Self::Test { uri, allow_sha1 } => {
                let enroll = session.pkcs11_enroll(&uri, allow_sha1)?;
                let report = test(&enroll, session.prompt.as_mut())?;
                // Of ECDH there is nothing that could be damaged: another point is another secret.
                let refused = if report.mode.is_ecdh() { "" } else { ", and refused a damaged one" };
                prose(&format!("the key works ({}): it gave a secret back{refused}", report.mode));
                out::line(&report.uri)
            }
        }
    }
}

/// Whether it is meant as a URI of PKCS#11, right or wrong.
fn is_uri(text: &str) -> bool {
    text.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("pkcs11:"))
}

/// A name that is neither of the two kinds there are.
fn misnamed(text: &str, yubikey: &str, hsm: &str) -> CliError {
    // A PIN can be in what was meant as a URI.
    let harmless = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:/ ".contains(c));
    let named = if harmless { format!(" '{text}'") } else { " so".to_owned() };
    CliError::Usage {
        message: format!("the token cannot be named{named}"),
        hint: format!("for a YubiKey: 'twinlock token {yubikey}'; for an HSM: 'twinlock token {hsm}'").into(),
    }
}

impl Setup {
    fn run(self, session: &mut Session) -> Result<(), CliError> {
        let uri = match (self.kind, self.uri) {
            (Some(SetupKind::Piv(args)), _) => return args.run(session),
            (None, Some(uri)) => uri,
            (None, None) => unreachable!("the parser of arguments demands one of them"),
        };
        if !is_uri(&uri) {
            let piv = if uri.starts_with("piv") { "piv --serial N" } else { "piv" };
            return Err(misnamed(&uri, &format!("setup {piv}"), "setup \"pkcs11:token=LABEL\""));
        }
        let setup = TokenSetup {
            tokens: session.tokens()?,
            uri: parse(&uri)?,
            mode: self.mode,
            force_last_try: session.global.force_pin,
        };
        let made = setup.run(session.prompt.as_mut())?;
        prose(&format!(
            "made a key for {} on token '{}'; enroll it with --factor and this URI:",
            made.mode, made.token
        ));
        out::line(&made.uri.canonical())
    }
}

/// A token with what it shows.
struct Listed {
    info: TokenInfo,
    module: String,
    keys: Result<Vec<KeyInfo>, TokenError>,
    logged_in: bool,
}

fn list(session: &mut Session, login: Option<&str>, json: bool) -> Result<(), CliError> {
    let modules = !session.tokens()?.borrow().is_empty();
    let readers = match readers::look(session) {
        Ok(readers) => readers,
        Err(error) if modules || login.is_some() => {
            report::tell(&error);
            Vec::new()
        }
        Err(error) => {
            // Who has neither modules nor readers should know of both.
            prose(&format!("twinlock: note: {}", TokenError::NoModule));
            return Err(error);
        }
    };
    let login = match login {
        Some(uri) => {
            let tokens = session.tokens()?;
            Some(log_in_to(&tokens, &parse(uri)?, session.global.force_pin, session.prompt.as_mut())?.info)
        }
        None => None,
    };
    let listed = if modules { in_modules(session, login.as_ref())? } else { Vec::new() };
    let ways = Ways::of(session);
    if json {
        let readers = readers.iter().map(|reader| readers::as_json(reader, &ways));
        return out::json(&readers.chain(listed.iter().map(as_json)).collect::<Vec<_>>());
    }
    if listed.is_empty() && readers.is_empty() {
        prose("no token is here, and no reader that could hold one");
    }
    readers::show(&readers, &ways)?;
    show(&listed)
}

/// The tokens of all PKCS#11 modules.
fn in_modules(session: &mut Session, login: Option<&TokenInfo>) -> Result<Vec<Listed>, CliError> {
    let tokens = session.tokens()?;
    let mut listed = Vec::new();
    let mut failed = Vec::new();
    let reports = tokens.borrow_mut().list();
    let modules = reports.len();
    for report in reports {
        let module = report.path.display().to_string();
        match report.outcome {
            Ok((_, infos, broken)) => {
                listed.extend(infos.into_iter().map(|info| Listed {
                    info,
                    module: module.clone(),
                    keys: Ok(Vec::new()),
                    logged_in: false,
                }));
                for broken in broken {
                    warn(&format!(
                        "PKCS#11 slot {} of '{module}' does not answer as it should: {}",
                        broken.slot, broken.why
                    ));
                }
            }
            Err(error) => failed.push(error),
        }
    }
    if failed.len() == modules
        && let Some(error) = failed.pop()
    {
        return Err(error.into());
    }
    for error in &failed {
        warn(&error.to_string());
    }
    for one in listed.iter_mut().filter(|one| one.info.initialized) {
        let uri = of_token(&one.info.label, &one.info.serial);
        let found = keys(&mut tokens.borrow_mut(), &uri);
        one.logged_in = login.is_some_and(|of| (&of.label, &of.serial) == (&one.info.label, &one.info.serial));
        one.keys = found.map(|found| found.into_iter().flat_map(|(_, keys)| keys).collect());
    }
    Ok(listed)
}

fn show(listed: &[Listed]) -> Result<(), CliError> {
    for one in listed {
        out::line(&headed(one))?;
        match &one.keys {
            Err(error) => warn(&error.to_string()),
            Ok(keys) if keys.is_empty() && one.logged_in => {
                let piv = "; of a PIV card OpenSC shows only those beside a certificate";
                out::line(&format!("  no keys{}", if one.info.is_piv() { piv } else { "" }))?;
            }
            Ok(keys) if keys.is_empty() && one.info.initialized => {
                let uri = of_token(&one.info.label, &one.info.serial).canonical();
                out::line(&format!("  no keys shown before a login: 'twinlock token list --login \"{uri}\"'"))?;
            }
            Ok(keys) => {
                for key in keys {
                    let fit = key
                        .mode()
                        .map_or_else(|why| format!("not usable: {}", printable(&why)), |mode| mode.to_string());
                    out::line(&format!("  key '{}': {fit}", key.name()))?;
                }
            }
        }
    }
    Ok(())
}

/// Name, state, maker and module: two lines, of which the token may have written every word.
fn headed(one: &Listed) -> String {
    let TokenInfo { manufacturer, model, .. } = &one.info;
    let maker = [manufacturer, model, &one.module].map(|text| printable(text));
    let [manufacturer, model, module] = maker;
    format!("{}: {}\n  {manufacturer} {model}, module {module}", one.info.name(), state(&one.info))
}

/// What a person must know of a token before using it.
fn state(info: &TokenInfo) -> &'static str {
    match () {
        () if !info.initialized => "not initialised",
        () if !info.pin_set => "no user PIN yet",
        () if info.pin_locked => "PIN locked",
        () if info.pin_must_change => "PIN must be changed first",
        () if info.tries() == Tries::Last => "ONE PIN TRY LEFT",
        () if info.tries() == Tries::Low => "few PIN tries left",
        () => "ready",
    }
}

fn as_json(one: &Listed) -> Value {
    let key = |key: &KeyInfo| {
        let uri = of_token(&one.info.label, &one.info.serial);
        let named = |bytes: &[u8]| (!bytes.is_empty()).then(|| bytes.to_vec());
        let uri = crate::factor::pkcs11::Uri { object: named(&key.label), id: named(&key.id), ..uri };
        json!({
            "label": String::from_utf8_lossy(&key.label),
            "id": crate::encode::hex::encode(&key.id),
            "uri": uri.canonical(),
            "mode": key.mode().ok().map(Mode::name),
            "unusable": key.mode().err(),
            "weakness": key.weakness(),
        })
    };
    json!({
        "kind": "pkcs11",
        "label": one.info.label,
        "serial": one.info.serial,
        "manufacturer": one.info.manufacturer,
        "model": one.info.model,
        "module": one.module,
        "state": state(&one.info),
        "keys": one.keys.as_ref().map_or(Value::Null, |keys| keys.iter().map(key).collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_of_a_token_drives_the_terminal() {
        let evil = || "x\u{1b}[2J\u{9b}1m\u{202e}\ny".to_owned();
        let info = TokenInfo {
            slot: 1,
            label: evil(),
            manufacturer: evil(),
            model: evil(),
            serial: evil(),
            initialized: true,
            pin_set: true,
            login_required: true,
            pin_pad: false,
            pin_low: false,
            pin_last: false,
            pin_locked: false,
            pin_must_change: false,
            write_protected: false,
            min_pin: 0,
            max_pin: 0,
        };
        let shown = headed(&Listed { info, module: evil(), keys: Ok(Vec::new()), logged_in: false });
        assert_eq!(shown.matches("x?[2J?1m??y").count(), 5, "{shown}");
        assert!(!shown.contains(['\u{1b}', '\u{9b}', '\u{202e}']) && shown.lines().count() == 2, "{shown}");
    }
}
