//! `twinlock recovery answer`: a request whose password would be stretched for minutes is agreed to first.

use crate::program::{CHEAP, Cli, PASSWORD};
use crate::pty::Pty;

/// A request for the password of keyslot `friends`, which is stretched in so many passes, and its words.
fn asked(passes: u32) -> (Cli, String) {
    let cli = Cli::with_vault().file("pw", PASSWORD);
    let factors = "--factor password --factor recovery --new-password-file pw --recovery-out code2";
    let cost = CHEAP.replace("--kdf-passes 2", &format!("--kdf-passes {passes}"));
    cli.ok(&format!("keyslot enroll --name friends --custodians {factors} --recovery-file code {cost}"));
    let ran = cli.run("recovery request friends --for password --from ada -o request");
    let words = ran.stderr.lines().find_map(|line| line.strip_prefix("    ")).unwrap().replace("  ", " ");
    (cli, words)
}

#[test]
fn unusual_work_is_agreed_to() {
    let (cli, words) = asked(9);
    let line = format!("recovery answer request --own-vault -o answer --words '{words}' --password-file pw");
    let ran = cli.run(&line);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    let said = "the request asks for an unusual amount of work: 19 MiB of memory, 9 passes over it";
    assert!(ran.stderr.contains(said) && !cli.path("answer").exists(), "{}", ran.stderr);
    let mut terminal = Pty::spawn(&cli.command(&line));
    terminal.answer(&[("Go on all the same? [y/N] ", "n")]);
    terminal.ended(1);
    assert!(!cli.path("answer").exists());
    let mut terminal = Pty::spawn(&cli.command(&line));
    terminal.answer(&[("Go on all the same? [y/N] ", "y")]);
    terminal.ended(0);
    assert!(cli.path("answer").exists());
}

#[test]
fn usual_work_is_not() {
    let (cli, words) = asked(8);
    let ran = cli.run(&format!("recovery answer request --own-vault -o answer --words '{words}' --password-file pw"));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(!ran.stderr.contains("unusual"), "{}", ran.stderr);
}
