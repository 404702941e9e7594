//! A person's machine: a home of its own, and a reader or a module for tokens where the story has one.

use hsm_test::piv::{CardOptions, PcscPlace, VirtualYubikey};
use hsm_test::{Target as _, Token};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The least that checking a password may cost: what a story is told on is not what is tested.
pub const CHEAP: &str = "--kdf-memory 19 --kdf-passes 2";
/// The serial number of Ada's YubiKey.
pub const ADA: u32 = 12_345_678;
/// The serial number of another one.
pub const SPARE: u32 = 87_654_321;
/// The PIN of Ada's YubiKey, in the file `pin`.
pub const PIN: &str = "428571";
/// Her password, in the file `pw`: strong enough not to be asked about.
pub const PASSWORD: &str = "correct horse battery staple";

/// A machine and whose it is.
pub struct Machine {
    home: TempDir,
    owner: &'static str,
    env: Vec<(String, String)>,
    place: Option<PcscPlace>,
    token: Option<Token>,
}

impl Machine {
    /// Without a token of any kind.
    pub fn new(owner: &'static str) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        // No card of whoever runs the tests is touched.
        let env = vec![("PCSCLITE_CSOCK_NAME".to_owned(), home.path().join("no-pcscd").display().to_string())];
        Self { home, owner, env, place: None, token: None }
    }

    /// With a smart-card service and two empty readers; nothing, said loudly, where this machine lacks something.
    pub fn with_readers(owner: &'static str) -> Option<Self> {
        let place = PcscPlace::start()?;
        Some(Self { env: place.env(), place: Some(place), ..Self::new(owner) })
    }

    /// With SoftHSM in the config file, and a token 'office' in it, whose PIN is in the file `pin`; nothing, said loudly, without it.
    pub fn with_hsm(owner: &'static str) -> Option<Self> {
        let first = hsm_test::softhsm::start()?;
        let token = first.another("office");
        first.remove();
        let mut machine = Self::new(owner);
        machine.env.extend(token.env());
        machine.write(
            ".config/twinlock/config.toml",
            &format!("[[module]]\npath = \"{}\"\n", token.module_path().display()),
        );
        machine.write("pin", token.pin());
        machine.token = Some(token);
        Some(machine)
    }

    /// The token of [`Self::with_hsm`].
    pub fn token(&self) -> &Token {
        self.token.as_ref().expect("the machine has an HSM")
    }

    /// The next reader's YubiKey.
    pub fn card(&self, options: CardOptions) -> VirtualYubikey {
        self.place.as_ref().expect("the machine has readers").card(options)
    }

    /// The same, with a key under this name; its PIN is [`PIN`], in the file `pin`. It is touched whenever it blinks.
    pub fn card_of(&self, name: &str, options: CardOptions) -> VirtualYubikey {
        let card = self.card(options.firmware("5.7").serial(ADA));
        for (file, secret) in
            [("pin", PIN), ("factory-pin", "123456"), ("puk", "57142857"), ("factory-puk", "12345678")]
        {
            self.write(file, secret);
        }
        let codes = "--pin-file factory-pin --new-pin-file pin --puk-file factory-puk --new-puk-file puk";
        self.ok(&format!("token setup piv --name {name} {codes}"));
        card
    }

    /// A vault with an item, which opens by password and this token, and by the code in the file `code` alone.
    pub fn vault_of(&self, token: &str) {
        self.write("pw", PASSWORD);
        self.write("value", "Tr0ub4dor & 3");
        let ways = format!("--factor password --factor {token} --recovery --recovery-out code {CHEAP}");
        self.ok(&format!("init {ways} --new-password-file pw --pin-file pin"));
        self.ok("add github --username ada --value-file value --password-file pw --pin-file pin");
    }

    /// A path below the home, in which the program runs.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Where the program keeps the vault by itself.
    pub fn vault(&self) -> PathBuf {
        self.path(".local/share/twinlock/vault.twinlock")
    }

    /// A file that is nobody else's, with its folders.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("it is below the home")).expect("a temporary folder");
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
        std::io::Write::write_all(&mut file.expect("a temporary folder"), content.as_bytes())
            .expect("a temporary folder");
    }

    /// A file that is there.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|why| panic!("'{name}': {why}"))
    }

    /// Takes a file to a machine, under the same name.
    pub fn carry(&self, name: &str, to: &Self) {
        std::fs::copy(self.path(name), to.path(name)).unwrap_or_else(|why| panic!("'{name}': {why}"));
    }

    /// Takes the vault file to a path on a machine.
    pub fn carry_vault(&self, to: &Self, path: &str) {
        let path = to.path(path);
        std::fs::create_dir_all(path.parent().expect("it is below the home")).expect("a temporary folder");
        std::fs::copy(self.vault(), path).expect("there is a vault");
    }

    /// The program in this home, on a terminal of 80 columns. Words are split at spaces, single quotes keep them.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(hsm_test::twinlock());
        command.args(split(line)).env_clear().envs(self.env.iter().map(|(name, value)| (name, value)));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("TERM", "xterm").env("COLUMNS", "80");
        command.env("HOME", self.home.path()).current_dir(self.home.path()).stdin(Stdio::null());
        command
    }

    /// Runs it before the story begins, with nobody to ask; it must go well.
    pub fn ok(&self, line: &str) -> String {
        let ran = self.command(line).arg("--no-input").output().expect("the program can be run");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(ran.status.success(), "twinlock {line}\n{}{}", text(&ran.stdout), text(&ran.stderr));
        text(&ran.stdout)
    }

    /// What is shown, with the home as it would be called.
    pub fn plain(&self, text: &str) -> String {
        text.replace(&self.home.path().display().to_string(), &format!("/home/{}", self.owner))
    }
}

fn split(line: &str) -> Vec<String> {
    let pieces = line.split('\'').enumerate();
    let mut words = vec![String::new()];
    for (number, piece) in pieces {
        if number % 2 == 1 {
            words.last_mut().expect("it begins with one").push_str(piece);
            continue;
        }
        for (number, part) in piece.split(' ').enumerate() {
            if number > 0 {
                words.push(String::new());
            }
            words.last_mut().expect("it begins with one").push_str(part);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn quotes_keep_spaces() {
    assert_eq!(split("a --b 'c d'  e"), ["a", "--b", "c d", "e"]);
}
