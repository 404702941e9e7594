//! For a person: pcscd with cards, from a shell.

use hsm_test::piv::{CardOptions, PcscPlace};
use std::path::Path;

/// Starts everything in `folder`, says how a client finds it, and stays until stdin ends. Each card's options, with `--` between cards.
pub fn run(folder: &Path, cards: &[&str]) -> Result<(), String> {
    let place = PcscPlace::start_in(folder).ok_or("what is missing is said above")?;
    println!("export {}={}", hsm_test::piv::SOCKET_VARIABLE, place.socket().display());
    let mut kept = Vec::new();
    for options in cards.split(|word| *word == "--") {
        let options = options.iter().fold(CardOptions::default(), |all, word| {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            all.set(name, value)
        });
        let card = place.card(options);
        println!(
            "# card in '{}': virtual-yubikey ctl {} insert|remove|touch|...",
            card.reader(),
            card.control().display()
        );
        kept.push(card);
    }
    println!("# ready; ends with stdin");
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).map(drop).map_err(|why| why.to_string())
}
