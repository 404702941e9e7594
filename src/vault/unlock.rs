//! Ways in: trying keyslots until one gives the account key.
//!
//! Tokens are tried before anything is asked: an absent one costs a person nothing, and a password is never typed for a keyslot that
//! could not open anyway.

use super::VaultError;
use super::assemble::Brought;
use super::error::{AnswersError, Refusal};
use super::first::{self, First};
use super::gather::Gathering;
use crate::factor::piv::PivError;
use crate::factor::pkcs11::TokenError;
use crate::factor::{FactorError, Openers, Role, in_words, password, recovery, role};
use crate::header::{Header, Keyslot, Stanza};
use crate::keyslot::Wrap;
use crate::prompt::{Event, Prompt, PromptError};
use crate::secret::{AccountKey, FactorSecret};

/// Times that a person may type a password or code for one keyslot.
pub(super) const ATTEMPTS: usize = 3;

/// Begins what is missing when nobody can be asked; there is then nobody to be told on the way, either.
pub(super) const NOBODY: &str = "nobody is there to type";

/// What the person asked for.
#[derive(Clone, Copy, Default)]
pub struct Wish<'a> {
    /// This keyslot and no other.
    pub keyslot: Option<&'a str>,
    /// What custodians have answered, for one keyslot: it and no other is opened.
    pub brought: Option<&'a Brought>,
    /// A password comes from a file: keyslots with a password first.
    pub password: bool,
    /// A recovery code comes from a file: keyslots with a code first.
    pub recovery: bool,
    /// The command is going to write: what it looks at first is read while a token is being waited for.
    pub writes: bool,
}

impl Wish<'_> {
    /// How many factors custodians have answered for.
    fn answers(&self) -> usize {
        self.brought.map_or(0, |brought| brought.answers.len())
    }

    /// Whether a file answers for this factor.
    fn brings(&self, stanza: &Stanza) -> bool {
        (self.password && stanza.kind == password::KIND) || (self.recovery && stanza.kind == recovery::KIND)
    }
}

/// A keyslot that opened.
pub struct Opened {
    /// The keyslot, as it was then.
    pub keyslot: Keyslot,
    /// What it holds.
    pub account_key: AccountKey,
    /// The secrets of the factors that opened it, by their number from 1: wrapping it again needs no second PIN.
    pub secrets: Vec<(u8, FactorSecret)>,
}

/// Has the tokens of the first way in get ready, where one is needed; true if one is on its way, so that there is time for something else.
pub fn prepare(header: &Header, wish: Wish<'_>, openers: &mut Openers) -> bool {
    // What is wrong with the wish is told by `open_any`.
    // Nor is it looked which tokens are here: that comes, once, when they are needed.
    let Some(first) = ranked(header, wish, &mut |_| false).ok().and_then(|all| all.into_iter().next()) else {
        return false;
    };
    if !needs_more(first, wish) {
        return false;
    }
    let mut stanzas = first.factors.iter().filter(|stanza| role(&stanza.kind) == Role::Token);
    stanzas.any(|stanza| openers.of(&stanza.kind).is_some_and(|opener| opener.prepare(stanza)))
}

/// Where the files that were given are enough, no token and nobody is troubled.
pub(super) fn needs_more(slot: &Keyslot, wish: Wish<'_>) -> bool {
    let files = slot.factors.iter().filter(|stanza| wish.brings(stanza)).count();
    files + wish.answers() < usize::from(slot.threshold)
}

/// Tries the keyslots in the order of [`candidates`] until one opens. Where none does and a token is missing that could be brought, a
/// person is waited for.
pub fn open_any(
    header: &Header,
    wish: Wish<'_>,
    openers: &mut Openers,
    prompt: &mut dyn Prompt,
) -> Result<Opened, VaultError> {
    if first::applies(header, wish, prompt) {
        return First::new(header, wish).open(openers, prompt);
    }
    let mut absent = Absent::default();
    loop {
        absent.forget();
        let candidates = candidates(header, wish, openers, prompt)?;
        let refusals = match try_all(header, wish, &candidates, &mut absent, openers, prompt) {
            Ok(opened) => return Ok(opened),
            Err(refusals) => refusals,
        };
        let stopped = refusals.iter().any(|(_, refusal)| stops(refusal));
        if stopped || !absent.wait(header, openers, prompt).map_err(VaultError::Factor)? {
            return Err(VaultError::Locked(refusals));
        }
    }
}

