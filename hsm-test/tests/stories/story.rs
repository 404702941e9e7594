//! One story: its commands typed in their order, its answers held against the page.

use crate::machine::Machine;
use crate::page::{Page, Step};
use crate::pty::Pty;
use crate::{screen, steady};
use std::collections::VecDeque;
use std::io::Write as _;
use std::time::Instant;

/// What a person does at a prompt.
pub enum Keys {
    /// Types it, and it may be seen: an answer to a question, a name.
    Plain(String),
    /// Types it, and it must not be seen.
    Secret(String),
    /// Types the recovery code that was shown last: back, or in a later command.
    Code,
}

/// The next prompt, by the end of its text, and what is done there.
pub type Typing = (&'static str, Keys);

/// Answers a question.
pub fn says(prompt: &'static str, text: &str) -> Typing {
    (prompt, Keys::Plain(text.to_owned()))
}

/// Types a password, PIN or code.
pub fn types(prompt: &'static str, secret: &str) -> Typing {
    (prompt, Keys::Secret(secret.trim().to_owned()))
}

/// Types the code that the story has shown last.
pub fn types_new_code(prompt: &'static str) -> Typing {
    (prompt, Keys::Code)
}

/// Tells a story, beginning on this machine. `typing`: what is typed at its prompts, in their order. `hand` does what a line with `#` says,
/// and gives the machine on which the story goes on, if that is another one; what it does not know it panics for.
pub fn tell<'a>(
    title: &str,
    first: &'a Machine,
    typing: impl IntoIterator<Item = Typing>,
    mut hand: impl FnMut(&str) -> Option<&'a Machine>,
) {
    let mut machine = first;
    let mut typing: VecDeque<Typing> = typing.into_iter().collect();
    let mut answers = Vec::new();
    let mut shown = String::new();
    let mut wrong = String::new();
    let begun = Instant::now();
    for step in Page::read().steps(title) {
        match step {
            Step::Hand(line) => machine = hand(&line).unwrap_or(machine),
            Step::Typed(line, page, _) => {
                let screen = typed(machine, &line, &mut typing, &mut shown);
                if !steady::same(&page, &screen) {
                    let (page, screen) = (page.join("\n"), screen.join("\n"));
                    let both = ["$ ", &line, "\n--- on the page\n", &page, "\n--- on the screen\n", &screen, "\n"];
                    wrong.push_str(&both.concat());
                }
                answers.push(screen);
            }
        }
    }
    let took = begun.elapsed().as_secs_f32();
    // Not eprintln!: the test harness would swallow it.
    let _ = writeln!(std::io::stderr(), "\n'{title}' took {took:.1} s");
    let left: Vec<&str> = typing.iter().map(|(prompt, _)| *prompt).collect();
    assert!(left.is_empty(), "nobody asked for: {left:?}\n{wrong}");
    if wrong.is_empty() {
        return;
    }
    if std::env::var_os("TWINLOCK_UPDATE_SNAPSHOTS").is_some() {
        // All of them, so that dates and ids agree in a story.
        Page::write(title, &answers);
    } else {
        panic!("docs/recovery.md does not say what happens; TWINLOCK_UPDATE_SNAPSHOTS=1 writes it\n{wrong}");
    }
}

/// Types a command, and what it asks for. What is on the screen then.
fn typed(machine: &Machine, line: &str, typing: &mut VecDeque<Typing>, code: &mut String) -> Vec<String> {
    let args = line.strip_prefix("twinlock ").unwrap_or_else(|| panic!("not a command of twinlock: {line}"));
    let mut terminal = Pty::spawn(&machine.command(args));
    let mut secrets = Vec::new();
    while let Some((prompt, _)) = typing.front() {
        if !terminal.expect_or_end(prompt) {
            break;
        }
        let (_, keys) = typing.pop_front().expect("it was looked at");
        let text = match keys {
            Keys::Plain(text) => text,
            Keys::Code => {
                if let Some(new) = last_code(&terminal.transcript()) {
                    *code = new;
                }
                code.clone()
            }
            Keys::Secret(text) => {
                secrets.push(text.clone());
                text
            }
        };
        terminal.send(format!("{text}\r"));
    }
    let status = terminal.wait_exit();
    let shown = screen::lines(&machine.plain(&terminal.transcript()));
    let text = shown.join("\n");
    assert_eq!(!status.success(), text.contains("twinlock: error: "), "{line}: {status}\n{text}");
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        assert!(!text.contains(secret.as_str()), "{line}: a secret stays on the screen:\n{text}");
    }
    shown
}

/// The recovery code that was shown last.
fn last_code(screen: &str) -> Option<String> {
    let code = |word: &&str| word.len() == 47 && word.split('-').count() == 8;
    screen.split_whitespace().rfind(code).map(str::to_owned)
}
