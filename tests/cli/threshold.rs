//! k of n: any two of three, at a terminal.

use crate::program::Cli;
use crate::pty::Pty;

fn prompt(name: &str) -> String {
    format!("Secret of the test factor '{name}': ")
}

/// A vault that opens with two of `a`, `b` and `c`, whose secrets are `1`, `2` and `3`.
fn vault() -> Cli {
    let cli = Cli::new();
    let factors = "--factor fake:a --factor fake:b --factor fake:c";
    let mut terminal = Pty::spawn(&cli.command(&format!("init {factors} --threshold 2")));
    for (name, secret) in [("a", "1\r"), ("b", "2\r"), ("c", "3\r")] {
        terminal.expect(&prompt(name));
        terminal.send(secret);
    }
    assert!(terminal.wait_exit().success(), "{}", terminal.transcript());
    assert!(terminal.transcript().contains("'2-of-3' opens with any 2 of 3 fake secrets"), "{}", terminal.transcript());
    cli
}

/// Answers the prompts in order; exit code and screen.
fn unlock(cli: &Cli, answers: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut terminal = Pty::spawn(&cli.command("verify"));
    for (name, keys) in answers {
        terminal.expect(&prompt(name));
        terminal.send(format!("{keys}\r"));
    }
    let code = terminal.wait_exit().code();
    (code, terminal.transcript())
}

#[test]
fn any_two_open_and_the_third_is_not_asked_for() {
    let cli = vault();
    for answers in [
        [("a", "1"), ("b", "2")].as_slice(),
        &[("a", ""), ("b", "2"), ("c", "3")],
        &[("a", "1"), ("b", ""), ("c", "3")],
    ] {
        let (code, screen) = unlock(&cli, answers);
        assert_eq!(code, Some(0), "{answers:?}: {screen}");
        assert_eq!(screen.matches("Secret of").count(), answers.len(), "{screen}");
    }
}

#[test]
fn one_is_too_few_and_nothing_is_asked_in_vain() {
    let cli = vault();
    let (code, screen) = unlock(&cli, &[("a", ""), ("b", "")]);
    assert_eq!(code, Some(3));
    assert!(!screen.contains("'c'"), "the third alone cannot open it: {screen}");
    assert!(screen.contains("could not unlock by keyslot '2-of-3': no fake secret was typed"), "{screen}");
    let (code, screen) = unlock(&cli, &[("a", "1"), ("b", ""), ("c", "")]);
    assert_eq!(code, Some(3), "{screen}");
}

#[test]
fn a_wrong_one_is_not_told_apart_and_may_be_typed_again() {
    let cli = vault();
    let (code, screen) = unlock(&cli, &[("a", "1"), ("b", "wrong"), ("a", "1"), ("b", "2")]);
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(
        screen.matches("That fake secret is wrong. Try again; Enter alone tries another way in, Ctrl-C").count(),
        1,
        "{screen}"
    );
    let wrong = [("a", "x"), ("b", "2")];
    let (code, screen) = unlock(&cli, &[wrong, wrong, wrong].concat());
    assert_eq!(code, Some(3), "{screen}");
    assert!(screen.contains("twinlock: error: the fake secret is wrong"), "{screen}");
}

#[test]
fn without_a_terminal_it_says_what_is_missing() {
    vault().session(
        r#"
$ twinlock list
2> twinlock: error: could not unlock by keyslot '2-of-3': nobody is there to type the test factor's secret
2> twinlock: hint: bring what is missing, or use another way in: 'twinlock keyslot list' shows them
=> 3
"#,
    );
}

#[test]
fn one_of_three_is_told_to_be_weaker() {
    let cli = vault();
    let mut terminal =
        Pty::spawn(&cli.command("keyslot enroll --factor fake:d --factor fake:e --threshold 1 --name either"));
    for (name, keys) in [("a", "1\r"), ("b", "2\r")] {
        terminal.expect(&prompt(name));
        terminal.send(keys);
    }
    terminal.expect("this one asks for less");
    terminal.expect("Enroll it all the same? [y/N] ");
    terminal.send("y\r");
    for (name, keys) in [("d", "4\r"), ("e", "5\r")] {
        terminal.expect(&prompt(name));
        terminal.send(keys);
    }
    assert!(terminal.wait_exit().success(), "{}", terminal.transcript());
    let mut terminal = Pty::spawn(&cli.command("keyslot test either"));
    terminal.expect(&prompt("d"));
    terminal.send("\r");
    terminal.expect(&prompt("e"));
    terminal.send("5\r");
    assert!(terminal.wait_exit().success(), "{}", terminal.transcript());
    assert!(cli.ok("keyslot list").contains("any of (fake, fake)"));
}

/// A keyslot of any two of three codes, made at a terminal; the codes.
fn codes(cli: &Cli) -> Vec<String> {
    let factors = "--factor recovery --factor recovery --factor recovery";
    let mut terminal = Pty::spawn(&cli.command(&format!("init {factors} --threshold 2")));
    let mut codes = Vec::new();
    for _ in 0..3 {
        terminal.expect("Type the recovery code back");
        let screen = terminal.transcript();
        let code = |word: &&str| word.len() == 47 && word.split('-').count() == 8;
        let code = screen.split_whitespace().rfind(code).unwrap().to_owned();
        terminal.send(format!("{code}\r"));
        codes.push(code);
    }
    assert!(terminal.wait_exit().success(), "{}", terminal.transcript());
    codes
}

/// Nobody knows the number of a code on paper: any two, in any order, at the first two prompts or at others.
#[test]
fn codes_one_after_another_in_any_order() {
    let cli = Cli::new();
    let codes = codes(&cli);
    let enter = String::new();
    for typed in [
        vec![&codes[0], &codes[1]],
        vec![&codes[1], &codes[0]],
        vec![&codes[2], &codes[0]],
        vec![&codes[1], &codes[2]],
        vec![&enter, &codes[0], &codes[2]],
    ] {
        let mut terminal = Pty::spawn(&cli.command("verify"));
        for code in &typed {
            terminal.expect("Recovery code for vault 'personal' (keyslot '2-of-3'): ");
            terminal.send(format!("{code}\r"));
        }
        assert!(terminal.wait_exit().success(), "{typed:?}: {}", terminal.transcript());
    }
    // The same one twice is one.
    let mut terminal = Pty::spawn(&cli.command("verify"));
    for _ in 0..6 {
        terminal.expect("Recovery code for vault 'personal' (keyslot '2-of-3'): ");
        terminal.send(format!("{}\r", codes[0]));
    }
    assert_eq!(terminal.wait_exit().code(), Some(3), "{}", terminal.transcript());
}
