//! A kit: a header text in numbered parts, each short enough for a QR code, with a check sum each and one over all. Spec 8.1.
//!
//! Nothing here is secret or trusted: a part may be from anybody. What a kit's text says is judged by its header tag, later.

use crate::crypto::sha256;
use crate::encode::base32::{self, Base32Error};
use crate::encode::deflate::{self, DeflateError};
use crate::header::MAX_TEXT;
use std::collections::BTreeMap;

/// Begins each part.
const BEGIN: &str = "TWINLOCK-KIT:";
/// Ends each part.
const END: char = '.';
/// The version of the format.
const VERSION: u8 = 1;
/// Version, set, i, n.
const HEAD: usize = 1 + 8 + 1 + 1;
/// Bytes of a part's check sum.
const CHECK: usize = 4;
/// Bytes of a chunk, at most.
const MAX_CHUNK: usize = 2048;
/// Characters of a part between `:` and `.`, at most, those that mean nothing included.
const MAX_PART: usize = 65_536;

/// Why something is no part of a kit, or parts are no kit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KitError {
    /// Nothing that begins like a part.
    Nothing,
    /// A part without its end.
    CutShort,
    /// A character that no part has.
    Character(char),
    /// A part of another version of the format.
    Version(u8),
    /// The check sum of a part does not fit: mistyped, or damaged. Its number, as far as it can be believed.
    Check(u8),
    /// Numbers or lengths that no part has.
    Malformed,
    /// Parts of more than one kit.
    Mixed,
    /// Two parts of one number differ.
    Conflict(u8),
    /// Parts are missing.
    Missing {
        /// Their numbers.
        numbers: Vec<u8>,
        /// How many there are in all.
        of: u8,
    },
    /// The parts fit each other, and together are not what was written.
    Sum,
    /// The text cannot be unpacked.
    Packed,
    /// The text is longer than a header may be.
    TooLong,
}

impl std::fmt::Display for KitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => f.write_str("no kit is in it"),
            Self::CutShort => f.write_str("a part of the kit is cut short"),
            Self::Character(c) => write!(f, "a part of the kit has the character '{c}', which none has"),
            Self::Version(version) => {
                write!(f, "the kit is of format version {version}, this program knows version {VERSION}")
            }
            Self::Check(number) => write!(f, "part {number} of the kit is damaged: its check sum does not fit"),
            Self::Malformed => f.write_str("a part of the kit has a number or a length that no part has"),
            Self::Mixed => f.write_str("there are parts of more than one kit"),
            Self::Conflict(number) => write!(f, "part {number} of the kit is there twice, and differs"),
            Self::Missing { numbers, of } => {
                f.write_str(if numbers.len() == 1 { "part " } else { "parts " })?;
                for (at, number) in numbers.iter().enumerate() {
                    let join = if at == 0 { "" } else { [", ", " and "][usize::from(at + 1 == numbers.len())] };
                    write!(f, "{join}{number}")?;
                }
                let is = if numbers.len() == 1 { "is" } else { "are" };
                write!(f, " of the kit's {of} {is} missing")
            }
            Self::Sum => f.write_str("the kit's parts do not fit together"),
            Self::Packed => f.write_str("the kit's text is damaged"),
            Self::TooLong => f.write_str("the kit's text is longer than a header may be"),
        }
    }
}

impl std::error::Error for KitError {}

/// A header text as parts of at most `chars` characters each. None if that takes more than 255 parts.
pub fn parts(text: &[u8], chars: usize) -> Option<Vec<String>> {
    let bytes = chars.checked_sub(BEGIN.len() + 1)? * 5 / 8;
    let chunk = bytes.checked_sub(HEAD + CHECK).filter(|chunk| *chunk > 0)?.min(MAX_CHUNK);
    let payload = deflate::pack(text);
    let set = set_of(&payload);
    // As many as are needed, and all of about one size: no tiny last code beside large ones.
    let count = payload.len().div_ceil(chunk);
    let n = u8::try_from(count).ok()?;
    let even = payload.len().div_ceil(count);
    let part = |(i, chunk): (u8, &[u8])| {
        let mut frame = [&[VERSION][..], &set, &[i, n], chunk].concat();
        frame.extend(check_of(&frame));
        format!("{BEGIN}{}{END}", base32::encode(&frame))
    };
    Some((1..=n).zip(payload.chunks(even)).map(part).collect())
}

/// Parts as they come in.
#[derive(Clone, Default)]
pub struct Gathered {
    chunks: BTreeMap<u8, Vec<u8>>,
    of: Option<([u8; 8], u8)>,
}

impl Gathered {
    /// No part yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes all parts that stand in a text; how many they are.
    pub fn take(&mut self, text: &str) -> Result<usize, KitError> {
        // ASCII only, so that places stay the same.
        let upper = text.to_ascii_uppercase();
        let mut found = 0;
        let mut rest = upper.as_str();
        while let Some(at) = rest.find(BEGIN) {
            rest = &rest[at + BEGIN.len()..];
            let end = rest.find(END).filter(|end| *end <= MAX_PART).ok_or(KitError::CutShort)?;
            self.part(&rest[..end])?;
            rest = &rest[end..];
            found += 1;
        }
        Ok(found)
    }

