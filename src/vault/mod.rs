//! The flow: create, unlock, read and write items, change keyslots.
//!
//! A [`Vault`] is an open one: it has the account key and the keys derived from it. Every reading and writing starts by looking
//! at the file again, as another process may have written meanwhile, and accepts only what the keys vouch for.

mod accept;
mod assemble;
mod copies;
mod count;
mod error;
mod first;
mod gather;
mod keyslots;
mod kit;
mod past;
mod read;
mod record;
mod resident;
mod rewrap;
mod rotate;
mod rotation;
mod set;
mod unlock;
mod verify;
mod view;
mod write;

pub use accept::Accepted;
pub use assemble::Brought;
pub use copies::{Standing, mark_of};
pub use error::{Altered, AnswersError, Refusal, VaultError};
pub use keyslots::{NewKeyslot, Weaker, check_name, usable, weaker_keyslot};
pub use kit::{Change, Damage, KitStanding, OpenKit, RestoreError};
pub use past::{Line, Link, Past, REACH, link};
pub use read::Found;
pub use record::Manifest;
pub use rewrap::Rewrapped;
pub use rotate::{Progress, Rotated, Stage};
pub use rotation::{Need, Needed, Rotation};
pub use unlock::{Opened, Wish};
pub use verify::Report;

use crate::crypto::{hkdf_sha256, random_bytes, sha256};
use crate::encode::base32;
use crate::factor::Openers;
use crate::header::{Header, HeaderError, Keyslot, Unverified, sign};
use crate::prompt::Prompt;
use crate::secret::{AccountKey, FactorSecret};
use crate::store::{Meta, Store};
use view::{State, other_account_key};

/// An open vault.
pub struct Vault {
    store: Box<dyn Store>,
    account_key: AccountKey,
    state: State,
    opened: OpenedBy,
    watch: Option<Watch>,
    /// Fingerprint of the account key that this program has replaced.
    rotated_from: Option<[u8; 32]>,
    ahead: Option<set::Ahead>,
    /// It stays open for more than one command.
    resident: bool,
    /// The set of records was found right.
    whole: Option<resident::Whole>,
}

/// Who is told of every state that this program made or found right.
type Watch = Box<dyn FnMut(&Seen)>;

/// What a watch is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The vault is in this state.
    Now(Mark),
    /// It is about to get into this one, under another account key, unless something stops it.
    Coming(Mark),
}

/// By which an older state of the vault, or another vault in its place, is known again. Nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// `V`, 16 bytes.
    pub vault_id: [u8; 16],
    /// `HKDF(AK, V, "twinlock/1 mark")`: a vault of the same id under another account key has another one.
    pub fingerprint: [u8; 32],
    /// Counts account keys.
    pub epoch: u64,
    /// Counts writes of anything.
    pub sequence: u64,
    /// SHA-256 of the sealed manifest: two states of one sequence are told apart.
    pub state: [u8; 32],
    /// What it tells of the states before.
    pub past: Past,
    /// Counts header writes.
    pub generation: u64,
    /// Ids of the keyslots.
    pub keyslots: Vec<[u8; 16]>,
    /// The fingerprint before this program has rotated the vault.
    pub follows: Option<[u8; 32]>,
}

impl Mark {
    /// The fingerprint as a person compares it, on two machines or with paper: 80 bits of it. Spec 7.
    pub fn short(&self) -> String {
        base32::fingerprint(&self.fingerprint)
    }

    /// The state and those before it, for comparing with another.
    pub fn line(&self) -> Line {
        Line::new(self.sequence, &self.state, self.past.clone())
    }
}

fn mark(state: &State, account_key: &AccountKey, follows: Option<[u8; 32]>) -> Mark {
    let header = &state.verified.header;
    Mark {
        vault_id: header.vault_id,
        fingerprint: fingerprint(account_key, &header.vault_id),
        epoch: header.epoch,
        sequence: state.manifest.sequence,
        state: sha256(&[state.sealed_manifest()]),
        past: state.manifest.past.clone(),
        generation: header.generation,
        keyslots: header.keyslots.iter().map(|slot| slot.id).collect(),
        follows,
    }
}

/// The way in that was used, and what its factors gave.
struct OpenedBy {
    /// As it was when it opened. Another process may have wrapped it anew since: its secrets are good for just this one.
    keyslot: Keyslot,
    secrets: Vec<(u8, FactorSecret)>,
}

/// The two blobs that a new vault starts with, and its account key.
pub struct NewVault {
    /// Header text.
    pub header: Vec<u8>,
    /// Sealed manifest of no records.
    pub manifest: Vec<u8>,
}

