//! What the tests of the card share: commands in hexadecimal, and a card to send them to.

use aes::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use hsm_test::piv::{CardOptions, OtherProgram, PcscPlace, Share, VirtualYubikey};

/// SELECT of the PIV application.
pub const SELECT: &str = "00a4040005a000000308";
/// VERIFY with the factory's PIN.
pub const PIN: &str = "0020008008313233343536ffff";
/// VERIFY without one: how many tries are left?
pub const TRIES: &str = "00200080";
/// The factory's management key.
pub const MANAGEMENT: &str = "010203040506070801020304050607080102030405060708";

/// A place with one card; nothing where the machine lacks something.
pub fn card(options: CardOptions) -> Option<(PcscPlace, VirtualYubikey)> {
    let place = PcscPlace::start()?;
    let card = place.card(options);
    Some((place, card))
}

/// A program that has selected the PIV application.
pub fn piv(card: &VirtualYubikey) -> OtherProgram {
    let mut program = card.other_program(Share::Shared).expect("nobody else has the card");
    assert!(program.ask(SELECT).ends_with("9000"));
    program
}

/// Proves the factory's management key (3DES).
pub fn manage(program: &mut OtherProgram) {
    assert_eq!(prove::<des::TdesEde3>(program, "03", MANAGEMENT), "9000");
}

/// Mutual authentication with a management key; the status word, after a look at the card's own proof.
pub fn prove<C: KeyInit + BlockCipherEncrypt + BlockCipherDecrypt>(
    program: &mut OtherProgram,
    algorithm: &str,
    key: &str,
) -> String {
    let cipher = C::new_from_slice(&hex::decode(key).unwrap()).unwrap();
    let answer = program.ask(&format!("0087{algorithm}9b047c028000"));
    let Some(witness) = answer.strip_suffix("9000") else { return answer };
    let mut witness = Block::<C>::try_from(&hex::decode(&witness[8..]).unwrap()[..]).unwrap();
    cipher.decrypt_block(&mut witness);
    let length = witness.len();
    let mut challenge = Block::<C>::try_from(&[7; 16][..length]).unwrap();
    let (witness, ours) = (hex::encode(&witness), hex::encode(&challenge));
    let tags = format!("80{length:02x}{witness}81{length:02x}{ours}");
    let (outer, inner) = (2 + 2 * (length + 2), 2 * (length + 2));
    let answer = program.ask(&format!("0087{algorithm}9b{outer:02x}7c{inner:02x}{tags}"));
    let Some(proof) = answer.strip_suffix("9000") else { return answer };
    cipher.encrypt_block(&mut challenge);
    assert_eq!(&proof[8..], hex::encode(&challenge), "the card does not know the key");
    "9000".to_owned()
}
