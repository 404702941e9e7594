//! `twinlock recovery request`

use super::super::custody_report::told;
use super::super::report::{CliError, LOCKED, NOT_FOUND, USAGE, count, prose};
use super::super::requests::Requests;
use super::super::seen::Seen;
use super::super::session::Session;
use super::{Out, Sending, shown};
use crate::crypto::sealed::{new_key, public_of};
use crate::custody::{self, Asked, CustodyError, MAX_LIFE, MAX_REASON};
use crate::factor::{Role, describe, in_words, role};
use crate::header::{Header, Keyslot, Stanza};
use crate::keyslot::Wrap;
use crate::prompt::PromptError;
use crate::vault::{VaultError, check_name, peek};
use std::time::{Duration, SystemTime};

/// Above the text: for whoever gets it and has never heard of it.
const PREFACE: &str = "Somebody asks for your help to open a vault. Save this text as a file. Call\n\
                       whoever sent it, by a telephone number that you know already. Then:\n\n    \
                       twinlock recovery answer FILE\n\n";

/// Ask custodians for their factors of a keyslot: a short text to send to them
///
/// Needs the vault file, and no factor of it; the keyslot must have been enrolled with --custodians. Each custodian answers with 'twinlock recovery answer', on their own machine, without
/// the vault; 'twinlock recovery combine' opens the vault with the answers.
#[derive(clap::Args)]
pub struct Request {
    /// Which keyslot
    #[arg(value_name = "KEYSLOT")]
    name: String,
    /// Ask for this factor: its number, counted from 1 in the order of 'keyslot list', its kind, or a token's name; may be
    /// repeated [default: all]
    #[arg(long = "for", value_name = "FACTOR")]
    factors: Vec<String>,
    /// Who asks: your name, as the custodians know you
    #[arg(long, value_name = "NAME")]
    from: Option<String>,
    /// Why, in a line
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// How long it is good for, at most 31 days
    #[arg(long, value_name = "TIME", default_value = "48h", value_parser = life)]
    expires: Duration,
    #[command(flatten)]
    sending: Sending,
}

/// Minutes to a month: what is good for ever is found by a thief in the end.
fn life(text: &str) -> Result<Duration, String> {
    let life = humantime::parse_duration(text).map_err(|_| "a time looks like '48h' or '7days'".to_owned())?;
    let allowed = Duration::from_secs(60)..=MAX_LIFE;
    if allowed.contains(&life) { Ok(life) } else { Err("from 1 minute to 31 days".to_owned()) }
}

impl Request {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let out = self.sending.out();
        out.check()?;
        let unverified = peek(&mut session.store()?)?;
        let header = unverified.header();
        let slot = header.keyslot(&self.name).ok_or_else(|| VaultError::NoKeyslot {
            name: self.name.clone(),
            have: header.keyslots.iter().map(|slot| slot.name.clone()).collect(),
        })?;
        if let Some(field) = slot.unknown_critical() {
            let message = format!("keyslot '{}' needs '{field}', which this program does not know", slot.name);
            return Err(told(LOCKED, &message, "use a newer twinlock"));
        }
        if !slot.custodians() {
            return Err(told(
                LOCKED,
                &format!(
                    "keyslot '{}' was not made for custodians: nobody can answer for it from elsewhere",
                    slot.name
                ),
                "bring its factors together at this machine; once the vault is open, 'twinlock keyslot enroll --custodians' makes a \
                 keyslot that others can answer for",
            ));
        }
        let factors = chosen(slot, &self.factors)?;
        let (from, reason) = self.who_and_why(session)?;
        let key = new_key()?;
        let seen = Seen::load(&session.vault_path()?);
        let now = SystemTime::now();
        let time = |time| humantime::format_rfc3339_seconds(time).to_string();
        let asked = Asked {
            wrap: Wrap::of(&header.vault_id, slot),
            vault: header.name.clone(),
            fingerprint: seen.fingerprint(&header.vault_id),
            keyslot: slot.name.clone(),
            threshold: slot.threshold,
            of: u8::try_from(slot.factors.len()).unwrap_or_else(|_| unreachable!("at most 16 factors")),
            factors,
            from,
            reason,
            created: time(now),
            expires: time(now + self.expires),
            public: public_of(&key),
        };
        let request = custody::Request::new(&asked).map_err(too_long)?;
        let words = custody::words(&request.hash()).map_err(too_long)?;
        Requests::new()?.keep(&request, &key, &session.real_path()?)?;
        out.write(&format!("{PREFACE}{}", request.lines()), &request.line())?;
        tell(header, &asked, &out, &words);
        Ok(())
    }

    fn who_and_why(&self, session: &mut Session) -> Result<(String, String), CliError> {
        let from = match &self.from {
            Some(from) => from.clone(),
            None => {
                session.prompt.line("Who asks? Your name, as the custodians know you").map_err(|error| match error {
                    PromptError::Nobody { .. } => {
                        told(USAGE, "the request does not say who asks", "give your name with --from")
                    }
                    error => error.into(),
                })?
            }
        };
        check_name(&from)?;
        let reason = match &self.reason {
            Some(reason) => reason.clone(),
            None if self.from.is_none() => session.prompt.line("Why? A line for the custodians; may be empty")?,
            None => String::new(),
        };
        if reason.chars().count() > MAX_REASON || reason.chars().any(char::is_control) {
            return Err(told(
                USAGE,
                "the reason is not one line of at most 256 characters",
                "say the rest over the telephone",
            ));
        }
        Ok((from, reason))
    }
}

