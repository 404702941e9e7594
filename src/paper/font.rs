//! The fonts of printed pages, which are inside the program and inside each page: nothing is fetched, and nothing looks otherwise on
//! another machine. `fonts/README.md` says where they are from.

use std::fmt::Write as _;
use std::sync::LazyLock;
use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// Stands for a character that the font lacks; every one of our fonts has it.
const MISSING: char = '\u{fffd}';

/// One of our fonts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Font {
    /// Noto Sans
    Regular,
    /// Noto Sans Bold
    Bold,
    /// Noto Sans Mono, whose zero is crossed
    Mono,
}

static FACES: LazyLock<[Face<'static>; 3]> = LazyLock::new(|| {
    Font::ALL.map(|font| match Face::parse(font.data(), 0) {
        Ok(face) => face,
        Err(_) => unreachable!("the fonts are part of the program, and a test reads them"),
    })
});

impl Font {
    /// All of them, in the order of their numbers.
    pub(super) const ALL: [Self; 3] = [Self::Regular, Self::Bold, Self::Mono];

    /// The whole font file, TrueType.
    pub(super) fn data(self) -> &'static [u8] {
        match self {
            Self::Regular => include_bytes!("fonts/NotoSans-Regular.ttf"),
            Self::Bold => include_bytes!("fonts/NotoSans-Bold.ttf"),
            Self::Mono => include_bytes!("fonts/NotoSansMono-Regular.ttf"),
        }
    }

    /// Its PostScript name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Regular => "NotoSans-Regular",
            Self::Bold => "NotoSans-Bold",
            Self::Mono => "NotoSansMono-Regular",
        }
    }

    pub(super) fn face(self) -> &'static Face<'static> {
        &FACES[self as usize]
    }

    /// The glyph of a character, or of U+FFFD.
    pub(super) fn glyph(self, c: char) -> u16 {
        let face = self.face();
        face.glyph_index(c).or_else(|| face.glyph_index(MISSING)).map_or(0, |glyph| glyph.0)
    }

    /// Whether the font can show a character.
    pub fn has(self, c: char) -> bool {
        self.face().glyph_index(c).is_some()
    }

    /// How far a glyph takes the pen, in thousandths of the font's size (all our fonts have 1,000 units).
    pub(super) fn advance(self, glyph: u16) -> u16 {
        self.face().glyph_hor_advance(GlyphId(glyph)).unwrap_or(0)
    }

    /// Points that a text takes.
    pub fn width(self, text: &str, size: f32) -> f32 {
        text.chars().map(|c| f32::from(self.advance(self.glyph(c))) * size / 1000.0).sum()
    }

    /// The text in lines of at most so many points, broken at spaces; a word that is longer is broken anywhere.
    pub fn lines(self, text: &str, size: f32, width: f32) -> Vec<String> {
        let mut lines = vec![String::new()];
        for word in text.split(' ') {
            let last = lines.last().map_or("", String::as_str);
            let longer = if last.is_empty() { word.to_owned() } else { format!("{last} {word}") };
            if self.width(&longer, size) <= width {
                if let Some(last) = lines.last_mut() {
                    *last = longer;
                }
                continue;
            }
            if !last.is_empty() {
                lines.push(String::new());
            }
            for c in word.chars() {
                let full = lines.last().is_some_and(|last| self.width(&format!("{last}{c}"), size) > width);
                if full {
                    lines.push(String::new());
                }
                if let Some(last) = lines.last_mut() {
                    last.push(c);
                }
            }
        }
        lines
    }

    /// The outline of a glyph as an SVG path, in units of the font, y downwards; empty for a space.
    pub(super) fn outline(self, glyph: u16) -> String {
        let mut path = SvgPath(String::new());
        self.face().outline_glyph(GlyphId(glyph), &mut path);
        path.0
    }
}

struct SvgPath(String);

impl SvgPath {
    fn push(&mut self, command: char, numbers: &[f32]) {
        self.0.push(command);
        for (at, number) in numbers.iter().enumerate() {
            // y grows downwards in SVG, upwards in fonts. Writing to a string cannot fail.
            let number = if at % 2 == 1 { -number } else { *number } + 0.0;
            let _ = write!(self.0, "{}{number}", if at == 0 { "" } else { " " });
        }
    }
}

impl OutlineBuilder for SvgPath {
    fn move_to(&mut self, x: f32, y: f32) {
        self.push('M', &[x, y]);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.push('L', &[x, y]);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.push('Q', &[x1, y1, x, y]);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.push('C', &[x1, y1, x2, y2, x, y]);
    }

    fn close(&mut self) {
        self.0.push('Z');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_font_has_what_our_pages_say() {
        for font in Font::ALL {
            assert_eq!(font.face().units_per_em(), 1000);
            for c in (' '..='~').chain("äßŁőѣЖΩ–—‘’“”…€".chars()) {
                let has = font.face().glyph_index(c).is_some();
                assert!(has || c == 'ѣ', "{font:?} lacks '{c}'");
            }
            assert_ne!(font.glyph('\u{4e2d}'), 0, "what is missing is seen");
            assert_eq!(font.glyph('\u{4e2d}'), font.glyph('\u{fffd}'));
            assert!(font.outline(font.glyph('A')).starts_with('M'));
            assert_eq!(font.outline(font.glyph(' ')), "");
        }
    }

    #[test]
    fn lines_are_no_longer_than_they_may() {
        let text = "one two three-four-five-six-seven-eight-nine ten";
        for width in [20.0, 60.0, 100.0, 1000.0] {
            let lines = Font::Regular.lines(text, 10.0, width);
            assert!(lines.iter().all(|line| Font::Regular.width(line, 10.0) <= width), "{lines:?}");
            assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
        }
        assert_eq!(Font::Regular.lines("one two", 10.0, 1000.0), ["one two"]);
    }
}
