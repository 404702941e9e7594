//! What passes between twinlock and the helper process that has the module loaded.
//!
//! A message is `version (1) || u32 length of JSON || u32 length of secret || JSON || secret`, big-endian. Secrets (a PIN going in,
//! the token's 32 or 48 bytes coming out) are never in the JSON: a serialiser copies into buffers that nobody erases.
//! Both sides refuse a message over its limit before they make room for it: a module that runs wild in the helper shall not
//! be able to exhaust the memory of the process that holds the vault's keys.

use super::info::{BrokenToken, Class, KeyInfo, ModuleInfo, TokenInfo};
use super::mode::Mode;
use crate::encode::hex;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::io::{self, Read, Write};
use zeroize::Zeroizing;

/// First byte of every message.
pub const VERSION: u8 = 1;
/// Bytes before the JSON.
pub const HEAD_LEN: usize = 9;
/// Longest JSON towards the helper. Smaller than a pipe's buffer, so that writing never waits for a hung helper.
pub const MAX_REQUEST: usize = 32 * 1024;
/// Longest JSON from the helper: a token with a thousand keys fits.
pub const MAX_RESPONSE: usize = 4 * 1024 * 1024;
/// Longest secret, either way.
pub const MAX_SECRET: usize = 4096;

/// Where a key is: all that is given must match, and exactly one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRef {
    /// CKA_CLASS.
    pub class: Class,
    /// CKA_ID.
    pub id: Option<HexBytes>,
    /// CKA_LABEL.
    pub label: Option<HexBytes>,
}

/// Bytes, in JSON as hex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HexBytes(#[serde(with = "hex::bytes")] pub Vec<u8>);

/// What the token is to do to give `Z` (spec 5.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// C_Decrypt, CKM_AES_GCM, 128-bit tag.
    AesGcm {
        /// 12 bytes.
        iv: HexBytes,
        /// Associated data.
        aad: HexBytes,
        /// Ciphertext and tag.
        sealed: HexBytes,
    },
    /// C_Sign, CKM_SHA256_HMAC.
    Hmac {
        /// What is authenticated.
        message: HexBytes,
    },
    /// C_Decrypt, CKM_RSA_PKCS_OAEP, no label.
    RsaOaep {
        /// SHA-1 in place of SHA-256.
        sha1: bool,
        /// The ciphertext.
        sealed: HexBytes,
    },
    /// C_DeriveKey, CKM_ECDH1_DERIVE, CKD_NULL.
    Ecdh {
        /// The ephemeral public point.
        ephemeral: HexBytes,
        /// Bytes of the shared secret.
        length: usize,
    },
}

/// Towards the helper.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Load the module, C_Initialize. First, and once.
    Load {
        /// Absolute path, checked by the sender.
        path: String,
        /// What C_Initialize gets in pReserved.
        init_args: Option<String>,
    },
    /// All tokens.
    Tokens,
    /// All tokens, after a module that may have missed one (SoftHSM) has read its files anew. Logins are lost.
    TokensAgain,
    /// The modes that the token's mechanism list promises.
    Modes {
        /// PKCS#11 slot id.
        slot: u64,
    },
    /// C_Login as user. The PIN is the message's secret; empty only with `pin_pad`.
    Login {
        /// PKCS#11 slot id.
        slot: u64,
        /// The PIN is typed on the token.
        pin_pad: bool,
    },
    /// Keys that can be seen now (before a login: public ones).
    Keys {
        /// PKCS#11 slot id.
        slot: u64,
        /// Classes wanted.
        classes: Vec<Class>,
        /// CKA_ID, if only such.
        id: Option<HexBytes>,
        /// CKA_LABEL, if only such.
        label: Option<HexBytes>,
    },
    /// Seal the message's secret (32 bytes) under an AES key.
    Seal {
        /// PKCS#11 slot id.
        slot: u64,
        /// The key.
        key: KeyRef,
        /// Associated data.
        aad: HexBytes,
        /// A random IV, 12 bytes; the token may make its own.
        iv: HexBytes,
    },
    /// Give `Z`, in a new session.
    Reproduce {
        /// PKCS#11 slot id.
        slot: u64,
        /// The key.
        key: KeyRef,
        /// What to do with it.
        operation: Operation,
    },
    /// Whether the PKCS#11 slot's tokens can be pulled (CKF_REMOVABLE_DEVICE).
    Removable {
        /// PKCS#11 slot id.
        slot: u64,
    },
    /// Look for a token again and again, and answer a second time when it is gone. The last request: nothing else is read.
    Watch {
        /// Token label.
        label: String,
        /// Its serial number.
        serial: String,
    },
    /// Make a key that a mode can use.
    Generate {
        /// PKCS#11 slot id.
        slot: u64,
        /// For which mode.
        mode: Mode,
        /// CKA_LABEL.
        label: String,
        /// CKA_ID.
        id: HexBytes,
    },
}

