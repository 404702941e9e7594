//! A software token that lives as long as its value, and what its owner does to it.

use crate::fault::Faulty;
use crate::tool::{Target, ToolError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// The SO PIN of every test token.
const SO_PIN: &str = "87654321";
/// The user PIN of every test token. Kryoptic announces 8 as its shortest.
const PIN: &str = "12345678";

/// The folder of one test, in which a module keeps tokens; a module's file in `modules/` makes it.
pub struct Store {
    /// Removed with the last token.
    pub dir: TempDir,
    /// The module's library.
    pub module: PathBuf,
    /// How a process finds this store.
    pub env: Vec<(String, String)>,
    /// Makes room for one more token in the folder.
    pub prepare: fn(&Path),
    /// Takes the token with this serial number out of the folder.
    pub remove: fn(&Path, &str),
}

impl Store {
    /// The first token of this store.
    pub fn token(self, label: &str) -> Token {
        Token::init(Arc::new(self), label)
    }
}

/// An initialised token with a user PIN.
pub struct Token {
    store: Arc<Store>,
    label: String,
    serial: String,
    pin: String,
}

/// The kinds of key that a mode needs, and some that no mode takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyType {
    /// For no mode: too short.
    Aes128,
    /// For `aes-gcm`.
    Aes256,
    /// Generic secret of 32 bytes, for `hmac-sha256`.
    Hmac,
    /// For `rsa-oaep-*`.
    Rsa2048,
    /// For `rsa-oaep-*`.
    Rsa3072,
    /// For `ecdh-p256`.
    EcP256,
    /// For `ecdh-p384`.
    EcP384,
    /// For no mode.
    EcP521,
    /// For `ecdh-x25519`.
    X25519,
}

impl KeyType {
    /// Each of them with its name in `token-tool`.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::Aes128, "aes-128"),
        (Self::Aes256, "aes-256"),
        (Self::Hmac, "hmac"),
        (Self::Rsa2048, "rsa-2048"),
        (Self::Rsa3072, "rsa-3072"),
        (Self::EcP256, "ec-p256"),
        (Self::EcP384, "ec-p384"),
        (Self::EcP521, "ec-p521"),
        (Self::X25519, "x25519"),
    ];

    /// Its name in `token-tool`.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(this, _)| *this == self).expect("all kinds are in ALL").1
    }
}

/// A key to be made: `Key::new(KeyType::Aes256, "twinlock").id(&[1])`.
#[derive(Clone, Debug)]
pub struct Key {
    kind: KeyType,
    label: String,
    id: Vec<u8>,
    extractable: bool,
    sensitive: bool,
}

impl Key {
    /// A key as it should be: sensitive, not extractable, with the id 01.
    pub fn new(kind: KeyType, label: &str) -> Self {
        Self { kind, label: label.to_owned(), id: vec![1], extractable: false, sensitive: true }
    }

    /// With another `CKA_ID`.
    #[must_use]
    pub fn id(self, id: &[u8]) -> Self {
        Self { id: id.to_vec(), ..self }
    }

    /// A key that can be taken out of the token, wrapped.
    #[must_use]
    pub fn extractable(self) -> Self {
        Self { extractable: true, ..self }
    }

    /// A key that can be read in clear.
    #[must_use]
    pub fn not_sensitive(self) -> Self {
        Self { sensitive: false, extractable: true, ..self }
    }
}

/// A key as the token lists it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyInfo {
    /// `secret`, `private` or `public`.
    pub class: String,
    /// `CKA_LABEL`.
    pub label: String,
    /// `CKA_ID`, in hex.
    pub id: String,
    /// `CKA_EXTRACTABLE`; false for a public key.
    pub extractable: bool,
    /// `CKA_SENSITIVE`; false for a public key.
    pub sensitive: bool,
}

impl Token {
    fn init(store: Arc<Store>, label: &str) -> Self {
        (store.prepare)(store.dir.path());
        let mut token = Self { store, label: label.to_owned(), serial: String::new(), pin: PIN.to_owned() };
        let args = [("label", label), ("so-pin", SO_PIN), ("pin", PIN)];
        let serial = token.tool("init", &args).unwrap_or_else(|error| panic!("{error}"));
        serial.trim().clone_into(&mut token.serial);
        token
    }

