//! Pulled inside APDU n, for every n of a setup: afterwards the token is as before, or has a key that the same command finishes; the PIN was
//! not judged wrong, and nothing that was there is gone.

use crate::lab::{ADA, P256, Person, certify, make_key, once};
use hsm_test::piv::{CardOptions, VirtualYubikey};

const SETUP: &str = "token setup piv --name ada";
/// pcscds at work at the same time: most of the time all wait for a card to be seen.
const WORKERS: u32 = 6;

fn options(firmware: &str) -> CardOptions {
    CardOptions::default().firmware(firmware).serial(ADA).set("attestation", "p256")
}

/// A new card in place of the one before.
fn another(person: &Person, card: VirtualYubikey, firmware: &str) -> VirtualYubikey {
    let reader = card.end();
    person.place.card_again(reader, options(firmware))
}

/// How many APDUs a setup takes, and which of them is the one that makes the key.
fn count(firmware: &str) -> Option<(u32, u32)> {
    let person = Person::new()?;
    let card = person.place.card(options(firmware));
    card.clear_log();
    person.ok(SETUP);
    let log = card.log();
    let made = log.iter().position(|ins| *ins == 0x47).expect("a key was made");
    Some((u32::try_from(log.len()).unwrap(), u32::try_from(made).unwrap() + 1))
}

/// Cuts a setup at every APDU of a range.
fn cut(firmware: &'static str, range: std::ops::RangeInclusive<u32>, made: u32) {
    let workers = (0..WORKERS).map(|worker| {
        let share: Vec<u32> = range.clone().filter(|at| at % WORKERS == worker).collect();
        std::thread::spawn(move || {
            let Some(person) = Person::new() else { return };
            let mut card = person.place.card(options(firmware));
            for at in share {
                for when in ["pull-before", "pull-after"] {
                    card = another(&person, card, firmware);
                    one(&person, &card, &format!("{firmware}: at={at} {when}"), at, made);
                }
            }
        })
    });
    let workers: Vec<_> = workers.collect();
    for worker in workers {
        worker.join().expect("every cut was survived");
    }
}

fn one(person: &Person, card: &VirtualYubikey, what: &str, at: u32, made: u32) {
    card.fault(what.split_once(": ").unwrap().1);
    let ran = person.with_pin(SETUP);
    assert_eq!(ran.code, Some(7), "{what}: {}", ran.stderr);
    let says = ["was pulled out", "is not here", "no YubiKey is here"];
    assert!(says.iter().any(|says| ran.stderr.contains(says)), "{what}: {}", ran.stderr);
    card.seen(false);
    card.tell("clear-faults");
    card.insert();
    let again = person.with_pin(&format!("{SETUP} --finish"));
    assert_eq!(again.code, Some(0), "{what}: {}", again.stderr);
    if at < made {
        assert_eq!(again.stdout, "piv:serial=12345678;slot=82;name=ada\n", "{what}: nothing was made before");
        assert!(again.stderr.contains("made a key"), "{what}: {}", again.stderr);
    }
    // Either this one finished the key, or the first one had: never is one left behind that nobody can explain.
    let left = person.with_pin("token setup piv --piv-slot 82 --name ada");
    assert!(left.stderr.contains("touch always, made by twinlock for 'ada'"), "{what}: {}", left.stderr);
    assert_eq!(left.code, Some(1), "{what}: {}", left.stderr);
    let keys = if again.stdout.contains("slot=82") { 1 } else { 2 };
    let listed = person.run("token list --json").stdout;
    assert_eq!(listed.matches("\"piv_slot\"").count(), keys, "{what}: {listed}");
    assert!(listed.contains("\"pin_tries\": 3"), "{what}: {listed}");
}

#[test]
fn a_setup_is_cut_at_every_apdu() {
    let Some((all, made)) = count("5.4") else { return };
    println!("{all} APDUs, of which {made} until the key is made");
    cut("5.4", 1..=all, made);
}

#[test]
fn on_old_firmware_too_from_where_it_writes() {
    let Some((all, made)) = count("4.3") else { return };
    println!("{all} APDUs, of which {made} until the key is made");
    cut("4.3", made - 4..=all, made);
}

#[test]
fn an_overwriting_is_cut_at_every_apdu_that_writes() {
    for firmware in ["4.3", "5.4"] {
        let overwrite = format!("{SETUP} --piv-slot 82 --overwrite --serial {ADA}");
        let Some(person) = Person::new() else { return };
        let mut card = person.place.card(options(firmware));
        for fault in ["ins=47 pull-before", "ins=47 pull-after", "ins=db at=1 pull-before", "ins=db at=2 pull-after"] {
            card = another(&person, card, firmware);
            let foreign = make_key(&card, "82", P256, &once());
            certify(&card, "5fc10d", &foreign);
            card.fault(fault);
            let ran = person.with_pin(&overwrite);
            assert_eq!(ran.code, Some(7), "{firmware} {fault}: {}", ran.stderr);
            card.seen(false);
            card.tell("clear-faults");
            card.insert();
            let again = person.with_pin(&overwrite);
            assert_eq!(again.code, Some(0), "{firmware} {fault}: {}", again.stderr);
            let listed = person.run("token list --json").stdout;
            assert_eq!(listed.matches("\"piv_slot\"").count(), 1, "{firmware} {fault}: {listed}");
        }
    }
}
