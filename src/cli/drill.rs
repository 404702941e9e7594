//! `twinlock recovery drill`

use super::command::Names;
use super::proofs::{Proofs, Proven};
use super::report::{CliError, count, prose, warn};
use super::sentence::Sentence;
use super::session::Session;
use super::ways_in::{in_plain_words, tell, warnings, when, wipe};
use crate::factor::{in_words, recovery};
use crate::header::{Header, Keyslot};
use crate::vault::{VaultError, peek, usable};
use std::time::SystemTime;

/// Items that are opened.
const SAMPLE: u64 = 20;

/// Rehearse one way into the vault with its real factors, before the day it is needed
///
/// Proves that the keyslot gives the account key, that the items are as they were last written, and that a sample of them opens. Nothing
/// is changed but the date of the proof, which this machine keeps for 'twinlock status'. Without KEYSLOT it takes the way in that
/// was not proven for longest.
#[derive(clap::Args)]
pub struct Drill {
    /// Which way in
    keyslot: Option<String>,
}

impl Drill {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let unverified = peek(&mut session.store()?)?;
        let slot = self.chosen(unverified.header(), session)?.clone();
        let before = Proofs::load().proven(&unverified.header().vault_id, &slot);
        prose(&format!("drill: keyslot '{}', opens with {}; {}", slot.name, in_plain_words(&slot), when(&before)));
        session.global.keyslot = Some(slot.name.clone());
        let opened = session.unlock().and_then(|mut vault| {
            let sampled = vault.sample(SAMPLE)?;
            Ok((vault, sampled))
        });
        let (vault, (items, all)) = opened.inspect_err(|error| failed(&slot, error))?;
        let (_, numbers) = vault.opened_with();
        prose(&format!(
            "it gives the account key: header and set of items are right, {items} of {} opened",
            count(all, "item")
        ));
        let others = (1u8..).zip(&slot.factors).filter(|(i, _)| !numbers.contains(i));
        let others: Vec<String> = others.map(|(_, stanza)| in_words(stanza)).collect();
        if !others.is_empty() {
            prose(&format!("not needed this time, and so not tried: {}", others.join(", ")));
        }
        prose(&format!("proven: keyslot '{}' opens the vault '{}'", slot.name, vault.header().name));
        tell(&warnings(vault.header(), Names::Proven, &Proofs::load(), SystemTime::now()));
        Ok(())
    }

    /// The one that was named, or that needs a drill most.
    fn chosen<'a>(&self, header: &'a Header, session: &Session) -> Result<&'a Keyslot, CliError> {
        let given = session.global.keyslot.as_deref();
        if let (Some(name), Some(other)) = (self.keyslot.as_deref(), given)
            && name != other
        {
            return Err(CliError::Usage {
                message: format!("'recovery drill {name}' opens the vault by '{name}', and --keyslot names another"),
                hint: "leave out --keyslot".into(),
            });
        }
        if let Some(name) = self.keyslot.as_deref().or(given) {
            let have = || header.keyslots.iter().map(|slot| slot.name.clone()).collect();
            return header
                .keyslot(name)
                .ok_or_else(|| VaultError::NoKeyslot { name: name.to_owned(), have: have() }.into());
        }
        let proofs = Proofs::load();
        let last = |slot: &&Keyslot| match proofs.proven(&header.vault_id, slot) {
            Proven::Never => (0, String::new()),
            Proven::Before(day) => (1, day),
            Proven::On(day) => (2, day),
        };
        // Unusable ones only where there is nothing else: the error says why.
        let slots = header.keyslots.iter();
        let code = |slot: &Keyslot| slot.factors.iter().any(|stanza| stanza.kind == recovery::KIND);
        // Of those never tried a code comes first: it is what nobody uses on other days.
        slots
            .min_by_key(|slot| (!usable(slot), last(slot), !code(slot)))
            .ok_or_else(|| unreachable!("a header has a keyslot"))
    }
}

/// What to mend, before the error says what went wrong.
fn failed(slot: &Keyslot, error: &CliError) {
    if matches!(error, CliError::Declined | CliError::Prompt(_)) {
        return;
    }
    warn(&format!("the way in '{}' is not proven", slot.name));
    mend(slot).say("");
}

pub(super) fn mend(slot: &Keyslot) -> Sentence {
    Sentence::with(
        "while another way in opens, mend it: look for the factor that was wrong or missing and drill again; or make a new way in \
         ('twinlock recovery new', 'twinlock keyslot enroll') and wipe this one",
        wipe(Names::Unproven, &slot.name),
    )
}
