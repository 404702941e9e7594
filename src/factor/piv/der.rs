//! As much of DER (X.690) as a certificate needs to be walked through. What is not as it should be is `None`, never a panic: it comes
//! from files and cards that anybody may have written. A length may be longer than it need be: data objects of cards are BER.

/// Elements one after another.
#[derive(Clone, Copy)]
pub struct Der<'a>(pub &'a [u8]);

/// Tags of the elements that are met here.
pub const SEQUENCE: u8 = 0x30;
/// Integer.
pub const INTEGER: u8 = 0x02;
/// Object identifier.
pub const OID: u8 = 0x06;
/// Bit string.
pub const BIT_STRING: u8 = 0x03;
/// The version of a certificate.
pub const CONTEXT_0: u8 = 0xa0;
/// The extensions of a certificate.
pub const CONTEXT_3: u8 = 0xa3;
/// Boolean.
pub const BOOLEAN: u8 = 0x01;
/// Octet string.
pub const OCTET_STRING: u8 = 0x04;
/// Set.
pub const SET: u8 = 0x31;
/// Text in UTF-8.
pub const UTF8: u8 = 0x0c;
/// Time with two digits of the year.
pub const UTC_TIME: u8 = 0x17;
/// Time with four.
pub const GENERALIZED_TIME: u8 = 0x18;

impl<'a> Der<'a> {
    /// The tag of the next element.
    pub fn tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The content of the next element, whatever it is.
    pub fn any(&mut self) -> Option<&'a [u8]> {
        let (&_, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // No more than a certificate can have.
            0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
            0x82 => (usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])), rest.get(2..)?),
            _ => return None,
        };
        let content = rest.get(..length)?;
        self.0 = &rest[length..];
        Some(content)
    }

    /// The content of the next element, which must have that tag.
    pub fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        if self.tag() == Some(tag) { self.any() } else { None }
    }

    /// The next element with tag and length, as a signature covers it; it must have that tag.
    pub fn whole(&mut self, tag: u8) -> Option<&'a [u8]> {
        let before = self.0;
        self.take(tag)?;
        Some(&before[..before.len() - self.0.len()])
    }

    /// Whether nothing is left.
    pub fn is_done(&self) -> bool {
        self.0.is_empty()
    }
}

/// One element: tag, length in its shortest form, content. What is written here is far below 64 KiB.
pub fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or_else(|_| unreachable!("certificates are short"));
    let [high, low] = length.to_be_bytes();
    let head = match length {
        0..=0x7f => vec![tag, low],
        0x80..=0xff => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [head, content.to_vec()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_taken_one_by_one() {
        let mut der = Der(&[0x02, 0x01, 7, 0x30, 0x02, 8, 9]);
        assert_eq!(der.take(OID), None, "another tag leaves it there");
        assert_eq!(der.take(INTEGER), Some(&[7][..]));
        assert_eq!(der.take(SEQUENCE), Some(&[8, 9][..]));
        assert!(der.is_done());
        let long = [&[0x04, 0x81, 0x80][..], &[1; 128]].concat();
        assert_eq!(Der(&long).any().map(<[u8]>::len), Some(128));
        let longer = [&[0x04, 0x82, 0x01, 0x00][..], &[1; 256]].concat();
        assert_eq!(Der(&longer).any().map(<[u8]>::len), Some(256));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff] {
            let content = vec![7; length];
            let written = element(OID, &content);
            let mut der = Der(&written);
            assert_eq!(der.whole(OID), Some(&written[..]));
            assert!(der.is_done());
            assert_eq!(Der(&written).take(OID), Some(&content[..]));
        }
    }

    #[test]
    fn what_is_short_or_odd_is_refused() {
        let bad: [&[u8]; 8] =
            [&[], &[2], &[2, 1], &[2, 0x80], &[2, 0x81], &[2, 0x81, 2, 0], &[2, 0x82, 1], &[2, 0x83, 0, 0, 1, 0]];
        for bytes in bad {
            assert_eq!(Der(bytes).any(), None, "{bytes:02x?}");
        }
    }
}
