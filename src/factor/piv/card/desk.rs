//! The readers and the tokens in them, as the thread of the cards holds them. Each card is opened once and kept: to open it again would
//! end the sessions of others.

use super::super::error::PivError;
use super::super::info::{Agreed, Counters, KeyInfo, Located, Occupant, ReaderInfo, printable};
use super::super::params::Hints;
use super::super::slot::PivSlot;
use super::fate::Fate;
use super::readers::{Readers, probe};
use super::token::{Before, Counter, Token, Use};
use super::trouble::{Trouble, call};
use crate::secret::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Connections that are tried where other programs' resets come between.
const CONNECTIONS: u32 = 4;
/// About as long as a reset takes.
const A_RESET: Duration = Duration::from_millis(50);

/// The readers.
pub struct Desk {
    pub(super) readers: Readers,
    pub(super) places: Vec<Place>,
    /// A PIN that was verified stays so (the person's wish).
    keep: bool,
    /// Of the work at hand.
    pub(super) fate: Arc<Fate>,
    /// Readers whose card has a serial number that another one here has too, which is the one that is meant.
    pub(super) passed_over: Vec<String>,
}

pub(super) struct Place {
    /// As the service calls it.
    pub(super) reader: String,
    /// Whether the service said that a card is in.
    has_card: bool,
    pub(super) state: State,
}

pub(super) enum State {
    /// A card is in, not looked at.
    Unopened,
    Open(Box<Token>),
    /// Nothing, or a card that cannot be used.
    Other(Occupant),
}

impl Desk {
    pub(super) fn new(keep: bool) -> Self {
        let (readers, fate) = (Readers::default(), Arc::default());
        Self { readers, places: Vec::new(), keep, fate, passed_over: Vec::new() }
    }

    /// Looks which readers are there and which hold a card. Nothing is opened; what is open and still there stays.
    pub(super) fn look(&mut self) -> Result<(), PivError> {
        let present = self.readers.present()?;
        let mut before = std::mem::take(&mut self.places);
        for (reader, has_card) in present {
            let at = before.iter().position(|place| place.reader == reader);
            let state = match at.map(|at| before.swap_remove(at).state) {
                Some(State::Open(token)) if !has_card => {
                    token.abandon();
                    State::Other(Occupant::Empty)
                }
                _ if !has_card => State::Other(Occupant::Empty),
                Some(State::Open(token)) => State::Open(token),
                // What was held or mute may be free by now.
                _ => State::Unopened,
            };
            self.places.push(Place { reader, has_card, state });
        }
        for gone in before {
            if let State::Open(token) = gone.state {
                token.abandon();
            }
        }
        Ok(())
    }

    /// Opens the card in a place, unless that was done.
    fn open(&mut self, at: usize) -> Result<(), PivError> {
        if !matches!(self.places[at].state, State::Unopened) {
            return Ok(());
        }
        let reader = self.places[at].reader.clone();
        self.places[at].state = match self.connect(&reader)? {
            Ok(token) => State::Open(Box::new(token)),
            Err(occupant) => State::Other(occupant),
        };
        Ok(())
    }

