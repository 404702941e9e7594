//! A YubiKey's PIV application in a process, plugged into a real pcscd; tests run it in namespaces of its own.
//!
//! - `virtual-yubikey card control=SOCKET name=value...`: a card. See `options.rs` for the names, `control.rs` for what can be said to it.
//! - `virtual-yubikey place FOLDER`: pcscd, and cards on request; the first process of its namespaces. See `place.rs`.
//! - `virtual-yubikey ctl SOCKET WORD...`: says one line to a card.
//! - `virtual-yubikey hold SOCKET READER exclusive|transaction`: is another program that has the card until stdin ends.
//! - `virtual-yubikey start FOLDER [name=value... [-- name=value...]]`: for a person: all of it, until stdin ends.

mod algorithm;
mod apdu;
mod card;
mod certificate;
mod control;
mod desk;
mod fault;
mod firmware;
mod keys;
mod memory;
mod options;
mod piv;
mod place;
mod start;
mod wire;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args[..] {
        ["card", ref options @ ..] => options::card(options),
        ["place", folder] => place::run(folder.as_ref()),
        ["ctl", socket, ref words @ ..] => ctl(socket, words),
        ["hold", socket, reader, how] => start::hold(socket.as_ref(), reader, how),
        ["start", folder, ref cards @ ..] => start::run(folder.as_ref(), cards),
        _ => Err("virtual-yubikey card|place|ctl|hold|start ...".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Says one line to a card and shows what it answers.
fn ctl(socket: &str, words: &[&str]) -> Result<(), String> {
    let said = |why: std::io::Error| format!("'{socket}': {why}");
    let mut stream = UnixStream::connect(socket).map_err(said)?;
    writeln!(stream, "{}", words.join(" ")).map_err(said)?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).map_err(said)?;
    match answer.trim_end().split_once(' ').unwrap_or((answer.trim_end(), "")) {
        ("ok", "") => Ok(()),
        ("ok", text) => {
            println!("{text}");
            Ok(())
        }
        (_, why) => Err(why.to_owned()),
    }
}
