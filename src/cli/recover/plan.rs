//! The shortest path back to a vault that opens by things at hand: by which keyslot, and what must follow. Nothing is asked or opened here.
//!
//! Enroll first, wipe second, and never the last keyslot; wiping is not revocation, so that a rotation follows at once.

use super::things::{State, Things, is_token};
use crate::factor::{Role, password, piv, pkcs11, recovery, rewrap, role};
use crate::header::{Header, Keyslot, Stanza};
use crate::vault::usable;

/// By which keyslot the vault is opened.
pub struct Opening {
    pub keyslot: String,
    /// The factors that custodians must answer for, by their numbers from 1.
    pub asked: Vec<u8>,
    /// Custodians' answers are needed, or have opened it: it does not open again by its name alone.
    pub by_others: bool,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask custodians, and open with their answers.
    Request { keyslot: String, numbers: Vec<u8> },
    /// The same, with the answers.
    Combine { keyslot: String },
    /// A new password: in every keyslot that has one, or in this one only.
    Password { only: Option<String> },
    /// A code, in the place of a keyslot with a lost one.
    Code { replace: Option<String> },
    /// A keyslot like the one that has lost something, with something new in its place.
    Enroll { like: String, threshold: u8, custodians: bool, factors: Vec<New>, spare: bool },
    /// A keyslot that has lost something.
    Wipe {
        keyslot: String,
        /// A keyslot is enrolled in its place, by the step whose `like` it is: only then is it wiped.
        replaced: bool,
        /// It still opens by what is left, so that without the one in its place it would be missed.
        opens: bool,
    },
    /// A new account key.
    Rotate,
    /// The sheet of a code shows what has changed.
    Sheet { keyslot: String },
}

/// A factor of a keyslot to be enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum New {
    /// As for `--factor`.
    Known(String),
    /// A token in the place of this one, by the id of the lost thing.
    Token { kind: String, lost: String },
}

impl Step {
    /// Whether the way back would be whole without it.
    pub fn is_advice(&self) -> bool {
        matches!(
            self,
            Self::Rotate | Self::Sheet { .. } | Self::Code { replace: None } | Self::Enroll { spare: true, .. }
        )
    }
}

/// The way.
pub struct Plan {
    /// None: nothing at hand opens.
    pub opening: Option<Opening>,
    pub steps: Vec<Step>,
}

impl Plan {
    /// With the things as they are; by this keyslot if it is named. `away`: whether a keyslot needs a token that is not plugged in.
    pub fn of(header: &Header, things: &Things, by: Option<&str>, away: &mut dyn FnMut(&Keyslot) -> bool) -> Self {
        let named = |slot: &&Keyslot| by.is_none_or(|name| slot.name == name);
        let mut opening = None;
        for with_custodians in [false, true] {
            let may = header.keyslots.iter().filter(named).filter(|slot| things.may_open(slot, with_custodians));
            let best = may.min_by_key(|slot| (slot.custodians(), away(slot), needs_code(slot, things), slot.threshold));
            if let Some(slot) = best {
                let asked = if with_custodians { asked(slot, things) } else { Vec::new() };
                opening = Some((slot, asked));
                break;
            }
        }
        let Some((slot, asked)) = opening else { return Self { opening: None, steps: Vec::new() } };
        let by_others = !asked.is_empty();
        let mut steps = Vec::new();
        if by_others {
            steps.push(Step::Request { keyslot: slot.name.clone(), numbers: asked.clone() });
            steps.push(Step::Combine { keyslot: slot.name.clone() });
        }
        steps.extend(follow(header, things, slot, by_others));
        Self { opening: Some(Opening { keyslot: slot.name.clone(), asked, by_others }), steps }
    }
}

impl Plan {
    /// The number of the step, from 1, without which this one is not to be done.
    pub fn after(&self, step: &Step) -> Option<usize> {
        let Step::Wipe { keyslot, replaced: true, .. } = step else { return None };
        let place = |step: &Step| matches!(step, Step::Enroll { like, .. } if like == keyslot);
        self.steps.iter().position(place).map(|at| at + 1)
    }

