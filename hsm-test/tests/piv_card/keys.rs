//! Private keys: made, used, brought in, moved; PIN and touch policies; what each firmware has.

use crate::lab::{MANAGEMENT, PIN, card, manage, piv, prove};
use hsm_test::piv::{CardOptions, OtherProgram};
use p256::elliptic_curve::sec1::ToSec1Point;
use std::time::{Duration, Instant};

/// Makes a key and gives its public half: a point, 32 bytes, or a modulus.
fn generate(program: &mut OtherProgram, slot: &str, algorithm: &str, policies: &str) -> Vec<u8> {
    let tags = format!("8001{algorithm}{policies}");
    let length = tags.len() / 2;
    let mut answer = program.ask(&format!("004700{slot}{:02x}ac{length:02x}{tags}", length + 2));
    while let Some(more) = answer.len().checked_sub(4).filter(|at| answer[*at..].starts_with("61")) {
        answer.truncate(more);
        answer += &program.ask("00c0000000");
    }
    let answer = hex::decode(answer.strip_suffix("9000").unwrap_or_else(|| panic!("{algorithm}: {answer}"))).unwrap();
    match answer[..] {
        [0x7f, 0x49, _, 0x86, _, ref point @ ..] => point.to_vec(),
        [0x7f, 0x49, 0x82, _, _, 0x81, 0x82, 1, 0, ref rest @ ..] => {
            assert_eq!(rest[256..], [0x82, 3, 1, 0, 1]);
            rest[..256].to_vec()
        }
        _ => panic!("{}", hex::encode(answer)),
    }
}

/// ECDH with this key; the answer with its tags, or the status word.
fn agree(program: &mut OtherProgram, slot: &str, algorithm: &str, peer: &[u8]) -> String {
    let inner = peer.len() + 4;
    let peer = format!("820085{:02x}{}", peer.len(), hex::encode(peer));
    program.ask(&format!("0087{algorithm}{slot}{:02x}7c{inner:02x}{peer}", inner + 2))
}

/// A key on P-256, whose secret is known.
fn own() -> (p256::SecretKey, Vec<u8>) {
    let secret = p256::SecretKey::from_slice(&[7; 32]).unwrap();
    let public = secret.public_key().to_sec1_point(false).as_bytes().to_vec();
    (secret, public)
}

#[test]
fn a_shared_secret_is_that_of_the_curve() {
    let Some((_place, card)) = card(CardOptions::default().firmware("5.7")) else { return };
    let mut program = piv(&card);
    assert_eq!(prove::<aes::Aes192>(&mut program, "0a", MANAGEMENT), "9000");
    assert_eq!(program.ask(PIN), "9000");

    let (secret, public) = own();
    let theirs = p256::PublicKey::from_sec1_bytes(&generate(&mut program, "9d", "11", "")).unwrap();
    let z = hex::encode(secret.diffie_hellman(&theirs).raw_secret_bytes());
    assert_eq!(agree(&mut program, "9d", "11", &public), format!("7c228220{z}9000"));

    let secret = p384::SecretKey::from_slice(&[7; 48]).unwrap();
    let public = secret.public_key().to_sec1_point(false).as_bytes().to_vec();
    let theirs = p384::PublicKey::from_sec1_bytes(&generate(&mut program, "82", "14", "")).unwrap();
    let z = hex::encode(secret.diffie_hellman(&theirs).raw_secret_bytes());
    assert_eq!(agree(&mut program, "82", "14", &public), format!("7c328230{z}9000"));

    let secret = x25519_dalek::StaticSecret::from([7; 32]);
    let public = x25519_dalek::PublicKey::from(&secret);
    let theirs = <[u8; 32]>::try_from(generate(&mut program, "95", "e1", "")).unwrap();
    let z = hex::encode(secret.diffie_hellman(&theirs.into()).as_bytes());
    assert_eq!(agree(&mut program, "95", "e1", public.as_bytes()), format!("7c228220{z}9000"));
}

#[test]
fn a_point_that_is_none_and_a_key_that_is_not_there_are_refused() {
    let Some((_place, card)) = card(CardOptions::default()) else { return };
    let mut program = piv(&card);
    manage(&mut program);
    generate(&mut program, "9d", "11", "aa0101");
    let (_, mut public) = own();
    assert!(agree(&mut program, "9d", "11", &public).ends_with("9000"));
    assert_eq!(agree(&mut program, "9d", "14", &public), "6a80", "another algorithm");
    assert_eq!(agree(&mut program, "9c", "11", &public), "6a80", "no key there");
    assert_eq!(agree(&mut program, "f9", "11", &public), "6a80", "the attestation key is for nothing else");
    public[64] ^= 1;
    assert_eq!(agree(&mut program, "9d", "11", &public), "6a80", "not on the curve");
    assert_eq!(program.ask("0047007f05ac03800111"), "6a86", "no such reference");
    assert_eq!(program.ask("0047009d05ac03800199"), "6a80", "no such algorithm");
}

