//! A person with a pcscd of their own: a vault, a PIN in a file, YubiKeys with keys in them.

use crate::card_lab::{MANAGEMENT, manage, piv, prove};
use hsm_test::piv::{CardOptions, Leave, OtherProgram, PcscPlace, VirtualYubikey};
use std::fmt::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// The serial number of the first card.
pub const ADA: u32 = 12_345_678;
/// The serial number of the second one.
pub const SPARE: u32 = 87_654_321;

/// Algorithms of keys, as the card calls them.
pub const P256: &str = "11";
pub const P384: &str = "14";
pub const X25519: &str = "e1";
pub const RSA: &str = "07";

/// Policies of a key: PIN (1 never, 2 once, 3 always), touch (1 never, 2 always, 3 cached).
pub fn policies(pin: u8, touch: u8) -> String {
    format!("aa01{pin:02x}ab01{touch:02x}")
}

/// PIN once, no touch.
pub fn once() -> String {
    policies(2, 1)
}

/// A person's folder.
pub struct Person {
    pub place: PcscPlace,
    dir: TempDir,
    /// What was said until now, for a snapshot.
    pub said: String,
}

/// What a run left.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Person {
    /// With the right PIN in the file `pin`; nothing where the machine lacks something.
    pub fn new() -> Option<Self> {
        PcscPlace::start().map(Self::at)
    }

    /// The same in a place of one's own.
    pub fn at(place: PcscPlace) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let person = Self { place, dir, said: String::new() };
        person.write("pin", "123456");
        person
    }

    /// The same with a YubiKey that has a key on P-256 in PIV slot 82.
    pub fn with_card(options: CardOptions, policies: &str) -> Option<(Self, VirtualYubikey)> {
        let person = Self::new()?;
        let card = person.place.card(options.serial(ADA));
        make_key(&card, "82", P256, policies);
        Some((person, card))
    }

    /// The same with a vault that this key opens, in a keyslot "piv", and a recovery code in a keyslot "recovery".
    pub fn with_vault(options: CardOptions, policies: &str) -> Option<(Self, VirtualYubikey)> {
        let (person, card) = Self::with_card(options, policies)?;
        person.ok("init --factor piv:serial=12345678;name=ada --recovery --recovery-out code");
        card.clear_log();
        Some((person, card))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A file that is nobody else's.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(self.path(name));
        std::io::Write::write_all(&mut file.expect("a temporary folder"), content.as_ref())
            .expect("a temporary folder");
    }

    /// The program with the person's environment. Arguments are split at spaces.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(hsm_test::twinlock());
        command.args(line.split_whitespace());
        command.env_clear().envs(self.place.env()).current_dir(self.dir.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("TERM", "xterm").env("COLUMNS", "80");
        command.env("TWINLOCK_VAULT", "v").stdin(Stdio::null());
        for name in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"] {
            command.env(name, self.dir.path());
        }
        command
    }

    /// Runs it with nobody at the terminal.
    pub fn run(&self, line: &str) -> Ran {
        let mut command = self.command(line);
        command.arg("--no-input");
        Ran::of(command.output().expect("the program can be run"))
    }

    /// The same with the PIN from the file `pin`.
    pub fn with_pin(&self, line: &str) -> Ran {
        self.run(&format!("{line} --pin-file pin"))
    }

    /// The same, which must go well; what it said.
    pub fn ok(&self, line: &str) -> String {
        let ran = self.with_pin(line);
        assert_eq!(ran.code, Some(0), "{line}\n{}{}", ran.stdout, ran.stderr);
        ran.stdout + &ran.stderr
    }

    /// Opens the vault by the YubiKey.
    pub fn opens(&self) -> Ran {
        self.with_pin("list --keyslot piv")
    }

    /// Notes a run for the snapshot.
    pub fn tell(&mut self, title: &str, line: &str) {
        let ran = self.run(line);
        let code = ran.code.map_or("none".to_owned(), |code| code.to_string());
        let text = format!("{}{}", ran.stdout, ran.stderr).replace(&self.dir.path().display().to_string(), "/HOME");
        // Which other processes run is not known.
        let text = match text.split_once(" (perhaps ") {
            Some((before, after)) => before.to_owned() + after.split_once(')').map_or("", |(_, rest)| rest),
            None => text,
        };
        let without = text.replace(&SPARE.to_string(), "").replace(&ADA.to_string(), "");
        for secret in ["123456", "654321", "cccccccbcjdi"] {
            assert!(!without.contains(secret), "a PIN is in:\n{text}");
        }
        let _ = writeln!(self.said, "## {title}\n$ twinlock {line}\n{text}=> {code}\n");
    }
}