    /// What must follow where custodians' answers have opened the vault by this keyslot.
    pub fn opened(header: &Header, things: &Things, keyslot: &str) -> Self {
        let steps = header.keyslot(keyslot).map(|slot| follow(header, things, slot, true)).unwrap_or_default();
        Self { opening: Some(Opening { keyslot: keyslot.to_owned(), asked: Vec::new(), by_others: true }), steps }
    }
}

/// A code is opened with last: it takes longest to type.
fn needs_code(slot: &Keyslot, things: &Things) -> bool {
    let others = things.numbers(slot, State::Have).into_iter();
    let others = others.filter(|number| slot.factors[usize::from(*number) - 1].kind != recovery::KIND);
    others.count() < usize::from(slot.threshold)
}

/// No more than are missing.
fn asked(slot: &Keyslot, things: &Things) -> Vec<u8> {
    let have = things.numbers(slot, State::Have).len();
    things.numbers(slot, State::Custodian).into_iter().take(usize::from(slot.threshold) - have).collect()
}

/// What must follow once the vault is open.
fn follow(header: &Header, things: &Things, opening: &Keyslot, by_others: bool) -> Vec<Step> {
    let hit: Vec<&Keyslot> = header.keyslots.iter().filter(|slot| things.is_hit(slot)).collect();
    // A custodian's is not the password that `passwd` changes.
    let forgotten =
        |slot: &Keyslot| !slot.custodians() && lost(slot, things).iter().any(|stanza| stanza.kind == password::KIND);
    let only_forgotten = |slot: &Keyslot| {
        let lost = lost(slot, things);
        !slot.custodians()
            && !things.closed.contains(&slot.name)
            && !lost.is_empty()
            && lost.iter().all(|stanza| stanza.kind == password::KIND)
    };
    let again: Vec<&Keyslot> = hit
        .iter()
        .copied()
        .filter(|slot| only_forgotten(slot) && can_be_wrapped(slot, things, opening, by_others))
        .collect();
    let mut steps = Vec::new();
    if again.len() == hit.iter().filter(|slot| forgotten(slot)).count() && !again.is_empty() {
        steps.push(Step::Password { only: None });
    } else {
        steps.extend(again.iter().map(|slot| Step::Password { only: Some(slot.name.clone()) }));
    }
    let replaced: Vec<&Keyslot> =
        hit.iter().copied().filter(|slot| !again.iter().any(|other| other.id == slot.id)).collect();
    let is_replaced = |slot: &Keyslot| replaced.iter().any(|other| other.id == slot.id);
    let (mut codes, mut enrolled, mut wiped, mut spares) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for slot in &replaced {
        let like = |other: &&Keyslot| !is_replaced(other) && usable(other) && shape(other) == shape(slot);
        let spare = header.keyslots.iter().any(|other| like(&other));
        if slot.factors.len() == 1 && slot.factors[0].kind == recovery::KIND && !slot.custodians() {
            // Enrolls the new one first, and wipes this one then.
            codes.push(Step::Code { replace: Some(slot.name.clone()) });
            continue;
        }
        let factors = if lost(slot, things).is_empty() { None } else { renewed(slot, things) };
        wiped.push(Step::Wipe {
            keyslot: slot.name.clone(),
            replaced: factors.is_some() && !spare,
            opens: things.may_open(slot, true),
        });
        if let Some(factors) = factors {
            let (like, threshold, custodians) = (slot.name.clone(), slot.threshold, slot.custodians());
            let step = Step::Enroll { like, threshold, custodians, factors, spare };
            if spare { spares.push(step) } else { enrolled.push(step) }
        }
    }
    // A code of one's own: what a custodian has is on their paper.
    let has_code = |slot: &&Keyslot| {
        !is_replaced(slot) && !slot.custodians() && slot.factors.iter().any(|stanza| stanza.kind == recovery::KIND)
    };
    let kept_code = header.keyslots.iter().find(has_code);
    // A forgotten password is in nobody's hands; everything else may be.
    let in_other_hands = |slot: &&Keyslot| {
        things.closed.contains(&slot.name) || lost(slot, things).iter().any(|stanza| stanza.kind != password::KIND)
    };
    let rotate = replaced.iter().any(in_other_hands);
    let new_code = kept_code.is_none() && codes.is_empty() && !hit.is_empty();
    steps.extend(codes);
    steps.extend(enrolled);
    steps.extend(spares);
    steps.extend(wiped);
    steps.extend(rotate.then_some(Step::Rotate));
    // After the rotation, for which it would have to be typed again.
    steps.extend(new_code.then_some(Step::Code { replace: None }));
    // A rotation changes the fingerprint that a sheet shows.
    let sheet = kept_code.filter(|slot| rotate && !things.is_hit(slot));
    steps.extend(sheet.map(|slot| Step::Sheet { keyslot: slot.name.clone() }));
    steps
}

