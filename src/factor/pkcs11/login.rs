//! Getting the PIN to the token. A PIN try is precious: the flags are looked at first, the form is checked before anything is sent,
//! nothing is ever sent twice, and the last try is nobody's but the person's who says so.

use super::error::TokenError;
use super::info::TokenInfo;
use super::tokens::{Found, Tokens};
use crate::factor::FactorError;
use crate::prompt::{Ask, Event, Prompt, PromptError, Tries, warn_if_exposed};
use crate::secret::{Pin, SecretText};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use zeroize::Zeroizing;

/// PINs a person may type in one command.
const ATTEMPTS: u32 = 3;
/// Wrong ones of them that are sent to a token whose flags stay as they were after one: some of those lock at the third.
const UNTOLD: u32 = 2;
/// Longest first line of a PIN file, bytes.
const MAX_PIN_FILE: usize = 1024;

/// Where the PIN comes from, and whether the last try may be used.
#[derive(Clone, Copy, Debug)]
pub struct PinRules<'a> {
    /// A file whose first line is the PIN (`pin-source`); else the prompt.
    pub file: Option<&'a Path>,
    /// Send a PIN also where a wrong one locks the token, or where its length is not what the token says.
    pub force_last_try: bool,
    /// Whether more than a vault file says that this token is meant.
    pub named: bool,
}

/// Logs in, unless the token needs no login or this command has logged in already.
pub fn log_in(
    tokens: &mut Tokens,
    found: &mut Found,
    rules: PinRules<'_>,
    prompt: &mut dyn Prompt,
) -> Result<(), FactorError> {
    if !found.info.login_required || tokens.is_logged_in(found) {
        return Ok(());
    }
    // After a lost session: the PIN that was sent before, without asking for it again.
    if tokens.keeps_pin(found)
        && tokens.look_before_pin(found).is_ok()
        && let Some(pin) = tokens.kept_pin(found)
    {
        return tokens.login(found, Some(&pin)).map_err(FactorError::Token);
    }
    if let Some(error) = tokens.refused(found) {
        return Err(FactorError::Token(error.clone()));
    }
    let mut attempt = 1;
    let mut wrong: Vec<Pin> = Vec::new();
    let mut sent = 0;
    loop {
        may_try(&found.info, rules.force_last_try)?;
        let name = found.info.name();
        let tries = found.info.tries();
        let person = prompt.can_retry(&Ask::Pin { token: &name, tries, vouched: false });
        let by_hand = !found.info.pin_pad && rules.file.is_none() && person;
        let pin = match (found.info.pin_pad, rules.file) {
            (true, _) => {
                prompt.show(&Event::PinPad { token: &name });
                None
            }
            (false, Some(file)) => Some(from_file(file, prompt)?),
            (false, None) => {
                // A person reads the name; only for a file is it worth to start every module.
                let vouched = rules.named || person || tokens.is_alone(found);
                let ask = Ask::Pin { token: &name, tries, vouched };
                Some(prompt.secret(&ask).map_err(|error| withheld(error, &found.info))?.into_pin())
            }
        };
        let again = pin.as_ref().filter(|pin| wrong.iter().any(|wrong| wrong.expose() == pin.expose()));
        let twice = again.map(|_| unsent(&found.info, "it was wrong before"));
        if let Some(error) =
            twice.or_else(|| pin.as_ref().and_then(|pin| check_form(pin, &found.info, rules.force_last_try)))
        {
            // Nothing was sent, so asking again costs nothing.
            if by_hand && attempt < ATTEMPTS {
                prompt.show(&Event::Warning(&error.to_string()));
                attempt += 1;
                continue;
            }
            return Err(FactorError::Token(error));
        }
        tokens.look_before_pin(found).map_err(FactorError::Token)?;
        may_try(&found.info, rules.force_last_try)?;
        match tokens.login(found, pin.as_ref()) {
            Ok(()) => return Ok(()),
            Err(error @ TokenError::PinWrong { .. }) => {
                sent += 1;
                let untold = matches!(found.info.tries(), Tries::Full | Tries::Unknown);
                let again = by_hand && attempt < ATTEMPTS && !(untold && sent >= UNTOLD);
                if !again || found.info.pin_last {
                    return Err(FactorError::Token(error));
                }
                wrong.extend(pin);
                prompt.show(&Event::WrongPin { token: &name, tries: found.info.tries() });
                attempt += 1;
            }
            Err(error) => return Err(FactorError::Token(error)),
        }
    }
}

/// What a person can do about a PIN that a file keeps back is known here, where the token is.
fn withheld(error: PromptError, token: &TokenInfo) -> FactorError {
    match error {
        PromptError::Withheld => {
            FactorError::Token(TokenError::NotNamed { token: token.name(), label: token.label.clone() })
        }
        other => FactorError::Prompt(other),
    }
}

/// What the token's flags say before a PIN is even asked for.
fn may_try(token: &TokenInfo, force: bool) -> Result<(), FactorError> {
    let name = token.name();
    let refused = if token.pin_locked {
        Some(TokenError::PinLocked { token: name })
    } else if !token.pin_set {
        Some(TokenError::PinNotSet { token: name })
    } else if token.pin_must_change {
        Some(TokenError::PinMustChange { token: name })
    } else if token.pin_last && !force {
        Some(TokenError::FinalTry { token: name })
    } else {
        None
    };
    refused.map_or(Ok(()), |error| Err(FactorError::Token(error)))
}

