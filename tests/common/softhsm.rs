//! A machine with a reader for SoftHSM tokens: a folder that tokens are put into. Beside `program.rs`, which the test program has, too.
#![allow(clippy::unwrap_used)] // helpers of tests, which clippy does not take for tests
#![allow(dead_code)] // each test program uses some of it

use crate::program::{Cli, Ran, TWINLOCK, split};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

const MODULES: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
];
/// The PIN of every token.
pub const PIN: &str = "p1n-4-t3sts";

/// A machine with a reader: a folder that tokens are put into.
pub struct Machine {
    pub cli: Cli,
    pub module: PathBuf,
}

impl Machine {
    /// None, loudly, without SoftHSM.
    pub fn new() -> Option<Self> {
        let Some(module) = MODULES.iter().map(PathBuf::from).find(|path| path.exists()) else {
            let what = "SoftHSM is not installed: apt-get install softhsm2";
            assert!(std::env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{what}");
            // Not eprintln!: the test harness would swallow it, and a skipped test must be seen.
            let _ = writeln!(std::io::stderr(), "\nSKIPPED: {what}");
            return None;
        };
        let cli = Cli::new().file("pin", PIN);
        fs::create_dir(cli.path("reader")).unwrap();
        let reader = cli.path("reader").display().to_string();
        cli.write("conf", &format!("directories.tokendir = {reader}\nobjectstore.backend = file\nlog.level = ERROR\n"));
        Some(Self { cli, module })
    }

    /// The environment of the program, and of a module.
    pub fn settle(&self, command: &mut Command) {
        self.cli.settle(command);
        command.env("SOFTHSM2_CONF", self.cli.path("conf"));
    }

    /// A new token in the reader, with a key; its folder.
    pub fn token(&self, label: &str) -> PathBuf {
        let before = self.tokens();
        let mut util = Command::new("softhsm2-util");
        util.args(["--init-token", "--free", "--label", label, "--so-pin", "12345678", "--pin", PIN]);
        self.settle(&mut util);
        let made = util.output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        self.ok(&format!(
            "token setup pkcs11:token={label} --mode ecdh-p256 --pin-file pin --token pkcs11:token={label}"
        ));
        self.tokens().into_iter().find(|folder| !before.contains(folder)).unwrap()
    }

    fn tokens(&self) -> Vec<PathBuf> {
        fs::read_dir(self.cli.path("reader")).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    /// The program with the module.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(TWINLOCK);
        command.args(split(line)).arg("--module").arg(&self.module);
        self.settle(&mut command);
        command
    }

    /// The same without a terminal.
    pub fn run(&self, line: &str) -> Ran {
        let mut command = Command::new("setsid");
        command.arg("--wait").arg(TWINLOCK).args(split(line)).arg("--module").arg(&self.module);
        self.settle(&mut command);
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The same, which must succeed; its stdout.
    pub fn ok(&self, line: &str) -> String {
        let ran = self.run(line);
        assert_eq!(ran.code, Some(0), "twinlock {line}\n{}", ran.stderr);
        ran.stdout
    }
}
