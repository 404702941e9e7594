//! The other end: starts the helper process, asks it, and ends it when it does not answer in time.
//!
//! The helper gets the person's environment, since modules are configured by it (`SOFTHSM2_CONF`, `KRYOPTIC_CONF`, `TPM2_*`, `P11_KIT_*`
//! and each vendor's own), without `TWINLOCK_*`. Its arguments hold nothing of the vault.

mod watch;

pub use watch::TokenWatch;

use super::error::TokenError;
use super::info::ModuleInfo;
use super::module::Module;
use super::protocol::{self, Failure, HEAD_LEN, MAX_REQUEST, MAX_RESPONSE, Request, Response};
use crate::prompt::{Event, Prompt, PromptError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How to start the helper: this program again, with the hidden subcommand.
#[derive(Clone, Debug)]
pub struct HelperCommand {
    /// The program; in the command line `std::env::current_exe()`.
    pub exe: PathBuf,
    /// Its arguments: `["pkcs11-helper"]`.
    pub args: Vec<OsString>,
}

impl HelperCommand {
    /// A process that waits for its module.
    fn spawn(&self) -> io::Result<Child> {
        self.command().spawn()
    }

    fn command(&self) -> Command {
        let mut spawn = Command::new(&self.exe);
        spawn.args(&self.args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"TWINLOCK_")) {
            spawn.env_remove(name);
        }
        spawn
    }

    /// Starts a process before it is known which module it is for, and whether any is needed. It loads nothing by itself, and ends with
    /// its input.
    pub fn spare(&self) -> Spare {
        Spare(Some(self.spawn()))
    }
}

/// A helper process without a module, or why there is none. Ended on drop: what it inherited, a script's lock for instance, must not outlive
/// the command by it.
pub struct Spare(Option<io::Result<Child>>);

