//! Other files of a vault: whether a copy is whole, and how it stands to this one.

use super::verify::whole;
use super::view::State;
use super::{Mark, Report, Vault, VaultError, mark, peek};
use crate::header::HeaderError;
use crate::secret::AccountKey;
use crate::store::Store;
use std::cmp::Ordering;
use std::ops::ControlFlow;

/// How another file stands to a vault that is open.
#[derive(Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is the same state.
    Same,
    /// It is older by so many writes; where they are more than 255, as far as their count tells.
    Older(u64),
    /// It is newer by so many writes; where they are more than 255, as far as their count tells.
    Newer(u64),
    /// It went another way: the later writes of both are others.
    Fork,
    /// It calls itself the same vault, under an account key before this one's.
    BeforeRotation,
    /// The same, after it.
    AfterRotation,
    /// It is another vault.
    OtherVault,
    /// It is no vault that can be read; why.
    Unreadable(String),
}

/// The state of a vault file under an account key that is at hand.
pub fn mark_of(store: &mut dyn Store, account_key: &AccountKey) -> Result<Mark, VaultError> {
    let state = State::read(store.snapshot()?.as_ref(), account_key)?;
    Ok(mark(&state, account_key, None))
}

impl Vault {
    /// Looks at everything in a copy with the keys of this vault.
    pub fn verify_copy(&self, copy: &mut dyn Store) -> Result<(Mark, Report), VaultError> {
        let snapshot = copy.snapshot()?;
        let state = State::read(snapshot.as_ref(), &self.account_key)?;
        whole(snapshot.as_ref(), &state, &mut |_, _| ControlFlow::Continue(()))?;
        Ok((mark(&state, &self.account_key, None), Report::of(&state)))
    }

    /// How another file stands to this vault. What is under another account key is judged by what it says of itself.
    pub fn standing(&self, other: &mut dyn Store) -> Result<Standing, VaultError> {
        let damaged = |error: VaultError| match error {
            VaultError::Header(error) => Ok(Standing::Unreadable(error.to_string())),
            VaultError::Manifest => Ok(Standing::Unreadable(VaultError::Manifest.to_string())),
            error => Err(error),
        };
        let says = match peek(other) {
            Ok(says) => says,
            Err(error) => return damaged(error),
        };
        let (says, mine) = (says.header(), self.header());
        if says.vault_id != mine.vault_id {
            return Ok(Standing::OtherVault);
        }
        let state = match State::read(other.snapshot()?.as_ref(), &self.account_key) {
            Ok(state) => state,
            Err(VaultError::Header(HeaderError::Tag)) if says.epoch < mine.epoch => {
                return Ok(Standing::BeforeRotation);
            }
            Err(VaultError::Header(HeaderError::Tag)) if says.epoch > mine.epoch => return Ok(Standing::AfterRotation),
            Err(error) => return damaged(error),
        };
        let (theirs, ours) = (state.manifest.sequence, self.state.manifest.sequence);
        if state.line().parted(&self.state.line()) == Some(true) {
            return Ok(Standing::Fork);
        }
        Ok(match theirs.cmp(&ours) {
            Ordering::Less => Standing::Older(ours - theirs),
            Ordering::Greater => Standing::Newer(theirs - ours),
            Ordering::Equal if state.sealed_manifest() == self.state.sealed_manifest() => Standing::Same,
            Ordering::Equal => Standing::Fork,
        })
    }
}
