//! The prompt on a real terminal: nothing secret is shown, and the terminal is as before, however the prompt ends.
//!
//! The program in the terminal is this test executable itself, told by `PROBE` to be the child.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // the helpers of tests, which clippy does not take for tests

mod one;
#[path = "../common/pty.rs"]
mod pty;

use pty::Pty;
use rustix::process::Signal;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use twinlock::prompt::{Ask, Event, Prompt, PromptError, Question, Tries, TtyPrompt};

const PROBE: &str = "TWINLOCK_TEST_PROBE";
const REPORT: &str = "TWINLOCK_TEST_REPORT";
const PASSWORD: &str = "Password for vault 'personal' (keyslot 'daily'): ";

/// In the child: asks once and writes into a file what came. In the parent there is nothing to do.
#[test]
fn probe() {
    let Ok(what) = std::env::var(PROBE) else { return };
    let mut prompt = TtyPrompt::new();
    let (vault, keyslot) = ("personal", "daily");
    let came = match what.as_str() {
        "password" => secret(&mut prompt, &Ask::Password { vault, keyslot }),
        "new" => secret(&mut prompt, &Ask::NewPassword { vault, keyslot }),
        "code" => secret(&mut prompt, &Ask::RecoveryCode { vault, keyslot }),
        "note" => secret(&mut prompt, &Ask::Note { item: "wifi" }),
        "pin" => secret(&mut prompt, &Ask::Pin { token: "ada", tries: Tries::Last, vouched: true }),
        "confirm" => prompt.confirm(&Question::Plain("Go on?")).map_or_else(failed, |yes| yes.to_string()),
        "confirm-yes" => prompt.confirm(&Question::YesByDefault("Go on?")).map_or_else(failed, |yes| yes.to_string()),
        "line" => prompt.line("Name").unwrap_or_else(failed),
        "any" | "any-plain" | "any-code" | "touch" | "test-touch" => one::probe(&what),
        "show" => {
            prompt.show(&Event::Warning("it is late"));
            String::new()
        }
        "twice" => {
            let first = secret(&mut prompt, &Ask::Password { vault, keyslot });
            let second = secret(&mut prompt, &Ask::RepeatPassword);
            // A signal after the prompts must act as if there had been none.
            prompt.show(&Event::Note("thinking"));
            if first == "got wait" {
                std::thread::sleep(std::time::Duration::from_secs(600));
            }
            format!("{first}, {second}")
        }
        other => panic!("{other}"),
    };
    let mut report = std::fs::File::create(std::env::var(REPORT).unwrap()).unwrap();
    report.write_all(came.as_bytes()).unwrap();
}

fn secret(prompt: &mut TtyPrompt, ask: &Ask<'_>) -> String {
    prompt.secret(ask).map_or_else(failed, |text| format!("got {}", text.expose()))
}

fn failed(error: PromptError) -> String {
    format!("{error:?}")
}

/// The folder and command of a child.
struct Child {
    folder: tempfile::TempDir,
}

impl Child {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn set(&self, command: &mut Command, what: &str) {
        command.env(PROBE, what).env(REPORT, self.folder.path().join("report"));
    }

    fn command(&self, what: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "probe", "--nocapture"]);
        self.set(&mut command, what);
        command
    }

    /// What the prompt gave; empty when the child did not get so far.
    fn report(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("report")).unwrap_or_default()
    }
}

/// Runs one prompt, types, and checks that the terminal is as before; what came, and all that was on the screen.
fn ask(what: &str, prompt: &str, keys: impl AsRef<[u8]>) -> (String, String) {
    let child = Child::new();
    let mut terminal = Pty::spawn(&child.command(what));
    terminal.expect(prompt);
    assert!(!terminal.is_as_found());
    terminal.send(keys);
    assert!(terminal.wait_exit().success(), "{}", terminal.transcript());
    assert!(terminal.is_as_found());
    (child.report(), terminal.transcript())
}

