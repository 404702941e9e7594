//! A kit made from a vault, opened without one, held against one, and a lost or damaged header put back from it. Spec 8.2 and 8.3.
//!
//! A header is put back only where the manifest and the set of records are right under the account key that the kit gave: what is
//! written then is what twinlock would have written, and a vault that is not damaged is never touched.

use super::count::next_in_header;
use super::record::{Manifest, Sealer};
use super::set::Tally;
use super::view::State;
use super::{Mark, Opened, Vault, VaultError, Wish, unlock};
use crate::crypto::sha256;
use crate::factor::Openers;
use crate::header::{Header, HeaderError, Keyslot, KitHeader, Unverified, Verified, last_tag, sign};
use crate::prompt::Prompt;
use crate::store::{Meta, Read, Store, StoreError};

/// A kit whose keyslot opened and whose tag is right.
pub struct OpenKit {
    verified: Verified,
    text: Vec<u8>,
    origin: [u8; 32],
    /// How many keyslots the vault had, if the kit is not whole.
    of: Option<usize>,
    opened: Opened,
}

/// What a kit is to a vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KitStanding {
    /// The vault's header is the one that the kit was made from.
    Current,
    /// The vault's header was written since.
    Older {
        /// How often.
        by: u64,
        /// What is another in the vault than in the kit.
        changes: Vec<Change>,
    },
    /// The vault's header is an older one than the kit's.
    Newer {
        /// By so many writes.
        by: u64,
    },
    /// As many writes, but others.
    Fork,
    /// The vault was rotated since. As its header says, which the kit cannot prove.
    BeforeRotation {
        /// The kit's epoch.
        kit: u64,
        /// The vault's epoch.
        vault: u64,
    },
    /// The kit is from after a rotation, the vault file from before it.
    AfterRotation {
        /// The kit's epoch.
        kit: u64,
        /// The vault's epoch.
        vault: u64,
    },
    /// The vault's header is missing or not right, its items are, and the kit can put a header back.
    Damaged(Damage),
}

/// What became of a keyslot since a kit was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It has a new password, or was wrapped anew: its old factors open the kit, and not the vault.
    Wrapped(String),
    /// It is no longer in the vault, and still in the kit.
    Wiped(String),
    /// It is in the vault, and not in the kit.
    Added(String),
    /// It has another name now: old and new.
    Renamed(String, String),
}

/// What a header is put back on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The tag of the header that is missing: the manifest is sealed for it.
    tag: [u8; 32],
    /// The kit's own text is that header, byte for byte.
    pub exact: bool,
    /// The header that is missing is the one that the kit was made from; otherwise it is a later one, and its keyslots are lost.
    pub recent: bool,
    /// The generation that the lost header is taken to have had: the kit's, or what is left of the header says a later one.
    generation: u64,
}

/// Why a kit cannot be used.
#[derive(Debug)]
pub enum RestoreError {
    /// No way in, a factor, the store.
    Vault(VaultError),
    /// The kit's header text.
    Header(HeaderError),
    /// The vault has another id, and none of the kit's keyslots; its name.
    OtherVault(String),
    /// Neither the kit nor the damaged header has the tag that the vault's manifest is sealed for.
    Unproven,
    /// Records are missing, too many, or of another epoch.
    Altered,
    /// Somebody changed the vault meanwhile.
    Changed,
}

impl<E: Into<VaultError>> From<E> for RestoreError {
    fn from(error: E) -> Self {
        Self::Vault(error.into())
    }
}

impl Vault {
    /// The header text of a kit: the vault's own, or with these keyslots only.
    pub fn kit(&mut self, only: &[String]) -> Result<Vec<u8>, VaultError> {
        let snapshot = self.store.snapshot()?;
        self.state.refresh(snapshot.as_ref(), &self.account_key)?;
        let Verified { header, tag, .. } = &self.state.verified;
        let ids = only
            .iter()
            .map(|name| super::keyslots::position(header, name).map(|at| header.keyslots[at].id))
            .collect::<Result<Vec<_>, _>>()?;
        if only.is_empty() || header.keyslots.iter().all(|slot| ids.contains(&slot.id)) {
            return Ok(self.state.text().to_vec());
        }
        let text = KitHeader::of_keyslots(header, tag, &ids, &self.account_key);
        // As it will be read, before it is printed.
        KitHeader::parse(&text)?.verify(&self.account_key)?;
        Ok(text)
    }
}