    /// One more token in the same store; the label may be one that is there.
    #[must_use]
    pub fn another(&self, label: &str) -> Self {
        Self::init(Arc::clone(&self.store), label)
    }

    /// This token behind a module that fails as `plan` says (see [`crate::fault`]).
    pub fn faulty(&self, plan: &str) -> Faulty {
        Faulty::new(self, plan)
    }

    /// The folder of the store.
    pub fn dir(&self) -> &Path {
        self.store.dir.path()
    }

    /// The token's label.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The token's serial number.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The user PIN.
    pub fn pin(&self) -> &str {
        &self.pin
    }

    /// The SO PIN.
    pub fn so_pin(&self) -> &'static str {
        SO_PIN
    }

    /// The RFC 7512 URI of this token, or of a key on it.
    pub fn uri(&self, key: Option<&str>) -> String {
        let object = key.map_or_else(String::new, |label| format!(";object={label}"));
        format!("pkcs11:token={};serial={}{object}", self.label, self.serial)
    }

    /// Runs `token-tool` on this token, with its PIN; panics where it fails.
    fn must(&self, command: &str, args: &[(&str, &str)]) -> String {
        let all = [&[("serial", self.serial.as_str()), ("pin", &self.pin)], args].concat();
        self.tool(command, &all).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Makes a key; twice the same makes twins.
    pub fn make_key(&self, key: &Key) {
        let flag = |set: bool| if set { "yes" } else { "no" };
        self.must(
            "make-key",
            &[
                ("type", key.kind.name()),
                ("label", &key.label),
                ("id", &hex::encode(&key.id)),
                ("extractable", flag(key.extractable)),
                ("sensitive", flag(key.sensitive)),
            ],
        );
    }

    /// Deletes every object with this label (private, public and secret keys) and tells how many.
    pub fn delete_key(&self, label: &str) -> usize {
        self.must("delete-key", &[("label", label)]).trim().parse().expect("token-tool tells a number")
    }

    /// Every key on the token.
    pub fn keys(&self) -> Vec<KeyInfo> {
        let line = |line: &str| {
            let mut part = line.split('\t').map(str::to_owned);
            let mut next = || part.next().expect("token-tool lists five columns");
            KeyInfo {
                class: next(),
                label: next(),
                id: next(),
                extractable: next() == "true",
                sensitive: next() == "true",
            }
        };
        self.must("list", &[]).lines().map(line).collect()
    }

    /// Logs in with this PIN, once.
    ///
    /// # Errors
    /// The token refused.
    pub fn login(&self, pin: &str) -> Result<(), ToolError> {
        self.tool("login", &[("serial", &self.serial), ("pin", pin)]).map(drop)
    }

    /// Spends `times` tries and gives what each returned, e.g. `PIN_INCORRECT`.
    pub fn wrong_pins(&self, times: u32) -> Vec<String> {
        self.must("wrong-pin", &[("times", &times.to_string())]).lines().map(str::to_owned).collect()
    }

    /// The token's flags about the user PIN that are set, e.g. `USER_PIN_COUNT_LOW`.
    pub fn pin_flags(&self) -> Vec<String> {
        self.must("flags", &[]).lines().map(str::to_owned).collect()
    }

    /// Sets a new user PIN with the SO PIN; also unlocks a locked one.
    pub fn reset_pin(&mut self, new: &str) {
        self.must("reset-pin", &[("so-pin", SO_PIN), ("new", new)]);
        new.clone_into(&mut self.pin);
    }

    /// Takes the token out of its store: its keys are gone for good.
    pub fn remove(self) {
        (self.store.remove)(self.store.dir.path(), &self.serial);
    }
}

impl Target for Token {
    fn module_path(&self) -> PathBuf {
        self.store.module.clone()
    }

    fn env(&self) -> Vec<(String, String)> {
        self.store.env.clone()
    }
}
