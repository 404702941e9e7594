//! A token, and twinlock's factor on it.

use hsm_test::{Faulty, Key, KeyType, MODULES, Module, Target, Token};
use std::cell::RefCell;
use std::ffi::OsString;
use std::rc::Rc;
use std::time::Duration;
use twinlock::factor::pkcs11::{
    HelperCommand, Mode, Module as ModuleConfig, Pkcs11Enroll, Pkcs11Open, SharedTokens, TokenError, Tokens, Uri,
};
use twinlock::factor::{Enroll, FactorError, Open, SlotContext};
use twinlock::header::Stanza;
use twinlock::prompt::{Prompt, ScriptedPrompt};
use twinlock::secret::FactorSecret;

/// The keyslot of these tests.
pub const CTX: SlotContext<'static> =
    SlotContext { vault_id: &[1; 16], keyslot_id: &[2; 16], vault: "home", keyslot: "daily" };

/// The label of every key that a test enrolls.
pub const KEY: &str = "twinlock test key";

/// Each mode and the key it needs.
pub const MODES: [(Mode, KeyType); 7] = [
    (Mode::AesGcm, KeyType::Aes256),
    (Mode::HmacSha256, KeyType::Hmac),
    (Mode::RsaOaepSha256, KeyType::Rsa2048),
    (Mode::RsaOaepSha1, KeyType::Rsa2048),
    (Mode::EcdhP256, KeyType::EcP256),
    (Mode::EcdhP384, KeyType::EcP384),
    (Mode::EcdhX25519, KeyType::X25519),
];

/// What an enrolment makes.
pub type Made = Result<(Stanza, FactorSecret), FactorError>;
/// What an opening gives.
pub type Given = Result<Option<FactorSecret>, FactorError>;

/// The key for a mode.
pub fn key_type(mode: Mode) -> KeyType {
    MODES.iter().find(|(this, _)| *this == mode).expect("all modes are in MODES").1
}

/// Whether a mode can work on a module.
pub fn works(module: &Module, mode: Mode) -> bool {
    module.keys.contains(&key_type(mode)) && (mode != Mode::RsaOaepSha256 || module.oaep_sha256)
}

/// Runs a test on a fresh token of each module.
pub fn on_each_module(test: impl Fn(&Module, Token)) {
    for module in MODULES {
        if let Some(token) = (module.start)() {
            println!("on {}", module.name);
            test(module, token);
        }
    }
}

/// Runs a test on a fresh token of each module, which has a key for the mode, for each mode that works there.
pub fn on_each_mode(test: impl Fn(Mode, Token)) {
    for module in MODULES {
        for (mode, kind) in MODES.into_iter().filter(|(mode, _)| works(module, *mode)) {
            if let Some(token) = (module.start)() {
                println!("{mode} on {}", module.name);
                token.make_key(&Key::new(kind, KEY));
                test(mode, token);
            }
        }
    }
}

/// A token with a key for a mode, enrolled, behind the module that fails on command.
pub struct Enrolled {
    pub token: Token,
    pub faulty: Faulty,
    pub stanza: Stanza,
    pub secret: FactorSecret,
}

impl Enrolled {
    /// Enrolls a new key of a mode on a token.
    pub fn new(token: Token, mode: Mode) -> Self {
        token.make_key(&Key::new(key_type(mode), KEY));
        let faulty = token.faulty("");
        let (stanza, secret) = must(enroll(&tokens(&faulty), &uri(&token), mode, &mut pin(&token)));
        faulty.forget_calls();
        Self { token, faulty, stanza, secret }
    }

    /// Opens in a new process with the right PIN, while the module does what the plan says.
    pub fn open(&self, plan: &str) -> Given {
        self.open_with(plan, &mut pin(&self.token))
    }

    /// Opens in a new process, while the module does what the plan says. Counts calls from there.
    pub fn open_with(&self, plan: &str, prompt: &mut dyn Prompt) -> Given {
        self.faulty.plan(plan);
        self.faulty.forget_calls();
        open(&tokens(&self.faulty), &self.stanza, prompt)
    }

    /// The error of such an opening.
    pub fn refused(&self, plan: &str) -> TokenError {
        refusal(self.open(plan))
    }

    /// How often C_Login was called since the last opening began: each call may be a try spent.
    pub fn logins(&self) -> usize {
        self.faulty.count("C_Login")
    }