#[test]
fn a_secret_is_not_shown() {
    let (report, screen) = ask("password", PASSWORD, "correct horse\r");
    assert_eq!(report, "got correct horse");
    assert!(!screen.contains("correct") && !screen.contains("horse"), "{screen}");
    let after = screen.split_once(PASSWORD).unwrap().1;
    assert!(after.starts_with("\r\n"), "the next output begins on a line of its own: {screen}");
}

#[test]
fn keys_edit_the_line() {
    for (keys, expected) in [
        ("abx\u{7f}c\r", "got abc"),
        ("pä\u{1f600}\u{7f}\u{8}aß\r", "got paß"),
        ("wrong\u{15}right\n", "got right"),
        ("one two\u{17}three\r", "got one three"),
        ("\u{1b}[200~pasted\u{1b}[201~\r", "got pasted"),
        ("a\u{1b}[Db\r", "got ab"),
        ("a\u{0}\u{13}b\u{4}c\r", "got abc"),
    ] {
        assert_eq!(ask("password", PASSWORD, keys).0, expected, "{keys:?}");
    }
}

#[test]
fn an_empty_line_asks_for_another_way_but_is_no_new_password() {
    assert_eq!(ask("password", PASSWORD, "\r").0, "Skipped");
    assert_eq!(ask("code", "Recovery code for vault", "\r").0, "Skipped");
    assert_eq!(ask("pin", "PIN of token 'ada' (last try before the token locks): ", "\r").0, "Skipped");
    assert!(ask("new", "New password for vault", "\r").0.contains("it is empty"));
}

#[test]
fn a_line_too_long_or_no_text_is_refused() {
    let long = "x".repeat(1025);
    assert!(ask("password", PASSWORD, format!("{long}\r")).0.contains("longer than 1024 bytes"));
    assert_eq!(ask("password", PASSWORD, format!("{}\r", &long[1..])).0, format!("got {}", &long[1..]));
    assert!(ask("password", PASSWORD, b"a\xff\r").0.contains("not UTF-8"));
}

#[test]
fn keys_that_give_up() {
    for keys in ["half\u{3}", "\u{4}", "half\u{1c}", "half\u{1b}\u{3}"] {
        let (report, screen) = ask("password", PASSWORD, keys);
        assert_eq!(report, "Cancelled", "{keys:?}");
        assert!(!screen.contains("half"), "{screen}");
    }
}

#[test]
fn a_recovery_code_is_shown_by_groups_and_then_erased() {
    let code = "00000-00001-00002-00003-00004-00005-00006-00007";
    let (report, screen) = ask("code", "group 1 of 8: ", format!("{code}\r"));
    assert_eq!(report, format!("got {code}"));
    assert!(screen.contains("group 3 of 8: 00002"), "{screen}");
    let last = screen.rfind("group 8 of 8: 00007").unwrap();
    assert!(
        screen[last..].starts_with("group 8 of 8: 00007\r\u{1b}[K"),
        "the code is taken off the screen: {screen:?}"
    );
    assert!(ask("code", "group 1 of 8: ", "00001 0\u{3}").1.contains("group 2 of 8: 0   (mistyped: 1)"));
}

#[test]
fn a_terminal_that_cannot_erase_does_not_see_the_code() {
    let child = Child::new();
    let mut terminal = Pty::spawn(child.command("code").env("TERM", "dumb"));
    terminal.expect("(keyslot 'daily'): \r\ngroup 1 of 8: ");
    terminal.send("0001\r");
    terminal.expect("\r\ngroup 1 of 8:    (it has 5 characters) ");
    terminal.send("00001\r");
    terminal.expect("\r\ngroup 2 of 8:    (mistyped: 1) ");
    terminal.send("\u{15}00000-00001 00002 00003-00004-00005-00006\r");
    terminal.expect("\r\ngroup 8 of 8: ");
    terminal.send("00007\r");
    assert!(terminal.wait_exit().success());
    assert_eq!(child.report(), "got 00000-00001 00002 00003-00004-00005-00006 00007");
    assert!(!terminal.transcript().contains("000"));
}

