//! Other people's programs on the virtual card: Yubico's, OpenSC's, OpenSSL's.

use crate::missing::missing;
use crate::piv::place::{PcscPlace, search_path};
use std::path::PathBuf;
use std::process::Command;

/// How a program ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout, then what it wrote to stderr.
    pub text: String,
}

/// A program and the Debian package that has it.
const PACKAGES: &[(&str, &str)] = &[
    ("ykman", "yubikey-manager"),
    ("yubico-piv-tool", "yubico-piv-tool"),
    ("pkcs11-tool", "opensc"),
    ("opensc-tool", "opensc"),
    ("openssl", "openssl"),
];

/// PKCS#11 modules for PIV cards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PivModule {
    /// Any PIV card; lists a key only if its PIV slot holds a certificate.
    OpenSc,
    /// YubiKeys: readers whose name says so.
    Yubico,
}

impl PivModule {
    /// The library; nothing, said loudly, where it is not installed.
    pub fn library(self) -> Option<PathBuf> {
        let (name, package) = match self {
            Self::OpenSc => ("opensc-pkcs11.so", "opensc-pkcs11"),
            Self::Yubico => ("libykcs11.so", "ykcs11"),
        };
        let multiarch =
            std::fs::read_dir("/usr/lib").into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
        ["/usr/lib", "/usr/lib64", "/usr/lib64/pkcs11", "/usr/local/lib"]
            .into_iter()
            .map(PathBuf::from)
            .chain(multiarch)
            .map(|folder| folder.join(name))
            .find(|path| path.is_file())
            .or_else(|| missing(name, &format!("install the package '{package}'")))
    }
}

impl PcscPlace {
    /// Runs somebody else's program on the cards here, in [`PcscPlace::folder`]; nothing, said loudly, where it is not installed.
    ///
    /// # Panics
    /// If the program is none of those known, or cannot be run.
    pub fn run(&self, program: &str, args: &[&str]) -> Option<Run> {
        let (_, package) = PACKAGES.iter().find(|(name, _)| *name == program).expect("the program is known");
        let path = search_path();
        if !std::env::split_paths(&path).any(|folder| folder.join(program).is_file()) {
            return missing(program, &format!("install the package '{package}'"));
        }
        let folders = std::env::split_paths(&path);
        let path = std::env::join_paths(std::iter::once(self.harmless()).chain(folders)).expect("the PATH was one");
        let output = Command::new(program)
            .args(args)
            .current_dir(self.folder())
            .env("PATH", path)
            .env("HOME", self.folder())
            // What a person set up for themselves, for these programs or for Python, is not looked at.
            .env_remove("OPENSC_CONF")
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("PYTHONPATH")
            .env("LC_ALL", "C.UTF-8")
            .envs(self.env())
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap_or_else(|why| panic!("{program}: {why}"));
        let text = [output.stdout, output.stderr].concat();
        Some(Run { code: output.status.code(), text: String::from_utf8_lossy(&text).into_owned() })
    }

    /// The same; what it wrote. Panics if it failed.
    pub fn must(&self, program: &str, args: &[&str]) -> Option<String> {
        let run = self.run(program, args)?;
        assert_eq!(run.code, Some(0), "{program} {}\n{}", args.join(" "), run.text);
        Some(run.text)
    }

    /// A folder with a `pkill` that does nothing: ykman ends every scdaemon of the person when a card does not open.
    fn harmless(&self) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let folder = self.folder().join("harmless");
        let pkill = folder.join("pkill");
        if !pkill.exists() {
            std::fs::create_dir_all(&folder)
                .and_then(|()| std::fs::write(&pkill, "#!/bin/sh\nexit 1\n"))
                .and_then(|()| std::fs::set_permissions(&pkill, std::fs::Permissions::from_mode(0o755)))
                .unwrap_or_else(|why| panic!("'{}': {why}", pkill.display()));
        }
        folder
    }
}
