//! The person at a window, or at another terminal, where this program has none: asked by `pinentry`, the program with which GnuPG
//! asks. It is told on its standard input (Assuan) what to ask; nothing is in its arguments or its environment.

use super::nobody::tell;
use super::{AnyOf, Ask, Code, Event, NoPrompt, Prompt, PromptError, Question, Waited, line, tty, wait, words};
use crate::encode::terminal;
use crate::secret::SecretText;
use pinentry::{ConfirmationDialog, Error, PassphraseInput, unix};
use secrecy::ExposeSecret;
use std::cell::OnceCell;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use zeroize::Zeroizing;

/// Seconds after which a window closes by itself: nobody is at the machine, and the command must end.
const SECONDS: u16 = 60;
/// How much longer a program may take that does not keep to it.
const GRACE: Duration = Duration::from_secs(5);
/// Bytes of a text at most, as they are sent: the line that carries it must not be longer than 1000.
const TEXT: usize = 900;
/// Columns of a line: pinentry-curses draws a frame around it on 80.
const COLUMNS: usize = 64;
/// How long a token that was put in may take to be seen.
const SEEN: Duration = Duration::from_secs(10);

/// Name of the thread that speaks with it; it panics where the crate stumbles over an answer.
pub const THREAD: &str = "pinentry";

/// Gives the path of the program to start, nothing if there is none, or why the one that the person has named is not used.
pub type Find = Box<dyn Fn() -> Result<Option<PathBuf>, String>>;

/// A person whom the program asks. It is looked for when first needed.
pub struct PinentryPrompt {
    find: Find,
    found: OnceCell<Result<Option<PathBuf>, String>>,
    /// What was wrong with the last answer; stands above the next question.
    wrong: Option<String>,
}

impl PinentryPrompt {
    /// Nothing is looked for yet.
    pub fn new(find: Find) -> Self {
        Self { find, found: OnceCell::new(), wrong: None }
    }

    /// Whether the environment names a display, or a terminal, at which a person may be.
    pub fn reachable() -> bool {
        let named = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        named("DISPLAY") || named("WAYLAND_DISPLAY") || gpg_tty().is_some()
    }

    /// The program, if there is one.
    fn program(&self) -> Result<Option<&Path>, PromptError> {
        match self.found.get_or_init(|| (self.find)()) {
            Ok(program) => Ok(program.as_deref()),
            Err(why) => Err(PromptError::Pinentry(why.clone())),
        }
    }
}

impl Prompt for PinentryPrompt {
    fn secret(&mut self, ask: &Ask<'_>) -> Result<SecretText, PromptError> {
        let Some(program) = self.program()? else { return NoPrompt.secret(ask) };
        // What is typed back was shown on a terminal; and there is one line, not a text.
        if matches!(ask, Ask::RepeatRecoveryCode | Ask::Note { .. }) {
            return NoPrompt.secret(ask);
        }
        let (program, at) = (program.to_owned(), Place::here());
        let (text, label) = (describe(ask), format!("{}:", label(ask)));
        let wrong = self.wrong.take().map(|wrong| fit(&wrong));
        let interact = move || {
            let Some(mut dialog) = PassphraseInput::with_binary(&program) else { return Err(gone()) };
            dialog.with_title("twinlock").with_description(&text).with_prompt(&label).with_timeout(SECONDS);
            if let Some(wrong) = &wrong {
                dialog.with_error(wrong);
            }
            dialog.with_unix_options(at.options()).interact()
        };
        let leave = tty::can_be_left(ask);
        let typed = match dialog(patience(), interact)? {
            Err(Error::Cancelled) if leave => return Err(PromptError::Skipped),
            Err(Error::Cancelled) => return Err(PromptError::Cancelled),
            answer => answer.map_err(failed)?,
        };
        let typed = Zeroizing::new(typed.expose_secret().to_owned());
        match ask {
            _ if typed.len() > line::MAX => Err(PromptError::Unreadable("it is longer than 1024 bytes")),
            _ if typed.contains('\0') => Err(PromptError::Unreadable("it holds a NUL byte")),
            _ if leave && typed.is_empty() => Err(PromptError::Skipped),
            Ask::NewPassword { .. } | Ask::NewItemPassword { .. } if typed.is_empty() => {
                Err(PromptError::Unreadable("it is empty"))
            }
            _ => Ok(SecretText::new(typed)),
        }
    }

