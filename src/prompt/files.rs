//! Secrets from files, for scripts: the first line of what `--password-file` and its like name; all else goes to the person.

use super::{Ask, Came, Event, Prompt, PromptError, Question, Waited};
use crate::secret::SecretText;
use rustix::io::retry_on_intr;
use rustix::termios::isatty;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// Bytes of the longest first line.
const MAX: usize = 1024;

/// Where secrets come from: a path each, `-` for stdin, `/dev/fd/N` for an open file.
#[derive(Default)]
pub struct Sources {
    /// `--password-file`.
    pub password: Option<PathBuf>,
    /// `--new-password-file`.
    pub new_password: Option<PathBuf>,
    /// `--recovery-file`.
    pub recovery: Option<PathBuf>,
    /// `--pin-file`.
    pub pin: Option<PathBuf>,
    /// `--puk-file`.
    pub puk: Option<PathBuf>,
    /// `--new-pin-file`.
    pub new_pin: Option<PathBuf>,
    /// `--new-puk-file`.
    pub new_puk: Option<PathBuf>,
    /// `--management-key-file`.
    pub management_key: Option<PathBuf>,
}

/// Two secrets are to come from the same open file, of which only one can have the first line. Which one would depend on the
/// order of questions, and a PIN sent as a password costs a try; so it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StdinTwice {
    /// The first flag that names it.
    pub first: &'static str,
    /// The second one.
    pub second: &'static str,
}

impl std::fmt::Display for StdinTwice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "'{}' and '{}' cannot both read the same stream", self.first, self.second)
    }
}

impl std::error::Error for StdinTwice {}

/// A prompt that answers from files what it has a file for, and passes on the rest.
pub struct FilePrompt<P> {
    inner: P,
    sources: Vec<Source>,
    /// The token that asked first for a PIN. The file's PIN is for that one: sent to another, it would cost one of its tries.
    pin_for: Option<String>,
}

impl<P: Prompt> FilePrompt<P> {
    /// Nothing is read yet.
    pub fn new(inner: P, sources: Sources) -> Result<Self, StdinTwice> {
        let given = [
            ("--password-file", sources.password),
            ("--new-password-file", sources.new_password),
            ("--recovery-file", sources.recovery),
            ("--pin-file", sources.pin),
            ("--puk-file", sources.puk),
            ("--new-pin-file", sources.new_pin),
            ("--new-puk-file", sources.new_puk),
            ("--management-key-file", sources.management_key),
        ];
        let mut sources: Vec<Source> = Vec::new();
        for (flag, path) in given {
            let Some(path) = path else { continue };
            let stream = stream(&path);
            if let Some(other) = sources.iter().find(|other| stream.is_some() && other.stream == stream) {
                return Err(StdinTwice { first: other.flag, second: flag });
            }
            sources.push(Source { flag, path, stream, line: None });
        }
        Ok(Self { inner, sources, pin_for: None })
    }

    /// Which source answers, if one does: the one whose flag would have been named if nobody were there.
    fn place(&self, ask: &Ask<'_>) -> Option<usize> {
        match ask {
            // Typing a new code back proves that a person kept it, which no file can.
            Ask::RepeatRecoveryCode => return None,
            Ask::Pin { token, .. } if self.pin_for.as_deref().is_some_and(|first| first != *token) => return None,
            _ => {}
        }
        let (_, flag) = ask.nobody();
        self.sources.iter().position(|source| Some(source.flag) == flag)
    }
}

impl<P: Prompt> Prompt for FilePrompt<P> {
    fn secret(&mut self, ask: &Ask<'_>) -> Result<SecretText, PromptError> {
        let Some(place) = self.place(ask) else {
            return self.inner.secret(ask).map_err(|error| match (ask, error, &self.pin_for) {
                (Ask::Pin { token, .. }, PromptError::Nobody { .. }, Some(first)) => {
                    PromptError::PinUsed { first: first.clone(), this: (*token).to_owned() }
                }
                (_, error, _) => error,
            });
        };
        if let Ask::Pin { token, vouched, .. } = ask {
            if !vouched {
                return Err(PromptError::Withheld);
            }
            self.pin_for = Some((*token).to_owned());
        }
        self.sources[place].answer(&mut self.inner)
    }

