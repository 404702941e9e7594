//! `twinlock recovery answer`

use super::super::answers::read_text;
use super::super::custody_report::{refused, told};
use super::super::report::{CliError, DAMAGED, LOCKED, USAGE, prose, warn};
use super::super::seen::Seen;
use super::super::session::Session;
use super::{Sending, shown};
use crate::crypto::equal;
use crate::custody::{self, Asked, Request};
use crate::encode::base32;
use crate::encode::hex;
use crate::encode::words::same;
use crate::factor::{FactorError, Role, SlotContext, in_words, password, recovery, role};
use crate::header::Stanza;
use crate::prompt::{Again, Answering, Ask, Event, Keeping, PromptError, Question};
use crate::secret::{FactorSecret, Mask};
use crate::store::sqlite::SqliteStore;
use crate::vault::peek;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// How far a clock may be wrong before it is worth a word.
const CLOCK: Duration = Duration::from_secs(3600);
/// Times that two passwords may differ.
const ATTEMPTS: usize = 5;

/// Answer somebody's request with your own token, password or code
///
/// Needs no vault. The answer holds no secret of yours, only what hides your share of that one keyslot, sealed so that nobody but
/// whoever made the request can open it.
#[derive(clap::Args)]
pub struct Answer {
    /// The request: its text, or a picture of its QR code (- is standard input)
    request: PathBuf,
    /// Answer for the factor of this number
    #[arg(long, value_name = "NUMBER")]
    factor: Option<u8>,
    /// The four words as you heard them over the telephone, in quotes: answers without asking if they are those of the request
    #[arg(long, value_name = "WORDS")]
    words: Option<String>,
    /// Answer although the vault is one that is opened on this machine: for custodians of a vault of their own
    #[arg(long)]
    own_vault: bool,
    #[command(flatten)]
    sending: Sending,
}

impl Answer {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let out = self.sending.out();
        out.check()?;
        let text = read_text(&self.request, "read the request in")?;
        let request = Request::read(&text).map_err(|error| refused(&error, &self.request))?;
        request.check_time(SystemTime::now()).map_err(|error| refused(&error, &self.request))?;
        self.refuse_own(&request, session)?;
        let wanted = self.wanted(&request)?;
        show(&request);
        self.compare(&request, session)?;
        let (masks, what) = masks(&request, &wanted, session)?;
        let answer = custody::Answer::seal(&request, &masks).map_err(|error| refused(&error, &self.request))?;
        out.write(&answer.lines(), &answer.line())?;
        prose(&format!(
            "answered with {what}. Send {} back: whoever made the request can open it, until {}, and nobody else",
            out.named(),
            request.asked.expires
        ));
        Ok(())
    }

    /// A request may name any vault of which its writer has a copy, under whatever name: also that of whoever is asked.
    fn refuse_own(&self, request: &Request, session: &Session) -> Result<(), CliError> {
        // Without a home nothing is remembered, either.
        let Ok(path) = session.vault_path() else { return Ok(()) };
        let id = request.asked.wrap.vault_id;
        let header = || peek(&mut SqliteStore::open(&path).ok()?).ok();
        let lies_here = || header().filter(|header| header.header().vault_id == id).map(|_| path.display().to_string());
        let Some(at) = Seen::load(&path).place_of(&id).or_else(lies_here) else { return Ok(()) };
        if self.own_vault {
            warn(&format!("the request is for the vault in '{at}', which is opened on this machine"));
            return Ok(());
        }
        Err(told(
            DAMAGED,
            &format!("the request is for a vault of your own, the one in '{at}', whatever it calls it"),
            "do not answer it: with your answer others could open your vault; if you asked yourself, or know that you are a custodian of \
             a vault that you open here, repeat with --own-vault",
        ))
    }

    /// The factors among which the custodian's is.
    fn wanted<'a>(&self, request: &'a Request) -> Result<Vec<(u8, &'a Stanza)>, CliError> {
        let all = request.asked.factors.iter().map(|(i, stanza)| (*i, stanza));
        let chosen: Vec<_> = all.filter(|(i, _)| self.factor.is_none_or(|only| *i == only)).collect();
        if let (Some(number), true) = (self.factor, chosen.is_empty()) {
            let have: Vec<String> = request.asked.factors.iter().map(|(i, _)| i.to_string()).collect();
            let message = format!("the request does not ask for factor {number}");
            return Err(told(USAGE, &message, &format!("it asks for {}", have.join(", "))));
        }
        let known: Vec<_> = chosen.into_iter().filter(|(_, stanza)| role(&stanza.kind) != Role::Unknown).collect();
        if known.is_empty() {
            return Err(told(
                LOCKED,
                "the request asks for a kind of factor that this program does not know",
                "use a newer twinlock",
            ));
        }
        Ok(known)
    }

    /// Shows the words, and has them compared.
    fn compare(&self, request: &Request, session: &mut Session) -> Result<(), CliError> {
        let words = custody::words(&request.hash()).map_err(|error| refused(&error, &self.request))?;
        if let Some(heard) = &self.words {
            if same(heard, &words) {
                return Ok(());
            }
            return Err(told(
                DAMAGED,
                "those are not the words of this request: it may have been changed on its way",
                "do not answer it; have it sent to you in another way",
            ));
        }
        prose(&format!("The four words of this request:\n\n{}\n", shown(&words)));
        let question = "Call whoever asks, by a number that you know already, and have them read their four words to you. \
                        Are they the same, and do you want to help?";
        match session.prompt.confirm(&Question::Plain(question)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(CliError::Declined),
            Err(PromptError::Nobody { .. }) => Err(told(
                USAGE,
                "nobody is there to compare the four words",
                "run it on a terminal, or give the words that you heard over the telephone with --words",
            )),
            Err(error) => Err(error.into()),
        }
    }
}

