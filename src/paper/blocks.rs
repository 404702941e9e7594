//! A QR code on a terminal: two modules in one character, as half blocks.

use super::Qr;

/// Modules of light around the code; a screen is not paper, and scanners are content with two.
const QUIET: usize = 2;

/// How light and dark are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// Black on white, said in colours: right on any background.
    Said,
    /// Without colours, on a dark background: blocks are light.
    DarkBackground,
    /// Without colours, on a light background: blocks are dark.
    LightBackground,
}

/// What a terminal has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// Columns.
    pub columns: usize,
    /// Lines that a code may take.
    pub lines: usize,
}

impl Blocks {
    /// The largest version of a code that fits.
    pub fn version(self) -> Option<u8> {
        let side = self.columns.min(2 * self.lines).checked_sub(2 * QUIET)?;
        u8::try_from((side.checked_sub(17)? / 4).min(40)).ok().filter(|version| *version > 0)
    }
}

impl Qr {
    /// The code in lines, each ended by a newline.
    pub fn blocks(&self, colours: Colours) -> String {
        let side = self.size() + 2 * QUIET;
        let light = |x: usize, y: usize| match (x.checked_sub(QUIET), y.checked_sub(QUIET)) {
            // Below an odd last line there is no module: as the quiet zone.
            (Some(x), Some(y)) => !self.is_dark(x, y),
            _ => true,
        };
        let mut out = String::new();
        for y in (0..side).step_by(2) {
            if colours == Colours::Said {
                // Bright white blocks before pure black, from the 256 colours: themes change the first sixteen.
                out.push_str("\x1b[38;5;231m\x1b[48;5;16m");
            }
            for x in 0..side {
                let (upper, lower) = (light(x, y), light(x, y + 1));
                let (upper, lower) =
                    if colours == Colours::LightBackground { (!upper, !lower) } else { (upper, lower) };
                out.push(match (upper, lower) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                });
            }
            if colours == Colours::Said {
                out.push_str("\x1b[0m");
            }
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Level;

    #[test]
    fn what_fits_is_not_larger_than_the_terminal() {
        assert_eq!(Blocks { columns: 80, lines: 22 }.version(), Some(5));
        assert_eq!(Blocks { columns: 24, lines: 40 }.version(), None);
        assert_eq!(Blocks { columns: 3, lines: 3 }.version(), None);
        for (columns, lines) in [(25, 13), (80, 22), (120, 50), (400, 400)] {
            let version = Blocks { columns, lines }.version().unwrap();
            let text = "A".repeat(super::super::chars_that_fit(Level::Low, version));
            let shown = Qr::new(&text, Level::Low, version).unwrap().blocks(Colours::DarkBackground);
            assert!(shown.lines().count() <= lines && shown.lines().all(|line| line.chars().count() <= columns));
        }
    }
}
