//! For a person: pcscd with cards, from a shell.

use hsm_test::piv::{CardOptions, OtherProgram, PcscPlace, Share};
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
    stay()
}

/// Has a card, for itself or in a transaction, so that others are refused. `socket` is that of pcscd.
pub fn hold(socket: &Path, reader: &str, how: &str) -> Result<(), String> {
    let refused = |number: u32| format!("pcscd refuses with {number:#010x}");
    let mut share = Share::Shared;
    if how == "exclusive" {
        share = Share::Exclusive;
    } else if how != "transaction" {
        return Err(format!("'{how}' is not understood"));
    }
    let mut program = OtherProgram::connect(socket, reader, share).map_err(refused)?;
    if share == Share::Shared {
        program.begin().map_err(refused)?;
    }
    stay()
}

fn stay() -> Result<(), String> {
    println!("# ready; ends with stdin");
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).map(drop).map_err(|why| why.to_string())
}
