//! Frames, and what is in them: `version (1) || type (1) || u32 length || body`, big-endian. Spec 10.1.
//!
//! All buffers are erased when dropped: a body may be an account key or an item.

use zeroize::Zeroizing;

/// First byte of every frame.
pub const VERSION: u8 = 1;
/// Bytes before the body.
pub const HEAD: usize = 6;
/// Bytes of a body, at most: an item (16 MiB) and what goes with it.
pub const MAX_BODY: usize = (16 << 20) + (64 << 10);

/// Bytes that are erased.
pub type Secret = Zeroizing<Vec<u8>>;

/// What a frame begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Of the protocol.
    pub version: u8,
    /// What the body is.
    pub kind: u8,
    /// Bytes of the body.
    pub length: usize,
}

impl Head {
    /// Reads it; a body of another version has no known limit, and is not read.
    pub fn parse(bytes: [u8; HEAD]) -> Self {
        let [version, kind, length @ ..] = bytes;
        Self { version, kind, length: u32::from_be_bytes(length) as usize }
    }
}

/// Why a body is not what its type says.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

/// A frame under construction. Its size is known before, so that it never moves and leaves no copy.
pub struct Writer(Secret);

impl Writer {
    /// Begins a frame whose fields, with their lengths, have `size` bytes.
    pub fn new(kind: u8, size: usize) -> Self {
        let mut frame = Zeroizing::new(Vec::with_capacity(HEAD + size));
        frame.extend_from_slice(&[VERSION, kind]);
        // A body over 4 GiB is refused by its reader like every other that is too long.
        frame.extend_from_slice(&u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes());
        Self(frame)
    }

    /// A field of any length: `u32 length || bytes`.
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    /// A field of eight bytes.
    pub fn number(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// A field of a fixed length that the type says.
    pub fn fixed(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The frame.
    pub fn end(self) -> Secret {
        debug_assert_eq!(self.0.len(), HEAD + Head::parse([0, 0, self.0[2], self.0[3], self.0[4], self.0[5]]).length);
        self.0
    }
}

/// Bytes that a field of any length takes.
pub fn sized(bytes: &[u8]) -> usize {
    4 + bytes.len()
}

/// Reads the fields of a body.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// At its beginning.
    pub fn new(body: &'a [u8]) -> Self {
        Self(body)
    }

    /// A field of a fixed length.
    pub fn fixed<const N: usize>(&mut self) -> Result<&'a [u8; N], Malformed> {
        let (field, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(field)
    }

    /// A field of eight bytes.
    pub fn number(&mut self) -> Result<u64, Malformed> {
        self.fixed().map(|bytes| u64::from_be_bytes(*bytes))
    }

    /// A field of any length.
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = u32::from_be_bytes(*self.fixed()?) as usize;
        let (field, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(field)
    }

    /// The same, as text.
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed)
    }

    /// Nothing may follow.
    pub fn end(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let frame = Writer::new(7, 16 + sized(b"ada") + 2).number(5).number(u64::MAX).bytes(b"ada").fixed(b"xy").end();
        let head = Head::parse(*frame.first_chunk().unwrap());
        assert_eq!(head, Head { version: VERSION, kind: 7, length: frame.len() - HEAD });
        let mut reader = Reader::new(&frame[HEAD..]);
        assert_eq!((reader.number(), reader.number()), (Ok(5), Ok(u64::MAX)));
        assert_eq!((reader.text(), reader.fixed::<2>()), (Ok("ada"), Ok(b"xy")));
        assert_eq!(reader.end(), Ok(()));
    }

    #[test]
    fn a_length_beyond_the_body_is_refused() {
        for body in [&[][..], &[0, 0, 0], &[0, 0, 0, 1], &[255, 255, 255, 255, 1], &[0, 0, 0, 2, 255, 255]] {
            assert!(Reader::new(body).text().is_err(), "{body:?}");
        }
        assert_eq!(Reader::new(&[1]).end(), Err(Malformed));
    }
}
