//! Wrong arguments, said like every other error: clap knows what is wrong, here it gets its words and a hint.

use super::report::{self, CliError};
use super::session::Global;
use super::{Cli, Command, help};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args as _, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::error::Error as _;
use std::process::ExitCode;

/// Two options that exclude each other, and what to do.
const PAIRS: &[(&str, &str, &str)] = &[
    ("--note", "--username", "a note is text alone: leave out --note to add a login"),
    ("--note", "--url", "a note is text alone: leave out --note to add a login"),
    ("--note", "--generate", "a note has no password: leave out --note to add a login"),
    ("--note", "--notes", "the text of a note is typed, or comes from --value-file"),
    ("--value-file", "--generate", "the password comes from the file or is made up: leave out one"),
    ("--password", "--value-file", "the password is asked for or comes from the file: leave out --password"),
    ("--password", "--generate", "the password is asked for or made up: leave out --password"),
    ("--field", "--json", "--field gives one value alone; leave it out for the whole item as JSON"),
    ("--field", "--show", "--field shows its value in any case: leave out --show"),
    ("--recovery", "--no-recovery", "leave out one of them; a vault without a recovery code cannot be recovered"),
];

/// The arguments, or the exit code after all was said (help, version, an error).
pub fn parse() -> Result<Cli, ExitCode> {
    if let Some(cli) = at_once() {
        return Ok(cli);
    }
    Cli::try_parse().map_err(|error| match error.kind() {
        ErrorKind::DisplayVersion => {
            let _ = error.print();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // The same arguments ask the same of the commands as their help shows them.
            let error = help::command().try_get_matches().err().unwrap_or(error);
            // To stdout, or to stderr when something was missing; a reader that is gone misses nothing.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(u8::MAX))
        }
        _ => {
            let (message, hint) = explain(&error);
            report::error(&CliError::Usage { message, hint: hint.into() })
        }
    })
}

/// The arguments read by the command alone that they seem to mean: making all others, each with the global options, takes as long as
/// what most commands do. What this does not understand is for all commands to read, and to explain.
///
/// The first argument that is no option, nor the value of one, is the command; any other command's name there is an error here. So what is
/// read here is read as all commands would read it.
fn at_once() -> Option<Cli> {
    // Without the global options, and each put off until it is meant (`defer`).
    let all = Command::augment_subcommands(clap::Command::new("all"));
    let name = std::env::args_os().skip(1).find_map(|arg| all.find_subcommand(&arg).map(clap::Command::get_name))?;
    let only = Global::augment_args(clap::Command::new("twinlock")).subcommand(all.find_subcommand(name)?.clone());
    let matches = only.disable_help_flag(true).disable_help_subcommand(true).try_get_matches().ok()?;
    Cli::from_arg_matches(&matches).ok()
}

