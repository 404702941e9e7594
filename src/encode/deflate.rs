//! DEFLATE (RFC 1951) for texts that must be short: one stream, nothing behind it, and a limit that a bomb does not pass.

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZFlush, MZStatus};

/// Highest level of compression: a code less is worth milliseconds.
const LEVEL: u8 = 10;

/// Why something is not unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeflateError {
    /// Damaged, cut short, or something is behind it.
    Damaged,
    /// More than was allowed.
    TooLong,
}

/// One stream.
pub fn pack(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, LEVEL)
}

/// What was packed, of at most `limit` bytes.
pub fn unpack(packed: &[u8], limit: usize) -> Result<Vec<u8>, DeflateError> {
    let mut state = InflateState::new_boxed(DataFormat::Raw);
    let mut bytes = vec![0; limit + 1];
    let result = inflate(&mut state, packed, &mut bytes, MZFlush::Finish);
    if result.bytes_written > limit {
        return Err(DeflateError::TooLong);
    }
    bytes.truncate(result.bytes_written);
    match result.status {
        Ok(MZStatus::StreamEnd) if result.bytes_consumed == packed.len() => Ok(bytes),
        _ => Err(DeflateError::Damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_up_to_the_limit() {
        let text = b"a text, a text, a text".repeat(9);
        let packed = pack(&text);
        assert!(packed.len() < text.len() / 2);
        assert_eq!(unpack(&packed, text.len()), Ok(text.clone()));
        assert_eq!(unpack(&packed, text.len() - 1), Err(DeflateError::TooLong));
        assert_eq!(unpack(&packed[..packed.len() - 1], text.len()), Err(DeflateError::Damaged));
        assert_eq!(unpack(&[&packed[..], b"x"].concat(), text.len()), Err(DeflateError::Damaged));
        assert_eq!(unpack(&[], 9), Err(DeflateError::Damaged));
        assert_eq!(unpack(&pack(&vec![0; 1 << 20]), 1 << 14), Err(DeflateError::TooLong));
    }
}
