//! Every way into a vault in plain words, when it was proven, and what a person should be warned of before the day it is needed.
//!
//! All of it is told from the header and from what this machine remembers; nothing is unlocked. `status`, `doctor`, the drill, and
//! the commands that add or remove a way in tell the same.

use super::command::{Line, Names};
use super::proofs::{Proofs, Proven};
use super::report::{hint, prose, warn};
use super::sentence::Sentence;
use crate::encode::hex;
use crate::factor::piv::PivOpen;
use crate::factor::piv::slot::{PinPolicy, TouchPolicy};
use crate::factor::{Role, in_words, piv, pkcs11, recovery, role};
use crate::header::{Header, Keyslot, Stanza};
use crate::vault::{usable, weaker_keyslot};
use std::time::{Duration, SystemTime};

/// How long a token may lie in a drawer before somebody should look whether it still works.
const LONG: Duration = Duration::from_secs(365 * 24 * 3600);

/// Something about the ways into a vault that may cost its owner the vault, or let somebody in.
pub struct Warning {
    /// Its name for programs.
    pub kind: &'static str,
    /// The keyslot, where it is about one.
    pub keyslot: Option<String>,
    /// In a sentence.
    pub what: String,
    /// What to do about it.
    pub hint: Sentence,
}

/// What opens the keyslot: `password and YubiKey 123 (ada)`, `recovery code alone`, `any 2 of 3 recovery codes`.
pub fn in_plain_words(slot: &Keyslot) -> String {
    let mut names: Vec<(String, usize)> = Vec::new();
    for name in slot.factors.iter().map(named) {
        match names.iter_mut().find(|(other, _)| *other == name) {
            Some((_, times)) => *times += 1,
            None => names.push((name, 1)),
        }
    }
    let one = |(name, times): &(String, usize)| if *times == 1 { name.clone() } else { format!("{times} {name}s") };
    let k = usize::from(slot.threshold);
    match names.as_slice() {
        [(name, 1)] => format!("{name} alone"),
        [only] if k == slot.factors.len() => one(only),
        [only] => format!("any {k} of {}", one(only)),
        [first @ .., last] if k == slot.factors.len() => {
            format!("{} and {}", first.iter().map(one).collect::<Vec<_>>().join(", "), one(last))
        }
        all => format!("any {k} of: {}", all.iter().map(one).collect::<Vec<_>>().join(", ")),
    }
}

/// What is said behind that of a keyslot that other people hold.
pub fn for_custodians(slot: &Keyslot) -> &'static str {
    if slot.custodians() { " (for custodians, who can answer from where they are)" } else { "" }
}

/// The factor without an article.
fn named(stanza: &Stanza) -> String {
    let words = in_words(stanza);
    words.strip_prefix("the ").unwrap_or(&words).to_owned()
}

/// When it was proven, in words.
pub fn when(proven: &Proven) -> String {
    match proven {
        Proven::Never => "not tried on this machine yet".to_owned(),
        Proven::On(day) => format!("opened the vault on {day}"),
        Proven::Before(day) => format!("not tried since it was wrapped anew (before: {day})"),
    }
}

/// Says what opens the vault after a change, and what should be said about it.
pub fn tell_left(header: &Header, warnings: &[Warning]) {
    for slot in &header.keyslots {
        prose(&format!("  '{}' opens with {}{}", slot.name, in_plain_words(slot), for_custodians(slot)));
    }
    tell(warnings);
}

/// Says the warnings, each with what to do.
pub fn tell(warnings: &[Warning]) {
    for warning in warnings {
        warn(&warning.what);
        hint(&warning.hint);
    }
}