    fn confirm(&mut self, question: &Question<'_>) -> Result<bool, PromptError> {
        let Some(program) = self.program()? else { return NoPrompt.confirm(question) };
        let text = words::question(question);
        let text = text.trim_end().trim_end_matches("[y/N]").trim_end_matches("[Y/n]");
        choose(program, fit(text), "Yes", "No")
    }

    /// A line that is seen is not what it is made for.
    fn line(&mut self, label: &str) -> Result<String, PromptError> {
        NoPrompt.line(label)
    }

    /// What needs no answer opens no window: it is told on stderr, which an editor or the log of the session shows.
    fn show(&mut self, event: &Event<'_>) {
        self.wrong = match event {
            Event::WrongSecret { what, .. } => Some(format!("That {} is wrong.", terminal::clean(what, &[]))),
            Event::WrongPin { .. } | Event::MistypedCode { .. } | Event::Mismatch | Event::CodeMismatch(_) => {
                Some(words::event(event))
            }
            _ => self.wrong.take(),
        };
        match (event, &self.wrong) {
            // They speak of keys that are not here.
            (Event::Ways { .. } | Event::EnterWaits { .. }, _) => {}
            (Event::WrongSecret { .. }, Some(wrong)) => tell(&Event::Note(wrong)),
            _ => tell(event),
        }
    }

    /// A token that is to be put in is asked for in a window: it can be left there.
    fn wait(&mut self, event: &Event<'_>, ready: BorrowedFd<'_>, patience: Duration) -> Result<Waited, PromptError> {
        tell(event);
        let Some(program) = self.program()?.filter(|_| matches!(event, Event::Insert { .. })) else {
            return wait::quietly(ready, patience);
        };
        let text = words::event(event);
        let text = format!("{}, then press OK", text.trim_end_matches("; Ctrl-C stops"));
        if !choose(program, fit(&text), "OK", "Cancel")? {
            return Err(PromptError::Skipped);
        }
        wait::quietly(ready, patience.min(SEEN))
    }

    fn is_person(&mut self) -> bool {
        !matches!(self.program(), Ok(None))
    }

    fn can_retry(&self, _: &Ask<'_>) -> bool {
        !matches!(self.program(), Ok(None))
    }
}

/// Asks a question that has two buttons.
fn choose(program: &Path, text: String, yes: &'static str, no: &'static str) -> Result<bool, PromptError> {
    let (program, at) = (program.to_owned(), Place::here());
    let confirm = move || {
        let Some(mut dialog) = ConfirmationDialog::with_binary(&program) else { return Err(gone()) };
        dialog.with_title("twinlock").with_ok(yes).with_cancel(no).with_timeout(SECONDS);
        dialog.with_unix_options(at.options()).confirm(&text)
    };
    match dialog(patience(), confirm) {
        Ok(Err(Error::Cancelled)) => Ok(false),
        answer => answer?.map_err(failed),
    }
}

/// Where the window is to be. The display is in the environment, which the program inherits.
struct Place {
    tty: Option<String>,
    term: String,
}

impl Place {
    fn here() -> Self {
        let term = std::env::var("TERM").ok();
        let term =
            term.filter(|term| !term.is_empty() && term.len() < 80 && term.chars().all(|c| c.is_ascii_graphic()));
        Self { tty: gpg_tty(), term: term.unwrap_or_else(|| "xterm".to_owned()) }
    }

    fn options(&self) -> unix::Options<'_> {
        let options = unix::Options::builder().tty_type(&self.term);
        self.tty.as_deref().into_iter().fold(options, unix::OptionsBuilder::tty_name).build()
    }
}

/// The terminal that `GPG_TTY` names, if it is one: shells set the variable to "not a tty" where there is none.
fn gpg_tty() -> Option<String> {
    let name = std::env::var("GPG_TTY").ok()?;
    let is_device = || std::fs::metadata(&name).is_ok_and(|data| data.file_type().is_char_device());
    (name.starts_with("/dev/") && name.len() < 256 && is_device()).then_some(name)
}

