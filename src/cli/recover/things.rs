//! The things that open a vault, as a person has them: one password, one token, one code on paper, though several keyslots may need it.

use super::super::report::{CliError, NOT_FOUND};
use super::super::ways_in::token_of;
use crate::factor::{Role, in_words, password, piv, pkcs11, recovery, role};
use crate::header::{Header, Keyslot, Stanza};
use crate::vault::usable;

/// Whether a thing is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The person has it.
    Have,
    /// Somebody else has it, who can be asked by a request.
    Custodian,
    /// Lost, forgotten, broken.
    Lost,
}

/// One thing.
pub struct Thing {
    /// By which it is told from the others in arguments: `password`, `piv:ada`, `recovery:friends/2`.
    pub id: String,
    /// Other words for it.
    also: Vec<String>,
    /// In a sentence: `the password`, `the YubiKey 12345678 (ada)`, `the recovery code of keyslot 'recovery'`.
    pub what: String,
    /// As it lies in the first keyslot that needs it.
    pub stanza: Stanza,
    /// What two factors that are the same thing have in common.
    same: String,
    /// The keyslots that need it, and its number there, from 1.
    places: Vec<([u8; 16], u8)>,
    /// All those keyslots are for custodians: somebody else has it.
    pub theirs: bool,
    pub state: State,
}

impl Thing {
    /// Something to hold: neither remembered nor on paper.
    pub fn is_token(&self) -> bool {
        is_token(&self.stanza)
    }

    fn is_called(&self, text: &str) -> bool {
        self.id == text || self.stanza.kind == text || self.also.iter().any(|name| name == text)
    }

    fn is_in(&self, slot: &Keyslot, number: u8) -> bool {
        self.places.contains(&(slot.id, number))
    }
}

/// Whether it is a token, or in tests what stands for one.
pub fn is_token(stanza: &Stanza) -> bool {
    role(&stanza.kind) != Role::Unknown && stanza.kind != password::KIND && stanza.kind != recovery::KIND
}

/// All of a vault.
pub struct Things {
    pub all: Vec<Thing>,
    /// Keyslots that no longer open, whatever the reason.
    pub closed: Vec<String>,
}

impl Things {
    /// Those of the header, all at hand.
    pub fn of(header: &Header) -> Self {
        let mut all: Vec<Thing> = Vec::new();
        for slot in &header.keyslots {
            for (number, stanza) in (1u8..).zip(&slot.factors) {
                if role(&stanza.kind) == Role::Unknown {
                    continue;
                }
                let same = same(slot, number, stanza);
                let place = (slot.id, number);
                if let Some(known) = all.iter_mut().find(|thing| thing.same == same) {
                    known.places.push(place);
                    if known.theirs && !slot.custodians() {
                        (known.theirs, known.what) = (false, what(slot, number, stanza));
                    }
                    continue;
                }
                let (names, what) = (names(slot, number, stanza), what(slot, number, stanza));
                let free = |name: &&String| !all.iter().any(|thing| thing.is_called(name));
                let id = names.iter().find(free).or(names.last()).cloned().unwrap_or_else(|| stanza.kind.clone());
                let (also, state) = (names, State::Have);
                let theirs = slot.custodians();
                all.push(Thing { id, also, what, stanza: stanza.clone(), same, places: vec![place], theirs, state });
            }
        }
        Self { all, closed: Vec::new() }
    }

    /// The thing behind a keyslot's factor; none for a kind that this program does not know.
    pub fn at(&self, slot: &Keyslot, number: u8) -> Option<&Thing> {
        self.all.iter().find(|thing| thing.is_in(slot, number))
    }

    /// The factors of a keyslot whose things are in this state, by their numbers from 1.
    pub fn numbers(&self, slot: &Keyslot, state: State) -> Vec<u8> {
        let there = |number: &u8| self.at(slot, *number).is_some_and(|thing| thing.state == state);
        (1u8..).take(slot.factors.len()).filter(there).collect()
    }

    /// Notes what a person calls lost: a thing by its name, a kind for all of it, or a keyslot.
    pub fn lose(&mut self, header: &Header, text: &str) -> Result<(), CliError> {
        self.set(header, text, State::Lost)
    }

    /// The same of what others have.
    pub fn lend(&mut self, header: &Header, text: &str) -> Result<(), CliError> {
        self.set(header, text, State::Custodian)
    }

    /// Whatever is in custodians' keyslots alone, and is not called lost, is with them.
    pub fn leave_with_custodians(&mut self) {
        for thing in self.all.iter_mut().filter(|thing| thing.theirs && thing.state == State::Have) {
            thing.state = State::Custodian;
        }
    }

