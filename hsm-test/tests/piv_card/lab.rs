//! What the tests of the card share: commands in hexadecimal, and a card to send them to.

use hsm_test::piv::{CardOptions, OtherProgram, PcscPlace, Share, VirtualYubikey};

/// SELECT of the PIV application.
pub const SELECT: &str = "00a4040005a000000308";
/// VERIFY with the factory's PIN.
pub const PIN: &str = "0020008008313233343536ffff";
/// VERIFY without one: how many tries are left?
pub const TRIES: &str = "00200080";

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
