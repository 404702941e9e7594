//! The person at the controlling terminal. Everything is asked and told there, so that stdout and stdin stay the program's data.

use super::code::{Enter, enter, progress};
use super::line::{Line, Step};
use super::nobody::tell;
use super::raw::{Input, Raw, hung_up};
use super::signals::{Call, Signals, end_by};
use super::{AnyOf, Ask, Came, Event, NoPrompt, Prompt, PromptError, Purpose, Question, Waited, wait, words};
use crate::secret::SecretText;
use rustix::process::{Signal, getpgrp, kill_current_process_group};
use rustix::termios::tcgetpgrp;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::BorrowedFd;
use std::time::Duration;
use zeroize::Zeroizing;

/// Goes to the start of the line and erases it (ECMA-48 EL).
const ERASE_LINE: &str = "\r\u{1b}[K";

/// Said when a token came while something was typed. Whoever looks at the keys types on, and the rest must not become a PIN, which
/// would cost a try: so everything up to Enter is swallowed.
const NOT_USED: &str = "\nA token came: what was typed is not used. Press Enter to go on.";

/// What is seen of what is typed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Echo {
    /// Nothing.
    None,
    /// All of it.
    Text,
    /// All of it, line by line.
    Lines,
    /// The group of a recovery code that is being typed.
    Group,
    /// Of a recovery code only which group is being typed.
    GroupUnseen,
}

impl Echo {
    /// Whether a recovery code is typed.
    fn is_code(self) -> bool {
        matches!(self, Self::Group | Self::GroupUnseen)
    }
}

/// A person at `/dev/tty`, which is opened when first needed. Without a controlling terminal nobody is there.
pub struct TtyPrompt {
    tty: Option<File>,
    can_erase: bool,
}

impl Default for TtyPrompt {
    fn default() -> Self {
        Self::new()
    }
}

impl TtyPrompt {
    /// Nothing is opened yet. A terminal that cannot erase a line gets each line once.
    pub fn new() -> Self {
        let can_erase = std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
        Self { tty: None, can_erase }
    }

    /// The same; `plain`: each line is written once on any terminal, and nothing moves: for a screen reader.
    pub fn plain(plain: bool) -> Self {
        let prompt = Self::new();
        Self { can_erase: prompt.can_erase && !plain, ..prompt }
    }

    /// Whether there is a controlling terminal.
    pub fn available() -> bool {
        Self::new().tty().is_some()
    }

    /// The terminal, if there is one.
    fn tty(&mut self) -> Option<&File> {
        if self.tty.is_none() {
            // Whatever keeps it from being opened (no terminal, no device file, no permission), nobody can be asked there.
            self.tty = File::options().read(true).write(true).open("/dev/tty").ok();
        }
        self.tty.as_ref()
    }

    /// Asks for a secret, and waits for `ready` beside it.
    fn asked(&mut self, ask: &Ask<'_>, ready: Option<BorrowedFd<'_>>) -> Result<Came, PromptError> {
        let echo = self.echo(ask);
        let leave = can_be_left(ask);
        let Some(tty) = self.tty() else { return NoPrompt.secret(ask).map(Came::Typed) };
        let Some(text) = converse(tty, &words::ask(ask), Manner { echo, leave, ready })? else {
            return Ok(Came::Ready);
        };
        match ask {
            _ if leave && text.is_empty() => Err(PromptError::Skipped),
            Ask::NewPassword { .. } | Ask::NewItemPassword { .. } if text.is_empty() => {
                Err(PromptError::Unreadable("it is empty"))
            }
            _ => Ok(Came::Typed(SecretText::new(text))),
        }
    }

    /// How a secret is echoed. A terminal that cannot erase the code afterwards does not get to see it.
    fn echo(&self, ask: &Ask<'_>) -> Echo {
        match ask {
            Ask::RecoveryCode { .. }
            | Ask::RepeatRecoveryCode
            | Ask::Any { ways: AnyOf { password: false, .. }, .. } => {
                if self.can_erase {
                    Echo::Group
                } else {
                    Echo::GroupUnseen
                }
            }
            Ask::Note { .. } => Echo::Lines,
            _ => Echo::None,
        }
    }
}

/// Whether Esc, or Enter alone, leads to something else.
pub(super) fn can_be_left(ask: &Ask<'_>) -> bool {
    matches!(
        ask,
        Ask::Password { .. }
            | Ask::ItemPassword { .. }
            | Ask::Any { .. }
            | Ask::RecoveryCode { .. }
            | Ask::Pin { .. }
            | Ask::Puk { .. }
            | Ask::ManagementKey { .. }
            | Ask::Fake { .. }
    )
}