impl Ran {
    fn of(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

/// Makes a key on a card; its public half as the card says it (with its tags).
pub fn make_key(card: &VirtualYubikey, slot: &str, algorithm: &str, policies: &str) -> Vec<u8> {
    let mut program = piv(card);
    authenticate(&mut program);
    let tags = format!("8001{algorithm}{policies}");
    let length = tags.len() / 2;
    let answer = chained(&mut program, &format!("004700{slot}{:02x}ac{length:02x}{tags}", length + 2));
    program.leave(Leave::Reset);
    hex::decode(answer.strip_suffix("9000").unwrap_or_else(|| panic!("{algorithm} in {slot}: {answer}"))).unwrap()
}

/// Proves the factory's management key, 3DES or AES as the firmware has it.
fn authenticate(program: &mut OtherProgram) {
    let version = program.ask("00fd0000");
    if version.as_str() >= "0507" {
        assert_eq!(prove::<aes::Aes192>(program, "0a", MANAGEMENT), "9000");
    } else {
        manage(program);
    }
}

fn chained(program: &mut OtherProgram, command: &str) -> String {
    let mut answer = program.ask(command);
    while let Some(more) = answer.len().checked_sub(4).filter(|at| answer[*at..].starts_with("61")) {
        answer.truncate(more);
        answer += &program.ask("00c0000000");
    }
    answer
}

/// Writes a certificate (no more of one than has a key in it) for a P-256 key that [`make_key`] made.
pub fn certify(card: &VirtualYubikey, object: &str, generated: &[u8]) {
    let mut program = piv(card);
    authenticate(&mut program);
    let certificate = certificate(&spki(generated));
    let inner =
        [&[0x70, 0x81, u8::try_from(certificate.len()).unwrap()][..], &certificate, &[0x71, 1, 0, 0xfe, 0]].concat();
    let data = [&hex::decode(format!("5c03{object}5381")).unwrap()[..], &[u8::try_from(inner.len()).unwrap()], &inner]
        .concat();
    assert_eq!(program.ask(&format!("00db3fff{:02x}{}", data.len(), hex::encode(data))), "9000");
    program.leave(Leave::Reset);
}

/// Writes a data object of less than 100 bytes, in hexadecimal.
pub fn put(card: &VirtualYubikey, object: &str, content: &str) {
    let mut program = piv(card);
    authenticate(&mut program);
    let length = content.len() / 2;
    assert_eq!(program.ask(&format!("00db3fff{:02x}5c03{object}53{length:02x}{content}", length + 7)), "9000");
    program.leave(Leave::Reset);
}

/// The SubjectPublicKeyInfo of a P-256 key that [`make_key`] made.
pub fn spki(generated: &[u8]) -> Vec<u8> {
    let point = &generated[generated.len() - 65..];
    let head = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
    [&head[..], point].concat()
}

/// Something around a public key that has the shape of a certificate.
pub fn certificate(spki: &[u8]) -> Vec<u8> {
    let head = hex::decode("a0030201020201013000300030003000").unwrap();
    let body = [&head[..], spki].concat();
    let body = [&[0x30, u8::try_from(body.len()).unwrap()][..], &body].concat();
    [&[0x30, u8::try_from(body.len()).unwrap()][..], &body].concat()
}

/// How often a card got this INS.
pub fn times(card: &VirtualYubikey, ins: u8) -> usize {
    card.log().into_iter().filter(|&seen| seen == ins).count()
}
