//! What can go wrong with a token, told so that a person can act. What to do about it is said in `cli/report.rs`:
//!
//! | variant | what helps |
//! |---|---|
//! | `PinWrong` | try again; after the last try the token locks |
//! | `PinLocked` | unlock with the SO PIN (PUK) in the vendor's tool; or open with another keyslot |
//! | `PinMustChange`, `PinNotSet` | set the user PIN in the vendor's tool |
//! | `PinForm` | check what was typed or what the PIN file holds; no try was lost |
//! | `PinNotTaken` | the same, but the token has seen it: a try may be lost |
//! | `FinalTry` | repeat with `--force-pin` only if sure of the PIN |
//! | `NotNamed` | name the token with `--token`, or type the PIN |
//! | `NotHere`, `TokenGone` | plug the token in; `twinlock token list` shows what is there |
//! | `TokenAmbiguous`, `KeyAmbiguous` | add `serial=` or `id=` to the URI |
//! | `KeyGone` | `twinlock token list`; `token setup` makes a key; recovery code if it was deleted |
//! | `NoPivKey` | put a certificate into the PIV slot; for a retired one also the card's key history |
//! | `PivKey` | use the key of PIV slot 9d, or of a retired one |
//! | `PinEachTime` | use a key whose PIN policy is `once` |
//! | `NotTouched` | try again, and touch it |
//! | `OtherCertificate` | make a new certificate for the key |
//! | `OwnTool` | make key and certificate with the card's own tool |
//! | `KeyUnsuitable`, `Mechanism` | name another key, or make one with `token setup --mode` |
//! | `KeyExists` | choose another label or id |
//! | `Rekeyed` | the key was replaced: open with another keyslot, enroll anew, wipe this one |
//! | `NotLoggedIn` | the token forgot the login; try again |
//! | `NoModule` | name the module in the config file or with `--module` |
//! | `ModuleUnusable` | check path, package and permissions of the module |
//! | `Hung`, `Crashed` | is the HSM's service running? is the network up? try the vendor's tool |
//! | `HelperUnusable` | was the program replaced while it ran? start it again |
//! | `BadUri` | correct the URI |
//! | `ZeroIv` | use another mode on this token, e.g. `hmac-sha256` |
//! | `RoundTrip` | do not use this key: the token does not give back what it was given |
//! | `Sha1NotAllowed` | prefer another key; else say so with the flag |
//! | `WriteProtected` | the HSM's administrator makes the key |
//! | `Refused`, `BadAnswer` | ask the vendor with function and code; was the vault file damaged? |
//! | `NoRandomness` | nothing works on such a system |

use super::mode::Mode;
use super::uri::UriError;
use crate::prompt::Tries;