/// The name of the vault, if a kit is plainly of another one: told from public data, before anybody is asked for anything.
pub fn other_vault(kit: &Header, read: &dyn Read) -> Result<Option<String>, StoreError> {
    let text = read.meta(Meta::Header)?;
    let Some(Ok(unverified)) = text.as_deref().map(Unverified::parse) else { return Ok(None) };
    let vault = unverified.header();
    let shared = |slot: &Keyslot| kit.keyslots.iter().any(|other| other.id == slot.id);
    let other = vault.vault_id != kit.vault_id && !vault.keyslots.iter().any(shared);
    Ok(other.then(|| vault.name.clone()))
}

impl OpenKit {
    /// Opens a kit's header text by its factors. `store` is the vault, if there is one: a kit of another one is not asked for.
    pub fn open(
        text: Vec<u8>,
        store: Option<&mut dyn Store>,
        wish: Wish<'_>,
        openers: &mut Openers,
        prompt: &mut dyn Prompt,
    ) -> Result<Self, RestoreError> {
        let header = KitHeader::parse(&text).map_err(RestoreError::Header)?;
        if let Some(store) = store
            && let Some(name) = other_vault(header.header(), store.snapshot()?.as_ref())?
        {
            return Err(RestoreError::OtherVault(name));
        }
        unlock::prepare(header.header(), wish, openers);
        let opened = unlock::open_any(header.header(), wish, openers, prompt)?;
        let (origin, of) = (header.origin, header.of);
        let verified = header.verify(&opened.account_key).map_err(RestoreError::Header)?;
        Ok(Self { verified, text, origin, of, opened })
    }

    /// The header in the kit.
    pub fn header(&self) -> &Header {
        &self.verified.header
    }

    /// How many keyslots the vault had, if the kit is not whole.
    pub fn of(&self) -> Option<usize> {
        self.of
    }

    /// The keyslot that opened it.
    pub fn opened_by(&self) -> &str {
        &self.opened.keyslot.name
    }

    /// That of the vault under this account key (spec 7), 32 bytes.
    pub fn fingerprint(&self) -> [u8; 32] {
        super::fingerprint(&self.opened.account_key, &self.header().vault_id)
    }