/// Tries each keyslot once; what each said.
pub(super) fn try_all(
    header: &Header,
    wish: Wish<'_>,
    candidates: &[&Keyslot],
    absent: &mut Absent,
    openers: &mut Openers,
    prompt: &mut dyn Prompt,
) -> Result<Opened, Vec<(String, Refusal)>> {
    let mut refusals = Vec::new();
    for (at, slot) in candidates.iter().enumerate() {
        let last = at + 1 == candidates.len();
        let turn = Turn { last, part: Part::All };
        let refusal = match open_keyslot(header, slot, turn, wish, absent, openers, prompt) {
            Ok(opened) => return Ok(opened),
            Err(refusal) => refusal,
        };
        let stop = stops(&refusal);
        if !stop && !last {
            absent.told.pass_over(slot, &refusal, prompt);
        }
        refusals.push((slot.name.clone(), refusal));
        if stop {
            break;
        }
    }
    Err(refusals)
}

/// Tokens that are not here, and that a person could bring while we wait.
#[derive(Default)]
pub(super) struct Absent {
    names: Vec<String>,
    kind: Option<String>,
    /// What was said of one whose place another token has.
    instead: Option<String>,
    /// What the person knows already.
    pub told: Told,
    /// How many times one was missed.
    pub missed: usize,
}

/// What a person was told in this command, so that they are not told again for each keyslot and each card that comes or goes.
#[derive(Default)]
pub(super) struct Told {
    notes: Vec<String>,
    /// Readers whose card another program has for itself.
    held: Vec<String>,
    /// What was said of these.
    whys: Vec<String>,
}

impl Told {
    /// Why the next way in is tried, once.
    pub fn pass_over(&mut self, slot: &Keyslot, refusal: &Refusal, prompt: &mut dyn Prompt) {
        if let Some(why) = passed_over(refusal, self) {
            self.note(format!("keyslot '{}' is passed over: {why}", slot.name), prompt);
        }
    }

    fn note(&mut self, note: String, prompt: &mut dyn Prompt) {
        if !self.notes.contains(&note) {
            // Where nobody is, it is for the log, which shows warnings alone.
            let event = if prompt.is_person() { Event::Note(&note) } else { Event::Warning(&note) };
            prompt.show(&event);
            self.notes.push(note);
        }
    }

    /// Why a token does not count, with what helps where that is for the person to do.
    pub fn tell(&mut self, error: &FactorError, why: &str, prompt: &mut dyn Prompt) {
        let FactorError::Piv(PivError::Held { reader, holder }) = error else {
            prompt.show(&Event::Note(why));
            return;
        };
        self.whys.push(why.to_owned());
        if !self.held.contains(reader) {
            self.held.push(reader.clone());
            prompt.show(&Event::Held { why, holder: holder.as_deref() });
        }
    }
}

impl Absent {
    /// The keyslots are tried again; what was told stays told.
    pub fn forget(&mut self) {
        self.names.clear();
        self.kind = None;
        self.instead = None;
    }

    /// The tokens that a person is waited for once no other way in is left; none: nobody is.
    pub fn awaited(&self, prompt: &mut dyn Prompt) -> &[String] {
        if self.kind.is_some() && prompt.is_person() { &self.names } else { &[] }
    }

    /// The kind that a person can be waited for with.
    pub fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    pub fn note(&mut self, stanza: &Stanza, error: &FactorError) {
        self.missed += 1;
        if let FactorError::Piv(not_here @ PivError::NotHere { here, .. }) = error
            && !here.is_empty()
        {
            self.instead = Some(not_here.to_string());
        }
        let name = in_words(stanza);
        let name = name.strip_prefix("the ").unwrap_or(&name).to_owned();
        if !self.names.contains(&name) {
            self.names.push(name);
        }
        self.kind = Some(stanza.kind.clone());
    }

    /// Whoever has put in the wrong one would take it for a fault of the reader.
    pub fn tell_instead(&mut self, prompt: &mut dyn Prompt) {
        if let Some(text) = self.instead.take()
            && !self.told.notes.iter().any(|note| note.ends_with(&text))
        {
            self.told.note(text, prompt);
        }
    }

