//! The factors of one keyslot as they come in: from custodians, from tokens, from the keyboard.

use super::assemble::{Brought, Own, assemble, elsewhere};
use super::error::Refusal;
use super::unlock::{Absent, NOBODY, Opened};
use crate::factor::piv::PivError;
use crate::factor::{FactorError, Openers, Role, SlotContext, in_words, password, recovery, role};
use crate::header::{Header, Keyslot, Stanza};
use crate::prompt::{Ask, Event, Keeping, Prompt, PromptError, Question};
use crate::secret::{AccountKey, FactorSecret, SecretText};

/// Factor secrets of one keyslot as they come in.
pub(super) struct Gathering<'a> {
    pub header: &'a Header,
    pub slot: &'a Keyslot,
    pub brought: Option<&'a Brought>,
    /// No other keyslot is tried after this one.
    pub last: bool,
    pub tokens: Vec<(u8, FactorSecret)>,
    pub missing: Vec<String>,
}

/// What was typed in one attempt.
pub(super) struct Typed {
    secrets: Vec<(u8, FactorSecret, Option<SecretText>)>,
    pub what: Vec<&'static str>,
    pub from_person: bool,
}

impl Gathering<'_> {
    fn context(&self) -> SlotContext<'_> {
        SlotContext {
            vault_id: &self.header.vault_id,
            keyslot_id: &self.slot.id,
            vault: &self.header.name,
            keyslot: &self.slot.name,
        }
    }

    fn wanted(&self) -> usize {
        usize::from(self.slot.threshold)
    }

    /// How many factors have answered, what is typed now left aside.
    fn have(&self) -> usize {
        self.tokens.len() + self.brought.map_or(0, |brought| brought.answers.len())
    }

    /// Whether nothing more is to be asked of this factor.
    fn answered(&self, number: u8) -> bool {
        self.tokens.iter().any(|(i, _)| *i == number) || self.brought.is_some_and(|brought| brought.surely(number))
    }

    /// The factors that could still answer.
    fn open_ones(&self, wanted: fn(Role) -> bool) -> impl Iterator<Item = (u8, &Stanza)> {
        let all = (1u8..).zip(&self.slot.factors);
        all.filter(move |(i, stanza)| wanted(role(&stanza.kind)) && !self.answered(*i))
    }

    /// Puts together what is there: first each as what it was asked for, then as whatever it may be.
    pub fn open(&mut self, typed: Typed, openers: &mut Openers) -> Option<Opened> {
        let (header, slot) = (self.header, self.slot);
        let own = |(i, secret)| vec![Own::new(header, slot, i, secret)];
        let mut all: Vec<Vec<Own>> = std::mem::take(&mut self.tokens).into_iter().map(own).collect();
        let tokens = all.len();
        let (secrets, said): (Vec<_>, Vec<_>) = typed.secrets.into_iter().map(|(i, s, said)| ((i, s), said)).unzip();
        all.extend(secrets.into_iter().map(own));
        let borrowed = |all: &'_ [Vec<Own>]| -> Option<(AccountKey, Vec<(usize, usize)>)> {
            assemble(header, slot, self.brought, &all.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        let mut found = borrowed(&all);
        let many = |kind: &str| slot.factors.iter().filter(|stanza| stanza.kind == kind).count() > 1;
        if found.is_none() {
            let mut more = false;
            for (choices, said) in all[tokens..].iter_mut().zip(&said) {
                let kind = &slot.factors[usize::from(choices[0].number) - 1].kind;
                // Of a kind whose prompt names no factor, which one was typed is not known.
                let nameless = kind == password::KIND || kind == recovery::KIND;
                if let (Some(said), Some(opener), true) = (said, openers.of(kind), nameless && many(kind)) {
                    let others = elsewhere(header, slot, &self.context(), &choices[0], said, opener);
                    more |= !others.is_empty();
                    choices.extend(others);
                }
            }
            if more {
                found = borrowed(&all);
            }
        }
        let Some((account_key, used)) = found else {
            // The tokens' answers stay, for another try at what is typed.
            self.tokens = all.into_iter().take(tokens).flatten().map(|own| (own.number, own.secret)).collect();
            return None;
        };
        let mut secrets = Vec::new();
        for (source, choices) in all.into_iter().enumerate() {
            let choice = used.iter().find(|(used, _)| *used == source).map(|(_, choice)| *choice);
            let chosen = choices.into_iter().enumerate().find(|(at, _)| Some(*at) == choice);
            secrets.extend(chosen.map(|(_, own)| (own.number, own.secret)));
        }
        Some(Opened { keyslot: slot.clone(), account_key, secrets })
    }

    /// Several tokens and one reader: once one has answered, a person may exchange it for the next. False: there is none to bring, or
    /// nobody who would.
    pub fn another_token(
        &mut self,
        absent: &mut Absent,
        openers: &mut Openers,
        prompt: &mut dyn Prompt,
    ) -> Result<bool, Refusal> {
        loop {
            let others: Vec<String> = self.open_ones(|role| role == Role::Token).map(|(_, s)| in_words(s)).collect();
            if self.tokens.is_empty() || others.is_empty() || self.have() >= self.wanted() {
                return Ok(false);
            }
            let question = format!(
                "{} of {} factors have answered. Exchange the token for another, {}, and press Enter. Is it there?",
                self.have(),
                self.wanted(),
                others.join(" or ")
            );
            match prompt.confirm(&Question::YesByDefault(&question)) {
                Ok(true) => {}
                // Who has no other is not waited for, either.
                Ok(false) => {
                    absent.forget();
                    return Ok(false);
                }
                Err(PromptError::Nobody { .. } | PromptError::Skipped) => return Ok(false),
                Err(error) => return Err(Refusal::Factor(error.into())),
            }
            let before = self.tokens.len();
            self.missing.clear();
            let kinds: Vec<String> = self.slot.factors.iter().map(|stanza| stanza.kind.clone()).collect();
            for kind in &kinds {
                if let Some(opener) = openers.of(kind) {
                    opener.look_again();
                }
            }
            match self.tokens(absent, openers, prompt) {
                Ok(()) if self.tokens.len() > before => return Ok(true),
                Ok(()) => {}
                Err(Refusal::Missing(what)) => self.missing = what,
                Err(refusal) => return Err(refusal),
            }
            if self.tokens.len() == before {
                prompt.show(&Event::Note("That token is not one of them."));
            }
        }
    }

    /// Asks the tokens. One that is absent, broken or locked is no failure while the other factors are enough; if they are not, nobody is
    /// asked to type.
    pub fn tokens(
        &mut self,
        absent: &mut Absent,
        openers: &mut Openers,
        prompt: &mut dyn Prompt,
    ) -> Result<(), Refusal> {
        let typed = self.open_ones(|role| matches!(role, Role::Typed(_))).count();
        let mut left = self.open_ones(|role| role == Role::Token).count();
        for (i, stanza) in (1u8..).zip(&self.slot.factors) {
            if role(&stanza.kind) != Role::Token || self.answered(i) || self.have() == self.wanted() {
                continue;
            }
            left -= 1;
            let opener = openers.of(&stanza.kind);
            let error = match opener.map_or(Ok(None), |opener| opener.open(&self.context(), stanza, prompt)) {
                Ok(Some(secret)) => {
                    self.tokens.push((i, secret));
                    continue;
                }
                Ok(None) => {
                    self.missing.push(format!("{} is not here", in_words(stanza)));
                    continue;
                }
                Err(error) => error,
            };
            let away = openers.of(&stanza.kind).is_some_and(|opener| opener.absent(&error));
            if away {
                absent.note(stanza, &error);
            }
            // A person who can bring it is waited for.
            let enough = self.have() + left + typed >= self.wanted() || away && prompt.is_person();
            match without(&error) {
                Some((why, fatal)) if enough || !fatal => {
                    // What a YubiKey says names it already.
                    let named = matches!(error, FactorError::Piv(_));
                    let why = if named { why } else { format!("{}: {why}", in_words(stanza)) };
                    if fatal {
                        absent.told.tell(&error, &why, prompt);
                    }
                    self.missing.push(why);
                }
                _ => return Err(Refusal::Factor(error)),
            }
        }
        // With one reader the others' turn is yet to come.
        if self.have() + typed >= self.wanted() { Ok(()) } else { Err(self.not_enough()) }
    }

    /// Asks for what is typed until there is enough. `awaited`: the tokens that Enter alone leads to, if it does.
    pub fn typed(
        &mut self,
        mut awaited: &[String],
        openers: &mut Openers,
        prompt: &mut dyn Prompt,
    ) -> Result<Typed, Refusal> {
        let mut typed = Typed { secrets: Vec::new(), what: Vec::new(), from_person: false };
        let mut left = self.open_ones(|role| matches!(role, Role::Typed(_))).count();
        for (i, stanza) in (1u8..).zip(&self.slot.factors) {
            if self.answered(i) {
                continue;
            }
            let Role::Typed(what) = role(&stanza.kind) else { continue };
            let have = self.have() + typed.secrets.len();
            // Enough, or too few whatever is typed now.
            if have >= self.wanted() || have + left < self.wanted() {
                break;
            }
            left -= 1;
            let opener = openers.of(&stanza.kind);
            let tokens = std::mem::take(&mut awaited);
            if !tokens.is_empty() && prompt.can_retry(&asked(what, self.slot)) {
                let others = !self.last || left > 0;
                prompt.show(&Event::EnterWaits { tokens, others });
            }
            let mut keeping = Keeping { person: prompt, said: None };
            match opener.map_or(Ok(None), |opener| opener.open(&self.context(), stanza, &mut keeping)) {
                Ok(Some(secret)) => {
                    typed.secrets.push((i, secret, keeping.said));
                    if !typed.what.contains(&what) {
                        typed.what.push(what);
                    }
                    typed.from_person |= prompt.can_retry(&asked(what, self.slot));
                }
                Ok(None) => self.missing.push(format!("the {what} cannot be asked for")),
                Err(FactorError::Prompt(PromptError::Skipped)) => self.missing.push(format!("no {what} was typed")),
                Err(FactorError::Prompt(PromptError::Nobody { what, flag })) => {
                    let file = flag.map_or(String::new(), |flag| format!(", and no {flag} was given"));
                    self.missing.push(format!("{NOBODY} {what}{file}"));
                }
                // Parameters that are refused keep this factor out, not those beside it.
                Err(FactorError::BadStanza(why)) if have + left >= self.wanted() => {
                    self.missing.push(format!("the {what} is not used: {why}"));
                }
                Err(error) => return Err(Refusal::Factor(error)),
            }
        }
        if self.have() + typed.secrets.len() < self.wanted() { Err(self.not_enough()) } else { Ok(typed) }
    }

    /// Whether what can be typed is more than is wanted.
    pub fn can_do_without_one(&self) -> bool {
        self.have() + self.open_ones(|role| matches!(role, Role::Typed(_))).count() > self.wanted()
    }

    /// What was wrong: something typed, or the key of a token in a mode that cannot tell.
    pub fn wrong(&self, what: Vec<&'static str>, by_person: bool) -> Refusal {
        if self.brought.is_some() {
            return Refusal::WrongAnswers { what };
        }
        Refusal::Wrong { what, tokens: !self.tokens.is_empty(), by_person }
    }

    pub fn not_enough(&mut self) -> Refusal {
        // Of two passwords that were not typed one is said.
        self.missing.dedup();
        if self.missing.is_empty() {
            self.missing.push(format!("{} of the {} factors that it takes are here", self.have(), self.wanted()));
        }
        Refusal::Missing(std::mem::take(&mut self.missing))
    }
}

/// Why a token does not count, and whether that is worth a word when the others are enough. None: the command ends.
fn without(error: &FactorError) -> Option<(String, bool)> {
    match error {
        FactorError::Prompt(PromptError::Skipped) => Some(("no PIN was typed".to_owned(), false)),
        FactorError::Prompt(PromptError::Nobody { what, flag }) => {
            let file = flag.map_or(String::new(), |flag| format!(", and no {flag} was given"));
            Some((format!("{NOBODY} {what}{file}"), false))
        }
        // A driver that does not work is no reason not to get in by another factor.
        FactorError::Token(error) => Some((error.to_string(), true)),
        FactorError::Piv(error) => Some((error.to_string(), !matches!(error, PivError::NotHere { .. }))),
        FactorError::BadStanza(why) => Some((why.clone(), true)),
        _ => None,
    }
}

fn asked<'a>(what: &str, slot: &'a Keyslot) -> Ask<'a> {
    match what {
        "recovery code" => Ask::RecoveryCode { vault: "", keyslot: &slot.name },
        _ => Ask::Password { vault: "", keyslot: &slot.name },
    }
}