    fn secret_or(&mut self, ask: &Ask<'_>, ready: BorrowedFd<'_>) -> Result<Came, PromptError> {
        match self.place(ask) {
            Some(_) => self.secret(ask).map(Came::Typed),
            None => self.inner.secret_or(ask, ready),
        }
    }

    fn confirm(&mut self, question: &Question<'_>) -> Result<bool, PromptError> {
        self.inner.confirm(question)
    }

    fn line(&mut self, label: &str) -> Result<String, PromptError> {
        self.inner.line(label)
    }

    fn show(&mut self, event: &Event<'_>) {
        self.inner.show(event);
    }

    fn wait(&mut self, event: &Event<'_>, ready: BorrowedFd<'_>, patience: Duration) -> Result<Waited, PromptError> {
        self.inner.wait(event, ready, patience)
    }

    fn is_person(&mut self) -> bool {
        self.inner.is_person()
    }

    fn can_retry(&self, ask: &Ask<'_>) -> bool {
        self.place(ask).is_none() && self.inner.can_retry(ask)
    }
}

/// The number of an open file, if the path is a name of one.
fn stream(path: &Path) -> Option<u32> {
    let path = path.to_str()?;
    if path == "-" || path == "/dev/stdin" {
        return Some(0);
    }
    path.strip_prefix("/dev/fd/").or_else(|| path.strip_prefix("/proc/self/fd/"))?.parse().ok()
}

/// One file, and what it said. A failure is kept as well: to read a stream again would take its second line for the secret.
struct Source {
    flag: &'static str,
    path: PathBuf,
    stream: Option<u32>,
    line: Option<Result<Zeroizing<String>, (ErrorKind, String)>>,
}

impl Source {
    /// Its first line, read once and given as often as asked for: several keyslots may have the same password.
    fn answer(&mut self, person: &mut dyn Prompt) -> Result<SecretText, PromptError> {
        let path = &self.path;
        let line =
            self.line.get_or_insert_with(|| read(path, person).map_err(|error| (error.kind(), error.to_string())));
        match line {
            Ok(line) => Ok(SecretText::new(line.clone())),
            Err((kind, text)) => {
                let error = io::Error::new(*kind, text.clone());
                Err(PromptError::File { path: path.display().to_string(), error })
            }
        }
    }
}

/// The first line of a file, FIFO or stream.
fn read(path: &Path, person: &mut dyn Prompt) -> io::Result<Zeroizing<String>> {
    if path.as_os_str() == "-" {
        return first_line(rustix::stdio::stdin());
    }
    let file = File::open(path)?;
    warn_if_exposed(path, &file, person)?;
    first_line(file.as_fd())
}

/// Tells a person of a file with a secret in it that others may read or change.
pub fn warn_if_exposed(path: &Path, file: &File, person: &mut dyn Prompt) -> io::Result<()> {
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.permissions().mode() & others(path, &metadata) != 0 {
        let path = path.display();
        let text = format!("others on this machine may read '{path}'; make it yours alone with: chmod 600 '{path}'");
        person.show(&Event::Warning(&text));
    }
    Ok(())
}

/// The permissions that nobody else should have. systemd lets a service read a credential that is root's by an access list, whose mask stands
/// where the group's permissions are (acl(5)): there it may be read, and not written.
fn others(path: &Path, metadata: &std::fs::Metadata) -> u32 {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|folder| Path::new(folder).is_absolute());
    let of_root = credentials.is_some_and(|folder| path.starts_with(folder)) && metadata.uid() == 0;
    if of_root { 0o037 } else { 0o077 }
}

