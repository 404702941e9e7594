//! Which keyslots of the vault the keys of a token open, as far as the vault file says; nothing is unlocked for that.

use super::session::Session;
use crate::factor::piv::PivOpen;
use crate::factor::piv::info::KeyInfo;
use crate::factor::piv::params::Mode;
use crate::vault::peek;

/// The keys of the vault's keyslots, and the names of these.
pub struct Ways(Vec<(Mode, Vec<u8>, String)>);

impl Ways {
    /// Those of the session's vault; none where there is no vault, or it cannot be read.
    pub fn of(session: &Session) -> Self {
        let there = session.vault_path().is_ok_and(|path| path.exists());
        let header = there.then(|| session.store().ok()).flatten().and_then(|mut store| peek(&mut store).ok());
        let Some(unverified) = header else { return Self(Vec::new()) };
        let mut keys = Vec::new();
        for slot in &unverified.header().keyslots {
            for stanza in &slot.factors {
                if let Ok(Some((params, _))) = PivOpen::wanted(stanza) {
                    keys.push((params.mode, params.public, slot.name.clone()));
                }
            }
        }
        Self(keys)
    }

    /// The names of the keyslots that this key opens, alone or with other factors.
    pub fn opened_by(&self, key: &KeyInfo) -> Vec<&str> {
        self.0.iter().filter(|(mode, public, _)| key.is(*mode, public)).map(|(.., name)| name.as_str()).collect()
    }

    /// The same as words behind what a key is: `; opens keyslot 'daily'`.
    pub fn in_words(&self, key: &KeyInfo) -> String {
        match self.opened_by(key).as_slice() {
            [] => String::new(),
            [one] => format!("; opens keyslot '{one}'"),
            several => {
                let names: Vec<_> = several.iter().map(|name| format!("'{name}'")).collect();
                format!("; opens keyslots {}", names.join(", "))
            }
        }
    }
}
