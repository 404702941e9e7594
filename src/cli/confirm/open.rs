//! Opening an item that wants a confirmation: tokens that are here first, then what is typed.

use super::super::asker::asker;
use super::super::report::{CliError, LOCKED};
use super::super::session::Session;
use super::{damaged, of};
use crate::confirm::Confirmation;
use crate::factor::piv::PivError;
use crate::factor::pkcs11::TokenError;
use crate::factor::{FactorError, Openers, Role, SlotContext, in_words, role};
use crate::header::{Header, Stanza};
use crate::item::Item;
use crate::prompt::{Ask, Confirming, Event, Keeping, Prompt, PromptError};
use crate::secret::{ItemKey, SecretText};

/// Times that a person may type a password.
pub(super) const ATTEMPTS: usize = 3;

/// Opens an item in this process: all of it, wanting no confirmation any more, and the password, if one has opened it. An item that wants
/// none is given as it is.
pub fn open(session: &mut Session, header: &Header, item: &Item) -> Result<(Item, Option<SecretText>), CliError> {
    let Some(confirmation) = of(item)? else { return Ok((item.clone(), None)) };
    session.prepare_tokens()?;
    let asker = asker();
    let openers = &mut session.openers;
    let mut person = Confirming::new(session.prompt.as_mut(), &item.name, &asker);
    let mut asking = Asking { header, item, confirmation, missing: Vec::new(), absent: Vec::new() };
    let (key, password) = asking.key(openers, &mut person)?;
    session.dismiss_tokens();
    let whole = asking.confirmation.open(&header.vault_id, &key, item).map_err(|_| damaged(item))?;
    Ok((whole, password))
}

struct Asking<'a> {
    header: &'a Header,
    item: &'a Item,
    confirmation: Confirmation,
    missing: Vec<String>,
    /// Tokens that could be brought, and their kind.
    absent: Vec<(String, String)>,
}

