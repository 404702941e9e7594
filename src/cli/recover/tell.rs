//! A way back as text: what each step is, its plain command, and what would still help where nothing opens.

use super::super::command::{Line, Names, Value};
use super::super::out;
use super::super::report::{CliError, LOCKED, prose};
use super::super::sentence::Sentence;
use super::super::session::Session;
use super::super::ways_in::{for_custodians, in_plain_words, wipe};
use super::Args;
use super::plan::{New, Plan, Step, placeholder};
use super::things::{State, Things};
use crate::header::{Header, Keyslot};
use crate::vault::usable;
use serde_json::json;

/// What is known when commands are written.
pub struct Commands<'a> {
    pub header: &'a Header,
    /// Who vouches for it.
    pub names: Names,
    pub things: &'a Things,
    pub args: &'a Args,
    /// The vault, where it was named.
    pub vault: Option<String>,
    /// The keyslot that opens, as long as it is there.
    pub by: Option<String>,
}

impl<'a> Commands<'a> {
    /// From a header that nobody has verified yet.
    pub fn new(header: &'a Header, things: &'a Things, args: &'a Args, session: &Session, plan: &Plan) -> Self {
        let vault = session.global.vault.as_ref().map(|path| path.display().to_string());
        let by = plan.opening.as_ref().filter(|opening| !opening.by_others);
        let by = by.map(|opening| opening.keyslot.clone());
        Self { header, names: Names::Unproven, things, args, vault, by }
    }

    /// A step as a command. The steps are told in their order: one that wipes the keyslot that opened is the last to name it.
    pub fn of(&mut self, step: &Step) -> Line {
        let names = self.names;
        let line = match step {
            Step::Request { keyslot, numbers } => {
                let each = |line: Line, number: &u8| line.option("--for", names.of(&number.to_string()));
                numbers.iter().fold(request(names, keyslot), each)
            }
            Step::Combine { .. } => Line::new("recovery combine ANSWER"),
            Step::Password { only: None } => Line::new("passwd"),
            Step::Password { only: Some(name) } => Line::new("passwd").option("--only", names.of(name)),
            Step::Code { replace: None } => Line::new("recovery new"),
            Step::Code { replace: Some(name) } => Line::new("recovery new").option("--replace", names.of(name)),
            Step::Enroll { threshold, custodians, factors, .. } => {
                let mut line = Line::new(if *custodians { "keyslot enroll --custodians" } else { "keyslot enroll" });
                for factor in factors {
                    line = self.with_factor(line, factor);
                }
                if usize::from(*threshold) != factors.len() {
                    line = line.option("--threshold", names.of(&threshold.to_string()));
                }
                line
            }
            Step::Wipe { keyslot, .. } => wipe(names, keyslot),
            Step::Rotate => Line::new("rotate"),
            Step::Sheet { keyslot } => Line::new("recovery sheet").value(names.of(keyslot)).and("--output=sheet.pdf"),
        };
        let opens = !matches!(step, Step::Request { .. } | Step::Combine { .. } | Step::Sheet { .. });
        let line = match &self.by {
            Some(by) if opens => line.option("--keyslot", names.of(by)),
            _ => line,
        };
        if let Step::Wipe { keyslot: gone, .. } | Step::Code { replace: Some(gone) } = step
            && self.by.as_ref() == Some(gone)
        {
            self.by = None;
        }
        self.of_vault(line)
    }

    /// The command with the vault, where it was named.
    pub fn of_vault(&self, line: Line) -> Line {
        match &self.vault {
            Some(vault) => line.option("--vault", Value::file(vault)),
            None => line,
        }
    }

    fn with_factor(&self, line: Line, factor: &New) -> Line {
        let from_header = |text: &str, line: Line| line.option("--factor", self.names.of(text).or("FACTOR"));
        match factor {
            New::Known(text) => from_header(text, line),
            New::Token { kind, lost } => match self.args.named(self.things, lost) {
                Some(text) => line.option("--factor", Names::Proven.of(text).or("FACTOR")),
                None => from_header(&placeholder(kind), line),
            },
        }
    }

    /// What a step is for.
    pub fn why(&self, step: &Step) -> String {
        let slot = |name: &str| self.header.keyslot(name).map(in_plain_words).unwrap_or_default();
        match step {
            Step::Request { keyslot, .. } => {
                format!("ask the custodians of keyslot '{keyslot}' ({}), by a text that you send them", slot(keyslot))
            }
            Step::Combine { .. } => "open the vault with their answers, and make a new way in".to_owned(),
            Step::Password { only: None } => "a new password, in every keyslot of yours that has one".to_owned(),
            Step::Password { only: Some(name) } => format!("a new password in keyslot '{name}'"),
            Step::Code { replace: Some(name) } => {
                format!("a new recovery code; then the keyslot of the lost one, '{name}', is wiped")
            }
            Step::Code { replace: None } => "a recovery code, for the next time".to_owned(),
            Step::Enroll { like, spare: true, .. } => format!("a new spare, as '{like}' ({}) was", slot(like)),
            Step::Enroll { like, .. } => {
                format!("a new way in, in the place of keyslot '{like}' ({})", slot(like))
            }
            Step::Wipe { keyslot, .. } => format!("wipe keyslot '{keyslot}' ({})", slot(keyslot)),
            Step::Rotate => {
                "a new account key: whoever has what was lost, and an older copy of the vault file, opens the newest \
                             vault, too, until then"
                    .to_owned()
            }
            Step::Sheet { keyslot } => {
                format!("a new sheet of the code of keyslot '{keyslot}': the old one shows another fingerprint")
            }
        }
    }
}

