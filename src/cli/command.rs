//! A command as a person copies it, and as a program takes it: the only place that writes one with a name in it.
//!
//! Many names come from a header that nobody has verified. Quotes keep a shell from running `$(x)`, and do not keep `--module=/x.so`
//! from being an option, which loads code: so a name is joined to its option (`--keyslot=NAME`) or stands behind `--`. Of a header that
//! nobody has verified no name that begins with a dash is written at all, nor any name with characters that output takes out, which would
//! be another one when copied: a word like NAME stands in its place then.

use crate::encode::terminal::steers;

/// Who vouches for names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// The account key has vouched for the header, or the person has typed them.
    Proven,
    /// The header is only what a file says.
    Unproven,
}

impl Names {
    /// A name in a command.
    pub fn of(self, text: &str) -> Value<'_> {
        Value { text, names: self, place: "NAME" }
    }
}

/// A word of a command that is not ours.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    text: &'a str,
    names: Names,
    place: &'static str,
}

impl<'a> Value<'a> {
    /// A file, as the person has named it.
    pub fn file(path: &'a str) -> Self {
        Names::Proven.of(path).or("FILE")
    }

    /// Another word than NAME for what is not written.
    pub fn or(self, place: &'static str) -> Self {
        Self { place, ..self }
    }

    fn is_written(self) -> bool {
        let option = self.names == Names::Unproven && self.text.starts_with('-');
        !option && !self.text.chars().any(steers)
    }

    fn argument(self) -> &'a str {
        if self.is_written() { self.text } else { self.place }
    }
}

/// A word with all that is said of it.
#[derive(Clone, Debug)]
struct Word {
    /// Before a shell has read it.
    typed: String,
    /// After that.
    argument: String,
    /// Not an option, and taken for one if it does not stand behind `--`.
    needs_dashes: bool,
    /// Neither an option nor its value.
    positional: bool,
}

/// A command of this program.
#[derive(Clone, Debug)]
pub struct Line {
    words: Vec<Word>,
    whole: bool,
}

impl Line {
    /// The command and more words of ours, with spaces between them.
    pub fn new(ours: &str) -> Self {
        Self { words: Vec::new(), whole: true }.and(ours)
    }

    /// More words of ours: nothing of them is quoted.
    pub fn and(mut self, ours: &str) -> Self {
        for word in ours.split(' ') {
            let (typed, argument) = (word.to_owned(), word.to_owned());
            self.words.push(Word { typed, argument, needs_dashes: false, positional: false });
        }
        self
    }

    /// An option with its value, joined, so that no value is an option.
    pub fn option(mut self, option: &str, value: Value<'_>) -> Self {
        self.whole &= value.is_written();
        let (typed, argument) =
            (format!("{option}={}", quoted(value.argument())), format!("{option}={}", value.argument()));
        self.words.push(Word { typed, argument, needs_dashes: false, positional: false });
        self
    }

    /// A value by itself.
    pub fn value(mut self, value: Value<'_>) -> Self {
        self.whole &= value.is_written();
        let argument = value.argument().to_owned();
        let needs_dashes = argument.starts_with('-');
        self.words.push(Word { typed: quoted(&argument), argument, needs_dashes, positional: true });
        self
    }

    /// Whether every name is written, so that it does what it should as it is.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// What follows the program's name, for programs; none if a name is not written.
    pub fn arguments(&self) -> Option<Vec<String>> {
        self.whole.then(|| self.in_order().map(|word| word.argument).collect())
    }

    /// As it is typed, on a line of its own.
    pub fn text(&self) -> String {
        let words = self.in_order().map(|word| format!(" {}", word.typed));
        format!("twinlock{}", words.collect::<String>())
    }

    /// At the end of a sentence: in quotes like other commands, but where it has quotes of its own, which nobody could tell from them.
    pub fn shown(&self) -> String {
        let text = self.text();
        if self.has_quotes() { text } else { format!("'{text}'") }
    }

    /// Whether it has quotes of its own.
    pub fn has_quotes(&self) -> bool {
        self.words.iter().any(|word| word.typed.contains('\''))
    }

    /// With `--` and what needs it at the end.
    fn in_order(&self) -> impl Iterator<Item = Word> {
        let dashes = self.words.iter().any(|word| word.needs_dashes);
        let (behind, before): (Vec<Word>, Vec<Word>) =
            self.words.iter().cloned().partition(|word| dashes && word.positional);
        let dashes = dashes.then(|| Word {
            typed: "--".to_owned(),
            argument: "--".to_owned(),
            needs_dashes: false,
            positional: false,
        });
        before.into_iter().chain(dashes).chain(behind)
    }
}

/// A file for a command of another program: never an option of it.
pub fn path(path: &str) -> String {
    let path = Value::file(path).argument();
    if path.starts_with('-') { quoted(&format!("./{path}")) } else { quoted(path) }
}

/// A word as a shell takes it for one.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+:=@".contains(c);
    // zsh takes the rest of a word that begins with = for a program.
    if !word.is_empty() && !word.starts_with('=') && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
