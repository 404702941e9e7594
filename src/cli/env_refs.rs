//! Which variable gets which item's field: `NAME=ITEM`, `NAME=ITEM/FIELD`, from the command line or a file.

use super::report::CliError;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

/// Bytes of a file with these, at most.
const MAX_FILE: u64 = 1 << 20;

/// One variable and what it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// A name as every shell can use it.
    pub name: String,
    /// What it gets.
    pub reference: Reference,
}

/// A field of an item. What follows the last '/' is the field, whatever items there are: looking for the longest name first would let
/// somebody who adds an item 'db/password' change what 'db/password' means to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The item's name.
    pub item: String,
    /// Its field, if it is said.
    pub field: Option<String>,
}

impl Reference {
    /// As it was written.
    pub fn whole(&self) -> String {
        self.field.as_ref().map_or_else(|| self.item.clone(), |field| format!("{}/{field}", self.item))
    }
}

impl FromStr for Assignment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, reference) = text.split_once('=').ok_or("it is NAME=ITEM or NAME=ITEM/FIELD")?;
        let fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(fine) {
            return Err("a variable's name has letters, digits and '_', and no digit at its beginning");
        }
        let (item, field) = match reference.rsplit_once('/') {
            Some((item, field)) => (item, Some(field)),
            None => (reference, None),
        };
        if item.is_empty() || field.is_some_and(str::is_empty) {
            return Err("the name of the item or of its field is missing");
        }
        let reference = Reference { item: item.to_owned(), field: field.map(str::to_owned) };
        Ok(Self { name: name.to_owned(), reference })
    }
}

/// Those of a file, a line each.
pub fn read_file(path: &Path) -> Result<Vec<Assignment>, CliError> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE).read_to_string(&mut text));
    read.map_err(|error| CliError::File { doing: "read the file of --env-file", path: path.into(), error })?;
    let lines = text.lines().map(str::trim).enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(at, line)| {
            // The line itself is not shown: whoever writes a secret into such a file by mistake would find it in a log.
            line.parse().map_err(|why| CliError::Usage {
                message: format!("line {} of '{}' cannot be used: {why}", at + 1, path.display()),
                hint: "write it like DB_PASSWORD=db/password".into(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(String, String, Option<String>)> {
        let one: Assignment = text.parse().ok()?;
        Some((one.name, one.reference.item, one.reference.field))
    }

    #[test]
    fn the_last_slash_divides() {
        let want = |name: &str, item: &str, field: Option<&str>| {
            Some((name.to_owned(), item.to_owned(), field.map(str::to_owned)))
        };
        assert_eq!(parsed("A=github"), want("A", "github", None));
        assert_eq!(parsed("_a1=a b/c/d e"), want("_a1", "a b/c", Some("d e")));
        assert_eq!(parsed("A=x=y"), want("A", "x=y", None));
        for bad in ["", "A", "=x", "1A=x", "A-B=x", "A=", "A=/x", "A=x/", "A=/", "É=x"] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_file_has_a_line_each_and_a_bad_one_is_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("env");
        std::fs::write(&path, "# names\n\n A=github \r\nB=db/prod/password\n").unwrap();
        let names: Vec<_> = read_file(&path).unwrap().into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["A", "B"]);
        std::fs::write(&path, "A=x\nhunter2\n").unwrap();
        let Err(CliError::Usage { message, .. }) = read_file(&path) else { panic!("it is no name") };
        assert!(message.starts_with("line 2 of '") && !message.contains("hunter2"), "{message}");
        assert!(read_file(&dir.path().join("none")).is_err());
    }
}
