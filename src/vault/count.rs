//! Counting on: generation, epoch, sequence and revision only grow, and end where the format has no number for them (spec 4.1, 6.4). A
//! vault that is written once a second reaches neither end; one that somebody has made can begin near them.

use super::VaultError;
use super::record::LIMIT;
use crate::header::MAX_NUMBER;

/// The generation or epoch after this one: a number of the header, at most 2^53 - 1.
pub fn next_in_header(number: u64) -> Result<u64, VaultError> {
    if number < MAX_NUMBER { Ok(number + 1) } else { Err(VaultError::CountedOut) }
}

/// The sequence or revision after this one, below 2^63.
pub fn next_in_manifest(number: u64) -> Result<u64, VaultError> {
    if number < LIMIT - 1 { Ok(number + 1) } else { Err(VaultError::CountedOut) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::factor::Openers;
    use crate::factor::fake::FakeEnroll;
    use crate::header::{Unverified, sign};
    use crate::item::Item;
    use crate::prompt::ScriptedPrompt;
    use crate::secret::AccountKey;
    use crate::store::memory::{Contents, MemoryStore};
    use crate::vault::record::{Manifest, Sealer};
    use crate::vault::{NewKeyslot, Vault, Wish};

    /// A vault that says that it was written so often, made as only who has its account key can make it.
    fn vault(generation: u64, sequence: u64) -> Vault {
        let mut prompt = ScriptedPrompt::new().types("s").types("s");
        let factor = FakeEnroll { name: "f".into() };
        let keyslot = NewKeyslot { name: "k".into(), threshold: 1, factors: vec![&factor], custodians: false };
        let account_key = AccountKey::new(crate::secret::zeros32());
        let new = Vault::prepare("v", &account_key, &[keyslot], &mut prompt).unwrap();
        let mut header = Unverified::parse(&new.header).unwrap().verify(&account_key).unwrap().header;
        header.generation = generation;
        let text = sign(&header, &account_key);
        let verified = Unverified::parse(&text).unwrap().verify(&account_key).unwrap();
        let sealer = Sealer::new(&verified.keys, &header.vault_id, header.epoch);
        let manifest = sealer.seal_manifest(&verified.tag, &Manifest { sequence, ..Manifest::default() }).unwrap();
        let contents = Contents { header: Some(text), manifest: Some(manifest), ..Contents::default() };
        let store = Box::new(MemoryStore::new(contents));
        Vault::unlock(store, Wish::default(), &mut Openers::typed(), &mut prompt).unwrap()
    }

    fn note(name: &str) -> Item {
        let json = format!(r#"{{"type":"note","name":"{name}","created":"c","updated":"u","fields":[]}}"#);
        Item::from_json(json.as_bytes()).unwrap()
    }

    #[test]
    fn a_vault_at_the_end_of_its_numbers_is_read_and_not_written() {
        let mut full = vault(1, LIMIT - 1);
        assert!(matches!(full.add(&note("a")), Err(VaultError::CountedOut)));
        assert!(matches!(full.rename("k", "l"), Err(VaultError::CountedOut)));
        assert_eq!(full.verify().unwrap().sequence, LIMIT - 1);
        let mut full = vault(MAX_NUMBER, 1);
        assert!(matches!(full.rename("k", "l"), Err(VaultError::CountedOut)));
        let rotation =
            full.prepare_rotation(&[], false, &mut |_| false, &mut Openers::typed(), &mut ScriptedPrompt::new());
        assert!(matches!(rotation, Err(VaultError::CountedOut)));
        full.add(&note("a")).unwrap();
        let mut last = vault(MAX_NUMBER - 1, LIMIT - 2);
        last.rename("k", "l").unwrap();
        assert_eq!(last.header().generation, MAX_NUMBER);
    }

    #[test]
    fn the_last_number_is_used_and_none_after_it() {
        assert!(matches!(next_in_header((1 << 53) - 2), Ok(0x1f_ffff_ffff_ffff)));
        assert!(matches!(next_in_header((1 << 53) - 1), Err(VaultError::CountedOut)));
        assert!(matches!(next_in_header(u64::MAX), Err(VaultError::CountedOut)));
        assert!(matches!(next_in_manifest((1 << 63) - 2), Ok(0x7fff_ffff_ffff_ffff)));
        assert!(matches!(next_in_manifest((1 << 63) - 1), Err(VaultError::CountedOut)));
    }
}
