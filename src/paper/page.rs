//! A page as things at places, before it becomes PDF or SVG. Points (1/72 inch) from the upper left corner; of a text, to the left end
//! of its base line.

use super::{Font, Qr};
use zeroize::Zeroizing;

/// As wide as A4 and as high as Letter, in points: it fits on both at full size, and no printer has to make it smaller.
pub const WIDTH: f32 = 595.0;
/// See [`WIDTH`].
pub const HEIGHT: f32 = 792.0;

/// Something on a page. Grey from 0 (black) to 1 (white).
pub(super) enum Thing {
    Text { x: f32, y: f32, size: f32, font: Font, grey: f32, text: Zeroizing<String> },
    Box { x: f32, y: f32, width: f32, height: f32, grey: f32 },
    Qr { x: f32, y: f32, side: f32, qr: Qr },
}

/// A page.
#[derive(Default)]
pub struct Page {
    pub(super) things: Vec<Thing>,
}

impl Page {
    /// A page with nothing on it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a line of text.
    pub fn text(&mut self, (x, y): (f32, f32), font: Font, size: f32, text: &str) -> &mut Self {
        self.grey_text((x, y), font, size, 0.0, text)
    }

    /// The same in grey.
    pub fn grey_text(&mut self, (x, y): (f32, f32), font: Font, size: f32, grey: f32, text: &str) -> &mut Self {
        let text = Zeroizing::new(text.to_owned());
        self.things.push(Thing::Text { x, y, size, font, grey, text });
        self
    }

    /// Puts a filled rectangle.
    pub fn fill(&mut self, (x, y): (f32, f32), (width, height): (f32, f32), grey: f32) -> &mut Self {
        self.things.push(Thing::Box { x, y, width, height, grey });
        self
    }

    /// Puts a QR code, `side` points wide without the quiet zone, which must be kept free around it.
    pub fn qr(&mut self, (x, y): (f32, f32), side: f32, qr: Qr) -> &mut Self {
        self.things.push(Thing::Qr { x, y, side, qr });
        self
    }

    /// Every text, in the order in which they were put.
    pub(super) fn texts(&self) -> impl Iterator<Item = (Font, &str)> {
        self.things.iter().filter_map(|thing| match thing {
            Thing::Text { font, text, .. } => Some((*font, text.as_str())),
            _ => None,
        })
    }
}
