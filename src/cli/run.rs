//! `twinlock run`: secrets in the environment of one command, and nowhere else: not in its arguments, not in a file.
//!
//! The command takes the place of this program (execve(2)): no process with an account key in it stays, signals and the exit code are the
//! command's own without anybody in between, and a service manager sees the service itself.

use super::env_refs::{Assignment, Reference, read_file};
use super::report::{self, CliError, system};
use super::session::Session;
use super::{confirm, get, harden, inherited};
use crate::item::{Item, Text};
use crate::store::RecordId;
use crate::vault::{Found, Refusal, VaultError};
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

/// The command is there and cannot be run, as shells say it.
const NOT_RUNNABLE: u8 = 126;
/// The command is not there, as shells say it.
const NO_COMMAND: u8 = 127;

/// Run a command with secrets in its environment
///
/// All values are fetched before the command starts; if one is missing, nothing is started. The command then takes the place of
/// twinlock: signals and the exit code are its own.
#[derive(clap::Args)]
#[command(after_help = "\
ITEM is an item's name, and its value the field 'password', or its only field. With a '/', what follows the last one is the field: a name \
that has a '/' in it needs its field, as in db/prod/password.

A file for --env-file has a line NAME=ITEM/FIELD for each; it holds names, no secrets. Empty lines and those that begin with # are left out.

    twinlock run --env DB_PASSWORD=db/password -- ./serve --port 8080

Exit codes are the command's own; 127 if there is no such command, 126 if it cannot be run. What ends twinlock before the command starts \
has the codes of 'twinlock --help', and is told on stderr: 4 if an item or field is missing, 3 if a PIN or password is wrong, 7 if a token \
is not here or does not answer, so that trying again later may help.

Processes of the same user can read a command's environment while it runs, and all that it starts inherits it.")]
pub struct Args {
    /// Put the item's value into the variable NAME; may be repeated
    #[arg(long, value_name = "NAME=ITEM[/FIELD]", required_unless_present = "env_file")]
    env: Vec<Assignment>,
    /// Take more of these from the lines of FILE; may be repeated
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,
    /// The command, and what it is given
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let mut wanted = self.env;
        for path in &self.env_file {
            wanted.extend(read_file(path)?);
        }
        check(&wanted)?;
        let streams = inherited::check(&session.global)?;
        let values = fetch(session, &wanted)?;
        session.end();
        streams.drain();
        Err(become_command(&self.command, &wanted, &values))
    }
}

/// Something is wanted, and no variable twice.
fn check(wanted: &[Assignment]) -> Result<(), CliError> {
    let usage = |message: String, hint: &'static str| Err(CliError::Usage { message, hint: hint.into() });
    if wanted.is_empty() {
        return usage(
            "no variable is named".to_owned(),
            "name some with --env NAME=ITEM, or in the file of --env-file",
        );
    }
    let mut names: Vec<&str> = wanted.iter().map(|one| one.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => usage(format!("the variable '{}' is named twice", pair[0]), "leave out one of them"),
        None => Ok(()),
    }
}

/// All values, in order, from the agent or this process. The vault is closed again afterwards.
fn fetch(session: &mut Session, wanted: &[Assignment]) -> Result<Vec<Text>, CliError> {
    let mut items = session.items().map_err(for_now)?;
    // One that wants a confirmation wants it once for all of its fields.
    let mut opened: Vec<(RecordId, Item)> = Vec::new();
    let one_of = |one: &Assignment| {
        let Reference { item: wanted, field, .. } = &one.reference;
        value(&one.reference, &mut |name| {
            let Found { id, item, .. } = items.get(name)?;
            let shown = field.as_ref().is_some_and(|field| item.field(field).is_some());
            if shown || name != wanted || !confirm::wants(&item) {
                return Ok(item);
            }
            if let Some((_, item)) = opened.iter().find(|(known, _)| *known == id) {
                return Ok(item.clone());
            }
            let (item, _) = confirm::open(session, &items.header(session)?, &item)?;
            opened.push((id, item.clone()));
            Ok(item)
        })
    };
    wanted.iter().map(one_of).collect()
}

/// A service manager tells by the exit code whether starting again may help (7) or would only spend another PIN try (3).
fn for_now(error: CliError) -> CliError {
    let (CliError::Vault(VaultError::Locked(refusals))
    | CliError::Doubtful { error: VaultError::Locked(refusals), .. }) = &error
    else {
        return error;
    };
    let away = refusals.iter().all(|(_, why)| matches!(why, Refusal::Missing(_)));
    if away { CliError::Away(Box::new(error)) } else { error }
}