impl Asking<'_> {
    fn key(
        &mut self,
        openers: &mut Openers,
        person: &mut dyn Prompt,
    ) -> Result<(ItemKey, Option<SecretText>), CliError> {
        let factors = self.confirmation.factors();
        let typed = factors.iter().any(|stanza| matches!(role(&stanza.kind), Role::Typed(_)));
        loop {
            (self.missing, self.absent) = (Vec::new(), Vec::new());
            if let Some(key) = self.tokens(&factors, typed, openers, person)? {
                return Ok((key, None));
            }
            if let Some((key, password)) = self.typed(&factors, openers, person)? {
                return Ok((key, Some(password)));
            }
            let tokens: Vec<String> = self.absent.iter().map(|(name, _)| name.clone()).collect();
            let event = Event::Insert { tokens: &tokens, vault: &self.header.name };
            let kind = self.absent.first().map(|(_, kind)| kind.as_str()).filter(|_| person.is_person());
            let waited = match kind.and_then(|kind| openers.of(kind)) {
                Some(opener) => opener.wait(&event, person)?,
                None => false,
            };
            if !waited {
                return Err(self.not_opened(&factors));
            }
        }
    }

    fn context(&self) -> SlotContext<'_> {
        let (id, header) = (self.confirmation.id(), self.header);
        SlotContext { vault_id: &header.vault_id, keyslot_id: id, vault: &header.name, keyslot: &self.item.name }
    }

    fn tokens(
        &mut self,
        factors: &[Stanza],
        typed: bool,
        openers: &mut Openers,
        person: &mut dyn Prompt,
    ) -> Result<Option<ItemKey>, CliError> {
        let tokens = factors.iter().enumerate().filter(|(_, stanza)| role(&stanza.kind) == Role::Token);
        let mut tokens: Vec<_> = tokens.collect();
        if tokens.len() > 1 {
            // Those that are here before others, which would be asked for in vain.
            let mut away = |stanza: &Stanza| openers.of(&stanza.kind)?.is_here(stanza, person).map(|here| !here);
            tokens.sort_by_cached_key(|(_, stanza)| away(stanza).unwrap_or(false));
        }
        let count = tokens.len();
        for (at, (number, stanza)) in tokens.into_iter().enumerate() {
            let last = at + 1 == count && !typed;
            let opened =
                openers.of(&stanza.kind).map_or(Ok(None), |opener| opener.open(&self.context(), stanza, person));
            let error = match opened {
                Ok(Some(secret)) => {
                    if let Some(key) = self.confirmation.key(&self.header.vault_id, number, &secret) {
                        return Ok(Some(key));
                    }
                    self.missing.push(format!("the key on {} is not the one that it was sealed for", in_words(stanza)));
                    continue;
                }
                Ok(None) => {
                    self.missing.push(format!("{} is not here", in_words(stanza)));
                    continue;
                }
                Err(error) => error,
            };
            if openers.of(&stanza.kind).is_some_and(|opener| opener.absent(&error)) {
                let name = in_words(stanza);
                self.missing.push(format!("{name} is not here"));
                let name = name.strip_prefix("the ").unwrap_or(&name).to_owned();
                self.absent.push((name, stanza.kind.clone()));
                continue;
            }
            match why(&error) {
                // One that is not here was said before; what has failed is the news.
                Some(why) if !last => {
                    person.show(&Event::Note(&why));
                    self.missing.push(why);
                }
                _ if matches!(error, FactorError::Prompt(PromptError::Nobody { .. } | PromptError::Skipped)) => {
                    self.missing.push(format!("nobody has typed the PIN of {}", in_words(stanza)));
                }
                _ => return Err(error.into()),
            }
        }
        Ok(None)
    }

    fn typed(
        &mut self,
        factors: &[Stanza],
        openers: &mut Openers,
        person: &mut dyn Prompt,
    ) -> Result<Option<(ItemKey, SecretText)>, CliError> {
        for (number, stanza) in factors.iter().enumerate() {
            let Role::Typed(what) = role(&stanza.kind) else { continue };
            for attempt in 1..=ATTEMPTS {
                let mut keeping = Keeping { person, said: None };
                let opened =
                    openers.of(&stanza.kind).map_or(Ok(None), |o| o.open(&self.context(), stanza, &mut keeping));
                let secret = match opened {
                    Ok(Some(secret)) => secret,
                    Ok(None) => break,
                    Err(FactorError::Prompt(PromptError::Nobody { .. } | PromptError::Skipped)) => {
                        self.missing.push(format!("nobody has typed the {what}"));
                        break;
                    }
                    Err(error) => return Err(error.into()),
                };
                if let (Some(key), Some(said)) =
                    (self.confirmation.key(&self.header.vault_id, number, &secret), keeping.said)
                {
                    return Ok(Some((key, said)));
                }
                let again = person.can_retry(&Ask::ItemPassword { vault: &self.header.name, item: &self.item.name });
                if attempt == ATTEMPTS || !again {
                    return Err(self.wrong(what));
                }
                person.show(&Event::WrongSecret { what, others: false });
            }
        }
        Ok(None)
    }

    fn wrong(&self, what: &str) -> CliError {
        CliError::Plain {
            message: format!("the {what} is not the one that the item '{}' was sealed with", self.item.name),
            hint: "it is that of the time when --confirm was given: 'twinlock passwd' does not change it".into(),
            code: LOCKED,
        }
    }

    fn not_opened(&self, factors: &[Stanza]) -> CliError {
        let ways: Vec<String> = factors.iter().map(in_words).collect();
        let mut missing = self.missing.clone();
        missing.dedup();
        let why = if missing.is_empty() { "none of it can be used here".to_owned() } else { missing.join("; ") };
        CliError::Plain {
            message: format!("the item '{}' opens only with {}: {why}", self.item.name, ways.join(" or ")),
            hint: "bring it, and run the command on a terminal; the rest of the item is in 'twinlock list --json'"
                .into(),
            code: LOCKED,
        }
    }
}

/// What has failed, where another factor may do instead. None: the command ends, as a wrong PIN could be sent to the next token, too.
fn why(error: &FactorError) -> Option<String> {
    match error {
        FactorError::Token(TokenError::PinWrong { .. }) | FactorError::Piv(PivError::PinWrong { .. }) => None,
        FactorError::Token(error) => Some(error.to_string()),
        FactorError::Piv(error) => Some(error.to_string()),
        FactorError::BadStanza(why) => Some(why.clone()),
        _ => None,
    }
}
