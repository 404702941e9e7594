//! What is unlocked, as `status` tells it.

use super::lifetime::in_words;
use super::out;
use super::report::{CliError, warn};
use crate::agent::client::{AgentError, Client};
use crate::agent::protocol::{Held, Status};
use serde_json::{Value, json};
use std::path::Path;

/// What the agent says.
pub struct AgentStatus(Status);

impl AgentStatus {
    /// Asks it; None: there is none that can be asked.
    pub fn ask() -> Option<Self> {
        match Client::connect()?.status() {
            Ok(status) => Some(Self(status)),
            Err(error @ AgentError::OtherVersion(_)) => {
                warn(&format!("{error}; 'twinlock unlock' replaces it"));
                None
            }
            Err(error) => {
                warn(&error.to_string());
                None
            }
        }
    }

    /// For programs.
    pub fn as_json(&self) -> Value {
        let vault = |held: &Held| {
            json!({
                "vault": held.path.to_string_lossy(), "keyslot": held.keyslot, "opened_with": held.way,
                "locks_unused_in_seconds": held.idle.as_secs(), "locks_in_seconds": held.max.as_secs(),
                "locks_on_removal": held.on_removal,
            })
        };
        json!({
            "version": self.0.version, "pid": self.0.pid,
            "unlocked": self.0.vaults.iter().map(vault).collect::<Vec<_>>(),
            "warnings": self.0.warnings,
        })
    }

    /// For people: first this vault, then the others that are unlocked.
    pub fn tell(status: Option<&Self>, path: &Path) -> Result<(), CliError> {
        let held = status.map(|status| status.0.vaults.as_slice()).unwrap_or_default();
        let (this, others): (Vec<&Held>, Vec<&Held>) = held.iter().partition(|held| held.path == path);
        match this.first() {
            Some(held) => {
                out::line(&out::clean(&format!("It is unlocked, by keyslot '{}' ({})", held.keyslot, held.way)))?;
                out::line(&format!("      {}", until(held)))?;
            }
            None if status.is_some() => out::line("It is locked")?,
            None => {}
        }
        for held in others {
            let way = format!("Unlocked, too: '{}', by keyslot '{}' ({})", held.path.display(), held.keyslot, held.way);
            out::line(&out::clean(&way))?;
            out::line(&format!("      {}", until(held)))?;
        }
        for warning in status.iter().flat_map(|status| &status.0.warnings) {
            out::line(&out::clean(&format!("      note: {warning}")))?;
        }
        Ok(())
    }
}

/// Until when, as a person reckons.
fn until(held: &Held) -> String {
    let removal = if held.on_removal { ", or when its token is pulled" } else { "" };
    if held.idle >= held.max {
        return format!("locks in {}{removal}", in_words(held.max));
    }
    format!("locks in {} if not used, in {} in any case{removal}", in_words(held.idle), in_words(held.max))
}
