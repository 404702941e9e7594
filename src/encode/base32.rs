//! Crockford's alphabet without checks or groups: the bytes of a kit's part, and of requests and answers (spec 8.1, 9.1).

use super::crockford::{ALPHABET, value};

/// Why a text is not base 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base32Error {
    /// A character outside the alphabet.
    Character(char),
    /// No bytes give so many characters, or the last one has bits that belong to no byte.
    Length,
}

/// 5 bits a character, most significant first, the last one filled up with zeros.
pub fn encode(bytes: &[u8]) -> String {
    let bit = |at: usize| bytes.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1);
    let digits = (0..(bytes.len() * 8).div_ceil(5))
        .map(|digit| (0..5).fold(0, |value, more| value << 1 | usize::from(bit(5 * digit + more))));
    digits.map(|value| char::from(ALPHABET[value])).collect()
}

/// The bytes. `-` and ASCII white space are left aside, `O` is 0, `I` and `L` are 1, case means nothing.
pub fn decode(text: &str) -> Result<Vec<u8>, Base32Error> {
    let (mut bytes, mut held, mut bits) = (Vec::with_capacity(text.len() * 5 / 8), 0u16, 0);
    for c in text.chars().filter(|c| *c != '-' && !c.is_ascii_whitespace()) {
        let digit = if c.is_ascii() { value(c) } else { None };
        held = held << 5 | u16::from(digit.ok_or(Base32Error::Character(c))?);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits).to_le_bytes()[0]);
            held &= (1 << bits) - 1;
        }
    }
    if bits >= 5 || held != 0 { Err(Base32Error::Length) } else { Ok(bytes) }
}

/// The first 80 bits of a fingerprint for people to compare: four groups of four characters. Spec 7.
pub fn fingerprint(bytes: &[u8]) -> String {
    let text = encode(&bytes[..bytes.len().min(10)]);
    text.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_of_every_length() {
        let all: Vec<u8> = (0..=255).collect();
        for length in 0..=all.len() {
            let text = encode(&all[..length]);
            assert_eq!(decode(&text).as_deref(), Ok(&all[..length]));
            assert_eq!(
                decode(&text.to_lowercase().replace('0', "o").replace('1', " -l\n")).as_deref(),
                Ok(&all[..length])
            );
        }
        // RFC 4648's "foobar", in Crockford's letters: computed with Python's base64 and a translation of its alphabet.
        assert_eq!(encode(b"foobar"), "CSQPYRK1E8");
    }

    #[test]
    fn what_no_bytes_give_is_refused() {
        assert_eq!(decode("0"), Err(Base32Error::Length));
        assert_eq!(decode("000"), Err(Base32Error::Length));
        assert_eq!(decode("01"), Err(Base32Error::Length), "filling bits");
        assert_eq!(decode("0U"), Err(Base32Error::Character('U')));
        assert_eq!(decode("0é"), Err(Base32Error::Character('é')));
    }
}
