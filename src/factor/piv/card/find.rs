//! Finding the token of a keyslot, among those that are here. A serial number is where it is looked for first; the public key decides.

use super::super::error::PivError;
use super::super::info::{KeyInfo, Located, Occupant, Wanted, printable};
use super::super::public::{PublicKey, UNREAD};
use super::desk::{Desk, Place, State, named};

impl Desk {
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
    /// other token, of the same serial number or not.
    pub fn find(&mut self, wanted: &Wanted) -> Result<Located, PivError> {
        self.look()?;
        self.passed_over.clear();
        let name = wanted.hints.name.as_deref().map(printable);
        let (found, why) = match wanted.hints.serial.map(|serial| (serial, self.at(serial))) {
            Some((serial, Ok(_))) => match self.on_token(serial, wanted)? {
                Ok(key) => (Some((serial, key)), None),
                Err(why) => (self.elsewhere(wanted)?, Some(why)),
            },
            Some((_, Err(error))) if !matches!(error, PivError::Gone { .. }) => return Err(error),
            _ => (self.elsewhere(wanted)?, None),
        };
        let Some((serial, mut key)) = found else { return Err(why.unwrap_or_else(|| self.absent(wanted))) };
        let hints = &wanted.hints;
        let token = self.with(serial, |token| {
            token.info.called.clone_from(&name);
            // Where the token does not tell, what was written down when it was enrolled: to attest takes old ones a second.
            key.pin = key.pin.or(hints.pin_policy);
            key.touch = key.touch.or(hints.touch_policy);
            token.attested(&mut key)?;
            Ok(token.info.clone())
        })?;
        Ok(Located { token, key, mode: wanted.mode, tries: None, alone: self.cards() <= 1 })
    }

    /// The key on the token that should have it; the inner error: why it is not there.
    fn on_token(&mut self, serial: u32, wanted: &Wanted) -> Result<Result<KeyInfo, PivError>, PivError> {
        let is = |key: &KeyInfo| key.is(wanted.mode, &wanted.public);
        let slot = wanted.hints.piv_slot;
        let there = match slot {
            Some(slot) => self.with(serial, |token| {
                token.info.called = wanted.hints.name.as_deref().map(printable);
                token.key(slot)
            })?,
            None => None,
        };
        match there {
            Some(key) if is(&key) => return Ok(Ok(key)),
            _ => {}
        }
        // Firmware 5.7 can move a key to another PIV slot.
        let keys = self.keys(serial)?;
        if let Some(key) = keys.iter().find(|key| is(key)) {
            return Ok(Ok(key.clone()));
        }
        let token = named(serial, wanted.hints.name.as_deref());
        Ok(Err(match (slot, there) {
            _ if keys.is_empty() => PivError::Emptied { token },
            (Some(slot), Some(KeyInfo { public: PublicKey::Other(UNREAD), .. })) => {
                let why = "its certificate, which alone tells of it here, cannot be read: it is packed, or none";
                PivError::KeyUnsuitable { token, slot, why: why.to_owned() }
            }
            (Some(slot), Some(_)) => PivError::Rekeyed { token, slot },
            (Some(slot), None) => PivError::KeyGone { token, slot },
            (None, _) => PivError::OtherKeys { token },
        }))
    }

    /// The key on any token here: first where it was, then anywhere.
    fn elsewhere(&mut self, wanted: &Wanted) -> Result<Option<(u32, KeyInfo)>, PivError> {
        self.open_all()?;
        let is = |key: &KeyInfo| key.is(wanted.mode, &wanted.public);
        let open = |place: &Place| Some((place.reader.clone(), place.token()?.info.serial));
        let tokens: Vec<_> = self.places.iter().filter_map(open).collect();
        for (reader, serial) in &tokens {
            self.mean(reader, *serial);
            if let Some(slot) = wanted.hints.piv_slot
                && let Ok(Some(key)) = self.with(*serial, |token| token.key(slot))
                && is(&key)
            {
                return Ok(Some((*serial, key)));
            }
        }
        for (reader, serial) in &tokens {
            self.mean(reader, *serial);
            // A token that does not tell is not the one, and no reason to give up on the others.
            if let Some(key) = self.keys(*serial).unwrap_or_default().into_iter().find(is) {
                return Ok(Some((*serial, key)));
            }
        }
        self.passed_over.clear();
        Ok(None)
    }

    /// From now on the card in this reader is meant by its serial number, also if another one has the same: a copy, or a number that its
    /// maker did not write.
    fn mean(&mut self, reader: &str, serial: u32) {
        let same = |place: &&Place| place.token().is_some_and(|token| token.info.serial == serial);
        let others = self.places.iter().filter(same).map(|place| &place.reader).filter(|other| *other != reader);
        self.passed_over = others.cloned().collect();
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

    /// Cards that could be YubiKeys.
    fn cards(&self) -> usize {
        let could = |place: &&Place| !matches!(place.state, State::Other(Occupant::Empty | Occupant::NotPiv));
        self.places.iter().filter(could).count()
    }
}