    /// Waits until something comes or goes. False: there is nothing to wait for, or nobody who could bring it, or they left it.
    pub fn wait(
        &mut self,
        header: &Header,
        openers: &mut Openers,
        prompt: &mut dyn Prompt,
    ) -> Result<bool, FactorError> {
        if self.kind.is_none() || !prompt.is_person() {
            return Ok(false);
        }
        self.tell_instead(prompt);
        let Some(kind) = self.kind.as_deref() else { return Ok(false) };
        let event = Event::Insert { tokens: &self.names, vault: &header.name };
        match openers.of(kind).map_or(Ok(false), |opener| opener.wait(&event, prompt)) {
            Err(FactorError::Prompt(PromptError::Skipped)) => Ok(false),
            waited => waited,
        }
    }
}

/// Whether a refusal ends the search: the person gave up or had their tries, or a token judged a PIN (the next keyslot
/// could send the same one again).
pub(super) fn stops(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::Unsupported(_)
        | Refusal::Missing(_)
        | Refusal::WrongAnswers { .. }
        | Refusal::Factor(
            FactorError::BadStanza(_)
            | FactorError::NoMemory { .. }
            | FactorError::Prompt(PromptError::Nobody { .. } | PromptError::Skipped),
        ) => false,
        Refusal::Wrong { by_person, .. } => *by_person,
        Refusal::Factor(FactorError::Token(error)) => matches!(error, TokenError::PinWrong { .. }),
        Refusal::Factor(FactorError::Piv(error)) => matches!(error, PivError::PinWrong { .. }),
        Refusal::Factor(_) => true,
    }
}

/// What a person is told when the next way in is tried; nothing for what is only reported if none works.
fn passed_over(refusal: &Refusal, told: &Told) -> Option<String> {
    match refusal {
        // Where nobody can be asked, every way in would say so; once, at the end, is enough.
        Refusal::Missing(what) if what.iter().all(|what| what.contains(NOBODY) || told.whys.contains(what)) => None,
        Refusal::Missing(what) => Some(what.join(", ")),
        Refusal::Unsupported(why) | Refusal::Factor(FactorError::BadStanza(why)) => Some(why.clone()),
        Refusal::Factor(FactorError::Token(error)) => Some(error.to_string()),
        Refusal::Factor(FactorError::Piv(error)) => Some(error.to_string()),
        Refusal::Factor(FactorError::NoMemory { .. }) => Some("not enough memory for its password".to_owned()),
        Refusal::Wrong { .. } | Refusal::WrongAnswers { .. } | Refusal::Factor(_) => None,
    }
}

/// The keyslots worth trying, best first: what a file was given for, then tokens, those that are here before others, then passwords,
/// then recovery codes; those for custodians after all others.
pub(super) fn candidates<'a>(
    header: &'a Header,
    wish: Wish<'_>,
    openers: &mut Openers,
    prompt: &mut dyn Prompt,
) -> Result<Vec<&'a Keyslot>, VaultError> {
    let is_token = |stanza: &&Stanza| role(&stanza.kind) == Role::Token;
    // Looking takes a moment; with one keyslot there is nothing to choose.
    let choice = wish.keyslot.is_none() && header.keyslots.iter().filter(|slot| has_token(slot)).count() > 1;
    let mut away = |slot: &Keyslot| {
        let mut is_away = |stanza: &Stanza| openers.of(&stanza.kind)?.is_here(stanza, prompt).map(|here| !here);
        choice && slot.factors.iter().filter(is_token).any(|stanza| is_away(stanza) == Some(true))
    };
    ranked(header, wish, &mut away)
}

pub(super) fn has_token(slot: &Keyslot) -> bool {
    slot.factors.iter().any(|stanza| role(&stanza.kind) == Role::Token)
}

/// The keyslots in that order, where `away` says that a token is not here.
fn ranked<'a>(
    header: &'a Header,
    wish: Wish<'_>,
    away: &mut dyn FnMut(&Keyslot) -> bool,
) -> Result<Vec<&'a Keyslot>, VaultError> {
    if let Some(brought) = wish.brought {
        return Ok(vec![answered(header, wish, brought)?]);
    }
    if let Some(name) = wish.keyslot {
        let have = || header.keyslots.iter().map(|slot| slot.name.clone()).collect();
        let slot = header.keyslot(name).ok_or_else(|| VaultError::NoKeyslot { name: name.to_owned(), have: have() })?;
        return Ok(vec![slot]);
    }
    let mut rank = |slot: &Keyslot| {
        let given = slot.factors.iter().any(|stanza| wish.brings(stanza));
        let recovery = slot.factors.iter().any(|stanza| stanza.kind == recovery::KIND);
        // What other people hold comes after all that is one's own, whatever its factors: their prompts are not for the owner's password.
        (slot.custodians() && needs_more(slot, wish), !given, !has_token(slot), !given && away(slot), recovery)
    };
    let mut slots: Vec<_> = header.keyslots.iter().collect();
    slots.sort_by_cached_key(|slot| rank(slot));
    Ok(slots)
}

