//! `twinlock header`

use super::out;
use super::report::{CliError, prose, warn};
use super::session::Session;
use super::ways_in::{for_custodians, in_plain_words};
use crate::store::{Meta, Store};
use crate::vault::{VaultError, peek};

/// The header: everything about the vault that is not secret
#[derive(clap::Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Show the header as it is in the file; needs no password and no token
    Show {
        /// The JSON body alone, without the tag that closes it
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let Self::Show { json } = self;
        let mut store = session.store()?;
        let text = store.snapshot()?.meta(Meta::Header)?.ok_or(VaultError::Manifest)?;
        // What is shown may have been written by anybody: control characters would drive the terminal.
        let text = out::clean(&String::from_utf8_lossy(&text));
        warn("this is what the file says; only unlocking ('twinlock verify') proves it");
        // What cannot be read as a header is shown all the same.
        for slot in peek(&mut store).iter().flat_map(|read| &read.header().keyslots).filter(|slot| slot.custodians()) {
            prose(&format!("keyslot '{}' opens with {}{}", slot.name, in_plain_words(slot), for_custodians(slot)));
        }
        let body = text.rsplit_once("\n---").map_or(text.as_str(), |(body, _)| body);
        if json { out::line(body) } else { out::bytes(text.as_bytes()) }
    }
}
