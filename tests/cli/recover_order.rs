//! `twinlock recover`: a keyslot that still opens is not wiped before another one is in its place.

use crate::program::Cli;
use crate::pty::Pty;

/// Keyslots `password` and `recovery`, and `either`, which one of password and a token opens. The test factor stands for tokens.
fn with_either() -> Cli {
    let cli = Cli::with_password();
    let line =
        "keyslot enroll --name either --threshold 1 --factor recovery --factor fake:ada --recovery-out code2 --force";
    let mut terminal = Pty::spawn(&cli.command(&format!("{line} --keyslot recovery --recovery-file code")));
    terminal.answer(&[("Secret of the test factor 'ada': ", "a")]);
    terminal.ended(0);
    cli
}

fn names(cli: &Cli) -> Vec<String> {
    let list = cli.json("keyslot list --json");
    list.as_array().unwrap().iter().map(|slot| slot["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_still_opens_is_kept_where_nothing_takes_its_place() {
    let cli = with_either();
    let mut terminal = Pty::spawn(&cli.command("recover --lost fake:ada"));
    terminal.answer(&[
        ("Password for vault 'personal' (keyslot 'password'): ", crate::program::PASSWORD),
        ("Is a token here, set up, that takes the place of the fake secret 'ada'? [Y/n] ", "n"),
    ]);
    terminal.expect("left out");
    terminal.expect("Step 2 of 3: wipe keyslot 'either'");
    terminal.answer(&[("Rotate it now? [y/N] ", "n")]);
    let screen = terminal.ended(0);
    let said = screen.replace("\r\n", " ");
    assert!(
        said.contains("keyslot 'either' still opens with what you have, and nothing is in its place yet: it is kept until then left out"),
        "{screen}"
    );
    assert!(!screen.contains("Wipe keyslot 'either'?"), "{screen}");
    let left = "    twinlock keyslot enroll --factor=recovery --factor=fake:NEW --threshold=1 --keyslot=password\r\n    \
                twinlock keyslot wipe either --keyslot=password\r\n    twinlock rotate --keyslot=password\r\n";
    assert!(screen.contains(left), "{screen}");
    assert_eq!(names(&cli), ["password", "recovery", "either"]);
    cli.ok("list --keyslot either --recovery-file code2");
}

#[test]
fn the_plan_says_the_order() {
    let cli = with_either();
    let plan = cli.json("recover --plan --json --lost fake:ada");
    let after: Vec<_> = plan["steps"].as_array().unwrap().iter().map(|step| step["after"].as_u64()).collect();
    assert_eq!(after, [None, Some(1), None, None], "{plan}");
    let said = cli.ok("recover --plan --lost fake:ada");
    assert!(
        said.contains("2. wipe keyslot 'either' (any 1 of: recovery code, fake secret), only after 1 has worked\n"),
        "{said}"
    );
}

/// The list at the end is of the vault as it is then: the keyslot that had opened it is gone, and in none of the commands.
#[test]
fn what_is_left_names_no_keyslot_that_is_gone() {
    let cli = with_either();
    let mut terminal = Pty::spawn(
        &cli.command("recover --lost fake:ada --keyslot either --new-token fake:bob --recovery-out code3 --force"),
    );
    let code = cli.read("code2");
    terminal.answer(&[
        ("(keyslot 'either'): ", code.trim()),
        ("Secret of the test factor 'bob': ", "b"),
        ("A sheet of it to print?", ""),
        ("Wipe keyslot 'either'?", "y"),
        ("Rotate it now? [y/N] ", "n"),
    ]);
    let screen = terminal.ended(0);
    assert!(screen.contains("still to be done, or left out, as commands:\r\n    twinlock rotate\r\n"), "{screen}");
    assert_eq!(names(&cli), ["password", "recovery", "1-of-2"]);
}
