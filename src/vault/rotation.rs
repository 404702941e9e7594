//! Before a rotation: what each keyslot needs to be wrapped around a new account key, and asking for all of it. Nothing is written here.
//!
//! A keyslot needs the secrets of all its factors, as all its shares are made anew. In this order: the secret by which this command has
//! opened the same keyslot; the public key of a token, which may be in a drawer; the token itself; what is typed.
//!
//! What is typed, and what a token answers, must open the keyslot as it is before it is wrapped into the new one: a mistyped password would
//! become the password otherwise, and nobody would notice before it is needed. Where too few of its factors are at hand for that, a
//! password is asked for as a new one, twice, and a recovery code is not taken at all, as in `rewrap`.

use super::count::next_in_header;
use super::keyslots::{position, usable};
use super::rewrap::{Made, context, keep_later_fields, password_at_cost, wrap_around};
use super::{Vault, VaultError};
use crate::crypto::{equal, random_secret};
use crate::factor::password::{self, CostWish, NewPassword};
use crate::factor::{Enroll, FactorError, Openers, Role, in_words, rewrap, role};
use crate::header::{Header, Keyslot, Stanza, Unverified, Verified, sign};
use crate::keyslot;
use crate::prompt::{Ask, Event, Prompt, PromptError};
use crate::secret::{AccountKey, FactorSecret};
use std::rc::Rc;

/// Times that a person may type what opens a keyslot.
const ATTEMPTS: usize = 3;

/// What keeping a keyslot takes.
#[derive(Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: it has just opened the vault, or its public keys are enough.
    Nothing,
    /// These, in words: `the password`, `the token 'lab'`.
    Asked(Vec<String>),
    /// A new password, since the old one could be checked only with these, which are not here.
    NewPassword(Vec<String>),
    /// It cannot be kept; what is missing.
    Lost(String),
}

/// A keyslot before a rotation.
#[derive(Debug, PartialEq, Eq)]
pub struct Needed {
    /// Its name.
    pub keyslot: String,
    /// What keeping it takes.
    pub need: Need,
}

/// A rotation that has all it needs: new account key and header, made and proven, not yet in the file.
pub struct Rotation {
    pub(super) account_key: AccountKey,
    /// What the new account key vouches for.
    pub(super) verified: Verified,
    pub(super) text: Vec<u8>,
    /// The header that the keyslots were taken from. Another one in the file by then, and nothing is written.
    pub(super) from: Vec<u8>,
}

impl Rotation {
    /// The header to be.
    pub fn header(&self) -> &Header {
        &self.verified.header
    }
}

/// How a factor gets into the new keyslot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// By a secret that has opened the keyslot, in this command or now.
    Known,
    /// By its public key.
    Public,
    /// By the token, enrolled again.
    Token,
    /// By a new password.
    NewPassword,
}

/// How a keyslot is wrapped anew.
struct Way<'a> {
    slot: &'a Keyslot,
    factors: Vec<How>,
    /// Factors whose old secret is gathered, by number from 1: tokens first, so that nobody types for one that is not as it was.
    gathered: Vec<u8>,
    /// Tokens without which a password cannot be checked.
    unchecked: Vec<String>,
}

impl Vault {
    /// What each keyslot takes that is not to be dropped; `here` says whether a factor's token is.
    pub fn rotation_needs(
        &self,
        drop: &[String],
        here: &mut dyn FnMut(&Stanza) -> bool,
    ) -> Result<Vec<Needed>, VaultError> {
        let needed = |slot: &Keyslot| {
            let need = match self.way(slot, here) {
                Err(missing) => Need::Lost(missing),
                Ok(way) => way.need(),
            };
            Needed { keyslot: slot.name.clone(), need }
        };
        Ok(self.kept(drop)?.into_iter().map(needed).collect())
    }