/// Everything that the request says, and how much to believe of it.
fn show(request: &Request) {
    let asked = &request.asked;
    let fingerprint =
        asked.fingerprint.map_or_else(|| "not known to them".to_owned(), |bytes| base32::fingerprint(&bytes));
    let why = if asked.reason.is_empty() { "not said".to_owned() } else { format!("'{}'", asked.reason) };
    prose("Somebody asks for your help to open a vault. All of this is only the word of whoever wrote it:\n");
    prose(&format!("  who asks     '{}'", asked.from));
    prose(&format!("  why          {why}"));
    prose(&format!("  vault        '{}' (id {})", asked.vault, hex::encode(&asked.wrap.vault_id)));
    prose(&format!("  fingerprint  {fingerprint}"));
    prose(&format!(
        "  keyslot      '{}', for custodians, opens with {} of {} factors",
        asked.keyslot, asked.threshold, asked.of
    ));
    for (i, stanza) in &asked.factors {
        prose(&format!("  asks for     factor {i}: {}", in_words(stanza)));
    }
    prose(&format!("  asked        {}", asked.created));
    prose(&format!("  good until   {}\n", asked.expires));
    worth(asked);
    let created = humantime::parse_rfc3339(&asked.created);
    if created.is_ok_and(|created| created > SystemTime::now() + CLOCK) {
        warn("the request is from the future: their clock or yours is wrong");
    }
}

/// What an answer gives away. The mask is bound to k and n (spec 9.3), so that a lie about them gives nothing; everything else is to be asked
/// on the telephone.
fn worth(asked: &Asked) {
    match asked.threshold {
        1 => warn("your answer alone opens that vault: nobody else has to agree"),
        k => prose(&format!(
            "This keyslot needs {k} factors: yours, and {} more, which whoever asks may have already. Were these numbers wrong, your answer \
             would open nothing.",
            k - 1
        )),
    }
    prose(
        "Nothing here proves which vault it is. If you keep keys for several people or vaults, ask on the telephone whose it is. An \
         answer cannot be taken back.\n",
    );
}