/// Why a token or its module failed. `token` and `key` are names as a person knows them, safe to print.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields say the same everywhere, and are explained above")]
pub enum TokenError {
    /// The token says the PIN is wrong; a try is lost. `tries` as it tells now.
    PinWrong { token: String, tries: Tries },
    /// Too many wrong tries.
    PinLocked { token: String },
    /// The token wants a new PIN before anything else.
    PinMustChange { token: String },
    /// No user PIN was ever set.
    PinNotSet { token: String },
    /// Cannot be the PIN, and was not sent. `min` and `max` bytes, 0 if the token does not tell.
    PinForm { token: String, min: usize, max: usize, why: &'static str },
    /// The token itself says that this cannot be the PIN: `code` is what it returned. It may have counted a try.
    PinNotTaken { token: String, code: String },
    /// One wrong try more locks the token, and nobody said to dare it.
    FinalTry { token: String },
    /// Only the vault file says that this token is meant, so the PIN of a file was not sent to it. `label` is its own, as it is.
    NotNamed { token: String, label: String },
    /// It was there, and is no more.
    TokenGone { token: String },
    /// No module has such a token.
    NotHere { uri: String },
    /// More than one token is meant.
    TokenAmbiguous { uri: String, n: usize },
    /// The token is there, its key is not.
    KeyGone { token: String, key: String },
    /// A PIV card shows no such key. It may be there all the same: OpenSC goes by certificates.
    NoPivKey { token: String, key: String },
    /// The key of a PIV slot that is not for this.
    PivKey { key: String, why: String },
    /// The key wants the PIN immediately before each use: CKA_ALWAYS_AUTHENTICATE, or a PIN policy that no attribute shows.
    PinEachTime { token: String, key: String },
    /// The person was told of a touch, and then the card refused.
    NotTouched { token: String },
    /// A PIV card's certificate shows another public key than its PIV slot has.
    OtherCertificate { token: String, key: String },
    /// A PIV card's keys are not made through a module.
    OwnTool { token: String },
    /// More than one key is meant.
    KeyAmbiguous { token: String, key: String, n: usize },
    /// The key is there and of no use.
    KeyUnsuitable { key: String, why: String },
    /// A key of that label or id is on the token already.
    KeyExists { token: String, key: String },
    /// Under the key's name there is another key than at enrolment.
    Rekeyed { token: String, key: String },
    /// The token does not do what the mode needs.
    Mechanism { token: String, mode: Option<Mode>, code: String },
    /// The token wants a login for what should not need one, or forgot it.
    NotLoggedIn { token: String },
    /// No module was named at all.
    NoModule,
    /// The module cannot be used.
    ModuleUnusable { path: String, why: String },
    /// The module did not answer within the deadline, and was ended.
    Hung { path: String, seconds: u64 },
    /// The module ended the helper process. `signal` if it was one.
    Crashed { path: String, signal: Option<i32> },
    /// The helper process could not be started.
    HelperUnusable { why: String },
    /// Not a URI as it should be.
    BadUri(UriError),
    /// AES-GCM: the token neither takes an IV nor makes one, and a zero IV would be unsafe.
    ZeroIv { token: String },
    /// At enrolment the token did not give the secret back, or gave it for a damaged blob.
    RoundTrip { token: String, why: String },
    /// `rsa-oaep-sha1` is used only when the person said so.
    Sha1NotAllowed,
    /// The token cannot be written to.
    WriteProtected { token: String },
    /// Anything else the token said.
    Refused { token: String, function: String, name: String, code: Option<u64> },
    /// The token answered something impossible.
    BadAnswer { token: String, why: String },
    /// The operating system gave no randomness.
    NoRandomness,
}

impl TokenError {
    /// Whether the failure is of a module, before any token was reached: the keyslot cannot be opened now, other ways in are not
    /// touched by it.
    pub fn is_module(&self) -> bool {
        matches!(
            self,
            Self::NoModule
                | Self::ModuleUnusable { .. }
                | Self::Hung { .. }
                | Self::Crashed { .. }
                | Self::HelperUnusable { .. }
        )
    }
}

impl std::fmt::Display for TokenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PinWrong { token, tries } => {
                write!(f, "wrong PIN for token '{token}'")?;
                match tries {
                    Tries::Last => f.write_str(", one try left"),
                    Tries::Low => f.write_str(", few tries left"),
                    Tries::Exactly(n) => write!(f, ", {n} tries left"),
                    Tries::Full | Tries::Unknown => f.write_str(", which does not say how many tries are left"),
                }
            }
            Self::PinLocked { token } => write!(f, "the PIN of token '{token}' is locked after too many wrong tries"),
            Self::PinMustChange { token } => write!(f, "token '{token}' wants its PIN changed before it is used"),
            Self::PinNotSet { token } => write!(f, "token '{token}' has no user PIN yet"),
            Self::PinForm { token, why, .. } => {
                write!(f, "that cannot be the PIN of token '{token}': {why}; it was not sent")
            }
            Self::PinNotTaken { token, code } => {
                write!(f, "token '{token}' was sent the PIN, and says that its PIN has another form ({code})")
            }
            Self::FinalTry { token } => write!(f, "token '{token}' has one try left before it locks; nothing was sent"),
            Self::NotNamed { token, .. } => write!(
                f,
                "the PIN from the file was not sent to token '{token}': other tokens are here too, and only the vault file names it"
            ),
            Self::TokenGone { token } => write!(f, "token '{token}' does not answer any more"),
            Self::NotHere { uri } => write!(f, "no token here matches '{uri}'"),
            Self::TokenAmbiguous { uri, n } => write!(f, "{n} tokens match '{uri}'"),
            Self::KeyGone { token, key } => write!(f, "token '{token}' has no key {key}"),
            Self::NoPivKey { token, key } => write!(f, "token '{token}' shows no key {key}"),
            Self::PinEachTime { token, key } => {
                write!(f, "the key {key} on token '{token}' wants its PIN again for every use")
            }
            Self::NotTouched { token } => write!(f, "token '{token}' was not touched in time"),
            Self::OtherCertificate { token, key } => {
                write!(f, "the certificate of the key {key} on token '{token}' is not for the key that is there")
            }
            Self::OwnTool { token } => write!(f, "token '{token}' is a PIV card, whose keys are not made this way"),
            Self::KeyAmbiguous { token, key, n } => write!(f, "token '{token}' has {n} keys {key}"),
            Self::KeyUnsuitable { key, why } | Self::PivKey { key, why } => {
                write!(f, "the key '{key}' cannot be used: {why}")
            }
            Self::KeyExists { token, key } => write!(f, "token '{token}' already has a key {key}"),
            Self::Rekeyed { token, key } => {
                write!(f, "the key {key} on token '{token}' is not the one that was enrolled")
            }
            Self::Mechanism { token, mode, code } => match mode {
                Some(mode) => write!(f, "token '{token}' cannot do {mode} ({code})"),
                None => write!(f, "token '{token}' cannot do this ({code})"),
            },
            Self::NotLoggedIn { token } => write!(f, "token '{token}' wants a login first"),
            Self::NoModule => f.write_str("no PKCS#11 module is configured"),
            Self::ModuleUnusable { path, why } => write!(f, "cannot use the PKCS#11 module '{path}': {why}"),
            Self::Hung { path, seconds } => {
                let unit = if *seconds == 1 { "second" } else { "seconds" };
                write!(f, "the PKCS#11 module '{path}' did not answer within {seconds} {unit} and was stopped")
            }
            Self::Crashed { path, signal: Some(signal) } => {
                write!(f, "the PKCS#11 module '{path}' crashed (signal {signal})")
            }
            Self::Crashed { path, signal: None } => write!(f, "the PKCS#11 module '{path}' ended its process"),
            Self::HelperUnusable { why } => write!(f, "cannot start the process for the PKCS#11 module: {why}"),
            Self::BadUri(error) => error.fmt(f),
            Self::ZeroIv { token } => write!(f, "token '{token}' gives no safe AES-GCM nonce"),
            Self::RoundTrip { token, why } => write!(f, "the test with token '{token}' failed: {why}"),
            Self::Sha1NotAllowed => f.write_str("rsa-oaep-sha1 is used only when asked for"),
            Self::WriteProtected { token } => write!(f, "token '{token}' is write-protected"),
            Self::Refused { token, function, name, code: Some(code) } => {
                write!(f, "token '{token}' refused: {function} returned {name} ({code:#x})")
            }
            Self::Refused { token, name, .. } => write!(f, "token '{token}' refused: {name}"),
            Self::BadAnswer { token, why } => write!(f, "token '{token}' gave an impossible answer: {why}"),
            Self::NoRandomness => f.write_str("the operating system gave no randomness"),
        }
    }
}

impl std::error::Error for TokenError {}

impl From<UriError> for TokenError {
    fn from(error: UriError) -> Self {
        Self::BadUri(error)
    }
}

impl From<crate::crypto::RandomError> for TokenError {
    fn from(_: crate::crypto::RandomError) -> Self {
        Self::NoRandomness
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_happened() {
        let token = || "lab (serial 1)".to_owned();
        let last = TokenError::PinWrong { token: token(), tries: Tries::Last };
        assert_eq!(last.to_string(), "wrong PIN for token 'lab (serial 1)', one try left");
        let refused = TokenError::Refused {
            token: token(),
            function: "C_Sign".to_owned(),
            name: "CKR_GENERAL_ERROR".to_owned(),
            code: Some(5),
        };
        assert_eq!(refused.to_string(), "token 'lab (serial 1)' refused: C_Sign returned CKR_GENERAL_ERROR (0x5)");
    }
}
