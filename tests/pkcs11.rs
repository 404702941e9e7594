//! The `pkcs11` factor against a real module, SoftHSM 2.6, each test on a token folder of its own. The whole table of modes, modules and
//! faults is in `hsm-test`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test: it panics when something is wrong, and says when it is skipped"
)]

use std::cell::RefCell;
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use tempfile::TempDir;
use twinlock::crypto::random_secret;
use twinlock::factor::fake::FakeEnroll;
use twinlock::factor::password::{Cost, NewPassword, PasswordEnroll};
use twinlock::factor::pkcs11::{
    HelperCommand, Mode, Module, NewKey, Pkcs11Enroll, Pkcs11Open, SharedTokens, TokenError, TokenSetup, Tokens, Uri,
    describe, keys, log_in_to, rewrap_from_stanza, test,
};
use twinlock::factor::{Enroll, FactorError, Open, Openers, SlotContext};
use twinlock::header::{Header, Stanza};
use twinlock::prompt::{Ask, Event, FilePrompt, NoPrompt, Prompt, PromptError, Question, ScriptedPrompt, Sources};
use twinlock::secret::{AccountKey, SecretText};
use twinlock::store::memory::{Contents, MemoryStore};
use twinlock::vault::{Need, Needed, NewKeyslot, Vault, VaultError, Wish};
use zeroize::Zeroizing;

const MODULES: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
];
const PIN: &str = "123456";
const WORDS: &str = "correct horse battery staple";
const CTX: SlotContext<'static> =
    SlotContext { vault_id: &[1; 16], keyslot_id: &[2; 16], vault: "home", keyslot: "daily" };

struct Lab {
    dir: TempDir,
    module: PathBuf,
}

impl Lab {
    /// A token named "lab" in a folder of its own; `None`, loudly, without SoftHSM.
    fn new() -> Option<Self> {
        let Some(module) = MODULES.iter().map(PathBuf::from).find(|path| path.exists()) else {
            eprintln!("SKIPPED: SoftHSM is not installed (apt-get install softhsm2)");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("tokens")).unwrap();
        let config = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            dir.path().join("tokens").display()
        );
        std::fs::write(dir.path().join("conf"), config).unwrap();
        let lab = Self { dir, module };
        lab.init("lab");
        Some(lab)
    }

    fn conf(&self) -> PathBuf {
        self.dir.path().join("conf")
    }

    fn util(&self, args: &[&str]) {
        let run = Command::new("softhsm2-util").args(args).env("SOFTHSM2_CONF", self.conf()).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }

    fn init(&self, label: &str) {
        self.util(&["--init-token", "--free", "--label", label, "--so-pin", "12345678", "--pin", PIN]);
    }

    fn command(&self) -> HelperCommand {
        let conf = self.conf();
        let mut setting = OsString::from("SOFTHSM2_CONF=");
        setting.push(conf);
        HelperCommand {
            exe: "/usr/bin/env".into(),
            args: vec![setting, env!("CARGO_BIN_EXE_twinlock").into(), "pkcs11-helper".into()],
        }
    }

    /// The modules as a new command sees them.
    fn tokens(&self) -> SharedTokens {
        Tokens::shared(self.command(), vec![Module::new(&self.module)])
    }

    fn setup(&self, mode: Mode, label: &str) -> NewKey {
        let uri = Uri::parse(&format!("pkcs11:token=lab;object={label}")).unwrap();
        let setup = TokenSetup { tokens: self.tokens(), uri, mode: Some(mode), force_last_try: false };
        setup.run(&mut Typist::new(&[PIN])).unwrap()
    }

    fn enroll(&self, uri: &Uri, mode: Mode) -> Pkcs11Enroll {
        Pkcs11Enroll {
            tokens: self.tokens(),
            uri: uri.clone(),
            mode: Some(mode),
            allow_sha1: mode == Mode::RsaOaepSha1,
            force_last_try: false,
        }
    }

    fn openers(&self) -> Openers {
        let mut openers = Openers::typed();
        openers.add("pkcs11", Box::new(self.open()));
        openers
    }

    fn open(&self) -> Pkcs11Open {
        Pkcs11Open { tokens: self.tokens(), uris: Vec::new(), force_last_try: false }
    }
}

/// Types what it was given, in turn; keeps what it was shown.
struct Typist {
    pins: Vec<String>,
    asked: usize,
    shown: Rc<RefCell<Vec<String>>>,
}

