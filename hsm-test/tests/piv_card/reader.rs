//! Cards in readers: there, gone, there again; several programs at once; a pcscd that dies.

use crate::lab::{PIN, TRIES, card, piv};
use hsm_test::piv::{CardOptions, Leave, PcscPlace, Share};

/// SCARD_E_SHARING_VIOLATION.
const SHARING: u32 = 0x8010_000b;
/// SCARD_E_NO_SERVICE.
const NO_SERVICE: u32 = 0x8010_001d;
/// SCARD_W_RESET_CARD.
const RESET: u32 = 0x8010_0068;
/// SCARD_W_REMOVED_CARD.
const REMOVED: u32 = 0x8010_0069;
/// SCARD_E_NO_SMARTCARD.
const NO_CARD: u32 = 0x8010_000c;

#[test]
fn a_card_comes_and_goes() {
    let Some((place, card)) = card(CardOptions::default()) else { return };
    let there = || place.readers().iter().map(|reader| reader.present).collect::<Vec<_>>();
    assert_eq!(there(), [true, false]);
    let mut program = piv(&card);
    card.remove();
    assert_eq!(there(), [false, false]);
    assert_eq!(program.send(&[0, 0xfd, 0, 0]), Err(REMOVED));
    assert_eq!(card.other_program(Share::Shared).err(), Some(NO_CARD));
    card.insert();
    assert_eq!(there(), [true, false]);
    assert_eq!(piv(&card).ask("00fd0000"), "0504039000");
}

#[test]
fn readers_have_the_names_that_the_test_gives_them() {
    let Some(place) = PcscPlace::with_readers(&[]) else { return };
    assert_eq!(place.readers(), []);
    drop(place);
    let Some(place) = PcscPlace::with_readers(&["ACS ACR39U", "Yubico YubiKey CCID"]) else { return };
    let names: Vec<String> = place.readers().into_iter().map(|reader| reader.name).collect();
    assert_eq!(
        names,
        ["ACS ACR39U 00 00", "ACS ACR39U 00 01", "Yubico YubiKey CCID 00 00", "Yubico YubiKey CCID 00 01"]
    );
    let cards: Vec<_> = (1..=4).map(|serial| place.card(CardOptions::default().serial(serial))).collect();
    for (card, serial) in cards.iter().zip(1..) {
        assert_eq!(piv(card).ask("00f80000"), format!("{serial:08x}9000"));
    }
}

#[test]
fn two_cards_at_once_are_two() {
    let Some((place, first)) = card(CardOptions::default().firmware("5.7")) else { return };
    let second = place.card(CardOptions::default().firmware("5.2"));
    assert_ne!(first.serial(), second.serial());
    let (mut one, mut other) = (piv(&first), piv(&second));
    assert_eq!(one.ask("00f80000"), format!("{:08x}9000", first.serial()));
    assert_eq!(other.ask("00f80000"), format!("{:08x}9000", second.serial()));
    assert_eq!((one.ask(PIN), one.ask(TRIES), other.ask(TRIES)), ("9000".into(), "9000".into(), "63c3".into()));
    first.remove();
    assert_eq!(other.ask("00fd0000"), "0502079000");
}

#[test]
fn a_pin_that_one_program_verified_is_verified_for_all_until_the_card_is_reset() {
    let Some((_place, card)) = card(CardOptions::default()) else { return };
    let mut one = piv(&card);
    let mut other = card.other_program(Share::Shared).unwrap();
    assert_eq!(one.ask(PIN), "9000");
    assert_eq!(other.ask(TRIES), "9000");
    let resets = card.tell("resets");
    other.leave(Leave::AsItIs);
    assert_eq!((one.ask(TRIES), card.tell("resets")), ("9000".to_owned(), resets));

    card.other_program(Share::Shared).unwrap().leave(Leave::Reset);
    assert_eq!(one.send(&[0, 0xfd, 0, 0]), Err(RESET));
    assert_eq!(piv(&card).ask(TRIES), "63c3");
}

#[test]
fn a_card_that_somebody_holds_is_not_to_be_had() {
    let Some((place, card)) = card(CardOptions::default()) else { return };
    let holder = card.other_program(Share::Exclusive).unwrap();
    assert_eq!(card.other_program(Share::Shared).err(), Some(SHARING));
    assert_eq!(place.readers()[0].sharing, -1);
    drop(holder);

    let (mut first, mut second) = (piv(&card), piv(&card));
    first.begin().unwrap();
    let count = card.apdus();
    assert_eq!((second.send(&[0, 0xfd, 0, 0]), second.begin()), (Err(SHARING), Err(SHARING)));
    assert_eq!(first.ask("00fd0000"), "0504039000");
    assert_eq!(card.apdus(), count + 1);
    first.end();
    assert_eq!((second.begin(), second.ask("00fd0000")), (Ok(()), "0504039000".to_owned()));
}

#[test]
fn a_pcscd_that_died_comes_back() {
    let Some((place, card)) = card(CardOptions::default()) else { return };
    let mut program = piv(&card);
    place.stop_pcscd();
    assert_eq!(program.send(&[0, 0xfd, 0, 0]), Err(NO_SERVICE));
    place.start_pcscd();
    assert!(!place.readers()[0].present);
    card.insert();
    assert_eq!(piv(&card).ask("00fd0000"), "0504039000");
}
