//! Every sentence a person is asked or told while a secret is wanted, in one place: at most 80 columns a line, for somebody
//! who has never heard of keyslots.
//!
//! Names come from a header whose tag is not checked yet, and labels from a token: whoever wrote them must not be able to
//! steer the terminal (escape sequences, C1 controls) or turn a sentence round (Trojan Source, CVE-2021-42574).

use super::{Ask, Event, Purpose, Question, Tries};
use crate::encode::terminal;

/// Columns of the narrowest usual terminal.
const COLUMNS: usize = 80;
/// Longest name shown whole; a vault's may have 64 characters, two of which would fill two lines.
const NAME: usize = 40;

/// The prompt for a secret, up to where it is typed.
pub fn ask(ask: &Ask<'_>) -> String {
    let text = match ask {
        Ask::Password { vault, keyslot } => format!("Password {}", place(vault, keyslot)),
        Ask::NewPassword { vault, keyslot } => format!("New password {}", place(vault, keyslot)),
        Ask::ItemPassword { vault, item } => format!("Password of vault {}, for the item {}", name(vault), name(item)),
        Ask::NewItemPassword { item } => format!("New password for the item {}", name(item)),
        Ask::RepeatPassword => "The same password again".to_owned(),
        Ask::Any { vault, ways } => {
            let what = match (ways.password, ways.code) {
                (true, true) => "Password or recovery code",
                (false, true) => "Recovery code",
                _ => "Password",
            };
            let token = if ways.token { ", or insert a token" } else { "" };
            format!("{what} for vault {}{token}", name(vault))
        }
        Ask::RecoveryCode { vault, keyslot } => format!("Recovery code {}", place(vault, keyslot)),
        Ask::RepeatRecoveryCode => "Type the recovery code back, from where you keep it".to_owned(),
        Ask::Pin { token, tries, .. } => format!("PIN of token {}{}", name(token), left(*tries)),
        Ask::Puk { token, tries } => format!("PUK of token {}{}", name(token), left(*tries)),
        Ask::NewCode { code, token } => format!("New {} for token {} (6 to 8 characters)", code.name(), name(token)),
        Ask::RepeatCode { code } => format!("The same {} again", code.name()),
        Ask::ManagementKey { token, kind, digits } => {
            format!("Management key of token {} ({kind}, {digits} hexadecimal digits)", name(token))
        }
        Ask::Fake { name: fake } => format!("Secret of the test factor {}", name(fake)),
        Ask::Field { item, field } => format!("Value for {} of {}", name(field), name(item)),
        Ask::RepeatField => "The same value again".to_owned(),
        Ask::Note { item } => {
            return wrap(&format!("Text of {}; Ctrl-D on an empty line ends it, Ctrl-C gives up:\n", name(item)));
        }
    };
    wrap(&format!("{text}: "))
}

/// Tries left, behind what is asked for.
fn left(tries: Tries) -> String {
    match tries {
        Tries::Unknown | Tries::Full => String::new(),
        Tries::Low => " (a wrong PIN was given before)".to_owned(),
        Tries::Last | Tries::Exactly(1) => " (last try before the token locks)".to_owned(),
        Tries::Exactly(0) => " (the token is locked)".to_owned(),
        Tries::Exactly(left) => format!(" ({left} tries left)"),
    }
}

/// A question with its `[y/N]` or `[Y/n]`.
pub fn question(question: &Question<'_>) -> String {
    match question {
        Question::WeakPassword { score, time, advice } => {
            let weak = if *score < 2 { "very weak" } else { "weak" };
            let told = format!("This password is {weak}: whoever has the file can guess it in {}.", clean(time));
            let advice = clean(advice);
            let lines = [told.as_str(), advice.trim(), "Keep it all the same? [y/N] "];
            lines.iter().filter(|line| !line.is_empty()).map(|line| wrap(line)).collect::<Vec<_>>().join("\n")
        }
        Question::Plain(text) => wrap(&format!("{} [y/N] ", clean(text))),
        Question::YesByDefault(text) => wrap(&format!("{} [Y/n] ", clean(text))),
    }
}