impl Vault {
    /// The header of a new vault with its first keyslots, as the blobs to store. Nothing is written.
    pub fn prepare(
        name: &str,
        account_key: &AccountKey,
        keyslots: &[NewKeyslot<'_>],
        prompt: &mut dyn Prompt,
    ) -> Result<NewVault, VaultError> {
        keyslots::check_name(name)?;
        let mut header = Header {
            vault_id: random_bytes()?,
            name: name.to_owned(),
            created: now(),
            epoch: 1,
            generation: 1,
            keyslots: Vec::new(),
            extra: serde_json::Map::new(),
        };
        for new in keyslots {
            let slot = new.wrap(&header, account_key, prompt)?;
            header.keyslots.push(slot);
        }
        let text = sign(&header, account_key);
        // The only way to the keys is through the check, for us as for everybody.
        let verified = Unverified::parse(&text)?.verify(account_key)?;
        let sealer = record::Sealer::new(&verified.keys, &verified.header.vault_id, verified.header.epoch);
        let manifest = sealer.seal_manifest(&verified.tag, &Manifest { sequence: 1, ..Manifest::default() })?;
        Ok(NewVault { header: text, manifest })
    }

    /// Opens the vault by the first keyslot that its factors are at hand for.
    pub fn unlock(
        mut store: Box<dyn Store>,
        wish: Wish<'_>,
        openers: &mut Openers,
        prompt: &mut dyn Prompt,
    ) -> Result<Self, VaultError> {
        let unverified = peek(store.as_mut())?;
        let mut ahead = None;
        if unlock::prepare(unverified.header(), wish, openers) && wish.writes {
            ahead = set::Ahead::read(store.snapshot()?.as_ref())?;
        }
        let opened = unlock::open_any(unverified.header(), wish, openers, prompt)?;
        let mut vault = Self::with(store, opened, unverified.header())?;
        if let Some(ahead) = &mut ahead {
            ahead.begin(vault.state.sealer().leaves());
        }
        vault.ahead = ahead;
        Ok(vault)
    }

    /// Opens the vault by what a keyslot of the header `then` gave: checks header and manifest.
    fn with(mut store: Box<dyn Store>, opened: Opened, then: &Header) -> Result<Self, VaultError> {
        let Opened { keyslot, account_key, secrets } = opened;
        let read = store.snapshot()?;
        let state = match State::read(read.as_ref(), &account_key) {
            // Behind the prompt, another process may have rotated: no tampering.
            Err(VaultError::Header(HeaderError::Tag)) => return Err(other_account_key(read.as_ref(), then)?),
            state => state?,
        };
        drop(read);
        Ok(Self {
            store,
            account_key,
            state,
            opened: OpenedBy { keyslot, secrets },
            watch: None,
            rotated_from: None,
            ahead: None,
            resident: false,
            whole: None,
        })
    }

    /// The verified header, as last seen.
    pub fn header(&self) -> &Header {
        &self.state.verified.header
    }

    /// The name of the keyslot that opened the vault.
    pub fn opened_by(&self) -> &str {
        let slots = &self.header().keyslots;
        slots.iter().find(|slot| slot.id == self.opened.keyslot.id).map_or(&self.opened.keyslot.name, |slot| &slot.name)
    }

    /// The keyslot that opened the vault, as it was then, and the numbers of its factors that answered here, from 1.
    pub fn opened_with(&self) -> (&Keyslot, Vec<u8>) {
        (&self.opened.keyslot, self.opened.secrets.iter().map(|(number, _)| *number).collect())
    }

    /// The state of the vault, as last seen.
    pub fn mark(&self) -> Mark {
        mark(&self.state, &self.account_key, self.rotated_from)
    }

    /// Has `watch` told of the state now and after every write.
    pub fn watch(&mut self, watch: impl FnMut(&Seen) + 'static) {
        self.watch = Some(Box::new(watch));
        self.tell_watch();
    }

    fn tell_watch(&mut self) {
        let now = Seen::Now(self.mark());
        if let Some(watch) = &mut self.watch {
            watch(&now);
        }
    }

    /// The account key, for its export.
    pub fn account_key(&self) -> &AccountKey {
        &self.account_key
    }
}

/// The header as the file has it, not verified: for opening a keyslot and for `header show`.
pub fn peek(store: &mut dyn Store) -> Result<Unverified, VaultError> {
    let text = store.snapshot()?.meta(Meta::Header)?.ok_or(VaultError::Manifest)?;
    Ok(Unverified::parse(&text)?)
}

/// By which a vault under its account key is known, 32 bytes, not secret. Spec 7.
pub fn fingerprint(account_key: &AccountKey, vault_id: &[u8; 16]) -> [u8; 32] {
    **hkdf_sha256(account_key.expose(), &[vault_id], &[b"twinlock/1 mark"])
}

/// Now, RFC 3339, UTC, in seconds.
pub fn now() -> String {
    humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string()
}
