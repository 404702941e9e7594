//! A person with a PIV card, a module for it, and a folder with config file, PIN file and vault.

use crate::card_lab::{MANAGEMENT, SELECT, TRIES};
use hsm_test::piv::{CardOptions, OtherProgram, PcscPlace, PivModule, Share, VirtualYubikey};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

/// The modules that serve a YubiKey.
pub const MODULES: [PivModule; 2] = [PivModule::OpenSc, PivModule::Yubico];

/// The factory's PIN, which the file `pin` holds.
pub const PIN: &str = "123456";
/// The serial number of the person's card.
pub const ADA: u32 = 12_345_678;
/// The serial number of the other one.
pub const SPARE: u32 = 87_654_321;

/// PIV slot 9d, key management: on ada's card P-256, on the spare one P-384.
pub const KEY_MANAGEMENT: &str = "pkcs11:id=%03";
/// PIV slot 9a, authentication: P-384.
pub const AUTHENTICATION: &str = "pkcs11:id=%01";
/// PIV slot 9c, signature: P-256, PIN policy always.
pub const SIGNATURE: &str = "pkcs11:id=%02";
/// PIV slot 82: RSA-2048.
pub const RSA: &str = "pkcs11:id=%05";
/// PIV slot 83: P-384.
pub const RETIRED: &str = "pkcs11:id=%06";
/// PIV slot 84: P-256, PIN policy always.
pub const PIN_ALWAYS: &str = "pkcs11:id=%07";
/// PIV slot 85: P-256, touch policy always.
pub const TOUCH: &str = "pkcs11:id=%08";

/// The object by which OpenSC numbers a card.
pub const CHUID: &str = "0x5fc102";

/// A card as its owner has set it up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// With a key for every case.
    Ada,
    /// With one key, in 9d.
    Spare,
}

impl Owner {
    /// What the card remembers, made once for all tests with ykman and yubico-piv-tool: nothing where they are not installed.
    fn memory(self) -> Option<&'static [u8]> {
        static ADAS: OnceLock<Option<Vec<u8>>> = OnceLock::new();
        static SPARES: OnceLock<Option<Vec<u8>>> = OnceLock::new();
        let made = match self {
            Self::Ada => ADAS.get_or_init(|| set_up(ADA, set_up_ada)),
            Self::Spare => SPARES.get_or_init(|| set_up(SPARE, |place, card| key(place, card, "9d", "ECCP384"))),
        };
        made.as_deref()
    }
}

fn set_up(serial: u32, keys: fn(&PcscPlace, &VirtualYubikey) -> Option<()>) -> Option<Vec<u8>> {
    let place = PcscPlace::start()?;
    let file = place.folder().join("memory.json");
    let card = place.card(CardOptions::default().serial(serial).file(&file));
    keys(&place, &card)?;
    card.end();
    Some(std::fs::read(file).expect("the card wrote it"))
}

fn set_up_ada(place: &PcscPlace, card: &VirtualYubikey) -> Option<()> {
    for (slot, algorithm) in [("9a", "ECCP384"), ("9c", "ECCP256"), ("9d", "ECCP256")] {
        key(place, card, slot, algorithm)?;
    }
    for (slot, algorithm, policy) in [
        ("82", "RSA2048", "--touch-policy=never"),
        ("83", "ECCP384", "--touch-policy=never"),
        ("84", "ECCP256", "--pin-policy=always"),
        ("85", "ECCP256", "--touch-policy=always"),
    ] {
        let generate = ["-a", "generate", "-s", slot, "-A", algorithm, policy, "-o", "public.pem"];
        place.must("yubico-piv-tool", &[&["--reader", card.reader()], &generate[..]].concat())?;
        certify(place, card, slot)?;
    }
    key_history(place, card, 4)
}

/// Makes a key with its certificate.
pub fn key(place: &PcscPlace, card: &VirtualYubikey, slot: &str, algorithm: &str) -> Option<()> {
    ykman(place, card, &["keys", "generate", "-m", MANAGEMENT, "-a", algorithm, slot, "public.pem"])?;
    certify(place, card, slot)
}

/// Writes a certificate for the key of `public.pem`; ykman writes a new CHUID with it.
pub fn certify(place: &PcscPlace, card: &VirtualYubikey, slot: &str) -> Option<()> {
    let name = if card.serial() == ADA { "CN=ada" } else { "CN=spare" };
    ykman(place, card, &["certificates", "generate", "-m", MANAGEMENT, "-P", PIN, "-s", name, slot, "public.pem"])
}

/// Says how many retired keys have their certificate on the card: OpenSC lists no other.
fn key_history(place: &PcscPlace, card: &VirtualYubikey, keys: u8) -> Option<()> {
    object(place, card, "0x5fc10c", &[0xc1, 1, keys, 0xc2, 1, 0, 0xfe, 0])
}

/// Writes an object; without content it is gone.
pub fn object(place: &PcscPlace, card: &VirtualYubikey, name: &str, content: &[u8]) -> Option<()> {
    std::fs::write(place.folder().join("object"), content).expect("a temporary folder");
    ykman(place, card, &["objects", "import", "-m", MANAGEMENT, name, "object"])
}

/// Does something with ykman that leaves the card's CHUID as it was.
pub fn keeping_chuid(place: &PcscPlace, card: &VirtualYubikey, work: impl FnOnce() -> Option<()>) -> Option<()> {
    ykman(place, card, &["objects", "export", CHUID, "chuid"])?;
    work()?;
    ykman(place, card, &["objects", "import", "-m", MANAGEMENT, CHUID, "chuid"])
}

