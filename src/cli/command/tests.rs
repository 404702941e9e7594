use super::*;
use crate::cli::Cli;
use crate::cli::passwd;
use crate::cli::proofs::Proofs;
use crate::cli::recover::tests as recover;
use crate::cli::report::{CliError, explain};
use crate::cli::sentence::Sentence;
use crate::cli::sheet;
use crate::cli::ways_in::{self, tests as ways};
use crate::cli::{drill, edit};
use crate::header::Keyslot;
use crate::vault::VaultError;
use clap::{ArgMatches, CommandFactory};
use std::process::Command;
use std::time::SystemTime;

/// Names that may be in a header, or be given by a person: none holds what output takes out.
const NASTY: [&str; 18] = [
    "daily",
    "two words",
    " both ends ",
    "it's",
    "a'b; x",
    "say \"hi\"",
    "$(x)",
    "`x`",
    "$HOME",
    "*",
    "~",
    "=ls",
    "back\\slash",
    "!x",
    "gr\u{fc}n \u{1f511} \u{4e2d}",
    "x: twinlock list #",
    "x': twinlock list '",
    "x twinlock list  twinlock token list --module=/tmp/e.so #",
];
/// Options, if they were taken for such.
const OPTIONS: [&str; 6] = ["--module=/x", "-x", "--all", "-", "--", "--force"];

/// The words of a line as a shell takes them: what it would run is told by what is missing.
fn read_by_a_shell(line: &str) -> Vec<String> {
    let script = format!("printf '%s\\0' {line}");
    let ran = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(ran.status.success() && ran.stderr.is_empty(), "{line}: {}", String::from_utf8_lossy(&ran.stderr));
    let text = String::from_utf8(ran.stdout).unwrap();
    text.strip_suffix('\0').unwrap().split('\0').map(str::to_owned).collect()
}