impl Drop for Spare {
    fn drop(&mut self) {
        if let Some(Ok(mut child)) = self.0.take() {
            // It has loaded nothing that would have to be finalised.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// How long a healthy module may take to finalise when it is not needed any more.
const GOODBYE: Duration = Duration::from_millis(500);
/// After so long an answer is late enough for a word to the person.
const SLOW: Duration = Duration::from_secs(1);
/// How long to wait for a killed process to be gone.
const REAP: Duration = Duration::from_secs(1);

/// A running helper with its module loaded. Ended on drop, or by itself once it is dismissed.
pub struct Helper {
    child: Child,
    /// `None` once the process is gone.
    pipes: Option<(ChildStdin, ChildStdout)>,
    path: String,
}

/// What came back: an answer with its secret, or a failure of module or token that its caller can name better.
pub type Reply = Result<(Response, Zeroizing<Vec<u8>>), Failure>;

impl Helper {
    /// Checks the module's path, starts the process, and has it load and initialise the module; nobody waits for that yet.
    pub fn begin(command: &HelperCommand, spare: Option<Spare>, module: &Module) -> Result<Starting, TokenError> {
        let real = module.check()?;
        let path = module.shown();
        let Some(real) = real.to_str() else {
            return Err(TokenError::ModuleUnusable { path, why: "its path is not UTF-8".to_owned() });
        };
        let child = spare.and_then(|mut spare| spare.0.take()).unwrap_or_else(|| command.spawn());
        let mut child = child.map_err(|error| TokenError::HelperUnusable { why: error.to_string() })?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            unreachable!("both are piped by `HelperCommand::spawn`")
        };
        let mut helper = Self { child, pipes: Some((stdin, stdout)), path };
        let load = Request::Load { path: real.to_owned(), init_args: module.init_args.clone() };
        // What its tokens are is the first question in any case: asked now, its answer waits in the pipe.
        let sent = helper.send(&load, b"").and_then(|()| helper.send(&Request::Tokens, b""));
        Ok(Starting { helper, sent, since: Instant::now(), deadline: module.deadline })
    }

    /// Asks and waits for the answer until the deadline. After an `Err` the process is gone.
    pub fn call(&mut self, request: &Request, secret: &[u8], deadline: Duration) -> Result<Reply, TokenError> {
        let sent = self.send(request, secret);
        self.answer(sent, deadline)
    }

    /// The same with a person who is told when the answer is not there after a second, and then waits for it with patience. Gives also
    /// whether they were told.
    pub fn call_patiently(
        &mut self,
        request: &Request,
        deadline: Duration,
        event: &Event<'_>,
        prompt: &mut dyn Prompt,
    ) -> Result<(Result<Reply, TokenError>, bool), PromptError> {
        let sent = self.send(request, b"");
        let until = Instant::now() + deadline;
        let waited = match &self.pipes {
            Some((_, stdout)) if wait_for(stdout, until.min(Instant::now() + SLOW)).is_err() => {
                Some(prompt.wait(event, stdout.as_fd(), until.saturating_duration_since(Instant::now())))
            }
            _ => None,
        };
        let told = waited.is_some();
        if let Some(Err(error)) = waited {
            // Nobody waits for the answer any more, and another question must not get it.
            self.pipes = None;
            self.kill();
            return Err(error);
        }
        // Of what is left of the deadline a little at least: the answer may have just come.
        let reply = self.answer_by(sent, until.max(Instant::now() + GOODBYE), deadline);
        Ok((reply, told))
    }

    fn send(&mut self, request: &Request, secret: &[u8]) -> io::Result<()> {
        match &mut self.pipes {
            Some((stdin, _)) => protocol::write(stdin, request, secret, MAX_REQUEST),
            None => Ok(()),
        }
    }

    /// The answer to what was sent.
    fn answer(&mut self, sent: io::Result<()>, deadline: Duration) -> Result<Reply, TokenError> {
        self.answer_by(sent, Instant::now() + deadline, deadline)
    }

    fn answer_by(&mut self, sent: io::Result<()>, until: Instant, deadline: Duration) -> Result<Reply, TokenError> {
        let Some((_, stdout)) = &mut self.pipes else {
            return Err(TokenError::Crashed { path: self.path.clone(), signal: None });
        };
        match sent.and_then(|()| receive(stdout, until)) {
            Ok((Response::Failed(failure), _)) => Ok(Err(failure)),
            Ok(answer) => Ok(Ok(answer)),
            Err(error) => Err(self.gone(&error, deadline)),
        }
    }

    /// Ends the process and says what became of it.
    fn gone(&mut self, error: &io::Error, deadline: Duration) -> TokenError {
        let path = self.path.clone();
        self.pipes = None;
        if error.kind() == io::ErrorKind::TimedOut {
            self.kill();
            return TokenError::Hung { path, seconds: deadline.as_secs().max(1) };
        }
        // The pipe is closed before the process has ended: how it ended is known a moment later.
        let status = self.wait(REAP);
        if status.is_none() {
            self.kill();
        }
        TokenError::Crashed { path, signal: status.and_then(|status| status.signal()) }
    }

    /// Lets the helper finalise the module and go while this program goes on. Nobody waits for it: it ends itself if the module hangs
    /// (`worker::run`). Left to init when this program ends; who does not end sees it off.
    #[must_use]
    pub fn dismiss(mut self) -> Self {
        self.pipes = None;
        self
    }

    /// Waits until a helper that was dismissed is gone, and ends one that is not after a moment.
    pub fn see_off(mut self) {
        if self.wait(GOODBYE).is_none() {
            self.kill();
        }
    }

    fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + patience;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_micros(100)),
                _ => return None,
            }
        }
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        // A process stuck in the kernel cannot be waited for; it is left to init.
        self.wait(REAP);
    }
}

/// A helper that loads its module while this program does something else.
pub struct Starting {
    helper: Helper,
    sent: io::Result<()>,
    since: Instant,
    deadline: Duration,
}

/// A helper that has loaded its module: what that is, and its tokens as they were when asked for, at the moment given.
pub type Started = (Helper, ModuleInfo, Instant, Reply);

impl Starting {
    /// Lets it go, as [`Helper::dismiss`] does.
    pub fn dismiss(self) -> Helper {
        self.helper.dismiss()
    }