#[test]
fn enter_goes_on_to_the_next_group_of_a_code() {
    let groups = "00000\r00001\r\n00002\r\r00003\r00004\r00005\r00006\r00007\r";
    let (report, screen) = ask("code", "group 1 of 8: ", groups);
    assert_eq!(report, "got 00000 00001 00002 00003 00004 00005 00006 00007");
    assert!(screen.contains("group 2 of 8: \r"), "{screen:?}");

    let child = Child::new();
    let mut terminal = Pty::spawn(&child.command("code"));
    terminal.expect("group 1 of 8: ");
    terminal.send("00000\r000\r");
    terminal.expect("group 2 of 8: 000   (it has 5 characters)");
    terminal.send("01\r");
    terminal.expect("group 3 of 8: ");
    terminal.send("00002 00003 00004 00005 00006 00007\r");
    assert!(terminal.wait_exit().success());
    assert_eq!(child.report(), "got 00000 00001 00002 00003 00004 00005 00006 00007");
    assert_eq!(ask("code", "group 1 of 8: ", "0\r00\u{3}").0, "Cancelled");
}

#[test]
fn enter_alone_is_the_answer_that_a_question_has_by_default() {
    for (keys, expected) in [("\r", "true"), ("n\r", "false"), ("No\r", "false"), ("y\r", "true")] {
        assert_eq!(ask("confirm-yes", "Go on? [Y/n] ", keys).0, expected, "{keys:?}");
    }
    let child = Child::new();
    let mut terminal = Pty::spawn(&child.command("confirm-yes"));
    terminal.expect("Go on? [Y/n] ");
    terminal.send("perhaps\r");
    terminal.expect("Please type y for yes or n for no. [Y/n] ");
    terminal.send("\r");
    assert!(terminal.wait_exit().success());
    assert_eq!(child.report(), "true");
}

#[test]
fn questions_and_lines_are_shown() {
    for (keys, expected) in
        [("y\r", "true"), ("YES\r", "true"), ("\r", "false"), ("n\r", "false"), ("x\u{7f}y\r", "true")]
    {
        let (report, screen) = ask("confirm", "Go on? [y/N] ", keys);
        assert_eq!(report, expected, "{keys:?}");
        let first = keys.trim_end();
        assert!(first.len() > 1 || screen.contains(&format!("[y/N] {first}\r\n")), "{screen}");
    }
    assert_eq!(ask("confirm", "Go on? [y/N] ", "y\u{3}").0, "Cancelled");
    assert_eq!(ask("line", "Name: ", "my väult\u{7f}\u{7f}LT\r").0, "my väuLT");
    let child = Child::new();
    let mut terminal = Pty::spawn(&child.command("confirm"));
    terminal.expect("Go on? [y/N] ");
    terminal.send("maybe\r");
    terminal.expect("Please type y for yes or n for no. [y/N] ");
    terminal.send("y\r");
    assert!(terminal.wait_exit().success());
    assert_eq!(child.report(), "true");
}

#[test]
fn a_signal_from_outside_restores_the_terminal_and_then_ends_the_program() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
        let child = Child::new();
        let mut terminal = Pty::spawn(&child.command("password"));
        terminal.expect(PASSWORD);
        terminal.send("half");
        assert!(!terminal.is_as_found());
        terminal.signal(signal);
        assert_eq!(terminal.wait_exit().signal(), Some(signal.as_raw()), "{signal:?}");
        assert!(terminal.is_as_found(), "{signal:?}");
        assert_eq!(child.report(), "");
        assert!(!terminal.transcript().contains("half"));
    }
}

#[test]
fn between_and_after_prompts_signals_act_as_ever() {
    let child = Child::new();
    let mut terminal = Pty::spawn(&child.command("twice"));
    terminal.expect(PASSWORD);
    terminal.send("wait\r");
    terminal.expect("The same password again: ");
    terminal.send("two\r");
    terminal.expect("thinking");
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.wait_exit().signal(), Some(Signal::TERM.as_raw()));
}

#[test]
fn a_second_prompt_is_as_safe_as_the_first() {
    let child = Child::new();
    let mut terminal = Pty::spawn(&child.command("twice"));
    terminal.expect(PASSWORD);
    terminal.send("one\r");
    terminal.expect("The same password again: ");
    terminal.signal(Signal::INT);
    assert_eq!(terminal.wait_exit().signal(), Some(Signal::INT.as_raw()));
    assert!(terminal.is_as_found());
}