/// What can be known of a PIN without sending it. An empty one would count as a wrong try. `force` sends one of a length that the token
/// says it does not have: Kryoptic takes a PIN of 6 bytes when it is set, and announces 8 as the shortest.
fn check_form(pin: &Pin, token: &TokenInfo, force: bool) -> Option<TokenError> {
    let (min, max) = (token.min_pin, token.max_pin);
    let length = pin.expose().len();
    let why = if length == 0 {
        "it is empty"
    } else if pin.expose().contains('\0') {
        "it has a NUL in it"
    } else if length < min && !force {
        "it is too short"
    } else if max != 0 && max >= min && length > max && !force {
        "it is too long"
    } else {
        return None;
    };
    Some(unsent(token, why))
}

/// A PIN that stays here.
fn unsent(token: &TokenInfo, why: &'static str) -> TokenError {
    TokenError::PinForm { token: token.name(), min: token.min_pin, max: token.max_pin, why }
}

/// The first line of a PIN file.
fn from_file(path: &Path, prompt: &mut dyn Prompt) -> Result<Pin, FactorError> {
    let shown = || super::info::printable(&path.to_string_lossy());
    let failed = |error| FactorError::Prompt(PromptError::File { path: shown(), error });
    let mut file = File::open(path).map_err(failed)?;
    warn_if_exposed(path, &file, prompt).map_err(failed)?;
    // Of fixed size, so that no copy is left behind by growing.
    let mut buffer = Zeroizing::new([0; MAX_PIN_FILE]);
    let mut length = 0;
    while length < MAX_PIN_FILE && !buffer[..length].contains(&b'\n') {
        match file.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(n) => length += n,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    let line = buffer[..length].split(|&byte| byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() == MAX_PIN_FILE {
        return Err(FactorError::Prompt(PromptError::Unreadable("the first line of the PIN file is too long")));
    }
    let pin = std::str::from_utf8(line)
        .map_err(|_| FactorError::Prompt(PromptError::Unreadable("the PIN file is not UTF-8")))?;
    Ok(SecretText::new(Zeroizing::new(pin.to_owned())).into_pin())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{NoPrompt, ScriptedPrompt};
    use std::os::unix::fs::PermissionsExt;

    fn token() -> TokenInfo {
        TokenInfo {
            slot: 1,
            label: "lab".to_owned(),
            manufacturer: String::new(),
            model: String::new(),
            serial: String::new(),
            initialized: true,
            pin_set: true,
            login_required: true,
            pin_pad: false,
            pin_low: false,
            pin_last: false,
            pin_locked: false,
            pin_must_change: false,
            write_protected: false,
            min_pin: 4,
            max_pin: 8,
        }
    }

    fn pin(text: &str) -> Pin {
        Pin::new(Zeroizing::new(text.to_owned()))
    }

    fn why(text: &str, token: &TokenInfo) -> Option<&'static str> {
        check_form(&pin(text), token, false).map(|error| match error {
            TokenError::PinForm { why, .. } => why,
            other => panic!("{other}"),
        })
    }

    #[test]
    fn the_form_is_checked_first() {
        assert_eq!(why("", &token()), Some("it is empty"));
        assert_eq!(why("123", &token()), Some("it is too short"));
        assert_eq!(why("1234", &token()), None);
        assert_eq!(why("12345678", &token()), None);
        assert_eq!(why("123456789", &token()), Some("it is too long"));
        assert_eq!(why("12\u{0}45", &token()), Some("it has a NUL in it"));
        assert!(check_form(&pin("123"), &token(), true).is_none());
        assert!(check_form(&pin(""), &token(), true).is_some());
        let silent = TokenInfo { min_pin: 0, max_pin: 0, ..token() };
        assert_eq!(why("1", &silent), None);
        assert_eq!(why("", &silent), Some("it is empty"));
    }

    #[test]
    fn the_flags_are_obeyed_before_a_pin_is_asked_for() {
        let says = |token: &TokenInfo, force| match may_try(token, force) {
            Err(FactorError::Token(error)) => Some(error),
            Ok(()) => None,
            Err(other) => panic!("{other:?}"),
        };
        let name = || "lab".to_owned();
        assert_eq!(says(&token(), false), None);
        let last = TokenInfo { pin_last: true, ..token() };
        assert_eq!(says(&last, false), Some(TokenError::FinalTry { token: name() }));
        assert_eq!(says(&last, true), None);
        let locked = TokenInfo { pin_locked: true, ..token() };
        assert_eq!(says(&locked, true), Some(TokenError::PinLocked { token: name() }));
        let expired = TokenInfo { pin_must_change: true, ..token() };
        assert_eq!(says(&expired, true), Some(TokenError::PinMustChange { token: name() }));
        let unset = TokenInfo { pin_set: false, ..token() };
        assert_eq!(says(&unset, true), Some(TokenError::PinNotSet { token: name() }));
    }

    #[test]
    fn a_pin_file_gives_its_first_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pin");
        for (content, want) in [("1234", "1234"), ("1234\n", "1234"), ("1234\r\nx", "1234"), ("", ""), ("\n1", "")] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(from_file(&path, &mut NoPrompt).unwrap_or_else(|_| panic!("{content}")).expose(), want);
        }
        std::fs::write(&path, [0xff, b'\n']).unwrap();
        assert!(from_file(&path, &mut NoPrompt).is_err());
        std::fs::write(&path, "1".repeat(2000)).unwrap();
        assert!(from_file(&path, &mut NoPrompt).is_err());
        assert!(from_file(&dir.path().join("none"), &mut NoPrompt).is_err());
    }

    #[test]
    fn a_pin_file_others_may_read_is_warned_about() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pin");
        std::fs::write(&path, "1234").unwrap();
        for (mode, warnings) in [(0o600, 0), (0o644, 1)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let mut person = ScriptedPrompt::new();
            assert!(from_file(&path, &mut person).is_ok());
            assert_eq!(person.transcript().matches("chmod 600").count(), warnings);
        }
    }
}
