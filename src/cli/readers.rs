//! The PIV half of `twinlock token list`: every reader and what it holds.

use super::out;
use super::report::{CliError, warn};
use super::session::Session;
use super::ways::Ways;
use crate::encode::hex;
use crate::factor::FactorError;
use crate::factor::piv::info::{Counters, KeyInfo, Occupant, ReaderInfo, TokenInfo};
use crate::factor::piv::public::PublicKey;
use crate::factor::piv::setup::of_key;
use crate::factor::piv::{PinPolicy, TouchPolicy};
use serde_json::{Value, json};

/// A reader with what is known of what it holds.
pub struct Listed {
    reader: ReaderInfo,
    yubikey: Option<Yubikey>,
}

struct Yubikey {
    token: TokenInfo,
    counters: Option<Counters>,
    keys: Vec<KeyInfo>,
}

/// Every reader. A token that does not tell everything is listed with what it tells.
pub fn look(session: &mut Session) -> Result<Vec<Listed>, CliError> {
    let tokens = session.piv()?;
    let (_, readers) = tokens.here(session.prompt.as_mut())?;
    let mut listed = Vec::new();
    for reader in readers {
        let mut yubikey = None;
        if let Occupant::YubiKey(token) = &reader.occupant {
            let mut cards = tokens.cards.borrow_mut();
            let counters = told(cards.counters(token.serial, session.prompt.as_mut()))?;
            let keys = told(cards.keys(token.serial, session.prompt.as_mut()))?.unwrap_or_default();
            yubikey = Some(Yubikey { token: token.clone(), counters, keys });
        }
        listed.push(Listed { reader, yubikey });
    }
    Ok(listed)
}

/// A token that fails is warned about, and no reason to show nothing of the others.
fn told<T>(answer: Result<T, FactorError>) -> Result<Option<T>, CliError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(FactorError::Piv(error)) => {
            warn(&error.to_string());
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// For a person.
pub fn show(listed: &[Listed], ways: &Ways) -> Result<(), CliError> {
    for Listed { reader, yubikey } in listed {
        let name = &reader.reader;
        let Some(Yubikey { token, counters, keys }) = yubikey else {
            out::line(&format!("reader '{name}': {}", holds(&reader.occupant)))?;
            continue;
        };
        let (major, minor, patch) = token.firmware;
        out::line(&format!("{}: {}", token.name(), state(counters.as_ref())))?;
        out::line(&format!("  firmware {major}.{minor}.{patch}, reader '{name}'"))?;
        for key in keys {
            out::line(&format!("  PIV slot {}: {}{}", key.slot, of_key(key), ways.in_words(key)))?;
        }
        if keys.is_empty() {
            out::line(&format!("  no keys: 'twinlock token setup piv --serial {}' makes one", token.serial))?;
        }
    }
    Ok(())
}

/// What is in a reader that is no YubiKey.
fn holds(occupant: &Occupant) -> String {
    match occupant {
        Occupant::Empty => "empty".to_owned(),
        Occupant::NotPiv => "a card without PIV".to_owned(),
        Occupant::OtherPiv => "a PIV card that is no YubiKey (use it by PKCS#11)".to_owned(),
        Occupant::Mute => "a card that does not answer".to_owned(),
        Occupant::Held(Some(holder)) => format!("a card that {holder} has for itself"),
        Occupant::Held(None) => "a card that another program has for itself".to_owned(),
        Occupant::Denied => "a card that you may not use".to_owned(),
        Occupant::YubiKey(_) => "a YubiKey".to_owned(),
    }
}

/// What a person must know of a YubiKey before using it.
fn state(counters: Option<&Counters>) -> &'static str {
    let Some(counters) = counters else { return "does not tell its state" };
    match (counters.pin, counters.pin_of) {
        (Some(0), _) if counters.puk == Some(0) => "PIN and PUK blocked",
        (Some(0), _) => "PIN blocked",
        (Some(1), _) => "ONE PIN TRY LEFT",
        (Some(left), Some(of)) if left < of => "few PIN tries left",
        _ if counters.pin_is_default == Some(true) => "ready, with the PIN that all YubiKeys come with",
        _ => "ready",
    }
}

/// For a program.
pub fn as_json(listed: &Listed, ways: &Ways) -> Value {
    let word = match &listed.reader.occupant {
        Occupant::Empty => "empty",
        Occupant::NotPiv => "not-piv",
        Occupant::OtherPiv => "other-piv",
        Occupant::Mute => "mute",
        Occupant::Held(_) => "held",
        Occupant::Denied => "denied",
        Occupant::YubiKey(_) => "yubikey",
    };
    let mut value = json!({ "kind": "reader", "reader": listed.reader.reader, "holds": word });
    if let Occupant::Held(holder) = &listed.reader.occupant {
        value["holder"] = json!(holder);
    }
    if let Some(Yubikey { token, counters, keys }) = &listed.yubikey {
        let (major, minor, patch) = token.firmware;
        let key = |key: &KeyInfo| {
            let (mode, public, unusable) = match &key.public {
                PublicKey::Ecdh { mode, point } => (Some(mode.name()), Some(hex::encode(point)), None),
                PublicKey::Other(kind) => (None, None, Some(*kind)),
            };
            json!({
                "piv_slot": key.slot.to_string(),
                "mode": mode,
                "public": public,
                "unusable": unusable,
                "pin_policy": key.pin.map(PinPolicy::name),
                "touch_policy": key.touch.map(TouchPolicy::name),
                "generated": key.generated,
                "opens": ways.opened_by(key),
            })
        };
        value["serial"] = token.serial.into();
        value["firmware"] = format!("{major}.{minor}.{patch}").into();
        value["state"] = state(counters.as_ref()).into();
        value["pin_tries"] = json!(counters.and_then(|counters| counters.pin));
        value["pin_is_default"] = json!(counters.and_then(|counters| counters.pin_is_default));
        value["puk_tries"] = json!(counters.and_then(|counters| counters.puk));
        value["puk_is_default"] = json!(counters.and_then(|counters| counters.puk_is_default));
        value["keys"] = keys.iter().map(key).collect();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_most_is_said() {
        let state = |pin, of, default, puk| {
            super::state(Some(&Counters {
                pin: Some(pin),
                pin_of: of,
                pin_is_default: default,
                puk,
                puk_of: of,
                puk_is_default: default,
            }))
        };
        assert_eq!(state(0, Some(3), Some(false), Some(0)), "PIN and PUK blocked");
        assert_eq!(state(0, Some(3), Some(true), Some(1)), "PIN blocked");
        assert_eq!(state(1, Some(3), Some(true), Some(3)), "ONE PIN TRY LEFT");
        assert_eq!(state(2, Some(3), Some(false), Some(3)), "few PIN tries left");
        assert_eq!(state(3, Some(3), Some(true), Some(3)), "ready, with the PIN that all YubiKeys come with");
        assert_eq!(state(3, Some(3), Some(false), Some(3)), "ready");
        assert_eq!(state(3, None, None, None), "ready");
        assert_eq!(super::state(None), "does not tell its state");
    }
}
