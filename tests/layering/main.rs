//! The house rules hold: layers, one home for each delicate dependency, no printing and no exit outside `cli`, no `unsafe`, short files.
//! `rules.rs` has the tables; the tests at the end show that each rule can be broken.

mod paths;
mod rules;

use rules::{ANYWHERE, HOMES, MAX_LINES, too_long, violations};
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder, without what Cargo or an editor makes.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the source can be read") {
        let path = entry.expect("the source can be read").path();
        let name = path.file_name().expect("an entry has a name").to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn check(folder: &Path, wrong: impl Fn(&Path, &str) -> Vec<String>) {
    let files = rust_files(folder);
    assert!(files.len() > 5, "no source in '{}'", folder.display());
    let of = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).expect("the source can be read");
        wrong(file.strip_prefix(root()).expect("the folder is in the package"), &text)
    };
    let all: Vec<String> = files.iter().flat_map(of).collect();
    assert!(all.is_empty(), "\n{}\n", all.join("\n"));
}

#[test]
fn the_source_keeps_the_house_rules() {
    check(&root().join("src"), violations);
}

#[test]
fn no_file_is_too_long() {
    check(root(), |file, text| too_long(file, text).into_iter().collect());
}

#[test]
fn every_dependency_has_its_place_in_the_tables() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let mut listed: Vec<String> = section
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.split_once('=')?.0.trim().replace('-', "_")))
        .collect();
    let mut placed: Vec<&str> = HOMES.iter().flat_map(|(_, names)| *names).chain(ANYWHERE).copied().collect();
    listed.sort();
    placed.sort_unstable();
    assert_eq!(listed, placed, "left: Cargo.toml; right: tests/layering/rules.rs");
}

fn broken(file: &str, text: &str, why: &str) {
    let found = violations(Path::new(file), text);
    assert!(found.len() == 1 && found[0].ends_with(why), "{file}: {text}\n{found:?}");
}

fn fine(file: &str, text: &str) {
    assert_eq!(violations(Path::new(file), text), [""; 0], "{file}: {text}");
}

#[test]
fn an_upward_import_is_found_however_it_is_written() {
    let why = "'factor' (layer 4) uses 'vault' (layer 5)";
    for text in [
        "use crate::vault::Vault;",
        "use crate::{prompt::Prompt, vault::{Vault as V}};",
        "use crate::vault::{self};",
        "use crate::vault as v;",
        "pub use crate::vault::*;",
        "fn f() -> u8 { crate::vault::open() }",
        "fn f() { let x: Option<crate::vault::Vault> = None; }",
        "macro_rules! m { () => { $crate::vault::open() } }",
        "mod tests { use super::super::super::vault::Vault; }",
        "use super::super::vault::Vault;",
        "fn f() { assert!(crate::vault::open()); }",
        "#[cfg(test)] mod tests { fn f() { crate::vault::open(); } }",
    ] {
        broken("src/factor/password.rs", text, why);
    }
    assert_eq!(
        violations(Path::new("src/factor/mod.rs"), "\n\nuse super::vault;"),
        [format!("src/factor/mod.rs:3: {why}")]
    );
}

#[test]
fn a_sideways_import_is_found() {
    broken("src/store/mod.rs", "use crate::prompt::Prompt;", "'store' (layer 2) uses 'prompt' (layer 2)");
    broken("src/secret.rs", "use crate::encode::hex;", "'secret' (layer 1) uses 'encode' (layer 1)");
    broken("src/header/mod.rs", "use crate::keyslot::Keyslot;", "'header' (layer 3) uses 'keyslot' (layer 3)");
    fine("src/keyslot/mod.rs", "use crate::header::Stanza;");
    broken("src/keyslot/mod.rs", "use crate::item::Item;", "'keyslot' (layer 3) uses 'item' (layer 3)");
}

#[test]
fn a_module_or_a_back_door_without_a_layer_is_found() {
    let why = "is on no layer; tests/layering/rules.rs has the table";
    broken("src/utils.rs", "use crate::secret::Pin;", why);
    broken("src/cli/mod.rs", "use crate::Everything;", why);
}

#[test]
fn what_is_below_or_its_own_may_be_used() {
    fine(
        "src/factor/password.rs",
        "use crate::{factor::Open, header::Stanza, secret::*}; use super::registry; use self::kdf::run;",
    );
    fine("src/factor/password.rs", "mod tests { use super::*; fn f() { super::super::registry::kinds(); } }");
    fine("src/cli/get.rs", "use crate::vault::Vault; use std::io::Write;");
    fine("src/lib.rs", "pub mod cli; pub mod secret; pub use crate::vault::Vault;");
    fine("src/main.rs", "fn main() { std::process::exit(twinlock::cli::run()) }");
}

