//! A person led back: what they still have, the shortest way in, and one step after another. Each step is a command's own work.

use super::super::command::{Line, Names};
use super::super::factors::Spec;
use super::super::init::choose_token;
use super::super::keyslot::{Enrolling, enroll, wipe_from};
use super::super::passwd;
use super::super::proofs::Proofs;
use super::super::recovery::{self, offer_sheet_of};
use super::super::report::{self, CliError, FIXABLE, LOCKED, TOKEN, prose};
use super::super::rotate;
use super::super::sentence::Sentence;
use super::super::session::Session;
use super::super::ways_in::{in_plain_words, tell_left, warnings};
use super::Args;
use super::plan::{New, Opening, Plan, Step};
use super::tell::{self, Commands};
use super::things::{State, Things};
use crate::factor::{FactorError, Role, password, recovery as code, role};
use crate::header::{Header, Keyslot};
use crate::prompt::{PromptError, Question};
use crate::vault::{Refusal, Vault, VaultError};
use std::time::SystemTime;

/// What to do when custodians have answered.
const WITH_ANSWERS: &str = "'twinlock recover --answer FILE' goes on with their answers";

/// What became of a step.
#[derive(PartialEq, Eq)]
enum Outcome {
    Done,
    /// The person did not want it, or it is for another day.
    LeftOut,
}

pub fn run(args: Args, session: &mut Session, header: &Header, mut things: Things) -> Result<(), CliError> {
    let here = plugged_in(session, &things);
    if args.lost.is_empty() && args.custodian.is_empty() {
        ask(session, &mut things, &here)?;
    }
    let Some((plan, vault)) = open(&args, session, header, &mut things, &here)? else { return Ok(()) };
    // The plan was made of what the file said; the vault vouches for what it says now.
    if vault.header().keyslots != header.keyslots {
        return Err(VaultError::HeaderChanged.into());
    }
    let (tokens, placed) = (Vec::new(), Vec::new());
    Walk { args: &args, things: &things, plan: &plan, tokens, placed, rotated: false, stop: false }.go(vault, session)
}

/// The tokens that are here now, by the ids of their things; no PIN is asked for.
fn plugged_in(session: &mut Session, things: &Things) -> Vec<String> {
    let tokens = things.all.iter().filter(|thing| role(&thing.stanza.kind) == Role::Token);
    tokens.filter(|thing| session.has_token(&thing.stanza)).map(|thing| thing.id.clone()).collect()
}

/// What the person still has. A token that is here needs no question.
fn ask(session: &mut Session, things: &mut Things, here: &[String]) -> Result<(), CliError> {
    prose("What do you still have? Nothing is changed by your answers; Ctrl-C stops.\n");
    for thing in &mut things.all {
        if here.contains(&thing.id) {
            prose(&format!("{} is here", thing.what));
            continue;
        }
        if thing.theirs {
            // Not lost because it is not here: somebody else keeps it.
            if !session.prompt.confirm(&Question::Plain(&format!("Do you have {} yourself?", thing.what)))? {
                thing.state = State::Custodian;
            }
            continue;
        }
        let question = match thing.stanza.kind.as_str() {
            password::KIND => format!("Do you remember {}?", thing.what),
            code::KIND => format!("Do you have {}?", thing.what),
            _ => format!("Do you still have {}?", thing.what),
        };
        if !session.prompt.confirm(&Question::YesByDefault(&question))? {
            thing.state = State::Lost;
        }
    }
    Ok(())
}

/// Whether others have what is missing of keyslots for custodians, and can be asked; true if somebody has.
fn ask_for_custodians(session: &mut Session, header: &Header, things: &mut Things) -> Result<bool, CliError> {
    let mut found = false;
    let shared: Vec<&Keyslot> = header.keyslots.iter().filter(|slot| slot.custodians()).collect();
    let ids: Vec<String> = shared
        .iter()
        .flat_map(|slot| (1u8..).take(slot.factors.len()).filter_map(|number| things.at(slot, number)))
        .filter(|thing| thing.state != State::Have)
        .map(|thing| thing.id.clone())
        .collect();
    for thing in things.all.iter_mut().filter(|thing| ids.contains(&thing.id)) {
        let question = format!("Is there somebody who has {}, and whom you can ask?", thing.what);
        let can = session.prompt.confirm(&Question::Plain(&question))?;
        thing.state = if can { State::Custodian } else { State::Lost };
        found |= can;
    }
    Ok(found)
}