impl Prompt for TtyPrompt {
    fn secret(&mut self, ask: &Ask<'_>) -> Result<SecretText, PromptError> {
        match self.asked(ask, None)? {
            Came::Typed(text) => Ok(text),
            Came::Ready => unreachable!("nothing was waited for"),
        }
    }

    fn secret_or(&mut self, ask: &Ask<'_>, ready: BorrowedFd<'_>) -> Result<Came, PromptError> {
        self.asked(ask, Some(ready))
    }

    fn confirm(&mut self, question: &Question<'_>) -> Result<bool, PromptError> {
        let Some(tty) = self.tty() else { return NoPrompt.confirm(question) };
        let mut text = words::question(question);
        loop {
            let answer = in_sight(tty, &text)?;
            match answer.trim().to_lowercase().as_str() {
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                "" => return Ok(question.default_answer()),
                _ => text = words::yes_or_no(question),
            }
        }
    }

    fn line(&mut self, label: &str) -> Result<String, PromptError> {
        let Some(tty) = self.tty() else { return NoPrompt.line(label) };
        Ok(in_sight(tty, &words::label(label))?.to_string())
    }

    fn show(&mut self, event: &Event<'_>) {
        let Some(mut tty) = self.tty() else { return tell(event) };
        // Nobody waits for it; a terminal that cannot be written to has no better place to say so.
        let _ = writeln!(tty, "{}", words::wrap(&words::event(event)));
    }

    fn wait(&mut self, event: &Event<'_>, ready: BorrowedFd<'_>, patience: Duration) -> Result<Waited, PromptError> {
        let erase = self.can_erase;
        // In the background the terminal belongs to somebody else: it is told, and nothing is swallowed.
        match self.tty() {
            Some(tty) if tcgetpgrp(tty).is_ok_and(|front| front == getpgrp()) => {
                let leave = matches!(event, Event::Insert { .. } | Event::Touch { purpose: Purpose::Unlock(_), .. });
                let text = words::wrap(&words::event(event));
                wait::wait(tty, &wait::Wait { text: &text, ready, patience, erase, leave })
            }
            _ => NoPrompt.wait(event, ready, patience),
        }
    }

    fn is_person(&mut self) -> bool {
        self.tty().is_some()
    }

    fn can_retry(&self, _: &Ask<'_>) -> bool {
        true
    }
}

/// How a line is taken.
#[derive(Clone, Copy)]
struct Manner<'a> {
    echo: Echo,
    /// Esc leaves it.
    leave: bool,
    /// Ends it, too, when it can be read.
    ready: Option<BorrowedFd<'a>>,
}

/// Asks for a line that is seen.
fn in_sight(tty: &File, question: &str) -> Result<Zeroizing<String>, PromptError> {
    let manner = Manner { echo: Echo::Text, leave: false, ready: None };
    converse(tty, question, manner)?.ok_or_else(|| unreachable!("nothing was waited for"))
}

/// Asks and reads one line; none if what is waited for came before. The terminal is restored before a signal that came meanwhile takes
/// effect.
fn converse(tty: &File, question: &str, manner: Manner<'_>) -> Result<Option<Zeroizing<String>>, PromptError> {
    let mut signals = Signals::hold().map_err(PromptError::Io)?;
    let new = if manner.echo == Echo::Lines { Line::text_of_lines } else { Line::new };
    let mut line = new();
    let (typed, call) = loop {
        let left = Raw::enter(tty).and_then(|mut raw| type_line(&mut raw, &mut signals, &mut line, question, manner));
        // The terminal is restored here.
        let pause = matches!(left, Ok(Left::Call(Call::Stop | Call::Redraw)));
        // What is not seen cannot be gone on with; a text can.
        if pause && manner.echo != Echo::Lines {
            line = new();
        }
        match left {
            Ok(Left::Done) => break (line.finish().map(Some), None),
            Ok(Left::Ready) => break (Ok(None), None),
            Ok(Left::Skipped) => break (Err(PromptError::Skipped), None),
            Ok(Left::Cancelled) => break (Err(PromptError::Cancelled), None),
            Ok(Left::Call(Call::End(signal))) => break (Err(PromptError::Cancelled), Some(Call::End(signal))),
            Ok(Left::Call(Call::Stop)) => {
                if let Some(call) = signals.stop() {
                    break (Err(PromptError::Cancelled), Some(call));
                }
            }
            Ok(Left::Call(Call::Redraw)) => {}
            // The system wakes who it hangs up on (SIGCONT), and then the first thing tried fails.
            Err(_) if hung_up(tty) => break (Err(PromptError::Cancelled), None),
            Err(error) => break (Err(PromptError::Io(error)), None),
        }
    };
    if let Some(Call::End(signal)) = call.or(signals.release()) {
        drop(typed);
        end_by(signal);
        return Err(PromptError::Cancelled);
    }
    typed
}