#[test]
fn rsa_is_the_raw_operation_and_the_answer_comes_in_parts() {
    let Some((_place, card)) = card(CardOptions::default()) else { return };
    let mut program = piv(&card);
    manage(&mut program);
    let modulus = rsa::BigUint::from_bytes_be(&generate(&mut program, "9d", "07", "aa0101"));
    let message = rsa::BigUint::from_bytes_be(&[0x42; 255]);
    let block = message.modpow(&65537_u32.into(), &modulus).to_bytes_be();
    let block = [vec![0; 256 - block.len()], block].concat();
    let command = [&[0x7c, 0x82, 0x01, 0x06, 0x82, 0x00, 0x81, 0x82, 0x01, 0x00][..], &block].concat();
    // Chained: CLA 10 says that more comes.
    assert_eq!(program.ask(&format!("1087079dff{}", hex::encode(&command[..255]))), "9000");
    let rest = hex::encode(&command[255..]);
    let first = program.ask(&format!("0087079d{:02x}{rest}00", rest.len() / 2));
    // 264 bytes: 256, and 8 that wait.
    assert_eq!((first.len(), &first[512..]), (516, "6108"));
    let all = first[..512].to_owned() + program.ask("00c0000000").strip_suffix("9000").unwrap();
    assert_eq!(all, format!("7c8201048282010000{}", "42".repeat(255)));

    // The same with an extended length, whose answer comes at once.
    let long = format!("0087079d00{:04x}{}0000", command.len(), hex::encode(&command));
    assert_eq!(program.ask(&long), all + "9000");
    assert!(program.ask("00c0000000").starts_with("69"), "nothing waits");
}

#[test]
fn pin_policies_hold() {
    let Some((_place, card)) = card(CardOptions::default()) else { return };
    let mut program = piv(&card);
    manage(&mut program);
    let (_, public) = own();
    for (slot, policy) in [("82", "aa0101"), ("83", "aa0102"), ("84", "aa0103"), ("9a", ""), ("9c", ""), ("9e", "")] {
        generate(&mut program, slot, "11", policy);
    }
    // Algorithm, PIN and touch policy, made here.
    for (slot, policies) in
        [("82", "0101"), ("83", "0201"), ("84", "0301"), ("9a", "0201"), ("9c", "0301"), ("9e", "0101")]
    {
        let metadata = program.ask(&format!("00f700{slot}"));
        assert!(metadata.starts_with(&format!("0101110202{policies}0301010443864104")), "{metadata}");
    }
    let mut works = |slot: &str| agree(&mut program, slot, "11", &public).ends_with("9000");
    let without: Vec<bool> = ["82", "83", "84", "9a", "9c", "9e"].map(&mut works).to_vec();
    assert_eq!(without, [true, false, false, false, false, true]);
    assert_eq!(program.ask(PIN), "9000");
    let mut works = |slot: &str| agree(&mut program, slot, "11", &public).ends_with("9000");
    // Once: for as long as nothing forgets it. Always: for the command after it.
    let with: Vec<bool> = ["84", "84", "83", "9a", "9c", "82"].map(&mut works).to_vec();
    assert_eq!(with, [true, false, true, true, false, true]);
    assert_eq!((program.ask(PIN), program.ask("00fd0000")), ("9000".into(), "0504039000".into()));
    assert_eq!(agree(&mut program, "84", "11", &public), "6982", "another command came between");
}

#[test]
fn touch_policies_hold() {
    let Some((_place, card)) = card(CardOptions::default().finger("away").touch_timeout(300)) else { return };
    let mut program = piv(&card);
    manage(&mut program);
    for (slot, touch) in [("82", "01"), ("83", "02"), ("84", "03")] {
        generate(&mut program, slot, "11", &format!("aa0101ab01{touch}"));
    }
    let (_, public) = own();
    let ask = |program: &mut OtherProgram, slot: &str| agree(program, slot, "11", &public).ends_with("9000");
    assert!(ask(&mut program, "82"));
    let start = Instant::now();
    assert!(!ask(&mut program, "83"), "nobody touched it");
    assert!(start.elapsed() >= Duration::from_millis(300));
    // A touch before the light blinks is none.
    card.touch();
    assert!(!ask(&mut program, "83"));
    card.tell("touch-timeout 15000");
    for (slot, touches) in [("83", 1), ("83", 2), ("84", 3)] {
        let mut program = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let mut program = card.other_program(hsm_test::piv::Share::Shared).unwrap();
                assert!(ask(&mut program, slot));
                program
            });
            card.wait_for_light();
            card.touch();
            waiting.join().unwrap()
        });
        assert_eq!(card.touches(), touches);
        program.ask("00fd0000");
    }
    card.tell("touch-timeout 100");
    assert!(ask(&mut program, "84"), "the last touch still counts");
    card.tell("touch-cache 0");
    card.finger("20");
    assert!(ask(&mut program, "83") && ask(&mut program, "84"));
    card.finger("away");
    assert!(!ask(&mut program, "84"), "it does not any more");
}

