//! A pcscd of a test's own, in namespaces of its own.

use crate::missing::missing;
use crate::piv::card::{CardOptions, FreeReader, VirtualYubikey};
use crate::piv::client;
use crate::place::virtual_yubikey;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use tempfile::TempDir;

/// How libpcsclite finds a pcscd elsewhere.
pub const SOCKET_VARIABLE: &str = "PCSCLITE_CSOCK_NAME";

/// The driver of vsmartcard-vpcd.
const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
/// The port of the first reader; vpcd adds a second one on the next port.
const PORT: u16 = 0x8c7b;
/// What a YubiKey's reader is called: Yubico's own tools look for such a name.
const NAME: &str = "Yubico YubiKey OTP+FIDO+CCID";

/// A running pcscd with two readers. Everything in it ends when it is dropped.
pub struct PcscPlace {
    folder: PathBuf,
    /// Removed at the end, unless somebody else's.
    _temporary: Option<TempDir>,
    child: Child,
    talk: Mutex<Talk>,
}

/// The line to the first process of the namespaces, and what is in the readers.
struct Talk {
    /// Taken at the end: the other side then ends too.
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    cards: u16,
}

impl PcscPlace {
    /// With two empty readers, in a temporary folder; nothing, said loudly, where the machine lacks something.
    pub fn start() -> Option<Self> {
        Self::with_readers(&[NAME])
    }

    /// With two readers of each of these names; none is possible. The names at pcscd have two numbers behind.
    pub fn with_readers(names: &[&str]) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("pcsc").tempdir().expect("a temporary folder can be made");
        let path = folder.path().to_owned();
        Self::begin(path, Some(folder), names)
    }

    /// In a folder that stays.
    pub fn start_in(folder: &Path) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap_or_else(|why| panic!("'{}': {why}", folder.display()));
        let folder = folder.canonicalize().unwrap_or_else(|why| panic!("'{}': {why}", folder.display()));
        Self::begin(folder, None, &[NAME])
    }

    fn begin(folder: PathBuf, temporary: Option<TempDir>, readers: &[&str]) -> Option<Self> {
        for (command, package) in [("unshare", "util-linux"), ("ip", "iproute2"), ("pcscd", "pcscd")] {
            if !is_command(command) {
                return missing(command, &format!("install the package '{package}'"));
            }
        }
        if !Path::new(DRIVER).exists() {
            return missing(DRIVER, "install the package 'vsmartcard-vpcd'");
        }
        prepare(&folder, readers).unwrap_or_else(|why| panic!("'{}': {why}", folder.display()));
        let mut command = Command::new("unshare");
        command.args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]);
        if !rustix::process::geteuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        let log = std::fs::File::create(folder.join("place.log")).expect("the folder can be written");
        let mut child = command
            .arg("--")
            .arg(virtual_yubikey())
            .arg("place")
            .arg(&folder)
            .env("PATH", search_path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("unshare can be run");
        let to = child.stdin.take();
        let from = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let place = Self {
            folder: folder.clone(),
            _temporary: temporary,
            child,
            talk: Mutex::new(Talk { to, from, cards: 0 }),
        };
        if let Err(why) = place.answer() {
            let log = std::fs::read_to_string(folder.join("place.log")).unwrap_or_default();
            let why = format!("a namespace for pcscd ({why}: {})", log.trim());
            return missing(&why, "run as a user who may make user namespaces, or as root");
        }
        place.start_pcscd();
        Some(place)
    }

    fn answer(&self) -> Result<(), String> {
        heard(&mut self.talk.lock().expect("no fixture panicked"))
    }

    fn tell(&self, line: &str) -> Result<(), String> {
        let mut talk = self.talk.lock().expect("no fixture panicked");
        let to = talk.to.as_mut().expect("the place is open until it is dropped");
        writeln!(to, "{line}").map_err(|why| why.to_string())?;
        heard(&mut talk)
    }

    /// Puts a card into the next reader; back when pcscd shows it to clients, unless it is not to be inserted yet.
    ///
    /// # Panics
    /// If every reader has its card, or it cannot be started.
    pub fn card(&self, options: CardOptions) -> VirtualYubikey {
        let number = {
            let mut talk = self.talk.lock().expect("no fixture panicked");
            talk.cards += 1;
            talk.cards - 1
        };
        self.card_in(number, options)
    }

    /// Another card for a reader whose card's process ended.
    pub fn card_again(&self, reader: FreeReader, options: CardOptions) -> VirtualYubikey {
        self.card_in(reader.0, options)
    }

    fn card_in(&self, number: u16, options: CardOptions) -> VirtualYubikey {
        let control = self.folder.join(format!("card-{number}"));
        // Left behind by a card that ended.
        let _ = std::fs::remove_file(&control);
        let inserted = options.inserted();
        let line = format!("card port={} control={} {} inserted=no", PORT + number, control.display(), options.words());
        self.tell(&line).unwrap_or_else(|why| panic!("{line}: {why}\n{}", self.log()));
        let reader = self.readers()[usize::from(number)].name.clone();
        let card = VirtualYubikey { control, reader, socket: self.socket(), number };
        if inserted {
            card.tell("insert");
            card.seen(true);
        }
        card
    }

    /// Ends pcscd, as if it had crashed.
    pub fn stop_pcscd(&self) {
        self.tell("pcscd stop").unwrap_or_else(|why| panic!("{why}"));
    }

    /// Starts it again.
    pub fn start_pcscd(&self) {
        self.tell("pcscd start").unwrap_or_else(|why| panic!("{why}\n{}", self.log()));
    }

    /// pcscd's socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("run/pcscd/pcscd.comm")
    }

    /// What a process must have in its environment to use this pcscd.
    pub fn env(&self) -> Vec<(String, String)> {
        let socket = self.socket().into_os_string().into_string().expect("test folders have plain names");
        vec![(SOCKET_VARIABLE.to_owned(), socket)]
    }

    /// The folder that is private to this place, for a test's own files too.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The readers, as pcscd shows them.
    pub fn readers(&self) -> Vec<client::Reader> {
        client::readers(&self.socket())
    }

    /// What pcscd and the cards said.
    pub fn log(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        read("place.log") + &read("pcscd.log")
    }
}

