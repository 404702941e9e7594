//! What a person reads of `token setup piv`, `token unblock` and `token list`, word for word. `messages.txt` is the whole of it, to be read
//! from start to end; with `HSM_TEST_BLESS=1` it is written anew.

use crate::keys::person;
use crate::lab::{P256, Person, SPARE, certify, make_key, once};
use hsm_test::piv::{CardOptions, VirtualYubikey};
use std::path::Path;

const EXPECTED: &str = include_str!("messages.txt");
const SETUP: &str = "token setup piv --pin-file pin";
const UNBLOCK: &str = "token unblock --puk-file puk --new-pin-file new-pin";

fn with(options: CardOptions) -> Option<(Person, VirtualYubikey)> {
    let (person, card) = person(options.touch_timeout(400))?;
    person.write("new-pin", "735501");
    person.write("puk", "12345678");
    Some((person, card))
}

#[test]
fn what_a_person_reads() {
    let Some((mut person, card)) = with(CardOptions::default()) else { return };
    person.tell("what is here", "token list");
    person.tell("without a PIN", "token setup piv");
    person.tell("a key is made", &format!("{SETUP} --name ada"));
    person.tell("in a PIV slot that is used", &format!("{SETUP} --piv-slot 82"));
    person.tell("overwriting, with nobody to say which", &format!("{SETUP} --piv-slot 82 --overwrite"));
    person.tell("overwriting", &format!("{SETUP} --piv-slot 82 --overwrite --serial 12345678"));
    person.tell("a PIV slot that is for something else", &format!("{SETUP} --piv-slot 9a"));
    person.tell("another kind of key than there is", &format!("{SETUP} --algorithm rsa2048"));
    person.tell("a kind of key that this firmware does not know", &format!("{SETUP} --algorithm x25519"));
    card.finger("away");
    person.tell("not touched", SETUP);
    card.finger("ready");
    person.tell("and once more", SETUP);
    person.tell("going on with it", &format!("{SETUP} --finish"));
    person.tell("a file that holds no certificates", &format!("{SETUP} --attestation-root pin"));
    card.fault("ins=f9 every sw=6a80");
    person.write("root", card.attestation_root());
    person.tell("a proof that is not there", &format!("{SETUP} --attestation-root root"));
    card.tell("clear-faults");
    card.fault("ins=f9 at=1 wrong");
    person.tell("a forged attestation", &format!("{SETUP} --finish"));
    card.fault("ins=47 at=1 pull-after");
    person.tell("pulled out in the middle", &format!("{SETUP} --pin-policy always"));
    card.seen(false);
    card.insert();
    person.tell("and put back", &format!("{SETUP} --pin-policy always --finish"));
    person.write("management", "0102");
    person.tell("a management key of another form", &format!("{SETUP} --management-key-file management"));
    person.write("management", "00".repeat(24));
    person.tell("another management key", &format!("{SETUP} --management-key-file management"));
    person.tell("a PIN for a YubiKey", "token setup piv:12345678");
    codes(&mut person, &card);
    let mut said = person.said;

    let Some((mut person, card)) = with(CardOptions::default().firmware("4.3")) else { return };
    let foreign = make_key(&card, "83", P256, &once());
    certify(&card, "5fc10e", &foreign);
    person.tell("old firmware", &format!("{SETUP} --pin-policy never"));
    person.tell("what is here, on old firmware", "token list");
    card.tries(0, 3);
    person.tell("old firmware, blocked", UNBLOCK);
    let _spare = person.place.card(CardOptions::default().serial(SPARE));
    person.tell("two YubiKeys", SETUP);
    said += &person.said;
    compare(&said);
}

fn codes(person: &mut Person, card: &VirtualYubikey) {
    person.tell("a PIN that is not blocked", UNBLOCK);
    card.tries(0, 3);
    person.tell("the PIN is blocked", SETUP);
    person.write("new-pin", "123456");
    person.tell("unblocked with the PIN of the factory", UNBLOCK);
    person.write("new-pin", "735501");
    person.tell("unblocked", UNBLOCK);
    person.write("new-puk", "99887766");
    person.write("pin", "735501");
    person.tell("another PUK", &format!("{SETUP} --new-puk-file new-puk"));
    card.tries(0, 3);
    for title in ["a wrong PUK", "a wrong PUK, once more", "the last try of a PUK"] {
        person.tell(title, UNBLOCK);
    }
    card.fault("ins=2c at=1 pull-before");
    person.write("puk", "99887766");
    person.tell("pulled out while the PIN is set anew", &format!("{UNBLOCK} --force-pin"));
    card.seen(false);
    card.insert();
    card.tries(0, 0);
    person.tell("both are blocked", UNBLOCK);
    person.tell("what is here, when both are blocked", "token list");
}

fn compare(said: &str) {
    for secret in ["735501", "99887766"] {
        assert!(!said.contains(secret), "a secret is in:\n{said}");
    }
    if std::env::var_os("HSM_TEST_BLESS").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/piv_setup/messages.txt");
        std::fs::write(path, said).expect("the snapshot can be written");
        return;
    }
    assert!(said == EXPECTED, "HSM_TEST_BLESS=1 writes it anew. What was said:\n{said}");
}
