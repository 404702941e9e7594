//! The line that is being typed, as bytes come from the terminal: what each key does, nothing of the terminal itself.
//!
//! The buffer is reserved at its full length before the first byte: growing would leave copies of the secret behind in memory
//! that is given back unerased.

use super::PromptError;
use zeroize::Zeroizing;

/// Bytes of the longest secret that can be typed.
pub(super) const MAX: usize = 1024;
/// Bytes of the longest text of several lines.
const MAX_TEXT: usize = 64 * 1024;

/// What a byte did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Part of a key that is not whole, or of an escape sequence, which means nothing here.
    Nothing,
    /// The byte was added.
    Typed,
    /// So many characters were taken off the end.
    Erased(usize),
    /// The key means nothing here, or the line is full.
    Refused,
    /// Enter in a text of several lines: the next one begins.
    NextLine,
    /// Enter; in a text of several lines, Ctrl-D on an empty line.
    Done,
    /// Ctrl-C, Ctrl-\, or Ctrl-D where nothing is typed.
    Cancelled,
    /// Ctrl-Z.
    Suspended,
}

/// Where in an escape sequence (ECMA-48, 5.4) the last byte was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    /// Outside.
    None,
    /// After ESC.
    Started,
    /// After ESC `[`: up to a byte from `@` to `~`. Arrow keys, and the brackets around a paste.
    Control,
    /// After ESC `O`: one byte more. Function keys.
    Function,
}

/// The line, or the lines of a text, of which only the last can be edited: no terminal goes back to the one above it.
pub(super) struct Line {
    bytes: Zeroizing<Vec<u8>>,
    max: usize,
    escape: Escape,
    too_long: bool,
}

impl Line {
    /// An empty line.
    pub(super) fn new() -> Self {
        Self::with_max(MAX)
    }

    /// A text of several lines, of which there is none yet.
    pub(super) fn text_of_lines() -> Self {
        Self::with_max(MAX_TEXT)
    }

    fn with_max(max: usize) -> Self {
        Self { bytes: Zeroizing::new(Vec::with_capacity(max)), max, escape: Escape::None, too_long: false }
    }

    /// Whether Enter begins another line.
    fn has_lines(&self) -> bool {
        self.max == MAX_TEXT
    }

    /// Whether the last line is empty.
    pub(super) fn at_start(&self) -> bool {
        matches!(self.bytes.last(), None | Some(b'\n'))
    }

    /// Takes the next byte.
    pub(super) fn push(&mut self, byte: u8) -> Step {
        // A control byte ends an unfinished escape sequence and works as ever: Ctrl-C must not be swallowed.
        if byte >= b' ' && byte != DELETE && self.in_escape(byte) {
            return Step::Nothing;
        }
        self.escape = Escape::None;
        match byte {
            ESCAPE => {
                self.escape = Escape::Started;
                Step::Nothing
            }
            CTRL_C | CTRL_BACKSLASH => Step::Cancelled,
            CTRL_D if self.bytes.is_empty() => Step::Cancelled,
            CTRL_D if self.has_lines() && self.at_start() => Step::Done,
            CTRL_Z => Step::Suspended,
            b'\r' | b'\n' if self.has_lines() => match self.add(b'\n') {
                Step::Typed => Step::NextLine,
                refused => refused,
            },
            b'\r' | b'\n' => Step::Done,
            DELETE | BACKSPACE => Step::Erased(usize::from(self.erase().is_some())),
            CTRL_U => Step::Erased(self.clear()),
            CTRL_W => Step::Erased(self.erase_word()),
            b'\t' | b' '..=u8::MAX => self.add(byte),
            _ => Step::Refused,
        }
    }

    /// Whether an ESC came and what follows will tell if it was a key by itself.
    pub(super) fn escape_pending(&self) -> bool {
        self.escape != Escape::None
    }

    /// Nothing followed, so nothing that comes is swallowed. Whether it was an ESC alone: the Esc key.
    pub(super) fn end_escape(&mut self) -> bool {
        std::mem::replace(&mut self.escape, Escape::None) == Escape::Started
    }