#[test]
fn a_card_that_is_pulled_out_while_the_light_blinks_is_gone_at_once() {
    let Some((_place, card)) = card(CardOptions::default().finger("away")) else { return };
    let mut program = piv(&card);
    manage(&mut program);
    generate(&mut program, "83", "11", "aa0101ab0102");
    let waiting = std::thread::spawn(move || {
        let (_, public) = own();
        program.send(&[&hex::decode("00871183477c4582008541").unwrap()[..], &public].concat())
    });
    card.wait_for_light();
    card.remove();
    // So says this reader's driver; that of a real one says that the command was not transacted.
    assert_eq!(waiting.join().unwrap(), Ok(Vec::new()));
    card.insert();
    assert!(piv(&card).ask("00f70083").ends_with("9000"));
}

#[test]
fn keys_are_brought_in_moved_and_deleted() {
    let Some((_place, card)) = card(CardOptions::default().firmware("5.7")) else { return };
    let mut program = piv(&card);
    assert_eq!(prove::<aes::Aes192>(&mut program, "0a", MANAGEMENT), "9000");
    let (_, public) = own();
    assert_eq!(program.ask(&format!("00fe1182280620{}aa0101ab0101", "07".repeat(32))), "9000");
    let metadata = format!("0101110202010103010204438641{}9000", hex::encode(&public));
    assert_eq!(program.ask("00f70082"), metadata);
    generate(&mut program, "83", "11", "aa0101");
    assert_eq!(program.ask("00f68382"), "6a80", "there is a key already");
    assert_eq!(program.ask("00f6849a"), "6a88", "there is none");
    assert_eq!(program.ask("00f684f9"), "6a86");
    assert_eq!(program.ask("00f68482"), "9000");
    assert_eq!((program.ask("00f70082"), program.ask("00f70084")), ("6a88".into(), metadata));
    assert_eq!(program.ask("00f6ff84"), "9000");
    assert_eq!((program.ask("00f70084"), agree(&mut program, "84", "11", &public)), ("6a88".into(), "6a80".into()));
}

#[test]
fn each_firmware_has_what_it_had() {
    let serial = 12_345_678;
    for (firmware, version, serial_in_piv, metadata, seven) in [
        ("4.3", "040307", false, false, false),
        ("5.2", "050207", true, false, false),
        ("5.3.0", "050300", true, true, false),
        ("5.4", "050403", true, true, false),
        ("5.7", "050701", true, true, true),
    ] {
        let Some((_place, card)) = card(CardOptions::default().firmware(firmware).serial(serial)) else { return };
        let mut program = piv(&card);
        let has = |answer: &str| !answer.ends_with("6d00");
        assert_eq!(program.ask("00fd0000"), format!("{version}9000"));
        assert_eq!(has(&program.ask("00f80000")), serial_in_piv, "{firmware}");
        assert_eq!(has(&program.ask("00f7009d")), metadata, "{firmware}");
        assert_eq!(has(&program.ask("00f6ff9d")), seven, "{firmware}");
        let proof = if seven { prove::<aes::Aes192>(&mut program, "0a", MANAGEMENT) } else { "9000".to_owned() };
        if !seven {
            manage(&mut program);
        }
        assert_eq!(
            (proof.as_str(), program.ask("0047009d05ac038001e1").ends_with("9000")),
            ("9000", seven),
            "{firmware}"
        );
        assert!(program.ask("0047009d05ac03800114").ends_with("9000"));
        // Each of them has it in its OTP application.
        assert_eq!(program.ask("00a4040008a000000527200101"), format!("{version}0000009000"));
        assert_eq!(program.ask("00011000"), format!("{serial:08x}9000"));
        assert_eq!(program.ask("00fd0000"), "6d00");
    }
}

#[test]
fn other_cards_are_other_cards() {
    let Some((_place, other)) = card(CardOptions::default().mode("piv")) else { return };
    let mut program = piv(&other);
    for ins in ["fd", "f8", "f7", "f9", "ff", "fa", "fb"] {
        assert_eq!(program.ask(&format!("00{ins}0000")), "6d00");
    }
    assert_eq!(program.ask(PIN), "9000");
    manage(&mut program);
    generate(&mut program, "9d", "11", "");
    assert_eq!(program.ask("00a4040008a000000527200101"), "6a82");

    let Some((_place, none)) = card(CardOptions::default().mode("other")) else { return };
    let mut program = none.other_program(hsm_test::piv::Share::Shared).unwrap();
    assert_eq!(program.ask("00a4040005a000000308"), "6a82");
    assert_eq!(program.ask("00fd0000"), "6d00");
}
