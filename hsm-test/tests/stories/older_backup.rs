//! Older backup put back: by somebody else, and by oneself.

use crate::machine::{Machine, PASSWORD};
use crate::story::{says, tell, types};

pub const TITLE: &str = "The vault says that it is older than it was";

#[test]
fn told() {
    let Some(ada) = Machine::with_hsm("ada") else { return };
    ada.ok("token setup pkcs11:token=office --pin-file pin");
    ada.vault_of("pkcs11:token=office;object=twinlock");
    let put_back = |name: &str| std::fs::copy(ada.path(name), ada.vault()).expect("there is a backup");
    ada.ok("backup monday.backup");
    ada.ok("add wifi --note --value-file value --password-file pw --pin-file pin");
    ada.ok("backup friday.backup");
    put_back("monday.backup");
    let pin = ada.token().pin().to_owned();
    let opens = || [types("PIN of token", &pin), types("Password for", PASSWORD)];
    let typing = opens()
        .into_iter()
        .chain([says("[y/N] ", "n")])
        .chain(opens())
        .chain(opens())
        .chain(opens())
        .chain([says("[y/N] ", "y")])
        .chain(opens());
    tell(TITLE, &ada, typing, |hand| {
        assert_eq!(hand, "another day you copy monday.backup over the vault yourself");
        put_back("monday.backup");
        None
    });
}
