//! What a person reads when something goes wrong, word for word: the real program, on a token that fails as it should. `messages.txt` is
//! the whole of it, to be read from start to end; with `HSM_TEST_BLESS=1` it is written anew.

use crate::lab::KEY;
use hsm_test::{Faulty, Key, KeyType, Target, Token, not_a_module, softhsm};
use std::fmt::Write as _;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

const EXPECTED: &str = include_str!("messages.txt");

/// A person's folder with a vault that a token opens, and what was said until now.
struct Person {
    dir: TempDir,
    token: Token,
    faulty: Faulty,
    said: String,
}

impl Person {
    fn new(token: Token, kind: KeyType) -> Self {
        token.make_key(&Key::new(kind, KEY));
        let faulty = token.faulty("");
        let this = Self { dir: tempfile::tempdir().expect("a temporary folder"), token, faulty, said: String::new() };
        this.write("pin", this.token.pin());
        this.configure(&this.faulty.module_path(), "");
        let init = this.run(&["init", "--no-recovery", "--factor", &this.key()], &[]);
        assert!(init.starts_with("exit 0\n"), "{init}");
        this
    }

    /// The URI of the test's key.
    fn key(&self) -> String {
        self.token.uri(Some(&KEY.replace(' ', "%20")))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("in a folder")).expect("a temporary folder");
        std::fs::write(&path, text).expect("a temporary folder");
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a temporary folder");
    }

    /// Writes a config file with one module.
    fn configure(&self, module: &Path, more: &str) {
        self.write("twinlock/config.toml", &format!("[[module]]\npath = \"{}\"\n{more}", module.display()));
    }

    /// Runs the program with nobody at the terminal; exit code, then what it said, without what differs from run to run.
    fn run(&self, args: &[&str], more: &[&str]) -> String {
        let file = |name: &str| self.path(name).display().to_string();
        let output = Command::new(hsm_test::twinlock())
            .args(["--no-input", "--vault", &file("v"), "--pin-file", &file("pin")])
            .args(args)
            .args(more)
            .env_clear()
            .envs(self.faulty.env())
            .env("HOME", self.dir.path())
            .env("XDG_CONFIG_HOME", self.dir.path())
            .stdin(Stdio::null())
            .output()
            .expect("the program can be run");
        let code = output.status.code().map_or("none".to_owned(), |code| code.to_string());
        let text = [output.stdout, output.stderr].concat();
        let text = format!("exit {code}\n{}", String::from_utf8_lossy(&text));
        let fault = self.faulty.module_path();
        let secrets = [self.token.pin(), "87654321"];
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "a PIN is in:\n{text}");
        [(fault.as_path(), "/MODULE.so"), (self.dir.path(), "/HOME"), (&not_a_module::library(), "/LIBM.so")]
            .into_iter()
            .fold(text, |text, (path, short)| text.replace(&path.display().to_string(), short))
            .replace(self.token.serial(), "SERIAL")
    }

    /// Lists the vault's items while the module does what the plan says.
    fn list(&mut self, title: &str, plan: &str) {
        self.says(title, plan, &["list"]);
    }

    /// Runs a command while the module does what the plan says.
    fn says(&mut self, title: &str, plan: &str, args: &[&str]) {
        self.faulty.plan(plan);
        let said = self.run(args, &[]);
        self.note(title, &said);
    }

    fn note(&mut self, title: &str, said: &str) {
        writeln!(self.said, "## {title}\n{said}").expect("a String can always be written");
    }
}

fn pins(person: &mut Person) {
    person.list("all is well", "");
    person.list("the last try", "token-flags +USER_PIN_FINAL_TRY");
    person.list("locked", "token-flags +USER_PIN_LOCKED");
    person.list("locked, found out when the PIN is sent", "C_Login * return CKR_PIN_LOCKED");
    person.list("the PIN must be changed", "token-flags +USER_PIN_TO_BE_CHANGED");
    person.list("no PIN was ever set", "token-flags -USER_PIN_INITIALIZED");
    person.write("pin", "99999999");
    person.list("a wrong PIN", "");
    person.write("pin", "123");
    person.list("a PIN too short", "");
    person.write("pin", "\n");
    person.list("an empty PIN file", "");
    std::fs::remove_file(person.path("pin")).expect("it is there");
    person.list("no PIN file", "");
    person.write("pin", "12345678");
}

