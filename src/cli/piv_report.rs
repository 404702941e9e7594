//! What went wrong with a YubiKey, and what helps. A part of `report`, which knows all errors.

use super::report::{DAMAGED, Explained, FIXABLE, LOCKED, NOT_FOUND, TOKEN, USAGE};
use crate::factor::piv::PivError;
use crate::factor::piv::info::OTHER_PIV;
use crate::prompt::{Tries, let_go};

/// How the smart-card service is started here.
const SERVICE: &str = if cfg!(target_os = "macos") {
    "it is a part of macOS: pull the YubiKey out and put it back, or log out and in again"
} else {
    "start it with 'sudo systemctl start pcscd.socket' (it is in the package 'pcscd', elsewhere 'pcsc-lite')"
};

pub(super) fn explain(error: &PivError) -> Explained {
    let made;
    let (code, hint) = match error {
        PivError::Setup(error) => return super::setup_report::explain(error),
        PivError::NotBuilt => (FIXABLE, "use another way in, or a twinlock that was built with its feature 'piv'"),
        PivError::NoService => (TOKEN, SERVICE),
        PivError::Denied if cfg!(target_os = "macos") => (TOKEN, "use another way in"),
        PivError::Denied => (
            TOKEN,
            "its rules (polkit, 'org.debian.pcsc-lite.access_card') have to allow you: over ssh they often do not",
        ),
        PivError::NoToken { here } if here.iter().any(|what| what.starts_with(OTHER_PIV)) => (
            TOKEN,
            "its keys can be used by PKCS#11: name its module (OpenSC's is 'opensc-pkcs11.so') with --module, and 'twinlock token list'",
        ),
        PivError::NotHere { .. } => (TOKEN, "insert it and try again, or use another way in: 'twinlock keyslot list'"),
        PivError::NoToken { .. } => (TOKEN, "insert it; 'twinlock token list' shows what every reader holds"),
        PivError::ManyTokens { serials } => {
            made = {
                let serial = serials.first().copied().unwrap_or_default();
                format!("say which by its serial number: --factor piv:{serial}, or 'twinlock token test piv:{serial}'")
            };
            (FIXABLE, made.as_str())
        }
        PivError::UnknownName { .. } => {
            (NOT_FOUND, "say its serial number, piv:SERIAL, or give a new name: 'piv:serial=SERIAL;name=NAME'")
        }
        PivError::Held { holder, .. } | PivError::Busy { holder, .. } => {
            made = format!("{}; then try again", let_go(holder.as_deref()));
            (TOKEN, made.as_str())
        }
        PivError::Gone { .. } => (TOKEN, "put it back and run the command again"),
        PivError::Reset { .. } => (TOKEN, "close other programs that use smart cards, and try again"),
        PivError::KeyGone { token, .. } | PivError::Emptied { token } => {
            made = format!("use another way in; a new key for it is made with {}", command("setup piv", token, ""));
            (TOKEN, made.as_str())
        }
        PivError::SlotEmpty { .. } => (NOT_FOUND, "name a PIV slot that has one: 'twinlock token list' shows them"),
        PivError::Rekeyed { .. } | PivError::OtherKeys { .. } => (
            TOKEN,
            "use another way in, enroll its new key with 'twinlock keyslot enroll --factor piv', then wipe the old keyslot",
        ),
        PivError::PinWrong { token, tries: Tries::Exactly(1) | Tries::Last } => {
            made = last_try(token);
            (LOCKED, made.as_str())
        }
        PivError::PinWrong { .. } => {
            (LOCKED, "be sure of the PIN before the next try: after the last one it is blocked")
        }
        PivError::PinLocked { token } => {
            made = format!("unblock it with the PUK: {}; or use another way in", command("unblock", token, ""));
            (TOKEN, made.as_str())
        }
        PivError::PinForm { .. } => {
            (LOCKED, "a PIN has 6 to 8 characters; check what was typed or what the PIN file holds")
        }
        PivError::PinIsOtp { .. } => (LOCKED, "type the PIN on the keyboard, and touch the YubiKey only when told to"),
        PivError::FinalTry { token } => {
            made = last_try(token);
            (TOKEN, made.as_str())
        }
        PivError::NotNamed { serial, .. } => {
            made = format!("if it is yours, name it: --token piv:{serial}");
            (FIXABLE, made.as_str())
        }
        PivError::NoTouch { .. } => (TOKEN, "run the command again, and touch it while it blinks"),
        PivError::NotAuthorised { .. } => {
            (TOKEN, "close other programs that use it, and try again; or use another way in")
        }
        PivError::KeyUnsuitable { token, .. } | PivError::NoKey { token } => {
            made = format!("make a key in a free PIV slot with {}", command("setup piv", token, ""));
            (TOKEN, made.as_str())
        }
        PivError::ManyKeys { token, slots } => {
            let slot = slots.first().map(ToString::to_string).unwrap_or_default();
            let key = format!("piv:{}/{slot}", serial_of(token).map(|serial| serial.to_string()).unwrap_or_default());
            made = format!("say which: --factor {key}, or 'twinlock token test {key}'");
            (FIXABLE, made.as_str())
        }
        PivError::RoundTrip { .. } => (TOKEN, "do not use this key: the token does not give back what it was given"),
        PivError::BadAnswer { .. } => (DAMAGED, "do not trust this token or its reader: use another way in"),
        PivError::Refused { .. } => (TOKEN, "pull it out, put it back, and try again; or use another way in"),
        PivError::BadFile { .. } => {
            (USAGE, "give the certificate or public key, PEM or DER: 'ykman piv keys export 82 FILE' writes one")
        }
        PivError::NoRandomness => (TOKEN, ""),
    };
    Explained::new(code, error, hint)
}

