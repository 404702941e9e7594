//! A card in a reader, and what a person does with it.

use crate::piv::client;
use crate::piv::other::{Leave, OtherProgram, Share};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What a card is like: `name=value`, as `virtual-yubikey card` takes them.
#[derive(Clone, Default, Debug)]
pub struct CardOptions(Vec<(String, String)>);

impl CardOptions {
    /// Any option.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `4.3`, `5.2`, `5.4` (the default), `5.7`, or three numbers.
    #[must_use]
    pub fn firmware(self, version: &str) -> Self {
        self.set("firmware", version)
    }

    /// `yubikey`, `piv` (a PIV card of somebody else), `other` (no PIV).
    #[must_use]
    pub fn mode(self, mode: &str) -> Self {
        self.set("mode", mode)
    }

    /// The serial number; random otherwise.
    #[must_use]
    pub fn serial(self, serial: u32) -> Self {
        self.set("serial", &serial.to_string())
    }

    /// `ready` (touches as soon as the light blinks; the default), `away`, or after so many milliseconds: `200`.
    #[must_use]
    pub fn finger(self, finger: &str) -> Self {
        self.set("finger", finger)
    }

    /// How long the light blinks, in milliseconds (15000 otherwise, as on the real one).
    #[must_use]
    pub fn touch_timeout(self, milliseconds: u32) -> Self {
        self.set("touch-timeout", &milliseconds.to_string())
    }

    /// Keeps its keys in this file, for the next card that is started with it.
    #[must_use]
    pub fn file(self, path: &Path) -> Self {
        self.set("file", path.to_str().expect("test folders have plain names"))
    }

    /// Not in the reader yet.
    #[must_use]
    pub fn not_inserted(self) -> Self {
        self.set("inserted", "no")
    }

    pub(super) fn words(&self) -> String {
        let words: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        words.join(" ")
    }

    pub(super) fn inserted(&self) -> bool {
        !self.0.iter().any(|(name, value)| name == "inserted" && value == "no")
    }
}

/// A card that lives as long as its [`crate::piv::PcscPlace`].
pub struct VirtualYubikey {
    pub(super) control: PathBuf,
    pub(super) reader: String,
    pub(super) socket: PathBuf,
    pub(super) number: u16,
}

/// A reader whose card's process ended.
pub struct FreeReader(pub(super) u16);

impl VirtualYubikey {
    /// Says a line to the card; gives what it answers behind `ok`.
    ///
    /// # Panics
    /// If it answers `error`.
    pub fn tell(&self, line: &str) -> String {
        self.try_tell(line).unwrap_or_else(|why| panic!("{line}: {why}"))
    }

    /// The same.
    ///
    /// # Errors
    /// What it answers behind `error`.
    pub fn try_tell(&self, line: &str) -> Result<String, String> {
        let mut stream = UnixStream::connect(&self.control).map_err(|why| why.to_string())?;
        writeln!(stream, "{line}").map_err(|why| why.to_string())?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).map_err(|why| why.to_string())?;
        let answer = answer.trim_end();
        match answer.split_once(' ').unwrap_or((answer, "")) {
            ("ok", text) => Ok(text.to_owned()),
            (_, why) => Err(why.to_owned()),
        }
    }

    fn number(&self, line: &str) -> u32 {
        self.tell(line).parse().unwrap_or_else(|_| panic!("{line}: no number"))
    }

    /// Puts it into the reader; back when pcscd shows it to clients.
    pub fn insert(&self) {
        // A card that a fault pulled out may be gone for less time than pcscd needs to see it.
        self.seen(false);
        self.tell("insert");
        self.seen(true);
    }

    /// Pulls it out; back when pcscd knows. Only then can it be put in again: pcscd looks every 400 ms, and is confused by less.
    pub fn remove(&self) {
        self.tell("remove");
        self.seen(false);
    }

    /// Waits until pcscd shows the card, or shows none.
    pub fn seen(&self, present: bool) {
        client::wait_for(&self.socket, &self.reader, present);
    }

    /// A touch, now: counts if the light blinks.
    pub fn touch(&self) {
        self.tell("touch");
    }

    /// `ready` (touches as soon as the light blinks), `away`, or after so many milliseconds: `200`.
    pub fn finger(&self, finger: &str) {
        self.tell(&format!("finger {finger}"));
    }

    /// Waits until the light blinks: the card waits for a touch.
    pub fn wait_for_light(&self) {
        self.tell("wait blinking");
    }

    /// Something goes wrong: `[ins=HEX] [at=N | every] KIND`, see `fault.rs` of the card.
    pub fn fault(&self, fault: &str) {
        self.tell(&format!("fault {fault}"));
    }

    /// Another program connects to the card.
    ///
    /// # Errors
    /// The number of pcscd's refusal, e.g. `0x8010000b` (sharing violation).
    pub fn other_program(&self, share: Share) -> Result<OtherProgram, u32> {
        OtherProgram::connect(&self.socket, &self.reader, share)
    }

    /// Waits until no program is connected to the card. When one dies, pcscd finds out later, and cleans up behind it: it resets the card
    /// if the program was in a transaction. Whoever connects meanwhile may get a handle whose protocol the reset takes away
    /// (`0x8010000f`), or see what the card knew before. pcscd counts a client out after that, and signals it to nobody.
    pub fn let_go(&self) {
        let begun = Instant::now();
        while client::readers(&self.socket).iter().any(|one| one.name == self.reader && one.sharing != 0) {
            assert!(begun.elapsed() < client::PATIENCE, "a program keeps the card in '{}'", self.reader);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether any program could use the card's keys now, without a PIN of its own: what an empty VERIFY says when all others are gone.
    ///
    /// # Panics
    /// If pcscd refuses, or a program keeps the card.
    pub fn pin_is_verified(&self) -> bool {
        self.let_go();
        let mut program = self.other_program(Share::Shared).expect("everybody has let go");
        let answer = program.ask("00200080");
        program.leave(Leave::AsItIs);
        answer == "9000"
    }

    /// The certificate (DER) of the root above the factory's attestation key.
    pub fn attestation_root(&self) -> Vec<u8> {
        hex::decode(self.tell("root")).expect("the card speaks hexadecimal")
    }

    /// Ends the card's process; what it had no file for is gone. The reader is free for another.
    pub fn end(self) -> FreeReader {
        // The process ends before it can answer.
        let _ = self.try_tell("quit");
        self.seen(false);
        FreeReader(self.number)
    }

    /// Sets how many tries are left, at most the total (3): of the PIN, of the PUK. 0 is blocked.
    pub fn tries(&self, pin: u8, puk: u8) {
        self.tell(&format!("tries {pin} {puk}"));
    }

    /// How many APDUs it got.
    pub fn apdus(&self) -> u32 {
        self.number("count")
    }

    /// The INS byte of each.
    pub fn log(&self) -> Vec<u8> {
        hex::decode(self.tell("log")).expect("the card speaks hexadecimal")
    }

    /// Forgets the log and its count.
    pub fn clear_log(&self) {
        self.tell("clear-log");
    }

    /// How many touches it took.
    pub fn touches(&self) -> u32 {
        self.number("touches")
    }

    /// Its serial number.
    pub fn serial(&self) -> u32 {
        self.number("serial")
    }

    /// The name of the reader it is in.
    pub fn reader(&self) -> &str {
        &self.reader
    }

    /// Its control socket.
    pub fn control(&self) -> &Path {
        &self.control
    }
}