fn modules(person: &mut Person) {
    person.list("the token takes its time", "C_Sign * sleep 1200");
    person.list("the token is pulled out", "C_Sign * return CKR_DEVICE_REMOVED");
    person.list("the token cannot do it", "hide CKM_SHA256_HMAC");
    person.list("the token forgets the login", "C_Sign * return CKR_USER_NOT_LOGGED_IN");
    person.list("the token refuses by a code of its vendor", "C_Sign * return 0x80000001");
    person.list("the module cannot start", "C_Initialize * return CKR_GENERAL_ERROR");
    let module = person.faulty.module_path();
    person.configure(&module, "deadline = 1\n");
    person.list("the module hangs", "C_Login * hang");
    person.configure(&module, "");
    person.list("the module crashes", "C_Sign * crash");
    person.list("the module ends the process", "C_Sign * exit 0");
    let dir = person.path("wrong");
    std::fs::create_dir(&dir).expect("a temporary folder");
    let wrong: [(&str, PathBuf); 6] = [
        ("a folder for a module", not_a_module::directory(&dir)),
        ("a text file for a module", not_a_module::text_file(&dir)),
        ("an empty file for a module", not_a_module::empty_file(&dir)),
        ("a library that is no module", not_a_module::library()),
        ("a module that is not there", dir.join("none.so")),
        ("a path that is not absolute", "module.so".into()),
    ];
    for (title, path) in wrong {
        person.configure(&path, "");
        person.list(title, "");
    }
    person.write("twinlock/config.toml", "");
    person.list("no module in the config file", "");
    person.configure(&module, "");
}

fn keys(person: &mut Person) {
    let key = person.key();
    let enroll = ["keyslot", "enroll", "--name", "new", "--factor"];
    let says = |person: &mut Person, title: &str, plan: &str, uri: &str, more: &[&str]| {
        person.says(title, plan, &[&enroll[..], &[uri], more].concat());
    };
    says(person, "a token that is not here", "", "pkcs11:token=other;object=k", &[]);
    says(person, "a URI with a PIN in it", "", &format!("{key}?pin-value=12345678"), &[]);
    says(person, "no URI", "", "token=lab", &[]);
    says(person, "the token gives something else back", "C_Sign 2 flip", &key, &[]);
    let serial = person.token.serial().to_owned();
    let by_label = |label: &str| format!("pkcs11:serial={serial};object={label}");
    person.token.make_key(&Key::new(KeyType::Rsa2048, "rsa").id(&[2]));
    says(person, "a module that knows SHA-1 only", "", &by_label("rsa"), &[]);
    person.token.make_key(&Key::new(KeyType::Aes256, "aes").id(&[3]));
    says(person, "a module that leaves a zero IV", "gcm-iv zero", &by_label("aes"), &[]);
    person.token.make_key(&Key::new(KeyType::Aes128, "short").id(&[4]));
    says(person, "a key too short", "", &by_label("short"), &[]);
    let setup = format!("pkcs11:serial={serial};object=aes");
    person.says("setup of a key that is there", "", &["token", "setup", &setup]);
    person.says("setup on a token that cannot be written", "token-flags +WRITE_PROTECTED", &["token", "setup", &setup]);
    person.token.make_key(&Key::new(KeyType::Hmac, KEY));
    person.list("twin keys", "");
    says(person, "twin keys when enrolling", "", &key, &[]);
    person.token.delete_key(KEY);
    person.list("the key is gone", "");
    person.token.make_key(&Key::new(KeyType::Hmac, KEY));
    person.list("the key was replaced", "");
}

fn replaced_pair(person: &mut Person) {
    person.token.make_key(&Key::new(KeyType::Aes256, "loose").id(&[5]).extractable());
    let uri = format!("pkcs11:serial={};object=loose", person.token.serial());
    person.says("a key that can leave its token", "", &["token", "test", &uri]);
    person.token.delete_key(KEY);
    person.token.make_key(&Key::new(KeyType::EcP256, KEY));
    person.list("a key pair was replaced", "");
}

#[test]
fn every_message_is_as_it_was_read() {
    let (Some(one), Some(other)) = (softhsm::start(), softhsm::start()) else { return };
    let mut person = Person::new(one, KeyType::Hmac);
    pins(&mut person);
    modules(&mut person);
    keys(&mut person);
    let mut second = Person::new(other, KeyType::EcP256);
    replaced_pair(&mut second);
    let said = person.said + &second.said;
    if std::env::var_os("HSM_TEST_BLESS").is_some() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/messages.txt");
        std::fs::write(file, &said).expect("the sources can be written");
        return;
    }
    for (got, want) in said.split("## ").zip(EXPECTED.split("## ")) {
        assert_eq!(got, want);
    }
    assert_eq!(said.len(), EXPECTED.len(), "a message is missing");
}