impl Typist {
    fn new(pins: &[&str]) -> Self {
        Self { pins: pins.iter().rev().map(ToString::to_string).collect(), asked: 0, shown: Rc::default() }
    }
}

impl Prompt for Typist {
    fn secret(&mut self, ask: &Ask<'_>) -> Result<SecretText, PromptError> {
        assert!(matches!(ask, Ask::Pin { .. }));
        self.asked += 1;
        let pin = self.pins.pop().ok_or(PromptError::Cancelled)?;
        Ok(SecretText::new(Zeroizing::new(pin)))
    }

    fn confirm(&mut self, _: &Question<'_>) -> Result<bool, PromptError> {
        unreachable!("nothing is asked but a PIN")
    }

    fn line(&mut self, _: &str) -> Result<String, PromptError> {
        unreachable!("nothing is asked but a PIN")
    }

    fn show(&mut self, event: &Event<'_>) {
        self.shown.borrow_mut().push(format!("{event:?}"));
    }

    fn can_retry(&self, _: &Ask<'_>) -> bool {
        true
    }
}

fn token_error<T>(result: Result<T, FactorError>) -> TokenError {
    match result {
        Err(FactorError::Token(error)) => error,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("an error was expected"),
    }
}

const SOFTHSM_MODES: [Mode; 5] = [Mode::AesGcm, Mode::HmacSha256, Mode::RsaOaepSha1, Mode::EcdhP256, Mode::EcdhP384];

#[test]
fn every_mode_opens_what_it_enrolled() {
    let Some(lab) = Lab::new() else { return };
    for mode in SOFTHSM_MODES {
        let key = lab.setup(mode, &format!("key-{mode}"));
        let (stanza, secret) = lab.enroll(&key.uri, mode).enroll(&CTX, &mut Typist::new(&[PIN])).unwrap();
        assert_eq!(stanza.params["mode"], mode.name());
        assert_eq!(describe(&stanza).unwrap().uri, key.uri.canonical());
        let mut open = lab.open();
        let again = open.open(&CTX, &stanza, &mut Typist::new(&[PIN])).unwrap().unwrap();
        assert_eq!(again.expose(), secret.expose(), "{mode}");
        // Logged in for this command: nobody is asked again.
        assert!(open.open(&CTX, &stanza, &mut NoPrompt).unwrap().is_some());
        let elsewhere = SlotContext { keyslot_id: &[3; 16], ..CTX };
        match open.open(&elsewhere, &stanza, &mut NoPrompt) {
            Ok(Some(other)) => assert_ne!(other.expose(), secret.expose(), "{mode}: bound to its keyslot"),
            Err(_) => assert_eq!(mode, Mode::AesGcm, "refused as associated data"),
            Ok(None) => panic!("the token is here"),
        }
    }
}

#[test]
fn a_public_key_is_enough_to_wrap_again() {
    let Some(lab) = Lab::new() else { return };
    for mode in [Mode::RsaOaepSha1, Mode::EcdhP256, Mode::EcdhP384] {
        let key = lab.setup(mode, mode.name());
        let (mut old, _) = lab.enroll(&key.uri, mode).enroll(&CTX, &mut Typist::new(&[PIN])).unwrap();
        old.params.insert("later".to_owned(), "kept".into());
        let (stanza, secret) = rewrap_from_stanza(&old).unwrap().enroll(&CTX, &mut NoPrompt).unwrap();
        assert_ne!(stanza, old);
        assert_eq!(stanza.params["later"], "kept");
        let again = lab.open().open(&CTX, &stanza, &mut Typist::new(&[PIN])).unwrap().unwrap();
        assert_eq!(again.expose(), secret.expose(), "{mode}");
    }
    let key = lab.setup(Mode::HmacSha256, "hmac");
    let (stanza, _) = lab.enroll(&key.uri, Mode::HmacSha256).enroll(&CTX, &mut Typist::new(&[PIN])).unwrap();
    assert!(rewrap_from_stanza(&stanza).is_none(), "needs the token");
    let again = Pkcs11Enroll::again(&lab.tokens(), &stanza, &[], false).unwrap();
    let (fresh, _) = again.enroll(&CTX, &mut Typist::new(&[PIN])).unwrap();
    assert_eq!((&fresh.params["mode"], &fresh.params["uri"]), (&stanza.params["mode"], &stanza.params["uri"]));
    assert_ne!(fresh.params["challenge"], stanza.params["challenge"]);
}