    /// Asks for everything, and wraps each keyslot but those in `drop` around a new account key.
    pub fn prepare_rotation(
        &self,
        drop: &[String],
        force: bool,
        here: &mut dyn FnMut(&Stanza) -> bool,
        openers: &mut Openers,
        prompt: &mut dyn Prompt,
    ) -> Result<Rotation, VaultError> {
        let (mut ways, mut lost) = (Vec::new(), Vec::new());
        for slot in self.kept(drop)? {
            match self.way(slot, here) {
                Ok(way) => ways.push(way),
                Err(missing) => lost.push((slot.name.clone(), missing)),
            }
        }
        if !lost.is_empty() {
            return Err(VaultError::CannotKeep(lost));
        }
        let account_key = AccountKey::new(random_secret()?);
        let mut header = self.header().clone();
        header.epoch = next_in_header(header.epoch)?;
        header.generation = next_in_header(header.generation)?;
        header.keyslots = Vec::new();
        for way in ways {
            let made = self.make(&way, force, openers, prompt)?;
            header.keyslots.push(wrap_around(self.header(), way.slot, made, &account_key)?);
        }
        let text = sign(&header, &account_key);
        // The only way to the keys is through the check, for us as for everybody.
        let verified = Unverified::parse(&text)?.verify(&account_key)?;
        Ok(Rotation { account_key, verified, text, from: self.state.text().to_vec() })
    }

    /// The keyslots that are not to be dropped. One at least must be left that this program can use.
    fn kept(&self, drop: &[String]) -> Result<Vec<&Keyslot>, VaultError> {
        let header = self.header();
        for name in drop {
            position(header, name)?;
        }
        let kept: Vec<_> = header.keyslots.iter().filter(|slot| !drop.contains(&slot.name)).collect();
        match drop.last() {
            Some(last) if !kept.iter().any(|slot| usable(slot)) => Err(VaultError::LastKeyslot(last.clone())),
            _ => Ok(kept),
        }
    }

    /// The secrets by which this command has opened a keyslot, where it is still that one.
    fn known(&self, slot: &Keyslot) -> &[(u8, FactorSecret)] {
        if self.opened.keyslot == *slot { &self.opened.secrets } else { &[] }
    }

