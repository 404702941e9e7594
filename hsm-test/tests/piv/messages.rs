//! What a person reads when something goes wrong, word for word. `messages.txt` is the whole of it, to be read from start to end; with
//! `HSM_TEST_BLESS=1` it is written anew.

use crate::card_lab::SELECT;
use crate::lab::{P256, Person, RSA, SPARE, make_key, once, policies};
use hsm_test::piv::{CardOptions, PcscPlace, Share};
use std::path::Path;

const EXPECTED: &str = include_str!("messages.txt");
const OPEN: &str = "list --keyslot piv --pin-file pin";

#[test]
fn what_a_person_reads() {
    let Some(mut person) = Person::new() else { return };
    person.tell("no card in any reader", "init --factor piv --no-recovery");
    person.place.stop_pcscd();
    person.tell("no pcscd", "init --factor piv --no-recovery");
    let mut said = person.said;

    let Some(place) = PcscPlace::with_readers(&[]) else { return };
    let mut person = Person::at(place);
    person.tell("no reader", "init --factor piv --no-recovery");
    person.tell("no reader, listed", "token list");
    said += &person.said;

    let Some((mut person, card)) = Person::with_vault(CardOptions::default().touch_timeout(400), &once()) else {
        return;
    };
    pins(&mut person, &card);
    card.fault("at=4 pull-before");
    person.tell("pulled inside an APDU", OPEN);
    card.seen(false);
    card.tell("clear-faults");
    person.tell("not in", OPEN);
    let other = person.place.card(CardOptions::default().serial(SPARE));
    person.tell("another in its place", OPEN);
    other.remove();
    card.insert();
    let held = card.other_program(Share::Exclusive).expect("the card is free");
    person.tell("held by another program", OPEN);
    drop(held);
    make_key(&card, "82", P256, &once());
    person.tell("re-keyed", OPEN);
    make_key(&card, "82", RSA, &once());
    person.tell(
        "re-keyed with RSA, enrolled anew",
        "keyslot enroll --factor piv:12345678/82 --recovery-file code --pin-file pin",
    );
    reset(&card);
    person.tell("reset", OPEN);
    person.tell("nothing on it to enroll", "keyslot enroll --factor piv:12345678 --recovery-file code");
    make_key(&card, "83", P256, &once());
    person.tell("its PIV slot is empty", OPEN);
    make_key(&card, "84", P256, &once());
    person.tell("several keys", "keyslot enroll --factor piv:12345678 --recovery-file code");
    other.insert();
    person.tell("several tokens", "keyslot enroll --factor piv --recovery-file code");
    person.tell("a name that nobody has", "keyslot enroll --factor piv:eve --recovery-file code");
    person.write("letter.txt", "Dear Ada");
    person.tell("a file that is no key", "keyslot enroll --factor piv:file=letter.txt --recovery-file code");
    said += &person.said;

    let Some((mut person, card)) = Person::with_vault(CardOptions::default().touch_timeout(400), &policies(2, 2))
    else {
        return;
    };
    card.finger("away");
    person.tell("not touched", OPEN);
    card.fault("ins=87 at=1 value-zero");
    card.finger("ready");
    person.tell("an answer that cannot be", OPEN);
    said += &person.said;

    for (title, mode) in [("a card without PIV", "other"), ("a PIV card that is no YubiKey", "piv")] {
        let Some(mut person) = Person::new() else { return };
        let _card = person.place.card(CardOptions::default().mode(mode));
        person.tell(title, "init --factor piv --no-recovery");
        said += &person.said;
    }
    compare(&said);
}

fn pins(person: &mut Person, card: &hsm_test::piv::VirtualYubikey) {
    person.tell("no PIN", "list --keyslot piv");
    for (title, pin) in [
        ("a PIN that is too short", "12345"),
        ("a PIN that is too long", "123456789"),
        ("the YubiKey typed itself", "cccccccbcjdifctrndncchkftchjlnbhvhtugdljibej"),
        ("a wrong PIN", "654321"),
        ("a wrong PIN, once more", "654321"),
        ("the last try", "654321"),
    ] {
        person.write("pin", pin);
        person.tell(title, OPEN);
    }
    person.tell("the last try, forced", &format!("{OPEN} --force-pin"));
    person.write("pin", "123456");
    person.tell("blocked", OPEN);
    card.tries(3, 3);
}

/// PIN and PUK blocked, and the application reset, as the makers' tools do it.
fn reset(card: &hsm_test::piv::VirtualYubikey) {
    card.tries(0, 0);
    let mut program = card.other_program(Share::Shared).expect("the card is free");
    assert!(program.ask(SELECT).ends_with("9000"));
    assert_eq!(program.ask("00fb0000"), "9000");
}

#[test]
fn a_transaction_that_does_not_end() {
    let Some((mut person, card)) = Person::with_vault(CardOptions::default(), &once()) else { return };
    let mut other = card.other_program(Share::Shared).expect("the card is free");
    other.begin().expect("a transaction");
    person.tell("another program holds a transaction", OPEN);
    let expected = "\
## another program holds a transaction
$ twinlock list --keyslot piv --pin-file pin
Waiting for the card: another program may be using it. Ctrl-C stops.
twinlock: error: the card did not answer within 10 seconds: another program is using it
twinlock: hint: if it blinks, touch it, or wait 15 seconds; else close other programs that use smart cards (GnuPG: 'gpgconf --kill scdaemon'); then try again
=> 7

";
    assert_eq!(person.said, expected);
}

fn compare(said: &str) {
    if std::env::var_os("HSM_TEST_BLESS").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/piv/messages.txt");
        std::fs::write(path, said).expect("the snapshot can be written");
        return;
    }
    assert!(said == EXPECTED, "HSM_TEST_BLESS=1 writes it anew. What was said:\n{said}");
}
