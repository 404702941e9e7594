//! Crockford base 32 in groups with a check character each: the recovery code (spec 5.2).
//!
//! The check of a group is linear over GF(2^5) with a different weight for each character and the group's own number added.
//! So one wrong character, two exchanged ones, and a group in another's place are always found, and in which group.

use zeroize::Zeroizing;

/// Without I, L, O (read as digits) and U (crockford.com/base32.html).
pub(super) const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Stands for a character that no code has.
const FOREIGN: u8 = 0xff;
/// Characters of a group that carry data.
const DATA: usize = 4;
/// Bytes of a code: 160 bits.
pub const BYTES: usize = 20;
/// Groups of a code.
pub const GROUPS: usize = 8;
/// Characters of a group, its check included.
pub const GROUP: usize = DATA + 1;
/// Characters of a code, dashes left aside.
pub const CHARS: usize = GROUPS * GROUP;

/// Why a text is no recovery code. Groups count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CrockfordError {
    /// Not 40 characters.
    Length {
        /// Characters found.
        got: usize,
        /// The first group whose check does not fit: where one was left out or put in, in all likelihood.
        near: usize,
    },
    /// The checks of these groups do not fit.
    Mistyped {
        /// All of them, ascending.
        groups: Vec<usize>,
        /// The first of them with a character that no code has.
        foreign: Option<usize>,
    },
}

