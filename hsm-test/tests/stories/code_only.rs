//! Lost both: nothing is left but the paper with the code.

use crate::machine::{ADA, Machine};
use crate::story::{says, tell, types, types_new_code};
use hsm_test::piv::CardOptions;

pub const TITLE: &str = "I lost both, and have only the code";
const NEW: &str = "four other random words";

#[test]
fn told() {
    let Some(ada) = Machine::with_readers("ada") else { return };
    let lost = ada.card_of("ada", CardOptions::default());
    ada.vault_of(&format!("piv:serial={ADA};name=ada"));
    lost.remove();
    let code = ada.read("code");
    let typing = [
        types("(keyslot 'recovery'): ", &code),
        // keyslot enroll
        types("(keyslot 'recovery'): ", &code),
        says("[y/N] ", "y"),
        types("New password", NEW),
        types("The same password again: ", NEW),
        // keyslot wipe
        types("Password for", NEW),
        says("[y/N] ", "y"),
        // recovery new
        types("Password for", NEW),
        types_new_code("from where you keep it: "),
        // rotate
        types("Password for", NEW),
        says("[y/N] ", "y"),
        types_new_code("(keyslot 'recovery'): "),
    ];
    tell(TITLE, &ada, typing, |hand| panic!("{hand}"));
}
