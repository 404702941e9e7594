//! Custodians, 2 of 3: Bob with his YubiKey and Cyd with a code, each on a machine of their own, and a telephone.

use crate::machine::{ADA, CHEAP, Machine, PASSWORD, PIN};
use crate::story::{says, tell, types};
use hsm_test::piv::CardOptions;

pub const TITLE: &str = "I lost everything, and friends hold my keys";
const NEW: &str = "four other random words";

#[test]
fn told() {
    let (Some(ada), Some(bob)) = (Machine::with_readers("ada"), Machine::with_readers("bob")) else { return };
    let cyd = Machine::new("cyd");
    let keys = bob.path("keys-of-the-card");
    let card = ada.card_of("bob", CardOptions::default().file(&keys));
    ada.write("pw", PASSWORD);
    ada.write("dan", "a password of dan for ada alone");
    ada.ok(&format!("init --factor password --new-password-file pw --no-recovery {CHEAP}"));
    ada.write("value", "Tr0ub4dor & 3");
    ada.ok("add github --username ada --value-file value --password-file pw");
    let friends = format!("--factor piv:serial={ADA};name=bob --factor recovery --factor password");
    let files = "--recovery-out code-of-cyd --new-password-file dan --password-file pw --pin-file pin";
    ada.ok(&format!("keyslot enroll --custodians --name friends --threshold 2 {friends} {files} --force {CHEAP}"));
    card.end();
    let _card = bob.card(CardOptions::default().firmware("5.7").serial(ADA).file(&keys));
    let typing = [
        // Bob's answer
        says("[y/N] ", "y"),
        types("PIN of token", PIN),
        // Cyd's
        says("[y/N] ", "y"),
        types("Recovery code for", &ada.read("code-of-cyd")),
        // combine
        says("[Y/n] ", ""),
        types("New password", NEW),
        types("The same password again: ", NEW),
        // keyslot wipe
        types("(keyslot 'password-2'): ", NEW),
        says("[y/N] ", "y"),
        // list
        types("Password for", NEW),
    ];
    tell(TITLE, &ada, typing, |hand| match hand {
        "you send the file request to Bob and to Cyd; both call you, and you read the four words to them" => {
            ada.carry("request", &bob);
            ada.carry("request", &cyd);
            None
        }
        "Bob, at his machine, with his own YubiKey" => Some(&bob),
        "Cyd, at hers, with the code that she keeps for you" => Some(&cyd),
        "they send you their answers; you, at your machine" => {
            bob.carry("answer-of-bob", &ada);
            cyd.carry("answer-of-cyd", &ada);
            Some(&ada)
        }
        other => panic!("{other}"),
    });
}
