//! One prompt for whatever comes first: a password, a recovery code, or a token that is put in.
//!
//! Tokens that are here come before it, each under a prompt that names it. What is typed at the one prompt is tried as a password, and as a
//! recovery code if it is one, in every keyslot that takes such a thing; it never gets to a token. A keyslot that needs a token as well
//! keeps it until the token has answered: before that nobody, and no thief either, can tell whether it is right (spec 3).

use super::VaultError;
use super::error::Refusal;
use super::unlock::{
    ATTEMPTS, Absent, Opened, Part, Turn, Wish, candidates, has_token, needs_more, open_keyslot, stops, try_all,
};
use crate::encode::crockford;
use crate::factor::{FactorError, Openers, Role, password, recovery, role, ways};
use crate::header::{Header, Keyslot, Stanza};
use crate::prompt::{Ahead, AnyOf, Ask, Came, Event, Prompt, PromptError, Typed};
use crate::secret::SecretText;

/// Whether it is asked in this way: a person is there, nothing says by which keyslot or file, and there is a choice.
pub(super) fn applies(header: &Header, wish: Wish<'_>, prompt: &mut dyn Prompt) -> bool {
    let decided = wish.keyslot.is_some() || wish.brought.is_some() || wish.password || wish.recovery;
    let choice = header.keyslots.len() > 1 || header.keyslots.iter().any(has_token);
    !decided && choice && prompt.is_person()
}

/// What a keyslot takes of what is typed at the one prompt.
#[derive(Clone, Copy)]
struct Takes {
    password: bool,
    code: bool,
}

impl Takes {
    fn of(slot: &Keyslot) -> Self {
        let has = |kind: &str| slot.factors.iter().any(|stanza| stanza.kind == kind);
        Self { password: has(password::KIND), code: has(recovery::KIND) }
    }

    /// How many of its factors these lines are.
    fn answered(self, typed: &Typed) -> usize {
        usize::from(self.password && typed.password.is_some()) + usize::from(self.code && typed.code.is_some())
    }
}

/// Whether a keyslot takes part. Not those of custodians, whose prompts are not for the owner's password, nor what takes two lines of a kind.
fn takes_part(slot: &Keyslot, wish: Wish<'_>) -> bool {
    let Takes { password, code } = Takes::of(slot);
    let typed = usize::from(password) + usize::from(code);
    let known = |stanza: &Stanza| {
        !matches!(role(&stanza.kind), Role::Typed(_)) || [password::KIND, recovery::KIND].contains(&&*stanza.kind)
    };
    let own = !(slot.custodians() && needs_more(slot, wish));
    own && slot.factors.iter().all(known) && (has_token(slot) || typed >= usize::from(slot.threshold))
}

/// How the one prompt ended.
enum End {
    Opened(Box<Opened>),
    /// A token came or went.
    Device,
    /// The person wants another way.
    Left,
    /// For good.
    Refused(String, Refusal),
}

/// The one prompt, and what has come in there.
pub(super) struct First<'a> {
    header: &'a Header,
    wish: Wish<'a>,
    absent: Absent,
    typed: Typed,
    wrong: usize,
    /// Keyslots whose token was here and is left alone until it has been away.
    left: Vec<[u8; 16]>,
    ways: Vec<String>,
    listed: bool,
}

impl<'a> First<'a> {
    pub fn new(header: &'a Header, wish: Wish<'a>) -> Self {
        let (absent, typed) = (Absent::default(), Typed::default());
        Self { header, wish, absent, typed, wrong: 0, left: Vec::new(), ways: Vec::new(), listed: false }
    }

    pub fn open(mut self, openers: &mut Openers, prompt: &mut dyn Prompt) -> Result<Opened, VaultError> {
        loop {
            self.absent.forget();
            let all = candidates(self.header, self.wish, openers, prompt)?;
            let (own, rest): (Vec<&Keyslot>, Vec<&Keyslot>) =
                all.into_iter().partition(|slot| takes_part(slot, self.wish));
            let mut refusals = Vec::new();
            if let Some(opened) = self.by_tokens(&own, &mut refusals, openers, prompt) {
                return Ok(opened);
            }
            if refusals.last().is_some_and(|(_, refusal)| stops(refusal)) {
                return Err(VaultError::Locked(refusals));
            }
            let typed: Vec<&Keyslot> =
                own.into_iter().filter(|slot| Takes::of(slot).password || Takes::of(slot).code).collect();
            let mut next = rest;
            if !typed.is_empty() {
                match self.ask(&typed, !next.is_empty(), openers, prompt).map_err(VaultError::Factor)? {
                    End::Opened(opened) => return Ok(*opened),
                    End::Device => {
                        openers_look_again(&typed, openers);
                        continue;
                    }
                    End::Refused(name, refusal) => {
                        refusals.push((name, refusal));
                        return Err(VaultError::Locked(refusals));
                    }
                    End::Left => {
                        let codes = self.leave(&typed, &mut refusals, prompt);
                        next.splice(0..0, codes);
                    }
                }
            }
            match try_all(self.header, self.wish, &next, &mut self.absent, openers, prompt) {
                Ok(opened) => return Ok(opened),
                Err(more) => refusals.extend(more),
            }
            let stopped = refusals.iter().any(|(_, refusal)| stops(refusal));
            if stopped || !self.absent.wait(self.header, openers, prompt).map_err(VaultError::Factor)? {
                return Err(VaultError::Locked(refusals));
            }
        }
    }

