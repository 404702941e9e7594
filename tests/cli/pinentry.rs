//! Asked by pinentry, where there is no terminal. The program that asks here takes its answers from a file, and writes down what it was told.

use crate::program::{CHEAP, Cli, PASSWORD, Ran, TWINLOCK, split};
use crate::pty::Pty;
use std::process::Command;

/// What pinentry sends when the person chooses Cancel, and when nobody answers in time.
const CANCEL: &str = "ERR 83886179 Operation cancelled <Pinentry>";
const TIMEOUT: &str = "ERR 83886142 Timeout <Pinentry>";

/// A vault with a password and a recovery code, and a pinentry that the config file names.
fn with_pinentry(answers: &str) -> Cli {
    let cli = Cli::with_password();
    install(&cli, "pinentry");
    cli.write("answers", answers);
    cli.write("conf", &format!("pinentry = '{}'\n", cli.path("pinentry").display()));
    cli
}

/// Copied by another process: a file that this one had open while another thread forks could not be started.
fn install(cli: &Cli, name: &str) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/pinentry.sh");
    assert!(Command::new("install").args(["-m", "755", script]).arg(cli.path(name)).status().unwrap().success());
}

/// Runs it without a terminal.
fn run(cli: &Cli, line: &str, environment: &[(&str, &str)]) -> Ran {
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(TWINLOCK).args(split(line));
    cli.settle(&mut command);
    let output = command.env("TWINLOCK_CONFIG", "conf").envs(environment.iter().copied()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The same, at a display.
fn at_display(cli: &Cli, line: &str) -> Ran {
    run(cli, line, &[("DISPLAY", ":9")])
}

#[track_caller]
fn ended(ran: &Ran, code: i32, stderr: &str) {
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(code), stderr), "{}", ran.stdout);
}

fn was_started(cli: &Cli) -> bool {
    cli.path("started").exists()
}

#[test]
fn the_password_is_asked_for_in_a_window() {
    for environment in [("DISPLAY", ":9"), ("WAYLAND_DISPLAY", "wayland-9")] {
        let cli = with_pinentry(&format!("D {PASSWORD}\n"));
        ended(&run(&cli, "list", &[environment]), 0, "");
        assert_eq!(
            cli.read("asked"),
            "OPTION ttyname=/dev/tty\nOPTION ttytype=xterm\nSETTITLE twinlock\n\
             SETDESC Password or recovery code for vault 'personal'\nSETPROMPT Password or code:\nSETTIMEOUT 60\nGETPIN\nBYE\n"
        );
        let started = cli.read("started");
        assert!(started.contains(&format!("{}={}\n", environment.0, environment.1)), "{started}");
        assert!(!started.contains("horse") && started.starts_with("/bin/sh\n"), "{started}");
        let arguments = format!("/bin/sh\n{}\n", cli.path("pinentry").canonicalize().unwrap().display());
        assert!(started.starts_with(&arguments), "it has no arguments: {started}");
    }
}

#[test]
fn a_recovery_code_does_as_well_and_a_wrong_password_is_asked_for_again() {
    let cli = with_pinentry("D not the password\n");
    cli.write("answers", &format!("D not the%20password\nD {}\n", cli.read("code").trim()));
    ended(&at_display(&cli, "list"), 0, "That password is wrong.\n");
    let asked = cli.read("asked");
    assert_eq!(asked.matches("GETPIN").count(), 2);
    assert_eq!(asked.matches("SETERROR That password is wrong.\n").count(), 1, "{asked}");
}

#[test]
fn cancel_leads_to_the_next_way_and_then_to_the_end() {
    let cli = with_pinentry(&format!("{CANCEL}\n{CANCEL}\n"));
    let ran = at_display(&cli, "list");
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("twinlock: error: could not unlock the vault\n"), "{}", ran.stderr);
    let asked = cli.read("asked");
    assert!(asked.contains("SETDESC Recovery code for vault 'personal' (keyslot 'recovery')\n"), "{asked}");
    cli.write("answers", &format!("{CANCEL}\nD {}\n", cli.read("code").trim()));
    assert_eq!(at_display(&cli, "list").code, Some(0));
}

#[test]
fn a_new_password_and_a_question_are_asked_for_too() {
    let cli = with_pinentry("D abc\nOK\nD abc\n");
    let ran = at_display(&cli, &format!("passwd --recovery-file code {CHEAP}"));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let asked = cli.read("asked");
    assert!(asked.contains("SETDESC New password for vault 'personal' (keyslot 'password')\n"), "{asked}");
    assert!(asked.contains("SETOK Yes\nSETCANCEL No\n"), "{asked}");
    assert!(asked.contains("This password is very weak") && !asked.contains("y/N"), "{asked}");
    cli.write("answers", "D abc\n");
    assert_eq!(at_display(&cli, "list").code, Some(0));
    cli.write("answers", &format!("D xyz\n{CANCEL}\n"));
    let ran = at_display(&cli, &format!("passwd --recovery-file code {CHEAP}"));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    cli.write("answers", "D abc\n");
    assert_eq!(at_display(&cli, "list").code, Some(0), "a no keeps the old one");
}