#[test]
fn comments_and_strings_say_nothing() {
    let text = r##"
        //! crate::vault
        // use crate::vault; unsafe println!()
        /* rusqlite::Connection /* nested */ std::process::exit(1) */
        /// `crate::cli::run`
        const A: &str = "use crate::vault; println!(\"\")";
        const B: &str = r#"rusqlite::Connection " unsafe"#;
        const C: char = '"';
    "##;
    fine("src/secret.rs", text);
}

#[test]
fn printing_and_ending_outside_cli_is_found() {
    for name in ["println", "print", "eprintln", "eprint", "dbg"] {
        let text = format!("fn f() {{ {name}!(\"x\"); }}");
        broken("src/vault/mod.rs", &text, "outside 'cli'");
        fine("src/cli/get.rs", &text);
        fine("src/main.rs", &text);
    }
    broken("src/vault/mod.rs", "fn f() { std::println!(\"x\") }", "'println!' outside 'cli'");
    for text in [
        "fn f() { std::process::exit(1) }",
        "use std::process; fn f() { process::exit(1) }",
        "use std::process as p; fn f() { p::exit(1) }",
    ] {
        broken("src/vault/mod.rs", text, "'std::process::exit' outside 'cli'");
    }
    fine("src/vault/mod.rs", "use std::process; fn f() { process::id() }");
    broken("src/vault/mod.rs", "use std::process::{Command, exit};", "'std::process::exit' outside 'cli'");
    fine("src/cli/mod.rs", "fn f() { std::process::exit(1) }");
}

#[test]
fn a_crate_away_from_its_home_is_found() {
    let outside = |name: &str, home: &str| format!("'{name}' outside '{home}'");
    for (text, name) in [
        ("use hmac::Mac;", "hmac"),
        ("use argon2;", "argon2"),
        ("use {serde::Serialize, rsa::RsaPublicKey};", "rsa"),
        ("use ::p256::PublicKey;", "p256"),
        ("fn f() { getrandom::fill(&mut []); }", "getrandom"),
        ("fn f() { ::subtle::black_box(1); }", "subtle"),
        ("use xaes_256_gcm as aead;", "xaes_256_gcm"),
        ("extern crate sha2;", "sha2"),
    ] {
        broken("src/header/mac.rs", text, &outside(name, "crypto"));
        fine("src/crypto/mod.rs", text);
        fine("src/crypto.rs", text);
    }
    broken("src/vault/mod.rs", "use rusqlite::Connection;", &outside("rusqlite", "store"));
    fine("src/store/sqlite.rs", "use rusqlite::Connection;");
    broken("src/factor/mod.rs", "use cryptoki::context::Pkcs11;", &outside("cryptoki", "factor/pkcs11"));
    fine("src/factor/pkcs11/call.rs", "use cryptoki::context::Pkcs11;");
}

#[test]
fn a_name_that_only_looks_like_a_crate_is_none() {
    fine("src/header/mac.rs", "fn f(hmac: u8, rsa: &Rsa) -> u8 { hmac + rsa.hmac() }");
    fine("src/header/mac.rs", "fn f() { crate::crypto::hmac::tag() }");
    fine("src/header/mac.rs", "use crate::crypto::{hmac, rsa as sha2}; fn f() { hmac::tag(); sha2::new(); }");
    fine("src/header/mac.rs", "mod rsa; fn f() { rsa::new(); self::rsa::new() }");
    fine("src/header/mac.rs", "fn f() { <T as Kind>::hmac::tag(); t.hmac::<u8>() }");
    fine("src/header/mac.rs", "fn f<'a>() -> impl Sized + use<'a> { 1 != 2 }");
}

#[test]
fn unsafe_is_found() {
    broken("src/factor/pkcs11/mod.rs", "fn f() { unsafe { g() } }", "'unsafe'");
    fine("src/lib.rs", "#![forbid(unsafe_code)]");
}

#[test]
fn a_long_file_is_found() {
    let file = Path::new("hsm-test/src/lib.rs");
    assert_eq!(too_long(file, &"\n".repeat(MAX_LINES)), None);
    assert!(too_long(file, &"\n".repeat(MAX_LINES + 1)).unwrap().ends_with("501 lines, 500 at most"));
}

#[test]
fn what_is_not_rust_is_not_passed_over() {
    assert!(violations(Path::new("src/secret.rs"), "fn f( {").first().unwrap().contains("not Rust"));
}
