//! Lost token: the code opens, a new YubiKey takes the lost one's place.

use crate::machine::{ADA, Machine, PASSWORD, SPARE};
use crate::story::{says, tell, types};
use hsm_test::piv::CardOptions;

pub const TITLE: &str = "I lost my token";
/// Of the new YubiKey.
const NEW_PIN: &str = "735501";

#[test]
fn told() {
    let Some(ada) = Machine::with_readers("ada") else { return };
    let lost = ada.card_of("ada", CardOptions::default());
    ada.vault_of(&format!("piv:serial={ADA};name=ada"));
    lost.remove();
    let new = ada.card(CardOptions::default().firmware("5.7").serial(SPARE).not_inserted());
    let code = ada.read("code");
    let typing = [
        types("(keyslot 'recovery'): ", &code),
        says("[Y/n] ", ""),
        types("New PIN", NEW_PIN),
        types("The same PIN again: ", NEW_PIN),
        says("[Y/n] ", ""),
        types("New PUK", "31415926"),
        types("The same PUK again: ", "31415926"),
        // keyslot enroll
        types("(keyslot 'recovery'): ", &code),
        types("New password", PASSWORD),
        types("The same password again: ", PASSWORD),
        says("(Enter: none): ", "new"),
        types("PIN of token", NEW_PIN),
        // keyslot test
        types("PIN of token", NEW_PIN),
        types("Password for", PASSWORD),
        // keyslot wipe
        types("PIN of token", NEW_PIN),
        types("Password for", PASSWORD),
        says("[y/N] ", "y"),
        // rotate
        types("PIN of token", NEW_PIN),
        types("Password for", PASSWORD),
        says("[y/N] ", "y"),
        types("(keyslot 'recovery'): ", &code),
    ];
    tell(TITLE, &ada, typing, |hand| {
        assert_eq!(hand, "plug in the new YubiKey");
        new.insert();
        None
    });
}
