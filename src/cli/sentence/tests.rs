use super::*;
use crate::cli::command::Names;

fn drill(name: &str) -> Line {
    Line::new("recovery drill").value(Names::Unproven.of(name))
}

#[test]
fn a_command_with_quotes_has_a_line_by_itself() {
    let hint = Sentence::with("try it", drill("two words"));
    assert_eq!(hint.text(), "try it: twinlock recovery drill 'two words'");
    assert_eq!(
        hint.for_terminal("twinlock: hint: "),
        "twinlock: hint: try it:\n    twinlock recovery drill 'two words'"
    );
    let hint = Sentence::with("try it", drill("daily"));
    assert_eq!(hint.for_terminal("twinlock: hint: "), "twinlock: hint: try it: 'twinlock recovery drill daily'");
}

#[test]
fn a_command_is_not_looked_for_in_prose() {
    let name = "x: twinlock token list --module='/tmp/e.so' #";
    let what = Sentence::from(format!("keyslot '{name}' asks for less"));
    assert_eq!(what.for_terminal(""), what.text());
    let hint = Sentence::with("try it", drill(name)).for_terminal("");
    let [prose, command] = hint.lines().collect::<Vec<_>>().try_into().unwrap();
    assert_eq!((prose, command.trim_start()), ("try it:", drill(name).text().as_str()));
}

#[test]
fn nothing_steers_the_terminal() {
    let shown =
        Sentence::with("\u{1b}[2J", drill("a b")).for_terminal("") + &Sentence::from("a\u{202e}b").for_terminal("");
    assert_eq!(shown, "\u{fffd}[2J:\n    twinlock recovery drill 'a b'a\u{fffd}b");
}

#[test]
fn nothing_said_is_empty() {
    assert!(Sentence::from("").is_empty() && !Sentence::from("x").is_empty());
    assert!(!Sentence::with("", drill("daily")).is_empty());
}