/// What a reference stands for.
fn value(reference: &Reference, find: &mut dyn FnMut(&str) -> Result<Item, CliError>) -> Result<Text, CliError> {
    let item = match (find(&reference.item), &reference.field) {
        // "db/prod" is an item all the same: what is missing is its field.
        (Err(error), Some(_)) if is_missing(&error) => match find(&reference.whole()) {
            Ok(item) => return Err(needs_field(&item, "it has a '/' in its name")),
            Err(_) => return Err(error),
        },
        (item, _) => item?,
    };
    let field = match &reference.field {
        Some(name) => item.field(name).ok_or_else(|| get::no_field(&item, name))?,
        None => match (item.field("password"), item.fields.as_slice()) {
            (Some(password), _) => password,
            (None, [only]) => only,
            (None, _) => return Err(needs_field(&item, "it has no field 'password'")),
        },
    };
    if field.value.expose().contains('\0') {
        return Err(CliError::Plain {
            message: format!(
                "the field '{}' of '{}' has a NUL in it, which no variable can hold",
                field.name, item.name
            ),
            hint: "give it to the command through a pipe: 'twinlock get --field'".into(),
            code: report::FIXABLE,
        });
    }
    Ok(field.value.clone())
}

/// Whoever has looked, this process or the agent.
fn is_missing(error: &CliError) -> bool {
    report::explain(error).is_some_and(|explained| explained.code == report::NOT_FOUND)
}

fn needs_field(item: &Item, why: &str) -> CliError {
    let names: Vec<_> = item.fields.iter().map(|field| format!("'{}/{}'", item.name, field.name)).collect();
    CliError::Plain {
        message: format!("which field of the item '{}' is meant must be said: {why}", item.name),
        hint: if names.is_empty() {
            "it has no fields".into()
        } else {
            format!("there is {}", names.join(", ")).into()
        },
        code: report::NOT_FOUND,
    }
}

/// Takes the command's shape. Comes back only if that does not work.
fn become_command(words: &[OsString], wanted: &[Assignment], values: &[Text]) -> CliError {
    let Some((program, arguments)) = words.split_first() else { unreachable!("clap has asked for it") };
    let mut command = Command::new(program);
    command.args(arguments);
    for (one, value) in wanted.iter().zip(values) {
        // Copied, and not erased by us: execve(2) gives the whole memory back, and if it fails, this process ends at once.
        command.env(&one.name, value.expose());
    }
    // What was turned off for this program's sake; tracing comes back by itself (PR_SET_DUMPABLE(2const)), as signals do.
    harden::undo();
    let error = command.exec();
    let shown = program.to_string_lossy();
    let (code, hint) = match error.kind() {
        ErrorKind::NotFound => (NO_COMMAND, not_found(program)),
        ErrorKind::PermissionDenied => (NOT_RUNNABLE, "look at its permissions with 'ls -l'"),
        ErrorKind::ArgumentListTooLong => {
            (NOT_RUNNABLE, "a value of more than 128 KiB does not fit into an environment")
        }
        _ => (NOT_RUNNABLE, "nothing was started"),
    };
    let message = format!("cannot run '{shown}': {}", system(&error));
    CliError::Plain { message, hint: hint.into(), code }
}

/// A script whose interpreter is missing is "not found" too.
fn not_found(program: &OsStr) -> &'static str {
    if program.as_encoded_bytes().contains(&b'/') {
        "look for a typing error; of a script, also in its first line"
    } else {
        "name it with its path, or put its folder into PATH"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::{Field, FieldKind};

    fn item(name: &str, fields: &[(&str, &str)]) -> Item {
        let field = |(name, value): &(&str, &str)| Field::new(name, FieldKind::Concealed, (*value).into());
        Item {
            item_type: "login".to_owned(),
            name: name.to_owned(),
            created: String::new(),
            updated: String::new(),
            tags: Vec::new(),
            fields: fields.iter().map(field).collect(),
            extra: serde_json::Map::default(),
        }
    }

    fn look_up(reference: &str) -> Result<String, u8> {
        let items = [
            item("db", &[("username", "ada"), ("password", "hunter2"), ("nul", "a\0b")]),
            item("db/password", &[("password", "another")]),
            item("deploy key", &[("notes", "text")]),
            item("server", &[("host", "h"), ("token", "t")]),
        ];
        let mut find = |name: &str| {
            let found = items.iter().find(|item| item.name == name).cloned();
            found.ok_or_else(|| VaultError::NoItem { name: name.to_owned(), close: Vec::new() }.into())
        };
        let assignment: Assignment = format!("X={reference}").parse().unwrap();
        value(&assignment.reference, &mut find)
            .map(|text| text.expose().to_owned())
            .map_err(|error| report::explain(&error).unwrap().code)
    }

    #[test]
    fn a_reference_means_one_field() {
        assert_eq!(look_up("db").as_deref(), Ok("hunter2"));
        assert_eq!(look_up("db/username").as_deref(), Ok("ada"));
        assert_eq!(look_up("deploy key").as_deref(), Ok("text"));
        // An item that is added later never changes what another reference means.
        assert_eq!(look_up("db/password").as_deref(), Ok("hunter2"));
        assert_eq!(look_up("db/password/password").as_deref(), Ok("another"));
    }

    #[test]
    fn what_is_not_one_field_is_none() {
        for reference in ["nothing", "db/host", "nothing/password", "server"] {
            assert_eq!(look_up(reference), Err(4), "{reference}");
        }
        assert_eq!(look_up("db/nul"), Err(1));
    }
}