/// The keyslot that custodians have answered for, if it is still as it was.
fn answered<'a>(header: &'a Header, wish: Wish<'_>, brought: &Brought) -> Result<&'a Keyslot, VaultError> {
    if brought.wrap.vault_id != header.vault_id {
        return Err(VaultError::Answers(AnswersError::OtherVault { vault: header.name.clone() }));
    }
    let slot = header.keyslots.iter().find(|slot| Wrap::of(&header.vault_id, slot) == brought.wrap);
    let slot = slot.ok_or_else(|| VaultError::Answers(AnswersError::Changed { keyslot: brought.keyslot.clone() }))?;
    // Their masks are for such keyslots alone.
    if !slot.custodians() {
        return Err(VaultError::Answers(AnswersError::Personal { keyslot: slot.name.clone() }));
    }
    match wish.keyslot {
        Some(name) if name != slot.name => {
            Err(VaultError::Answers(AnswersError::OtherKeyslot { keyslot: slot.name.clone() }))
        }
        _ => Ok(slot),
    }
}

/// How a keyslot is tried.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    /// No other one is tried after it.
    pub last: bool,
    /// Which of its factors.
    pub part: Part,
}

/// Which factors of a keyslot are asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All.
    All,
    /// Tokens; others only once one has answered.
    Tokens,
    /// No tokens.
    Typed,
}

/// Opens one keyslot, after which others are tried unless it is the last: tokens first, then what is typed, until k factors have answered.
pub(super) fn open_keyslot(
    header: &Header,
    slot: &Keyslot,
    turn: Turn,
    wish: Wish<'_>,
    absent: &mut Absent,
    openers: &mut Openers,
    prompt: &mut dyn Prompt,
) -> Result<Opened, Refusal> {
    if let Some(field) = slot.unknown_critical() {
        return Err(Refusal::Unsupported(format!("it needs '{field}', which this program does not know")));
    }
    let known = slot.factors.iter().filter(|stanza| role(&stanza.kind) != Role::Unknown).count();
    if known < usize::from(slot.threshold) {
        return Err(Refusal::Unsupported("it has factors that this program does not know".into()));
    }
    let Turn { last, part } = turn;
    let mut gathering =
        Gathering { header, slot, brought: wish.brought, last, tokens: Vec::new(), missing: Vec::new() };
    if needs_more(slot, wish) && part != Part::Typed {
        match gathering.tokens(absent, openers, prompt) {
            Err(Refusal::Missing(_)) if gathering.another_token(absent, openers, prompt)? => {}
            done => done?,
        }
    }
    if part == Part::Tokens && gathering.tokens.is_empty() {
        return Err(gathering.not_enough());
    }
    for attempt in 1.. {
        // After a wrong one it is told what Enter does in any case.
        let awaited = if attempt == 1 { absent.awaited(prompt) } else { &[] };
        let typed = match gathering.typed(awaited, openers, prompt) {
            // Nothing more can be typed: what is missing may be a token that waits for its turn in the only reader.
            Err(Refusal::Missing(_)) if gathering.another_token(absent, openers, prompt)? => {
                gathering.typed(&[], openers, prompt)?
            }
            typed => typed?,
        };
        let (what, from_person) = (typed.what.clone(), typed.from_person);
        if let Some(opened) = gathering.open(typed, openers) {
            return Ok(opened);
        }
        let again = attempt < ATTEMPTS && from_person;
        if !again {
            return Err(gathering.wrong(what, from_person));
        }
        let others = !last || gathering.can_do_without_one() || !absent.awaited(prompt).is_empty();
        prompt.show(&Event::WrongSecret { what: &what.join(" or "), others });
    }
    unreachable!("the loop ends at its third attempt")
}
