//! One conversation that a real YubiKey and the virtual one must answer alike. It wipes the PIV application of the card.
//!
//! On a real one only with its serial number and a word for the wiping: see `real-token.sh`.

use crate::lab::{MANAGEMENT, PIN, SELECT, TRIES, prove};
use hsm_test::piv::{CardOptions, OtherProgram, PcscPlace, Share, readers};
use p256::elliptic_curve::sec1::ToSec1Point;
use std::path::{Path, PathBuf};

const WRONG_PIN: &str = "0020008008393939393939ffff";
const WRONG_PUK: &str = "002c0080103939393939393939363534333231ffff";
/// RESET RETRY COUNTER: PUK 12345678, new PIN 654321.
const UNBLOCK: &str = "002c0080103132333435363738363534333231ffff";
const NEW_PIN: &str = "0020008008363534333231ffff";

/// A card with the person who touches it, or does not.
struct Lab<'a> {
    program: OtherProgram,
    serial: u32,
    /// Called before a command that waits for a touch: whether to touch.
    finger: &'a dyn Fn(bool),
}

impl Lab<'_> {
    fn ask(&mut self, apdu: &str) -> String {
        let mut answer = self.program.ask(apdu);
        while answer[answer.len() - 4..].starts_with("61") {
            answer.truncate(answer.len() - 4);
            answer += &self.program.ask("00c0000000");
        }
        answer
    }

    #[track_caller]
    fn expect(&mut self, talk: &[(&str, &str)]) {
        for (apdu, answer) in talk {
            assert_eq!(self.ask(apdu), *answer, "{apdu}");
        }
    }

    /// Everything in the PIV application is gone after this.
    fn wipe(&mut self) {
        for wrong in [WRONG_PIN, WRONG_PUK] {
            let blocked = (0..=255).any(|_| self.ask(wrong) == "6983");
            assert!(blocked, "it does not block");
        }
        self.expect(&[("00fb0000", "9000"), (TRIES, "63c3")]);
    }

    fn generate(&mut self, slot: &str, policies: &str) -> p256::PublicKey {
        let answer = self.ask(&format!("004700{slot}0bac09800111{policies}"));
        assert!(answer.starts_with("7f49438641") && answer.ends_with("9000"), "{answer}");
        p256::PublicKey::from_sec1_bytes(&hex::decode(&answer[10..140]).unwrap()).unwrap()
    }

    fn agree(&mut self, slot: &str, with: &[u8]) -> String {
        self.ask(&format!("008711{slot}477c4582008541{}", hex::encode(with)))
    }
}

fn conversation(mut program: OtherProgram, serial: u32, finger: &dyn Fn(bool)) {
    assert!(program.ask(SELECT).ends_with("9000"));
    let mut lab = Lab { program, serial, finger };
    lab.wipe();
    lab.expect(&[(SELECT, "61114f0600001000010079074f05a0000003089000")]);
    let version = lab.ask("00fd0000");
    pins(&mut lab);
    let aes = version.as_str() >= "050700";
    let proof = if aes {
        prove::<aes::Aes192>(&mut lab.program, "0a", MANAGEMENT)
    } else {
        prove::<des::TdesEde3>(&mut lab.program, "03", MANAGEMENT)
    };
    assert_eq!(proof, "9000");
    keys(&mut lab, version.as_str() >= "050300");
    objects(&mut lab);
    if version.as_str() >= "050300" {
        let management = if aes { "0a" } else { "03" };
        let of_management = format!("0101{management}020200010501019000");
        lab.expect(&[("00f7009b", &of_management), ("00f70095", "6a88")]);
    }
    lab.wipe();
}

fn pins(lab: &mut Lab) {
    lab.expect(&[
        (WRONG_PIN, "63c2"),
        (TRIES, "63c2"),
        (PIN, "9000"),
        (TRIES, "9000"),
        (SELECT, "61114f0600001000010079074f05a0000003089000"),
        (TRIES, "63c3"),
        (UNBLOCK, "9000"),
        (PIN, "63c2"),
        (NEW_PIN, "9000"),
        // Back to the factory's PIN.
        ("0024008010363534333231ffff313233343536ffff", "9000"),
        (WRONG_PIN, "63c2"),
        (WRONG_PIN, "63c1"),
        (WRONG_PIN, "63c0"),
        (WRONG_PIN, "6983"),
        (PIN, "6983"),
        ("002c0080103132333435363738313233343536ffff", "9000"),
    ]);
}