/// What the ways in are like, whenever they were used: for a vault that was just made, or changed. `names`: who vouches for the header.
pub fn of_structure(header: &Header, names: Names) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let slots: Vec<&Keyslot> = header.keyslots.iter().filter(|slot| usable(slot)).collect();
    if let [only] = slots.as_slice()
        && known(only) == usize::from(only.threshold)
    {
        warnings.push(Warning {
            kind: "one-way-in",
            keyslot: Some(only.name.clone()),
            what: format!(
                "there is only one way in, '{}' ({}): if it is lost, so is everything in the vault",
                only.name,
                in_plain_words(only)
            ),
            hint: "make another one: 'twinlock recovery new' or 'twinlock keyslot enroll'".into(),
        });
    } else if let Some(token) = needed_by_all(&slots) {
        warnings.push(Warning {
            kind: "same-token",
            keyslot: None,
            what: format!("every way in needs the {token}: if it is lost or breaks, so is everything in the vault"),
            hint: "make a way in without it: 'twinlock recovery new'".into(),
        });
    }
    for slot in &slots {
        let weaker = weaker_keyslot(header, slot);
        if let Some(first) = weaker.first() {
            let than: Vec<String> = weaker.iter().map(|weaker| format!("'{}'", weaker.than)).collect();
            warnings.push(Warning {
                kind: "weaker",
                keyslot: Some(slot.name.clone()),
                what: format!(
                    "keyslot '{}' asks for less than {}: with it a thief does not need {}",
                    slot.name,
                    than.join(" and "),
                    first.why
                ),
                hint: Sentence::with("if you do not want that", wipe(names, &slot.name)),
            });
        }
        if slot.custodians() && slot.threshold == 1 {
            warnings.push(Warning {
                kind: "custodian-alone",
                keyslot: Some(slot.name.clone()),
                what: format!(
                    "each custodian of keyslot '{}' alone can open the vault, and so can whoever fools one of them",
                    slot.name
                ),
                hint: "make one that takes several ('twinlock keyslot enroll --custodians --threshold 2 ...'), and wipe this one"
                    .into(),
            });
        }
        for stanza in slot.factors.iter().filter(|stanza| asks_nobody(stanza)) {
            warnings.push(Warning {
                kind: "no-consent",
                keyslot: Some(slot.name.clone()),
                what: format!(
                    "the key of the {} in keyslot '{}' wants neither a PIN nor a touch: whoever has the token, or runs a program \
                     while it is plugged in, can use it",
                    named(stanza),
                    slot.name
                ),
                hint: "make a key with a PIN ('twinlock token setup piv'), enroll it, and wipe this keyslot".into(),
            });
        }
    }
    warnings
}

/// All that should be said about the ways in, today.
pub fn warnings(header: &Header, names: Names, proofs: &Proofs, now: SystemTime) -> Vec<Warning> {
    let mut warnings = of_structure(header, names);
    let slots: Vec<&Keyslot> = header.keyslots.iter().filter(|slot| usable(slot)).collect();
    for slot in &slots {
        if let Some(what) = untried_code(header, slot, proofs) {
            warnings.push(Warning {
                kind: "untried-code",
                keyslot: Some(slot.name.clone()),
                what,
                hint: Sentence::with("try it, nothing is changed", rehearsal(names, slot)),
            });
        }
    }
    warnings.extend(unseen(header, names, &slots, proofs, now));
    warnings
}

/// The command that wipes a keyslot.
pub fn wipe(names: Names, keyslot: &str) -> Line {
    Line::new("keyslot wipe").value(names.of(keyslot))
}

/// The command that tries a way in: its owner's drill, or a request to those who have its factors.
fn rehearsal(names: Names, slot: &Keyslot) -> Line {
    let command = if slot.custodians() { "recovery request" } else { "recovery drill" };
    Line::new(command).value(names.of(&slot.name))
}

/// How many factors this program can use.
fn known(slot: &Keyslot) -> usize {
    slot.factors.iter().filter(|stanza| role(&stanza.kind) != Role::Unknown).count()
}

/// The token without which nothing opens.
fn needed_by_all(slots: &[&Keyslot]) -> Option<String> {
    let needs = |slot: &Keyslot, token: &str| {
        let others =
            |stanza: &&Stanza| role(&stanza.kind) != Role::Unknown && token_of(stanza).as_deref() != Some(token);
        slot.factors.iter().filter(others).count() < usize::from(slot.threshold)
    };
    let first = slots.first()?;
    let token = |stanza: &&Stanza| token_of(stanza).is_some_and(|token| slots.iter().all(|slot| needs(slot, &token)));
    first.factors.iter().find(token).map(named)
}