/// What is wrong, and what to do.
fn explain(error: &clap::Error) -> (String, String) {
    let of = |kind| error.get(kind).map(values).unwrap_or_default();
    let one = |kind| of(kind).into_iter().next().unwrap_or_default();
    let help = format!("'{} --help' shows what it takes", command());
    let suggested = |kind| of(kind).last().map(|name| format!("did you mean '{name}'?"));
    match error.kind() {
        ErrorKind::UnknownArgument => {
            unknown(&one(ContextKind::InvalidArg), suggested(ContextKind::SuggestedArg), help)
        }
        ErrorKind::InvalidSubcommand => (
            format!("there is no command '{}'", one(ContextKind::InvalidSubcommand)),
            suggested(ContextKind::SuggestedSubcommand).unwrap_or(help),
        ),
        ErrorKind::MissingRequiredArgument => {
            let missing = of(ContextKind::InvalidArg).join("' and '");
            (format!("'{missing}' must be given"), format!("write it like '{}'", usage(error)))
        }
        ErrorKind::ArgumentConflict => {
            let one = flag(&one(ContextKind::InvalidArg));
            let other = flag(&of(ContextKind::PriorArg).into_iter().next().unwrap_or_default());
            if one == other {
                return (format!("'{one}' can be given once only"), help);
            }
            let fits =
                |pair: &&(&str, &str, &str)| (pair.0 == one && pair.1 == other) || (pair.0 == other && pair.1 == one);
            let hint = PAIRS.iter().find(fits).map_or(help, |pair| pair.2.to_owned());
            (format!("'{one}' and '{other}' do not go together"), hint)
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let (arg, value) = (flag(&one(ContextKind::InvalidArg)), one(ContextKind::InvalidValue));
            if value.is_empty() {
                let variable = match arg.as_str() {
                    "--vault" => "TWINLOCK_VAULT",
                    "--config" => "TWINLOCK_CONFIG",
                    _ => return (format!("'{arg}' needs a value"), help),
                };
                return match std::env::var_os(variable) {
                    Some(value) if value.is_empty() => (
                        format!("the environment variable '{variable}' is empty"),
                        format!("end it with 'unset {variable}', or name a file in it"),
                    ),
                    _ => (format!("'{arg}' needs a value"), help),
                };
            }
            let valid = of(ContextKind::ValidValue).join(", ");
            let why = error.source().map_or(format!("it is one of {valid}"), |error| words(&error.to_string()));
            (format!("'{value}' does not fit '{arg}': {why}"), help)
        }
        _ => {
            let text = error.to_string();
            let first = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
            (first.split_whitespace().collect::<Vec<_>>().join(" "), help)
        }
    }
}

/// An option or a word that the command does not take.
fn unknown(arg: &str, suggested: Option<String>, help: String) -> (String, String) {
    if !arg.starts_with('-') && command() == "twinlock run" {
        let hint = "the command stands behind '--', as in 'twinlock run --env NAME=ITEM -- COMMAND'";
        return (format!("'{arg}' is one word too many"), hint.to_owned());
    }
    if !arg.starts_with('-') {
        return (format!("'{arg}' is one word too many"), format!("{help}; a name with spaces goes into quotes"));
    }
    let message = format!("there is no option '{arg}' here");
    match arg {
        "--password" | "--pin" => (
            message,
            "a secret is never an argument, where others could read it: it is typed, or comes from a file".into(),
        ),
        _ => (message, suggested.unwrap_or(help)),
    }
}

/// What a parser of a value said.
fn words(why: &str) -> String {
    match why.split_once(" is not in ") {
        Some((_, range)) => format!("it is a number from {}", range.replace("..=", " to ")),
        None if why == "invalid digit found in string" => "it is a whole number".to_owned(),
        None => why.to_owned(),
    }
}

fn values(value: &ContextValue) -> Vec<String> {
    match value {
        ContextValue::String(text) => vec![text.clone()],
        ContextValue::Strings(texts) => texts.clone(),
        _ => Vec::new(),
    }
}

/// `--username` of `--username <NAME>`.
fn flag(arg: &str) -> String {
    arg.split([' ', '=', '[']).next().unwrap_or_default().to_owned()
}

/// `twinlock add <NAME>` of clap's usage line.
fn usage(error: &clap::Error) -> String {
    match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(text)) => {
            // What comes from the environment counts as given, and would be in the line.
            let text = text.to_string().replace(" --vault <FILE>", "").replace(" --config <FILE>", "");
            text.trim().trim_start_matches("Usage: ").lines().next().unwrap_or_default().to_owned()
        }
        _ => "twinlock".to_owned(),
    }
}

/// The command that was meant: the words among the arguments that name one.
fn command() -> String {
    let mut command = Cli::command();
    // With the commands below commands, which are put off until they are meant.
    command.build();
    let mut path = command.get_name().to_owned();
    for word in std::env::args_os().skip(1) {
        if let Some(inner) = command.find_subcommand(&word).cloned() {
            path.extend([" ", inner.get_name()]);
            command = inner;
        }
    }
    path
}
