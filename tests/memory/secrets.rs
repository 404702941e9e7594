//! What must not be left: known, because the test has chosen it, or read from where it lies for its owner.

use crate::program::{Cli, PASSWORD};
use crate::scan::{Hit, Needle};
use twinlock::crypto::argon::argon2id;
use twinlock::crypto::{Keys, hkdf_sha256};
use twinlock::encode::crockford::decode;
use twinlock::secret::{AccountKey, zeros32};

/// The account key, chosen so that nothing else looks like it.
pub const ACCOUNT_KEY: [u8; 32] = *b"\xa7\x13\x5e\xc9\x02\xf4\x88\x6b\xd1\x3c\x90\x47\xee\x25\x7a\xb3\
                                     \x5f\xc8\x61\x0d\x94\xe2\x3b\x76\xaf\x18\xcd\x52\x89\x34\xf0\x6e";
/// Values of items: with what JSON escapes, and longer than any buffer.
pub const VALUES: [&str; 2] = ["q\"uote\\back/slash\u{1f510}-7Yx2", "w0rd-9Kq-4Zp"];

/// The long value.
pub fn long() -> String {
    "L0ng-secret-3Vd-".repeat(20_000)
}

/// A vault with that account key, opened by a password or a recovery code, and three items.
pub fn vault() -> Cli {
    let cli = Cli::new().file("pw", PASSWORD).file("key", &hex::encode(ACCOUNT_KEY));
    cli.write("value0", VALUES[0]);
    cli.write("value1", VALUES[1]);
    cli.write("value2", &long());
    let cheap = crate::program::CHEAP;
    cli.ok(&format!(
        "init --account-key-file key --factor password --new-password-file pw --recovery --recovery-out code {cheap}"
    ));
    cli
}

/// The keys of the vault that the account key opens.
pub fn keys(cli: &Cli) -> Vec<Needle> {
    let mut key = zeros32();
    key.copy_from_slice(&ACCOUNT_KEY);
    let id = bytes(&cli.json("header show --json")["vault"]);
    let keys = Keys::derive(&AccountKey::new(key), id.as_slice().try_into().unwrap());
    let mut needles = Needle::bytes("account key", &ACCOUNT_KEY);
    for (name, key) in [
        ("header key", keys.header.expose()),
        ("record key", keys.record.expose()),
        ("index key", keys.index.expose()),
        ("entry key", keys.entry.expose()),
        ("set key", keys.set.expose()),
        ("manifest key", keys.manifest.expose()),
    ] {
        needles.extend(Needle::bytes(name, key));
    }
    needles
}

/// What a person types, and the factor secrets that come of it. Spec 5.1, 5.2.
pub fn typed(cli: &Cli) -> Vec<Needle> {
    let mut needles = Needle::text("password", PASSWORD);
    let code = cli.read("code");
    needles.extend(Needle::text("recovery code", code.trim()));
    let entropy = decode(code.trim()).unwrap_or_else(|_| panic!("it was written by the program"));
    needles.extend(Needle::bytes("recovery code's bytes", &entropy[..]));
    let header = cli.json("header show --json");
    for slot in header["keyslots"].as_array().unwrap() {
        let factor = &slot["factors"][0];
        let (vault, id) = (bytes(&header["vault"]), bytes(&slot["id"]));
        let secret = if factor["kind"] == "recovery" {
            hkdf_sha256(&entropy[..], &[&vault, &id], &[b"twinlock/1 recovery"])
        } else {
            let number = |name: &str| u32::try_from(factor[name].as_u64().unwrap()).unwrap();
            let salt = bytes(&factor["salt"]).try_into().unwrap();
            argon2id(PASSWORD.as_bytes(), &salt, number("memory_kib"), number("passes"), number("lanes"))
                .unwrap_or_else(|_| panic!("it is the program's"))
        };
        needles.extend(Needle::bytes(&format!("factor secret of {}", slot["name"]), &secret[..]));
    }
    needles
}

fn bytes(field: &serde_json::Value) -> Vec<u8> {
    hex::decode(field.as_str().unwrap()).unwrap()
}

/// The values of items.
pub fn items() -> Vec<Needle> {
    let mut needles = Needle::text("item 1", VALUES[1]);
    needles.extend(Needle::text("item 0, raw", "q\"uote\\back"));
    needles.extend(Needle::text("item 0, escaped", "q\\\"uote\\\\back"));
    needles.extend(Needle::text("item 0, end", "slash\u{1f510}-7Yx2"));
    needles.extend(Needle::text("item 2", "L0ng-secret-3Vd-L0ng"));
    needles
}

/// Whether something of that name was found.
pub fn has(hits: &[Hit], name: &str) -> bool {
    hits.iter().any(|hit| hit.name.starts_with(name))
}

/// Nothing was found.
#[track_caller]
pub fn none(when: &str, hits: &[Hit]) {
    let lines: Vec<String> = hits.iter().take(12).map(|hit| format!("{}: {}", hit.name, hit.place)).collect();
    assert!(hits.is_empty(), "{when}: {} found\n{}", hits.len(), lines.join("\n"));
}