/// What a person is told when it is made.
fn tell(header: &Header, asked: &Asked, out: &Out<'_>, words: &[&str; 4]) {
    let factors: Vec<String> = asked.factors.iter().map(|(i, stanza)| format!("{i}, {}", in_words(stanza))).collect();
    prose(&format!(
        "asked for factor {} of keyslot '{}' of vault '{}', until {}",
        factors.join("; "),
        asked.keyslot,
        header.name,
        asked.expires
    ));
    if asked.factors.len() < usize::from(asked.threshold) {
        let more = u64::from(asked.threshold) - asked.factors.len() as u64;
        prose(&format!(
            "the keyslot takes {}: {more} of them must come from you",
            count(asked.threshold.into(), "factor")
        ));
    }
    prose(&format!(
        "\nSend {} to the custodians. When they call, read them these four words; theirs must be the same:\n\n{}\n\n\
         'twinlock recovery pending' shows the words again. With the answers: twinlock recovery combine ANSWER...",
        out.named(),
        shown(words)
    ));
}

/// The factors that are meant, each with its number.
fn chosen(slot: &Keyslot, names: &[String]) -> Result<Vec<(u8, Stanza)>, CliError> {
    let all = (1u8..).zip(&slot.factors);
    let known = |stanza: &Stanza| role(&stanza.kind) != Role::Unknown;
    for name in names {
        if !all.clone().any(|(i, stanza)| known(stanza) && is_called(i, stanza, name)) {
            let have: Vec<String> = all.map(|(i, stanza)| format!("{i} ({})", describe(stanza))).collect();
            let message = format!("keyslot '{}' has no factor '{name}' that could be asked for", slot.name);
            return Err(told(NOT_FOUND, &message, &format!("there is {}", have.join(", "))));
        }
    }
    let meant = |i: u8, stanza: &Stanza| names.is_empty() || names.iter().any(|name| is_called(i, stanza, name));
    let chosen = all.filter(|(i, stanza)| known(stanza) && meant(*i, stanza));
    Ok(chosen.map(|(i, stanza)| (i, Stanza { share: [0; 32], ..stanza.clone() })).collect())
}

fn is_called(number: u8, stanza: &Stanza, name: &str) -> bool {
    let described = describe(stanza);
    let token = described.split_once('"').and_then(|(_, rest)| rest.strip_suffix('"'));
    name.parse() == Ok(number) || name == stanza.kind || token == Some(name) || described == name
}

fn too_long(error: CustodyError) -> CliError {
    match error {
        CustodyError::Malformed(_, why) => told(
            super::super::report::FIXABLE,
            &format!("the request cannot be made: {why}"),
            "ask for fewer factors at once, with --for",
        ),
        error => told(super::super::report::FIXABLE, &error.to_string(), "close other programs, and try again"),
    }
}