    /// Whether an opening gave the secret that was enrolled.
    pub fn is_secret(&self, given: Given) -> bool {
        must(given).is_some_and(|secret| secret.expose() == self.secret.expose())
    }
}

/// A helper process that finds the tokens of a target: `env` gives it their variables, and becomes it.
pub fn helper(target: &dyn Target) -> HelperCommand {
    let variables = target.env().into_iter().map(|(name, value)| OsString::from(format!("{name}={value}")));
    let program = [hsm_test::twinlock().into_os_string(), "pkcs11-helper".into()];
    HelperCommand { exe: "/usr/bin/env".into(), args: variables.chain(program).collect() }
}

/// The modules of a command that has only this one; its process starts when it is first asked.
pub fn tokens(target: &dyn Target) -> SharedTokens {
    without_pauses(target, ModuleConfig::new(target.module_path()))
}

/// What fails is not tried again: each test counts what one try comes to. `again` is about the others.
fn without_pauses(target: &dyn Target, module: ModuleConfig) -> SharedTokens {
    Rc::new(RefCell::new(Tokens::new(helper(target), vec![module]).with_pauses(&[])))
}

/// The same, with the time that one call may take.
pub fn tokens_within(target: &dyn Target, deadline: Duration) -> SharedTokens {
    let module = ModuleConfig { deadline, ..ModuleConfig::new(target.module_path()) };
    without_pauses(target, module)
}

/// The URI of the test's key.
pub fn uri(token: &Token) -> Uri {
    parse(&token.uri(Some(&KEY.replace(' ', "%20"))))
}

/// A URI.
pub fn parse(text: &str) -> Uri {
    Uri::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

/// A person who types the PIN once. Asked again, they panic.
pub fn pin(token: &Token) -> ScriptedPrompt {
    types(token.pin())
}

/// A person who types this once. Asked again, they panic.
pub fn types(text: &str) -> ScriptedPrompt {
    ScriptedPrompt::new().types(text).no_retry()
}

/// A person who is not to be asked: a question is a panic.
pub fn nobody() -> ScriptedPrompt {
    ScriptedPrompt::new()
}

/// An enrolment that daring a last try is no part of.
pub fn enroller(tokens: &SharedTokens, uri: &Uri, mode: Mode) -> Pkcs11Enroll {
    let allow_sha1 = mode == Mode::RsaOaepSha1;
    Pkcs11Enroll { tokens: tokens.clone(), uri: uri.clone(), mode: Some(mode), allow_sha1, force_last_try: false }
}

/// Enrolls a key.
pub fn enroll(tokens: &SharedTokens, uri: &Uri, mode: Mode, prompt: &mut dyn Prompt) -> Made {
    enroller(tokens, uri, mode).enroll(&CTX, prompt)
}

/// What opens with these modules.
pub fn opener(tokens: &SharedTokens) -> Pkcs11Open {
    Pkcs11Open { tokens: tokens.clone(), uris: Vec::new(), force_last_try: false }
}

/// Opens a stanza.
pub fn open(tokens: &SharedTokens, stanza: &Stanza, prompt: &mut dyn Prompt) -> Given {
    opener(tokens).open(&CTX, stanza, prompt)
}

/// What should have worked.
pub fn must<T>(result: Result<T, FactorError>) -> T {
    result.unwrap_or_else(|error| panic!("{error:?}"))
}

/// The token error of what should not have worked, after seeing that a person could read it.
pub fn refusal<T>(result: Result<T, FactorError>) -> TokenError {
    match result {
        Err(FactorError::Token(error)) => {
            readable(&error);
            error
        }
        Err(other) => panic!("no token error: {other:?}"),
        Ok(_) => panic!("it worked"),
    }
}

/// Every message says what it is about, in one line, in the house's style, and without the words of a programmer.
fn readable(error: &TokenError) {
    let text = error.to_string();
    assert!(!text.is_empty() && !text.contains('\n') && !text.ends_with('.'), "{text}");
    assert!(!text.starts_with(char::is_uppercase) || text.starts_with("PKCS#11"), "{text}");
    for word in ["Some(", "None", "Err(", "::", "RvError"] {
        assert!(!text.contains(word), "'{word}' in: {text}");
    }
}