/// What the program is told: every value of the command that is meant and of the options of all commands.
fn values(words: &[String]) -> Vec<String> {
    fn collect(matches: &ArgMatches, to: &mut Vec<String>) {
        for id in matches.ids() {
            let given = matches.value_source(id.as_str()) == Some(clap::parser::ValueSource::CommandLine);
            if let (true, Ok(Some(raw))) = (given, matches.try_get_raw(id.as_str())) {
                to.extend(raw.map(|value| value.to_str().unwrap().to_owned()));
            }
        }
        if let Some((_, inner)) = matches.subcommand() {
            collect(inner, to);
        }
    }
    let matches = Cli::command().try_get_matches_from(words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
    let mut all = Vec::new();
    collect(&matches, &mut all);
    assert!(matches.get_raw("module").is_none(), "{words:?}");
    all
}

/// The command of a sentence. On a terminal no line begins with the program's name but the sentence's first and the command's own.
#[track_caller]
fn command_of(sentence: &Sentence) -> String {
    let command = sentence.command().unwrap_or_else(|| panic!("no command: {}", sentence.text())).text();
    assert!(sentence.text().ends_with(&command) || sentence.text().ends_with(&format!("'{command}'")));
    for beginning in ["twinlock: hint: ", ""] {
        let screen = sentence.for_terminal(beginning);
        let (first, others) = screen.split_once('\n').unwrap_or((&screen, ""));
        assert!(first.starts_with(beginning) && !first[beginning.len()..].starts_with("twinlock"), "{screen}");
        let ours: Vec<&str> = others.lines().filter(|line| line.trim_start().starts_with("twinlock")).collect();
        let own = if command.contains('\'') { vec![format!("    {command}")] } else { Vec::new() };
        assert_eq!(ours, own, "{screen}");
    }
    command
}

/// The command does with this name what it says.
#[track_caller]
fn names(line: &str, name: &str) {
    let told = values(&read_by_a_shell(line));
    assert!(told.iter().any(|value| value == name), "{line:?} names {told:?}, and not {name:?}");
}

/// The command has the place of a name, and not the name.
#[track_caller]
fn leaves_out(line: &str, name: &str) {
    let words = read_by_a_shell(line);
    assert!(!words.iter().any(|word| word == name || word.ends_with(&format!("={name}"))), "{line}");
    assert!(values(&words).iter().any(|value| value == "NAME"), "{line}");
}

/// All that is printed with a keyslot's name from a header.
fn from_header(by: Names, name: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let header = ways::nasty(name);
    let slot: &Keyslot = header.keyslot(name).unwrap();
    let warnings = ways_in::warnings(&header, by, &Proofs::default(), SystemTime::now());
    let about =
        warnings.iter().filter(|warning| warning.keyslot.as_deref() == Some(name) && warning.kind != "no-consent");
    for warning in about {
        let what = Sentence::from(&warning.what).for_terminal("twinlock: warning: ");
        assert!(!what.lines().skip(1).any(|line| line.trim_start().starts_with("twinlock")), "{what}");
        texts.push(command_of(&warning.hint));
    }
    assert!(texts.len() >= 3, "a weaker one, a code never tried, a token not seen");
    if by == Names::Unproven {
        texts.push(command_of(&drill::mend(slot)));
    }
    for line in recover::commands(&header, by, name) {
        let words = read_by_a_shell(&line.text());
        assert_eq!(line.arguments().unwrap_or(words[1..].to_vec()), words[1..], "programs and people do the same");
        texts.push(line.text());
    }
    texts
}

#[test]
fn every_printed_command_says_the_names_that_it_should() {
    for name in NASTY {
        for by in [Names::Proven, Names::Unproven] {
            for text in from_header(by, name) {
                names(&text, name);
            }
        }
    }
    for name in OPTIONS {
        for text in from_header(Names::Proven, name) {
            names(&text, name);
        }
        for text in from_header(Names::Unproven, name) {
            leaves_out(&text, name);
        }
    }
}

#[test]
fn what_output_would_change_is_never_written() {
    for name in ["a\u{202e}b", "a\u{200b}", "\u{feff}"] {
        for by in [Names::Proven, Names::Unproven] {
            for text in from_header(by, name) {
                leaves_out(&text, name);
            }
        }
    }
}

#[test]
fn names_of_the_persons_own() {
    let kept = |name: &str| vec![(name.to_owned(), "why".to_owned())];
    for name in NASTY.into_iter().chain(OPTIONS) {
        let hint = |error: VaultError| explain(&CliError::Vault(error)).unwrap().hint.unwrap();
        for text in [
            passwd::again(&kept(name)),
            hint(VaultError::CannotKeep(kept(name))),
            hint(VaultError::WrongForKeyslot { keyslot: name.to_owned(), what: vec!["password"], tokens: false }),
            hint(VaultError::ItemExists(name.to_owned())),
            hint(VaultError::ItemChanged(name.to_owned())),
            edit::for_a_new_password(name),
            Sentence::with("prove it", Line::new("restore").option("--kit", Value::file(name))),
        ] {
            names(&command_of(&text), name);
        }
        let [list, passwd, new] = sheet::tests::commands(name).try_into().unwrap();
        for command in [&list, &passwd] {
            // What the fonts lack cannot be copied from paper: the code then opens whatever it opens.
            if command.contains("--keyslot") {
                names(command, name);
            } else {
                assert!(!name.is_ascii() && !values(&read_by_a_shell(command)).is_empty(), "{command}");
            }
        }
        values(&read_by_a_shell(&new));
    }
}

#[test]
fn dashes_stand_where_they_are_needed() {
    let line =
        |name| Line::new("keyslot wipe").value(Names::Proven.of(name)).option("--keyslot", Names::Proven.of(name));
    assert_eq!(line("daily").text(), "twinlock keyslot wipe daily --keyslot=daily");
    assert_eq!(line("-x").text(), "twinlock keyslot wipe --keyslot=-x -- -x");
    assert_eq!(line("-x").arguments().unwrap(), ["keyslot", "wipe", "--keyslot=-x", "--", "-x"]);
    assert_eq!(line("two words").text(), "twinlock keyslot wipe 'two words' --keyslot='two words'");
    assert_eq!(line("two words").arguments().unwrap()[2..], ["two words", "--keyslot=two words"]);
    let out = Line::new("keyslot wipe").value(Names::Unproven.of("-x"));
    assert_eq!((out.text().as_str(), out.arguments(), out.is_whole()), ("twinlock keyslot wipe NAME", None, false));
    assert_eq!(Line::new("list").shown(), "'twinlock list'");
    assert_eq!(line("a b").shown(), "twinlock keyslot wipe 'a b' --keyslot='a b'", "quotes in quotes are nobody's");
}

#[test]
fn a_file_is_no_option_of_another_program() {
    assert_eq!(path("kit.pdf"), "kit.pdf");
    assert_eq!(path("-rf"), "./-rf");
    assert_eq!(path("my kit.pdf"), "'my kit.pdf'");
    assert_eq!(path("a\u{202e}b"), "FILE");
}