    /// Tries those whose token is here.
    fn by_tokens(
        &mut self,
        slots: &[&Keyslot],
        refusals: &mut Vec<(String, Refusal)>,
        openers: &mut Openers,
        prompt: &mut dyn Prompt,
    ) -> Option<Opened> {
        let with_token: Vec<&Keyslot> = slots.iter().copied().filter(|slot| has_token(slot)).collect();
        for slot in &with_token {
            if self.left.contains(&slot.id) && !is_away(slot, openers, prompt) {
                refusals.push((slot.name.clone(), Refusal::Missing(vec!["it was left for another way in".to_owned()])));
                continue;
            }
            self.left.retain(|id| *id != slot.id);
            if !self.listed {
                self.ways = list(slot, slots, &with_token, openers, prompt);
            }
            let missed = self.absent.missed;
            let mut ahead =
                Ahead { person: &mut *prompt, typed: self.typed.again(), others: true, ways: Some(&mut self.ways) };
            let turn = Turn { last: false, part: Part::Tokens };
            let refusal = match open_keyslot(self.header, slot, turn, self.wish, &mut self.absent, openers, &mut ahead)
            {
                Ok(opened) => return Some(opened),
                Err(refusal) => refusal,
            };
            self.listed |= self.ways.is_empty();
            let stop = stops(&refusal);
            // One that is not here has not refused anything, and is waited for.
            if self.absent.missed == missed && !stop {
                self.left.push(slot.id);
                self.absent.told.pass_over(slot, &refusal, prompt);
            }
            refusals.push((slot.name.clone(), refusal));
            if stop {
                return None;
            }
        }
        None
    }