/// ykman on one card.
pub fn ykman(place: &PcscPlace, card: &VirtualYubikey, args: &[&str]) -> Option<()> {
    place.must("ykman", &[&["--reader", card.reader(), "piv"], args].concat()).map(drop)
}

/// A person.
pub struct Desk {
    pub place: PcscPlace,
    pub card: VirtualYubikey,
    dir: TempDir,
}

/// What a run left.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub text: String,
}

impl Desk {
    /// With ada's card; nothing where the machine lacks something.
    pub fn new(module: PivModule) -> Option<Self> {
        Self::with(&[module], CardOptions::default(), &["Yubico YubiKey OTP+FIDO+CCID"])
    }

    /// With ada's card as it is by these options, modules in this order, and two readers of each of these names.
    pub fn with(modules: &[PivModule], options: CardOptions, readers: &[&str]) -> Option<Self> {
        let libraries = modules.iter().map(|module| module.library()).collect::<Option<Vec<_>>>()?;
        let memory = Owner::Ada.memory()?;
        let place = PcscPlace::with_readers(readers)?;
        let card = insert(&place, "ada", memory, options);
        let this = Self { place, card, dir: tempfile::tempdir().expect("a temporary folder") };
        this.write("pin", PIN);
        this.configure(&libraries, "");
        Some(this)
    }

    /// The same with a vault that one of its keys opens, in a keyslot "card", and a recovery code.
    pub fn enrolled(module: PivModule, key: &str) -> Option<Self> {
        let this = Self::new(module)?;
        this.enroll(key);
        Some(this)
    }

    pub fn enroll(&self, key: &str) {
        self.ok(&format!("init --factor {key} --recovery --recovery-out code"));
        self.card.clear_log();
    }

    /// Puts the other card into the next reader.
    pub fn spare(&self) -> Option<VirtualYubikey> {
        Some(insert(&self.place, "spare", Owner::Spare.memory()?, CardOptions::default()))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A file that is nobody else's.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("in a folder")).expect("a temporary folder");
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
        std::io::Write::write_all(&mut file.expect("a temporary folder"), content.as_bytes())
            .expect("a temporary folder");
    }

    /// Writes the config file.
    pub fn configure(&self, libraries: &[PathBuf], more: &str) {
        let module = |library: &PathBuf| format!("[[module]]\npath = \"{}\"\n{more}", library.display());
        self.write("twinlock/config.toml", &libraries.iter().map(module).collect::<String>());
    }

    /// The program with the person's environment. Arguments are split at spaces.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(hsm_test::twinlock());
        command.args(line.split_whitespace()).env_clear().envs(self.place.env()).current_dir(self.dir.path());
        command.env("TERM", "xterm").env("COLUMNS", "80").env("TWINLOCK_VAULT", "v").stdin(Stdio::null());
        for name in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"]
        {
            command.env(name, self.dir.path());
        }
        command
    }

    /// Runs it with nobody at the terminal and the PIN in the file `pin`; no PIN is ever said.
    pub fn run(&self, line: &str) -> Ran {
        let mut command = self.command(line);
        let output = command.args(["--no-input", "--pin-file", "pin"]).output().expect("the program can be run");
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).replace(&self.dir.path().display().to_string(), "/HOME");
        let others = text.replace(&ADA.to_string(), "").replace(&SPARE.to_string(), "");
        assert!(![PIN, "654321"].iter().any(|pin| others.contains(pin)), "a PIN is in:\n{text}");
        Ran { code: output.status.code(), text }
    }

    /// The same, which must go well; what it said.
    pub fn ok(&self, line: &str) -> String {
        let ran = self.run(line);
        assert_eq!(ran.code, Some(0), "{line}\n{}", ran.text);
        ran.text
    }

    /// Whether the card opens the vault.
    pub fn opens(&self) -> Ran {
        self.run("list --keyslot pkcs11")
    }

    /// Runs a command, which fails with this exit code and says this; no PIN try is lost.
    #[track_caller]
    pub fn fails(&self, line: &str, code: i32, says: &str) {
        let before = tries(&self.card);
        let ran = self.run(line);
        assert_eq!(ran.code, Some(code), "{line}\n{}", ran.text);
        assert!(ran.text.contains(says), "'{says}' is not in\n{}", ran.text);
        assert_eq!(tries(&self.card), before, "{line}");
    }
}

/// Puts a card with that memory into the next reader.
fn insert(place: &PcscPlace, name: &str, memory: &[u8], options: CardOptions) -> VirtualYubikey {
    let file = place.folder().join(format!("{name}.json"));
    std::fs::write(&file, memory).expect("a temporary folder");
    place.card(options.file(&file))
}

/// PIN tries that are left.
pub fn tries(card: &VirtualYubikey) -> u32 {
    // The helper process of a program that has just ended lets go of the card only now.
    card.let_go();
    let mut program = connect(card);
    assert!(program.ask(SELECT).ends_with("9000"));
    match program.ask(TRIES).as_str() {
        "6983" => 0,
        left => left.strip_prefix("63c").and_then(|left| left.parse().ok()).unwrap_or_else(|| panic!("{left}")),
    }
}

fn connect(card: &VirtualYubikey) -> OtherProgram {
    card.other_program(Share::Shared).expect("nobody has the card for himself")
}

/// Whether the card still knows a PIN: the next program could use it.
pub fn knows_a_pin(card: &VirtualYubikey) -> bool {
    card.pin_is_verified()
}