/// One keyslot that is typed, and three of a token: its public key alone, its secret key alone, its public key beside a password.
fn with_three_of_a_token(lab: &Lab) -> MemoryStore {
    let keys = [Mode::EcdhP256, Mode::HmacSha256].map(|mode| (lab.setup(mode, mode.name()), mode));
    let [ec, hmac] = keys.map(|(key, mode)| lab.enroll(&key.uri, mode));
    let mut prompt = ScriptedPrompt::new().types(WORDS).types(WORDS).types("s").types(PIN).types(PIN);
    let password = Rc::new(NewPassword::ask("v", "both", true, &mut prompt).unwrap());
    let password = PasswordEnroll { cost: Cost { memory_kib: 19_456, passes: 2, lanes: 1 }, password };
    let typed = FakeEnroll { name: "f".into() };
    let keyslot = |name: &str, factors| NewKeyslot { name: name.into(), threshold: 0, factors, custodians: false };
    let mut keyslots = [
        keyslot("typed", vec![&typed as &dyn Enroll]),
        keyslot("public", vec![&ec]),
        keyslot("secret", vec![&hmac]),
        keyslot("both", vec![&password, &ec]),
    ];
    for slot in &mut keyslots {
        slot.threshold = u8::try_from(slot.factors.len()).unwrap();
    }
    let key = AccountKey::new(random_secret().unwrap());
    let new = Vault::prepare("v", &key, &keyslots, &mut prompt).unwrap();
    MemoryStore::new(Contents::new(&new.header, &new.manifest, [], []))
}

fn unlocked(lab: &Lab, store: &MemoryStore, keyslot: &str, prompt: ScriptedPrompt) -> Vault {
    let (mut openers, mut prompt) = (lab.openers(), prompt);
    let wish = Wish { keyslot: Some(keyslot), ..Wish::default() };
    Vault::unlock(Box::new(store.clone()), wish, &mut openers, &mut prompt).unwrap()
}

#[test]
fn a_rotation_takes_tokens_along_as_their_modes_allow() {
    let Some(lab) = Lab::new() else { return };
    let store = with_three_of_a_token(&lab);
    let mut vault = unlocked(&lab, &store, "typed", ScriptedPrompt::new().types("s"));

    // The token in a drawer.
    let mut absent = |_: &Stanza| false;
    let token = "the token 'lab'".to_owned();
    let needs = |needs: Vec<Needed>| needs.into_iter().map(|needed| needed.need).collect::<Vec<_>>();
    let lost = Need::Lost(format!("{token} is needed, and is not here"));
    let new = Need::NewPassword(vec![token.clone()]);
    assert_eq!(needs(vault.rotation_needs(&[], &mut absent).unwrap()), [Need::Nothing, Need::Nothing, lost, new]);
    let refused = vault.prepare_rotation(&[], true, &mut absent, &mut lab.openers(), &mut ScriptedPrompt::new());
    assert!(matches!(refused, Err(VaultError::CannotKeep(kept)) if kept.len() == 1 && kept[0].0 == "secret"));
    let mut prompt = ScriptedPrompt::new().types("a new one").types("a new one");
    let drop = ["secret".to_owned()];
    let rotation = vault.prepare_rotation(&drop, true, &mut absent, &mut Openers::typed(), &mut prompt).unwrap();
    let before = store.contents();
    vault.rotate(rotation, &mut |_| ControlFlow::Continue(())).unwrap();
    unlocked(&lab, &store, "public", ScriptedPrompt::new().types(PIN));
    unlocked(&lab, &store, "both", ScriptedPrompt::new().types(PIN).types("a new one"));

    // The token here: it proves the password, and a wrong one may be typed again.
    store.replace(before);
    let mut vault = unlocked(&lab, &store, "typed", ScriptedPrompt::new().types("s"));
    let mut here = |_: &Stanza| true;
    let (one, both) = (Need::Asked(vec![token.clone()]), Need::Asked(vec![token, "the password".into()]));
    assert_eq!(needs(vault.rotation_needs(&[], &mut here).unwrap()), [Need::Nothing, Need::Nothing, one, both]);
    let mut prompt = ScriptedPrompt::new().types(PIN).types("mistyped").types(WORDS);
    let rotation = vault.prepare_rotation(&[], true, &mut here, &mut lab.openers(), &mut prompt).unwrap();
    let fresh = |name: &str, at: usize, field: &str| {
        let of = |header: &Header| header.keyslot(name).unwrap().factors[at].params[field].clone();
        assert_ne!(of(vault.header()), of(rotation.header()), "{name}: what the token once answered opens nothing new");
    };
    fresh("public", 0, "ephemeral");
    fresh("secret", 0, "challenge");
    fresh("both", 1, "ephemeral");
    vault.rotate(rotation, &mut |_| ControlFlow::Continue(())).unwrap();
    for name in ["public", "secret"] {
        unlocked(&lab, &store, name, ScriptedPrompt::new().types(PIN));
    }
    let mut vault = unlocked(&lab, &store, "both", ScriptedPrompt::new().types(PIN).types(WORDS));
    // By what has just opened it, the keyslot is wrapped again without a question.
    let drop = ["typed", "secret"].map(str::to_owned);
    assert_eq!(needs(vault.rotation_needs(&drop, &mut absent).unwrap()), [Need::Nothing, Need::Nothing]);
    let rotation =
        vault.prepare_rotation(&drop, true, &mut absent, &mut Openers::typed(), &mut ScriptedPrompt::new()).unwrap();
    vault.rotate(rotation, &mut |_| ControlFlow::Continue(())).unwrap();
    unlocked(&lab, &store, "both", ScriptedPrompt::new().types(PIN).types(WORDS));
}

