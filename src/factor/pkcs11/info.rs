//! What a module tells of itself, its tokens and their keys, in our own words. Nothing here is secret.

use super::mode::Mode;
use crate::encode::hex;
use crate::encode::terminal::steers;
use crate::prompt::Tries;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// C_GetInfo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleInfo {
    /// Who made it.
    pub manufacturer: String,
    /// What it calls itself.
    pub description: String,
    /// Its own version, "2.6".
    pub version: String,
    /// The PKCS#11 version it speaks, "2.40".
    pub cryptoki: String,
}

/// C_GetTokenInfo, blanks trimmed. Flags are those of PKCS#11 3.1, 3.2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are the flags of the standard, each by itself")]
pub struct TokenInfo {
    /// PKCS#11 slot id: changes from run to run with some modules, so never recorded.
    pub slot: u64,
    /// Token label.
    pub label: String,
    /// Who made it.
    pub manufacturer: String,
    /// Its model.
    pub model: String,
    /// Its serial number; may be empty.
    pub serial: String,
    /// CKF_TOKEN_INITIALIZED.
    pub initialized: bool,
    /// CKF_USER_PIN_INITIALIZED.
    pub pin_set: bool,
    /// CKF_LOGIN_REQUIRED.
    pub login_required: bool,
    /// CKF_PROTECTED_AUTHENTICATION_PATH: the PIN is typed on the token.
    pub pin_pad: bool,
    /// CKF_USER_PIN_COUNT_LOW.
    pub pin_low: bool,
    /// CKF_USER_PIN_FINAL_TRY.
    pub pin_last: bool,
    /// CKF_USER_PIN_LOCKED.
    pub pin_locked: bool,
    /// CKF_USER_PIN_TO_BE_CHANGED.
    pub pin_must_change: bool,
    /// CKF_WRITE_PROTECTED.
    pub write_protected: bool,
    /// Shortest PIN, bytes; 0: not told.
    pub min_pin: usize,
    /// Longest PIN, bytes; 0: not told.
    pub max_pin: usize,
}

/// Length of a PIV card's PIN, bytes (SP 800-73-4 part 2, 2.4.3). OpenSC says 4 to 8, and sends one of 4, which costs a try; libykcs11
/// says 6 to 48, which is the length of a management key.
const PIV_PIN: std::ops::RangeInclusive<usize> = 6..=8;

impl TokenInfo {
    /// Whether this is a PIV card, as OpenSC or Yubico's libykcs11 shows it.
    pub fn is_piv(&self) -> bool {
        self.manufacturer == "piv_II" || self.manufacturer.starts_with("Yubico") && self.model.starts_with("YubiKey")
    }

    /// With what is known of the PIN of its kind, where the module says less.
    #[must_use]
    pub fn corrected(self) -> Self {
        if !self.is_piv() {
            return self;
        }
        Self { min_pin: self.min_pin.max(*PIV_PIN.start()), max_pin: *PIV_PIN.end(), ..self }
    }

    /// As a person knows it, safe to print: control characters could drive the terminal.
    pub fn name(&self) -> String {
        let label = printable(&self.label);
        match (label.as_str(), self.serial.is_empty()) {
            ("", true) => format!("token in PKCS#11 slot {}", self.slot),
            ("", false) => format!("serial {}", printable(&self.serial)),
            (_, true) => label,
            (_, false) => format!("{label} (serial {})", printable(&self.serial)),
        }
    }

    /// What the token tells of tries left.
    pub fn tries(&self) -> Tries {
        if self.pin_last {
            Tries::Last
        } else if self.pin_low {
            Tries::Low
        } else if self.manufacturer == "Mozilla Foundation" {
            // NSS never sets the flags.
            Tries::Unknown
        } else {
            Tries::Full
        }
    }
}

/// A token that can be pulled, so that it can be told later when it was. It is found again by label and serial number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The module's library, as the person configured it.
    pub module: PathBuf,
    /// What C_Initialize gets in pReserved.
    pub init_args: Option<String>,
    /// How long one call may take, seconds.
    pub deadline: u64,
    /// Token label.
    pub label: String,
    /// Its serial number.
    pub serial: String,
    /// The token as a person knows it, safe to print.
    pub name: String,
}

/// Text from a token, as it may be shown.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if steers(c) { '?' } else { c }).collect()
}

/// A slot whose token does not answer as the standard says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenToken {
    /// PKCS#11 slot id.
    pub slot: u64,
    /// What happened.
    pub why: String,
}