    fn set(&mut self, header: &Header, text: &str, state: State) -> Result<(), CliError> {
        let keyslot = text.strip_prefix("keyslot:");
        let mut found = false;
        // A kind stands for what is one's own: who has forgotten "the password" has not forgotten a custodian's.
        let called = |thing: &Thing| keyslot.is_none() && thing.is_called(text);
        let is_kind = |thing: &Thing| thing.stanza.kind == text;
        let meant = |thing: &Thing| called(thing) && !(thing.theirs && is_kind(thing) && state == State::Lost);
        for thing in self.all.iter_mut().filter(|thing| meant(thing)) {
            (thing.state, found) = (state, true);
        }
        let name = keyslot.unwrap_or(text);
        match header.keyslot(name) {
            _ if found => Ok(()),
            // "The password" of somebody who has none of their own here is not a keyslot that happens to be called so.
            Some(slot) if state == State::Lost && (keyslot.is_some() || !self.all.iter().any(is_kind)) => {
                self.closed.push(slot.name.clone());
                Ok(())
            }
            _ => {
                let mut have: Vec<String> = self.all.iter().map(|thing| format!("'{}'", thing.id)).collect();
                have.extend(header.keyslots.iter().map(|slot| format!("'keyslot:{}'", slot.name)));
                Err(CliError::Plain {
                    message: format!("nothing that opens this vault is called '{text}'"),
                    hint: format!("there is {}", have.join(", ")).into(),
                    code: NOT_FOUND,
                })
            }
        }
    }

    /// Whether something that a keyslot needs is lost, or the keyslot itself.
    pub fn is_hit(&self, slot: &Keyslot) -> bool {
        self.closed.contains(&slot.name) || !self.numbers(slot, State::Lost).is_empty()
    }

    /// Whether a keyslot could still open, with the help of custodians if need be.
    pub fn may_open(&self, slot: &Keyslot, with_custodians: bool) -> bool {
        let have = self.numbers(slot, State::Have).len();
        let held = if with_custodians && slot.custodians() { self.numbers(slot, State::Custodian).len() } else { 0 };
        usable(slot) && !self.closed.contains(&slot.name) && have + held >= usize::from(slot.threshold)
    }

    /// Whether nothing is said to be lost, or in other hands than it should be.
    pub fn all_there(&self) -> bool {
        self.closed.is_empty()
            && self
                .all
                .iter()
                .all(|thing| thing.state == State::Have || (thing.theirs && thing.state == State::Custodian))
    }
}

/// The password is one thing, as `passwd` takes it, and a custodian's is another; a token is one however many keys of it are enrolled; each
/// code is one of its own.
fn same(slot: &Keyslot, number: u8, stanza: &Stanza) -> String {
    let own = || format!("{} {}", stanza.kind, place(slot, number));
    match stanza.kind.as_str() {
        password::KIND if !slot.custodians() => password::KIND.to_owned(),
        password::KIND | recovery::KIND => own(),
        piv::KIND | pkcs11::KIND => token_of(stanza).unwrap_or_else(own),
        // The test factor.
        _ => stanza.params.get("name").map_or_else(own, |name| format!("{} {name}", stanza.kind)),
    }
}

fn place(slot: &Keyslot, number: u8) -> String {
    format!("{}/{number}", slot.name)
}

fn of_its_kind(slot: &Keyslot, stanza: &Stanza) -> usize {
    slot.factors.iter().filter(|other| other.kind == stanza.kind).count()
}

/// What it may be called, best first.
fn names(slot: &Keyslot, number: u8, stanza: &Stanza) -> Vec<String> {
    let kind = stanza.kind.as_str();
    let mut names = Vec::new();
    match kind {
        password::KIND if !slot.custodians() => names.push(kind.to_owned()),
        piv::KIND => {
            let hints = piv::describe(stanza).map(|(_, hints)| hints);
            let serial = hints.as_ref().and_then(|hints| hints.serial).map(|serial| serial.to_string());
            let known: Vec<String> = hints.and_then(|hints| hints.name).into_iter().chain(serial).collect();
            names.extend(known.iter().map(|name| format!("{kind}:{name}")));
            names.extend(known);
        }
        pkcs11::KIND => {
            let label = pkcs11::describe(stanza).map(|described| described.token).filter(|label| !label.is_empty());
            names.extend(label.iter().map(|label| format!("{kind}:token={label}")));
            names.extend(token_of(stanza).map(|token| token.replacen(' ', ":", 1)));
            names.extend(label);
        }
        password::KIND | recovery::KIND if of_its_kind(slot, stanza) == 1 => {
            names.push(format!("{kind}:{}", slot.name));
        }
        password::KIND | recovery::KIND => {}
        _ => {
            let name = stanza.params.get("name").and_then(|name| name.as_str());
            names.extend(name.map(|name| format!("{kind}:{name}")));
        }
    }
    if kind != password::KIND || slot.custodians() {
        names.push(format!("{kind}:{}", place(slot, number)));
    }
    names
}

fn what(slot: &Keyslot, number: u8, stanza: &Stanza) -> String {
    let words = in_words(stanza);
    if slot.custodians() {
        let words = if of_its_kind(slot, stanza) == 1 || is_token(stanza) {
            words
        } else {
            format!("{} {number}", words.strip_prefix("the ").unwrap_or(&words))
        };
        return format!("{words} of a custodian of '{}'", slot.name);
    }
    match stanza.kind.as_str() {
        recovery::KIND if of_its_kind(slot, stanza) == 1 => format!("{words} of keyslot '{}'", slot.name),
        recovery::KIND => format!("recovery code {number} of keyslot '{}'", slot.name),
        password::KIND | piv::KIND | pkcs11::KIND => words,
        _ => {
            stanza.params.get("name").and_then(|name| name.as_str()).map_or(words.clone(), |n| format!("{words} '{n}'"))
        }
    }
}