    fn part(&mut self, text: &str) -> Result<(), KitError> {
        let (version, decoded) = (version_of(text), base32::decode(text));
        if let Err(Base32Error::Character(c)) = decoded {
            return Err(KitError::Character(c));
        }
        if let Some(other) = version.filter(|version| *version != VERSION) {
            return Err(KitError::Version(other));
        }
        let frame = decoded.map_err(|_| KitError::Malformed)?;
        let (frame, check) = match frame.len().checked_sub(CHECK) {
            Some(at) if at > HEAD => frame.split_at(at),
            _ => return Err(KitError::Malformed),
        };
        let (i, n, chunk) = (frame[HEAD - 2], frame[HEAD - 1], &frame[HEAD..]);
        if check != check_of(frame) {
            return Err(KitError::Check(i));
        }
        let mut set = [0; 8];
        set.copy_from_slice(&frame[1..9]);
        if i == 0 || i > n || chunk.len() > MAX_CHUNK {
            return Err(KitError::Malformed);
        }
        match self.of {
            Some((other, _)) if other != set => return Err(KitError::Mixed),
            Some((_, other)) if other != n => return Err(KitError::Conflict(i)),
            _ => self.of = Some((set, n)),
        }
        match self.chunks.insert(i, chunk.to_vec()) {
            Some(before) if before != chunk => Err(KitError::Conflict(i)),
            _ => Ok(()),
        }
    }

    /// The header text, once all parts are there.
    pub fn text(&self) -> Result<Vec<u8>, KitError> {
        let (set, n) = self.of.ok_or(KitError::Nothing)?;
        let numbers: Vec<u8> = (1..=n).filter(|i| !self.chunks.contains_key(i)).collect();
        if !numbers.is_empty() {
            return Err(KitError::Missing { numbers, of: n });
        }
        let payload: Vec<u8> = self.chunks.values().flatten().copied().collect();
        if set_of(&payload) != set {
            return Err(KitError::Sum);
        }
        deflate::unpack(&payload, MAX_TEXT).map_err(|error| match error {
            DeflateError::Damaged => KitError::Packed,
            DeflateError::TooLong => KitError::TooLong,
        })
    }
}

/// The first 8 bits, if there are as many.
fn version_of(text: &str) -> Option<u8> {
    let mut digits = text.chars().filter(|c| *c != '-' && !c.is_ascii_whitespace());
    let (first, second) = (digits.next()?, digits.next()?);
    // 25 bits: three bytes, and one bit of filling.
    base32::decode(&format!("{first}{second}000")).ok()?.first().copied()
}

fn set_of(payload: &[u8]) -> [u8; 8] {
    std::array::from_fn({
        let hash = sha256(&[b"twinlock/1 kit", payload]);
        move |at| hash[at]
    })
}

fn check_of(frame: &[u8]) -> [u8; CHECK] {
    let [a, b, c, d, ..] = sha256(&[b"twinlock/1 kit part", frame]);
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Vec<u8> {
        (0..2000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect()
    }

    fn gather<'a>(parts: impl IntoIterator<Item = &'a String>) -> Result<Vec<u8>, KitError> {
        let mut gathered = Gathered::new();
        for part in parts {
            gathered.take(part)?;
        }
        gathered.text()
    }

    #[test]
    fn parts_in_any_order_and_more_than_once() {
        for chars in [40, 60, 154, 600, 4000] {
            let Some(made) = parts(&text(), chars) else { continue };
            assert!(made.iter().all(|part| part.len() <= chars));
            assert_eq!(gather(made.iter().rev().chain(&made)), Ok(text()));
        }
        assert_eq!(parts(&text(), 38), None);
        assert_eq!(parts(&vec![7; 1 << 20], 600).map(|parts| parts.len()), Some(3));
    }

    #[test]
    fn a_text_around_them_and_broken_lines_mean_nothing() {
        let made = parts(&text(), 600).unwrap();
        let broken = |part: &String| -> String { part.chars().flat_map(|c| [c, '\n']).collect() };
        let shown: Vec<String> =
            made.iter().map(|part| format!("BEGIN.{}.END", &broken(&part[13..].to_lowercase()))).collect();
        let all: String = shown.iter().map(|part| part.replace("BEGIN.", "see: twinlock-kit:")).collect();
        let mut gathered = Gathered::new();
        assert_eq!(gathered.take(&all), Ok(made.len()));
        assert_eq!(gathered.text(), Ok(text()));
    }

    #[test]
    fn every_wrong_character_is_found() {
        let made = parts(b"text", 600).unwrap();
        let part = &made[0];
        for at in BEGIN.len()..part.len() - 1 {
            for other in "0Z5U*".chars().filter(|other| *other != char::from(part.as_bytes()[at])) {
                let mut bad = part.clone();
                bad.replace_range(at..=at, &other.to_string());
                assert!(gather([&bad]).is_err(), "{bad}");
            }
        }
        for length in BEGIN.len()..part.len() {
            assert!(gather([&part[..length].to_owned()]).is_err());
            assert!(gather([&format!("{}.", &part[..length])]).is_err() || length == part.len() - 1);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let made = parts(&text(), 600).unwrap();
        assert_eq!(gather([]), Err(KitError::Nothing));
        assert_eq!(
            gather(&made[1..]).unwrap_err().to_string(),
            format!("part 1 of the kit's {} is missing", made.len())
        );
        let missing = KitError::Missing { numbers: vec![1, 2, 5], of: 6 };
        assert_eq!(missing.to_string(), "parts 1, 2 and 5 of the kit's 6 are missing");
        let other = parts(b"other", 600).unwrap();
        assert_eq!(gather([&made[0], &other[0]]), Err(KitError::Mixed));
        assert_eq!(version_of("20"), Some(0x10));
        assert_eq!(version_of("0-4"), Some(1));
    }
}
