//! What went wrong with a token, and what helps. A part of `report`, which knows all errors.

use super::report::{DAMAGED, Explained, FIXABLE, LOCKED, NOT_FOUND, TOKEN, USAGE};
use crate::factor::pkcs11::{Mode, TokenError};

pub(super) fn explain(error: &TokenError) -> Explained {
    let named;
    let (code, hint) = match error {
        TokenError::NotNamed { label, .. } => {
            named = format!("if it is yours, name it: --token '{}'", super::tokens::of_token(label, "").canonical());
            (FIXABLE, named.as_str())
        }
        TokenError::PinWrong { .. } => {
            (LOCKED, "after a few wrong tries the token locks itself: be sure of the PIN first")
        }
        TokenError::PinLocked { .. } => {
            (TOKEN, "unlock it with the SO PIN (PUK) in the vendor's tool, or use another way in")
        }
        TokenError::PinMustChange { .. } | TokenError::PinNotSet { .. } => {
            (TOKEN, "set the user PIN with the vendor's tool, then try again")
        }
        TokenError::PinForm { .. } => (LOCKED, "check what was typed, or what the PIN file holds; no try was lost"),
        TokenError::PinNotTaken { .. } => {
            (LOCKED, "check what was typed, or what the PIN file holds; the token may have counted it as a wrong try")
        }
        TokenError::FinalTry { .. } => {
            (TOKEN, "if you are sure of the PIN, repeat with --force-pin; if not, use another way in")
        }
        TokenError::NotHere { .. } | TokenError::TokenGone { .. } => {
            (TOKEN, "plug the token in; 'twinlock token list' shows what is here")
        }
        TokenError::TokenAmbiguous { .. } => (FIXABLE, "add 'serial=...' to the URI; 'twinlock token list' shows them"),
        TokenError::KeyAmbiguous { .. } => {
            (FIXABLE, "add 'id=...' to the URI; if both have the same, delete or rename one with the vendor's tool")
        }
        TokenError::KeyGone { .. } => {
            (NOT_FOUND, "'twinlock token list' shows its keys; if it was deleted, use another way in")
        }
        TokenError::NoPivKey { .. } => (
            NOT_FOUND,
            "make a certificate for it with the card's own tool, since OpenSC shows no key without one, and a retired one only if \
             the card's key history counts it; or use another way in",
        ),
        TokenError::PivKey { .. } => (
            TOKEN,
            "use the key of PIV slot 9d (key management) or of a retired one; 'twinlock token list --login URI' shows them",
        ),
        TokenError::PinEachTime { .. } => {
            (TOKEN, "use another key: on a PIV card that of PIV slot 9d, with the PIN policy 'once'")
        }
        TokenError::NotTouched { .. } => (TOKEN, "try again, and touch it when it blinks; no PIN try was lost"),
        TokenError::OtherCertificate { .. } => {
            (TOKEN, "make a new certificate for it with the card's own tool, then try again")
        }
        TokenError::OwnTool { .. } => (
            TOKEN,
            "make key and certificate in PIV slot 9d with its own tool, e.g. ykman; then 'twinlock token test' that key",
        ),
        TokenError::Mechanism { mode: Some(Mode::RsaOaepSha256), .. } => {
            (TOKEN, "use a key of another kind; or, for an old module that knows SHA-1 alone, repeat with --allow-sha1")
        }
        TokenError::KeyUnsuitable { .. } | TokenError::Mechanism { .. } => {
            (TOKEN, "name another key, or make one with 'twinlock token setup'")
        }
        TokenError::KeyExists { .. } => (FIXABLE, "name another with 'object=...' in the URI"),
        TokenError::Rekeyed { .. } => {
            (TOKEN, "use another way in, enroll the new key with 'twinlock keyslot enroll', then wipe the old keyslot")
        }
        TokenError::NotLoggedIn { .. } => (TOKEN, "the token forgot the login: try again"),
        TokenError::NoModule => (FIXABLE, "name its module in the config file, or with --module /PATH/TO/MODULE.so"),
        TokenError::ModuleUnusable { .. } => {
            (TOKEN, "check its path and package, and that only you or root can change it")
        }
        TokenError::Hung { .. } | TokenError::Crashed { .. } => (
            TOKEN,
            "is the HSM's service running, and its network up? try the vendor's own tool; or use another way in",
        ),
        TokenError::HelperUnusable { .. } => (TOKEN, "was the program replaced while it ran? start it again"),
        TokenError::BadUri(_) => (USAGE, "a key's URI looks like 'pkcs11:token=LABEL;object=KEY'"),
        TokenError::ZeroIv { .. } => {
            (TOKEN, "use another mode on this token: 'twinlock token setup --mode hmac-sha256'")
        }
        TokenError::RoundTrip { .. } => (TOKEN, "do not use this key: the token does not give back what it was given"),
        TokenError::Sha1NotAllowed => (USAGE, "prefer another key; or allow it with --allow-sha1"),
        TokenError::WriteProtected { .. } => (TOKEN, "ask its administrator to make the key"),
        TokenError::Refused { .. } => {
            (TOKEN, "ask the vendor with that function and code; was the vault file or the token damaged?")
        }
        TokenError::BadAnswer { .. } => (DAMAGED, "do not trust this token or its module: use another way in"),
        TokenError::NoRandomness => (TOKEN, ""),
    };
    Explained::new(code, error, hint)
}