/// From the helper.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Response {
    /// To `Load`.
    Loaded(ModuleInfo),
    /// To `Tokens` and `TokensAgain`: those that answer, and those that do not.
    Tokens(Vec<TokenInfo>, Vec<BrokenToken>),
    /// To `Modes`.
    Modes(Vec<Mode>),
    /// To `Login`.
    LoggedIn,
    /// To `Keys`.
    Keys(Vec<KeyInfo>),
    /// To `Seal`.
    Sealed {
        /// The IV as it reads after C_Encrypt.
        iv: HexBytes,
        /// Ciphertext and tag.
        sealed: HexBytes,
    },
    /// To `Reproduce`; `Z` is the message's secret.
    Reproduced,
    /// To `Generate`.
    Generated,
    /// To `Removable`.
    Removable(bool),
    /// To `Watch`: it is there.
    Watching,
    /// To `Watch`, later: it is not any more.
    Gone,
    /// To anything.
    Failed(Failure),
}

/// A failure of the module or token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What it means.
    pub class: FailureClass,
    /// The PKCS#11 function, "C_Login"; empty if none was reached.
    pub function: String,
    /// The return value's name, "CKR_PIN_INCORRECT", or what happened in words.
    pub name: String,
    /// The return value, if there was one.
    pub code: Option<u64>,
}

impl Failure {
    /// Which function returned what.
    pub fn in_words(self) -> String {
        match self.code {
            Some(code) => format!("{} returned {} ({code:#x})", self.function, self.name),
            None => self.name,
        }
    }
}

/// What a failure means: modules return whatever code they like for the same thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureClass {
    /// The PIN is wrong; a try is lost.
    PinWrong,
    /// The PIN is locked.
    PinLocked,
    /// The PIN must be changed first.
    PinMustChange,
    /// The PIN has not the form the token wants.
    PinForm,
    /// No user PIN was ever set.
    PinNotSet,
    /// The token is not there (any more).
    TokenGone,
    /// No such key.
    KeyGone,
    /// More than one such key; the number.
    KeyAmbiguous(usize),
    /// The mechanism is missing, or refuses this key or its parameters.
    Mechanism,
    /// Needs a login.
    NotLoggedIn,
    /// Cannot be loaded or initialised.
    ModuleUnusable,
    /// A key of that label or id is there already.
    KeyExists,
    /// AES-GCM: the token neither takes our IV nor makes one.
    ZeroIv,
    /// The token answered something of the wrong size.
    BadAnswer,
    /// Anything else.
    Refused,
}

/// Writes one message. `limit` is that of the JSON.
pub fn write<T: Serialize>(to: &mut impl Write, message: &T, secret: &[u8], limit: usize) -> io::Result<()> {
    let json = serde_json::to_vec(message)?;
    if json.len() > limit || secret.len() > MAX_SECRET {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "message over its limit"));
    }
    // One buffer of exact size, erased: a growing one would leave copies of the secret behind.
    let mut frame = Zeroizing::new(Vec::with_capacity(HEAD_LEN + json.len() + secret.len()));
    frame.push(VERSION);
    frame.extend_from_slice(&length(json.len()));
    frame.extend_from_slice(&length(secret.len()));
    frame.extend_from_slice(&json);
    frame.extend_from_slice(secret);
    to.write_all(&frame)?;
    to.flush()
}

fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or_else(|_| unreachable!("the limits are far below 4 GiB")).to_be_bytes()
}

/// The lengths of JSON and secret in a message's head.
pub fn lengths(head: &[u8; HEAD_LEN], limit: usize) -> io::Result<(usize, usize)> {
    let bad = |why| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    let length = |at: usize| head[at..at + 4].iter().fold(0_usize, |sum, &byte| sum << 8 | usize::from(byte));
    let (json, secret) = (length(1), length(5));
    if head[0] != VERSION {
        return bad("message of another version");
    }
    if json > limit || secret > MAX_SECRET {
        return bad("message over its limit");
    }
    Ok((json, secret))
}

/// Reads one message; `None` at the end of input.
pub fn read<T: DeserializeOwned>(from: &mut impl Read, limit: usize) -> io::Result<Option<(T, Zeroizing<Vec<u8>>)>> {
    let mut head = [0; HEAD_LEN];
    loop {
        match from.read(&mut head[..1]) {
            Ok(0) => return Ok(None),
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    from.read_exact(&mut head[1..])?;
    let (json_len, secret_len) = lengths(&head, limit)?;
    let mut json = vec![0; json_len];
    from.read_exact(&mut json)?;
    let mut secret = Zeroizing::new(vec![0; secret_len]);
    from.read_exact(&mut secret)?;
    Ok(Some((serde_json::from_slice(&json)?, secret)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let mut pipe = Vec::new();
        write(&mut pipe, &Request::Login { slot: 7, pin_pad: false }, b"1234", MAX_REQUEST).unwrap();
        write(&mut pipe, &Request::Tokens, b"", MAX_REQUEST).unwrap();
        let mut input = pipe.as_slice();
        let (request, secret) = read::<Request>(&mut input, MAX_REQUEST).unwrap().unwrap();
        assert!(matches!(request, Request::Login { slot: 7, pin_pad: false }));
        assert_eq!(*secret, b"1234");
        assert!(matches!(read(&mut input, MAX_REQUEST).unwrap(), Some((Request::Tokens, _))));
        assert!(read::<Request>(&mut input, MAX_REQUEST).unwrap().is_none());
    }

    #[test]
    fn the_secret_is_not_in_the_json() {
        let mut pipe = Vec::new();
        write(&mut pipe, &Request::Login { slot: 7, pin_pad: false }, b"987654", MAX_REQUEST).unwrap();
        let json = &pipe[HEAD_LEN..pipe.len() - 6];
        assert!(!json.windows(6).any(|part| part == b"987654"));
    }

    #[test]
    fn refuses_what_is_over_its_limit_before_reading_it() {
        let huge = [VERSION, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        assert!(read::<Response>(&mut &huge[..], MAX_RESPONSE).is_err());
        let secret = [VERSION, 0, 0, 0, 2, 0, 0, 0xff, 0xff, b'{', b'}'];
        assert!(read::<Response>(&mut &secret[..], MAX_RESPONSE).is_err());
        let other = [VERSION + 1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(read::<Response>(&mut &other[..], MAX_RESPONSE).is_err());
        assert!(write(&mut Vec::new(), &Request::Tokens, &[0; MAX_SECRET + 1], MAX_REQUEST).is_err());
    }

    #[test]
    fn a_cut_message_is_an_error() {
        let mut pipe = Vec::new();
        write(&mut pipe, &Request::Tokens, b"s", MAX_REQUEST).unwrap();
        for end in 1..pipe.len() {
            assert!(read::<Request>(&mut &pipe[..end], MAX_REQUEST).is_err(), "{end}");
        }
    }
}
