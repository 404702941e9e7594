//! The card: which application is selected, commands that come in parts, answers that go out in parts.

use crate::algorithm::Algorithm;
use crate::apdu::{Answer, Apdu, Sw, tlv};
use crate::desk::Desk;
use crate::firmware::Firmware;
use crate::memory::Memory;
use crate::piv::Piv;
use std::path::PathBuf;
use std::sync::Arc;

/// What kind of card it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Yubikey,
    /// PIV without any of Yubico's extensions.
    OtherPiv,
    /// No PIV at all.
    NotPiv,
}

/// What cannot change while it runs.
pub struct Make {
    pub mode: Mode,
    pub firmware: Firmware,
    /// What the factory's attestation key is.
    pub attestation: Algorithm,
    /// A verified PIN outlives a SELECT of the application that is selected already (YubiKey 5; on a YubiKey 4 it does not).
    pub keeps_pin: bool,
    /// Where it remembers its keys.
    pub file: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Applet {
    Piv,
    Otp,
    Manage,
}

/// A part of a command: its first bytes, and the data so far.
struct Parts {
    head: [u8; 3],
    data: Vec<u8>,
}

/// A card in a reader.
pub struct Card {
    mode: Mode,
    keeps_pin: bool,
    piv: Piv,
    selected: Option<Applet>,
    parts: Option<Parts>,
    /// What GET RESPONSE still has to give.
    rest: Vec<u8>,
}

impl Card {
    pub fn new(make: Make, memory: Memory, desk: Arc<Desk>) -> Self {
        let (mode, keeps_pin) = (make.mode, make.keeps_pin);
        Self { mode, keeps_pin, piv: Piv::new(make, memory, desk), selected: None, parts: None, rest: Vec::new() }
    }

    /// The PIV application, for commands from the desk.
    pub fn piv(&mut self) -> &mut Piv {
        &mut self.piv
    }

    /// Off, on, or reset: what is only in RAM is gone.
    pub fn reset(&mut self) {
        self.selected = None;
        self.parts = None;
        self.rest.clear();
        self.piv.power();
    }

    /// Everything that SELECT forgets, without anybody being told.
    pub fn forget(&mut self) {
        self.selected = None;
        self.piv.deselect();
    }

    pub fn atr(&self) -> Vec<u8> {
        let hex = match self.mode {
            Mode::Yubikey => "3bfd1300008131fe158073c021c057597562694b657940",
            // The same interface bytes, other historical ones; the last byte makes the XOR of all but the first zero.
            Mode::OtherPiv => "3bf71300008131fe1550495620636172",
            Mode::NotPiv => "3bf71300008131fe1562616e6b206e6f",
        };
        let mut atr = hex::decode(hex).expect("the constants are hexadecimal");
        if self.mode != Mode::Yubikey {
            atr.push(atr[1..].iter().fold(0, |all, byte| all ^ byte));
        }
        atr
    }

    /// Answers a command, with its status word.
    pub fn answer(&mut self, bytes: &[u8]) -> Vec<u8> {
        let (data, status) = match Apdu::parse(bytes).map(|apdu| self.command(apdu)) {
            None => (Vec::new(), Sw::WRONG_LENGTH),
            Some((Ok(data), le)) => self.part_of(data, le),
            Some((Err(status), _)) => (Vec::new(), status),
        };
        [data, status.0.to_be_bytes().to_vec()].concat()
    }

    /// As much as the host takes; the rest waits.
    fn part_of(&mut self, mut data: Vec<u8>, le: usize) -> (Vec<u8>, Sw) {
        if data.len() <= le {
            return (data, Sw::OK);
        }
        self.rest = data.split_off(le);
        // 00 stands for 256 or more.
        (data, Sw(0x6100 | u16::from(u8::try_from(self.rest.len()).unwrap_or(0))))
    }

    fn command(&mut self, apdu: Apdu) -> (Answer, usize) {
        let le = apdu.le;
        let head = [apdu.ins, apdu.p1, apdu.p2];
        if apdu.ins == 0xc0 {
            let rest = std::mem::take(&mut self.rest);
            return (if rest.is_empty() { Err(Sw::CONDITIONS) } else { Ok(rest) }, le);
        }
        self.rest.clear();
        let before = self.parts.take().filter(|parts| parts.head == head).map_or_else(Vec::new, |parts| parts.data);
        let data = [before, apdu.data].concat();
        if apdu.cla & 0x10 != 0 {
            self.parts = Some(Parts { head, data });
            return (Ok(Vec::new()), le);
        }
        let apdu = Apdu { data, ..apdu };
        if apdu.cla != 0 {
            return (Err(Sw(0x6e00)), le);
        }
        (if apdu.ins == 0xa4 { self.select(&apdu) } else { self.instruction(&apdu) }, le)
    }

    fn select(&mut self, apdu: &Apdu) -> Answer {
        if apdu.p1 != 0x04 {
            return Err(Sw::WRONG_P1P2);
        }
        // Selecting forgets the PIN, even where the application stays; not on every firmware.
        if !(self.keeps_pin && self.selected == Some(Applet::Piv) && PIV.starts_with(&apdu.data)) {
            self.piv.deselect();
        }
        let is = |aid: &[u8], least: usize| apdu.data.len() >= least && aid.starts_with(&apdu.data);
        let yubikey = self.mode == Mode::Yubikey;
        let (applet, answer) = if self.mode != Mode::NotPiv && is(&PIV, 5) {
            let authority = tlv(0x79, &tlv(0x4f, &PIV[..5]));
            (Applet::Piv, tlv(0x61, &[tlv(0x4f, &PIV[5..]), authority].concat()))
        } else if yubikey && is(&OTP, 7) {
            (Applet::Otp, self.piv.otp_status())
        } else if yubikey && is(&MANAGE, 8) {
            let [a, b, c] = self.piv.firmware().0;
            (Applet::Manage, format!("Virtual mgr - FW version {a}.{b}.{c}").into_bytes())
        } else {
            self.selected = None;
            return Err(Sw::NOT_FOUND);
        };
        self.selected = Some(applet);
        Ok(answer)
    }

    fn instruction(&mut self, apdu: &Apdu) -> Answer {
        match self.selected {
            Some(Applet::Piv) => self.piv.instruction(apdu),
            Some(Applet::Otp) => match (apdu.ins, apdu.p1) {
                (0x01, 0x10) => Ok(self.piv.serial().to_be_bytes().to_vec()),
                (0x03, 0x00) => Ok(self.piv.otp_status()),
                _ => Err(Sw::WRONG_INS),
            },
            Some(Applet::Manage) => match apdu.ins {
                0x1d => Ok(self.piv.device_info()),
                _ => Err(Sw::WRONG_INS),
            },
            None => Err(Sw::WRONG_INS),
        }
    }
}

const PIV: [u8; 11] = [0xa0, 0, 0, 3, 8, 0, 0, 0x10, 0, 1, 0];
const OTP: [u8; 8] = [0xa0, 0, 0, 5, 0x27, 0x20, 1, 1];
const MANAGE: [u8; 8] = [0xa0, 0, 0, 5, 0x27, 0x47, 0x11, 0x17];
