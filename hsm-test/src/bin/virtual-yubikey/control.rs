//! The control socket: one line a command, one line an answer, `ok ...` or `error ...`.

use crate::card::Card;
use crate::desk::{Desk, Finger, Light, Seen};
use crate::fault::Fault;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Answers until the process ends.
pub fn listen(listener: UnixListener, card: Arc<Mutex<Card>>, desk: Arc<Desk>) {
    for stream in listener.incoming().flatten() {
        let (card, desk) = (Arc::clone(&card), Arc::clone(&desk));
        // Somebody who hangs up is answered no more.
        std::thread::spawn(move || drop(serve(&stream, &card, &desk)));
    }
}

fn serve(stream: &UnixStream, card: &Mutex<Card>, desk: &Desk) -> std::io::Result<()> {
    let mut out = stream;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match command(&words, card, desk) {
            Ok(answer) => writeln!(out, "{}", format!("ok {answer}").trim_end())?,
            Err(why) => writeln!(out, "error {why}")?,
        }
    }
    Ok(())
}

fn command(words: &[&str], card: &Mutex<Card>, desk: &Desk) -> Result<String, String> {
    let done = Ok(String::new());
    match words {
        ["insert"] => {
            desk.change(|seen| seen.inserted = true);
            desk.wait(PATIENCE, |seen| seen.powered || !seen.inserted);
            if desk.look(|seen| seen.powered) { done } else { Err("no reader takes the card".to_owned()) }
        }
        ["remove"] => {
            desk.pull();
            wait(desk, "removed", PATIENCE)
        }
        ["touch"] => {
            desk.touch();
            done
        }
        ["finger", place] => {
            let place = Finger::parse(place)?;
            desk.change(|seen| seen.finger = place);
            done
        }
        ["touch-timeout", time] => {
            let time = milliseconds(time)?;
            desk.change(|seen| seen.touch_timeout = time);
            done
        }
        ["touch-cache", time] => {
            let time = milliseconds(time)?;
            desk.change(|seen| seen.touch_cache = time);
            done
        }
        ["wait", what] => wait(desk, what, PATIENCE),
        ["wait", what, time] => wait(desk, what, milliseconds(time)?),
        ["fault", words @ ..] => {
            let fault = Fault::parse(words)?;
            desk.change(|seen| seen.faults.push(fault));
            done
        }
        ["faults"] => Ok(desk.look(|seen| seen.faults.len()).to_string()),
        ["clear-faults"] => {
            desk.change(|seen| seen.faults.clear());
            done
        }
        ["count"] => Ok(desk.look(|seen| seen.log.len()).to_string()),
        ["log"] => Ok(desk.look(|seen| hex::encode(&seen.log))),
        ["clear-log"] => {
            desk.change(|seen| seen.log.clear());
            done
        }
        // What a shared secret looks like that must be found nowhere.
        ["agreed"] => Ok(hex::encode(card.lock().expect("no thread of the card panicked").piv().agreed())),
        ["touches"] => Ok(desk.look(|seen| seen.touches).to_string()),
        ["resets"] => Ok(desk.look(|seen| seen.resets).to_string()),
        ["tries", pin, puk] => {
            let number = |text: &str| text.parse().map_err(|_| format!("'{text}' is no number"));
            card.lock().expect("no thread of the card panicked").piv().set_left(number(pin)?, number(puk)?);
            done
        }
        ["root"] => Ok(hex::encode(card.lock().expect("no thread of the card panicked").piv().root())),
        ["quit"] => {
            desk.pull();
            wait(desk, "removed", PATIENCE)?;
            std::process::exit(0)
        }
        ["serial"] => Ok(card.lock().expect("no thread of the card panicked").piv().serial().to_string()),
        _ => Err(format!("'{}' is no command", words.join(" "))),
    }
}

/// Long enough on any machine, for what comes by itself.
const PATIENCE: Duration = Duration::from_secs(30);

fn wait(desk: &Desk, what: &str, limit: Duration) -> Result<String, String> {
    let so: Box<dyn Fn(&Seen) -> bool> = match what.split_once('=') {
        None => match what {
            "powered" => Box::new(|seen| seen.powered),
            "removed" => Box::new(|seen| seen.reader.is_none() && !seen.inserted),
            "blinking" => Box::new(|seen| seen.light == Light::Blinking),
            "dark" => Box::new(|seen| seen.light == Light::Dark),
            _ => return Err(format!("'{what}' cannot be waited for")),
        },
        Some(("count", count)) => {
            let count: usize = count.parse().map_err(|_| format!("'{count}' is no number"))?;
            Box::new(move |seen| seen.log.len() >= count)
        }
        Some(_) => return Err(format!("'{what}' cannot be waited for")),
    };
    if desk.wait(limit, so) { Ok(String::new()) } else { Err(format!("waited {} ms for '{what}'", limit.as_millis())) }
}

pub fn milliseconds(text: &str) -> Result<Duration, String> {
    text.parse().map(Duration::from_millis).map_err(|_| format!("'{text}' is no number of milliseconds"))
}