#[test]
fn closing_the_terminal_ends_the_program() {
    let child = Child::new();
    let mut terminal = Pty::spawn(&child.command("password"));
    terminal.expect(PASSWORD);
    terminal.send("half");
    terminal.hang_up();
    // The system closes the terminal first and sends the signal next: the prompt may see either.
    let ended = terminal.wait_exit().signal() == Some(Signal::HUP.as_raw());
    assert!(ended || child.report() == "Cancelled");
}

#[test]
fn closing_the_terminal_under_nohup_is_a_cancel() {
    let child = Child::new();
    let mut command = Command::new("nohup");
    command.arg(std::env::current_exe().unwrap()).args(["--exact", "probe", "--nocapture"]);
    child.set(&mut command, "password");
    let mut terminal = Pty::spawn_with_stdout(&command, Stdio::null());
    terminal.expect(PASSWORD);
    terminal.send("half");
    terminal.hang_up();
    terminal.wait_exit();
    assert_eq!(child.report(), "Cancelled");
}

#[test]
fn stopped_and_continued_the_prompt_comes_again() {
    // The shell stands between, so that somebody can continue the program; it shows the modes while the program is stopped.
    for stop in ["key", "signal"] {
        let child = Child::new();
        let exe = std::env::current_exe().unwrap();
        let script =
            format!("echo begin; '{}' --exact probe --nocapture; stty -a; echo stopped; fg; stty -a", exe.display());
        let mut shell = Command::new("sh");
        shell.args(["-m", "-c", &script]);
        child.set(&mut shell, "password");
        let mut terminal = Pty::spawn(&shell);
        terminal.expect("begin");
        terminal.expect(PASSWORD);
        assert!(!terminal.is_as_found());
        terminal.send("half");
        match stop {
            "key" => terminal.send_ctrl('z'),
            _ => signal_probe(&exe, child.folder.path(), Signal::TSTP),
        }
        terminal.expect(" icanon");
        terminal.expect(" echo ");
        terminal.expect("stopped");
        terminal.expect(PASSWORD);
        assert!(!terminal.is_as_found());
        terminal.send("whole\r");
        terminal.expect(" icanon");
        terminal.wait_exit();
        assert_eq!(child.report(), "got whole", "{stop}");
        assert!(!terminal.transcript().contains("half"));
    }
}

/// Sends a signal to the probe that writes into this folder.
fn signal_probe(exe: &Path, folder: &Path, signal: Signal) {
    let mine = |pid: &i32| {
        let read = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let report = folder.as_os_str().as_encoded_bytes();
        let is_probe = read("cmdline").starts_with(exe.as_os_str().as_encoded_bytes());
        is_probe && read("environ").windows(report.len()).any(|window| window == report)
    };
    let processes =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let probe = processes.into_iter().find(mine).expect("the probe runs");
    rustix::process::kill_process(rustix::process::Pid::from_raw(probe).unwrap(), signal).unwrap();
}

#[test]
fn stopped_without_notice_echo_goes_off_again_when_continued() {
    let child = Child::new();
    let exe = std::env::current_exe().unwrap();
    let script = format!("'{}' --exact probe --nocapture; stty sane; echo stopped; fg", exe.display());
    let mut shell = Command::new("sh");
    shell.args(["-m", "-c", &script]);
    child.set(&mut shell, "password");
    let mut terminal = Pty::spawn(&shell);
    terminal.expect(PASSWORD);
    signal_probe(&exe, child.folder.path(), Signal::STOP);
    terminal.expect("stopped");
    terminal.expect(PASSWORD);
    terminal.send("secret\r");
    terminal.wait_exit();
    assert_eq!(child.report(), "got secret");
    assert!(!terminal.transcript().contains("secret"));
}

