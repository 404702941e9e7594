//! Putting a keyslot's factors together: which secret belongs to which factor is found by trying (spec 3), as a person with one of three
//! codes, or a custodian who answered with theirs, need not know its number.

use crate::factor::{Open, SlotContext};
use crate::header::{Header, Keyslot};
use crate::keyslot::{self, Wrap};
use crate::prompt::Again;
use crate::secret::{AccountKey, FactorSecret, Mask, SecretText};

/// Ways of putting factors together that are tried, at most: a second or so.
const TRIES: usize = 20_000;

/// What came from elsewhere for one keyslot: of each custodian, masks with the numbers of the factors that they may belong to.
pub struct Brought {
    /// The wrap that they are for.
    pub wrap: Wrap,
    /// What the keyslot was called then.
    pub keyslot: String,
    /// A custodian's masks each.
    pub answers: Vec<Vec<(u8, Mask)>>,
}

impl Brought {
    /// Whether a factor has surely answered: somebody's answer can be for no other.
    pub(super) fn surely(&self, number: u8) -> bool {
        self.answers.iter().any(|masks| matches!(masks.as_slice(), [(only, _)] if *only == number))
    }
}

/// A factor secret that is here, for one number.
pub(super) struct Own {
    pub number: u8,
    pub secret: FactorSecret,
    mask: Mask,
}

impl Own {
    pub fn new(header: &Header, slot: &Keyslot, number: u8, secret: FactorSecret) -> Self {
        let mask = keyslot::mask(&header.vault_id, slot, number, &secret);
        Self { number, secret, mask }
    }
}

/// Tries every choice of `k` sources, each as one of the numbers that it may be. The account key, and of `own` what was used.
pub(super) fn assemble(
    header: &Header,
    slot: &Keyslot,
    brought: Option<&Brought>,
    own: &[&[Own]],
) -> Option<(AccountKey, Vec<(usize, usize)>)> {
    let there = brought.map_or(&[][..], |brought| &brought.answers);
    let mut sources: Vec<Vec<(u8, &Mask)>> = Vec::new();
    let known = |number: u8| number > 0 && usize::from(number) <= slot.factors.len();
    sources.extend(there.iter().map(|masks| masks.iter().filter(|(i, _)| known(*i)).map(|(i, m)| (*i, m)).collect()));
    sources.extend(own.iter().map(|choices| choices.iter().map(|own| (own.number, &own.mask)).collect()));
    let mut search = Search { header, slot, sources: &sources, picked: Vec::new(), tries: TRIES };
    let key = search.from(0)?;
    let used = search.picked.iter().filter_map(|(source, choice)| Some((source.checked_sub(there.len())?, *choice)));
    Some((key, used.collect()))
}

struct Search<'a> {
    header: &'a Header,
    slot: &'a Keyslot,
    sources: &'a [Vec<(u8, &'a Mask)>],
    /// Source and choice.
    picked: Vec<(usize, usize)>,
    tries: usize,
}

impl Search<'_> {
    fn from(&mut self, first: usize) -> Option<AccountKey> {
        let wanted = usize::from(self.slot.threshold) - self.picked.len();
        if wanted == 0 {
            self.tries -= 1;
            let masks: Vec<_> = self.picked.iter().map(|(source, choice)| self.sources[*source][*choice]).collect();
            return keyslot::unwrap_masked(&self.header.vault_id, self.slot, &masks).ok();
        }
        for source in first..self.sources.len() {
            if self.sources.len() - source < wanted {
                break;
            }
            for (choice, (number, _)) in self.sources[source].iter().enumerate() {
                if self.tries == 0 {
                    return None;
                }
                if self.picked.iter().any(|(source, choice)| self.sources[*source][*choice].0 == *number) {
                    continue;
                }
                self.picked.push((source, choice));
                if let Some(key) = self.from(source + 1) {
                    return Some(key);
                }
                self.picked.pop();
            }
        }
        None
    }
}

/// What the same typing gives for the other factors of its kind.
pub(super) fn elsewhere(
    header: &Header,
    slot: &Keyslot,
    ctx: &SlotContext<'_>,
    first: &Own,
    said: &SecretText,
    opener: &mut dyn Open,
) -> Vec<Own> {
    let kind = &slot.factors[usize::from(first.number) - 1].kind;
    let others = (1u8..).zip(&slot.factors).filter(|(i, stanza)| *i != first.number && stanza.kind == *kind);
    let again = others.filter_map(|(i, stanza)| {
        // What is not accepted of another factor is no error of this one.
        let secret = opener.open(ctx, stanza, &mut Again::new(said)).ok()??;
        Some(Own::new(header, slot, i, secret))
    });
    again.collect()
}