/// The type of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyKind {
    /// CKK_AES, bytes.
    Aes(u64),
    /// CKK_GENERIC_SECRET or CKK_SHA256_HMAC, bytes; 0: not told.
    Generic(u64),
    /// CKK_RSA, bits; 0: not told.
    Rsa(u64),
    /// CKK_EC on P-256.
    P256,
    /// CKK_EC on P-384.
    P384,
    /// CKK_EC_MONTGOMERY on curve 25519.
    X25519,
    /// Anything else, as the module names it.
    Other(String),
}

impl std::fmt::Display for KeyKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Aes(bytes) => write!(f, "AES-{}", bytes.saturating_mul(8)),
            Self::Generic(0) => f.write_str("generic secret"),
            Self::Generic(bytes) => write!(f, "generic secret of {bytes} bytes"),
            Self::Rsa(0) => f.write_str("RSA"),
            Self::Rsa(bits) => write!(f, "RSA-{bits}"),
            Self::P256 => f.write_str("EC P-256"),
            Self::P384 => f.write_str("EC P-384"),
            Self::X25519 => f.write_str("X25519"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

/// The public half of a key pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PublicKey {
    /// RSA, big-endian without leading zeros.
    Rsa {
        /// CKA_MODULUS.
        #[serde(with = "hex::bytes")]
        modulus: Vec<u8>,
        /// CKA_PUBLIC_EXPONENT.
        #[serde(with = "hex::bytes")]
        exponent: Vec<u8>,
    },
    /// EC: uncompressed point, or 32 bytes for X25519.
    Point(#[serde(with = "hex::bytes")] Vec<u8>),
}

/// The class of an object that twinlock looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Class {
    /// CKO_SECRET_KEY.
    Secret,
    /// CKO_PRIVATE_KEY.
    Private,
    /// CKO_PUBLIC_KEY.
    Public,
}

/// A key on a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are the attributes of the standard, each by itself")]
pub struct KeyInfo {
    /// CKA_CLASS.
    pub class: Class,
    /// CKA_KEY_TYPE and size.
    pub kind: KeyKind,
    /// CKA_ID; may be empty.
    #[serde(with = "hex::bytes")]
    pub id: Vec<u8>,
    /// CKA_LABEL; may be empty.
    #[serde(with = "hex::bytes")]
    pub label: Vec<u8>,
    /// The public half, if the token shows it.
    pub public: Option<PublicKey>,
    /// CKA_ENCRYPT.
    pub encrypt: bool,
    /// CKA_DECRYPT.
    pub decrypt: bool,
    /// CKA_SIGN.
    pub sign: bool,
    /// CKA_DERIVE.
    pub derive: bool,
    /// CKA_EXTRACTABLE; `None`: not told.
    pub extractable: Option<bool>,
    /// CKA_SENSITIVE; `None`: not told.
    pub sensitive: Option<bool>,
    /// CKA_ALWAYS_AUTHENTICATE.
    pub always_authenticate: bool,
}

impl KeyInfo {
    /// As a person knows it, safe to print.
    pub fn name(&self) -> String {
        match (self.label.is_empty(), self.id.is_empty()) {
            (false, _) => printable(&String::from_utf8_lossy(&self.label)),
            (true, false) => format!("id {}", hex::encode(&self.id)),
            (true, true) => "key without a name".to_owned(),
        }
    }

    /// The mode this key is fit for (RSA: with SHA-256), or why for none.
    pub fn mode(&self) -> Result<Mode, String> {
        if self.always_authenticate {
            return Err("it wants its PIN again for every use (CKA_ALWAYS_AUTHENTICATE)".to_owned());
        }
        let may = |allowed: bool, what: &str| if allowed { Ok(()) } else { Err(format!("it may not {what}")) };
        // libykcs11 calls deriving with an EC key decrypting; the round trip of an enrolment tells whether it can.
        let derive = self.derive || self.decrypt;
        match (self.class, &self.kind) {
            (Class::Secret, KeyKind::Aes(32)) => {
                may(self.encrypt && self.decrypt, "both encrypt and decrypt")?;
                Ok(Mode::AesGcm)
            }
            (Class::Secret, KeyKind::Aes(bytes)) => {
                Err(format!("it has {} bits where 256 are needed", bytes.saturating_mul(8)))
            }
            (Class::Secret, KeyKind::Generic(bytes)) => {
                if (1..32).contains(bytes) {
                    return Err(format!("it has {bytes} bytes where at least 32 are needed"));
                }
                may(self.sign, "sign")?;
                Ok(Mode::HmacSha256)
            }
            (Class::Private, KeyKind::Rsa(bits)) => {
                if (1..2048).contains(bits) || *bits > 8192 {
                    return Err(format!("it has {bits} bits where 2048 to 8192 are needed"));
                }
                may(self.decrypt, "decrypt")?;
                Ok(Mode::RsaOaepSha256)
            }
            (Class::Private, KeyKind::P256) => may(derive, "derive").map(|()| Mode::EcdhP256),
            (Class::Private, KeyKind::P384) => may(derive, "derive").map(|()| Mode::EcdhP384),
            (Class::Private, KeyKind::X25519) => may(derive, "derive").map(|()| Mode::EcdhX25519),
            (_, kind) => Err(format!("its type is {kind}")),
        }
    }

