//! The commands that are printed to be copied: no name of a header that nobody has verified becomes an option of one.

use crate::program::{CHEAP, Cli, PASSWORD};
use crate::pty::Pty;
use crate::splice::edit_header;

const HOSTILE: &str = "--module=/tmp/e.so";

/// A vault whose file somebody has edited: each keyslot is called like an option that loads code.
fn hostile() -> Cli {
    let cli = Cli::with_vault().file("pw", PASSWORD);
    let factors = "--factor password --factor recovery --new-password-file pw --recovery-out code2";
    cli.ok(&format!("keyslot enroll --name both --custodians {factors} --recovery-file code {CHEAP}"));
    edit_header(&cli.vault(), |body| {
        body["keyslots"][0]["name"] = HOSTILE.into();
        body["keyslots"][1]["name"] = "--all".into();
    });
    cli
}

/// The commands among these words: what stands from the program's name to the end of the quotes or of the line.
fn commands(text: &str) -> Vec<&str> {
    let places = |line: &str| line.match_indices("twinlock ").map(|(at, _)| at).collect::<Vec<_>>();
    let commands = text.lines().flat_map(|line| places(line).into_iter().map(|at| &line[at..]));
    commands.map(|command| command.split('\'').next().unwrap()).collect()
}

#[test]
fn a_header_that_nobody_has_verified_names_no_option() {
    let cli = hostile();
    for (line, printed) in [
        ("status", "twinlock recovery request NAME"),
        ("doctor", "twinlock recovery request NAME"),
        ("recover --plan --lost=password:--all", "twinlock keyslot wipe NAME --keyslot=NAME"),
        ("recover --plan --lost recovery --lost=recovery:--all", "twinlock recovery request NAME"),
        ("recovery drill --recovery-file code2", "twinlock keyslot wipe NAME"),
    ] {
        let ran = cli.run(line);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        let commands = commands(&said);
        assert!(commands.iter().any(|command| command.starts_with(printed)), "{line}: {commands:?}");
        assert!(
            !commands.iter().any(|command| command.contains("--module") || command.contains("--all")),
            "{commands:?}"
        );
    }
    // A program gets no command at all.
    let plan = cli.json("recover --plan --json --lost=password:--all");
    for step in plan["steps"].as_array().unwrap() {
        assert!(step["arguments"].is_null(), "{plan}");
    }
}

/// A name that reads like a command at the end of a hint: a terminal gives a line by itself to our own commands alone.
#[test]
fn a_name_never_stands_on_a_line_like_a_command() {
    for name in
        ["x: twinlock token list --module=/tmp/e.so #", "x': twinlock token list '", "x  twinlock twinlock list #"]
    {
        let cli = hostile();
        edit_header(&cli.vault(), |body| body["keyslots"][1]["name"] = name.into());
        let quoted = format!("'{}'", name.replace('\'', r"'\''"));
        for (line, code, own) in [
            ("status", 0, format!("    twinlock recovery request {quoted}")),
            ("doctor", 0, format!("     twinlock recovery request {quoted}")),
            ("recovery drill --recovery-file code2 --no-input", 3, format!("    twinlock keyslot wipe {quoted}")),
        ] {
            let screen = Pty::spawn(&cli.command(line)).ended(code).replace('\r', "");
            let messages = ["twinlock: error: ", "twinlock: warning: ", "twinlock: hint: ", "twinlock: note: "];
            let begun: Vec<&str> = screen
                .lines()
                .filter(|line| line.trim_start().starts_with("twinlock"))
                .filter(|line| !messages.iter().any(|begin| line.starts_with(begin)))
                .collect();
            assert!(begun.contains(&own.as_str()), "{screen}");
            assert!(begun.iter().all(|line| line.trim_start().starts_with(own.trim_start())), "{begun:?}");
        }
    }
}

#[test]
fn a_name_that_begins_with_a_dash_is_not_given() {
    let cli = Cli::with_vault().file("pw", PASSWORD);
    cli.session(
        r#"
$ twinlock init --vault other --name=-x --factor recovery --recovery-out code2
2> twinlock: error: '-x' cannot be a name
2> twinlock: hint: a name has 1 to 64 characters, no control characters, and no '-' at its beginning
=> 1
$ twinlock keyslot enroll --name=--all --factor recovery --recovery-out code2 --recovery-file code
2> twinlock: error: '--all' cannot be a name
2> twinlock: hint: a name has 1 to 64 characters, no control characters, and no '-' at its beginning
=> 1
$ twinlock recovery new --name=--all --recovery-out code2 --recovery-file code
2> twinlock: error: '--all' cannot be a name
2> twinlock: hint: a name has 1 to 64 characters, no control characters, and no '-' at its beginning
=> 1
$ twinlock keyslot rename --recovery-file code -- recovery -x
2> twinlock: error: '-x' cannot be a name
2> twinlock: hint: a name has 1 to 64 characters, no control characters, and no '-' at its beginning
=> 1
$ twinlock keyslot rename recovery 'two words' --recovery-file code
2> keyslot 'recovery' is called 'two words' now
$ twinlock recover --plan --lost recovery
1> LOST         the recovery code of keyslot 'two words'  (recovery:two words)
2> keyslot 'two words' (recovery code alone) does not open: without the recovery code of keyslot 'two words'
2> what would still help:
2>   - an older backup opens by what opened the vault when it was made: a password from before a change, a keyslot wiped since: 'twinlock restore BACKUP'
2>   - so does a kit, with the vault file: a printed page, or a picture of it: 'twinlock restore --kit FILE'
2> twinlock: error: nothing that you still have opens the vault 'personal', and no program can without
2> twinlock: hint: keep the vault file, and look for the rest: what is found later still opens it
=> 3
"#,
    );
    assert!(!cli.path("code2").exists(), "no code is made for nothing");
    #[cfg(feature = "piv")]
    {
        let ran = cli.run("keyslot enroll --factor 'piv:serial=1;name=-x' --recovery-file code");
        assert!(ran.stderr.contains("a name does not begin with '-'"), "{}", ran.stderr);
    }
}
