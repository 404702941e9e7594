//! Base 58 of fixed length with two check digits: the account key as 46 characters (spec 2).
//!
//! Fixed length, unlike Bitcoin's base 58: a key that begins with zeros is as long as any other, and a character lost while
//! copying is seen from the length alone. What the check is computed with is the caller's, since it needs a hash.

use zeroize::Zeroizing;

/// Without `0`, `O`, `I` and `l`, which look like others (draft-msporny-base58, section 2).
const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// Digits that hold 2^256: 58^44 is the first power above it.
const BODY: usize = 44;
/// Characters of the whole text: body and two check digits.
pub const CHARS: usize = BODY + 2;
/// What two digits of base 58 count to.
const CHECKS: u32 = 58 * 58;

/// Why a text is no account key. Positions count from 1, white space left aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base58Error {
    /// A character outside the alphabet.
    Character {
        /// Where it stands.
        position: usize,
    },
    /// Not 46 characters.
    Length {
        /// Characters found.
        got: usize,
    },
    /// A number of 2^256 or more, which no key is.
    TooLarge,
    /// The check digits do not belong to the rest.
    Check,
}

impl std::fmt::Display for Base58Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Character { position } => {
                write!(f, "character {position} cannot be in it (0, O, I and l never are)")
            }
            Self::Length { got } => write!(f, "{got} characters where {CHARS} belong"),
            Self::TooLarge => f.write_str("no account key is that large, so some character is mistyped"),
            Self::Check => f.write_str("the check digits at the end do not fit, so some character is mistyped"),
        }
    }
}

impl std::error::Error for Base58Error {}

/// The 46 characters of 32 bytes. `sum` computes the 32-bit check sum of the bytes, of which two digits are kept.
pub fn encode(bytes: &[u8; 32], sum: impl FnOnce(&[u8; 32]) -> u32) -> Zeroizing<String> {
    let mut number = Zeroizing::new(*bytes);
    let mut digits = Zeroizing::new([0_u8; CHARS]);
    for digit in digits[..BODY].iter_mut().rev() {
        *digit = divide(&mut number);
    }
    digits[BODY..].copy_from_slice(&check_digits(sum(bytes)));
    let mut text = Zeroizing::new(String::with_capacity(CHARS));
    text.extend(digits.iter().map(|digit| char::from(ALPHABET[usize::from(*digit)])));
    text
}

/// The 32 bytes of 46 characters, white space ignored, once `sum` of the bytes fits the check digits.
pub fn decode(text: &str, sum: impl FnOnce(&[u8; 32]) -> u32) -> Result<Box<Zeroizing<[u8; 32]>>, Base58Error> {
    let mut digits = Zeroizing::new([0_u8; CHARS]);
    let mut got = 0;
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        let digit = value(c).ok_or(Base58Error::Character { position: got + 1 })?;
        if let Some(place) = digits.get_mut(got) {
            *place = digit;
        }
        got += 1;
    }
    if got != CHARS {
        return Err(Base58Error::Length { got });
    }
    let mut bytes = Box::new(Zeroizing::new([0_u8; 32]));
    for digit in &digits[..BODY] {
        multiply_and_add(&mut bytes, *digit).ok_or(Base58Error::TooLarge)?;
    }
    if check_digits(sum(&bytes)) != digits[BODY..] {
        return Err(Base58Error::Check);
    }
    Ok(bytes)
}

/// The two digits of a check sum, higher first.
fn check_digits(sum: u32) -> [u8; 2] {
    let check = sum % CHECKS;
    [low_byte(check / 58), low_byte(check % 58)]
}

/// Divides a big-endian number by 58 in place; the remainder.
fn divide(number: &mut [u8; 32]) -> u8 {
    let mut rest = 0;
    for byte in number {
        let part = rest * 256 + u32::from(*byte);
        *byte = low_byte(part / 58);
        rest = part % 58;
    }
    low_byte(rest)
}

