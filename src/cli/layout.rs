//! Text on a page, from above to below.

use crate::paper::{Font, HEIGHT, Page, WIDTH};

/// Left and right of everything, in points: wider than the part of a page that printers leave white.
pub const MARGIN: f32 = 56.0;
/// Between the margins.
pub const ROOM: f32 = WIDTH - 2.0 * MARGIN;
/// Below everything.
pub const BOTTOM: f32 = HEIGHT - 48.0;
/// Grey of what is read second.
pub const QUIET: f32 = 0.42;
/// Grey of a panel and of lines.
pub const PALE: f32 = 0.95;
/// Lines of text are so far apart, in sizes of their font.
const LEADING: f32 = 1.38;

/// A page being filled.
pub struct Flow {
    pub page: Page,
    /// The base line of what was put last.
    pub y: f32,
}

impl Flow {
    /// A page with a heading, the date at its right end, and a line below.
    pub fn new(heading: &str, below: &str, date: &str) -> Self {
        let mut flow = Self { page: Page::new(), y: 74.0 };
        flow.page.text((MARGIN, flow.y), Font::Bold, 25.0, heading);
        let right = MARGIN + ROOM - Font::Regular.width(date, 10.0);
        flow.page.grey_text((right, flow.y), Font::Regular, 10.0, QUIET, date);
        flow.y += 3.0;
        flow.paragraph(MARGIN, ROOM, (Font::Regular, 13.0), 0.0, below);
        flow.y += 12.0;
        flow.page.fill((MARGIN, flow.y), (ROOM, 0.75), 0.7);
        flow
    }

    /// Puts a text below, broken into lines.
    pub fn paragraph(&mut self, x: f32, width: f32, (font, size): (Font, f32), grey: f32, text: &str) {
        for line in font.lines(text, size, width) {
            self.y += size * LEADING;
            self.page.grey_text((x, self.y), font, size, grey, &line);
        }
    }

    /// Puts a name and its value, side by side.
    pub fn fact(&mut self, name: &str, value: &str) {
        self.y += 4.0;
        let size = 10.5;
        self.page.grey_text((MARGIN, self.y + size * LEADING), Font::Regular, size, QUIET, name);
        self.paragraph(MARGIN + 92.0, ROOM - 92.0, (Font::Regular, size), 0.0, value);
    }

    /// Puts a heading inside the page.
    pub fn heading(&mut self, text: &str) {
        self.y += 11.0;
        self.paragraph(MARGIN, ROOM, (Font::Bold, 14.0), 0.0, text);
        self.y += 2.0;
    }

    /// Puts numbered steps; a command, to be typed as it is, stands in a line of its own below.
    pub fn steps(&mut self, steps: &[(String, Option<String>)]) {
        for (number, (text, command)) in (1..).zip(steps) {
            self.y += 5.0;
            let size = 11.0;
            self.page.text((MARGIN, self.y + size * LEADING), Font::Bold, size, &number.to_string());
            self.paragraph(MARGIN + 20.0, ROOM - 20.0, (Font::Regular, size), 0.0, text);
            if let Some(command) = command {
                self.y += 1.0;
                for line in command.lines() {
                    self.paragraph(MARGIN + 20.0, ROOM - 20.0, (Font::Mono, 9.5), 0.0, line);
                }
            }
        }
    }

    /// Puts a small line at the foot of the page.
    pub fn foot(&mut self, text: &str) {
        self.page.grey_text((MARGIN, BOTTOM), Font::Regular, 8.0, QUIET, text);
    }
}

/// What a foot says of letters that the fonts lack, if these texts have such.
pub fn missing<'a>(texts: impl IntoIterator<Item = &'a str>) -> &'static str {
    let lacks = texts.into_iter().any(|text| text.chars().any(|c| !Font::Regular.has(c)));
    if lacks { "  \u{b7}  \u{fffd} stands for a letter that this page cannot show" } else { "" }
}