#[test]
fn what_the_mechanism_list_promises_is_tried() {
    let Some(lab) = Lab::new() else { return };
    let key = lab.setup(Mode::RsaOaepSha256, "rsa");
    let lie = token_error(lab.enroll(&key.uri, Mode::RsaOaepSha256).enroll(&CTX, &mut Typist::new(&[PIN])));
    assert!(matches!(lie, TokenError::Mechanism { mode: Some(Mode::RsaOaepSha256), .. }), "{lie:?}");
    let mut unasked = lab.enroll(&key.uri, Mode::RsaOaepSha1);
    unasked.allow_sha1 = false;
    assert_eq!(token_error(unasked.enroll(&CTX, &mut Typist::new(&[PIN]))), TokenError::Sha1NotAllowed);
}

#[test]
fn wrong_pins_are_few_and_told() {
    let Some(lab) = Lab::new() else { return };
    let key = lab.setup(Mode::HmacSha256, "k");
    let (stanza, _) = lab.enroll(&key.uri, Mode::HmacSha256).enroll(&CTX, &mut Typist::new(&[PIN])).unwrap();

    let mut late = Typist::new(&["", "000000", PIN]);
    assert!(lab.open().open(&CTX, &stanza, &mut late).unwrap().is_some());
    let shown = late.shown.borrow().join("\n");
    assert!(shown.contains("it is empty; it was not sent") && shown.contains("WrongPin"), "{shown}");

    let mut never = Typist::new(&["000000", "000001", "000002", "000003"]);
    let error = token_error(lab.open().open(&CTX, &stanza, &mut never));
    assert!(matches!(error, TokenError::PinWrong { .. }), "{error:?}");
    assert_eq!(never.asked, 3);
}

#[test]
fn a_pin_file_is_tried_once() {
    let Some(lab) = Lab::new() else { return };
    let key = lab.setup(Mode::HmacSha256, "k");
    let file = lab.dir.path().join("pin");
    let mine = Uri::parse(&format!("pkcs11:token=lab?pin-source={}", file.display())).unwrap();
    std::fs::write(&file, "123456\n").unwrap();
    let mut enroll = lab.enroll(&key.uri, Mode::HmacSha256);
    enroll.uri.pin_source.clone_from(&mine.pin_source);
    let (stanza, secret) = enroll.enroll(&CTX, &mut NoPrompt).unwrap();
    let text = serde_json::to_string(&stanza.params).unwrap();
    assert!(!text.contains("pin-source"), "{text}");

    let mut open = Pkcs11Open { uris: vec![mine.clone()], ..lab.open() };
    assert_eq!(open.open(&CTX, &stanza, &mut NoPrompt).unwrap().unwrap().expose(), secret.expose());
    std::fs::write(&file, "654321\n").unwrap();
    let mut open = Pkcs11Open { uris: vec![mine], ..lab.open() };
    assert!(matches!(token_error(open.open(&CTX, &stanza, &mut NoPrompt)), TokenError::PinWrong { .. }));
}