/// What is said to an answer that is neither yes nor no.
pub fn yes_or_no(question: &Question<'_>) -> String {
    format!("Please type y for yes or n for no. {} ", if question.default_answer() { "[Y/n]" } else { "[y/N]" })
}

/// The label of a line that is not secret.
pub fn label(text: &str) -> String {
    // A question brings its own end: "Which? [1]".
    let end = if text.ends_with(['?', ']']) { " " } else { ": " };
    wrap(&format!("{}{end}", clean(text)))
}

/// What happened, without a line end, and not yet broken into lines.
pub fn event(event: &Event<'_>) -> String {
    match event {
        Event::PinPad { token } => {
            format!("Type the PIN on the keypad of token {}, then confirm it there.", name(token))
        }
        Event::WrongPin { token, tries } => {
            let left = match tries {
                Tries::Unknown | Tries::Full => {
                    ". It does not say how many tries are left, so only one more is made now.".to_owned()
                }
                Tries::Low => "; there are few tries left.".to_owned(),
                Tries::Last | Tries::Exactly(1) => "; one more wrong PIN locks it.".to_owned(),
                Tries::Exactly(0) => ", and now it is locked.".to_owned(),
                Tries::Exactly(left) => format!("; {left} tries are left."),
            };
            format!("That is not the PIN of token {}{left}", name(token))
        }
        Event::Slow { token } => format!("Waiting for token {}: touch it if it blinks", name(token)),
        Event::WrongSecret { what, others } => {
            let others = if *others { "Enter alone tries another way in, " } else { "" };
            format!("That {} is wrong. Try again; {others}Ctrl-C stops.", clean(what))
        }
        Event::Ways { ways } => {
            let ways: Vec<_> = ways.iter().map(|way| plain_name(way)).collect();
            format!("Ways in: {}. Esc leaves one for the next.", ways.join(", "))
        }
        Event::Taken { what, needed, wrong_alone } => {
            let (what, needed) = (clean(what), clean(needed));
            if *wrong_alone {
                return format!("That {what} opens nothing by itself. It is kept: {needed}, or type another one.");
            }
            let capital = what.get(..1).unwrap_or_default().to_uppercase() + what.get(1..).unwrap_or_default();
            format!("{capital} taken, now {needed}. Only then it shows whether it is right.")
        }
        Event::MistypedCode { why } => format!("That recovery code cannot be right: {}.", clean(why)),
        Event::Item { item, asker } => {
            format!("The item {} is to be opened, asked for by {}.", name(item), plain_name(asker))
        }
        Event::Touch { token, purpose, maybe } => {
            let purpose = match purpose {
                Purpose::Unlock(vault) => format!("unlock {}", name(vault)),
                Purpose::Item { item, asker } => {
                    format!("open the item {}, asked for by {}", name(item), plain_name(asker))
                }
                Purpose::Answer { from, vault } => format!("help {} to open {}", name(from), name(vault)),
                Purpose::Enroll(vault) => format!("enroll it for {}", name(vault)),
                Purpose::Test => "test its key".to_owned(),
                Purpose::Certificate => "sign the certificate of its key".to_owned(),
                Purpose::Manage => "let its keys be changed".to_owned(),
            };
            let blinks = if *maybe { " if it blinks," } else { "" };
            format!("Touch {}{blinks} to {purpose}", plain_name(token))
        }
        Event::CardBusy { token } => {
            format!("Waiting for the {}: another program may be using it. Ctrl-C stops.", plain_name(token))
        }
        Event::Insert { tokens, vault } => {
            let tokens: Vec<_> = tokens.iter().map(|token| plain_name(token)).collect();
            format!("Insert {} to unlock {}; Ctrl-C stops", tokens.join(" or "), name(vault))
        }
        Event::InsertForItem { tokens, item } => {
            let tokens: Vec<_> = tokens.iter().map(|token| plain_name(token)).collect();
            format!("Insert {} for the item {}; Ctrl-C stops", tokens.join(" or "), name(item))
        }
        Event::EnterWaits { tokens, others } => {
            let tokens: Vec<_> = tokens.iter().map(|token| plain_name(token)).collect();
            let others = if *others { "try another way in, then " } else { "" };
            format!("Enter alone: {others}wait for {}", tokens.join(" or "))
        }
        Event::Held { why, holder } => format!("{}\ntwinlock: hint: {}", clean(why), let_go(*holder)),
        Event::Mismatch => "The two passwords differ. Type both again.".to_owned(),
        Event::CodeMismatch(code) => format!("The two {}s differ. Type both again.", code.name()),
        Event::Warning(text) => format!("twinlock: warning: {}", clean(text)),
        Event::Note(text) => clean(text),
    }
}

