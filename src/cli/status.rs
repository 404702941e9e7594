//! `twinlock status`

use super::agent_status::AgentStatus;
use super::command::Names;
use super::out;
use super::proofs::{Proofs, Proven};
use super::report::{CliError, warn};
use super::seen::Seen;
use super::session::Session;
use super::ways_in::{in_plain_words, tell, warnings, when};
use crate::header::Keyslot;
use crate::vault::{peek, usable};
use serde_json::json;
use std::time::SystemTime;

/// List every way into the vault, which have been proven and when, what to mend, and what is unlocked; needs no password and no token
///
/// What the vault file says of itself is proven only when it is opened. When a way in has opened it is remembered on this machine,
/// by the day, and nowhere else.
#[derive(clap::Args)]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let unverified = peek(&mut session.store()?)?;
        let header = unverified.header();
        let proofs = Proofs::load();
        let strange = Seen::load(&session.vault_path()?).strange(header);
        let found = warnings(header, Names::Unproven, &proofs, SystemTime::now());
        let proven = |slot: &Keyslot| proofs.proven(&header.vault_id, slot);
        let agent = AgentStatus::ask();
        let path = session.real_path()?;
        if self.json {
            let way = |slot: &Keyslot| {
                let (on, before) = match proven(slot) {
                    Proven::Never => (None, None),
                    Proven::On(day) => (Some(day), None),
                    Proven::Before(day) => (None, Some(day)),
                };
                json!({
                    "keyslot": slot.name, "opens_with": in_plain_words(slot), "created": slot.created, "usable": usable(slot),
                    "custodians": slot.custodians(),
                    "proven": on, "proven_before": before,
                })
            };
            return out::json(&json!({
                "vault": header.name,
                "ways_in": header.keyslots.iter().map(way).collect::<Vec<_>>(),
                "warnings": found.iter().map(|warning| json!({
                    "kind": warning.kind, "keyslot": warning.keyslot, "what": warning.what, "hint": warning.hint,
                })).collect::<Vec<_>>(),
                "strange": strange,
                "agent": agent.as_ref().map(AgentStatus::as_json),
            }));
        }
        out::line(&out::clean(&format!("The vault '{}' opens with", header.name)))?;
        for slot in &header.keyslots {
            let note = if usable(slot) { String::new() } else { " (needs a newer twinlock)".to_owned() };
            out::line(&out::clean(&format!("  {}{note}", in_plain_words(slot))))?;
            out::line(&out::clean(&format!("      keyslot '{}', {}", slot.name, when(&proven(slot)))))?;
            if slot.custodians() {
                out::line("      for custodians: who holds its factors can answer from afar")?;
            }
        }
        AgentStatus::tell(agent.as_ref(), &path)?;
        for what in &strange {
            warn(what);
        }
        tell(&found);
        Ok(())
    }
}