    /// How a keyslot can be wrapped anew with what is here; the error says what is missing.
    fn way<'a>(&self, slot: &'a Keyslot, here: &mut dyn FnMut(&Stanza) -> bool) -> Result<Way<'a>, String> {
        if let Some(field) = slot.unknown_critical() {
            return Err(format!("it needs '{field}', which this program does not know"));
        }
        let known = self.known(slot);
        let mut way = Way { slot, factors: Vec::new(), gathered: Vec::new(), unchecked: Vec::new() };
        let (mut typed, mut spare, mut absent) = (Vec::new(), Vec::new(), Vec::new());
        for (i, stanza) in (1u8..).zip(&slot.factors) {
            let is_known = known.iter().any(|(n, _)| *n == i);
            way.factors.push(match role(&stanza.kind) {
                Role::Typed(_) => {
                    typed.extend((!is_known).then_some(i));
                    How::Known
                }
                Role::Token if rewrap(stanza).is_some() => {
                    // Fresh from the public key, and not by what the token gave before: who has learnt that, has learnt nothing of this.
                    match is_known {
                        true => {}
                        false if here(stanza) => spare.push(i),
                        false => absent.push(in_words(stanza)),
                    }
                    How::Public
                }
                Role::Token if is_known => How::Token,
                Role::Token if here(stanza) => {
                    way.gathered.push(i);
                    How::Token
                }
                Role::Token => return Err(format!("{} is needed, and is not here", whose(slot, stanza))),
                Role::Unknown => return Err(format!("{} is needed", in_words(stanza))),
            });
        }
        let wanted = if known.is_empty() { usize::from(slot.threshold) } else { 1 };
        if typed.is_empty() && way.gathered.is_empty() {
            return Ok(way);
        }
        let more = wanted.saturating_sub(way.gathered.len() + typed.len());
        if !typed.is_empty() && more > 0 {
            way.gathered.extend(spare.iter().take(more));
        }
        if way.gathered.len() + typed.len() >= wanted {
            way.gathered.extend(typed);
            return Ok(way);
        }
        // Too little to check anything against the keyslot as it is.
        way.gathered.clear();
        for i in typed {
            let stanza = &slot.factors[usize::from(i) - 1];
            // A new password in a keyslot for custodians would be one that its custodian does not know.
            if stanza.kind != password::KIND || slot.custodians() {
                let (what, others) = (whose(slot, stanza), absent.join(", "));
                return Err(format!("{what} could be checked only with {others}, not here"));
            }
            way.factors[usize::from(i) - 1] = How::NewPassword;
            way.unchecked.clone_from(&absent);
        }
        Ok(way)
    }

    /// Asks for what a keyslot needs; all its factors, as they go into the new one.
    fn make<'a>(
        &'a self,
        way: &Way<'_>,
        force: bool,
        openers: &mut Openers,
        prompt: &mut dyn Prompt,
    ) -> Result<Vec<Made<'a>>, VaultError> {
        let (header, slot) = (self.header(), way.slot);
        if slot.custodians() && !matches!(way.need(), Need::Nothing) {
            let name = &slot.name;
            let told = format!("keyslot '{name}' is for custodians: what it asks for now is theirs, and not yours");
            prompt.show(&Event::Warning(&told));
        }
        let mut gathered = self.gather(way, openers, prompt)?;
        let ctx = context(header, slot);
        let mut made = Vec::new();
        for ((i, stanza), how) in (1u8..).zip(&slot.factors).zip(&way.factors) {
            let anew: Box<dyn Enroll> = match how {
                How::Known => {
                    let mine = gathered.iter().position(|(n, _)| *n == i).map(|at| gathered.remove(at).1);
                    let kept = self.known(slot).iter().find(|(n, _)| *n == i);
                    made.push(match (mine, kept) {
                        (Some(secret), _) => Made::new(stanza.clone(), secret),
                        (None, Some((_, secret))) => Made::kept(stanza.clone(), secret),
                        (None, None) => unreachable!("what is not known is gathered"),
                    });
                    continue;
                }
                How::Public => rewrap(stanza).unwrap_or_else(|| unreachable!("its public key was looked at before")),
                How::Token => {
                    let again = openers.of(&stanza.kind).and_then(|opener| opener.again(stanza));
                    let missing = || vec![(slot.name.clone(), format!("{} is needed", in_words(stanza)))];
                    again.ok_or_else(|| VaultError::CannotKeep(missing()))?
                }
                How::NewPassword => {
                    let password = Rc::new(NewPassword::ask(&header.name, &slot.name, force, prompt)?);
                    Box::new(password_at_cost(stanza, (&password, CostWish::default()), prompt))
                }
            };
            let (mut new, secret) = anew.enroll(&ctx, prompt)?;
            keep_later_fields(&mut new, stanza);
            made.push(Made::new(new, secret));
        }
        Ok(made)
    }

    /// Gathers old secrets until each of them has helped to open the keyslot as it is.
    fn gather(
        &self,
        way: &Way<'_>,
        openers: &mut Openers,
        prompt: &mut dyn Prompt,
    ) -> Result<Vec<(u8, FactorSecret)>, VaultError> {
        let known = self.known(way.slot);
        let wanted = usize::from(way.slot.threshold);
        let mut proven: Vec<(u8, FactorSecret)> = Vec::new();
        let mut left = way.gathered.as_slice();
        while !left.is_empty() {
            // As many together as the threshold asks for; afterwards each by itself, beside others that are proven.
            let beside = (known.len() + proven.len()).min(wanted - 1);
            let (now, later) = left.split_at((wanted - beside).min(left.len()));
            left = later;
            let mut answers = None;
            for attempt in 1.. {
                let asked = self.ask(way.slot, now, answers.take().unwrap_or_default(), openers, prompt)?;
                let others = known.iter().chain(&proven).take(wanted - now.len());
                let all: Vec<_> = others.chain(&asked.secrets).map(|(i, secret)| (*i, secret)).collect();
                if self.opens(way.slot, &all) {
                    proven.extend(asked.secrets);
                    break;
                }
                if attempt == ATTEMPTS || !asked.from_person {
                    let (what, tokens) = (asked.what, asked.tokens > 0);
                    return Err(VaultError::WrongForKeyslot { keyslot: way.slot.name.clone(), what, tokens });
                }
                prompt.show(&Event::WrongSecret { what: &asked.what.join(" or "), others: false });
                // What tokens gave stays; what was typed is asked for again.
                answers = Some(asked.secrets.into_iter().take(asked.tokens).collect());
            }
        }
        Ok(proven)
    }

    fn opens(&self, slot: &Keyslot, secrets: &[(u8, &FactorSecret)]) -> bool {
        let opened = keyslot::unwrap(&self.header().vault_id, slot, secrets);
        opened.is_ok_and(|opened| equal(opened.expose(), self.account_key.expose()))
    }

    /// The old secrets of some factors, beside those that are there already.
    fn ask(
        &self,
        slot: &Keyslot,
        factors: &[u8],
        have: Vec<(u8, FactorSecret)>,
        openers: &mut Openers,
        prompt: &mut dyn Prompt,
    ) -> Result<Asked, VaultError> {
        let header = self.header();
        let ctx = context(header, slot);
        let mut asked = Asked { tokens: have.len(), secrets: have, what: Vec::new(), from_person: false };
        for i in factors {
            if asked.secrets.iter().any(|(n, _)| n == i) {
                continue;
            }
            let stanza = &slot.factors[usize::from(*i) - 1];
            let opened = match openers.of(&stanza.kind) {
                Some(opener) => opener.open(&ctx, stanza, prompt),
                None => Ok(None),
            };
            let missing = |why: String| VaultError::CannotKeep(vec![(slot.name.clone(), why)]);
            let secret = match opened {
                Ok(Some(secret)) => secret,
                Ok(None) => return Err(missing(format!("{} is needed, and is not here", whose(slot, stanza)))),
                Err(FactorError::Prompt(PromptError::Skipped)) => {
                    return Err(missing(format!("{} was not given", whose(slot, stanza))));
                }
                Err(FactorError::Prompt(PromptError::Nobody { what, flag })) => {
                    let file = flag.map_or(String::new(), |flag| format!(", and no {flag} was given"));
                    return Err(missing(format!("nobody is there to type {what}{}{file}", of_whom(slot))));
                }
                Err(error) => return Err(error.into()),
            };
            match role(&stanza.kind) {
                Role::Typed(what) => {
                    asked.what.push(what);
                    asked.from_person |= prompt.can_retry(&question(stanza, slot));
                }
                _ => asked.tokens += 1,
            }
            asked.secrets.push((*i, secret));
        }
        Ok(asked)
    }
}

