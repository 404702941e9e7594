//! Secrets stay where they belong: not in arguments, environment, output, temporary files or the vault's clear text, and not in
//! the memory that other programs of the same user may look at.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // helpers of tests, which clippy does not take for tests

#[path = "../common/program.rs"]
mod program;
#[path = "../common/pty.rs"]
mod pty;

mod failing;
mod files;
mod panic;
mod process;

use program::Cli;

/// Secrets that are easy to search for.
const PASSWORD: &str = "Zebra-Quilt-Vortex-91-password";
const NEW_PASSWORD: &str = "Falcon-Ember-Juniper-37-new-password";
const VALUE: &str = "Item-Secret-Value-5e1f0c";
const PIN: &str = "730215946";

/// A home with every kind of secret in files below `work`, and a vault that they open.
fn home() -> Cli {
    let cli = Cli::new().file("pw", PASSWORD).file("pw2", NEW_PASSWORD).file("value", VALUE).file("pin", PIN);
    let factors = "--factor password --new-password-file pw --recovery --recovery-out code";
    cli.ok(&format!("init {factors} {}", program::CHEAP));
    cli
}

/// Each secret, and forms of it that would give it away as well.
fn secrets(cli: &Cli) -> Vec<Vec<u8>> {
    let code = cli.read("code").trim().to_owned();
    let plain = [PASSWORD, NEW_PASSWORD, VALUE, PIN, &code, &code.replace('-', ""), &code.to_lowercase()];
    let hex = |text: &str| twinlock::encode::hex::encode(text.as_bytes());
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    plain.iter().flat_map(|text| [text.as_bytes().to_vec(), hex(text).into_bytes(), wide(text)]).collect()
}

/// Fails if a secret is in the bytes.
#[track_caller]
fn assert_clean(bytes: &[u8], secrets: &[Vec<u8>], place: &str) {
    for secret in secrets {
        let found = bytes.windows(secret.len()).any(|window| window == secret);
        assert!(!found, "{} is in {place}", String::from_utf8_lossy(secret));
    }
}

#[test]
fn the_search_finds_what_is_there() {
    let cli = home();
    let secrets = secrets(&cli);
    for name in ["pw", "pw2", "value", "pin", "code"] {
        let bytes = std::fs::read(cli.path(name)).unwrap();
        let caught = std::panic::catch_unwind(|| assert_clean(&bytes, &secrets, name));
        assert!(caught.is_err(), "{name}");
    }
}