#[test]
fn with_no_shell_to_continue_it_the_program_does_not_stop() {
    let child = Child::new();
    let mut terminal = Pty::spawn(&child.command("password"));
    terminal.expect(PASSWORD);
    terminal.send("half");
    terminal.send_ctrl('z');
    terminal.expect(PASSWORD);
    terminal.send("whole\r");
    assert!(terminal.wait_exit().success());
    assert_eq!(child.report(), "got whole");
}

#[test]
fn a_note_is_gone_on_with_after_a_stop() {
    const TEXT: &str = "Text of 'wifi'; Ctrl-D on an empty line ends it, Ctrl-C gives up:\r\n";
    let child = Child::new();
    let mut terminal = Pty::spawn(&child.command("note"));
    terminal.expect(TEXT);
    terminal.send("one\rtw");
    terminal.expect("tw");
    terminal.send_ctrl('z');
    terminal.expect(&format!("{TEXT}one\r\ntw"));
    terminal.send("o\r\u{4}");
    assert!(terminal.wait_exit().success());
    assert_eq!(child.report(), "got one\ntwo");
}

#[test]
fn started_in_the_background_it_waits_and_keeps_the_modes_of_the_foreground() {
    // While it waits, the shell has the terminal in modes of its own (a line editor does); these must not come back at the end.
    let child = Child::new();
    let exe = std::env::current_exe().unwrap();
    let script = format!(
        ": >{jobs}; stty -echo; '{}' --exact probe --nocapture & until grep -q -i stopped {jobs}; do jobs >{jobs}; sleep 0.02; done; \
         stty echo; echo waits; fg; stty -a",
        exe.display(),
        jobs = child.folder.path().join("jobs").display()
    );
    let mut shell = Command::new("sh");
    shell.args(["-m", "-c", &script]);
    child.set(&mut shell, "password");
    let mut terminal = Pty::spawn(&shell);
    terminal.expect("waits");
    terminal.expect(PASSWORD);
    terminal.send("secret\r");
    terminal.expect(" icanon");
    terminal.expect(" echo ");
    terminal.wait_exit();
    assert_eq!(child.report(), "got secret");
    assert_eq!(terminal.transcript().matches(PASSWORD).count(), 1, "not before it is in front, and not twice");
}

#[test]
fn the_rest_of_a_paste_does_not_become_a_command() {
    let child = Child::new();
    let exe = std::env::current_exe().unwrap();
    let script =
        format!("'{}' --exact probe --nocapture; echo ready; read -r line; echo \"read <$line>\"", exe.display());
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]);
    child.set(&mut shell, "password");
    let mut terminal = Pty::spawn(&shell);
    terminal.expect(PASSWORD);
    terminal.send(format!("secret\r{}\r", "second line of the paste ".repeat(8)));
    terminal.expect("ready");
    terminal.send("typed\r");
    terminal.expect("read <typed>");
    terminal.wait_exit();
    assert_eq!(child.report(), "got secret");
}

#[test]
fn prompts_go_to_the_terminal_and_never_to_stdout() {
    let child = Child::new();
    let out = child.folder.path().join("out");
    let mut terminal = Pty::spawn_with_stdout(&child.command("password"), std::fs::File::create(&out).unwrap());
    terminal.expect(PASSWORD);
    terminal.send("secret\r");
    assert!(terminal.wait_exit().success());
    assert_eq!(child.report(), "got secret");
    assert!(!std::fs::read_to_string(out).unwrap().contains("Password"));
}

#[test]
fn without_a_terminal_nobody_is_there() {
    for (what, expected) in [
        ("password", "Nobody { what: \"the password\", flag: Some(\"--password-file\") }"),
        ("confirm", "Nobody { what: \"an answer\", flag: Some(\"--force\") }"),
        ("line", "Nobody { what: \"an answer\", flag: None }"),
        ("show", ""),
    ] {
        let child = Child::new();
        let mut setsid = Command::new("setsid");
        setsid.arg("--wait").arg(std::env::current_exe().unwrap()).args(["--exact", "probe", "--nocapture"]);
        child.set(&mut setsid, what);
        let output = setsid.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success());
        assert_eq!(child.report(), expected);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(told.contains("twinlock: warning: it is late\n"), what == "show", "{told}");
    }
}