    /// Opens the card in a reader; the inner error says what is in there instead of a YubiKey.
    fn connect(&mut self, reader: &str) -> Result<Result<Token, Occupant>, PivError> {
        let shown = printable(reader);
        let mut left = CONNECTIONS;
        loop {
            left -= 1;
            let readers = &mut self.readers;
            let error = match call(&format!("card in '{shown}'"), "answer", || readers.open(reader)) {
                Ok(Ok((yubikey, line))) => return Ok(Ok(Token::new(yubikey, line))),
                // Somebody else's reset came between, or a program that used the card has just ended; or it gave an answer that makes no
                // sense, as a connection does that such a reset came upon. No PIN is sent by this.
                Err(Trouble::Again(PivError::Reset { .. }) | Trouble::Final(PivError::BadAnswer { .. }))
                    if left > 0 =>
                {
                    std::thread::sleep(A_RESET);
                    continue;
                }
                Ok(Err(error)) => error,
                Err(trouble) => {
                    return match trouble.into_error() {
                        error @ PivError::NoService => Err(error),
                        PivError::Denied => Ok(Err(Occupant::Denied)),
                        PivError::Held { holder, .. } => Ok(Err(Occupant::Held(holder))),
                        // Pulled out, or a card that gets no power.
                        PivError::Gone { .. } if self.readers.has_card(reader)? => Ok(Err(Occupant::Mute)),
                        PivError::Gone { .. } => Ok(Err(Occupant::Empty)),
                        // Or a card that has not the protocol of YubiKeys.
                        PivError::Reset { .. } => Ok(Err(probe(self.readers.context()?, reader))),
                        _ => Ok(Err(Occupant::Mute)),
                    };
                }
            };
            return Ok(Err(match error {
                yubikey::Error::AppletNotFound { applet_name: "PIV" } => Occupant::NotPiv,
                yubikey::Error::NotSupported => Occupant::OtherPiv,
                // The crate's errors do not tell a PIV card without its commands from a card that does not answer.
                _ => probe(self.readers.context()?, reader),
            }));
        }
    }

    pub(super) fn open_all(&mut self) -> Result<(), PivError> {
        self.look()?;
        (0..self.places.len()).try_for_each(|at| self.open(at))
    }

    /// Every reader and what it holds.
    pub fn report(&mut self) -> Result<Vec<ReaderInfo>, PivError> {
        self.open_all()?;
        Ok(self.places.iter().map(Place::info).collect())
    }

    /// The token of that serial number, opened and looked for if need be. Of several it is one that was not passed over, if there is.
    pub(super) fn at(&mut self, serial: u32) -> Result<usize, PivError> {
        if let Some(at) = self.position(serial, false) {
            return Ok(at);
        }
        self.look()?;
        for at in 0..self.places.len() {
            self.open(at)?;
            if self.position(serial, false).is_some() {
                return Ok(at);
            }
        }
        self.position(serial, true).ok_or_else(|| PivError::Gone { token: named(serial, None) })
    }

    fn position(&self, serial: u32, passed_over: bool) -> Option<usize> {
        let is = |place: &Place| {
            let counts = passed_over || !self.passed_over.contains(&place.reader);
            counts && place.token().is_some_and(|token| token.info.serial == serial)
        };
        self.places.iter().position(is)
    }

    /// The same, for the work at hand.
    fn open_token(&mut self, serial: u32) -> Result<&mut Token, PivError> {
        let at = self.at(serial)?;
        let token = self.places[at].token_mut().unwrap_or_else(|| unreachable!("it was just found open"));
        token.fate = Arc::clone(&self.fate);
        Ok(token)
    }

    /// Works with a token. Where the connection is lost (reset by another program, pulled and put back) it is made anew, once, and the
    /// same token must be there; no PIN is sent by that.
    pub(super) fn with<T>(
        &mut self,
        serial: u32,
        mut work: impl FnMut(&mut Token) -> Result<T, Trouble>,
    ) -> Result<T, PivError> {
        match work(self.open_token(serial)?) {
            Ok(done) => return Ok(done),
            Err(Trouble::Final(error)) => return Err(error),
            Err(Trouble::Again(_)) => {}
        }
        let token = self.again(serial)?;
        work(token).map_err(Trouble::into_error)
    }

    /// A new connection to the same token.
    fn again(&mut self, serial: u32) -> Result<&mut Token, PivError> {
        let mut called = None;
        let (mut sent, mut managed) = (false, false);
        if let Some(at) = self.position(serial, false).or_else(|| self.position(serial, true))
            && let State::Open(token) = std::mem::replace(&mut self.places[at].state, State::Unopened)
        {
            called.clone_from(&token.info.called);
            (sent, managed) = (token.sent_pin(), token.managed);
            token.break_off(self.keep);
        }
        let token = self.open_token(serial).map_err(|error| match error {
            PivError::Gone { .. } => PivError::Gone { token: named(serial, called.as_deref()) },
            other => other,
        })?;
        token.info.called = called;
        token.managed = managed;
        if sent {
            token.pin_was_sent();
        }
        Ok(token)
    }

