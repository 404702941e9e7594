//! What a card is started with: `name=value` on the command line.

use crate::algorithm::Algorithm;
use crate::card::{Card, Make, Mode};
use crate::control;
use crate::desk::{Desk, Finger};
use crate::keys::random;
use crate::memory::Memory;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where the reader driver listens by default.
const PORT: u16 = 0x8c7b;

struct Options {
    /// `port=`: of the reader; the next port is the next reader.
    port: u16,
    /// `control=`: the socket, to be made.
    control: PathBuf,
    /// - `mode=yubikey`, `mode=piv` (PIV of somebody else), `mode=other` (no PIV);
    /// - `firmware=4.3`, or with three numbers;
    /// - `attestation=rsa`, `p256`, `p384`: what the factory's attestation key is, and the root above it;
    /// - `keeps-pin=yes`: a verified PIN outlives another SELECT of PIV;
    /// - `file=`: where it remembers its keys; nowhere if missing.
    make: Make,
    /// `serial=`; random if missing.
    serial: Option<u32>,
    /// `inserted=no`: waits for the command.
    inserted: bool,
    /// `finger=away`, `finger=ready`, or after so many milliseconds.
    finger: Finger,
    /// `touch-timeout=`, milliseconds.
    touch_timeout: Duration,
    /// `touch-cache=`, milliseconds.
    touch_cache: Duration,
}

impl Options {
    fn parse(words: &[&str]) -> Result<Self, String> {
        let mut options = Self {
            port: PORT,
            control: PathBuf::new(),
            make: Make {
                mode: Mode::Yubikey,
                firmware: "5.4".parse()?,
                attestation: Algorithm::Rsa(2048),
                keeps_pin: false,
                file: None,
            },
            serial: None,
            inserted: true,
            finger: Finger::Ready,
            touch_timeout: Duration::from_secs(15),
            touch_cache: Duration::from_secs(15),
        };
        for word in words {
            let bad = || format!("'{word}' is not understood");
            let (name, value) = word.split_once('=').ok_or_else(bad)?;
            match (name, value) {
                ("port", _) => options.port = value.parse().map_err(|_| bad())?,
                ("control", _) => options.control = value.into(),
                ("mode", "yubikey") => options.make.mode = Mode::Yubikey,
                ("mode", "piv") => options.make.mode = Mode::OtherPiv,
                ("mode", "other") => options.make.mode = Mode::NotPiv,
                ("firmware", _) => options.make.firmware = value.parse()?,
                ("serial", _) => options.serial = Some(value.parse().map_err(|_| bad())?),
                ("file", _) => options.make.file = Some(value.into()),
                ("attestation", "rsa") => options.make.attestation = Algorithm::Rsa(2048),
                ("attestation", "p256") => options.make.attestation = Algorithm::P256,
                ("attestation", "p384") => options.make.attestation = Algorithm::P384,
                ("keeps-pin", "yes") => options.make.keeps_pin = true,
                ("keeps-pin", "no") => options.make.keeps_pin = false,
                ("inserted", "yes") => options.inserted = true,
                ("inserted", "no") => options.inserted = false,
                ("finger", _) => options.finger = Finger::parse(value)?,
                ("touch-timeout", _) => options.touch_timeout = control::milliseconds(value)?,
                ("touch-cache", _) => options.touch_cache = control::milliseconds(value)?,
                _ => return Err(bad()),
            }
        }
        if options.control.as_os_str().is_empty() { Err("control= is missing".to_owned()) } else { Ok(options) }
    }
}

/// Is a card until the process ends.
pub fn card(words: &[&str]) -> Result<(), String> {
    let options = Options::parse(words)?;
    let known = options.make.file.as_deref().map(Memory::load).transpose()?.flatten();
    let memory = known.unwrap_or_else(|| {
        // Serial numbers of the present are between 10 and 40 million.
        let serial = options.serial.unwrap_or_else(|| 10_000_000 + u32::from_be_bytes(random()) % 30_000_000);
        Memory::factory(serial, options.make.firmware)
    });
    let desk = Arc::new(Desk::new(options.inserted, options.finger, options.touch_timeout, options.touch_cache));
    let card = Card::new(options.make, memory, Arc::clone(&desk));
    let card = Arc::new(Mutex::new(card));
    let listener =
        UnixListener::bind(&options.control).map_err(|why| format!("'{}': {why}", options.control.display()))?;
    let (card_too, desk_too) = (Arc::clone(&card), Arc::clone(&desk));
    std::thread::spawn(move || control::listen(listener, card_too, desk_too));
    crate::wire::run(options.port, &card, &desk);
}
