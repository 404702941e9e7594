//! What unlocking with a YubiKey costs beside the card: whole processes, by the key in turns with by a recovery code, which needs neither
//! card nor slow KDF. The difference has the virtual card's own time in it, so the program's share is less.
//!
//! `cargo build --release && cargo bench -p hsm-test --bench piv`

#[allow(dead_code)] // shared with the tests
#[path = "../tests/piv_card/lab.rs"]
mod card_lab;
#[allow(dead_code)]
#[path = "../tests/piv/lab.rs"]
mod lab;

use hsm_test::piv::CardOptions;
use lab::{Person, policies};
use std::time::{Duration, Instant};

/// Runs of each kind.
const RUNS: usize = 200;

fn main() {
    let ways = [("PIN once, no touch", policies(2, 1)), ("PIN once, touch", policies(2, 2)), ("touch alone", policies(1, 2))];
    println!("medians of {RUNS} runs in turns, milliseconds");
    for (name, policies) in ways {
        // A finger that rests on the key: a person's own time is not what is measured.
        let options = CardOptions::default().finger("ready");
        let Some((person, card)) = Person::with_vault(options, &policies) else { return };
        let by_card = "list --keyslot piv --pin-file pin";
        let by_code = "list --keyslot recovery --recovery-file code";
        assert!(person.run(by_card).code == Some(0) && person.run(by_code).code == Some(0), "both ways open");
        card.clear_log();
        person.run(by_card);
        let apdus = card.apdus();
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            with.push(time(&person, by_card));
            without.push(time(&person, by_code));
        }
        let (with, without) = (median(with), median(without));
        println!(
            "{name:20} {apdus} APDUs; by the key {:.2}, by a code {:.2}, difference {:.2}",
            ms(with),
            ms(without),
            ms(with) - ms(without)
        );
    }
}

fn time(person: &Person, line: &str) -> Duration {
    let start = Instant::now();
    let ran = person.run(line);
    let took = start.elapsed();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    took
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all[all.len() / 2]
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