    /// The keys of a token that can be seen, in all PIV slots.
    pub fn keys(&mut self, serial: u32) -> Result<Vec<KeyInfo>, PivError> {
        self.with(serial, |token| {
            if let Some(keys) = &token.keys {
                return Ok(keys.clone());
            }
            let mut keys = Vec::new();
            for slot in PivSlot::all() {
                keys.extend(token.key(slot)?);
            }
            token.keys = Some(keys.clone());
            Ok(keys)
        })
    }

    /// The key in a PIV slot, with its policies also where only its attestation tells them.
    pub fn key(&mut self, serial: u32, slot: PivSlot) -> Result<Option<KeyInfo>, PivError> {
        self.with(serial, |token| {
            let mut key = token.key(slot)?;
            if let Some(key) = &mut key {
                token.attested(key)?;
            }
            Ok(key)
        })
    }

    /// Tries left for the PIN; `None`: it is verified at the moment.
    pub fn tries(&mut self, serial: u32) -> Result<Option<u8>, PivError> {
        self.with(serial, Token::tries)
    }

    /// Sends a PIN; `last`: also if it is the last try. Where the connection was lost on the way, it is sent again only if the token
    /// shows that it has not counted a wrong try since. `key`: the one it is for, which must still be there then.
    pub fn verify(&mut self, serial: u32, key: Option<&KeyInfo>, pin: &Pin, last: bool) -> Result<(), PivError> {
        let mut before = Before::default();
        self.with(serial, |token| {
            if before != Before::NotSent {
                key.map_or(Ok(()), |key| still_there(token, key))?;
                before = token.counted(before)?;
            }
            token.verify(pin, last, &mut before)
        })
    }

    /// Uses the key; `pin` is the one that was right a moment ago, for the case that the card forgets it in between. Then the card forgets
    /// it: the command may go on for long, wait for a person, or be killed, and nobody else is to use the key meanwhile. With the secret:
    /// how long the card took over it.
    pub fn agree(&mut self, at: &Located, pin: Option<&Pin>, point: &[u8]) -> Result<Option<Agreed>, PivError> {
        let agreed = self.agree_once(at, pin, point);
        self.let_go(at.token.serial);
        agreed
    }

    /// Ends the connection to a card that a PIN or management key was sent to: it forgets them. Before anything that a person may think
    /// about, or do.
    pub fn let_go(&mut self, serial: u32) {
        let keep = self.keep;
        let held = |place: &&mut Place| {
            place.token().is_some_and(|token| token.info.serial == serial && token.must_forget(keep))
        };
        if let Some(place) = self.places.iter_mut().find(held)
            && let State::Open(token) = std::mem::replace(&mut place.state, State::Unopened)
        {
            token.close(keep);
        }
    }

    fn agree_once(&mut self, at: &Located, pin: Option<&Pin>, point: &[u8]) -> Result<Option<Agreed>, PivError> {
        let mut fresh = true;
        self.with(at.token.serial, |token| {
            if !std::mem::take(&mut fresh) {
                still_there(token, &at.key)?;
                if let Some(pin) = pin {
                    token.verify_again(pin)?;
                }
            }
            let used = match (token.agree(&at.key, at.mode, point)?, pin) {
                // Another program has reset the card, or made it forget the PIN.
                (Use::NoPin, Some(pin)) => {
                    token.verify_again(pin)?;
                    token.agree(&at.key, at.mode, point)?
                }
                (used, _) => used,
            };
            let name = || token.info.name();
            match used {
                Use::Agreed(agreed) => Ok(Some(agreed)),
                Use::NotTouched => Err(Trouble::Final(PivError::NoTouch { token: name() })),
                Use::NoPin if pin.is_none() => Ok(None),
                Use::NoPin => Err(Trouble::Final(PivError::NotAuthorised { token: name() })),
            }
        })
    }

