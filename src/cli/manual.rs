//! `twinlock manual`: man pages from the same definitions as the help, for packagers.

use super::report::CliError;
use super::{EXIT_CODES, help};
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::io;
use std::path::{Path, PathBuf};

/// Environment variables that are no option's.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("XDG_DATA_HOME", "Where the vault is, in place of ~/.local/share."),
    ("XDG_CONFIG_HOME", "Where the config file is, in place of ~/.config."),
    ("XDG_STATE_HOME", "Where it is remembered which vaults were seen, in place of ~/.local/state."),
    ("DISPLAY, WAYLAND_DISPLAY", "If there is no terminal, pinentry(1) asks on this display."),
    ("GPG_TTY", "If there is no terminal, pinentry(1) asks at this one."),
    ("NO_COLOR", "If it is set and not empty, the help has neither bold nor underlined text."),
];
/// Files, where none of these variables is set.
const FILES: [(&str, &str); 4] = [
    ("~/.local/share/twinlock/vault.twinlock", "The vault."),
    (
        "~/.config/twinlock/config.toml",
        "PKCS#11 modules, tokens whose PIN comes from a file, how YubiKeys are treated: see twinlock-token(1). pinentry = \"/PATH\", above all sections, names the program that asks where there is no terminal; \"\" is for none.",
    ),
    (
        "~/.local/state/twinlock/seen.json",
        "What this machine has seen of vaults, so that an older file put in a vault's place is noticed. Nothing in it is secret.",
    ),
    (
        "~/.local/state/twinlock/proven.json",
        "On which days keyslots have opened their vaults here, for twinlock-status(1). No secret, and no name.",
    ),
];
/// What begins the lines of an example in a text after the help.
const EXAMPLE: &str = "    ";

/// Write the man pages into a folder
#[derive(clap::Args)]
pub struct Args {
    /// The folder; it must be there
    folder: PathBuf,
}

impl Args {
    pub fn run(self) -> Result<(), CliError> {
        let cli = help::for_man_pages();
        pages(&cli, &cli, &self.folder).map_err(|error| CliError::File {
            doing: "write man pages into",
            path: self.folder,
            error,
        })
    }
}

/// Writes the pages of a command and of those below it.
fn pages(cli: &Command, command: &Command, folder: &Path) -> io::Result<()> {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        pages(cli, below, folder)?;
    }
    // clap_mangen would name the subcommand there, and no version.
    let source = format!("{} {}", cli.get_name(), cli.get_version().unwrap_or_default());
    let man = Man::new(command.clone()).source(source);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    let is_main = command.get_name() == cli.get_name();
    if is_main {
        page.extend(".PP\nStart with \\fBtwinlock init\\fR.\n".bytes());
    }
    man.render_options_section(&mut page)?;
    if !is_main {
        // Described once, so that a page is about its command.
        page.extend(b".SH \"GLOBAL OPTIONS\"\n\\fBtwinlock\\fR(1) describes the options that every command takes.\n");
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let own = if is_main { main_sections(cli) } else { notes(command) };
    // A bare tilde becomes an accent, which no shell takes for a home folder.
    page.extend(own.to_roff().replace('~', "\\(ti").bytes());
    std::fs::write(folder.join(man.get_filename()), page)
}

/// What only the main page tells.
fn main_sections(cli: &Command) -> Roff {
    let mut roff = Roff::new();
    list(&mut roff, "EXIT STATUS", EXIT_CODES.map(|(code, meaning)| (code.to_string(), format!("{meaning}."))));
    let options = cli.get_arguments().filter_map(|option| {
        let variable = option.get_env()?.to_str()?.to_owned();
        Some((variable, format!("Stands for --{} where that is not given.", option.get_long()?)))
    });
    let owned = |(term, text): (&str, &str)| (term.to_owned(), text.to_owned());
    list(&mut roff, "ENVIRONMENT", options.chain(ENVIRONMENT.map(owned)));
    list(&mut roff, "FILES", FILES.map(owned));
    roff
}

/// A section that is a list of terms.
fn list(roff: &mut Roff, title: &str, entries: impl IntoIterator<Item = (String, String)>) {
    roff.control("SH", [title]);
    for (term, text) in entries {
        roff.control("TP", []).text([bold(term)]).text([roman(text)]);
    }
}

/// What follows a command's help. An example in it is set as it is, to be copied.
fn notes(command: &Command) -> Roff {
    let mut roff = Roff::new();
    let Some(text) = command.get_after_help() else { return roff };
    let text = text.to_string();
    let title = if command.get_name() == "token" { "CONFIGURATION FILE" } else { "NOTES" };
    roff.control("SH", [title]);
    for part in text.split("\n\n").collect::<Vec<_>>().chunk_by(|a, b| a.starts_with(EXAMPLE) == b.starts_with(EXAMPLE))
    {
        let part = part.join("\n\n");
        let example = part.starts_with(EXAMPLE);
        roff.control("PP", []);
        if example {
            roff.control("RS", ["4"]).control("nf", []);
        }
        for line in part.lines() {
            roff.text([roman(line.strip_prefix(EXAMPLE).unwrap_or(line))]);
        }
        if example {
            roff.control("fi", []).control("RE", []);
        }
    }
    roff
}
