//! QR codes (ISO/IEC 18004), in buffers of ours that are erased.

use qrcodegen_no_heap::{QrCode, QrCodeEcc, Version};
use zeroize::Zeroizing;

/// How much of a code may be damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// About 7 %: a screen is not damaged.
    Low,
    /// About 15 %.
    Medium,
    /// About 25 %: paper that is folded and kept for years.
    Quartile,
}

impl Level {
    fn ecc(self) -> QrCodeEcc {
        match self {
            Self::Low => QrCodeEcc::Low,
            Self::Medium => QrCodeEcc::Medium,
            Self::Quartile => QrCodeEcc::Quartile,
        }
    }
}

/// A QR code: dark and light modules, without the quiet zone around them.
pub struct Qr {
    size: usize,
    dark: Zeroizing<Vec<bool>>,
}

impl Qr {
    /// The smallest code of at most that version (1 to 40) that holds the text; None if it is too long.
    ///
    /// Texts of `0`-`9`, `A`-`Z` and ` $%*+-./:` take 5.5 bits a character, others 8.
    pub fn new(text: &str, level: Level, max_version: u8) -> Option<Self> {
        let max = Version::new(max_version.clamp(1, 40));
        let mut work = Zeroizing::new(vec![0; max.buffer_len()]);
        let mut out = Zeroizing::new(vec![0; max.buffer_len()]);
        let code = QrCode::encode_text(text, &mut work, &mut out, level.ecc(), Version::MIN, max, None, true).ok()?;
        let modules = code.size();
        let size = usize::try_from(modules).ok()?;
        let mut dark = Zeroizing::new(Vec::with_capacity(size * size));
        dark.extend((0..modules).flat_map(|y| (0..modules).map(move |x| (x, y))).map(|(x, y)| code.get_module(x, y)));
        Some(Self { size, dark })
    }

    /// Modules a side.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether the module is dark; outside, all are light.
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        x < self.size && y < self.size && self.dark[y * self.size + x]
    }

    /// The dark modules of each row as runs: x, y, length. Fewer and larger rectangles than modules, without seams between them.
    pub fn runs(&self) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
        (0..self.size).flat_map(move |y| {
            let mut x = 0;
            std::iter::from_fn(move || {
                while x < self.size && !self.is_dark(x, y) {
                    x += 1;
                }
                let start = x;
                while self.is_dark(x, y) {
                    x += 1;
                }
                (x > start).then_some((start, y, x - start))
            })
        })
    }
}

/// Characters of `0`-`9`, `A`-`Z` and ` $%*+-./:` that fit into a code of that version (1 to 40).
pub fn chars_that_fit(level: Level, version: u8) -> usize {
    let fits = |count: usize| Qr::new(&"A".repeat(count), level, version).is_some();
    // 4,296 fit into the largest code of the lowest level.
    let (mut fit, mut too_many) = (0, 4297);
    while too_many - fit > 1 {
        let middle = usize::midpoint(fit, too_many);
        *if fits(middle) { &mut fit } else { &mut too_many } = middle;
    }
    fit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_fit_as_the_standard_says() {
        // ISO/IEC 18004, table 7, alphanumeric.
        for (level, version, chars) in
            [(Level::Low, 5, 154), (Level::Medium, 15, 600), (Level::Quartile, 4, 67), (Level::Low, 40, 4296)]
        {
            assert_eq!(chars_that_fit(level, version), chars);
        }
        assert!(Qr::new(&"A".repeat(601), Level::Medium, 15).is_none());
    }

    #[test]
    fn runs_are_the_dark_modules() {
        let code = Qr::new("HELLO", Level::Quartile, 40).unwrap();
        let mut dark = vec![false; code.size() * code.size()];
        for (x, y, length) in code.runs() {
            assert!(length > 0 && (x == 0 || !code.is_dark(x - 1, y)) && !code.is_dark(x + length, y));
            dark[y * code.size() + x..][..length].fill(true);
        }
        assert_eq!(dark, *code.dark);
    }
}