/// What is asked, with names, in a sentence. No token is waited for meanwhile.
fn describe(ask: &Ask<'_>) -> String {
    let text = match *ask {
        Ask::Any { vault, ways } => words::ask(&Ask::Any { vault, ways: AnyOf { token: false, ..ways } }),
        _ => words::ask(ask),
    };
    fit(text.trim_end_matches(": "))
}

/// What stands before the line. No names: an underscore would be taken for a key that leads there.
fn label(ask: &Ask<'_>) -> &'static str {
    match ask {
        Ask::Any { ways, .. } if !ways.password => "Code",
        Ask::Any { ways, .. } if ways.code => "Password or code",
        Ask::Password { .. }
        | Ask::ItemPassword { .. }
        | Ask::NewPassword { .. }
        | Ask::NewItemPassword { .. }
        | Ask::RepeatPassword
        | Ask::Any { .. } => "Password",
        Ask::RecoveryCode { .. } | Ask::RepeatRecoveryCode => "Code",
        Ask::Pin { .. } => Code::Pin.name(),
        Ask::Puk { .. } => Code::Puk.name(),
        Ask::NewCode { code, .. } | Ask::RepeatCode { code } => code.name(),
        Ask::ManagementKey { .. } => "Key",
        Ask::Fake { .. } => "Secret",
        Ask::Field { .. } | Ask::RepeatField | Ask::Note { .. } => "Value",
    }
}

/// The text in lines that fit, and cut where the line that carries it would become too long: the crate ends the program then.
fn fit(text: &str) -> String {
    let (mut out, mut column, mut bytes) = (String::new(), 0, 0);
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if column > 0 {
            let breaks = column + 1 + width > COLUMNS;
            out.push(if breaks { '\n' } else { ' ' });
            bytes += if breaks { 3 } else { 1 };
            column = if breaks { 0 } else { column + 1 };
        }
        for c in word.chars() {
            bytes += if matches!(c, '%' | '\\') { 3 } else { c.len_utf8() };
            if bytes > TEXT {
                out.push('…');
                return out;
            }
            out.push(c);
        }
        column += width;
    }
    out
}

fn patience() -> Duration {
    Duration::from_secs(SECONDS.into()) + GRACE
}

/// Waits for a dialog, and not longer than that: a window may hang, too. One that does ends with this program.
fn dialog<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<Result<T, Error>, PromptError> {
    let (done, answer) = mpsc::sync_channel(1);
    // Who does not wait any more does not get it: it is erased.
    let ask = move || drop(done.send(work()));
    std::thread::Builder::new().name(THREAD.to_owned()).spawn(ask).map_err(PromptError::Io)?;
    answer.recv_timeout(patience).map_err(|error| match error {
        RecvTimeoutError::Timeout => PromptError::Pinentry("'pinentry' does not answer".to_owned()),
        RecvTimeoutError::Disconnected => PromptError::Pinentry("'pinentry' answers what it should not".to_owned()),
    })
}

fn gone() -> Error {
    Error::Io(std::io::ErrorKind::NotFound.into())
}

