//! Forgotten password: the code opens, and a new password is set beside the token that is still there.

use crate::machine::Machine;
use crate::story::{tell, types};

pub const TITLE: &str = "I forgot my password";
const NEW: &str = "four other random words";

#[test]
fn told() {
    let Some(ada) = Machine::with_hsm("ada") else { return };
    ada.ok("token setup pkcs11:token=office --pin-file pin --mode ecdh-p256");
    ada.vault_of("pkcs11:token=office;object=twinlock");
    let pin = ada.token().pin().to_owned();
    let typing = [
        types("(keyslot 'recovery'): ", &ada.read("code")),
        types("New password", NEW),
        types("The same password again: ", NEW),
        // keyslot test
        types("PIN of token", &pin),
        types("Password for", NEW),
        // kit export
        types("PIN of token", &pin),
        types("Password for", NEW),
    ];
    tell(TITLE, &ada, typing, |hand| panic!("{hand}"));
}