/// Opens the factor that is here. The masks of it, and what it was.
fn masks(
    request: &Request,
    wanted: &[(u8, &Stanza)],
    session: &mut Session,
) -> Result<(Vec<(u8, Mask)>, String), CliError> {
    let mut missing = Vec::new();
    let tokens: Vec<_> = wanted.iter().filter(|(_, stanza)| role(&stanza.kind) == Role::Token).copied().collect();
    let typed = typed(wanted, session);
    if !tokens.is_empty() {
        session.prepare_tokens()?;
    }
    for (i, stanza) in tokens {
        match open(request, stanza, session) {
            Ok(Some(secret)) => return Ok((vec![(i, mask(request, i, stanza, &secret))], in_words(stanza))),
            Ok(None) => missing.push(format!("{} is not here", in_words(stanza))),
            Err(error) if wanted.len() == 1 || judged(&error) => return Err(not_accepted(error)),
            Err(error) => {
                let explained = not_accepted(error);
                super::super::report::tell(&explained);
                missing.push(format!("{} did not answer", in_words(stanza)));
            }
        }
    }
    if typed.is_empty() {
        let hint = "plug the token in, and answer again; 'twinlock token list' shows what is here";
        return Err(told(LOCKED, &missing.join("; "), hint));
    }
    let numbers = chosen(&typed, session)?;
    type_it(request, &numbers, session)
}

/// What can be typed: what a file was given for, if one was.
fn typed<'a>(wanted: &[(u8, &'a Stanza)], session: &Session) -> Vec<(u8, &'a Stanza)> {
    let given = |kind: &str| match kind {
        password::KIND => session.global.password_file.is_some(),
        recovery::KIND => session.global.recovery_file.is_some(),
        _ => false,
    };
    let all: Vec<_> =
        wanted.iter().filter(|(_, stanza)| matches!(role(&stanza.kind), Role::Typed(_))).copied().collect();
    let by_file: Vec<_> = all.iter().filter(|(_, stanza)| given(&stanza.kind)).copied().collect();
    if by_file.is_empty() { all } else { by_file }
}

/// One thing of what can be typed, asked for where there is a choice. A password or code may belong to any factor of its kind; the test
/// factor's prompts name it, so each is a thing of its own.
fn chosen<'a>(all: &[(u8, &'a Stanza)], session: &mut Session) -> Result<Vec<(u8, &'a Stanza)>, CliError> {
    let nameless = |stanza: &Stanza| [password::KIND, recovery::KIND].contains(&stanza.kind.as_str());
    let with = |number: u8, stanza: &Stanza| -> Vec<(u8, &'a Stanza)> {
        let same = |other: &Stanza| other.kind == stanza.kind && nameless(stanza);
        all.iter().filter(|(i, other)| *i == number || same(other)).copied().collect()
    };
    let (first, stanza) = all[0];
    let group = with(first, stanza);
    if group.len() == all.len() {
        return Ok(group);
    }
    ask_which(all, session).map(|(i, stanza)| with(i, stanza))
}

fn ask_which<'a>(all: &[(u8, &'a Stanza)], session: &mut Session) -> Result<(u8, &'a Stanza), CliError> {
    let names: Vec<String> = all.iter().map(|(i, stanza)| format!("{i} ({})", in_words(stanza))).collect();
    let label = format!("Which of these is yours: {}? Its number", names.join(", "));
    let typed = session.prompt.line(&label).map_err(|error| match error {
        PromptError::Nobody { .. } => told(
            USAGE,
            &format!("the request asks for more than one thing: {}", names.join(", ")),
            "say which is yours with --factor NUMBER",
        ),
        error => error.into(),
    })?;
    let number = typed.trim().parse().ok();
    let found = all.iter().find(|(i, _)| Some(*i) == number).copied();
    found.ok_or_else(|| told(USAGE, "that is none of the numbers", "run it again, and type one of the numbers"))
}