/// Why there is no answer. What the program has sent amiss is not repeated: it may be the secret.
fn failed(error: Error) -> PromptError {
    PromptError::Pinentry(match error {
        Error::Timeout => format!("nobody has answered 'pinentry' in {SECONDS} seconds"),
        Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            "'pinentry' ended, or answers what it should not".to_owned()
        }
        Error::Io(error) => format!("'pinentry' cannot be started: {error}"),
        Error::Gpg(error) => format!("'pinentry' cannot ask (error {} of GnuPG)", error.code()),
        Error::Encoding(_) => return PromptError::Unreadable("it is not UTF-8 text"),
        Error::Cancelled => return PromptError::Cancelled,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Tries;
    use super::*;

    #[test]
    fn a_pin_is_asked_for_with_the_token_and_its_tries() {
        let ask = Ask::Pin { token: "YubiKey 1 (ada)", tries: Tries::Exactly(2), vouched: true };
        assert_eq!((&*describe(&ask), label(&ask)), ("PIN of token 'YubiKey 1 (ada)' (2 tries left)", "PIN"));
    }

    #[test]
    fn no_token_is_asked_for_where_none_is_waited_for() {
        let ways = AnyOf { password: true, code: false, token: true };
        assert_eq!(describe(&Ask::Any { vault: "v", ways }), "Password for vault 'v'");
    }

    #[test]
    fn no_text_is_too_long_to_be_sent() {
        for text in ["x".repeat(2000), "% ".repeat(2000), "\u{10348}\\".repeat(2000)] {
            let fitted = fit(&text);
            let sent: usize = fitted.chars().map(|c| if "%\n\\".contains(c) { 3 } else { c.len_utf8() }).sum();
            assert!(sent < 950 && fitted.ends_with('…'), "{sent}");
        }
        assert_eq!(fit("short"), "short");
        assert!(fit(&"word ".repeat(40)).lines().all(|line| line.chars().count() <= COLUMNS));
    }

    /// Asked by the program that answers from a file.
    fn scripted(folder: &Path, answers: &str) -> PinentryPrompt {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/pinentry.sh");
        // Copied by another process: a file that this one had open while another thread forks could not be started.
        let install = std::process::Command::new("install").args(["-m", "755", script]).arg(folder).status();
        assert!(install.unwrap().success());
        std::fs::write(folder.join("answers"), answers).unwrap();
        let program = folder.join("pinentry.sh");
        PinentryPrompt::new(Box::new(move || Ok(Some(program.clone()))))
    }

    #[test]
    fn a_token_is_waited_for_in_a_window_that_can_be_left() {
        use std::os::fd::AsFd;
        let folder = tempfile::tempdir().unwrap();
        let mut prompt = scripted(folder.path(), "OK\nERR 83886179 cancelled\n");
        let (reader, writer) = std::io::pipe().unwrap();
        let tokens = ["YubiKey 1 (ada)".to_owned()];
        let insert = Event::Insert { tokens: &tokens, vault: "v" };
        drop(writer);
        let day = Duration::from_secs(86_400);
        assert_eq!(prompt.wait(&insert, reader.as_fd(), day).unwrap(), Waited::Ready);
        assert!(matches!(prompt.wait(&insert, reader.as_fd(), day), Err(PromptError::Skipped)));
        let touch = Event::Slow { token: "t" };
        assert_eq!(prompt.wait(&touch, reader.as_fd(), day).unwrap(), Waited::Ready, "a touch opens no window");
        let asked = std::fs::read_to_string(folder.path().join("asked")).unwrap();
        assert_eq!(asked.matches("CONFIRM").count(), 2, "{asked}");
        assert!(asked.contains("SETDESC Insert YubiKey 1 (ada) to unlock 'v', then press OK\n"), "{asked}");
    }

    #[test]
    fn a_wrong_pin_stands_above_the_next_question() {
        let folder = tempfile::tempdir().unwrap();
        let mut prompt = scripted(folder.path(), "D 123456\n");
        prompt.show(&Event::WrongPin { token: "ada", tries: Tries::Exactly(2) });
        let ask = Ask::Pin { token: "ada", tries: Tries::Exactly(2), vouched: true };
        assert_eq!(prompt.secret(&ask).unwrap().expose(), "123456");
        let asked = std::fs::read_to_string(folder.path().join("asked")).unwrap();
        assert!(asked.contains("SETERROR That is not the PIN of token 'ada'; 2 tries are left.\n"), "{asked}");
        assert!(asked.contains("SETDESC PIN of token 'ada' (2 tries left)\nSETERROR"), "{asked}");
    }

    #[test]
    fn a_dialog_that_hangs_is_left() {
        let (_open, never) = mpsc::channel::<()>();
        let hung = dialog(Duration::from_millis(10), move || never.recv().map_err(|_| gone()));
        assert_eq!(hung.err().unwrap().to_string(), "nobody could be asked: 'pinentry' does not answer");
        assert!(dialog(patience(), || Ok(7)).is_ok_and(|answer| answer.is_ok_and(|seven| seven == 7)));
    }
}
