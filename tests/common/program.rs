//! The program with a home of its own: folders, vault and files are private to each test.
#![allow(clippy::unwrap_used)] // helpers of tests, which clippy does not take for tests
#![allow(dead_code)] // each test program uses some of it

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The program under test.
pub const TWINLOCK: &str = env!("CARGO_BIN_EXE_twinlock");
/// The least that Argon2id may cost.
pub const CHEAP: &str = "--kdf-memory 19 --kdf-passes 2 --kdf-lanes 1";
/// A password that is strong enough not to be asked about.
pub const PASSWORD: &str = "correct horse battery staple";

/// A home with nothing in it.
pub struct Cli {
    home: tempfile::TempDir,
}

/// An agent that a test has started ends with it.
impl Drop for Cli {
    fn drop(&mut self) {
        let lock = fs::File::open(self.home.path().join("run/twinlock/agent.lock"));
        if let Some(holder) = lock.ok().and_then(|lock| agent_of(&lock)) {
            // It may have ended by itself meanwhile.
            let _ = rustix::process::kill_process(holder, rustix::process::Signal::TERM);
        }
    }
}

/// The process whose number the agent has written into its lock file, if it still holds it.
fn agent_of(lock: &fs::File) -> Option<rustix::process::Pid> {
    rustix::fs::flock(lock, rustix::fs::FlockOperation::NonBlockingLockShared).err()?;
    let pid = std::io::read_to_string(lock).ok()?;
    rustix::process::Pid::from_raw(pid.trim().parse().ok()?)
}

/// What a run left.
pub struct Ran {
    /// Exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Data.
    pub stdout: String,
    /// Prose.
    pub stderr: String,
}

impl Cli {
    /// No vault yet.
    pub fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        for folder in ["data", "config", "state", "cache", "tmp", "work"] {
            fs::create_dir(home.path().join(folder)).unwrap();
        }
        fs::DirBuilder::new().mode(0o700).create(home.path().join("run")).unwrap();
        Self { home }
    }

    /// A vault that the recovery code in the file `code` opens: no slow KDF, and no terminal.
    pub fn with_vault() -> Self {
        let cli = Self::new();
        cli.ok("init --factor recovery --recovery-out code");
        cli
    }

    /// The same with a password in the file `pw`, and a recovery code in the file `code`.
    pub fn with_password() -> Self {
        let cli = Self::new().file("pw", PASSWORD);
        let args = "init --factor password --new-password-file pw --recovery --recovery-out code";
        cli.ok(&format!("{args} {CHEAP}"));
        cli
    }

    /// A vault that a recovery code opens, with one item, a backup of it (`old`), and one item more.
    pub fn aged() -> Self {
        let cli = Self::with_vault().file("value", "v");
        cli.ok("add one --value-file value --recovery-file code");
        cli.ok("backup old");
        cli.ok("add two --value-file value --recovery-file code");
        cli
    }

    /// Writes a file that others may not read, into the folder in which the program runs.
    pub fn file(self, name: &str, text: &str) -> Self {
        self.write(name, text);
        self
    }

    /// The same later.
    pub fn write(&self, name: &str, text: &str) {
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// A file of the folder in which the program runs.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// A path in the folder in which the program runs.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join("work").join(name)
    }

    /// The private home.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The vault where the program puts it by itself.
    pub fn vault(&self) -> PathBuf {
        self.home.path().join("data/twinlock/vault.twinlock")
    }

    /// The program with its environment; `line` is split as a shell would, knowing single quotes only.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(TWINLOCK);
        command.args(split(line));
        self.settle(&mut command);
        command
    }

    /// Environment and folder of the program, for another one that starts it.
    pub fn settle(&self, command: &mut Command) {
        let home = self.home.path();
        for (name, _) in std::env::vars_os() {
            if name != "PATH" && !name.to_string_lossy().starts_with("LLVM") {
                command.env_remove(name);
            }
        }
        for (name, folder) in [
            ("XDG_DATA_HOME", "data"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_CACHE_HOME", "cache"),
            ("TMPDIR", "tmp"),
            ("XDG_RUNTIME_DIR", "run"),
        ] {
            command.env(name, home.join(folder));
        }
        command
            .env("HOME", home)
            // No card of whoever runs the tests is touched.
            .env("PCSCLITE_CSOCK_NAME", home.join("no-pcscd"))
            .env("TERM", "xterm")
            .env("COLUMNS", "80")
            .current_dir(home.join("work"))
            .stdin(Stdio::null());
    }

    /// Runs it without a terminal: whoever runs the tests must not be asked. `< FILE` gives stdin.
    pub fn run(&self, line: &str) -> Ran {
        let (line, stdin) = line.split_once(" < ").map_or((line, None), |(line, file)| (line, Some(file)));
        let mut command = Command::new("setsid");
        command.arg("--wait").arg(TWINLOCK).args(split(line));
        self.settle(&mut command);
        if let Some(file) = stdin {
            command.stdin(fs::File::open(self.path(file)).unwrap());
        }
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Runs it, and it must succeed; its stdout.
    pub fn ok(&self, line: &str) -> String {
        let ran = self.run(line);
        assert_eq!(ran.code, Some(0), "twinlock {line}\n{}", ran.stderr);
        ran.stdout
    }

    /// The same as JSON.
    pub fn json(&self, line: &str) -> serde_json::Value {
        serde_json::from_str(&self.ok(line)).unwrap()
    }

    /// A session as on paper: `$ twinlock ...`, then its stdout (`1> `), its stderr (`2> `), and `=> CODE` unless it is 0.
    /// What differs from run to run is written as `~` (the home), `TIME`, `DAY` and `HEX`.
    #[track_caller]
    pub fn session(&self, expected: &str) {
        let expected = format!("{}\n", expected.trim());
        let mut actual = String::new();
        for line in expected.lines().filter_map(|line| line.strip_prefix("$ twinlock")) {
            let ran = self.run(line.trim_start());
            writeln!(actual, "$ twinlock{line}").unwrap();
            for (mark, text) in [("1> ", &ran.stdout), ("2> ", &ran.stderr)] {
                for line in self.steady(text).lines() {
                    actual.push_str(format!("{mark}{line}").trim_end());
                    actual.push('\n');
                }
            }
            match ran.code {
                Some(0) => {}
                Some(code) => writeln!(actual, "=> {code}").unwrap(),
                None => actual.push_str("=> killed\n"),
            }
        }
        assert!(actual == expected, "\n--- expected\n{expected}--- actual\n{actual}---\n");
    }

    /// The text without what differs from run to run.
    pub fn steady(&self, text: &str) -> String {
        let text = text.replace(self.home.path().to_str().unwrap(), "~");
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            let fits = |pattern: &str| {
                let mut chars = rest.chars();
                pattern
                    .chars()
                    .all(|want| chars.next().is_some_and(|c| if want == '0' { c.is_ascii_digit() } else { c == want }))
            };
            let hex = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
            let (shown, length) = match () {
                () if fits("0000-00-00T00:00:00Z") => ("TIME", 20),
                () if fits("0000-00-00") => ("DAY", 10),
                () if hex >= 32 => ("HEX", hex),
                () => (&rest[..first.len_utf8()], first.len_utf8()),
            };
            out.push_str(shown);
            rest = &rest[length..];
        }
        out
    }
}

/// Words between spaces; single quotes keep spaces.
pub fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = None;
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_with(String::new);
            }
            ' ' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_with(String::new).push(c),
        }
    }
    words.extend(word);
    words
}