/// Multiplies a big-endian number by 58 in place and adds a digit; `None` on overflow.
fn multiply_and_add(number: &mut [u8; 32], digit: u8) -> Option<()> {
    let mut carry = u32::from(digit);
    for byte in number.iter_mut().rev() {
        let part = u32::from(*byte) * 58 + carry;
        *byte = low_byte(part);
        carry = part >> 8;
    }
    (carry == 0).then_some(())
}

/// The lowest 8 bits.
fn low_byte(part: u32) -> u8 {
    part.to_le_bytes()[0]
}

/// The digit of a character.
fn value(c: char) -> Option<u8> {
    let place = ALPHABET.iter().position(|a| char::from(*a) == c)?;
    u8::try_from(place).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stands in for the hash: any change of the bytes changes it.
    fn sum(bytes: &[u8; 32]) -> u32 {
        bytes.iter().fold(2_166_136_261, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(16_777_619))
    }

    fn none(_: &[u8; 32]) -> u32 {
        0
    }

    fn key(seed: u8) -> [u8; 32] {
        std::array::from_fn(|i| seed.wrapping_mul(31).wrapping_add(u8::try_from(i * 89 % 256).unwrap()))
    }

    #[test]
    fn known_answers() {
        let mut one = [0; 32];
        one[31] = 1;
        assert_eq!(*encode(&one, none), format!("{}2{}", "1".repeat(43), "11"));
        one[31] = 58;
        assert_eq!(*encode(&one, |_| 3363), format!("{}21{}", "1".repeat(42), "zz"));
        assert_eq!(*encode(&one, |_| 3364 + 59), format!("{}21{}", "1".repeat(42), "22"));
        // Computed with Python integers.
        let counted: [u8; 32] = std::array::from_fn(|i| u8::try_from(i).unwrap());
        assert_eq!(*encode(&counted, none), "111thX6LZfHDZZKUs92febYZhYRcXddmzfzF2NvTkPNE11");
        assert_eq!(*encode(&[0xff; 32], none), "JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFG11");
    }

    #[test]
    fn round_trip_with_white_space() {
        for seed in 0..=255 {
            let text = encode(&key(seed), sum);
            assert_eq!(text.len(), CHARS);
            assert_eq!(**decode(&text, sum).unwrap(), key(seed));
            let spaced = format!(" {}\n\t{} ", &text[..20], &text[20..]);
            assert_eq!(**decode(&spaced, sum).unwrap(), key(seed));
        }
    }

    #[test]
    fn each_failure_by_its_name() {
        let text = encode(&key(7), sum);
        assert_eq!(decode(&text[1..], sum).unwrap_err(), Base58Error::Length { got: 45 });
        assert_eq!(decode(&format!("{}1", *text), sum).unwrap_err(), Base58Error::Length { got: 47 });
        assert_eq!(decode("", sum).unwrap_err(), Base58Error::Length { got: 0 });
        for wrong in ['0', 'O', 'I', 'l', '-', 'é'] {
            let text = format!("{} {wrong}{}", &text[..4], &text[5..]);
            assert_eq!(decode(&text, sum).unwrap_err(), Base58Error::Character { position: 5 }, "{wrong}");
        }
        assert_eq!(decode(&"z".repeat(CHARS), sum).unwrap_err(), Base58Error::TooLarge);
    }

    #[test]
    fn the_first_number_too_large() {
        let largest = encode(&[0xff; 32], none);
        assert_eq!(**decode(&largest, none).unwrap(), [0xff; 32]);
        let last = largest.as_bytes()[BODY - 1];
        let next = ALPHABET[ALPHABET.iter().position(|a| *a == last).unwrap() + 1];
        let over = format!("{}{}11", &largest[..BODY - 1], char::from(next));
        assert_eq!(decode(&over, none).unwrap_err(), Base58Error::TooLarge);
    }

    #[test]
    fn a_changed_check_digit_is_seen() {
        let text = encode(&key(1), sum);
        for place in [BODY, BODY + 1] {
            for other in ALPHABET.iter().filter(|a| **a != text.as_bytes()[place]) {
                let changed = format!("{}{}{}", &text[..place], char::from(*other), &text[place + 1..]);
                assert_eq!(decode(&changed, sum).unwrap_err(), Base58Error::Check);
            }
        }
    }
}