fn keys(lab: &mut Lab, metadata: bool) {
    let own = p256::SecretKey::from_slice(&[7; 32]).unwrap();
    let mut public = own.public_key().to_sec1_point(false).as_bytes().to_vec();
    let theirs = lab.generate("82", "aa0101ab0101");
    let z = hex::encode(own.diffie_hellman(&theirs).raw_secret_bytes());
    assert_eq!(lab.agree("82", &public), format!("7c228220{z}9000"));
    if metadata {
        let point = hex::encode(theirs.to_sec1_point(false).as_bytes());
        lab.expect(&[("00f70082", &format!("0101110202010103010104438641{point}9000"))]);
    }
    let statement = lab.ask("00f9820000");
    assert!(statement.starts_with("3082") && statement.ends_with("9000"), "{statement}");
    // Policies: never, never.
    assert!(statement.contains("060a2b0601040182c40a030804020101"), "{statement}");
    if lab.ask("00f80000").ends_with("9000") {
        assert_eq!(lab.ask("00f80000"), format!("{:08x}9000", lab.serial));
        let number = hex::encode(lab.serial.to_be_bytes());
        // As an integer: without leading zeros.
        let number = number.trim_start_matches("00");
        assert!(statement.contains("060a2b0601040182c40a0307") && statement.contains(number), "{statement}");
    }

    lab.generate("83", "aa0103ab0101");
    assert_eq!(lab.agree("83", &public), "6982", "no PIN");
    lab.expect(&[(PIN, "9000")]);
    assert!(lab.agree("83", &public).ends_with("9000"));
    assert_eq!(lab.agree("83", &public), "6982", "one PIN is for one use");

    lab.generate("84", "aa0101ab0102");
    (lab.finger)(true);
    assert!(lab.agree("84", &public).ends_with("9000"));
    (lab.finger)(false);
    assert_eq!(lab.agree("84", &public), "6982", "no touch");

    public[64] ^= 1;
    assert!(!lab.agree("82", &public).ends_with("9000"), "a point that is not on the curve");
    public[64] ^= 1;
    assert!(!lab.agree("85", &public).ends_with("9000"), "no key there");
}

/// A data object that needs several commands in and several answers out.
fn objects(lab: &mut Lab) {
    let value = "a5".repeat(600);
    let data = format!("5c035fc10a53820258{value}");
    let parts: Vec<&[u8]> = data.as_bytes().chunks(2 * 255).collect();
    for (number, part) in parts.iter().enumerate() {
        let cla = if number + 1 < parts.len() { "10" } else { "00" };
        let part = std::str::from_utf8(part).unwrap();
        lab.expect(&[(&format!("{cla}db3fff{:02x}{part}", part.len() / 2), "9000")]);
    }
    lab.expect(&[
        ("00cb3fff055c035fc10a00", &format!("53820258{value}9000")),
        ("00db3fff075c035fc10a5300", "9000"),
        ("00cb3fff055c035fc10a00", "6a82"),
    ]);
}

#[test]
fn the_virtual_one_answers_as_expected() {
    let Some(place) = PcscPlace::start() else { return };
    let mut free = None;
    for firmware in ["4.3", "5.2", "5.4", "5.7"] {
        let options = CardOptions::default().firmware(firmware).touch_timeout(200).set("attestation", "p256");
        let card = match free.take() {
            Some(reader) => place.card_again(reader, options),
            None => place.card(options),
        };
        let program = card.other_program(Share::Shared).unwrap();
        conversation(program, card.serial(), &|touch| card.finger(if touch { "ready" } else { "away" }));
        free = Some(card.end());
    }
}

/// The number of the token, if somebody named one and said that it may be wiped.
fn real_token() -> Option<u32> {
    let serial = std::env::var("TWINLOCK_REAL_TOKEN").ok()?.parse().expect("TWINLOCK_REAL_TOKEN is a serial number");
    assert_eq!(std::env::var("TWINLOCK_REAL_TOKEN_WIPE").as_deref(), Ok("yes"), "the test wipes the token");
    Some(serial)
}

fn serial_of(socket: &Path, reader: &str) -> Option<(OtherProgram, u32)> {
    let mut program = OtherProgram::connect(socket, reader, Share::Shared).ok()?;
    let mut answer = program.ask(SELECT).ends_with("9000").then(|| program.ask("00f80000"))?;
    if !answer.ends_with("9000") {
        program.ask("00a4040008a000000527200101").ends_with("9000").then_some(())?;
        answer = program.ask("0001100000");
        program.ask(SELECT);
    }
    let serial = u32::from_str_radix(answer.strip_suffix("9000")?, 16).ok()?;
    Some((program, serial))
}

#[test]
#[ignore = "needs a token that may be wiped: hsm-test/real-token.sh"]
fn a_real_one_answers_as_expected() {
    let Some(wanted) = real_token() else { panic!("run it with hsm-test/real-token.sh") };
    let socket = std::env::var_os("PCSCLITE_CSOCK_NAME").map_or_else(|| "/run/pcscd/pcscd.comm".into(), PathBuf::from);
    let all = readers(&socket).into_iter().filter(|reader| reader.present && reader.name.contains("Yubi"));
    let mut found = all.filter_map(|reader| serial_of(&socket, &reader.name));
    let (program, serial) = found.find(|(_, serial)| *serial == wanted).expect("the token is in a reader");
    conversation(program, serial, &|touch| {
        let what = if touch { "touch the token when it blinks" } else { "do NOT touch the token now" };
        eprintln!("\n>>> {what}; Enter");
        // A person reads before the light blinks.
        let _ = std::io::stdin().read_line(&mut String::new());
    });
}