/// Opens the vault by what is at hand. None: nothing is lost, so nothing is opened.
fn open(
    args: &Args,
    session: &mut Session,
    header: &Header,
    things: &mut Things,
    here: &[String],
) -> Result<Option<(Plan, Vault)>, CliError> {
    if !session.global.answer.is_empty() {
        let vault = session.unlock_keeping_tokens()?;
        let plan = Plan::opened(header, things, vault.opened_by());
        return Ok(Some((plan, vault)));
    }
    let by = session.global.keyslot.clone();
    let mut asked = !args.custodian.is_empty();
    loop {
        let plan = Plan::of(header, things, by.as_deref(), &mut |slot| is_away(slot, things, here));
        let Some(opening) = &plan.opening else {
            if !std::mem::replace(&mut asked, true) && ask_for_custodians(session, header, things)? {
                continue;
            }
            return Err(tell::nothing(header, things));
        };
        if opening.by_others {
            if !std::mem::replace(&mut asked, true) {
                ask_for_custodians(session, header, things)?;
                continue;
            }
            return Err(by_custodians(args, session, header, things, &plan, opening));
        }
        if plan.steps.is_empty() && things.all_there() {
            prose("nothing is lost, so nothing has to be done; 'twinlock recovery drill' tries a way in");
            return Ok(None);
        }
        announce(args, session, header, things, &plan, opening);
        session.global.keyslot = Some(opening.keyslot.clone());
        match session.unlock_keeping_tokens() {
            Ok(vault) => return Ok(Some((plan, vault))),
            Err(error) if is_cancelled(&error) || !is_about_factors(&error) => return Err(error),
            Err(error) => {
                report::tell(&error);
                // Not tried again by itself: a PIN has few tries.
                let slot = header.keyslot(&opening.keyslot);
                if !slot.map_or(Ok(false), |slot| ask_again(session, slot, things))? {
                    return Err(not_opened(&error));
                }
            }
        }
    }
}

fn not_opened(error: &CliError) -> CliError {
    CliError::Plain {
        message: "the vault was not opened, and nothing was changed".into(),
        hint: "'twinlock recover' begins again".into(),
        code: report::explain(error).map_or(LOCKED, |explained| explained.code),
    }
}

/// After a way in has failed: which of its things does the person not have, after all?
fn ask_again(session: &mut Session, slot: &Keyslot, things: &mut Things) -> Result<bool, CliError> {
    let mut less = false;
    let ids: Vec<String> = things
        .numbers(slot, State::Have)
        .into_iter()
        .filter_map(|number| things.at(slot, number))
        .map(|thing| thing.id.clone())
        .collect();
    for thing in things.all.iter_mut().filter(|thing| ids.contains(&thing.id)) {
        if session.prompt.confirm(&Question::Plain(&format!("Go on without {}?", thing.what)))? {
            thing.state = if thing.theirs { State::Custodian } else { State::Lost };
            less = true;
        }
    }
    Ok(less)
}

/// Whether a keyslot waits for a token that is not plugged in.
fn is_away(slot: &Keyslot, things: &Things, here: &[String]) -> bool {
    let have = things.numbers(slot, State::Have).into_iter().filter_map(|number| things.at(slot, number));
    let ready = have.filter(|thing| role(&thing.stanza.kind) != Role::Token || here.contains(&thing.id));
    ready.count() < usize::from(slot.threshold)
}