impl std::fmt::Display for CrockfordError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Length { got: 0, .. } => f.write_str("nothing was typed"),
            Self::Length { got, near } if got % GROUP == 0 => {
                let (groups, s) = (got / GROUP, if *got == GROUP { "" } else { "s" });
                write!(f, "{groups} group{s} where {GROUPS} belong; look at group {near} first")
            }
            Self::Length { got, near } => {
                let s = if *got == 1 { "" } else { "s" };
                write!(f, "{got} character{s} where {CHARS} belong; look at group {near} first")
            }
            Self::Mistyped { groups, foreign } => {
                f.write_str(if groups.len() == 1 { "group " } else { "groups " })?;
                for (i, group) in groups.iter().enumerate() {
                    let join = if i == 0 { "" } else { [", ", " and "][usize::from(i + 1 == groups.len())] };
                    write!(f, "{join}{group}")?;
                }
                f.write_str(if groups.len() == 1 { " is mistyped" } else { " are mistyped" })?;
                match foreign {
                    Some(group) => write!(f, " (a character in group {group} is in no code)"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for CrockfordError {}

/// 20 bytes as 8 groups of 5 characters, joined by `-`.
pub fn encode(entropy: &[u8; BYTES]) -> Zeroizing<String> {
    let mut digits = Zeroizing::new([0_u8; GROUPS * DATA]);
    for bit in 0..BYTES * 8 {
        digits[bit / 5] = digits[bit / 5] << 1 | entropy[bit / 8] >> (7 - bit % 8) & 1;
    }
    let mut text = Zeroizing::new(String::with_capacity(CHARS + GROUPS - 1));
    for (number, data) in digits.chunks_exact(DATA).enumerate() {
        if number > 0 {
            text.push('-');
        }
        let check = check(number, data);
        text.extend(data.iter().chain([&check]).map(|digit| char::from(ALPHABET[usize::from(*digit)])));
    }
    text
}

/// The 20 bytes of a code; case, dashes and white space are forgiven, `O` reads as 0, `I` and `L` as 1.
pub fn decode(text: &str) -> Result<Box<Zeroizing<[u8; BYTES]>>, CrockfordError> {
    let symbols = symbols(text);
    let got = symbols.len();
    let wrong = |(number, group): (usize, &[u8])| (!fits(number, group)).then_some(number + 1);
    let groups: Vec<usize> = symbols.chunks(GROUP).enumerate().filter_map(wrong).collect();
    if got != CHARS {
        // What is missing or too much shifts all that follows, so the first group that does not fit is the place.
        let near = groups.first().copied().unwrap_or(got / GROUP + 1).min(GROUPS);
        return Err(CrockfordError::Length { got, near });
    }
    if !groups.is_empty() {
        let foreign = symbols.iter().position(|symbol| *symbol == FOREIGN).map(|place| place / GROUP + 1);
        return Err(CrockfordError::Mistyped { groups, foreign });
    }
    let mut entropy = Box::new(Zeroizing::new([0_u8; BYTES]));
    let data = symbols.chunks_exact(GROUP).flat_map(|group| &group[..DATA]);
    let bits = data.flat_map(|digit| (0..5).rev().map(move |shift| digit >> shift & 1));
    for (place, bit) in bits.enumerate() {
        entropy[place / 8] = entropy[place / 8] << 1 | bit;
    }
    Ok(entropy)
}

/// Whether a text that is no code was meant as one: half of its groups fit. By chance hardly any password is.
pub fn looks_like(text: &str) -> bool {
    let symbols = symbols(text);
    let fitting = symbols.chunks(GROUP).enumerate().filter(|(number, group)| fits(*number, group)).count();
    2 * fitting >= GROUPS
}

/// Whether five characters are right as the group of this number, counted from 0: for telling while the person types.
pub fn group_fits(number: usize, text: &str) -> bool {
    fits(number, &symbols(text))
}

/// Whether a character separates and means nothing by itself.
pub fn is_separator(c: char) -> bool {
    c == '-' || c.is_whitespace()
}

/// The 5-bit values of a text's characters, `FOREIGN` for those that have none.
fn symbols(text: &str) -> Zeroizing<Vec<u8>> {
    let mut symbols = Zeroizing::new(Vec::with_capacity(text.len()));
    symbols.extend(text.chars().filter(|c| !is_separator(*c)).map(|c| value(c).unwrap_or(FOREIGN)));
    symbols
}

/// The 5-bit value of a character, if it has one.
pub(super) fn value(c: char) -> Option<u8> {
    let upper = match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let place = ALPHABET.iter().position(|a| char::from(*a) == upper);
    place.and_then(|place| u8::try_from(place).ok())
}

/// Whether a group is whole, of known characters, in its place and fits its check.
fn fits(number: usize, group: &[u8]) -> bool {
    number < GROUPS
        && group.len() == GROUP
        && group.iter().all(|symbol| *symbol != FOREIGN)
        && check(number, &group[..DATA]) == group[DATA]
}

/// `g + a d0 + a^2 d1 + a^3 d2 + a^4 d3` in GF(2^5), `a = x`, by Horner's rule.
fn check(number: usize, data: &[u8]) -> u8 {
    let sum = data.iter().rev().fold(0, |sum, digit| times_x(sum ^ digit));
    sum ^ number.to_le_bytes()[0]
}

/// Multiplies by x modulo x^5 + x^2 + 1.
fn times_x(element: u8) -> u8 {
    let doubled = element << 1;
    if doubled & 0b10_0000 == 0 { doubled } else { doubled ^ 0b10_0101 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some codes: all zeros, all ones, and bytes that vary.
    fn codes() -> Vec<[u8; BYTES]> {
        let mut codes = vec![[0; BYTES], [0xff; BYTES]];
        for seed in 0_u8..16 {
            codes.push(std::array::from_fn(|i| {
                let i = u8::try_from(i).unwrap();
                seed.wrapping_mul(113).wrapping_add(i.wrapping_mul(i).wrapping_mul(57)).rotate_left(u32::from(i % 7))
            }));
        }
        codes
    }

    fn bare(entropy: &[u8; BYTES]) -> Vec<char> {
        encode(entropy).chars().filter(|c| *c != '-').collect()
    }

    fn mistyped(code: &[char]) -> Vec<usize> {
        match decode(&code.iter().collect::<String>()) {
            Ok(_) => Vec::new(),
            Err(CrockfordError::Mistyped { groups, .. }) => groups,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn known_answers() {
        // Group g of zeros has the check g, by the formula; the other line was computed with a Python script from the spec.
        assert_eq!(*encode(&[0; BYTES]), "00000-00001-00002-00003-00004-00005-00006-00007");
        let counted: [u8; BYTES] = std::array::from_fn(|i| u8::try_from(i).unwrap());
        assert_eq!(*encode(&counted), "000GD-40R4X-0M300-E209K-185G3-R38ED-1W811-24GKZ");
    }

    #[test]
    fn what_was_meant_as_a_code() {
        let code = "000GD-40R4X-0M300-E209K-185G3-R38ED-1W811-24GKZ";
        assert!(
            looks_like(code) && looks_like(&code[..41]) && looks_like(&code.replace("185G3", "185G4").to_lowercase())
        );
        for password in ["", "correct horse battery staple", "000GD-40R4X-0M300", &"a1".repeat(20), &code[6..]] {
            assert!(!looks_like(password), "{password}");
        }
    }

    #[test]
    fn round_trip_and_forgiven_spellings() {
        for entropy in codes() {
            let text = encode(&entropy);
            assert_eq!(text.len(), 47);
            assert_eq!(**decode(&text).unwrap(), entropy);
            assert_eq!(**decode(&text.to_lowercase()).unwrap(), entropy);
            assert_eq!(**decode(&text.replace('-', "")).unwrap(), entropy);
            assert_eq!(**decode(&format!(" {}\n", text.replace('-', " - "))).unwrap(), entropy);
            assert_eq!(**decode(&text.replace('0', "o").replace('1', "L")).unwrap(), entropy);
            assert_eq!(**decode(&text.replace('0', "O").replace('1', "i")).unwrap(), entropy);
        }
    }

    #[test]
    fn every_single_substitution_is_found_and_placed() {
        for entropy in codes() {
            let code = bare(&entropy);
            for place in 0..CHARS {
                for other in ALPHABET.iter().map(|a| char::from(*a)).filter(|other| *other != code[place]) {
                    let mut changed = code.clone();
                    changed[place] = other;
                    assert_eq!(mistyped(&changed), [place / GROUP + 1]);
                }
            }
        }
    }

    #[test]
    fn every_exchange_within_a_group_is_found_and_placed() {
        // All pairs of values at all pairs of places, not only those of some codes.
        for number in 0..GROUPS {
            for (first, second) in (0..GROUP).flat_map(|i| (i + 1..GROUP).map(move |j| (i, j))) {
                for values in 0..32_u16 * 32 {
                    let mut data = [3, 14, 15, 9];
                    let [a, b] = [values / 32, values % 32].map(|value| u8::try_from(value).unwrap());
                    data[first] = a;
                    if second < DATA {
                        data[second] = b;
                    }
                    let mut group = [&data[..], &[check(number, &data)]].concat();
                    assert!(fits(number, &group));
                    let same = group[first] == group[second];
                    group.swap(first, second);
                    assert_eq!(fits(number, &group), same, "group {number}, {first} and {second} of {group:?}");
                }
            }
        }
    }

    #[test]
    fn exchanges_in_whole_codes_name_the_group() {
        for entropy in codes() {
            let code = bare(&entropy);
            for (first, second) in (0..CHARS).flat_map(|i| (i + 1..CHARS).map(move |j| (i, j))) {
                if code[first] == code[second] {
                    continue;
                }
                let mut changed = code.clone();
                changed.swap(first, second);
                let mut expected = vec![first / GROUP + 1, second / GROUP + 1];
                expected.dedup();
                assert_eq!(mistyped(&changed), expected);
            }
        }
    }

    #[test]
    fn groups_in_each_others_place_are_both_named() {
        for entropy in codes() {
            let code = bare(&entropy);
            for (first, second) in (0..GROUPS).flat_map(|i| (i + 1..GROUPS).map(move |j| (i, j))) {
                let mut changed = code.clone();
                for k in 0..GROUP {
                    changed.swap(first * GROUP + k, second * GROUP + k);
                }
                assert_eq!(mistyped(&changed), [first + 1, second + 1]);
            }
        }
    }

    #[test]
    fn a_wrong_length_says_where_to_look() {
        let code = bare(&codes()[5]);
        let text: String = code.iter().collect();
        let length = |text: &str| decode(text).unwrap_err();
        assert_eq!(length(""), CrockfordError::Length { got: 0, near: 1 });
        assert_eq!(length(&text[..37]), CrockfordError::Length { got: 37, near: 8 });
        assert_eq!(length(&text[..35]), CrockfordError::Length { got: 35, near: 8 });
        assert_eq!(length(&format!("{text}0")), CrockfordError::Length { got: 41, near: 8 });
        let without_group_4 = format!("{}{}", &text[..15], &text[20..]);
        assert_eq!(length(&without_group_4), CrockfordError::Length { got: 35, near: 4 });
        assert_eq!(length(&without_group_4).to_string(), "7 groups where 8 belong; look at group 4 first");
        let one_lost = format!("{}{}", &text[..12], &text[13..]);
        assert_eq!(length(&one_lost), CrockfordError::Length { got: 39, near: 3 });
        assert_eq!(length(&one_lost).to_string(), "39 characters where 40 belong; look at group 3 first");
        assert_eq!(length("0").to_string(), "1 character where 40 belong; look at group 1 first");
    }

    #[test]
    fn all_bad_groups_are_listed_and_foreign_characters_told() {
        let mut code = bare(&codes()[6]);
        code[2] = 'U';
        assert_eq!(
            decode(&code.iter().collect::<String>()).unwrap_err().to_string(),
            "group 1 is mistyped (a character in group 1 is in no code)"
        );
        for place in [10, 35] {
            code[place] = if code[place] == '7' { '8' } else { '7' };
        }
        let error = decode(&code.iter().collect::<String>()).unwrap_err();
        assert_eq!(error, CrockfordError::Mistyped { groups: vec![1, 3, 8], foreign: Some(1) });
        code[2] = bare(&codes()[6])[2];
        let error = decode(&code.iter().collect::<String>()).unwrap_err();
        assert_eq!(error.to_string(), "groups 3 and 8 are mistyped");
    }

    #[test]
    fn a_group_is_told_right_or_wrong_alone() {
        assert!(group_fits(3, "00003"));
        assert!(group_fits(1, "ooo-oL"));
        assert!(!group_fits(4, "00003"));
        assert!(!group_fits(0, "0000"));
        assert!(!group_fits(8, "00008"));
        assert!(!group_fits(0, "0000U"));
    }
}