/// By which a token is known in several keyslots. What the header says of it, which no token has confirmed.
pub fn token_of(stanza: &Stanza) -> Option<String> {
    match stanza.kind.as_str() {
        piv::KIND => {
            let (params, _) = PivOpen::wanted(stanza).ok()??;
            Some(params.hints.serial.map_or_else(|| hex::encode(&params.public), |serial| format!("piv {serial}")))
        }
        pkcs11::KIND => {
            let uri = pkcs11::describe(stanza)?.uri;
            let of_token = |part: &&str| part.starts_with("token=") || part.starts_with("serial=");
            let parts: Vec<&str> = uri.trim_start_matches("pkcs11:").split(';').filter(of_token).collect();
            Some(format!("pkcs11 {}", parts.join(";")))
        }
        _ => None,
    }
}

/// A key that can be used by whoever reaches the token.
fn asks_nobody(stanza: &Stanza) -> bool {
    let Ok(Some((params, _))) = PivOpen::wanted(stanza) else { return false };
    (params.hints.pin_policy, params.hints.touch_policy) == (Some(PinPolicy::Never), Some(TouchPolicy::Never))
}

/// A recovery code that nobody has typed into this machine.
fn untried_code(header: &Header, slot: &Keyslot, proofs: &Proofs) -> Option<String> {
    let id = &header.vault_id;
    let untried =
        |(i, stanza): &(u8, &Stanza)| stanza.kind == recovery::KIND && proofs.answered(id, slot, *i).is_none();
    let codes = (1u8..).zip(&slot.factors).filter(untried).count();
    if codes == 0 || proofs.by_custodians(id, slot) {
        return None;
    }
    Some(match codes {
        1 => format!("the recovery code of keyslot '{}' has never been tried on this machine", slot.name),
        _ => format!("{codes} recovery codes of keyslot '{}' have never been tried on this machine", slot.name),
    })
}

/// Tokens that have not answered for long: by the last day that they did here, else by the day they were enrolled.
fn unseen(header: &Header, names: Names, slots: &[&Keyslot], proofs: &Proofs, now: SystemTime) -> Vec<Warning> {
    let mut tokens: Vec<(String, String, String, Option<String>)> = Vec::new();
    for slot in slots {
        for (i, stanza) in (1u8..).zip(&slot.factors) {
            let Some(token) = token_of(stanza) else { continue };
            let answered = proofs.answered(&header.vault_id, slot, i).map(str::to_owned);
            match tokens.iter_mut().find(|(known, ..)| *known == token) {
                Some((.., last)) => *last = answered.max(last.take()),
                None => tokens.push((token, named(stanza), slot.name.clone(), answered)),
            }
        }
    }
    let of_slot = |name: &str| slots.iter().find(|slot| slot.name == name).and_then(|slot| slot.created.get(..10));
    let old = |day: &str| {
        let then = humantime::parse_rfc3339(&format!("{day}T00:00:00Z")).ok();
        then.is_some_and(|then| now.duration_since(then).is_ok_and(|passed| passed > LONG))
    };
    let warning = |(_, name, slot, last): (String, String, String, Option<String>)| {
        let enrolled = of_slot(&slot).unwrap_or_default().to_owned();
        let since = last.as_deref().unwrap_or(&enrolled);
        let what = match &last {
            Some(day) => format!("the {name} was last used on this machine on {day}, more than a year ago"),
            None => format!("the {name} was not used on this machine since it was enrolled on {enrolled}"),
        };
        let way = slots.iter().find(|way| way.name == slot);
        let see = |way: &&Keyslot| Sentence::with("see whether it still works", rehearsal(names, way));
        let hint = way.map_or_else(|| "".into(), see);
        old(since).then_some(Warning { kind: "unseen-token", keyslot: Some(slot), what, hint })
    };
    tokens.into_iter().filter_map(warning).collect()
}

#[cfg(test)]
pub(super) mod tests;
