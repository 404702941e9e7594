//! What went wrong with a YubiKey, and what helps. A part of `report`, which knows all errors.

use super::report::{DAMAGED, Explained, FIXABLE, LOCKED, NOT_FOUND, TOKEN, USAGE};
use crate::factor::piv::PivError;
use crate::factor::piv::info::OTHER_PIV;

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
                format!("say which by its serial number: piv:{serial}, or --serial {serial} where there is this option")
            };
            (FIXABLE, made.as_str())
        }
        PivError::UnknownName { .. } => {
            (NOT_FOUND, "say its serial number, piv:SERIAL, or give a new name: 'piv:serial=SERIAL;name=NAME'")
        }
        PivError::Held { holder, .. } | PivError::Busy { holder, .. } => {
            made = let_go(holder.as_deref());
            (TOKEN, made.as_str())
        }
        PivError::Gone { .. } => (TOKEN, "put it back and run the command again"),
        PivError::Reset { .. } => (TOKEN, "close other programs that use smart cards, and try again"),
        PivError::KeyGone { .. } | PivError::Emptied { .. } => {
            (TOKEN, "use another way in; a new key for it is made with 'twinlock token setup piv'")
        }
        PivError::Rekeyed { .. } | PivError::OtherKeys { .. } => (
            TOKEN,
            "use another way in, enroll its new key with 'twinlock keyslot enroll --factor piv', then wipe the old keyslot",
        ),
        PivError::PinWrong { .. } => {
            (LOCKED, "be sure of the PIN before the next try: after the last one it is blocked")
        }
        PivError::PinLocked { .. } => {
            (TOKEN, "unblock it with the PUK: 'twinlock token unblock'; or use another way in")
        }
        PivError::PinForm { .. } => {
            (LOCKED, "a PIN has 6 to 8 characters; check what was typed or what the PIN file holds")
        }
        PivError::PinIsOtp { .. } => (LOCKED, "type the PIN on the keyboard, and touch the YubiKey only when told to"),
        PivError::FinalTry { .. } => {
            (TOKEN, "if you are sure of the PIN, repeat with --force-pin; if not, use another way in")
        }
        PivError::NotNamed { serial, .. } => {
            made = format!("if it is yours, name it: --token piv:{serial}");
            (FIXABLE, made.as_str())
        }
        PivError::NoTouch { .. } => (TOKEN, "run the command again, and touch it while it blinks"),
        PivError::NotAuthorised { .. } => {
            (TOKEN, "close other programs that use it, and try again; or use another way in")
        }
        PivError::KeyUnsuitable { .. } | PivError::NoKey { .. } => {
            (TOKEN, "make a key in a free PIV slot with 'twinlock token setup piv'")
        }
        PivError::ManyKeys { token: _, slots } => {
            let slot = slots.first().map(ToString::to_string).unwrap_or_default();
            made = format!("say which PIV slot: piv:SERIAL/{slot}");
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

/// What a person can do about a program that keeps a card for itself.
fn let_go(holder: Option<&str>) -> String {
    match holder {
        Some(name) if name.starts_with("scdaemon") => {
            "GnuPG keeps it: 'gpgconf --kill scdaemon' makes it let go; then try again".to_owned()
        }
        _ => "if it blinks, touch it, or wait 15 seconds; else close other programs that use smart cards (GnuPG: 'gpgconf --kill scdaemon'); then try again".to_owned(),
    }
}