/// Behind a factor of a keyslot for custodians: it is not the owner's, who may have one of the same kind.
fn of_whom(slot: &Keyslot) -> &'static str {
    if slot.custodians() { " of a custodian" } else { "" }
}

/// A factor in words, and whose it is.
fn whose(slot: &Keyslot, stanza: &Stanza) -> String {
    in_words(stanza) + of_whom(slot)
}

/// Old secrets; those of tokens first.
struct Asked {
    secrets: Vec<(u8, FactorSecret)>,
    tokens: usize,
    /// What was typed.
    what: Vec<&'static str>,
    from_person: bool,
}

fn question<'a>(stanza: &Stanza, slot: &'a Keyslot) -> Ask<'a> {
    match stanza.kind.as_str() {
        crate::factor::recovery::KIND => Ask::RecoveryCode { vault: "", keyslot: &slot.name },
        _ => Ask::Password { vault: "", keyslot: &slot.name },
    }
}

impl Way<'_> {
    fn need(&self) -> Need {
        if self.factors.contains(&How::NewPassword) {
            return Need::NewPassword(self.unchecked.clone());
        }
        let tokens = (1u8..).zip(&self.factors).filter(|(_, how)| **how == How::Token).map(|(i, _)| i);
        let mut asked: Vec<u8> = self.gathered.clone();
        asked.extend(tokens.filter(|i| !self.gathered.contains(i)));
        // Whose they are is said of all together, and two codes are not the same one.
        let words = |i: u8| {
            let stanza = &self.slot.factors[usize::from(i) - 1];
            let words = in_words(stanza);
            let alike = |other: &&Stanza| other.kind == stanza.kind && role(&other.kind) != Role::Token;
            if !self.slot.custodians() || self.slot.factors.iter().filter(alike).count() < 2 {
                return words;
            }
            format!("{} {i}", words.strip_prefix("the ").unwrap_or(&words))
        };
        if asked.is_empty() { Need::Nothing } else { Need::Asked(asked.into_iter().map(words).collect()) }
    }
}
