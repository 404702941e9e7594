//! The help as it is read: a command's page tells of its own options; the global ones are in full on the main page alone,
//! since a dozen of them after every command's two or three would drown those.

use super::Cli;
use clap::{Arg, Command, CommandFactory};

/// The last line of the page of each command but the main one.
const POINTER: &str = "Global options, such as --vault and --password-file: see 'twinlock --help'";
/// The last line of the global options in the main page's summary.
const MORE: &str = "All global options: see 'twinlock --help'";
/// The global options that the summary shows, by their ids: which vault, and how to open it.
const SUMMARY: [&str; 3] = ["vault", "way", "password_file"];

/// All commands, each with what its help shows. Only for whoever asks for help: a command that runs makes no other's options.
pub fn command() -> Command {
    let main = built();
    let text = main.get_after_help().cloned().unwrap_or_default();
    let main = global(main, |arg| {
        let in_summary = SUMMARY.iter().any(|id| arg.get_id() == id);
        arg.hide_short_help(!in_summary)
    });
    below(main.after_help(format!("{MORE}\n\n{text}")).after_long_help(text), |command| {
        let text = command.get_after_help().map(|text| format!("{text}\n\n")).unwrap_or_default();
        // Not `hide`: the usage line would then leave out `[OPTIONS]` where a command has none of its own.
        global(command.after_help(text + POINTER), |arg| arg.hide_short_help(true).hide_long_help(true))
    })
}

/// All commands, each with what its man page describes.
pub fn for_man_pages() -> Command {
    below(built(), |command| global(command, |arg| arg.hide(true)))
}

/// All commands. Each has the global options as its own from here on, so that they can be changed there.
fn built() -> Command {
    let mut main = Cli::command();
    main.build();
    main
}

/// Changes the global options of a command.
fn global(command: Command, change: fn(Arg) -> Arg) -> Command {
    command.mut_args(|arg| if arg.is_global_set() { change(arg) } else { arg })
}

/// Changes all commands below one.
fn below(command: Command, change: fn(Command) -> Command) -> Command {
    command.mut_subcommands(|command| below(change(command), change))
}