/// Up to the first line end or the end of the file, byte by byte: what follows in a stream belongs to somebody else (the
/// command of `run`), and a buffered reader would keep a copy of the secret that nobody erases.
fn first_line(fd: BorrowedFd<'_>) -> io::Result<Zeroizing<String>> {
    let unusable = |why: &str| Err(io::Error::new(ErrorKind::InvalidData, why));
    if isatty(fd) {
        return unusable("it is a terminal, where the secret would be seen; leave the option out to be asked for it");
    }
    let mut line = Zeroizing::new(Vec::with_capacity(MAX + 1));
    let mut byte = Zeroizing::new([0_u8]);
    while retry_on_intr(|| rustix::io::read(fd, &mut *byte))? == 1 && byte[0] != b'\n' {
        if line.len() > MAX {
            return unusable("its first line is longer than 1024 bytes");
        }
        line.push(byte[0]);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    if line.len() > MAX {
        return unusable("its first line is longer than 1024 bytes");
    }
    if line.is_empty() {
        return unusable("its first line is empty");
    }
    if line.contains(&0) {
        return unusable("its first line holds a NUL byte");
    }
    match String::from_utf8(std::mem::take(&mut *line)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            unusable("its first line is not UTF-8 text")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{NoPrompt, ScriptedPrompt, Tries};
    use std::fs;
    use std::io::Write;

    const PASSWORD: Ask<'_> = Ask::Password { vault: "v", keyslot: "k" };
    const NEW: Ask<'_> = Ask::NewPassword { vault: "v", keyslot: "k" };
    const CODE: Ask<'_> = Ask::RecoveryCode { vault: "v", keyslot: "k" };

    /// A file only its owner may read.
    fn file(folder: &tempfile::TempDir, name: &str, content: &[u8]) -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn password(path: PathBuf) -> Result<String, String> {
        let mut nobody = NoPrompt;
        let mut prompt = FilePrompt::new(&mut nobody, Sources { password: Some(path), ..Sources::default() }).unwrap();
        prompt.secret(&PASSWORD).map(|text| text.expose().to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_line_without_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let full = [b'x'; MAX];
        let cases: [(&[u8], &str); 7] = [
            (b"pass word", "pass word"),
            (b"pass\n", "pass"),
            (b"pass\r\nnext", "pass"),
            (b" pass\t \nnext\n", " pass\t "),
            (b"pa\rss\n", "pa\rss"),
            ("pässwörd\n".as_bytes(), "pässwörd"),
            (&[&full[..], b"\r\n"].concat(), std::str::from_utf8(&full).unwrap()),
        ];
        for (content, expected) in cases {
            assert_eq!(password(file(&folder, "pw", content)).unwrap(), expected);
        }
    }

    #[test]
    fn what_cannot_be_used_names_the_file_and_not_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let long = [b'x'; MAX + 1];
        let cases: [(&[u8], &str); 6] = [
            (b"", "its first line is empty"),
            (b"\nsecret\n", "its first line is empty"),
            (b"\r\n", "its first line is empty"),
            (b"sec\0ret", "its first line holds a NUL byte"),
            (b"secret\xff", "its first line is not UTF-8 text"),
            (&long, "its first line is longer than 1024 bytes"),
        ];
        for (content, why) in cases {
            let path = file(&folder, "pw", content);
            assert_eq!(password(path.clone()).unwrap_err(), format!("cannot read '{}': {why}", path.display()));
        }
        let missing = folder.path().join("missing");
        assert!(
            password(missing.clone())
                .unwrap_err()
                .starts_with(&format!("cannot read '{}': No such", missing.display()))
        );
        assert!(password(folder.path().to_owned()).unwrap_err().contains("Is a directory"));
    }

    #[test]
    fn each_kind_from_its_own_file_and_the_rest_from_the_person() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| Some(file(&folder, name, name.as_bytes()));
        let mut person =
            ScriptedPrompt::new().types("typed PIN").types("typed back").types("field").says(true).writes("a line");
        let sources = Sources {
            password: path("old"),
            new_password: path("new"),
            recovery: path("code"),
            pin: path("1234"),
            ..Sources::default()
        };
        let mut prompt = FilePrompt::new(&mut person, sources).unwrap();
        let pin = Ask::Pin { token: "t", tries: Tries::Full, vouched: true };
        let cases = [(PASSWORD, "old"), (NEW, "new"), (Ask::RepeatPassword, "new"), (CODE, "code"), (pin, "1234")];
        for (ask, expected) in cases {
            assert_eq!(prompt.secret(&ask).unwrap().expose(), expected);
            assert!(!prompt.can_retry(&ask));
        }
        let other = Ask::Pin { token: "other", tries: Tries::Full, vouched: true };
        assert_eq!(prompt.secret(&other).unwrap().expose(), "typed PIN", "the file's PIN is not sent to another token");
        assert!(prompt.can_retry(&other));
        assert_eq!(prompt.secret(&Ask::RepeatRecoveryCode).unwrap().expose(), "typed back");
        assert!(prompt.can_retry(&Ask::RepeatRecoveryCode));
        assert_eq!(prompt.secret(&Ask::Field { item: "i", field: "f" }).unwrap().expose(), "field");
        assert!(prompt.confirm(&Question::Plain("Go on?")).unwrap());
        assert_eq!(prompt.line("Name").unwrap(), "a line");
        person.finish();
    }

    #[test]
    fn without_a_file_the_person_is_asked_and_may_try_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut person = ScriptedPrompt::new().types("typed");
        let sources = Sources { pin: Some(file(&folder, "pin", b"1234")), ..Sources::default() };
        let mut prompt = FilePrompt::new(&mut person, sources).unwrap();
        assert!(prompt.can_retry(&PASSWORD));
        assert_eq!(prompt.secret(&PASSWORD).unwrap().expose(), "typed");
    }

    #[test]
    fn a_pin_is_not_for_a_token_that_the_vault_file_alone_names() {
        let folder = tempfile::tempdir().unwrap();
        let mut person = ScriptedPrompt::new();
        let sources = Sources { pin: Some(file(&folder, "pin", b"1234")), ..Sources::default() };
        let mut prompt = FilePrompt::new(&mut person, sources).unwrap();
        let stray = Ask::Pin { token: "stray", tries: Tries::Full, vouched: false };
        assert!(matches!(prompt.secret(&stray), Err(PromptError::Withheld)));
        assert!(!prompt.can_retry(&stray));
        let mine = Ask::Pin { token: "mine", tries: Tries::Full, vouched: true };
        assert_eq!(prompt.secret(&mine).unwrap().expose(), "1234", "the stray one was not the first to ask");
    }

    #[test]
    fn a_file_is_read_once_and_its_failure_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, "pw", b"first");
        let mut nobody = NoPrompt;
        let mut prompt =
            FilePrompt::new(&mut nobody, Sources { password: Some(path.clone()), ..Sources::default() }).unwrap();
        assert_eq!(prompt.secret(&PASSWORD).unwrap().expose(), "first");
        fs::write(&path, "second").unwrap();
        assert_eq!(prompt.secret(&PASSWORD).unwrap().expose(), "first");
        fs::write(&path, "").unwrap();
        let mut prompt =
            FilePrompt::new(&mut nobody, Sources { password: Some(path.clone()), ..Sources::default() }).unwrap();
        assert!(prompt.secret(&PASSWORD).is_err());
        fs::write(&path, "second").unwrap();
        assert!(prompt.secret(&PASSWORD).is_err());
    }

    #[test]
    fn a_file_others_may_read_is_warned_about_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, "pw", b"secret");
        for (mode, warnings) in [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let mut person = ScriptedPrompt::new();
            let sources = Sources { password: Some(path.clone()), ..Sources::default() };
            let mut prompt = FilePrompt::new(&mut person, sources).unwrap();
            for _ in 0..2 {
                assert_eq!(prompt.secret(&PASSWORD).unwrap().expose(), "secret");
            }
            assert_eq!(person.transcript().matches("chmod 600").count(), warnings, "{mode:o}");
            assert!(!person.transcript().contains("secret"));
        }
    }

    #[test]
    fn a_fifo_and_an_open_file_give_one_line_each() {
        use std::os::fd::AsRawFd;
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"one\ntwo\n").unwrap();
        let path = PathBuf::from(format!("/dev/fd/{}", reader.as_raw_fd()));
        assert_eq!(password(path.clone()).unwrap(), "one");
        assert_eq!(password(path).unwrap(), "two", "nothing beyond the line is taken");

        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
        let path = fifo.clone();
        let writer = std::thread::spawn(move || fs::write(path, "from the fifo\n").unwrap());
        assert_eq!(password(fifo).unwrap(), "from the fifo");
        writer.join().unwrap();
    }

    #[test]
    fn one_stream_for_two_secrets_is_refused() {
        for (one, two) in [("-", "-"), ("-", "/dev/stdin"), ("/dev/fd/0", "-"), ("/dev/fd/7", "/proc/self/fd/7")] {
            let mut nobody = NoPrompt;
            let sources = Sources { password: Some(one.into()), pin: Some(two.into()), ..Sources::default() };
            let error = FilePrompt::new(&mut nobody, sources).err().unwrap();
            assert_eq!(error.to_string(), "'--password-file' and '--pin-file' cannot both read the same stream");
        }
        let mut nobody = NoPrompt;
        let same = Sources { password: Some("a".into()), new_password: Some("a".into()), ..Sources::default() };
        assert!(FilePrompt::new(&mut nobody, same).is_ok());
    }
}