/// Types a password or code. What is typed may belong to any of `numbers`, which are of one kind.
fn type_it(
    request: &Request,
    numbers: &[(u8, &Stanza)],
    session: &mut Session,
) -> Result<(Vec<(u8, Mask)>, String), CliError> {
    let [(first, stanza), others @ ..] = numbers else { unreachable!("one at least was chosen") };
    if stanza.kind == password::KIND {
        warn(
            "whoever made the request can test guesses of the password that you type, slowly: it should be one that you use for \
             this keyslot alone",
        );
        super::cost::agree(numbers, session)?;
    }
    let said;
    let secret = 'typed: {
        for _ in 0..ATTEMPTS {
            let ctx = context(request);
            let mut keeping = Keeping { person: session.prompt.as_mut(), said: None };
            let opener = session.openers.of(&stanza.kind);
            let secret = opener.map_or(Ok(None), |opener| opener.open(&ctx, stanza, &mut keeping));
            let Some(secret) = secret.map_err(not_accepted)? else {
                return Err(told(LOCKED, &format!("{} cannot be asked for", in_words(stanza)), ""));
            };
            let typed = keeping.said;
            if stanza.kind != password::KIND || typed_again(typed.as_ref(), session)? {
                said = typed;
                break 'typed secret;
            }
            session.prompt.show(&Event::Mismatch);
        }
        return Err(told(LOCKED, "the password was typed in two ways again and again", "try again, slowly"));
    };
    let mut masks = vec![(*first, mask(request, *first, stanza, &secret))];
    for (i, other) in others {
        let Some(said) = &said else { continue };
        let ctx = context(request);
        let opener = session.openers.of(&other.kind);
        let secret = opener.map_or(Ok(None), |opener| opener.open(&ctx, other, &mut Again::new(said)));
        if let Some(secret) = secret.map_err(not_accepted)? {
            masks.push((*i, mask(request, *i, other, &secret)));
        }
    }
    Ok((masks, in_words(stanza)))
}

/// Nothing here can tell a wrong password, and the answer would be found wrong days later: so a person types it twice.
fn typed_again(said: Option<&crate::secret::SecretText>, session: &mut Session) -> Result<bool, CliError> {
    let ask = Ask::Password { vault: "", keyslot: "" };
    let Some(said) = said.filter(|_| session.prompt.can_retry(&ask)) else { return Ok(true) };
    session.prompt.show(&Event::Note("Nothing here can tell whether that was right."));
    let again = session.prompt.secret(&Ask::RepeatPassword)?;
    Ok(equal(again.expose().as_bytes(), said.expose().as_bytes()))
}

fn context(request: &Request) -> SlotContext<'_> {
    let asked = &request.asked;
    SlotContext {
        vault_id: &asked.wrap.vault_id,
        keyslot_id: &asked.wrap.keyslot_id,
        vault: &asked.vault,
        keyslot: &asked.keyslot,
    }
}

fn open(request: &Request, stanza: &Stanza, session: &mut Session) -> Result<Option<FactorSecret>, FactorError> {
    let opener = session.openers.of(&stanza.kind);
    let mut person = Answering { person: session.prompt.as_mut(), from: &request.asked.from };
    opener.map_or(Ok(None), |opener| opener.open(&context(request), stanza, &mut person))
}

fn mask(request: &Request, number: u8, stanza: &Stanza, secret: &FactorSecret) -> Mask {
    request.asked.mask(number, &stanza.kind, secret)
}

/// Whether a PIN was judged, or the person gave up: nothing else is tried then.
fn judged(error: &FactorError) -> bool {
    use crate::factor::piv::PivError;
    use crate::factor::pkcs11::TokenError;
    matches!(
        error,
        FactorError::Token(TokenError::PinWrong { .. } | TokenError::PinLocked { .. })
            | FactorError::Piv(PivError::PinWrong { .. } | PivError::PinLocked { .. })
            | FactorError::Prompt(PromptError::Cancelled)
    )
}

fn not_accepted(error: FactorError) -> CliError {
    match error {
        FactorError::BadStanza(why) => told(
            DAMAGED,
            &format!("the request asks for something that is not accepted: {why}"),
            "do not answer it: tell whoever sent it",
        ),
        error => error.into(),
    }
}
