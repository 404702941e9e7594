//! QR codes as a plain image: one below the other, numbered, black on white, one bit a pixel.

use super::Qr;

/// Pixels of a module.
const MODULE: usize = 6;
/// Modules of white around each code (ISO/IEC 18004 asks for 4).
const QUIET: usize = 6;

/// Digits and the slash, 3 by 5, a row a byte, from the top.
const GLYPHS: [(char, [u8; 5]); 11] = [
    ('0', [7, 5, 5, 5, 7]),
    ('1', [2, 6, 2, 2, 7]),
    ('2', [7, 1, 7, 4, 7]),
    ('3', [7, 1, 7, 1, 7]),
    ('4', [5, 5, 7, 1, 1]),
    ('5', [7, 4, 7, 1, 7]),
    ('6', [7, 4, 7, 5, 7]),
    ('7', [7, 1, 2, 2, 2]),
    ('8', [7, 5, 7, 5, 7]),
    ('9', [7, 5, 7, 1, 7]),
    ('/', [1, 1, 2, 4, 4]),
];

/// The codes as a PNG. They hold nothing secret: the image is compressed in buffers that nobody erases.
///
/// # Panics
/// Never: it is written to memory.
pub fn png(codes: &[Qr]) -> Vec<u8> {
    let modules = codes.iter().map(Qr::size).max().unwrap_or(0) + 2 * QUIET;
    let label = if codes.len() > 1 { 5 + 2 } else { 0 };
    let heights: Vec<usize> = codes.iter().map(|code| code.size() + 2 * QUIET + label).collect();
    let (width, height) = (modules * MODULE, heights.iter().sum::<usize>() * MODULE);
    let mut image = Image { stride: width.div_ceil(8), bits: vec![0xff; width.div_ceil(8) * height] };
    let mut top = 0;
    for (number, (code, height)) in (1..).zip(codes.iter().zip(&heights)) {
        if label > 0 {
            image.write(QUIET, top + 3, &format!("{number}/{}", codes.len()));
        }
        for (x, y, length) in code.runs() {
            (0..length).for_each(|more| image.module(QUIET + x + more, top + label + QUIET + y));
        }
        top += height;
    }
    let mut out = Vec::new();
    let size =
        |pixels: usize| u32::try_from(pixels).unwrap_or_else(|_| unreachable!("255 codes are less than 2^32 pixels"));
    let mut encoder = png::Encoder::new(&mut out, size(width), size(height.max(1)));
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&image.bits));
    assert!(written.is_ok(), "an image of the size that was said is written to memory");
    out
}

struct Image {
    stride: usize,
    bits: Vec<u8>,
}

impl Image {
    /// Makes a module black.
    fn module(&mut self, x: usize, y: usize) {
        for (x, y) in (0..MODULE * MODULE).map(|at| (x * MODULE + at % MODULE, y * MODULE + at / MODULE)) {
            self.bits[y * self.stride + x / 8] &= !(0x80 >> (x % 8));
        }
    }

    fn write(&mut self, x: usize, y: usize, text: &str) {
        for (place, c) in text.chars().enumerate() {
            let rows = GLYPHS.iter().find(|(of, _)| *of == c).map_or([0; 5], |(_, rows)| *rows);
            for (down, right) in (0..5).flat_map(|down| (0..3).map(move |right| (down, right))) {
                if rows[down] >> (2 - right) & 1 == 1 {
                    self.module(x + 4 * place + right, y + down);
                }
            }
        }
    }
}