    /// The one prompt, until something comes of it. `rest`: there are ways that it leaves out.
    fn ask(
        &mut self,
        slots: &[&Keyslot],
        rest: bool,
        openers: &mut Openers,
        prompt: &mut dyn Prompt,
    ) -> Result<End, FactorError> {
        let password = slots.iter().any(|slot| Takes::of(slot).password);
        let code = slots.iter().any(|slot| Takes::of(slot).code);
        let others = rest || password && code || self.absent.kind().is_some();
        let mut kind = self.absent.kind().map(str::to_owned);
        self.absent.tell_instead(prompt);
        loop {
            let ask = Ask::Any { vault: &self.header.name, ways: AnyOf { password, code, token: kind.is_some() } };
            let came = match kind.as_deref().and_then(|kind| openers.of(kind)) {
                Some(opener) => opener.secret_or(&ask, prompt),
                None => prompt.secret(&ask).map(Came::Typed).map_err(FactorError::Prompt),
            };
            let line = match came {
                Ok(Came::Typed(line)) => line,
                Ok(Came::Ready) => return Ok(End::Device),
                Err(FactorError::Prompt(PromptError::Skipped)) => return Ok(End::Left),
                // The readers are gone; the keys are not.
                Err(FactorError::Piv(error)) if kind.is_some() => {
                    prompt.show(&Event::Note(&error.to_string()));
                    kind = None;
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Some(end) = self.line(line, slots, others, openers, prompt) {
                return Ok(end);
            }
        }
    }

    /// What a line is, and whether it opens something.
    fn line(
        &mut self,
        line: SecretText,
        slots: &[&Keyslot],
        others: bool,
        openers: &mut Openers,
        prompt: &mut dyn Prompt,
    ) -> Option<End> {
        let takes: Vec<Takes> = slots.iter().map(|slot| Takes::of(slot)).collect();
        let (password, code) = (takes.iter().any(|takes| takes.password), takes.iter().any(|takes| takes.code));
        let mistyped = if code { crockford::decode(line.expose()).err() } else { None };
        let is_code = code && mistyped.is_none();
        let mistyped = mistyped.filter(|_| !password || crockford::looks_like(line.expose()));
        if let (Some(error), false) = (&mistyped, password) {
            prompt.show(&Event::MistypedCode { why: &error.to_string() });
            return None;
        }
        let what = if is_code { "recovery code" } else { "password" };
        // Alone; a password may look like a code, too.
        let line_as = |code: bool| {
            let line = Typed { password: Some(line_again(&line)), code: None };
            if code { Typed { password: None, code: line.password } } else { line }
        };
        if is_code {
            self.typed.code = line_as(true).code;
        } else {
            self.typed.password = line_as(false).password;
        }
        let mut tried = None;
        let mut waiting = Vec::new();
        let turns = slots.iter().zip(&takes).map(|(slot, takes)| (slot, takes, is_code));
        let turns = turns.chain(slots.iter().zip(&takes).filter(|_| is_code).map(|(slot, takes)| (slot, takes, false)));
        for (slot, takes, as_code) in turns {
            let single = slot.threshold == 1;
            if takes.answered(&line_as(as_code)) == 0 || (as_code != is_code && !single) {
                continue;
            }
            let typed = if single { line_as(as_code) } else { self.typed.again() };
            if takes.answered(&typed) < usize::from(slot.threshold) {
                waiting.push(*slot);
                continue;
            }
            let mut ahead = Ahead { person: &mut *prompt, typed, others: false, ways: None };
            let turn = Turn { last: false, part: Part::Typed };
            match open_keyslot(self.header, slot, turn, self.wish, &mut self.absent, openers, &mut ahead) {
                Ok(opened) => return Some(End::Opened(Box::new(opened))),
                Err(Refusal::Wrong { what, tokens, .. }) => {
                    tried.get_or_insert((slot.name.clone(), Refusal::Wrong { what, tokens, by_person: true }));
                }
                Err(refusal) if stops(&refusal) => return Some(End::Refused(slot.name.clone(), refusal)),
                Err(refusal) => self.absent.told.pass_over(slot, &refusal, prompt),
            }
        }
        if let Some(error) = mistyped {
            prompt.show(&Event::MistypedCode { why: &error.to_string() });
            return None;
        }
        let needed = needed(&waiting, &self.typed);
        if tried.is_none() && !waiting.is_empty() {
            prompt.show(&Event::Taken { what, needed: &needed, wrong_alone: false });
            return None;
        }
        self.wrong += 1;
        if let Some((name, refusal)) = tried.filter(|_| self.wrong >= ATTEMPTS) {
            return Some(End::Refused(name, refusal));
        }
        prompt.show(&if waiting.is_empty() {
            Event::WrongSecret { what, others }
        } else {
            Event::Taken { what, needed: &needed, wrong_alone: true }
        });
        None
    }

    /// The person leaves it: what is told of each way, and those that a code opens, which is typed better where its groups are seen.
    fn leave<'s>(
        &mut self,
        slots: &[&'s Keyslot],
        refusals: &mut Vec<(String, Refusal)>,
        prompt: &mut dyn Prompt,
    ) -> Vec<&'s Keyslot> {
        let was_choice = slots.iter().any(|slot| Takes::of(slot).password);
        let mut codes = Vec::new();
        for slot in slots {
            let takes = Takes::of(slot);
            if was_choice && takes.code && !takes.password && slot.threshold == 1 && !has_token(slot) {
                codes.push(*slot);
                continue;
            }
            let what = if takes.password { "password" } else { "recovery code" };
            let refusal = Refusal::Missing(vec![format!("no {what} was typed")]);
            if !has_token(slot) {
                self.absent.told.pass_over(slot, &refusal, prompt);
                refusals.push((slot.name.clone(), refusal));
            }
        }
        codes
    }
}

fn line_again(line: &SecretText) -> SecretText {
    SecretText::new(zeroize::Zeroizing::new(line.expose().to_owned()))
}

/// Whether a token of the keyslot is seen not to be here.
fn is_away(slot: &Keyslot, openers: &mut Openers, prompt: &mut dyn Prompt) -> bool {
    slot.factors.iter().any(|stanza| {
        let opener = openers.of(&stanza.kind).filter(|_| role(&stanza.kind) == Role::Token);
        opener.is_some_and(|opener| opener.is_here(stanza, prompt) == Some(false))
    })
}

/// A device came or went: what was seen before means nothing.
fn openers_look_again(slots: &[&Keyslot], openers: &mut Openers) {
    for stanza in slots.iter().flat_map(|slot| &slot.factors) {
        if let Some(opener) = openers.of(&stanza.kind) {
            opener.look_again();
        }
    }
}

/// The ways in that can work now, that of `first` before the others.
fn list(
    first: &Keyslot,
    slots: &[&Keyslot],
    with_token: &[&Keyslot],
    openers: &mut Openers,
    prompt: &mut dyn Prompt,
) -> Vec<String> {
    let mut here = |slot: &Keyslot| {
        let is_one = slot.id == first.id || !has_token(slot);
        is_one || with_token.len() > 1 && !is_away(slot, openers, prompt)
    };
    let mut all = vec![named(first)];
    for slot in slots {
        let way = named(slot);
        if !all.contains(&way) && here(slot) {
            all.push(way);
        }
    }
    all
}

fn named(slot: &Keyslot) -> String {
    let way = ways(slot);
    if way == recovery::KIND { "recovery code".to_owned() } else { way }
}

/// What would complete one of these keyslots.
fn needed(waiting: &[&Keyslot], typed: &Typed) -> String {
    let lacks = |wanted: fn(Takes) -> bool| waiting.iter().any(|slot| wanted(Takes::of(slot)));
    let mut all = Vec::new();
    if typed.password.is_none() && lacks(|takes| takes.password) {
        all.push("type the password");
    }
    if typed.code.is_none() && lacks(|takes| takes.code) {
        all.push("type the recovery code");
    }
    if waiting.iter().any(|slot| has_token(slot)) {
        all.push("insert a token");
    }
    all.join(" or ")
}

#[cfg(test)]
mod tests;
