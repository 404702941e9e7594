//! Damaged header: the kit puts it back.

use crate::machine::{Machine, PASSWORD};
use crate::story::{tell, types};

pub const TITLE: &str = "The vault says that it is damaged";

#[test]
fn told() {
    let Some(ada) = Machine::with_hsm("ada") else { return };
    ada.ok("token setup pkcs11:token=office --pin-file pin");
    ada.vault_of("pkcs11:token=office;object=twinlock");
    ada.ok("kit export -o kit.pdf --password-file pw --pin-file pin");
    damage(&ada);
    let pin = ada.token().pin().to_owned();
    let opens = || [types("PIN of token", &pin), types("Password for", PASSWORD)];
    tell(TITLE, &ada, [opens(), opens()].into_iter().flatten(), |hand| panic!("{hand}"));
}

/// A letter of the header becomes another one, as on a bad disk.
fn damage(ada: &Machine) {
    let mut bytes = std::fs::read(ada.vault()).expect("there is a vault");
    let word = b"\"epoch\"";
    let at = bytes.windows(word.len()).position(|window| window == word).expect("the header is text");
    bytes[at + 5] ^= 4;
    std::fs::write(ada.vault(), bytes).expect("it is ours");
}