    fn sealer(&self) -> Sealer<'_> {
        Sealer::new(&self.verified.keys, &self.header().vault_id, self.header().epoch)
    }

    /// Holds the kit against a vault. Where its header is right, nothing else of it is looked at: that is `Vault::verify`.
    pub fn compare(&self, read: &dyn Read) -> Result<KitStanding, RestoreError> {
        let text = read.meta(Meta::Header)?;
        let parsed = text.as_deref().and_then(|text| Unverified::parse(text).ok());
        let kit = self.header();
        let (mut generation, mut epoch) = (kit.generation, None);
        if let Some(unverified) = parsed {
            let said = unverified.header().clone();
            match unverified.verify(&self.opened.account_key) {
                Ok(verified) if said.vault_id == kit.vault_id => return Ok(self.standing(&verified)),
                // One account key may have been brought to two vaults.
                Ok(_) => return Err(RestoreError::OtherVault(said.name)),
                Err(_) => (generation, epoch) = (KitHeader::believed(kit, said.generation), Some(said.epoch)),
            }
        }
        if let Some((tag, manifest)) = self.manifest(read, text.as_deref())? {
            self.check_set(read, &manifest)?;
            let recent = tag == self.origin;
            return Ok(KitStanding::Damaged(Damage { tag, exact: recent && self.of.is_none(), recent, generation }));
        }
        match epoch {
            Some(vault) if vault > kit.epoch => Ok(KitStanding::BeforeRotation { kit: kit.epoch, vault }),
            Some(vault) if vault < kit.epoch => Ok(KitStanding::AfterRotation { kit: kit.epoch, vault }),
            _ => Err(RestoreError::Unproven),
        }
    }

    /// The kit beside a header that the same account key vouches for.
    fn standing(&self, vault: &Verified) -> KitStanding {
        let (kit, now) = (self.header(), &vault.header);
        if vault.tag == self.origin {
            KitStanding::Current
        } else if now.generation > kit.generation {
            KitStanding::Older { by: now.generation - kit.generation, changes: self.changes(now) }
        } else if now.generation < kit.generation {
            KitStanding::Newer { by: kit.generation - now.generation }
        } else {
            KitStanding::Fork
        }
    }

    fn changes(&self, now: &Header) -> Vec<Change> {
        let kit = self.header();
        let of_kit = kit.keyslots.iter().filter_map(|old| {
            let Some(new) = now.keyslots.iter().find(|new| new.id == old.id) else {
                return Some(Change::Wiped(old.name.clone()));
            };
            if new.wrapped != old.wrapped {
                return Some(Change::Wrapped(new.name.clone()));
            }
            (new.name != old.name).then(|| Change::Renamed(old.name.clone(), new.name.clone()))
        });
        let added = now.keyslots.iter().filter(|new| !kit.keyslots.iter().any(|old| old.id == new.id));
        // What was left out of a kit on purpose is not news.
        let added = added.filter(|_| self.of.is_none()).map(|slot| Change::Added(slot.name.clone()));
        of_kit.chain(added).collect()
    }

    /// The manifest and the tag that it is sealed for, if the kit or the damaged text has that tag.
    fn manifest(&self, read: &dyn Read, text: Option<&[u8]>) -> Result<Option<([u8; 32], Manifest)>, StoreError> {
        let Some(sealed) = read.meta(Meta::Manifest)? else { return Ok(None) };
        let tags = [Some(self.origin), text.and_then(last_tag)];
        let opens = |tag: [u8; 32]| Some((tag, self.sealer().open_manifest(&tag, &sealed).ok()?));
        Ok(tags.into_iter().flatten().find_map(opens))
    }

    /// The records are the manifest's, and all of the kit's epoch.
    fn check_set(&self, read: &dyn Read, manifest: &Manifest) -> Result<(), RestoreError> {
        let mut epochs = true;
        let leaves = self.sealer().leaves();
        let tally = Tally::read(read, &leaves, &mut |record| epochs &= record.epoch == self.header().epoch)?;
        if epochs && tally.fits(manifest) { Ok(()) } else { Err(RestoreError::Altered) }
    }

    /// The state of a vault without a right header, for comparing with what this machine has seen.
    pub fn mark(&self, read: &dyn Read, damage: &Damage) -> Result<Mark, RestoreError> {
        let sealed = read.meta(Meta::Manifest)?.ok_or(RestoreError::Changed)?;
        let manifest = self.sealer().open_manifest(&damage.tag, &sealed).map_err(|_| RestoreError::Changed)?;
        Ok(Mark {
            vault_id: self.header().vault_id,
            fingerprint: self.fingerprint(),
            epoch: self.header().epoch,
            sequence: manifest.sequence,
            state: sha256(&[&sealed]),
            past: manifest.past,
            generation: damage.generation,
            keyslots: self.header().keyslots.iter().map(|slot| slot.id).collect(),
            follows: None,
        })
    }

    /// Puts a header back, all or nothing; the vault as it opens then.
    pub fn restore(self, mut store: Box<dyn Store>, damage: &Damage) -> Result<Vault, RestoreError> {
        let account_key = &self.opened.account_key;
        let mut tx = store.begin()?;
        // Again, under the lock: what the person said yes to is what is there.
        if self.compare(tx.as_ref())? != KitStanding::Damaged(damage.clone()) {
            return Err(RestoreError::Changed);
        }
        if damage.exact {
            tx.put_meta(Meta::Header, &self.text)?;
        } else {
            let before = tx.meta(Meta::Header)?;
            let (_, manifest) = self.manifest(tx.as_ref(), before.as_deref())?.ok_or(RestoreError::Changed)?;
            let lost = tx.meta(Meta::Manifest)?.ok_or(RestoreError::Changed)?;
            let header = KitHeader::complete(self.header(), next_in_header(damage.generation)?);
            let text = sign(&header, account_key);
            let verified = Unverified::parse(&text)?.verify(account_key)?;
            let Verified { keys, header, tag, .. } = &verified;
            let sealed =
                Sealer::new(keys, &header.vault_id, header.epoch).seal_manifest(tag, &manifest.next(&lost)?)?;
            tx.put_meta(Meta::Header, &text)?;
            tx.put_meta(Meta::Manifest, &sealed)?;
        }
        // As anybody will read it, before it lasts.
        State::read(tx.as_ref(), account_key)?.check_set(tx.as_ref(), None)?;
        tx.commit()?;
        self.into_vault(store)
    }

    /// The vault, opened by what opened the kit.
    pub fn into_vault(self, store: Box<dyn Store>) -> Result<Vault, RestoreError> {
        let Self { verified, opened, .. } = self;
        Ok(Vault::with(store, opened, &verified.header)?)
    }
}