/// The serial number in a token's name, `YubiKey 12345678 (ada)`. One that is named by a vault alone has none there.
pub(super) fn serial_of(token: &str) -> Option<u32> {
    token.strip_prefix("YubiKey ")?.split(' ').next()?.parse().ok()
}

/// A command of `twinlock token` for this token and no other that is here.
fn command(what: &str, token: &str, more: &str) -> String {
    let serial = serial_of(token).map(|serial| format!(" --serial {serial}")).unwrap_or_default();
    format!("'twinlock token {what}{serial}{more}'")
}

/// What there is to choose from when one try of the PIN is left.
fn last_try(token: &str) -> String {
    let unblock = command("unblock", token, " --force");
    format!("if you are sure of the PIN, repeat with --force-pin; if not, set a new one with the PUK: {unblock}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(error: &PivError) -> String {
        explain(error).hint.unwrap_or_default().text()
    }

    #[test]
    fn a_command_names_the_token() {
        let ada = || "YubiKey 12345678 (ada)".to_owned();
        assert!(hint(&PivError::PinLocked { token: ada() }).contains("'twinlock token unblock --serial 12345678'"));
        // A name that nobody checked brings no serial number of its own.
        for token in ["YubiKey '12345678'", "YubiKey", "12345678"] {
            let said = hint(&PivError::PinLocked { token: token.to_owned() });
            assert!(said.contains("'twinlock token unblock'"), "{said}");
        }
        let slots = vec!["83".parse().unwrap(), "84".parse().unwrap()];
        assert!(hint(&PivError::ManyKeys { token: ada(), slots }).contains("--factor piv:12345678/83"));
    }

    #[test]
    fn with_one_try_left_there_is_something_to_do() {
        let token = || "YubiKey 12345678".to_owned();
        for error in [
            PivError::PinWrong { token: token(), tries: Tries::Exactly(1) },
            PivError::PinWrong { token: token(), tries: Tries::Last },
            PivError::FinalTry { token: token() },
        ] {
            let said = hint(&error);
            assert!(said.contains("--force-pin") && said.contains("unblock --serial 12345678 --force'"), "{said}");
        }
        let said = hint(&PivError::PinWrong { token: token(), tries: Tries::Exactly(2) });
        assert!(!said.contains("--force-pin"), "{said}");
    }
}
