//! A custodian's answer: the masks of their share, sealed to the request. Spec 9.3.

use super::armour;
use super::{CustodyError, Kind, Request};
use crate::crypto::ecdh::EcdhError;
use crate::crypto::sealed;
use crate::secret::{Mask, RequestKey, zeros32};
use zeroize::Zeroizing;

const KIND: Kind = Kind::Answer;
/// Id of the request, ephemeral public key.
const HEAD: usize = 16 + 32;
/// Nonce and tag.
const AROUND: usize = 24 + 16;
/// Number and mask.
const ENTRY: usize = 1 + 32;
/// Masks, at most.
const MAX_MASKS: usize = 16;

/// An answer, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The request that it says it answers.
    pub request: [u8; 16],
    ephemeral: [u8; 32],
    sealed: Vec<u8>,
}

impl Answer {
    /// Seals masks, each with the number of its factor, ascending. More than one: what was typed may belong to any of these factors.
    pub fn seal(request: &Request, masks: &[(u8, Mask)]) -> Result<Self, CustodyError> {
        let mut plain = Zeroizing::new(Vec::with_capacity(masks.len() * ENTRY));
        for (number, mask) in masks {
            plain.push(*number);
            plain.extend_from_slice(mask.expose());
        }
        let sealed = sealed::seal(&request.asked.public, &context(&request.hash()), &plain);
        let (ephemeral, sealed) = sealed.map_err(|error| match error {
            EcdhError::BadPoint => unreachable!("the key of a request was checked when it was read"),
            EcdhError::Random(_) => CustodyError::Random,
        })?;
        Ok(Self { request: request.id(), ephemeral, sealed })
    }

    /// All answers in a text.
    pub fn read(text: &str) -> Result<Vec<Self>, CustodyError> {
        armour::read(KIND, text)?.iter().map(|payload| Self::parse(payload)).collect()
    }

    fn parse(payload: &[u8]) -> Result<Self, CustodyError> {
        let entries = payload.len().checked_sub(HEAD + AROUND);
        if !entries.is_some_and(|left| left.is_multiple_of(ENTRY) && (1..=MAX_MASKS).contains(&(left / ENTRY))) {
            return Err(CustodyError::Malformed(KIND, "it has a length that no answer has".to_owned()));
        }
        let (mut request, mut ephemeral) = ([0; 16], [0; 32]);
        request.copy_from_slice(&payload[..16]);
        ephemeral.copy_from_slice(&payload[16..HEAD]);
        Ok(Self { request, ephemeral, sealed: payload[HEAD..].to_vec() })
    }

    /// For a mail.
    pub fn lines(&self) -> String {
        armour::lines(KIND, &self.payload())
    }

    /// For a QR code.
    pub fn line(&self) -> String {
        armour::line(KIND, &self.payload())
    }

    fn payload(&self) -> Vec<u8> {
        [&self.request[..], &self.ephemeral, &self.sealed].concat()
    }

    /// The masks, each with the number of its factor.
    pub fn open(&self, request: &Request, key: &RequestKey) -> Result<Vec<(u8, Mask)>, CustodyError> {
        if self.request != request.id() {
            return Err(CustodyError::Foreign);
        }
        let plain = sealed::open(key, &self.ephemeral, &context(&request.hash()), &self.sealed);
        let plain = plain.map_err(|_| CustodyError::Forged)?;
        let mut masks: Vec<(u8, Mask)> = Vec::new();
        for entry in plain.chunks_exact(ENTRY) {
            let number = entry[0];
            let ascending = masks.last().is_none_or(|(last, _)| *last < number);
            if !ascending || request.factor(number).is_none() {
                return Err(CustodyError::Forged);
            }
            let mut mask = zeros32();
            mask.copy_from_slice(&entry[1..]);
            masks.push((number, Mask::new(mask)));
        }
        Ok(masks)
    }
}

/// Bound into the key and the associated data: the label, and every byte of the request.
fn context(hash: &[u8; 32]) -> [&[u8]; 2] {
    [b"twinlock/1 answer", hash]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::sealed::{new_key, public_of};
    use crate::custody::Request;
    use crate::custody::request::tests::asked;

    fn masks(numbers: &[u8]) -> Vec<(u8, Mask)> {
        let mask = |byte: u8| {
            let mut mask = zeros32();
            mask.fill(byte);
            Mask::new(mask)
        };
        numbers.iter().map(|number| (*number, mask(number + 100))).collect()
    }

    #[test]
    fn only_its_request_opens_it() {
        let (key, other_key) = (new_key().unwrap(), new_key().unwrap());
        let request = Request::new(&asked(public_of(&key))).unwrap();
        let answer = Answer::seal(&request, &masks(&[2, 3])).unwrap();
        for text in [answer.line(), answer.lines()] {
            assert_eq!(Answer::read(&text), Ok(vec![answer.clone()]));
        }
        let opened = answer.open(&request, &key).ok().unwrap();
        let opened: Vec<_> = opened.iter().map(|(number, mask)| (*number, mask.expose()[31])).collect();
        assert_eq!(opened, [(2, 102), (3, 103)]);
        assert_eq!(answer.open(&request, &other_key).err(), Some(CustodyError::Forged));
        let mut later = asked(public_of(&key));
        later.reason = "another".into();
        let later = Request::new(&later).unwrap();
        assert_eq!(answer.open(&later, &key).err(), Some(CustodyError::Foreign));
        // Relabelled by somebody on the way: the hash of the whole request is bound, not only the part that is seen.
        let relabelled = Answer { request: later.id(), ..answer };
        assert_eq!(relabelled.open(&later, &key).err(), Some(CustodyError::Forged));
    }

    #[test]
    fn numbers_that_were_not_asked_for_are_refused() {
        let key = new_key().unwrap();
        let request = Request::new(&asked(public_of(&key))).unwrap();
        for numbers in [&[1][..], &[2, 2], &[3, 2], &[0], &[4]] {
            let answer = Answer::seal(&request, &masks(numbers)).unwrap();
            assert_eq!(answer.open(&request, &key).err(), Some(CustodyError::Forged), "{numbers:?}");
        }
    }

    #[test]
    fn other_lengths_are_none() {
        for length in [0, HEAD, HEAD + AROUND, HEAD + AROUND + ENTRY - 1, HEAD + AROUND + 17 * ENTRY] {
            let text = armour::line(KIND, &vec![7; length]);
            assert!(matches!(Answer::read(&text), Err(CustodyError::Malformed(KIND, _))), "{length}");
        }
        assert!(Answer::read(&armour::line(KIND, &[7; HEAD + AROUND + 16 * ENTRY])).is_ok());
    }
}