/// Why the raw mode was left.
enum Left {
    /// Enter.
    Done,
    /// What was waited for came first.
    Ready,
    /// Esc.
    Skipped,
    /// The person gave up, or the terminal is gone.
    Cancelled,
    /// A signal came.
    Call(Call),
}

/// Shows the question and takes keys until the line ends one way or another.
fn type_line(
    raw: &mut Raw<'_>,
    signals: &mut Signals,
    line: &mut Line,
    question: &str,
    manner: Manner<'_>,
) -> io::Result<Left> {
    let echo = manner.echo;
    raw.write(question)?;
    if echo.is_code() {
        raw.write("\n")?;
        raw.write(&progress("", true, false))?;
    }
    if echo == Echo::Lines {
        raw.write(line.text())?;
    }
    let left = take_keys(raw, signals, line, manner)?;
    // A terminal that is gone cannot be tidied, and that is no reason to lose what the person did before.
    let _ = raw.write(match echo {
        Echo::Group => ERASE_LINE,
        Echo::Lines if line.at_start() => "",
        _ => "\n",
    });
    Ok(left)
}

/// Takes keys until one ends the line, or something else does.
fn take_keys(raw: &mut Raw<'_>, signals: &mut Signals, line: &mut Line, manner: Manner<'_>) -> io::Result<Left> {
    let Manner { echo, leave, mut ready } = manner;
    // What is typed is swallowed up to Enter.
    let mut late = false;
    let mut bytes = Zeroizing::new([0_u8; 64]);
    loop {
        let count = match raw.read(&mut *bytes, signals.readable(), ready, line.escape_pending())? {
            Input::Bytes(count) => count,
            Input::HungUp => return Ok(Left::Cancelled),
            Input::Ready if line.is_empty() && !line.escape_pending() => return Ok(Left::Ready),
            Input::Ready => {
                (late, ready) = (true, None);
                *line = Line::new();
                raw.write(if echo == Echo::Group { ERASE_LINE } else { "" })?;
                raw.write(NOT_USED)?;
                continue;
            }
            Input::Quiet => {
                if line.end_escape() && leave && !late {
                    return Ok(Left::Skipped);
                }
                continue;
            }
            Input::Other => {
                line.end_escape();
                match signals.take() {
                    // What is typed already must not be lost for a wake-up that changed nothing.
                    Some(Call::Redraw) if raw.holds()? => continue,
                    Some(call) => return Ok(Left::Call(call)),
                    None => continue,
                }
            }
        };
        for byte in &bytes[..count] {
            let step = line.push(*byte);
            match step {
                Step::Done if late => return Ok(Left::Ready),
                Step::Done if !echo.is_code() => return Ok(Left::Done),
                Step::Done => match enter(line.text()) {
                    Enter::Done => return Ok(Left::Done),
                    end => show_enter(raw, line, echo, end)?,
                },
                Step::Cancelled => return Ok(Left::Cancelled),
                // Everything that runs in the same job stops too, as it does for a Ctrl-Z that the terminal sees.
                Step::Suspended => kill_current_process_group(Signal::TSTP)?,
                _ if late => {
                    line.clear();
                }
                _ => show_step(raw, line, echo, step, *byte)?,
            }
        }
    }
}

/// Goes on to the next group of a code, or says that this one is not whole. Where it is not seen it is typed again from its start.
fn show_enter(raw: &mut Raw<'_>, line: &mut Line, echo: Echo, end: Enter) -> io::Result<()> {
    let seen = echo == Echo::Group;
    let short = matches!(end, Enter::Short(_));
    match end {
        Enter::Short(characters) if !seen => line.take_back(characters),
        Enter::Next => line.separate(),
        _ => {}
    }
    raw.write(if seen { ERASE_LINE } else { "\n" })?;
    raw.write(&progress(line.text(), seen, short))
}

/// Shows what a key did.
fn show_step(raw: &mut Raw<'_>, line: &Line, echo: Echo, step: Step, byte: u8) -> io::Result<()> {
    match (step, echo) {
        (Step::Refused, _) => raw.write("\u{7}"),
        (Step::Typed | Step::Erased(_), Echo::Group) => {
            raw.write(ERASE_LINE)?;
            raw.write(&progress(line.text(), true, false))
        }
        (Step::NextLine, _) => raw.write("\n"),
        (Step::Typed, Echo::Text | Echo::Lines) => raw.write_byte(if byte == b'\t' { b' ' } else { byte }),
        (Step::Erased(count), Echo::Text | Echo::Lines) => raw.write(&"\u{8} \u{8}".repeat(count)),
        _ => Ok(()),
    }
}