    /// What makes the key weaker than a key in a token should be, if anything.
    pub fn weakness(&self) -> Option<&'static str> {
        match (self.extractable, self.sensitive) {
            (Some(true), _) => Some("can be exported from its token"),
            (_, Some(false)) => Some("can be read in clear by who is logged in"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(class: Class, kind: KeyKind) -> KeyInfo {
        KeyInfo {
            class,
            kind,
            id: vec![1],
            label: b"k".to_vec(),
            public: None,
            encrypt: true,
            decrypt: true,
            sign: true,
            derive: true,
            extractable: Some(false),
            sensitive: Some(true),
            always_authenticate: false,
        }
    }

    #[test]
    fn the_mode_follows_from_the_key() {
        assert_eq!(key(Class::Secret, KeyKind::Aes(32)).mode(), Ok(Mode::AesGcm));
        assert_eq!(key(Class::Secret, KeyKind::Generic(32)).mode(), Ok(Mode::HmacSha256));
        assert_eq!(key(Class::Secret, KeyKind::Generic(0)).mode(), Ok(Mode::HmacSha256));
        assert_eq!(key(Class::Private, KeyKind::Rsa(3072)).mode(), Ok(Mode::RsaOaepSha256));
        assert_eq!(key(Class::Private, KeyKind::P256).mode(), Ok(Mode::EcdhP256));
        assert_eq!(key(Class::Private, KeyKind::X25519).mode(), Ok(Mode::EcdhX25519));
    }

    #[test]
    fn unfit_keys_say_why() {
        assert!(key(Class::Secret, KeyKind::Aes(16)).mode().unwrap_err().contains("128 bits"));
        assert!(key(Class::Secret, KeyKind::Aes(u64::MAX)).mode().is_err(), "a token may say any length");
        assert!(key(Class::Secret, KeyKind::Generic(16)).mode().unwrap_err().contains("16 bytes"));
        assert!(key(Class::Private, KeyKind::Rsa(1024)).mode().unwrap_err().contains("1024 bits"));
        assert!(key(Class::Public, KeyKind::P256).mode().is_err());
        let mut signer = key(Class::Private, KeyKind::P256);
        signer.derive = false;
        assert_eq!(signer.mode(), Ok(Mode::EcdhP256), "libykcs11");
        signer.decrypt = false;
        assert_eq!(signer.mode().unwrap_err(), "it may not derive");
        let mut nagging = key(Class::Private, KeyKind::P256);
        nagging.always_authenticate = true;
        assert!(nagging.mode().unwrap_err().contains("PIN again"));
    }

    #[test]
    fn a_piv_card_s_pin_has_six_to_eight_bytes_whatever_its_module_says() {
        let token = |manufacturer: &str, model: &str, lengths: (usize, usize)| TokenInfo {
            slot: 1,
            label: "ada".to_owned(),
            manufacturer: manufacturer.to_owned(),
            model: model.to_owned(),
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
            min_pin: lengths.0,
            max_pin: lengths.1,
        };
        for (manufacturer, model, lengths, corrected) in [
            ("piv_II", "PKCS#15 emulated", (4, 8), (6, 8)),
            ("Yubico (www.yubico.com)", "YubiKey YK5", (6, 48), (6, 8)),
            ("Yubico (www.yubico.com)", "YubiHSM", (8, 64), (8, 64)),
            ("OpenSC", "PKCS#15", (4, 16), (4, 16)),
        ] {
            let token = token(manufacturer, model, lengths).corrected();
            assert_eq!((token.min_pin, token.max_pin), corrected, "{manufacturer} {model}");
        }
    }

    #[test]
    fn names_cannot_drive_a_terminal() {
        assert_eq!(printable("a\u{1b}[2J\u{202e}b"), "a?[2J?b");
        let mut named = key(Class::Secret, KeyKind::Aes(32));
        named.label = b"x\x07\xff".to_vec();
        assert_eq!(named.name(), "x?\u{fffd}");
    }
}
