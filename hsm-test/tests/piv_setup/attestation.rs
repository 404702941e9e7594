//! Where a key was born: told by the token, proven by its maker's certificates, found out where it is a lie.

use crate::card_lab::piv;
use crate::keys::person;
use crate::lab::{ADA, P256, Person, make_key, policies, times};
use hsm_test::piv::{CardOptions, Leave, VirtualYubikey};

const PROVEN: &str = "its attestation proves that the key was born on the YubiKey 12345678";
const CLAIMED: &str = "the YubiKey 12345678 says that the key was born on it";

fn pem(der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for part in der.chunks(3) {
        let bits = part.iter().chain(&[0; 2]).take(3).fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= part.len() { char::from(digit) } else { '=' });
        }
    }
    text + "\n-----END CERTIFICATE-----\n"
}

/// What ATTEST answers for a PIV slot.
fn statement(card: &VirtualYubikey, slot: &str) -> String {
    let mut program = piv(card);
    let mut answer = program.ask(&format!("00f9{slot}0000"));
    while let Some(end) = answer.len().checked_sub(4).filter(|at| answer[*at..].starts_with("61")) {
        answer.truncate(end);
        answer += &program.ask("00c0000000");
    }
    program.leave(Leave::AsItIs);
    answer.strip_suffix("9000").expect("an attestation").to_owned()
}

/// Whether the vault records that the key of keyslot "piv" is proven.
fn recorded(person: &Person) -> bool {
    person.ok("header show").replace(' ', "").contains("\"attested\":true")
}

#[test]
fn it_is_proven_by_the_maker_s_certificate_and_recorded() {
    for (firmware, kind) in [("4.3", "rsa"), ("5.2", "p256"), ("5.4", "rsa"), ("5.7", "p384")] {
        let Some(person) = Person::new() else { return };
        let options = CardOptions::default().firmware(firmware).serial(ADA).set("attestation", kind);
        let card = person.place.card(options);
        person.write("root.der", card.attestation_root());
        let said = person.ok("token setup piv --attestation-root root.der");
        assert!(said.contains(PROVEN), "{firmware} {kind}: {said}");
        person.ok("init --no-recovery --factor piv:12345678/82 --attestation-root root.der");
        assert!(recorded(&person));
        // Without it nothing is proven, and that is recorded.
        let said = person.ok("token setup piv");
        assert!(said.contains(CLAIMED) && said.contains("(--attestation-root)"), "{said}");
        person.ok("init --vault w --no-recovery --factor piv:12345678/83");
        assert!(!person.ok("header show --vault w").contains("attested\":true"));
    }
}

#[test]
fn the_config_file_names_the_maker_s_certificates_once_and_for_all() {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    let Some((_other_place, other)) = crate::card_lab::card(CardOptions::default().set("attestation", "p256")) else {
        return;
    };
    std::fs::create_dir(person.path("twinlock")).unwrap();
    let name = person.path("roots.pem");
    person.write("twinlock/config.toml", format!("[piv]\nattestation-root = \"{}\"\n", name.display()));
    // One of several, in any order.
    person.write("roots.pem", format!("{}x\n{}", pem(&other.attestation_root()), pem(&card.attestation_root())));
    assert!(person.ok("token setup piv").contains(PROVEN));
    person.ok("init --no-recovery --factor piv:12345678/82");
    assert!(recorded(&person));
    person.write("roots.pem", pem(&other.attestation_root()));
    let said = person.ok("token setup piv");
    assert!(said.contains("but the certificates that you trust do not prove it"), "{said}");
    let said = person.ok("init --vault w --no-recovery --factor piv:12345678/83");
    assert!(said.contains("nothing that you trust proves that the key was born on the YubiKey 12345678"), "{said}");
}

#[test]
fn a_proof_that_was_asked_for_and_fails_stops_the_setup() {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    let Some((_place, other)) = crate::card_lab::card(CardOptions::default().set("attestation", "p256")) else {
        return;
    };
    person.write("root", other.attestation_root());
    let ran = person.with_pin("token setup piv --attestation-root root");
    assert_eq!(ran.code, Some(7), "{}", ran.stderr);
    assert!(ran.stderr.contains("its attestation is signed by nobody you trust"), "{}", ran.stderr);
    assert_eq!(times(&card, 0xdb), 1, "the note that it began, and no certificate");
    for (content, why) in
        [("x", "it holds no certificate"), ("-----BEGIN X-----\nZm9v\n-----END X-----", "no certificate")]
    {
        person.write("root", content);
        let ran = person.with_pin("token setup piv --attestation-root root");
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
    }
    // Without a proof it goes on where it stopped.
    assert!(person.ok("token setup piv --finish").contains("finished a key in PIV slot 82"));
    person.write("root", other.attestation_root());
    let ran = person.with_pin("init --no-recovery --factor piv:12345678/82 --attestation-root root");
    assert_eq!(ran.code, Some(7), "{}", ran.stderr);
    assert!(!person.path("v").exists());
}