fn announce(args: &Args, session: &Session, header: &Header, things: &Things, plan: &Plan, opening: &Opening) {
    let commands = Commands::new(header, things, args, session, plan);
    let opens = header.keyslot(&opening.keyslot).map(in_plain_words).unwrap_or_default();
    prose(&format!("\nThe vault opens by keyslot '{}': {opens}. Then:", opening.keyslot));
    for (n, step) in (1..).zip(&plan.steps) {
        prose(&format!("  {n}. {}", commands.why(step)));
    }
    let with = |line: Line, id: &String| line.option("--lost", commands.names.of(id).or("THING"));
    let shown = commands.of_vault(lost(things).iter().fold(Line::new("recover --plan"), with));
    prose("as commands:");
    report::command(&shown);
    prose("");
}

fn lost(things: &Things) -> Vec<String> {
    let lost = things.all.iter().filter(|thing| thing.state == State::Lost).map(|thing| thing.id.clone());
    lost.chain(things.closed.iter().map(|name| format!("keyslot:{name}"))).collect()
}

/// Custodians answer at another time: what is typed until then, and after it.
fn by_custodians(
    args: &Args,
    session: &Session,
    header: &Header,
    things: &Things,
    plan: &Plan,
    opening: &Opening,
) -> CliError {
    let mut commands = Commands::new(header, things, args, session, plan);
    let request = plan.steps.iter().find(|step| matches!(step, Step::Request { .. }));
    CliError::Plain {
        message: format!("keyslot '{}' opens with the help of others, and of nobody else", opening.keyslot),
        hint: request.map_or_else(
            || WITH_ANSWERS.into(),
            |step| Sentence::with(format!("{WITH_ANSWERS}; ask for them first"), commands.of(step)),
        ),
        code: LOCKED,
    }
}

/// The person pressed Ctrl-C.
fn is_cancelled(error: &CliError) -> bool {
    let factor = |error: &FactorError| matches!(error, FactorError::Prompt(PromptError::Cancelled));
    match error {
        CliError::Prompt(PromptError::Cancelled) | CliError::Vault(VaultError::Stopped) => true,
        CliError::Vault(VaultError::Factor(error)) => factor(error),
        CliError::Vault(VaultError::Locked(refusals))
        | CliError::Doubtful { error: VaultError::Locked(refusals), .. } => {
            refusals.iter().any(|(_, refusal)| matches!(refusal, Refusal::Factor(error) if factor(error)))
        }
        _ => false,
    }
}

/// Whether another way in may do better.
fn is_about_factors(error: &CliError) -> bool {
    let code = report::explain(error).map(|explained| explained.code);
    !matches!(error, CliError::Declined) && matches!(code, Some(LOCKED | TOKEN | FIXABLE))
}

/// The steps, on an open vault.
struct Walk<'a> {
    args: &'a Args,
    things: &'a Things,
    plan: &'a Plan,
    /// What was chosen in the place of lost tokens, by their ids.
    tokens: Vec<(String, Spec)>,
    /// The keyslots in whose place another one was enrolled.
    placed: Vec<String>,
    rotated: bool,
    /// Ctrl-C at a question after a step was done.
    stop: bool,
}

