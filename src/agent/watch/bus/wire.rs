//! Messages of D-Bus as bytes (D-Bus Specification 0.43, "Marshaling", "Message Protocol"): calls whose arguments are strings, and of
//! what comes back as much as is asked for. Nothing here trusts a length.

use std::fmt::Write as _;
use std::os::fd::OwnedFd;

/// METHOD_CALL, METHOD_RETURN, ERROR, SIGNAL.
pub const CALL: u8 = 1;
pub const RETURN: u8 = 2;
pub const ERROR: u8 = 3;
pub const SIGNAL: u8 = 4;

/// Bytes of a message up to and including the length of its fields.
pub const FIXED: usize = 16;
/// Longest array of header fields, and longest body, that is read. A terminal server with thousands of sessions fits.
const MAX_FIELDS: usize = 16 * 1024;
const MAX_BODY: usize = 1024 * 1024;
/// Containers within containers; the specification allows 32 of each.
const MAX_DEPTH: u32 = 64;

/// NO_AUTO_START: what is not there is not started by looking at it.
const NO_AUTO_START: u8 = 2;

/// A call.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub to: &'a str,
    pub path: &'a str,
    pub interface: &'a str,
    pub member: &'a str,
    pub arguments: &'a [&'a str],
}

/// What came. Fields that a message does not have are empty.
#[derive(Debug, Default)]
pub struct Message {
    pub kind: u8,
    pub reply_to: Option<u32>,
    pub path: String,
    pub interface: String,
    pub member: String,
    pub error: String,
    /// Written by the bus, whatever the sender says.
    pub sender: String,
    pub signature: String,
    pub descriptors: Vec<OwnedFd>,
    body: Vec<u8>,
    big_endian: bool,
}

/// It is no message, or not one of the form that it should have.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

type Read<T> = Result<T, Malformed>;

fn pad(out: &mut Vec<u8>, to: usize) {
    out.resize(out.len().next_multiple_of(to), 0);
}

fn put_u32(out: &mut Vec<u8>, number: usize) {
    pad(out, 4);
    let number = u32::try_from(number).unwrap_or_else(|_| unreachable!("our calls are short"));
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_string(out: &mut Vec<u8>, text: &str) {
    put_u32(out, text.len());
    out.extend_from_slice(text.as_bytes());
    out.push(0);
}

fn put_signature(out: &mut Vec<u8>, text: &str) {
    out.push(u8::try_from(text.len()).unwrap_or_else(|_| unreachable!("our signatures are short")));
    out.extend_from_slice(text.as_bytes());
    out.push(0);
}

/// The bytes of a call.
pub fn encode(call: &Call<'_>, serial: u32) -> Vec<u8> {
    let mut body = Vec::new();
    for argument in call.arguments {
        put_string(&mut body, argument);
    }
    let mut out = vec![b'l', CALL, NO_AUTO_START, 1];
    put_u32(&mut out, body.len());
    out.extend_from_slice(&serial.to_le_bytes());
    put_u32(&mut out, 0);
    for (code, kind, text) in [(1, "o", call.path), (2, "s", call.interface), (3, "s", call.member), (6, "s", call.to)]
    {
        pad(&mut out, 8);
        out.push(code);
        put_signature(&mut out, kind);
        put_string(&mut out, text);
    }
    if !call.arguments.is_empty() {
        pad(&mut out, 8);
        out.push(8);
        put_signature(&mut out, "g");
        put_signature(&mut out, &"s".repeat(call.arguments.len()));
    }
    let mut length = Vec::new();
    put_u32(&mut length, out.len() - FIXED);
    out[FIXED - 4..FIXED].copy_from_slice(&length);
    pad(&mut out, 8);
    out.extend_from_slice(&body);
    out
}

/// How many bytes a message has behind its first [`FIXED`].
pub fn rest(head: &[u8; FIXED]) -> Read<usize> {
    let big_endian = endian(head[0])?;
    if head[3] != 1 {
        return Err(Malformed);
    }
    let mut reader = Reader { bytes: head, at: 4, big_endian };
    let (body, _serial, fields) = (reader.length(MAX_BODY)?, reader.u32()?, reader.length(MAX_FIELDS)?);
    Ok(fields.next_multiple_of(8) + body)
}

fn endian(mark: u8) -> Read<bool> {
    match mark {
        b'l' => Ok(false),
        b'B' => Ok(true),
        _ => Err(Malformed),
    }
}

/// A whole message.
pub fn decode(bytes: &[u8], descriptors: Vec<OwnedFd>) -> Read<Message> {
    let big_endian = endian(*bytes.first().ok_or(Malformed)?)?;
    let kind = *bytes.get(1).ok_or(Malformed)?;
    let mut message = Message { kind, descriptors, big_endian, ..Message::default() };
    let mut reader = Reader { bytes, at: FIXED - 4, big_endian };
    let fields = reader.length(MAX_FIELDS)?;
    let end = reader.at + fields;
    while reader.at < end {
        reader.align(8)?;
        let code = reader.u8()?;
        let kind = reader.signature()?.to_owned();
        let text = match (code, kind.as_str()) {
            (1, "o") => &mut message.path,
            (2, "s") => &mut message.interface,
            (3, "s") => &mut message.member,
            (4, "s") => &mut message.error,
            (7, "s") => &mut message.sender,
            (8, "g") => {
                reader.signature()?.clone_into(&mut message.signature);
                continue;
            }
            (5, "u") => {
                message.reply_to = Some(reader.u32()?);
                continue;
            }
            _ => {
                reader.skip(&kind)?;
                continue;
            }
        };
        reader.string()?.clone_into(text);
    }
    if reader.at != end {
        return Err(Malformed);
    }
    reader.align(8)?;
    message.body = reader.bytes[reader.at..].to_vec();
    Ok(message)
}

impl Message {
    /// The arguments, if they have these types.
    pub fn arguments(&self, signature: &str) -> Read<Reader<'_>> {
        let reader = Reader { bytes: &self.body, at: 0, big_endian: self.big_endian };
        if self.signature == signature { Ok(reader) } else { Err(Malformed) }
    }

    /// What an error says, safe to print.
    pub fn error_text(&self) -> String {
        let mut text = self.error.clone();
        if self.signature.starts_with('s')
            && let Ok(said) = (Reader { bytes: &self.body, at: 0, big_endian: self.big_endian }).string()
        {
            let _ = write!(text, ": {said}");
        }
        text.chars().map(|c| if crate::encode::terminal::steers(c) { '?' } else { c }).take(300).collect()
    }
}