    /// Tries left and defaults.
    pub fn counters(&mut self, serial: u32) -> Result<Counters, PivError> {
        self.with(serial, |token| {
            let pin = token.counter(Counter::Pin)?;
            let puk = token.counter(Counter::Puk)?;
            let left = match pin {
                Some((left, ..)) => Some(left),
                None => token.tries()?,
            };
            Ok(Counters {
                pin: left,
                pin_of: pin.map(|(_, of, _)| of),
                pin_is_default: pin.map(|(.., default)| default),
                puk: puk.map(|(left, ..)| left),
                puk_of: puk.map(|(_, of, _)| of),
                puk_is_default: puk.map(|(.., default)| default),
            })
        })
    }

    /// The attestation certificate of a key, DER.
    pub fn attest(&mut self, serial: u32, slot: PivSlot) -> Result<Option<Vec<u8>>, PivError> {
        self.with(serial, |token| token.attest(slot))
    }

    /// A data object, without its outer tag.
    pub fn object(&mut self, serial: u32, id: u32) -> Result<Option<Vec<u8>>, PivError> {
        self.with(serial, |token| token.object(id))
    }

    /// The open token itself. After a change to its keys what was known of them is forgotten.
    pub fn token(&mut self, serial: u32) -> Result<&mut Token, PivError> {
        let token = self.open_token(serial)?;
        token.keys = None;
        Ok(token)
    }

    /// Waits until a card comes or goes, or until `stop`. One that came since the last look counts.
    pub fn wait(&mut self, stop: &AtomicBool) -> Result<(), PivError> {
        // By what the service said then, not by what a card did since: a card that is in and does not answer would end the wait at once,
        // again and again.
        let seen = |place: &Place| (place.reader.clone(), place.has_card);
        if self.readers.present()? != self.places.iter().map(seen).collect::<Vec<_>>() {
            return Ok(());
        }
        let is_held = |place: &&Place| matches!(place.state, State::Other(Occupant::Held(_)));
        let held: Vec<_> = self.places.iter().filter(is_held).map(|place| place.reader.clone()).collect();
        self.readers.wait(&held, stop)
    }

    /// Ends all connections: those over which a PIN was sent by a reset.
    pub(super) fn close(&mut self) {
        for place in self.places.drain(..) {
            if let State::Open(token) = place.state {
                token.close(self.keep);
            }
        }
    }
}

/// Whether the key is still where it was found, over a new connection.
fn still_there(token: &mut Token, wanted: &KeyInfo) -> Result<(), Trouble> {
    match token.key(wanted.slot)? {
        Some(key) if key.public == wanted.public => Ok(()),
        _ => Err(Trouble::Final(PivError::Rekeyed { token: token.info.name(), slot: wanted.slot })),
    }
}

pub(super) fn named(serial: u32, name: Option<&str>) -> String {
    Hints { serial: Some(serial), name: name.map(str::to_owned), ..Hints::default() }.called()
}

impl Place {
    pub(super) fn token(&self) -> Option<&Token> {
        match &self.state {
            State::Open(token) => Some(token),
            _ => None,
        }
    }

    pub(super) fn token_mut(&mut self) -> Option<&mut Token> {
        match &mut self.state {
            State::Open(token) => Some(token),
            _ => None,
        }
    }

    pub(super) fn info(&self) -> ReaderInfo {
        let occupant = match &self.state {
            State::Open(token) => Occupant::YubiKey(token.info.clone()),
            State::Other(occupant) => occupant.clone(),
            State::Unopened => Occupant::Mute,
        };
        ReaderInfo { reader: printable(&self.reader), occupant }
    }
}