impl Drop for PcscPlace {
    fn drop(&mut self) {
        // The first process of the namespaces ends with its stdin, and the system ends all others there with it.
        self.talk.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner).to = None;
        let _ = self.child.wait();
    }
}

fn heard(talk: &mut Talk) -> Result<(), String> {
    let mut line = String::new();
    talk.from.read_line(&mut line).map_err(|why| why.to_string())?;
    match line.trim_end() {
        "ok" => Ok(()),
        "" => Err("it ended".to_owned()),
        other => Err(other.trim_start_matches("error ").to_owned()),
    }
}

/// Debian keeps pcscd and ip where an ordinary user's PATH does not look.
pub(super) fn search_path() -> std::ffi::OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin");
    path
}

fn is_command(name: &str) -> bool {
    std::env::split_paths(&search_path()).any(|folder| folder.join(name).is_file())
}

fn prepare(folder: &Path, names: &[&str]) -> std::io::Result<()> {
    for part in ["run/pcscd", "readers", "drivers"] {
        std::fs::create_dir_all(folder.join(part))?;
    }
    let mut config = Vec::new();
    for (port, name) in (PORT..).step_by(2).zip(names) {
        // Entries that name one library share its first port.
        let driver = folder.join(format!("driver-{port}.so"));
        std::fs::copy(DRIVER, &driver)?;
        let library = driver.display();
        config.push(format!(
            "FRIENDLYNAME \"{name}\"\nDEVICENAME /dev/null:0x{port:X}\nLIBPATH {library}\nCHANNELID 0x{port:X}\n\n"
        ));
    }
    std::fs::write(folder.join("readers/vpcd"), config.concat())
}