#[test]
fn what_goes_wrong_is_said() {
    let hint = "twinlock: hint: run it on a terminal; 'pinentry' in the config file names another\n\
                program, or none (\"\")\n";
    for (answer, why) in [
        (TIMEOUT, "nobody has answered 'pinentry' in 60 seconds"),
        ("gone", "'pinentry' ended, or answers what it should not"),
        ("SECRET IN THE OPEN", "'pinentry' ended, or answers what it should not"),
        ("ERR 83918950 Inappropriate ioctl for device", "'pinentry' cannot ask (error 32870 of GnuPG)"),
        ("ERR 99999999999 no number", "'pinentry' answers what it should not"),
    ] {
        let cli = with_pinentry(&format!("{answer}\n"));
        let hint = hint.replace("another\nprogram", "another program");
        ended(&at_display(&cli, "list"), 1, &format!("twinlock: error: nobody could be asked: {why}\n{hint}"));
    }
}

#[test]
fn a_program_that_another_could_have_written_is_not_started() {
    let cli = with_pinentry("");
    let path = cli.path("pinentry").display().to_string();
    let refused = |why: &str| {
        let ran = at_display(&cli, "list");
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
        assert!(!was_started(&cli));
    };
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o775)).unwrap();
    refused(&format!("nobody could be asked: the program '{path}' of the config file is not used"));
    refused("can be changed by other users");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    refused("it is not a program");
    cli.write("conf", "pinentry = 'pinentry'\n");
    refused("the program 'pinentry' of the config file is not used: the path is not absolute");
    cli.write("conf", "pinentry = '/nonexistent/pinentry'\n");
    refused("the program '/nonexistent/pinentry' of the config file is not used: no such file");
}

const NOBODY: &str = "twinlock: error: nobody is there to type the new password\ntwinlock: hint: ";

#[test]
fn without_a_display_it_is_not_asked_for() {
    let cli = with_pinentry(&format!("D {PASSWORD}\n"));
    let line = format!("passwd --recovery-file code {CHEAP}");
    let old = format!("{NOBODY}run it on a terminal without --no-input, or use --new-password-file\n");
    ended(&run(&cli, &line, &[]), 1, &old);
    ended(&run(&cli, &line, &[("DISPLAY", ""), ("GPG_TTY", "not a tty")]), 1, &old);
    assert!(!was_started(&cli));
}

#[test]
fn it_is_never_started_with_no_input_or_an_answer_or_when_switched_off() {
    let cli = with_pinentry(&format!("D {PASSWORD}\n"));
    let line = format!("passwd --recovery-file code {CHEAP}");
    let new = format!(
        "{NOBODY}run it on a terminal or with 'pinentry' installed, without --no-input, or use --new-password-file\n"
    );
    ended(&at_display(&cli, &format!("{line} --no-input")), 1, &new);
    ended(&at_display(&cli, "list --password-file pw"), 0, "");
    cli.write("conf", "pinentry = ''\n");
    ended(&at_display(&cli, &line), 1, &new);
    assert!(!was_started(&cli));
}

#[test]
fn it_is_found_in_absolute_folders_of_the_path() {
    let cli = with_pinentry(&format!("D {PASSWORD}\n"));
    cli.write("conf", "");
    // The program itself needs none; its fixture and setsid do.
    let path = |first: &str| [first, "/usr/bin:/bin"].join(":");
    let mine = cli.path("").display().to_string();
    let environment = [("DISPLAY", ":9"), ("PATH", &*path(&mine))];
    assert_eq!(run(&cli, "list", &environment).code, Some(0));
    assert!(was_started(&cli));
    std::fs::remove_file(cli.path("started")).unwrap();
    // Where this machine has none, or has one that cannot reach this display, what is in the working folder is not taken.
    let environment = [("DISPLAY", ":9"), ("PATH", ".:")];
    let mut command = Command::new("/usr/bin/setsid");
    command.arg("--wait").arg(TWINLOCK).arg("list");
    cli.settle(&mut command);
    let output = command.env("TWINLOCK_CONFIG", "conf").envs(environment).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!was_started(&cli));
}

/// The real one, at the terminal that `GPG_TTY` names; this program has none.
#[test]
fn pinentry_curses_asks_at_the_terminal_that_is_named() {
    let curses = "/usr/bin/pinentry-curses";
    if !std::path::Path::new(curses).exists() {
        let what = "pinentry-curses is not installed: apt-get install pinentry-curses";
        assert!(std::env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{what}");
        // Not eprintln!: the test harness would swallow it, and a skipped test must be seen.
        let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("\nSKIPPED: {what}\n"));
        return;
    }
    let cli = Cli::with_password();
    cli.write("conf", &format!("pinentry = '{curses}'\n"));
    let mut command = Command::new("sh");
    let script = "export GPG_TTY=$(tty); setsid --wait \"$0\" verify </dev/null 2>said; echo \"ended: $?\"";
    command.args(["-c", script, TWINLOCK]);
    cli.settle(&mut command);
    command.env("TWINLOCK_CONFIG", "conf");
    let mut terminal = Pty::spawn(&command);
    terminal.expect("Password or recovery code for vault 'personal'");
    terminal.expect("<OK>");
    terminal.send(format!("{PASSWORD}\r"));
    terminal.expect("ended: 0");
    let screen = terminal.ended(0);
    assert!(!screen.contains("horse"), "{screen}");
    assert!(cli.read("said").contains("vault 'personal' is whole"), "{}", cli.read("said"));
}