fn lost<'a>(slot: &'a Keyslot, things: &Things) -> Vec<&'a Stanza> {
    things.numbers(slot, State::Lost).iter().map(|number| &slot.factors[usize::from(*number) - 1]).collect()
}

/// What a keyslot asks for, and of whom, so that a spare is known as one.
fn shape(slot: &Keyslot) -> (u8, bool, Vec<&str>) {
    let token = |stanza: &Stanza| role(&stanza.kind) == Role::Token;
    let mut kinds: Vec<&str> =
        slot.factors.iter().map(|stanza| if token(stanza) { "token" } else { stanza.kind.as_str() }).collect();
    kinds.sort_unstable();
    (slot.threshold, slot.custodians(), kinds)
}

/// Whether `passwd` can put a new password into the keyslot, once the vault is open by `opening`: it needs the other factors, too.
fn can_be_wrapped(slot: &Keyslot, things: &Things, opening: &Keyslot, by_others: bool) -> bool {
    if !usable(slot) {
        return false;
    }
    let have = things.numbers(slot, State::Have);
    let (mut tokens, mut typed) = (0, 0);
    for (number, stanza) in (1u8..).zip(&slot.factors) {
        match role(&stanza.kind) {
            _ if stanza.kind == password::KIND => {}
            Role::Token if have.contains(&number) => tokens += 1,
            Role::Token if rewrap(stanza).is_some() => {}
            // The test factor is asked for again, as a token is.
            Role::Typed(_) => typed += 1,
            Role::Token | Role::Unknown => return false,
        }
    }
    // A code is known only where it has just opened this very keyslot: tokens answer first, and then what is typed.
    let answered =
        if slot.id == opening.id && !by_others { usize::from(slot.threshold).saturating_sub(tokens) } else { 0 };
    typed <= answered
}

/// The factors of a keyslot like this one, with new things in the place of lost ones; none where a kind is not known.
fn renewed(slot: &Keyslot, things: &Things) -> Option<Vec<New>> {
    let one = |(number, stanza): (u8, &Stanza)| {
        let thing = things.at(slot, number)?;
        Some(match (stanza.kind.as_str(), thing.state) {
            (password::KIND | recovery::KIND, _) => New::Known(stanza.kind.clone()),
            (_, State::Lost) if is_token(stanza) => New::Token { kind: stanza.kind.clone(), lost: thing.id.clone() },
            _ => New::Known(as_spec(stanza).unwrap_or_else(|| thing.id.clone())),
        })
    };
    (1u8..).zip(&slot.factors).map(one).collect()
}

/// A token's key as an argument.
fn as_spec(stanza: &Stanza) -> Option<String> {
    match stanza.kind.as_str() {
        piv::KIND => {
            let (_, hints) = piv::describe(stanza)?;
            let serial = hints.serial?;
            Some(hints.piv_slot.map_or_else(|| format!("piv:{serial}"), |slot| format!("piv:{serial}/{slot}")))
        }
        pkcs11::KIND => Some(pkcs11::describe(stanza)?.uri),
        _ => None,
    }
}

/// What a lost token's kind stands for until a new one is named.
pub fn placeholder(kind: &str) -> String {
    match kind {
        pkcs11::KIND => "pkcs11:token=NEW;object=twinlock".to_owned(),
        piv::KIND => kind.to_owned(),
        kind => format!("{kind}:NEW"),
    }
}
