//! Stolen laptop, with the YubiKey in it, and a thief who has seen password and PIN: what is ended, and what is not.

use crate::machine::{ADA, Machine, PASSWORD, PIN};
use crate::story::{says, tell, types};
use hsm_test::piv::CardOptions;

pub const TITLE: &str = "My laptop was stolen";
const NEW: &str = "four other random words";

#[test]
fn told() {
    let Some(stolen) = Machine::with_readers("ada") else { return };
    let desk = Machine::new("ada");
    let _card = stolen.card_of("ada", CardOptions::default());
    stolen.vault_of(&format!("piv:serial={ADA};name=ada"));
    stolen.carry_vault(&desk, ".local/share/twinlock/vault.twinlock");
    let code = stolen.read("code");
    let typing = [
        // keyslot enroll
        types("(keyslot 'recovery'): ", &code),
        says("[y/N] ", "y"),
        types("New password", NEW),
        types("The same password again: ", NEW),
        // keyslot wipe
        types("(keyslot 'password'): ", NEW),
        says("[y/N] ", "y"),
        // rotate
        types("(keyslot 'password'): ", NEW),
        says("[y/N] ", "y"),
        types("(keyslot 'recovery'): ", &code),
        // list
        types("(keyslot 'password'): ", NEW),
        // The thief, with the old file and the new one.
        types("PIN of token", PIN),
        types("Password for", PASSWORD),
        types("Password or recovery code for", PASSWORD),
        types("Password or recovery code for", ""),
        types("Recovery code for", ""),
    ];
    tell(TITLE, &desk, typing, |hand| match hand {
        "the thief, at your laptop, with your YubiKey, who has seen your password and your PIN" => Some(&stolen),
        "the thief gets the vault file as it is now, too" => {
            desk.carry_vault(&stolen, "new.twinlock");
            None
        }
        other => panic!("{other}"),
    });
}