#[test]
fn a_pin_file_is_for_a_token_that_is_alone_or_named() {
    let Some(lab) = Lab::new() else { return };
    let key = lab.setup(Mode::HmacSha256, "k");
    let (stanza, _) = lab.enroll(&key.uri, Mode::HmacSha256).enroll(&CTX, &mut Typist::new(&[PIN])).unwrap();
    let pair = lab.setup(Mode::EcdhP256, "pair");
    let (public, _) = lab.enroll(&pair.uri, Mode::EcdhP256).enroll(&CTX, &mut Typist::new(&[PIN])).unwrap();
    let path = lab.dir.path().join("pin");
    std::fs::write(&path, PIN).unwrap();
    let open = |stanza: &Stanza, mine: &[&str]| {
        let mut files = FilePrompt::new(NoPrompt, Sources { pin: Some(path.clone()), ..Sources::default() }).unwrap();
        let uris = mine.iter().map(|uri| Uri::parse(uri).unwrap()).collect();
        Pkcs11Open { uris, ..lab.open() }.open(&CTX, stanza, &mut files)
    };
    assert!(open(&stanza, &[]).unwrap().is_some());
    // A second token: which one the PIN is for, the vault file alone does not decide.
    lab.init("other");
    let error = token_error(open(&stanza, &[]));
    assert!(matches!(&error, TokenError::NotNamed { label, .. } if label == "lab"), "{error:?}");
    for other in ["pkcs11:token=other", "pkcs11:"] {
        assert!(matches!(token_error(open(&stanza, &[other])), TokenError::NotNamed { .. }));
    }
    assert!(open(&stanza, &["pkcs11:token=lab"]).unwrap().is_some());
    // A person is asked all the same, and reads which token it is.
    assert!(lab.open().open(&CTX, &stanza, &mut Typist::new(&[PIN])).unwrap().is_some());
    // A public key that fits vouches for nothing: whoever wrote the header wrote that as well.
    assert!(matches!(token_error(open(&public, &[])), TokenError::NotNamed { .. }));
}

#[test]
fn an_absent_token_is_not_an_error_and_an_absent_key_is() {
    let Some(lab) = Lab::new() else { return };
    let key = lab.setup(Mode::HmacSha256, "k");
    let (stanza, _) = lab.enroll(&key.uri, Mode::HmacSha256).enroll(&CTX, &mut Typist::new(&[PIN])).unwrap();

    let no_modules = Tokens::shared(lab.command(), Vec::new());
    let mut open = Pkcs11Open { tokens: no_modules, ..lab.open() };
    assert_eq!(token_error(open.open(&CTX, &stanza, &mut NoPrompt)), TokenError::NoModule);

    let gone = with_uri(&stanza, "pkcs11:token=another;object=k");
    assert!(lab.open().open(&CTX, &gone, &mut NoPrompt).unwrap().is_none(), "no PIN is asked for");
    let gone = with_uri(&stanza, "pkcs11:token=lab;object=none");
    let error = token_error(lab.open().open(&CTX, &gone, &mut Typist::new(&[PIN])));
    assert!(matches!(error, TokenError::KeyGone { .. }), "{error:?}");
}

fn with_uri(stanza: &Stanza, uri: &str) -> Stanza {
    let mut stanza = stanza.clone();
    stanza.params.insert("uri".to_owned(), uri.into());
    stanza
}

#[test]
fn twins_are_ambiguous() {
    let Some(lab) = Lab::new() else { return };
    let key = lab.setup(Mode::HmacSha256, "twin");
    let (stanza, _) = lab.enroll(&key.uri, Mode::HmacSha256).enroll(&CTX, &mut Typist::new(&[PIN])).unwrap();
    let again = TokenSetup {
        tokens: lab.tokens(),
        uri: Uri::parse("pkcs11:token=lab;object=twin").unwrap(),
        mode: Some(Mode::HmacSha256),
        force_last_try: false,
    };
    assert!(matches!(token_error(again.run(&mut Typist::new(&[PIN]))), TokenError::KeyExists { .. }));
    lab.setup(Mode::HmacSha256, "other");
    let both = token_error(
        lab.enroll(&Uri::parse("pkcs11:token=lab").unwrap(), Mode::HmacSha256).enroll(&CTX, &mut Typist::new(&[PIN])),
    );
    assert!(matches!(both, TokenError::KeyAmbiguous { n: 2, .. }), "{both:?}");
    assert!(lab.open().open(&CTX, &stanza, &mut Typist::new(&[PIN])).unwrap().is_some());

    lab.init("lab");
    let two =
        token_error(lab.enroll(&Uri::parse("pkcs11:token=lab").unwrap(), Mode::HmacSha256).enroll(&CTX, &mut NoPrompt));
    assert!(matches!(two, TokenError::TokenAmbiguous { n: 2, .. }), "{two:?}");
}

