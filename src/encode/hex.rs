//! Strict hex (spec 1): lower case, even length, nothing else. `array` and `bytes` are serde `with` modules.

/// Why a text is not the hex it should be.
#[derive(Debug, PartialEq, Eq)]
pub enum HexError {
    /// A character that is not `0`-`9` or `a`-`f`, or an odd number of them.
    NotCanonical,
    /// Not the wanted number of bytes.
    Length {
        /// Bytes wanted.
        want: usize,
        /// Bytes found.
        got: usize,
    },
}

impl std::fmt::Display for HexError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotCanonical => f.write_str("not lower-case hex"),
            Self::Length { want, got } => write!(f, "{got} bytes of hex where {want} belong"),
        }
    }
}

impl std::error::Error for HexError {}

/// Lower-case hex, two digits a byte.
pub fn encode(bytes: &[u8]) -> String {
    ::hex::encode(bytes)
}

/// The bytes of a canonical hex text.
pub fn decode(text: &str) -> Result<Vec<u8>, HexError> {
    if !is_canonical(text) {
        return Err(HexError::NotCanonical);
    }
    ::hex::decode(text).map_err(|_| HexError::NotCanonical)
}

/// The `N` bytes of a canonical hex text of that length.
pub fn decode_array<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let mut bytes = [0; N];
    decode_into(text, &mut bytes).map(|()| bytes)
}

/// The same, into a place of the caller's: nothing is kept elsewhere that would have to be erased.
pub fn decode_into(text: &str, bytes: &mut [u8]) -> Result<(), HexError> {
    if !is_canonical(text) {
        return Err(HexError::NotCanonical);
    }
    if text.len() != 2 * bytes.len() {
        return Err(HexError::Length { want: bytes.len(), got: text.len() / 2 });
    }
    ::hex::decode_to_slice(text, bytes).map_err(|_| HexError::NotCanonical)
}

fn is_canonical(text: &str) -> bool {
    text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// `#[serde(with = "hex::array")]` for `[u8; N]`.
pub mod array {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes lower-case hex.
    pub fn serialize<S: Serializer, const N: usize>(bytes: &[u8; N], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::encode(bytes))
    }

    /// Reads canonical hex of exactly `N` bytes.
    pub fn deserialize<'de, D: Deserializer<'de>, const N: usize>(from: D) -> Result<[u8; N], D::Error> {
        super::decode_array(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// `#[serde(with = "hex::bytes")]` for `Vec<u8>`.
pub mod bytes {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes lower-case hex.
    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::encode(bytes))
    }

    /// Reads canonical hex of any length.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        super::decode(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        assert_eq!(decode(&encode(&[0, 1, 0xfe, 0xff])).unwrap(), [0, 1, 0xfe, 0xff]);
        assert_eq!(encode(&[0xab]), "ab");
    }

    #[test]
    fn refuses_what_is_not_canonical() {
        for text in ["AB", "a", "0x12", " ab", "ab ", "g0", "é"] {
            assert_eq!(decode(text), Err(HexError::NotCanonical), "{text}");
        }
        assert_eq!(decode_array::<2>("ab"), Err(HexError::Length { want: 2, got: 1 }));
        assert_eq!(decode_array::<1>("abcd"), Err(HexError::Length { want: 1, got: 2 }));
        assert_eq!(decode_array::<1>("abc"), Err(HexError::NotCanonical));
        assert_eq!(decode_array::<1>("AB"), Err(HexError::NotCanonical));
        let mut place = [0; 2];
        decode_into("abcd", &mut place).unwrap();
        assert_eq!(place, [0xab, 0xcd]);
    }
}
