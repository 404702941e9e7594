//! What a vault's states tell of those before them, sealed into the manifest: so two copies that went different ways are told from an older
//! and a newer one, also where the one has more writes. Spec 6.4 and 7.

use super::record::Damaged;
use crate::crypto::sha256;

/// The first 8 bytes of a state (SHA-256 of the sealed manifest): by it that state is known again. Nobody without the account key can make
/// a manifest that opens, and who has the key needs no second one of the same link: so 64 bits are for chance alone.
pub type Link = [u8; 8];

/// As many states before its own as a manifest tells of, at most.
pub const REACH: u8 = 255;

/// The link of a state.
pub fn link(state: &[u8; 32]) -> Link {
    std::array::from_fn(|at| state[at])
}

/// Links of the states before one, latest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Past(Vec<Link>);

impl Past {
    /// That of the state after one whose sealed manifest this is; what is too long ago is forgotten.
    pub(super) fn after(&self, sealed_manifest: &[u8]) -> Self {
        let links = std::iter::once(link(&sha256(&[sealed_manifest]))).chain(self.0.iter().copied());
        Self(links.take(REACH.into()).collect())
    }

    /// From its bytes, 8 a link; there cannot be more than `sequence` writes had states before them.
    pub fn from_bytes(bytes: &[u8], sequence: u64) -> Result<Self, Damaged> {
        let (links, rest) = bytes.as_chunks::<8>();
        let reach = links.len() as u64;
        let fits = rest.is_empty() && reach <= u64::from(REACH) && reach < sequence;
        if fits { Ok(Self(links.to_vec())) } else { Err(Damaged) }
    }

    /// Its bytes, 8 a link.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_flattened()
    }

    /// How many states it tells of.
    pub fn reach(&self) -> u64 {
        self.0.len() as u64
    }
}

/// A state and those that it tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    sequence: u64,
    here: Link,
    past: Past,
}

impl Line {
    /// That of the state with this count of writes.
    pub fn new(sequence: u64, state: &[u8; 32], past: Past) -> Self {
        Self { sequence, here: link(state), past }
    }

    /// The link of the state after so many writes, where it tells of it.
    pub fn at(&self, sequence: u64) -> Option<Link> {
        match self.sequence.checked_sub(sequence)? {
            0 => Some(self.here),
            back => self.past.0.get(usize::try_from(back - 1).ok()?).copied(),
        }
    }

    /// Whether neither of two states came of the other; None where the one with more writes does not tell of so long ago.
    pub fn parted(&self, other: &Self) -> Option<bool> {
        let at = self.sequence.min(other.sequence);
        Some(self.at(at)? != other.at(at)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line of a copy whose manifests are these, one a write.
    fn line(manifests: &[&str]) -> Line {
        let (last, before) = manifests.split_last().unwrap();
        let past = before.iter().fold(Past::default(), |past, sealed| past.after(sealed.as_bytes()));
        Line::new(manifests.len() as u64, &sha256(&[last.as_bytes()]), past)
    }

    #[test]
    fn copies_that_parted_are_told_from_older_and_newer_ones() {
        let (old, new) = (line(&["a", "b"]), line(&["a", "b", "c", "d"]));
        let (other, more) = (line(&["a", "b", "x"]), line(&["a", "b", "x", "y", "z", "z"]));
        for (one, two, parted) in [
            (&old, &old, false),
            (&old, &new, false),
            (&old, &more, false),
            (&other, &new, true),
            (&more, &new, true),
            (&other, &more, false),
            (&line(&["a", "c"]), &old, true),
        ] {
            assert_eq!((one.parted(two), two.parted(one)), (Some(parted), Some(parted)), "{one:?} {two:?}");
        }
    }

    #[test]
    fn it_tells_of_255_states_and_of_none_before() {
        let names: Vec<String> = (0..300).map(|n| n.to_string()).collect();
        let of = |n: usize| line(&names[..n].iter().map(String::as_str).collect::<Vec<_>>());
        let last = of(300);
        assert_eq!((last.past.reach(), last.past.as_bytes().len()), (255, 2040));
        assert_eq!(last.parted(&of(45)), Some(false));
        assert_eq!((last.parted(&of(44)), of(44).parted(&last)), (None, None));
        assert_eq!((last.at(300), last.at(301)), (of(300).at(300), None));
        // A vault whose last writer kept no past tells of nothing.
        let silent = Line { past: Past::default(), ..of(20) };
        assert_eq!((silent.parted(&of(19)), silent.parted(&of(20))), (None, Some(false)));
    }

    #[test]
    fn only_what_can_be_is_read() {
        let read = |length: usize, sequence| Past::from_bytes(&vec![7; length], sequence).is_ok();
        for (length, sequence) in [(0, 1), (8, 2), (8, 1 << 40), (2040, 256)] {
            assert!(read(length, sequence), "{length} {sequence}");
        }
        for (length, sequence) in [(0, 0), (8, 1), (7, 300), (9, 300), (2032, 254), (2048, 300)] {
            assert!(!read(length, sequence), "{length} {sequence}");
        }
        let past = line(&["a", "b", "c"]).past;
        assert_eq!(Past::from_bytes(past.as_bytes(), 3), Ok(past));
    }
}