    /// Waits until the module is initialised, and has told its tokens.
    pub fn finish(self) -> Result<Started, TokenError> {
        let Self { mut helper, sent, since, deadline } = self;
        let path = helper.path.clone();
        match helper.answer(sent, deadline)? {
            Ok((Response::Loaded(info), _)) => {
                let tokens = helper.answer(Ok(()), deadline)?;
                Ok((helper, info, since, tokens))
            }
            Ok(_) => Err(TokenError::HelperUnusable { why: "it gave another answer than was asked for".to_owned() }),
            Err(failure) => Err(TokenError::ModuleUnusable { path, why: failure.in_words() }),
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        if let Some((stdin, mut stdout)) = self.pipes.take() {
            // The end of its input asks the helper to finalise the module and go.
            drop(stdin);
            let until = Instant::now() + GOODBYE;
            while matches!(read_some(&mut stdout, &mut [0; 64], until), Ok(1..)) {}
            drop(stdout);
            self.kill();
        }
    }
}

/// One message, by the deadline.
fn receive(from: &mut ChildStdout, until: Instant) -> io::Result<(Response, Zeroizing<Vec<u8>>)> {
    let mut head = [0; HEAD_LEN];
    fill(from, &mut head, until)?;
    let (json_len, secret_len) = protocol::lengths(&head, MAX_RESPONSE)?;
    let mut json = vec![0; json_len];
    fill(from, &mut json, until)?;
    let mut secret = Zeroizing::new(vec![0; secret_len]);
    fill(from, &mut secret, until)?;
    Ok((serde_json::from_slice(&json)?, secret))
}

fn fill(from: &mut ChildStdout, mut bytes: &mut [u8], until: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        match read_some(from, bytes, until)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => bytes = &mut bytes[n..],
        }
    }
    Ok(())
}

/// Reads what is there, or waits for it until the deadline.
fn read_some(from: &mut ChildStdout, bytes: &mut [u8], until: Instant) -> io::Result<usize> {
    loop {
        wait_for(from, until)?;
        match from.read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Waits until something can be read, or the other end is closed.
fn wait_for(from: &ChildStdout, until: Instant) -> io::Result<()> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut fds = [PollFd::new(from, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A helper that is a shell script: it need not speak the protocol to show how its silence is taken.
    fn shell(script: &str) -> Helper {
        let mut child = Command::new("/bin/sh")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pipes = Some((child.stdin.take().unwrap(), child.stdout.take().unwrap()));
        Helper { child, pipes, path: "m".to_owned() }
    }

    fn ask(helper: &mut Helper) -> TokenError {
        match helper.call(&Request::Tokens, b"", Duration::from_millis(200)) {
            Err(error) => error,
            Ok(_) => panic!("no answer was expected"),
        }
    }

    #[test]
    fn silence_is_a_hang() {
        let mut helper = shell("exec sleep 600");
        assert_eq!(ask(&mut helper), TokenError::Hung { path: "m".to_owned(), seconds: 1 });
        assert!(helper.child.try_wait().unwrap().is_some(), "killed and waited for");
        assert!(matches!(ask(&mut helper), TokenError::Crashed { .. }), "and stays gone");
    }

    #[test]
    fn a_drip_is_a_hang_too() {
        let mut helper = shell("while :; do printf '\\001'; sleep 0.05; done");
        assert!(matches!(ask(&mut helper), TokenError::Hung { .. } | TokenError::Crashed { .. }));
        assert!(helper.child.try_wait().unwrap().is_some());
    }

    #[test]
    fn an_end_is_a_crash() {
        assert_eq!(ask(&mut shell("kill -SEGV $$")), TokenError::Crashed { path: "m".to_owned(), signal: Some(11) });
        assert_eq!(ask(&mut shell("exit 3")), TokenError::Crashed { path: "m".to_owned(), signal: None });
    }

    #[test]
    fn a_spare_that_is_not_needed_is_gone_when_it_is_dropped() {
        let spare = HelperCommand { exe: "/bin/sh".into(), args: vec!["-c".into(), "exec sleep 600".into()] }.spare();
        let Some(Ok(child)) = &spare.0 else { panic!("a shell can be started") };
        let pid = rustix::process::Pid::from_child(child);
        drop(spare);
        assert!(rustix::process::test_kill_process(pid).is_err());
    }

    #[test]
    fn a_spare_is_used() {
        let unusable = HelperCommand { exe: "/nonexistent".into(), args: Vec::new() };
        let echo = HelperCommand { exe: "/bin/sh".into(), args: vec!["-c".into(), "exec sleep 600".into()] };
        let library = Module::new("/bin/sh");
        let started = Helper::begin(&unusable, Some(echo.spare()), &library).unwrap();
        assert!(started.sent.is_ok());
        assert!(matches!(Helper::begin(&unusable, None, &library), Err(TokenError::HelperUnusable { .. })));
    }

    #[test]
    fn noise_is_no_answer() {
        assert!(matches!(ask(&mut shell("echo hello, I am a module; exec sleep 600")), TokenError::Crashed { .. }));
    }

    #[test]
    fn dropping_ends_it() {
        let helper = shell("trap '' TERM; exec sleep 600");
        let pid = rustix::process::Pid::from_child(&helper.child);
        drop(helper);
        assert!(rustix::process::test_kill_process(pid).is_err());
    }
}
