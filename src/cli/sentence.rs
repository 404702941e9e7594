//! What is said to a person: prose, and a command with names in it at its end, if there is one.
//!
//! On a terminal such a command stands in a line by itself where it has quotes of its own. Nothing is put there but what `command` has made:
//! prose holds names from headers that nobody has verified, and one of them may read like a command, so none is ever looked for in it.

use super::command::Line;
use super::out::clean;
use crate::prompt::wrap;
use serde::{Serialize, Serializer};
use std::io::{self, IsTerminal, Write};

/// Prose, and the command that it ends with.
#[derive(Clone, Debug, Default)]
pub struct Sentence {
    prose: String,
    command: Option<Line>,
}

impl Sentence {
    /// Prose without the colon at its end, and the command that follows it.
    pub fn with(prose: impl Into<String>, command: Line) -> Self {
        Self { prose: prose.into(), command: Some(command) }
    }

    /// Nothing at all is said.
    pub fn is_empty(&self) -> bool {
        self.prose.is_empty() && self.command.is_none()
    }

    /// The command.
    #[cfg(test)]
    pub fn command(&self) -> Option<&Line> {
        self.command.as_ref()
    }

    /// In one line, for programs, which may search it.
    pub fn text(&self) -> String {
        match &self.command {
            Some(command) => format!("{}: {}", self.prose, command.shown()),
            None => self.prose.clone(),
        }
    }

    /// The prose, harmless to a terminal, and the command, if it gets a line by itself there: it is not broken, as a line end within a name
    /// would be copied with it, and a shell would run the first half.
    pub fn parts(&self) -> (String, Option<String>) {
        match &self.command {
            Some(command) if command.has_quotes() => (clean(&self.prose) + ":", Some(clean(&command.text()))),
            _ => (clean(&self.text()), None),
        }
    }

    /// In lines that fit a terminal, behind a beginning of ours.
    pub fn for_terminal(&self, beginning: &str) -> String {
        let (prose, command) = self.parts();
        let command = command.map_or_else(String::new, |command| format!("\n    {command}"));
        wrap(&format!("{beginning}{prose}")) + &command
    }

    /// Prints it on stderr: in lines that fit a terminal, and in whole ones for everything else, which may search them. stderr may be gone;
    /// there is nobody left to tell then.
    pub fn say(&self, beginning: &str) {
        let text = if io::stderr().is_terminal() {
            self.for_terminal(beginning)
        } else {
            clean(&format!("{beginning}{}", self.text()))
        };
        let _ = writeln!(io::stderr(), "{text}");
    }
}

impl From<&str> for Sentence {
    fn from(prose: &str) -> Self {
        prose.to_owned().into()
    }
}

impl From<&String> for Sentence {
    fn from(prose: &String) -> Self {
        prose.clone().into()
    }
}

impl From<String> for Sentence {
    fn from(prose: String) -> Self {
        Self { prose, command: None }
    }
}

impl Serialize for Sentence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

#[cfg(test)]
mod tests;