impl Walk<'_> {
    fn go(mut self, mut vault: Vault, session: &mut Session) -> Result<(), CliError> {
        let plan = self.plan;
        // Of the header as it was: what a step was for is told also when it is done.
        let before = vault.header().clone();
        let commands = Commands::new(&before, self.things, self.args, session, plan);
        let whys: Vec<String> = plan.steps.iter().map(|step| commands.why(step)).collect();
        let (mut last, mut left): (Option<&str>, Vec<&Step>) = (None, Vec::new());
        let is_sheet = |step: &Step| matches!(step, Step::Sheet { .. });
        let total = plan.steps.iter().filter(|step| !is_sheet(step)).count();
        for (n, (step, why)) in plan.steps.iter().zip(&whys).enumerate() {
            if is_sheet(step) {
                // Needs a printer, and the code once more. Without a rotation the old sheet is right.
                left.extend(self.rotated.then_some(step));
                continue;
            }
            prose(&format!("\nStep {} of {total}: {why}", n + 1));
            let outcome = match self.perform(step, &mut vault, session) {
                Err(CliError::Declined | CliError::Vault(VaultError::LastKeyslot(_))) => Ok(Outcome::LeftOut),
                // Nothing was changed by it, and what follows does not need it.
                Err(error) if step.is_advice() && !is_cancelled(&error) => {
                    report::tell(&error);
                    Ok(Outcome::LeftOut)
                }
                outcome => outcome,
            };
            match outcome {
                Ok(Outcome::Done) if self.stop => {
                    left.extend(&plan.steps[n + 1..]);
                    let left = self.commands(&left, &vault, session);
                    return Err(stopped(&PromptError::Cancelled.into(), Some(why), &left));
                }
                Ok(Outcome::Done) => last = Some(why),
                Ok(Outcome::LeftOut) => {
                    prose("left out");
                    left.push(step);
                }
                Err(error) => {
                    left.extend(&plan.steps[n..]);
                    return Err(stopped(&error, last, &self.commands(&left, &vault, session)));
                }
            }
        }
        prose(&format!("\nThe vault '{}' opens with:", vault.header().name));
        let proofs = Proofs::load();
        tell_left(vault.header(), &warnings(vault.header(), Names::Proven, &proofs, SystemTime::now()));
        if !left.is_empty() {
            prose("still to be done, or left out, as commands:");
            self.commands(&left, &vault, session).iter().for_each(report::command);
        }
        prose("a kit that was made before shows the vault as it was: 'twinlock kit export' makes a new one");
        Ok(())
    }

    /// What is left, as commands for the vault as it is now: a keyslot that is gone is in none of them.
    fn commands(&self, left: &[&Step], vault: &Vault, session: &Session) -> Vec<Line> {
        let header = vault.header();
        let mut commands = Commands::new(header, self.things, self.args, session, self.plan);
        commands.names = Names::Proven;
        commands.by = commands.by.filter(|name| header.keyslot(name).is_some());
        let there = |name: &String| header.keyslot(name).is_some();
        let needed = left.iter().filter(|step| match step {
            Step::Password { only: Some(name) } => there(name),
            Step::Wipe { keyslot, .. } | Step::Sheet { keyslot } => there(keyslot),
            _ => true,
        });
        let gone = |step: &Step| matches!(step, Step::Code { replace: Some(name) } if !there(name));
        needed.map(|step| commands.of(if gone(step) { &Step::Code { replace: None } } else { step })).collect()
    }

    fn perform(&mut self, step: &Step, vault: &mut Vault, session: &mut Session) -> Result<Outcome, CliError> {
        let making = &self.args.making;
        match step {
            Step::Request { .. } | Step::Combine { .. } => unreachable!("the vault is open"),
            Step::Password { only } => {
                let (only, kdf, force) = (only.clone(), making.kdf.clone(), making.force);
                passwd::Args { only, kdf, force }.change(vault, session)?;
            }
            Step::Code { replace } => {
                let question = Question::YesByDefault("Make a recovery code?");
                if replace.is_none() && !session.prompt.confirm(&question)? {
                    return Ok(Outcome::LeftOut);
                }
                let new = recovery::New {
                    replace: replace.clone(),
                    recovery_out: making.recovery_out.clone(),
                    ..recovery::New::default()
                };
                let (keyslot, codes) = new.make(vault, session, None)?;
                self.stop = !offer_sheet_of(session, vault, &keyslot, &codes);
            }
            Step::Enroll { like, threshold, custodians, factors, spare } => {
                let question = Question::YesByDefault("Enroll a new spare now?");
                if *spare && !session.prompt.confirm(&question)? {
                    return Ok(Outcome::LeftOut);
                }
                let Some(specs) = self.specs(factors, session)? else { return Ok(Outcome::LeftOut) };
                if specs.contains(&Spec::Password) && *custodians {
                    prose("its password is a custodian's: it is asked for twice, and they have to know it");
                } else if specs.contains(&Spec::Password) {
                    prose("its password is asked for as a new one, twice; it may be the one that you have");
                }
                let (specs, threshold) = (specs.as_slice(), Some(*threshold));
                let new = Enrolling { name: None, specs, threshold, custodians: *custodians };
                let (keyslot, codes) = enroll(vault, session, &new, making)?;
                let opens = vault.header().keyslot(&keyslot).map(in_plain_words).unwrap_or_default();
                prose(&format!("enrolled keyslot '{keyslot}': {opens}"));
                self.placed.push(like.clone());
                self.stop = !offer_sheet_of(session, vault, &keyslot, &codes);
            }
            Step::Wipe { keyslot, replaced: true, opens: true } if !self.placed.contains(keyslot) => {
                prose(&format!(
                    "keyslot '{keyslot}' still opens with what you have, and nothing is in its place yet: it is kept until then"
                ));
                return Ok(Outcome::LeftOut);
            }
            Step::Wipe { keyslot, .. } => wipe_from(vault, session, keyslot, false)?,
            Step::Rotate => {
                rotate::Args::default().rotate(vault, session)?;
                self.rotated = true;
            }
            Step::Sheet { .. } => return Ok(Outcome::LeftOut),
        }
        Ok(Outcome::Done)
    }

    /// The factors of a new keyslot; none: the new token is not here.
    fn specs(&mut self, factors: &[New], session: &mut Session) -> Result<Option<Vec<Spec>>, CliError> {
        let mut specs = Vec::new();
        for factor in factors {
            let spec = match factor {
                New::Known(text) => text.parse().ok(),
                New::Token { lost, .. } => self.new_token(lost, session)?,
            };
            let Some(spec) = spec else { return Ok(None) };
            specs.push(spec);
        }
        Ok(Some(specs))
    }

    /// The token in the place of a lost one: the one that was named, or that is chosen now; the same in all keyslots.
    fn new_token(&mut self, lost: &str, session: &mut Session) -> Result<Option<Spec>, CliError> {
        if let Some((_, spec)) = self.tokens.iter().find(|(known, _)| known == lost) {
            return Ok(Some(spec.clone()));
        }
        let named = self.args.named(self.things, lost).and_then(|text| text.parse().ok());
        let what = self.things.all.iter().find(|thing| thing.id == lost).map_or(lost, |thing| &thing.what);
        let question = format!("Is a token here, set up, that takes the place of {what}?");
        let spec = loop {
            if let Some(spec) = &named {
                break Spec::clone(spec);
            }
            if !session.prompt.confirm(&Question::YesByDefault(&question))? {
                return Ok(None);
            }
            match choose_token(session) {
                Ok(spec) => break spec,
                Err(error) if is_cancelled(&error) => return Err(error),
                // It can be plugged in, or set up in another window, and the question comes again.
                Err(error) => {
                    report::tell(&error);
                    prose("set it up in another window ('twinlock token setup piv' for a YubiKey), or plug another in");
                    // What has been made there meanwhile is not in what we know of the cards.
                    session.dismiss_tokens();
                }
            }
        };
        self.tokens.push((lost.to_owned(), spec.clone()));
        Ok(Some(spec))
    }
}

/// Where it stopped, and how to go on.
fn stopped(error: &CliError, last: Option<&str>, left: &[Line]) -> CliError {
    let cancelled = is_cancelled(error);
    let code = report::explain(error).map_or(FIXABLE, |explained| explained.code);
    if !cancelled {
        report::tell(error);
    }
    prose("\nwhat is left, as commands:");
    left.iter().for_each(report::command);
    let message = match (last, cancelled) {
        (Some(last), _) => format!("stopped; the last finished step: {last}"),
        (None, true) => "stopped before the first step; nothing was changed".to_owned(),
        (None, false) => "stopped in the first step".to_owned(),
    };
    CliError::Plain { message, hint: "go on with these commands, or with 'twinlock recover'".into(), code }
}