    /// Whether nothing is typed.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What is typed so far, up to the last whole character.
    pub(super) fn text(&self) -> &str {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&self.bytes[..error.valid_up_to()]).unwrap_or_default(),
        }
    }

    /// Empties the last line; how many characters it had.
    pub(super) fn clear(&mut self) -> usize {
        let characters = std::iter::from_fn(|| self.erase()).count();
        self.too_long = false;
        characters
    }

    /// Puts a blank behind what is typed, unless one is there: Enter where it separates.
    pub(super) fn separate(&mut self) {
        if self.bytes.last() != Some(&b' ') {
            self.add(b' ');
        }
    }

    /// Takes so many characters off the end, blanks and dashes aside.
    pub(super) fn take_back(&mut self, mut characters: usize) {
        while characters > 0 {
            match self.erase() {
                Some(b'-' | b' ' | b'\t') => {}
                Some(_) => characters -= 1,
                None => return,
            }
        }
    }

    /// The line as text.
    pub(super) fn finish(mut self) -> Result<Zeroizing<String>, PromptError> {
        if self.too_long {
            let lines = self.has_lines();
            return Err(PromptError::Unreadable(if lines {
                "it is longer than 64 KiB"
            } else {
                "it is longer than 1024 bytes"
            }));
        }
        // The end of the last line is none of the text.
        if self.has_lines() && self.at_start() {
            self.bytes.pop();
        }
        match String::from_utf8(std::mem::take(&mut *self.bytes)) {
            Ok(text) => Ok(Zeroizing::new(text)),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                Err(PromptError::Unreadable("it is not UTF-8 text"))
            }
        }
    }

    /// Whether the byte belongs to an escape sequence; moves on in it.
    fn in_escape(&mut self, byte: u8) -> bool {
        let next = match (self.escape, byte) {
            (Escape::None, _) => return false,
            (Escape::Started, b'[') | (Escape::Control, b' '..=b'?') => Escape::Control,
            (Escape::Started, b'O') => Escape::Function,
            (Escape::Started | Escape::Control | Escape::Function, _) => Escape::None,
        };
        self.escape = next;
        true
    }

    fn add(&mut self, byte: u8) -> Step {
        if self.bytes.len() == self.max {
            self.too_long = true;
            return Step::Refused;
        }
        self.bytes.push(byte);
        Step::Typed
    }

    /// Takes off the last character of the line, all bytes of it; `None` when there is none.
    fn erase(&mut self) -> Option<u8> {
        if self.at_start() {
            return None;
        }
        loop {
            let byte = self.bytes.pop()?;
            if byte & 0b1100_0000 != 0b1000_0000 || self.at_start() {
                return Some(byte);
            }
        }
    }

    /// Takes off the last word and the blanks behind it; how many characters.
    fn erase_word(&mut self) -> usize {
        let blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
        let mut characters = 0;
        while blank(self.bytes.last()) {
            self.erase();
            characters += 1;
        }
        while !self.at_start() && !blank(self.bytes.last()) {
            self.erase();
            characters += 1;
        }
        characters
    }
}

