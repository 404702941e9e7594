//! Neither PIN nor shared secret is said anywhere, whatever is asked of the log.

use crate::lab::{Person, once};
use hsm_test::piv::CardOptions;

#[test]
fn no_log_level_brings_out_a_pin() {
    let Some((person, _card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    person.write("wrong", "234567");
    for level in ["off", "error", "warn", "info", "debug", "trace", "yubikey=trace", "yubikey::apdu=trace,pcsc=trace"] {
        for file in ["pin", "wrong"] {
            let mut command = person.command(&format!("list --no-input --keyslot piv --pin-file {file}"));
            command.env("RUST_LOG", level).env("RUST_LOG_STYLE", "never").env("PCSCLITE_DEBUG", "0");
            let output = command.output().expect("the program can be run");
            let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            for secret in ["123456,", "123456 ", "234567", "49, 50, 51", "31, 32, 33", "Apdu", ">>>", "<<<"] {
                assert!(!text.replace("12345678", "").contains(secret), "{level}: {text}");
            }
        }
        person.opens();
    }
}

#[test]
fn the_program_has_no_trace_in_it() {
    // The texts of the crate's trace calls are gone from the program: the calls are.
    let program = std::fs::read(hsm_test::twinlock()).expect("the program can be read");
    let has = |text: &str| program.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!has("going to send "), "yubikey's trace calls are in the program");
    assert!(!has("The card indicates there is "), "yubikey's trace calls are in the program");
    // Something of the crate is there, so that the texts are looked for in the right place.
    assert!(has("YubiKey"));
}

#[test]
fn a_verified_pin_does_not_stay_on_the_card() {
    let Some((person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    assert_eq!(person.opens().code, Some(0));
    assert!(!card.pin_is_verified());
    std::fs::create_dir_all(person.path("twinlock")).unwrap();
    person.write("twinlock/config.toml", "[piv]\nleave-card = true\n");
    assert_eq!(person.opens().code, Some(0));
    assert!(card.pin_is_verified(), "as the person wished");
}
