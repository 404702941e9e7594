//! Neither PIN, PUK, management key nor shared secret is said anywhere, in any form, whatever is asked of the log: by a setup, by `token
//! unblock`, and by what uses the key.

use crate::card_lab::MANAGEMENT;
use crate::keys::person;
use crate::lab::Person;
use hsm_test::piv::{CardOptions, VirtualYubikey};

const LEVELS: [&str; 8] =
    ["off", "error", "warn", "info", "debug", "trace", "yubikey=trace", "trace,yubikey::apdu=trace,pcsc=trace"];
const OWN: &str = "a1a2a3a4a5a6a7a8b1b2b3b4b5b6b7b8c1c2c3c4c5c6c7c8";
/// Codes that are nobody's, and in no serial number.
const PINS: [&str; 2] = ["735501", "864602"];
const PUKS: [&str; 2] = ["99887766", "55443322"];
const WRONG: &str = "291837";

/// What a program may make of bytes: as they are, in hexadecimal, as a list of numbers, in base 64 at each of its three places.
fn forms(secret: &[u8]) -> Vec<String> {
    let joined = |format: fn(&u8) -> String, between: &str| secret.iter().map(format).collect::<Vec<_>>().join(between);
    let lower = joined(|byte| format!("{byte:02x}"), "");
    let mut forms = vec![
        lower.to_uppercase(),
        lower,
        joined(|byte| format!("{byte:02x}"), " "),
        joined(|byte| format!("{byte:02X}"), " "),
        joined(|byte| format!("{byte:02x}"), ":"),
        joined(|byte| format!("{byte:02x}"), ", "),
        joined(|byte| format!("{byte:#04x}"), ", "),
        joined(u8::to_string, ", "),
        joined(u8::to_string, ","),
    ];
    for place in 0..3 {
        // Of the first and the last sign a part of the bits is that of their neighbours.
        let all = [&vec![0; place], secret, &[0; 2]].concat();
        let own = (place * 8).div_ceil(6)..(place + secret.len()) * 8 / 6;
        for last in [[b'+', b'/'], [b'-', b'_']] {
            forms.push(base64(&all, last)[own.clone()].to_owned());
        }
    }
    forms
}

/// Base 64 without its end, if that is not a whole group.
fn base64(bytes: &[u8], last: [u8; 2]) -> String {
    let alphabet: Vec<u8> = (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').chain(last).collect();
    let group = |three: &[u8]| {
        let all = three.iter().fold(0_u32, |all, &byte| all << 8 | u32::from(byte));
        [18, 12, 6, 0].map(|shift| char::from(alphabet[(all >> shift & 63) as usize]))
    };
    bytes.chunks_exact(3).flat_map(group).collect()
}

/// Looks for a secret in what was said.
fn found(output: &[u8], secret: &[u8]) -> Option<String> {
    let has = |form: &[u8]| output.windows(form.len()).any(|window| window == form);
    if has(secret) {
        return Some("as it is".to_owned());
    }
    forms(secret).into_iter().find(|form| has(form.as_bytes()))
}

#[test]
fn each_form_would_be_found() {
    let secret = b"735501";
    for text in [
        "x735501y",
        "PIN 373335353031ffff",
        "[55, 51, 53, 53, 48, 49, 255]",
        "00 20 00 80 08 37 33 35 35 30 31 FF FF",
        // "735501", ".735501", "..735501" and what follows.
        "NzM1NTAx/w==",
        "LjczNTUwMf8=",
        "Li43MzU1MDH/",
    ] {
        assert!(found(text.as_bytes(), secret).is_some(), "{text}");
    }
    assert_eq!(found(b"735502 373335353032 NzM1NTAy", secret), None);
}

/// Runs a command with a log level, and looks for every secret of the test in what it says.
#[track_caller]
fn run(person: &Person, level: &str, line: &str, code: &[i32], card: &VirtualYubikey) {
    let mut command = person.command(&format!("{line} --no-input"));
    command.env("RUST_LOG", level).env("RUST_LOG_STYLE", "never").env("RUST_BACKTRACE", "full");
    let output = command.output().expect("the program can be run");
    let said = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.code().is_some_and(|ended| code.contains(&ended)), "{line}: {text}");
    let own = hex::decode(OWN).expect("hexadecimal");
    let shared = hex::decode(card.tell("agreed")).expect("the card speaks hexadecimal");
    let codes = PINS.iter().chain(&PUKS).chain([&WRONG]).map(|code| code.as_bytes());
    for secret in codes.chain([&own[..], &shared]).filter(|secret| !secret.is_empty()) {
        if let Some(form) = found(&said, secret) {
            panic!("{level}: '{line}' said a secret ('{form}'):\n{text}");
        }
    }
    for trace in ["Apdu", ">>>", "<<<"] {
        assert!(!text.contains(trace), "{level}: {text}");
    }
}

#[test]
fn no_log_level_brings_out_what_was_typed_or_agreed() {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    let all = ["--reader", card.reader(), "piv", "access"];
    let change = ["change-management-key", "-m", MANAGEMENT, "-n", OWN];
    if person.place.must("ykman", &[&all[..], &change].concat()).is_none() {
        return;
    }
    person.place.must("ykman", &[&all[..], &["change-pin", "-P", "123456", "-n", PINS[0]]].concat());
    person.place.must("ykman", &[&all[..], &["change-puk", "-p", "12345678", "-n", PUKS[0]]].concat());
    person.write("management", OWN);
    person.write("wrong", WRONG);
    person.write("wrong-management", OWN.replace('a', "9"));
    let setup = "token setup piv --management-key-file management";
    for (at, level) in LEVELS.into_iter().enumerate() {
        let (old, new) = (at % 2, (at + 1) % 2);
        person.write("pin", PINS[old]);
        person.write("new-pin", PINS[new]);
        person.write("puk", PUKS[old]);
        person.write("new-puk", PUKS[new]);
        let codes = "--pin-file pin --new-pin-file new-pin --puk-file puk --new-puk-file new-puk";
        run(&person, level, &format!("{setup} {codes}"), &[0], &card);
        // The PIN is the new one now.
        let slot = 0x82 + at;
        run(&person, level, &format!("token test piv:12345678/{slot:02x} --pin-file new-pin"), &[0], &card);
        assert_eq!(card.tell("agreed").len(), 64, "the secret is known here");
        run(&person, level, &format!("{setup} --pin-file wrong"), &[3], &card);
        run(&person, level, "token setup piv --management-key-file wrong-management --pin-file new-pin", &[3], &card);
        run(&person, level, "token unblock --force --puk-file wrong --new-pin-file pin", &[3], &card);
        run(&person, level, "token unblock --force --puk-file new-puk --new-pin-file new-pin", &[0], &card);
    }
}
