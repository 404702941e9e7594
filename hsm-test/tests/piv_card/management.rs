//! The management key: its ciphers, its proof, its touch; what only it allows; what hosts keep about it on the card.

use crate::lab::{MANAGEMENT, PIN, card, manage, piv, prove};
use hsm_test::piv::CardOptions;

const GENERATE: &str = "0047009d05ac03800111";

#[test]
fn without_it_nothing_is_changed() {
    let Some((_place, card)) = card(CardOptions::default().firmware("5.7")) else { return };
    let mut program = piv(&card);
    assert_eq!(program.ask(PIN), "9000");
    for apdu in [
        "00db3fff095c035fc1055302aabb".to_owned(),
        GENERATE.to_owned(),
        format!("00fe119d220620{}", "11".repeat(32)),
        "00f6ff9d".to_owned(),
        format!("00ffffff1b039b18{MANAGEMENT}"),
        "00fa0303".to_owned(),
    ] {
        assert_eq!(program.ask(&apdu), "6982", "{apdu}");
    }
}

#[test]
fn a_wrong_one_is_refused_and_each_challenge_counts_once() {
    let Some((_place, card)) = card(CardOptions::default()) else { return };
    let mut program = piv(&card);
    // The high bit: 3DES does not look at the low one.
    let wrong = format!("81{}", &MANAGEMENT[2..]);
    assert_eq!(prove::<des::TdesEde3>(&mut program, "03", &wrong), "6982");
    assert_eq!(program.ask(GENERATE), "6982");
    // An answer without a challenge.
    assert_eq!(program.ask("0087039b0c7c0a82080000000000000000"), "6982");
    assert_eq!(program.ask("0087089b047c028000"), "6a80", "not its cipher");
    manage(&mut program);
    assert!(program.ask(GENERATE).ends_with("9000"));
    assert!(program.ask("00a4040005a000000308").ends_with("9000"));
    assert_eq!(program.ask(GENERATE), "6982", "SELECT forgets it");
}

#[test]
fn it_can_be_any_of_four_ciphers() {
    let Some((_place, card)) = card(CardOptions::default()) else { return };
    let mut program = piv(&card);
    manage(&mut program);
    // Cipher, default or not, touch.
    assert_eq!(program.ask("00f7009b"), "010103020200010501019000");
    let key = "a1".repeat(32);
    for (number, length) in [("08", 16), ("0a", 24), ("0c", 32), ("03", 24)] {
        let key = &key[..2 * length];
        let set = format!("00ffffff{:02x}{number}9b{length:02x}{key}", length + 3);
        assert_eq!(program.ask(&set), "9000");
        assert!(program.ask("00a4040005a000000308").ends_with("9000"));
        assert_eq!(program.ask("00f7009b"), format!("0101{number}020200010501009000"));
        let proof = match number {
            "08" => prove::<aes::Aes128>(&mut program, number, key),
            "0a" => prove::<aes::Aes192>(&mut program, number, key),
            "0c" => prove::<aes::Aes256>(&mut program, number, key),
            _ => prove::<des::TdesEde3>(&mut program, number, key),
        };
        assert_eq!(proof, "9000", "{number}");
    }
    assert_eq!(program.ask(&format!("00ffffff13039b10{}", "11".repeat(16))), "6a80", "too short");
}

#[test]
fn firmware_decides_which_ciphers_there_are() {
    let aes192 = format!("00ffffff1b0a9b18{}", "11".repeat(24));
    for (firmware, cipher, answer) in
        [("4.3", "03", "6a80"), ("5.2", "03", "6a80"), ("5.4", "03", "9000"), ("5.7", "0a", "9000")]
    {
        let Some((_place, card)) = card(CardOptions::default().firmware(firmware)) else { return };
        let mut program = piv(&card);
        let proof = if cipher == "03" {
            prove::<des::TdesEde3>(&mut program, "03", MANAGEMENT)
        } else {
            assert_eq!(prove::<des::TdesEde3>(&mut program, "03", MANAGEMENT), "6a80");
            prove::<aes::Aes192>(&mut program, "0a", MANAGEMENT)
        };
        assert_eq!((proof.as_str(), program.ask(&aes192).as_str()), ("9000", answer), "{firmware}");
    }
}

#[test]
fn it_can_ask_for_a_touch() {
    let Some((_place, card)) = card(CardOptions::default().touch_timeout(200)) else { return };
    let mut program = piv(&card);
    manage(&mut program);
    assert_eq!(program.ask(&format!("00fffffe1b039b18{MANAGEMENT}")), "9000");
    assert_eq!(program.ask("00f7009b"), "010103020200020501019000");
    manage(&mut program);
    assert_eq!(card.touches(), 1);
    card.finger("away");
    assert!(program.ask("00a4040005a000000308").ends_with("9000"));
    assert_eq!(prove::<des::TdesEde3>(&mut program, "03", MANAGEMENT), "6982");
    assert_eq!(program.ask(GENERATE), "6982");
}

#[test]
fn a_key_for_it_is_kept_behind_the_pin_and_data_about_it_are_not() {
    let Some((_place, card)) = card(CardOptions::default()) else { return };
    let mut program = piv(&card);
    manage(&mut program);
    // Yubico's admin data, and the printed information in which ykman keeps the key itself.
    assert_eq!(program.ask("00db3fff0c5c035fff0053058003810102"), "9000");
    assert_eq!(program.ask("00db3fff0c5c035fc10953058803890101"), "9000");
    assert!(program.ask("00a4040005a000000308").ends_with("9000"));
    assert_eq!(program.ask("00cb3fff055c035fff00"), "530580038101029000");
    assert_eq!(program.ask("00cb3fff055c035fc109"), "6982");
    assert_eq!(program.ask(PIN), "9000");
    assert_eq!(program.ask("00cb3fff055c035fc109"), "530588038901019000");
}
