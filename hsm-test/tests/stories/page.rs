//! docs/recovery.md: its stories, the commands in them, and how an answer is put back into it.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// The stories of the page are told at once, each by a test, and each may write its answers.
static WRITING: Mutex<()> = Mutex::new(());
/// How a block of a story begins.
const BLOCK: &str = "```console";
/// How any block ends.
const END: &str = "```";

/// The page as it is.
pub struct Page {
    lines: Vec<String>,
}

/// One thing that is done in a story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `# plug in the new YubiKey`: without the sign.
    Hand(String),
    /// `$ twinlock list`: without the sign; and what is answered, with the lines of the page on which it stands.
    Typed(String, Vec<String>, Range<usize>),
}

impl Step {
    /// Whether it is a command.
    pub fn is_typed(&self) -> bool {
        matches!(self, Self::Typed(..))
    }
}

impl Page {
    /// The page in this repository.
    pub fn read() -> Self {
        let text = std::fs::read_to_string(path()).unwrap_or_else(|why| panic!("'{}': {why}", path().display()));
        Self { lines: text.lines().map(str::to_owned).collect() }
    }

    /// All of it.
    pub fn text(&self) -> String {
        self.lines.join("\n") + "\n"
    }

    /// Titles of the parts in which something is typed, in their order.
    pub fn stories(&self) -> Vec<&str> {
        let titles = self.lines.iter().filter_map(|line| line.strip_prefix("## "));
        titles.filter(|title| self.steps(title).iter().any(Step::is_typed)).collect()
    }

    /// What is done in a story.
    pub fn steps(&self, title: &str) -> Vec<Step> {
        let begin = self.lines.iter().position(|line| line.strip_prefix("## ") == Some(title));
        let begin = begin.unwrap_or_else(|| panic!("the page has no part '{title}'")) + 1;
        let rest = self.lines[begin..].iter().position(|line| line.starts_with("## "));
        let end = rest.map_or(self.lines.len(), |lines| begin + lines);
        let mut steps = Vec::new();
        let mut inside = false;
        for (number, line) in self.lines[..end].iter().enumerate().skip(begin) {
            match (inside, line.as_str()) {
                (false, BLOCK) => inside = true,
                (true, END) => inside = false,
                (true, line) => read_line(&mut steps, number, line),
                (false, _) => {}
            }
        }
        steps
    }

    /// Puts answers into a story, in the order of its commands.
    pub fn write(title: &str, answers: &[Vec<String>]) {
        let _alone = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page = Self::read();
        let places = page.steps(title).into_iter().filter_map(|step| match step {
            Step::Typed(_, _, place) => Some(place),
            Step::Hand(_) => None,
        });
        let both: Vec<_> = places.zip(answers).collect();
        // From the end, so that the lines before stay where they are.
        for (place, answer) in both.into_iter().rev() {
            page.lines.splice(place, answer.iter().cloned());
        }
        std::fs::write(path(), page.text()).unwrap_or_else(|why| panic!("'{}': {why}", path().display()));
    }
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/recovery.md")
}

fn read_line(steps: &mut Vec<Step>, number: usize, line: &str) {
    if let Some(command) = line.strip_prefix("$ ") {
        steps.push(Step::Typed(command.to_owned(), Vec::new(), number + 1..number + 1));
    } else if let Some(hand) = line.strip_prefix("# ") {
        steps.push(Step::Hand(hand.to_owned()));
    } else if let Some(Step::Typed(_, answer, place)) = steps.last_mut() {
        answer.push(line.to_owned());
        place.end = number + 1;
    } else {
        assert!(line.is_empty(), "line {} of the page is the answer to nothing: {line}", number + 1);
    }
}

#[test]
fn a_line_is_typed_done_or_answered() {
    let mut steps = Vec::new();
    for (number, line) in ["# hands", "$ twinlock list", "one", "", "$ twinlock status"].into_iter().enumerate() {
        read_line(&mut steps, number, line);
    }
    let typed = |line: &str, answer: &[&str], place| {
        Step::Typed(line.to_owned(), answer.iter().map(ToString::to_string).collect(), place)
    };
    let expected = [
        Step::Hand("hands".to_owned()),
        typed("twinlock list", &["one", ""], 2..4),
        typed("twinlock status", &[], 5..5),
    ];
    assert_eq!(steps, expected);
}