const CTRL_C: u8 = 0x03;
const CTRL_D: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const CTRL_U: u8 = 0x15;
const CTRL_W: u8 = 0x17;
const CTRL_Z: u8 = 0x1a;
const ESCAPE: u8 = 0x1b;
const CTRL_BACKSLASH: u8 = 0x1c;
const DELETE: u8 = 0x7f;

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> (Line, Step) {
        let mut line = Line::new();
        let mut last = Step::Nothing;
        for byte in keys {
            last = line.push(*byte);
        }
        (line, last)
    }

    #[test]
    fn editing_keys() {
        let cases: [(&[u8], &str); 12] = [
            (b"abc", "abc"),
            (b"abc\x7f\x08", "a"),
            ("aé\u{1f600}\x7f\x7f".as_bytes(), "a"),
            (b"\x7fa", "a"),
            (b"abc\x15d", "d"),
            (b"one two \x17", "one "),
            (b"one\x17\x17two", "two"),
            (b"a\tb", "a\tb"),
            (b"\x1b[200~pasted\x1b[201~", "pasted"),
            (b"a\x1b[A\x1b[1;5Cb\x1bOPc\x1bxd", "abcd"),
            (b"a\x1b[\x7fb", "b"),
            (b"a\x00\x13\x11b", "ab"),
        ];
        for (keys, expected) in cases {
            assert_eq!(**typed(keys).0.finish().as_ref().unwrap(), expected, "{keys:?}");
        }
    }

    #[test]
    fn keys_that_end_the_line() {
        assert_eq!(typed(b"a\r").1, Step::Done);
        assert_eq!(typed(b"a\n").1, Step::Done);
        assert_eq!(typed(b"a\x03").1, Step::Cancelled);
        assert_eq!(typed(b"a\x1b\x03").1, Step::Cancelled);
        assert_eq!(typed(b"a\x1c").1, Step::Cancelled);
        assert_eq!(typed(b"\x04").1, Step::Cancelled);
        assert_eq!(typed(b"a\x04").1, Step::Refused);
        assert_eq!(typed(b"a\x1a").1, Step::Suspended);
    }

    #[test]
    fn erasing_counts_characters_not_bytes() {
        assert_eq!(typed("äöü\x15".as_bytes()).1, Step::Erased(3));
        assert_eq!(typed("x äö\x17".as_bytes()).1, Step::Erased(2));
        assert_eq!(typed(b"\x7f").1, Step::Erased(0));
    }

    #[test]
    fn a_text_has_lines_until_ctrl_d_on_an_empty_one() {
        let typed = |keys: &[u8]| {
            let mut line = Line::text_of_lines();
            let mut last = Step::Nothing;
            for byte in keys {
                last = line.push(*byte);
            }
            (line, last)
        };
        let (line, last) = typed(b"one\rtwo x\x17\n\rtree\x15three\r\x7f\x17\x15\x04");
        assert_eq!((last, line.bytes.capacity()), (Step::Done, MAX_TEXT));
        assert_eq!(**line.finish().as_ref().unwrap(), "one\ntwo \n\nthree");
        assert_eq!(typed(b"\x04").1, Step::Cancelled, "an instant Ctrl-D must not blank a note");
        assert_eq!(typed(b"a\x04").1, Step::Refused);
        assert_eq!(typed(b"a\rb\x03").1, Step::Cancelled);
        assert_eq!(**typed(b"\r\x04").0.finish().as_ref().unwrap(), "");
        let (line, last) = typed(&b"x".repeat(MAX_TEXT));
        assert_eq!(last, Step::Typed);
        assert_eq!(line.finish().unwrap().len(), MAX_TEXT);
        let (line, last) = typed(&b"\r".repeat(MAX_TEXT + 1));
        assert_eq!((last, line.bytes.capacity()), (Step::Refused, MAX_TEXT));
        assert!(matches!(line.finish(), Err(PromptError::Unreadable("it is longer than 64 KiB"))));
    }

    #[test]
    fn one_blank_separates_and_a_part_is_taken_back() {
        let (mut line, _) = typed(b"00000");
        line.separate();
        line.separate();
        assert_eq!(line.text(), "00000 ");
        for byte in "1ä-2".bytes() {
            line.push(byte);
        }
        line.take_back(3);
        assert_eq!(line.text(), "00000 ");
        line.take_back(9);
        assert_eq!(line.text(), "");
    }

    #[test]
    fn an_escape_key_by_itself_swallows_nothing() {
        let (mut line, _) = typed(b"a\x1b");
        assert!(line.escape_pending());
        assert!(line.end_escape(), "the key");
        line.push(b'[');
        assert_eq!(**line.finish().as_ref().unwrap(), "a[");
        let (mut line, _) = typed(b"a\x1b[1;");
        assert!(line.escape_pending() && !line.end_escape(), "half of an arrow key");
    }

    #[test]
    fn the_longest_line_and_one_byte_more() {
        let (line, last) = typed(&[b'x'; MAX]);
        assert_eq!((last, line.bytes.capacity()), (Step::Typed, MAX));
        assert_eq!(line.finish().unwrap().len(), MAX);
        let (mut line, last) = typed(&[b'x'; MAX + 1]);
        assert_eq!((last, line.bytes.capacity()), (Step::Refused, MAX));
        line.push(DELETE);
        assert!(
            matches!(line.finish(), Err(PromptError::Unreadable(_))),
            "a byte was lost, so the rest is not the secret"
        );
        let (mut line, _) = typed(&[b'x'; MAX + 1]);
        line.push(CTRL_U);
        line.push(b'y');
        assert_eq!(**line.finish().as_ref().unwrap(), "y");
    }

    #[test]
    fn bytes_that_are_no_text() {
        let (line, _) = typed(b"ab\xff");
        assert_eq!(line.text(), "ab");
        assert!(matches!(line.finish(), Err(PromptError::Unreadable("it is not UTF-8 text"))));
    }
}