#[test]
fn a_replaced_key_is_told_before_a_pin_is_asked_for() {
    let Some(lab) = Lab::new() else { return };
    let old = lab.setup(Mode::EcdhP256, "old");
    let new = lab.setup(Mode::EcdhP256, "new");
    let (stanza, _) = lab.enroll(&old.uri, Mode::EcdhP256).enroll(&CTX, &mut Typist::new(&[PIN])).unwrap();
    let swapped = with_uri(&stanza, &new.uri.canonical());
    let error = token_error(lab.open().open(&CTX, &swapped, &mut NoPrompt));
    assert!(matches!(error, TokenError::Rekeyed { .. }), "{error:?}");
}

#[test]
fn what_is_no_module_is_one_clear_error() {
    let Some(lab) = Lab::new() else { return };
    let text = lab.dir.path().join("text.so");
    std::fs::write(&text, "not a library").unwrap();
    let libc = std::fs::read_to_string("/proc/self/maps").unwrap();
    let libc = libc.lines().filter_map(|line| line.split_whitespace().last()).find(|path| path.contains("libc.so"));
    let say = |path: &Path| {
        let tokens = Tokens::shared(lab.command(), vec![Module::new(path)]);
        let enroll = Pkcs11Enroll { tokens, ..lab.enroll(&Uri::default(), Mode::HmacSha256) };
        token_error(enroll.enroll(&CTX, &mut NoPrompt)).to_string()
    };
    assert!(say(lab.dir.path()).ends_with("it is a folder, not a library"), "{}", say(lab.dir.path()));
    assert!(say(&text).contains("cannot use the PKCS#11 module"), "{}", say(&text));
    assert!(say(Path::new(libc.unwrap())).ends_with("it is no PKCS#11 module"), "{}", say(Path::new(libc.unwrap())));
    let mut command = lab.command();
    command.exe = lab.dir.path().join("none");
    let tokens = Tokens::shared(command, vec![Module::new(&lab.module)]);
    let reports = tokens.borrow_mut().list();
    assert!(matches!(reports[0].outcome, Err(TokenError::HelperUnusable { .. })));
}

#[test]
fn tokens_and_keys_are_listed() {
    let Some(lab) = Lab::new() else { return };
    let key = lab.setup(Mode::EcdhP256, "k");
    let tokens = lab.tokens();
    let reports = tokens.borrow_mut().list();
    let (module, found, broken) = reports[0].outcome.as_ref().unwrap();
    assert_eq!(module.manufacturer, "SoftHSM");
    assert!(broken.is_empty());
    assert!(found.iter().any(|token| token.label == "lab" && token.initialized && token.pin_set));
    assert!(found.iter().any(|token| !token.initialized), "SoftHSM always has a spare slot");

    let mine = Uri::parse("pkcs11:token=lab").unwrap();
    assert!(keys(&mut tokens.borrow_mut(), &mine).unwrap()[0].1.is_empty(), "private keys are hidden until the login");
    log_in_to(&tokens, &mine, false, &mut Typist::new(&[PIN])).unwrap();
    let listed = keys(&mut tokens.borrow_mut(), &mine).unwrap();
    assert_eq!(listed[0].1[0].mode(), Ok(Mode::EcdhP256));
    assert_eq!(listed[0].1[0].weakness(), None);

    let report = test(&lab.enroll(&key.uri, Mode::EcdhP256), &mut Typist::new(&[PIN])).unwrap();
    assert_eq!(report.uri, key.uri.canonical());
}

#[test]
fn many_at_once_all_open() {
    let Some(lab) = Lab::new() else { return };
    let key = lab.setup(Mode::HmacSha256, "k");
    let (stanza, secret) = lab.enroll(&key.uri, Mode::HmacSha256).enroll(&CTX, &mut Typist::new(&[PIN])).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let opened = lab.open().open(&CTX, &stanza, &mut Typist::new(&[PIN])).unwrap().unwrap();
                assert_eq!(opened.expose(), secret.expose());
            });
        }
    });
}
