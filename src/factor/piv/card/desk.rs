//! The readers and the tokens in them, as the thread of the cards holds them. Each card is opened once and kept: to open it again would
//! end the sessions of others.

use super::super::error::PivError;
use super::super::info::{Agreed, Counters, KeyInfo, Located, Occupant, ReaderInfo, Wanted, printable};
use super::super::params::Hints;
use super::super::slot::{PinPolicy, PivSlot};
use super::readers::{Readers, probe};
use super::token::{Counter, Token, Trouble, Use, call};
use crate::prompt::Tries;
use crate::secret::Pin;
use std::sync::atomic::AtomicBool;

/// The readers.
pub struct Desk {
    readers: Readers,
    places: Vec<Place>,
    /// A PIN that was verified stays so (the person's wish).
    keep: bool,
}

struct Place {
    /// As the service calls it.
    reader: String,
    state: State,
}

enum State {
    /// A card is in, not looked at.
    Unopened,
    Open(Box<Token>),
    /// Nothing, or a card that cannot be used.
    Other(Occupant),
}

impl Desk {
    pub(super) fn new(keep: bool) -> Self {
        Self { readers: Readers::default(), places: Vec::new(), keep }
    }

    /// Looks which readers are there and which hold a card. Nothing is opened; what is open and still there stays.
    fn look(&mut self) -> Result<(), PivError> {
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
            self.places.push(Place { reader, state });
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
        let mut again = true;
        loop {
            let readers = &mut self.readers;
            let error = match call(&format!("card in '{shown}'"), "answer", || readers.open(reader)) {
                Ok(Ok(yubikey)) => return Ok(Ok(Token::new(yubikey))),
                // Somebody else's reset came between.
                Err(Trouble::Again(PivError::Reset { .. })) if again => {
                    again = false;
                    continue;
                }
                Ok(Err(error)) => error,
                Err(trouble) => {
                    return match trouble.into_error() {
                        error @ PivError::NoService => Err(error),
                        PivError::Denied => Ok(Err(Occupant::Denied)),
                        PivError::Held { holder, .. } => Ok(Err(Occupant::Held(holder))),
                        PivError::Gone { .. } => Ok(Err(Occupant::Empty)),
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

    fn open_all(&mut self) -> Result<(), PivError> {
        self.look()?;
        (0..self.places.len()).try_for_each(|at| self.open(at))
    }

    /// Every reader and what it holds.
    pub fn report(&mut self) -> Result<Vec<ReaderInfo>, PivError> {
        self.open_all()?;
        Ok(self.places.iter().map(Place::info).collect())
    }

    /// The token of that serial number, opened and looked for if need be.
    fn at(&mut self, serial: u32) -> Result<usize, PivError> {
        let open = |place: &Place| place.token().is_some_and(|token| token.info.serial == serial);
        if let Some(at) = self.places.iter().position(open) {
            return Ok(at);
        }
        self.look()?;
        for at in 0..self.places.len() {
            self.open(at)?;
            if open(&self.places[at]) {
                return Ok(at);
            }
        }
        Err(PivError::Gone { token: format!("YubiKey {serial}") })
    }

    /// Works with a token. Where the connection is lost (reset by another program, pulled and put back) it is made anew, once, and the
    /// same token must be there; no PIN is sent by that.
    pub(super) fn with<T>(
        &mut self,
        serial: u32,
        mut work: impl FnMut(&mut Token) -> Result<T, Trouble>,
    ) -> Result<T, PivError> {
        let at = self.at(serial)?;
        let token = self.places[at].token_mut().unwrap_or_else(|| unreachable!("it was just found open"));
        match work(token) {
            Ok(done) => return Ok(done),
            Err(Trouble::Final(error)) => return Err(error),
            Err(Trouble::Again(_)) => {}
        }
        let token = self.again(serial)?;
        work(token).map_err(Trouble::into_error)
    }

    /// A new connection to the same token.
    fn again(&mut self, serial: u32) -> Result<&mut Token, PivError> {
        let open = |place: &Place| place.token().is_some_and(|token| token.info.serial == serial);
        let mut called = None;
        let (mut sent, mut managed) = (false, false);
        if let Some(place) = self.places.iter_mut().find(|place| open(place))
            && let State::Open(token) = std::mem::replace(&mut place.state, State::Unopened)
        {
            called.clone_from(&token.info.called);
            (sent, managed) = (token.sent_pin(), token.managed);
            token.abandon();
        }
        let at = self.at(serial).map_err(|error| match error {
            PivError::Gone { .. } => PivError::Gone { token: named(serial, called.as_deref()) },
            other => other,
        })?;
        let token = self.places[at].token_mut().unwrap_or_else(|| unreachable!("it was just found open"));
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

    /// Whether the token of that serial number is here; where no number says which, whether the key is.
    pub fn is_here(&mut self, wanted: &Wanted) -> Result<bool, PivError> {
        match wanted.hints.serial.map(|serial| self.at(serial)) {
            Some(Ok(_)) => Ok(true),
            Some(Err(PivError::Gone { .. })) => Ok(false),
            Some(Err(error)) => Err(error),
            None => Ok(self.elsewhere(wanted)?.is_some()),
        }
    }

    /// Finds a key: on the token whose serial number the stanza has, in the PIV slot it has; then in its other PIV slots; then on any
    /// other token.
    pub fn find(&mut self, wanted: &Wanted) -> Result<Located, PivError> {
        self.look()?;
        let name = wanted.hints.name.as_deref().map(printable);
        let found = match wanted.hints.serial.map(|serial| (serial, self.at(serial))) {
            Some((serial, Ok(at))) => {
                if let Some(token) = self.places[at].token_mut() {
                    token.info.called.clone_from(&name);
                }
                Some((serial, self.on_token(serial, wanted)?))
            }
            Some((_, Err(error))) if !matches!(error, PivError::Gone { .. }) => return Err(error),
            _ => self.elsewhere(wanted)?,
        };
        let Some((serial, mut key)) = found else { return Err(self.absent(wanted)) };
        let hints = &wanted.hints;
        let (token, tries) = self.with(serial, |token| {
            token.info.called.clone_from(&name);
            // Where the token does not tell, what was written down when it was enrolled: to attest takes old ones a second.
            key.pin = key.pin.or(hints.pin_policy);
            key.touch = key.touch.or(hints.touch_policy);
            token.attested(&mut key)?;
            let tries = if key.pin == Some(PinPolicy::Never) { None } else { token.tries()? };
            Ok((token.info.clone(), tries))
        })?;
        Ok(Located { token, key, mode: wanted.mode, tries, alone: self.cards() <= 1 })
    }

    /// The key on the token that should have it.
    fn on_token(&mut self, serial: u32, wanted: &Wanted) -> Result<KeyInfo, PivError> {
        let is = |key: &KeyInfo| key.is(wanted.mode, &wanted.public);
        let slot = wanted.hints.piv_slot;
        let there = match slot {
            Some(slot) => self.with(serial, |token| token.key(slot))?,
            None => None,
        };
        match there {
            Some(key) if is(&key) => return Ok(key),
            _ => {}
        }
        // Firmware 5.7 can move a key to another PIV slot.
        let keys = self.keys(serial)?;
        if let Some(key) = keys.iter().find(|key| is(key)) {
            return Ok(key.clone());
        }
        let token = named(serial, wanted.hints.name.as_deref());
        Err(match (slot, there) {
            _ if keys.is_empty() => PivError::Emptied { token },
            (Some(slot), Some(_)) => PivError::Rekeyed { token, slot },
            (Some(slot), None) => PivError::KeyGone { token, slot },
            (None, _) => PivError::NotHere { token: wanted.hints.called(), here: self.instead() },
        })
    }

    /// The key on any token here.
    fn elsewhere(&mut self, wanted: &Wanted) -> Result<Option<(u32, KeyInfo)>, PivError> {
        self.open_all()?;
        let is = |key: &KeyInfo| key.is(wanted.mode, &wanted.public);
        for serial in self.serials() {
            if let Some(slot) = wanted.hints.piv_slot
                && let Ok(Some(key)) = self.with(serial, |token| token.key(slot))
                && is(&key)
            {
                return Ok(Some((serial, key)));
            }
        }
        for serial in self.serials() {
            // A token that does not tell is not the one, and no reason to give up on the others.
            if let Some(key) = self.keys(serial).unwrap_or_default().into_iter().find(is) {
                return Ok(Some((serial, key)));
            }
        }
        Ok(None)
    }

    /// Why a key was not found: a card that nobody may look at could be its token.
    fn absent(&self, wanted: &Wanted) -> PivError {
        for place in &self.places {
            match &place.state {
                State::Other(Occupant::Held(holder)) => {
                    return PivError::Held { reader: printable(&place.reader), holder: holder.clone() };
                }
                State::Other(Occupant::Denied) => return PivError::Denied,
                _ => {}
            }
        }
        PivError::NotHere { token: wanted.hints.called(), here: self.instead() }
    }

    /// What the readers hold, in words.
    fn instead(&self) -> Vec<String> {
        self.places.iter().filter_map(|place| place.info().instead()).collect()
    }

    fn serials(&self) -> Vec<u32> {
        self.places.iter().filter_map(Place::token).map(|token| token.info.serial).collect()
    }

    /// Cards that could be YubiKeys.
    fn cards(&self) -> usize {
        let could = |place: &&Place| !matches!(place.state, State::Other(Occupant::Empty | Occupant::NotPiv));
        self.places.iter().filter(could).count()
    }

    /// Sends a PIN. Where the connection was lost on the way, it is sent again only if the token has not counted a wrong try since.
    /// `key`: the one it is for, which must still be there then.
    pub fn verify(&mut self, serial: u32, tries: Option<u8>, key: Option<&KeyInfo>, pin: &Pin) -> Result<(), PivError> {
        let mut again = false;
        self.with(serial, |token| {
            if std::mem::replace(&mut again, true) {
                key.map_or(Ok(()), |key| still_there(token, key))?;
                if let (Some(before), Some(left)) = (tries, token.tries()?)
                    && left < before
                {
                    let (token, tries) = (token.info.name(), Tries::Exactly(left));
                    let wrong = PivError::PinWrong { token: token.clone(), tries };
                    return Err(Trouble::Final(if left == 0 { PivError::PinLocked { token } } else { wrong }));
                }
            }
            token.verify(pin)
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
                    token.verify(pin)?;
                }
            }
            let used = match (token.agree(&at.key, at.mode, point)?, pin) {
                // Another program has reset the card, or made it forget the PIN.
                (Use::NoPin, Some(pin)) => {
                    token.verify(pin)?;
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
        let at = self.at(serial)?;
        let token = self.places[at].token_mut().unwrap_or_else(|| unreachable!("it was just found open"));
        token.keys = None;
        Ok(token)
    }

    /// Waits until a card comes or goes, or until `stop`. One that came since the last look counts.
    pub fn wait(&mut self, stop: &AtomicBool) -> Result<(), PivError> {
        let seen = |place: &Place| (place.reader.clone(), !matches!(place.state, State::Other(Occupant::Empty)));
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

fn named(serial: u32, name: Option<&str>) -> String {
    Hints { serial: Some(serial), name: name.map(str::to_owned), ..Hints::default() }.called()
}

impl Place {
    fn token(&self) -> Option<&Token> {
        match &self.state {
            State::Open(token) => Some(token),
            _ => None,
        }
    }

    fn token_mut(&mut self) -> Option<&mut Token> {
        match &mut self.state {
            State::Open(token) => Some(token),
            _ => None,
        }
    }

    fn info(&self) -> ReaderInfo {
        let occupant = match &self.state {
            State::Open(token) => Occupant::YubiKey(token.info.clone()),
            State::Other(occupant) => occupant.clone(),
            State::Unopened => Occupant::Mute,
        };
        ReaderInfo { reader: printable(&self.reader), occupant }
    }
}
