//! What a person reads when something goes wrong with a PIV card, word for word; with `HSM_TEST_BLESS=1` it is written anew.

use crate::card_lab::MANAGEMENT;
use crate::lab::{AUTHENTICATION, CHUID, Desk, KEY_MANAGEMENT, PIN, PIN_ALWAYS, SIGNATURE, TOUCH, key, object, ykman};
use hsm_test::piv::{CardOptions, PivModule};
use std::fmt::Write as _;

const EXPECTED: &str = include_str!("messages.txt");

struct Teller {
    desk: Desk,
    said: String,
}

impl Teller {
    fn new(module: PivModule, said: String) -> Option<Self> {
        let options = CardOptions::default().touch_timeout(1600);
        let desk = Desk::with(&[module], options, &["Yubico YubiKey OTP+FIDO+CCID"])?;
        // OpenSC's serial number of a card without CHUID is zeros.
        object(&desk.place, &desk.card, CHUID, &[])?;
        Some(Self { desk, said })
    }

    fn tell(&mut self, title: &str, line: &str) {
        let ran = self.desk.run(line);
        let code = ran.code.map_or("none".to_owned(), |code| code.to_string());
        writeln!(self.said, "## {title}\n$ twinlock {line}\n{}=> {code}\n", ran.text).expect("a String can be written");
    }
}

fn keys(teller: &mut Teller, module: PivModule) {
    teller.tell("a key of PIV slot 9a", &format!("token test {AUTHENTICATION}"));
    teller.tell("a key for signatures", &format!("token test {SIGNATURE}"));
    if module == PivModule::OpenSc {
        teller.tell("a key with PIN policy always", &format!("token test {PIN_ALWAYS}"));
    }
    teller.tell("no such key", "token test pkcs11:id=%14");
    teller.tell("a key to be made", "token setup pkcs11:");
}

fn uses(teller: &mut Teller, module: PivModule) {
    const OPEN: &str = "list --keyslot pkcs11";
    teller.desk.enroll(KEY_MANAGEMENT);
    teller.desk.write("pin", "12345");
    teller.tell("a PIN that no PIV card has", OPEN);
    teller.desk.write("pin", "654321");
    teller.tell("a wrong PIN", OPEN);
    teller.desk.write("pin", PIN);
    teller.desk.card.fault("ins=87 pull-before");
    teller.tell("pulled out while it works", OPEN);
    teller.tell("not in the reader", OPEN);
    teller.desk.card.insert();
    teller.desk.card.finger("away");
    teller.tell("not touched", &format!("token test {TOUCH}"));
    let Desk { place, card, .. } = &teller.desk;
    let generate = ["keys", "generate", "-m", MANAGEMENT, "-a", "ECCP256", "9d", "public.pem"];
    ykman(place, card, &generate).expect("ykman is here");
    if module == PivModule::OpenSc {
        teller.tell("a new key beside the old certificate", &format!("token test {KEY_MANAGEMENT}"));
        teller.tell("a new key beside the old certificate, in use", OPEN);
    }
    let Desk { place, card, .. } = &teller.desk;
    another_key(place, card);
    teller.tell("another key", OPEN);
}

/// Makes key and certificate anew, and takes away the CHUID that ykman writes with it.
fn another_key(place: &hsm_test::piv::PcscPlace, card: &hsm_test::piv::VirtualYubikey) {
    key(place, card, "9d", "ECCP256").expect("ykman is here");
    object(place, card, CHUID, &[]).expect("ykman is here");
}

#[test]
fn every_message_is_as_it_was_read() {
    let mut said = String::new();
    for (module, name) in [(PivModule::OpenSc, "OpenSC"), (PivModule::Yubico, "Yubico")] {
        writeln!(said, "# {name}\n").expect("a String can be written");
        let Some(mut teller) = Teller::new(module, said) else { return };
        keys(&mut teller, module);
        uses(&mut teller, module);
        let library = module.library().expect("it was there").display().to_string();
        said = teller.said.replace(&library, "/MODULE.so");
    }
    if std::env::var_os("HSM_TEST_BLESS").is_some() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/piv_pkcs11/messages.txt");
        std::fs::write(file, &said).expect("the sources can be written");
        return;
    }
    for (got, want) in said.split("## ").zip(EXPECTED.split("## ")) {
        assert_eq!(got, want);
    }
    assert_eq!(said.len(), EXPECTED.len(), "a message is missing");
}