/// Reads values one by one.
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    big_endian: bool,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let end = self.at.checked_add(count).ok_or(Malformed)?;
        let taken = self.bytes.get(self.at..end).ok_or(Malformed)?;
        self.at = end;
        Ok(taken)
    }

    fn align(&mut self, to: usize) -> Read<()> {
        self.take(self.at.next_multiple_of(to) - self.at).map(drop)
    }

    fn u8(&mut self) -> Read<u8> {
        Ok(self.take(1)?[0])
    }

    pub fn u32(&mut self) -> Read<u32> {
        self.align(4)?;
        let four = self.take(4)?.try_into().map_err(|_| Malformed)?;
        Ok(if self.big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
    }

    fn length(&mut self, limit: usize) -> Read<usize> {
        let length = usize::try_from(self.u32()?).map_err(|_| Malformed)?;
        if length <= limit { Ok(length) } else { Err(Malformed) }
    }

    pub fn bool(&mut self) -> Read<bool> {
        match self.u32()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }

    fn text(&mut self, length: usize) -> Read<&'a str> {
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| Malformed)?;
        if self.u8()? == 0 { Ok(text) } else { Err(Malformed) }
    }

    /// Also an object path.
    pub fn string(&mut self) -> Read<&'a str> {
        let length = self.length(MAX_BODY)?;
        self.text(length)
    }

    pub fn signature(&mut self) -> Read<&'a str> {
        let length = self.u8()?;
        self.text(length.into())
    }

    /// Goes to the elements of an array, each aligned like this; gives where it ends.
    pub fn array(&mut self, align: usize) -> Read<usize> {
        let length = self.length(MAX_BODY)?;
        self.align(align)?;
        let end = self.at.checked_add(length).ok_or(Malformed)?;
        if end <= self.bytes.len() { Ok(end) } else { Err(Malformed) }
    }

    /// Whether an array that ends there has one more element, which is gone to.
    pub fn more(&mut self, end: usize, align: usize) -> Read<bool> {
        if self.at >= end {
            return if self.at == end { Ok(false) } else { Err(Malformed) };
        }
        self.align(align)?;
        Ok(true)
    }

    /// Passes over values of these types.
    pub fn skip(&mut self, signature: &str) -> Read<()> {
        let mut rest = signature.as_bytes();
        while !rest.is_empty() {
            let (one, after) = first_type(rest, 0)?;
            self.skip_one(one, 0)?;
            rest = after;
        }
        Ok(())
    }

    fn skip_one(&mut self, kind: &[u8], depth: u32) -> Read<()> {
        if depth > MAX_DEPTH {
            return Err(Malformed);
        }
        match kind {
            b"y" => self.take(1).map(drop),
            b"n" | b"q" => self.align(2).and_then(|()| self.take(2)).map(drop),
            b"b" | b"i" | b"u" | b"h" => self.u32().map(drop),
            b"x" | b"t" | b"d" => self.align(8).and_then(|()| self.take(8)).map(drop),
            b"s" | b"o" => self.string().map(drop),
            b"g" => self.signature().map(drop),
            b"v" => {
                let inner = self.signature()?.as_bytes();
                let (one, after) = first_type(inner, 0)?;
                if after.is_empty() { self.skip_one(one, depth + 1) } else { Err(Malformed) }
            }
            [b'a', element @ ..] => {
                let end = self.array(alignment(element))?;
                self.at = end;
                Ok(())
            }
            [b'(', inner @ .., b')'] | [b'{', inner @ .., b'}'] => {
                self.align(8)?;
                let mut rest = inner;
                while !rest.is_empty() {
                    let (one, after) = first_type(rest, 0)?;
                    self.skip_one(one, depth + 1)?;
                    rest = after;
                }
                Ok(())
            }
            _ => Err(Malformed),
        }
    }
}

fn alignment(kind: &[u8]) -> usize {
    match kind.first() {
        Some(b'n' | b'q') => 2,
        Some(b'b' | b'i' | b'u' | b'h' | b's' | b'o' | b'a') => 4,
        Some(b'x' | b't' | b'd' | b'(' | b'{') => 8,
        _ => 1,
    }
}

/// The first complete type of a signature, and what is behind it.
fn first_type(signature: &[u8], depth: u32) -> Read<(&[u8], &[u8])> {
    if depth > MAX_DEPTH {
        return Err(Malformed);
    }
    let length = match signature.first().ok_or(Malformed)? {
        b'a' => 1 + first_type(&signature[1..], depth + 1)?.0.len(),
        open @ (b'(' | b'{') => {
            let close = if *open == b'(' { b')' } else { b'}' };
            let mut length = 1;
            while *signature.get(length).ok_or(Malformed)? != close {
                length += first_type(&signature[length..], depth + 1)?.0.len();
            }
            length + 1
        }
        b')' | b'}' => return Err(Malformed),
        _ => 1,
    };
    Ok(signature.split_at(length))
}

#[cfg(test)]
#[path = "wire/tests.rs"]
mod tests;
