//! The house rules, as tables, and what breaks them in one file.

use crate::paths::{Named, named};
use std::path::Path;

/// A top-level module of the library.
pub struct Module {
    /// Its name.
    pub name: &'static str,
    /// The line of docs/design.md that it is on. It may use modules on lower lines.
    pub layer: u32,
    /// Modules of its own line that it may use all the same.
    pub also: &'static [&'static str],
}

const fn on(layer: u32, name: &'static str) -> Module {
    Module { name, layer, also: &[] }
}

/// Every top-level module.
pub const MODULES: &[Module] = &[
    on(1, "secret"),
    on(1, "encode"),
    on(1, "paper"),
    on(2, "crypto"),
    on(2, "store"),
    on(2, "prompt"),
    on(3, "header"),
    on(3, "item"),
    // A kit is a header text in parts: the header's limits are its own.
    Module { name: "kit", layer: 3, also: &["header"] },
    // A keyslot is composed of the stanzas that the header's model describes.
    Module { name: "keyslot", layer: 3, also: &["header"] },
    // A confirmation is made of the header's stanzas, and is a part of an item.
    Module { name: "confirm", layer: 3, also: &["header", "item"] },
    on(4, "factor"),
    on(4, "custody"),
    on(5, "vault"),
    on(6, "agent"),
    on(6, "sync"),
    on(7, "cli"),
];

/// Dependencies that only one module may name.
pub const HOMES: &[(&[&str], &[&str])] = &[
    (
        &["crypto"],
        &[
            "hkdf",
            "hmac",
            "sha2",
            "aes_kw",
            "vsss_rs",
            "subtle",
            "getrandom",
            "argon2",
            "rayon",
            "rsa",
            "sha2_010",
            "sha1_010",
            "p256",
            "p384",
            "x25519_dalek",
            "xaes_256_gcm",
        ],
    ),
    (&["paper"], &["qrcodegen_no_heap", "pdf_writer", "ttf_parser", "png", "zune_jpeg", "rqrr"]),
    (&["cli", "keychain"], &["secret_service"]),
    (&["store"], &["rusqlite"]),
    (&["main"], &["zeroizing_alloc"]),
    (&["cli", "agent"], &["listenfd"]),
    (&["prompt", "pinentry"], &["pinentry", "secrecy"]),
    (&["encode"], &["miniz_oxide"]),
    (&["factor", "pkcs11"], &["cryptoki"]),
    // `log` is there to be cut off, not to be used.
    (&["factor", "piv", "card"], &["pcsc", "yubikey", "log"]),
];

/// Dependencies that every module may name.
pub const ANYWHERE: &[&str] = &[
    "zeroize",
    "unicode_normalization",
    "zxcvbn",
    "serde",
    "serde_json",
    "hex",
    "clap",
    "clap_complete",
    "clap_mangen",
    "rustix",
    "signal_hook",
    "toml",
    "humantime",
];

/// Macros that speak to a person.
const PRINTING: &[&str] = &["println", "print", "eprintln", "eprint", "dbg"];

/// Lines of a file, at most.
pub const MAX_LINES: usize = 500;

/// A file of any package that is too long.
pub fn too_long(file: &Path, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > MAX_LINES).then(|| format!("{}: {lines} lines, {MAX_LINES} at most", file.display()))
}

/// Everything that is wrong in a file of the library or its binary; `file` begins with `src`.
pub fn violations(file: &Path, text: &str) -> Vec<String> {
    let module = module_of(file);
    match named(&module, text) {
        Ok(all) => all
            .into_iter()
            .filter_map(|(line, named)| Some(format!("{}:{line}: {}", file.display(), wrong(&module, &named)?)))
            .collect(),
        Err(why) => vec![format!("{}: {why}", file.display())],
    }
}

/// Where a file hangs: `src/factor/pkcs11/mod.rs` and `src/factor/pkcs11.rs` in `factor`, `pkcs11`; `src/main.rs` in `main`; `src/lib.rs` nowhere.
fn module_of(file: &Path) -> Vec<String> {
    let names = file.with_extension("");
    let mut names: Vec<String> = names.iter().skip(1).map(|name| name.to_string_lossy().into_owned()).collect();
    names.pop_if(|last| last == "mod" || last == "lib");
    names
}

fn wrong(module: &[String], named: &Named) -> Option<String> {
    match named {
        // C_Initialize with NSS's arguments, in the helper process: the crate offers it as an unsafe constructor only.
        Named::Unsafe if module.join("/") == "factor/pkcs11/worker/init_args" => None,
        Named::Unsafe => Some("'unsafe'".to_owned()),
        Named::Macro(name) if PRINTING.contains(&name.as_str()) && !speaks(module) => {
            Some(format!("'{name}!' outside 'cli'"))
        }
        Named::Macro(_) => None,
        Named::Path(path) => {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            match path[..] {
                ["std", "process", "exit", ..] if !speaks(module) => {
                    Some("'std::process::exit' outside 'cli'".to_owned())
                }
                ["crate", target, ..] => wrong_layer(module.first()?, target),
                [name, ..] => wrong_home(module, name),
                [] => None,
            }
        }
    }
}

/// Whether this is where the program speaks and ends.
fn speaks(module: &[String]) -> bool {
    module.first().is_some_and(|first| first == "cli" || first == "main")
}

/// `user` names `target`, both top-level modules. `src/lib.rs` has no name and may name all.
fn wrong_layer(user: &str, target: &str) -> Option<String> {
    if user == target || user == "main" {
        return None;
    }
    let known = |name: &str| MODULES.iter().find(|module| module.name == name);
    let (Some(from), Some(to)) = (known(user), known(target)) else {
        let unknown = if known(user).is_none() { user } else { target };
        return Some(format!("'{unknown}' is on no layer; tests/layering/rules.rs has the table"));
    };
    let fine = to.layer < from.layer || from.also.contains(&to.name);
    (!fine).then(|| format!("'{user}' (layer {}) uses '{target}' (layer {})", from.layer, to.layer))
}

fn wrong_home(module: &[String], name: &str) -> Option<String> {
    let (home, _) = HOMES.iter().find(|(_, names)| names.contains(&name))?;
    (!module.iter().map(String::as_str).take(home.len()).eq(home.iter().copied()))
        .then(|| format!("'{name}' outside '{}'", home.join("/")))
}