/// Lets the card answer the next ATTEST with something else, in the parts that it would hand out.
fn forge(card: &VirtualYubikey, statement: &str) {
    let (first, rest) = statement.split_at(statement.len().min(512));
    card.fault(&format!("ins=f9 at=1 replace={first}"));
    card.fault(&format!("ins=c0 at=1 replace={rest}"));
}

#[test]
fn a_forged_attestation_is_found_out() {
    let Some((_place, other)) = crate::card_lab::card(CardOptions::default().set("attestation", "p256")) else {
        return;
    };
    make_key(&other, "82", P256, &policies(2, 2));
    let unsigned = "it is not signed by the token's attestation key";
    for (which, why) in [
        ("of another card", unsigned),
        ("altered", unsigned),
        ("of another key", "it is about another key"),
        ("cut short", "it cannot be read"),
    ] {
        let Some((person, card)) = person(CardOptions::default()) else { return };
        person.write("root", card.attestation_root());
        make_key(&card, "95", P256, &policies(1, 1));
        let mut forged = statement(
            if which == "of another card" { &other } else { &card },
            if which == "of another card" { "82" } else { "95" },
        );
        match which {
            "altered" => {
                let last = if forged.ends_with("00") { "01" } else { "00" };
                forged.replace_range(forged.len() - 2.., last);
            }
            "cut short" => forged.truncate(forged.len() - 2),
            _ => {}
        }
        forge(&card, &forged);
        let ran = person.with_pin("token setup piv --attestation-root root");
        assert_eq!(ran.code, Some(5), "{which}: {}", ran.stderr);
        let says = format!("the attestation of the YubiKey 12345678 is not right: {why}");
        assert!(ran.stderr.contains(&says), "{which}: {}", ran.stderr);
        assert_eq!(times(&card, 0xdb), 1, "{which}: the note that it began, and no certificate");
        // The same lie when a key is enrolled.
        card.tell("clear-faults");
        person.ok("token setup piv --finish --attestation-root root");
        forge(&card, &forged);
        let ran = person.with_pin("init --no-recovery --factor piv:12345678/82 --attestation-root root");
        assert_eq!(ran.code, Some(5), "{which}: {}", ran.stderr);
    }
}

#[test]
fn an_attestation_key_of_one_s_own_proves_nothing() {
    let Some((person, card)) = person(CardOptions::default()) else { return };
    let Some((_place, other)) = crate::card_lab::card(CardOptions::default().set("attestation", "p256")) else {
        return;
    };
    person.write("root", card.attestation_root());
    // The certificate of another card's attestation key, in place of this one's.
    let mut program = piv(&other);
    let mut object = program.ask("00cb3fff055c035fff01");
    while let Some(end) = object.len().checked_sub(4).filter(|at| object[*at..].starts_with("61")) {
        object.truncate(end);
        object += &program.ask("00c0000000");
    }
    let content = hex::decode(object.strip_suffix("9000").unwrap()).unwrap();
    let mut program = piv(&card);
    crate::card_lab::manage(&mut program);
    let data = [&[0x5c, 3, 0x5f, 0xff, 1][..], &content].concat();
    let (last, parts) = data
        .chunks(255)
        .map(hex::encode)
        .collect::<Vec<_>>()
        .split_last()
        .map(|(last, parts)| (last.clone(), parts.to_vec()))
        .unwrap();
    for part in parts {
        assert_eq!(program.ask(&format!("10db3fffff{part}")), "9000");
    }
    assert_eq!(program.ask(&format!("00db3fff{:02x}{last}", last.len() / 2)), "9000");
    program.leave(Leave::Reset);
    let ran = person.with_pin("token setup piv --attestation-root root");
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("it is not signed by the token's attestation key"), "{}", ran.stderr);
}

#[test]
fn a_token_without_attestation_is_set_up_with_a_warning() {
    for firmware in ["4.3", "5.4"] {
        let Some((person, card)) = person(CardOptions::default().firmware(firmware)) else { return };
        card.fault("ins=f9 every sw=6a80");
        let said = person.ok("token setup piv");
        assert!(said.contains("gives no attestation: only its word says"), "{firmware}: {said}");
        person.write("root", card.attestation_root());
        let ran = person.with_pin("token setup piv --attestation-root root");
        assert_eq!(ran.code, Some(7), "{}", ran.stderr);
        assert!(ran.stderr.contains("it gives no attestation of it"), "{}", ran.stderr);
    }
}
