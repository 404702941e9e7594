//! The command line: one file a command, with its arguments (the doc comments are the help) and its `run`.
//!
//! Rules: data alone goes to stdout, prose and prompts to the terminal or stderr; an error says what happened, its hint is an action; a
//! secret is shown on a terminal only when asked for; every command that lists takes `--json`.

pub mod harden;

mod account_key;
mod add;
mod agent;
mod agent_status;
mod answers;
mod asker;
mod backup;
mod columns;
mod command;
mod completions;
mod config;
mod confirm;
mod custody;
mod custody_report;
mod doctor;
mod doubt;
mod drill;
mod edit;
mod env_refs;
mod factors;
mod find;
mod get;
mod header;
mod held;
mod help;
mod inherited;
mod init;
mod item_args;
mod items;
#[cfg(feature = "keychain")]
mod keychain;
mod keyslot;
mod kit;
mod kit_report;
mod layout;
mod lifetime;
mod list;
mod lock;
mod manual;
mod newfile;
mod out;
mod passwd;
mod pinentry;
mod piv;
mod piv_report;
mod piv_setup;
mod progress;
mod proofs;
mod qr;
mod readers;
mod recover;
mod recovery;
mod report;
mod requests;
mod restore;
mod restore_kit;
mod rm;
mod rotate;
mod run;
mod seen;
mod sentence;
mod session;
mod setup_report;
mod sheet;
mod shelf;
mod state;
mod status;
mod synced;
mod token;
mod token_report;
mod tokens;
mod unblock;
mod unlock;
mod usage;
mod vault_report;
mod verify;
mod ways;
mod ways_in;

use clap::{Parser, Subcommand};
pub use report::install_panic_hook;

use report::CliError;
use session::{Global, Session};
use std::process::ExitCode;

/// The hidden first argument that makes this program the helper in which a PKCS#11 module runs.
pub(crate) const HELPER: &str = "pkcs11-helper";

/// A vault opened by any combination of passwords, hardware tokens and recovery codes.
///
/// One random account key, made on this machine, opens the vault. It is wrapped in keyslots; each keyslot is opened by one or
/// more factors. No server, no account, no e-mail.
#[derive(Parser)]
#[command(name = "twinlock", version, max_term_width = 100, disable_help_subcommand = true, after_help = after_help())]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What the exit codes mean, for the help and the man page.
const EXIT_CODES: [(u8, &str); 9] = [
    (0, "done"),
    (1, "can be fixed by you"),
    (2, "wrong usage"),
    (3, "could not unlock"),
    (4, "not found"),
    (5, "damaged or tampered with"),
    (6, "busy or conflict"),
    (7, "token or module failed"),
    (255, "a bug"),
];

fn after_help() -> String {
    let codes = EXIT_CODES.map(|(code, meaning)| format!("{code} {meaning}"));
    // Three lines, of which none is wider than a terminal.
    let lines = [&codes[..4], &codes[4..7], &codes[7..]].map(|line| line.join(", "));
    format!("Start with:  twinlock init\nExit codes:  {}", lines.join(",\n             "))
}

// Deferred: only the command that is meant has its options made, which all together take as long as opening a vault.
#[derive(Subcommand)]
#[command(defer = true)]
enum Command {
    Init(init::Args),
    Add(add::Args),
    Get(get::Args),
    List(list::Args),
    Find(find::Args),
    Edit(edit::Args),
    Rm(rm::Args),
    Run(run::Args),
    #[command(subcommand)]
    Keyslot(keyslot::Command),
    Passwd(passwd::Args),
    Rotate(rotate::Args),
    Recover(recover::Args),
    #[command(subcommand)]
    Recovery(recovery::Command),
    #[command(subcommand)]
    Kit(kit::Command),
    #[command(subcommand)]
    Token(token::Command),
    #[command(subcommand)]
    AccountKey(account_key::Command),
    #[command(subcommand)]
    Header(header::Command),
    Verify(verify::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    Unlock(unlock::Args),
    Lock(lock::Args),
    Status(status::Args),
    Agent(agent::Args),
    Doctor(doctor::Args),
    Completions(completions::Args),
    #[command(hide = true)]
    Manual(manual::Args),
}

/// The program.
pub fn main() -> ExitCode {
    install_panic_hook();
    // Unwinding runs every destructor on the way: secrets are erased, the terminal is restored.
    let code = std::panic::catch_unwind(run).unwrap_or_else(|_| report::bug());
    // What is left then is in no value any more.
    crate::crypto::wash::wash();
    code
}

#[inline(never)]
fn run() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|arg| arg == HELPER) {
        return match crate::factor::pkcs11::worker::run() {
            Ok(()) => ExitCode::SUCCESS,
            // The other end of the pipe sees it end, and says so.
            Err(_) => ExitCode::FAILURE,
        };
    }
    if let Some(warning) = harden::harden() {
        report::warn(&warning);
    }
    if std::env::args_os().nth(1).is_some_and(|arg| arg == held::DETACHED) {
        return agent::detached();
    }
    let spare = tokens::spare_helper();
    let cli = match usage::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    match Session::new(cli.global, spare).and_then(|mut session| cli.command.run(&mut session)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::error(&error),
    }
}

impl Command {
    fn run(self, session: &mut Session) -> Result<(), CliError> {
        match self {
            Self::Init(args) => args.run(session),
            Self::Add(args) => args.run(session),
            Self::Get(args) => args.run(session),
            Self::List(args) => args.run(session),
            Self::Find(args) => args.run(session),
            Self::Edit(args) => args.run(session),
            Self::Rm(args) => args.run(session),
            Self::Run(args) => args.run(session),
            Self::Keyslot(command) => command.run(session),
            Self::Passwd(args) => args.run(session),
            Self::Rotate(args) => args.run(session),
            Self::Recover(args) => args.run(session),
            Self::Recovery(command) => command.run(session),
            Self::Kit(command) => command.run(session),
            Self::Token(command) => command.run(session),
            Self::AccountKey(command) => command.run(session),
            Self::Header(command) => command.run(session),
            Self::Verify(args) => args.run(session),
            Self::Backup(args) => args.run(session),
            Self::Restore(args) => args.run(session),
            Self::Unlock(args) => args.run(session),
            Self::Lock(args) => args.run(session),
            Self::Status(args) => args.run(session),
            Self::Agent(_) => agent::Args::run(),
            Self::Doctor(args) => args.run(session),
            Self::Completions(args) => args.run(),
            Self::Manual(args) => args.run(),
        }
    }
}