/// What a person can do about a program that keeps a card for itself.
pub fn let_go(holder: Option<&str>) -> &'static str {
    match holder {
        Some(name) if name.starts_with("scdaemon") => "GnuPG keeps it: 'gpgconf --kill scdaemon' makes it let go",
        _ => {
            "if it blinks, touch it, or wait 15 seconds; else close other programs that use smart cards (GnuPG: 'gpgconf --kill scdaemon')"
        }
    }
}

/// Where a password or code belongs.
fn place(vault: &str, keyslot: &str) -> String {
    format!("for vault {} (keyslot {})", name(vault), name(keyslot))
}

/// A name in quotes: on one line, harmless, and not endless.
fn name(name: &str) -> String {
    let name = clean(name).replace('\n', "\u{fffd}");
    if name.chars().count() <= NAME {
        return format!("'{name}'");
    }
    format!("'{}…'", name.chars().take(NAME - 1).collect::<String>())
}

/// A name that says by itself what it is, "YubiKey 12345678 (ada)": on one line and harmless.
fn plain_name(name: &str) -> String {
    clean(name).replace('\n', "\u{fffd}")
}

/// The text with everything that steers a terminal, or is not seen in it, made visible as U+FFFD. Line ends stay.
fn clean(text: &str) -> String {
    terminal::clean(text, &['\n'])
}

/// Breaks lines at single spaces so that none is longer than a terminal; a word longer than that stays whole.
pub fn wrap(text: &str) -> String {
    wrap_under(text, "")
}

/// The same; what stands before the lines that go on.
pub fn wrap_under(text: &str, indent: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut column = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(unbroken(rest));
        rest = after;
        let width = piece.trim_end_matches([' ', '\n']).chars().count();
        if column > 0 && column + width > COLUMNS {
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
            out.push_str(indent);
            column = indent.chars().count();
        }
        if width > COLUMNS && piece.trim_end().contains(' ') {
            let last = push_broken(&mut out, piece, indent);
            column = if piece.ends_with('\n') { 0 } else { last };
            continue;
        }
        out.push_str(piece);
        column = if piece.ends_with('\n') { 0 } else { column + piece.chars().count() };
    }
    out
}

/// A long word with our program's name behind it: the terminal would break it just before the name, if that is where its line ends. So it is
/// broken here, within the word. Gives the width of the last line.
fn push_broken(out: &mut String, text: &str, indent: &str) -> usize {
    let text: Vec<char> = text.chars().collect();
    let ours = |rest: &[char]| rest.iter().collect::<String>().trim_start().starts_with("twinlock");
    let (mut rest, mut before) = (text.as_slice(), 0);
    while before + rest.len() > COLUMNS {
        let mut at = COLUMNS - before;
        while at > 1 && ours(&rest[at..]) {
            at -= 1;
        }
        out.extend(&rest[..at]);
        out.push('\n');
        out.push_str(indent);
        (rest, before) = (&rest[at..], indent.chars().count());
    }
    out.extend(rest);
    before + rest.len()
}