/// Shows things and steps as data. Where nothing opens, that is an error all the same.
pub fn plan(header: &Header, things: &Things, plan: &Plan, args: &Args, session: &Session) -> Result<(), CliError> {
    let mut commands = Commands::new(header, things, args, session, plan);
    let steps: Vec<(&Step, String, Line)> =
        plan.steps.iter().map(|step| (step, commands.why(step), commands.of(step))).collect();
    let help = if plan.opening.is_none() { would_help(header, things) } else { Vec::new() };
    if args.json {
        let state = |state| match state {
            State::Have => "have",
            State::Custodian => "custodian",
            State::Lost => "lost",
        };
        out::json(&json!({
            "vault": header.name,
            "things": things.all.iter().map(|thing| json!({
                "thing": thing.id, "what": thing.what, "state": state(thing.state),
            })).collect::<Vec<_>>(),
            "opens_by": plan.opening.as_ref().map(|opening| json!({
                "keyslot": opening.keyslot,
                "opens_with": header.keyslot(&opening.keyslot).map(in_plain_words),
                "custodians": opening.asked,
            })),
            "steps": steps.iter().map(|(step, why, command)| json!({
                "what": why, "command": command.text(), "arguments": command.arguments(), "advice": step.is_advice(),
                "after": plan.after(step),
            })).collect::<Vec<_>>(),
            "would_help": help.iter().map(|(what, command)| json!({ "what": what, "command": command.text() })).collect::<Vec<_>>(),
        }))?;
    } else {
        lines(header, things, plan, &steps)?;
    }
    if plan.opening.is_some() { Ok(()) } else { Err(nothing(header, things)) }
}

fn lines(header: &Header, things: &Things, plan: &Plan, steps: &[(&Step, String, Line)]) -> Result<(), CliError> {
    for thing in &things.all {
        let state = match thing.state {
            State::Have => "have",
            State::Custodian => "with others",
            State::Lost => "LOST",
        };
        out::line(&out::clean(&format!("{state:<11}  {}  ({})", thing.what, thing.id)))?;
    }
    for name in &things.closed {
        out::line(&out::clean(&format!("{:<11}  keyslot '{name}'", "LOST")))?;
    }
    let Some(opening) = &plan.opening else { return Ok(()) };
    let opens = header.keyslot(&opening.keyslot).map(in_plain_words).unwrap_or_default();
    let custodians = header.keyslot(&opening.keyslot).map(for_custodians).unwrap_or_default();
    out::line(&out::clean(&format!("\nThe vault opens by keyslot '{}': {opens}{custodians}", opening.keyslot)))?;
    if steps.is_empty() {
        return out::line(if things.all_there() {
            "Nothing is said to be lost: name it with --lost"
        } else {
            "Nothing has to follow"
        });
    }
    for (n, (step, why, command)) in (1..).zip(steps) {
        let advice = if step.is_advice() { " (advice)" } else { "" };
        let after = plan.after(step).map_or(String::new(), |first| format!(", only after {first} has worked"));
        out::line(&out::clean(&format!("{n}. {why}{after}{advice}\n     {}", command.text())))?;
    }
    Ok(())
}

/// What keeps each keyslot closed.
fn missing(slot: &Keyslot, things: &Things) -> String {
    if !usable(slot) {
        return "it needs a newer twinlock".to_owned();
    }
    if things.closed.contains(&slot.name) {
        return "it is lost, as you said".to_owned();
    }
    let numbers = (1u8..).take(slot.factors.len());
    let gone = numbers.filter_map(|number| things.at(slot, number)).filter(|thing| thing.state != State::Have);
    let gone: Vec<&str> = gone.map(|thing| thing.what.as_str()).collect();
    let held = !slot.custodians() && !things.numbers(slot, State::Custodian).is_empty();
    let held = if held { " (others cannot answer for it: it was not made for custodians)" } else { "" };
    format!("without {}{held}", gone.join(" and "))
}

/// The command that asks custodians for a keyslot's factors.
fn request(names: Names, keyslot: &str) -> Line {
    Line::new("recovery request").value(names.of(keyslot))
}

/// What could still open the vault, and how.
pub(super) fn would_help(header: &Header, things: &Things) -> Vec<(String, Line)> {
    let mut help = Vec::new();
    for slot in header.keyslots.iter().filter(|slot| usable(slot) && slot.custodians()) {
        help.push((
            format!("somebody who holds what you miss of keyslot '{}' can answer from where they are", slot.name),
            request(Names::Unproven, &slot.name),
        ));
    }
    if things.all.iter().any(|thing| thing.is_token() && thing.state == State::Lost) {
        help.push((
            "a token whose PIN is blocked or forgotten takes a new one with its PUK".to_owned(),
            Line::new("token unblock"),
        ));
    }
    help.push((
        "an older backup opens by what opened the vault when it was made: a password from before a change, a keyslot wiped since"
            .to_owned(),
        Line::new("restore BACKUP"),
    ));
    help.push((
        "so does a kit, with the vault file: a printed page, or a picture of it".to_owned(),
        Line::new("restore --kit FILE"),
    ));
    help
}

/// Nothing opens: why, and what would still help, before the error.
pub fn nothing(header: &Header, things: &Things) -> CliError {
    for slot in &header.keyslots {
        prose(&format!("keyslot '{}' ({}) does not open: {}", slot.name, in_plain_words(slot), missing(slot, things)));
    }
    prose("what would still help:");
    for (what, command) in would_help(header, things) {
        Sentence::with(format!("  - {what}"), command).say("");
    }
    CliError::Plain {
        message: format!("nothing that you still have opens the vault '{}', and no program can without", header.name),
        hint: "keep the vault file, and look for the rest: what is found later still opens it".into(),
        code: LOCKED,
    }
}
