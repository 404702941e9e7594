//! Commands and answers of ISO 7816-4, and the tag-length-value coding in them.

/// A status word that is not 9000.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sw(pub u16);

impl Sw {
    pub const OK: Self = Self(0x9000);
    pub const WRONG_LENGTH: Self = Self(0x6700);
    pub const NOT_ALLOWED: Self = Self(0x6982);
    pub const BLOCKED: Self = Self(0x6983);
    pub const CONDITIONS: Self = Self(0x6985);
    pub const WRONG_DATA: Self = Self(0x6a80);
    pub const NOT_FOUND: Self = Self(0x6a82);
    pub const NO_SPACE: Self = Self(0x6a84);
    pub const WRONG_P1P2: Self = Self(0x6a86);
    pub const NO_SUCH_REFERENCE: Self = Self(0x6a88);
    pub const WRONG_INS: Self = Self(0x6d00);

    /// A wrong PIN, PUK: so many tries are left.
    pub fn tries(left: u8) -> Self {
        Self(0x63c0 | u16::from(left.min(15)))
    }
}

/// What an instruction gives.
pub type Answer = Result<Vec<u8>, Sw>;

/// A command, in short or extended form.
pub struct Apdu {
    pub cla: u8,
    pub ins: u8,
    pub p1: u8,
    pub p2: u8,
    pub data: Vec<u8>,
    /// Bytes that the host takes at once.
    pub le: usize,
}

impl Apdu {
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (&[cla, ins, p1, p2], rest) = bytes.split_first_chunk::<4>()?;
        let short = |le: u8| if le == 0 { 256 } else { usize::from(le) };
        let long = |le: [u8; 2]| if le == [0, 0] { 65536 } else { usize::from(u16::from_be_bytes(le)) };
        let (data, le) = match *rest {
            [] => (&rest[..0], 256),
            [le] => (&rest[..0], short(le)),
            [0, a, b] => (&rest[..0], long([a, b])),
            [0, a, b, ref body @ ..] => {
                let (data, le) = body.split_at_checked(usize::from(u16::from_be_bytes([a, b])))?;
                match *le {
                    [] => (data, 65536),
                    [a, b] => (data, long([a, b])),
                    _ => return None,
                }
            }
            [lc, ref body @ ..] => {
                let (data, le) = body.split_at_checked(usize::from(lc))?;
                match *le {
                    [] => (data, 256),
                    [le] => (data, short(le)),
                    _ => return None,
                }
            }
        };
        Some(Self { cla, ins, p1, p2, data: data.to_vec(), le })
    }
}

/// One tag with its value; tags of one or two bytes, lengths up to 65535.
pub fn tlv(tag: u16, value: &[u8]) -> Vec<u8> {
    let mut out = if tag > 0xff { tag.to_be_bytes().to_vec() } else { vec![tag.to_be_bytes()[1]] };
    let length = u16::try_from(value.len()).expect("no value is that long").to_be_bytes();
    match (length[0], length[1]) {
        (0, low @ ..=0x7f) => out.push(low),
        (0, low) => out.extend([0x81, low]),
        (high, low) => out.extend([0x82, high, low]),
    }
    out.extend(value);
    out
}

/// The tags of one level in order, or nothing if it is malformed.
pub fn parse_tlvs(mut bytes: &[u8]) -> Option<Vec<(u16, &[u8])>> {
    let mut found = Vec::new();
    while let [tag, rest @ ..] = bytes {
        let (tag, rest) = match (tag, rest) {
            // The numbers 31 and up follow in a second byte.
            (first, [second, rest @ ..]) if first & 0x1f == 0x1f => (u16::from_be_bytes([*first, *second]), rest),
            (first, rest) => (u16::from(*first), rest),
        };
        let (length, rest) = match rest {
            [0x82, high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]), rest),
            [0x81, low, rest @ ..] | [low @ ..=0x7f, rest @ ..] => (u16::from(*low), rest),
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(usize::from(length))?;
        found.push((tag, value));
        bytes = rest;
    }
    Some(found)
}

/// The value of the only tag there.
pub fn only(bytes: &[u8], tag: u16) -> Option<&[u8]> {
    match parse_tlvs(bytes)?[..] {
        [(found, value)] if found == tag => Some(value),
        _ => None,
    }
}