/// Bytes that stay in one line: a word, with the space or line end behind it. No line begins with our program's name because it was broken
/// there: a name with such words in it, from a header that nobody has verified, would look like a command that was meant to be typed.
fn unbroken(text: &str) -> usize {
    let mut end = 0;
    for piece in text.split_inclusive([' ', '\n']) {
        end += piece.len();
        let next = text[end..].trim_start_matches(|c: char| c.is_whitespace() && c != '\n');
        if piece.ends_with('\n') || !next.starts_with("twinlock") {
            break;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::super::Code;
    use super::*;

    const VAULT: &str = "personal";
    const KEYSLOT: &str = "daily";

    #[test]
    fn the_prompts() {
        let cases = [
            (Ask::Password { vault: VAULT, keyslot: KEYSLOT }, "Password for vault 'personal' (keyslot 'daily'): "),
            (
                Ask::NewPassword { vault: VAULT, keyslot: KEYSLOT },
                "New password for vault 'personal' (keyslot 'daily'): ",
            ),
            (Ask::ItemPassword { vault: VAULT, item: "bank" }, "Password of vault 'personal', for the item 'bank': "),
            (Ask::NewItemPassword { item: "bank" }, "New password for the item 'bank': "),
            (Ask::RepeatPassword, "The same password again: "),
            (Ask::RecoveryCode { vault: VAULT, keyslot: "r" }, "Recovery code for vault 'personal' (keyslot 'r'): "),
            (Ask::RepeatRecoveryCode, "Type the recovery code back, from where you keep it: "),
            (Ask::Pin { token: "ada 0123", tries: Tries::Full, vouched: true }, "PIN of token 'ada 0123': "),
            (
                Ask::Pin { token: "ada", tries: Tries::Last, vouched: true },
                "PIN of token 'ada' (last try before the token locks): ",
            ),
            (Ask::Pin { token: "ada", tries: Tries::Exactly(2), vouched: true }, "PIN of token 'ada' (2 tries left): "),
            (
                Ask::Pin { token: "ada", tries: Tries::Low, vouched: true },
                "PIN of token 'ada' (a wrong PIN was given before): ",
            ),
            (
                Ask::Puk { token: "ada", tries: Tries::Exactly(1) },
                "PUK of token 'ada' (last try before the token locks): ",
            ),
            (Ask::NewCode { code: Code::Pin, token: "ada" }, "New PIN for token 'ada' (6 to 8 characters): "),
            (Ask::RepeatCode { code: Code::Puk }, "The same PUK again: "),
            (
                Ask::ManagementKey { token: "ada", kind: "3DES", digits: 48 },
                "Management key of token 'ada' (3DES, 48 hexadecimal digits): ",
            ),
            (Ask::Field { item: "github", field: "password" }, "Value for 'password' of 'github': "),
            (Ask::RepeatField, "The same value again: "),
            (Ask::Note { item: "wifi" }, "Text of 'wifi'; Ctrl-D on an empty line ends it, Ctrl-C gives up:\n"),
        ];
        for (case, expected) in cases {
            assert_eq!(ask(&case), expected);
        }
    }

    #[test]
    fn a_weak_password_is_explained_before_the_question() {
        let weak = Question::WeakPassword { score: 1, time: "3 hours", advice: "Add another word or two." };
        let lines = "This password is very weak: whoever has the file can guess it in 3 hours.\n\
                     Add another word or two.\nKeep it all the same? [y/N] ";
        assert_eq!(question(&weak), lines);
        assert_eq!(question(&Question::WeakPassword { score: 2, time: "3 days", advice: "" }).lines().count(), 2);
        assert_eq!(question(&Question::Plain("Wipe keyslot 'daily'?")), "Wipe keyslot 'daily'? [y/N] ");
        assert_eq!(question(&Question::YesByDefault("Make one?")), "Make one? [Y/n] ");
    }

    #[test]
    fn the_events() {
        let ada = ["YubiKey 12345678 (ada)".to_owned()];
        let cases = [
            (
                Event::WrongPin { token: "ada", tries: Tries::Last },
                "That is not the PIN of token 'ada'; one more wrong PIN locks it.",
            ),
            (
                Event::WrongPin { token: "ada", tries: Tries::Unknown },
                "That is not the PIN of token 'ada'. It does not say how many tries are left, so\nonly one more is made now.",
            ),
            (
                Event::WrongPin { token: "ada", tries: Tries::Exactly(0) },
                "That is not the PIN of token 'ada', and now it is locked.",
            ),
            (Event::Slow { token: "ada" }, "Waiting for token 'ada': touch it if it blinks"),
            (
                Event::WrongSecret { what: "password", others: false },
                "That password is wrong. Try again; Ctrl-C stops.",
            ),
            (
                Event::WrongSecret { what: "password", others: true },
                "That password is wrong. Try again; Enter alone tries another way in, Ctrl-C\nstops.",
            ),
            (
                Event::MistypedCode { why: "group 3 is mistyped" },
                "That recovery code cannot be right: group 3 is mistyped.",
            ),
            (Event::Warning("it is late"), "twinlock: warning: it is late"),
            (Event::EnterWaits { tokens: &ada, others: false }, "Enter alone: wait for YubiKey 12345678 (ada)"),
            (
                Event::EnterWaits { tokens: &ada, others: true },
                "Enter alone: try another way in, then wait for YubiKey 12345678 (ada)",
            ),
            (
                Event::Held { why: "the card in 'R' is held", holder: Some("scdaemon 77") },
                "the card in 'R' is held\ntwinlock: hint: GnuPG keeps it: 'gpgconf --kill scdaemon' makes it let go",
            ),
        ];
        for (case, expected) in cases {
            assert_eq!(wrap(&event(&case)), expected);
        }
    }

    #[test]
    fn no_name_steers_the_terminal() {
        let evil = "a\u{1b}]0;x\u{7}\u{9b}2J\r\n\u{202e}\u{feff}b";
        let asked = ask(&Ask::Pin { token: evil, tries: Tries::Full, vouched: true });
        assert_eq!(asked, "PIN of token 'a\u{fffd}]0;x\u{fffd}\u{fffd}2J\u{fffd}\u{fffd}\u{fffd}\u{fffd}b': ");
        assert!(!event(&Event::Note(evil)).contains(['\u{1b}', '\u{9b}', '\r', '\u{202e}']));
    }

    #[test]
    fn no_line_is_longer_than_a_terminal() {
        let long = "x".repeat(64);
        let two = [
            ask(&Ask::NewPassword { vault: &long, keyslot: &long }),
            ask(&Ask::Pin { token: &long, tries: Tries::Last, vouched: true }),
            wrap(&event(&Event::WrongPin { token: &long, tries: Tries::Exactly(0) })),
            wrap(&event(&Event::Note(&"word ".repeat(100)))),
            question(&Question::Plain(&"word ".repeat(17))),
        ];
        for text in two {
            assert!(text.lines().count() > 1, "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= COLUMNS), "{text}");
        }
    }

    #[test]
    fn wrapping_keeps_words_and_line_ends() {
        assert_eq!(wrap("one two"), "one two");
        assert_eq!(wrap("one\ntwo: "), "one\ntwo: ");
        let word = "w".repeat(79);
        assert_eq!(wrap(&format!("{word} tail\nlast")), format!("{word}\ntail\nlast"));
        assert_eq!(wrap(&"w".repeat(90)), "w".repeat(90));
        assert_eq!(wrap_under(&format!("{word} tail"), "  "), format!("{word}\n  tail"));
    }

    #[test]
    fn no_broken_line_begins_with_our_name() {
        for name in
            ["x: twinlock list #", "x   twinlock twinlock list", "x \u{a0}twinlock\u{3000}twinlock", " twinlock x"]
        {
            for before in 0..200 {
                let text = format!("{}'{name}' and more", "w ".repeat(before));
                let broken = wrap_under(&text, "  ");
                assert_eq!(broken.replace("\n  ", " ").replace(' ', ""), text.replace(' ', ""));
                assert!(!broken.lines().any(|line| line.trim_start().starts_with("twinlock")), "{broken}");
                assert!(broken.lines().all(|line| line.chars().count() <= COLUMNS), "{broken}");
            }
        }
        // Nor where the terminal would break what is longer than its line.
        for before in 60..180 {
            let text = format!("{} twinlock${{IFS}}list;# and more", "a".repeat(before));
            let broken = wrap_under(&text, "  ");
            assert_eq!(broken.replace("\n  ", "").replace(' ', ""), text.replace(' ', ""));
            assert!(!broken.lines().any(|line| line.trim_start().starts_with("twinlock")), "{broken}");
            assert!(broken.lines().all(|line| line.chars().count() <= COLUMNS), "{broken}");
        }
    }
}
