//! New laptop: kit, password and token are there, and a backup of the vault.

use crate::machine::{ADA, Machine, PASSWORD, PIN};
use crate::story::{tell, types};
use hsm_test::piv::CardOptions;

pub const TITLE: &str = "I have a new laptop, my kit, my password and my token";

#[test]
fn told() {
    let (Some(old), Some(new)) = (Machine::with_readers("ada"), Machine::with_readers("ada")) else { return };
    let keys = new.path("keys-of-the-card");
    let card = old.card_of("ada", CardOptions::default().file(&keys));
    old.vault_of(&format!("piv:serial={ADA};name=ada"));
    old.ok("kit export -o kit.png --password-file pw --pin-file pin");
    old.ok("backup personal.backup");
    card.end();
    old.carry("kit.png", &new);
    let _card = new.card(CardOptions::default().firmware("5.7").serial(ADA).file(&keys));
    let opens = || [types("PIN of token", PIN), types("Password for", PASSWORD)];
    tell(TITLE, &new, [opens(), opens(), opens(), opens()].into_iter().flatten(), |hand| {
        assert_eq!(hand, "copy your backup to the new laptop: here it is called personal.backup");
        old.carry("personal.backup", &new);
        None
    });
}
