//! Texts in a file that somebody brings: QR codes in an image (PNG, JPEG), those in the images of a scanned PDF, or the file's own text.
//!
//! The file may be from anybody: sizes are bounded before memory is made, and what is found is text for the caller to judge.

use rqrr::PreparedImage;
use std::io::Cursor;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Pixels a side, at most: more than any telephone makes.
const MAX_SIDE: usize = 16_384;
/// Pixels of an image, at most.
const MAX_PIXELS: usize = 120_000_000;
/// Images of a PDF that are looked at, and pixels of all of them together.
const MAX_IMAGES: usize = 32;
const MAX_PIXELS_OF_PDF: usize = 2 * MAX_PIXELS;
/// Passes in which a JPEG may come: 10 are usual, and each costs a look at all of it.
const MAX_SCANS: usize = 32;
/// Bytes of text that are looked at: of a PDF the first ones, in which our own has its text.
const MAX_TEXT: usize = 16 << 20;
/// Stands for a byte that is not ASCII, and like it in no text of ours: SUBSTITUTE, which takes no more room than the byte did.
const OTHER: char = '\u{1a}';
/// Pixels of an image that is looked at as it is; a larger one is made smaller first.
const GOOD_PIXELS: usize = 16_000_000;

/// What a file holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Scanned {
    /// What sort of file it is: "image", "SVG", "PDF" or "text".
    pub what: &'static str,
    /// Each QR code's text; the text inside an SVG of ours; or the whole file's, with bytes that are not ASCII as U+001A.
    pub texts: Vec<String>,
}

/// Why an image cannot be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanError {
    /// It is damaged, or of a sort that is not read.
    Unreadable(String),
    /// More pixels than are looked at.
    TooLarge,
    /// More text than is looked at.
    TooLong,
}

impl std::fmt::Display for ScanError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "the image cannot be read: {why}"),
            Self::TooLarge => f.write_str("the image has more than 120 million pixels"),
            Self::TooLong => f.write_str("it is no image, and a text of more than 16 MiB"),
        }
    }
}

impl std::error::Error for ScanError {}

/// What is in the file. An image is looked at in several ways until the texts found in it are `enough`.
pub fn scan(file: &[u8], enough: &dyn Fn(&[String]) -> bool) -> Result<Scanned, ScanError> {
    if file.starts_with(b"\x89PNG") {
        return Ok(Scanned { what: "image", texts: Grey::png(file)?.texts(enough) });
    }
    if file.starts_with(b"\xff\xd8\xff") {
        return Ok(Scanned { what: "image", texts: Grey::jpeg(file, &mut { MAX_PIXELS })?.texts(enough) });
    }
    let is_pdf = file.starts_with(b"%PDF");
    if file.len() > MAX_TEXT && !is_pdf {
        return Err(ScanError::TooLong);
    }
    let ascii = |byte: &u8| if byte.is_ascii() { char::from(*byte) } else { OTHER };
    let text: String = file.iter().take(MAX_TEXT).map(ascii).collect();
    if file.starts_with(b"<?xml") || file.starts_with(b"<svg") {
        return Ok(Scanned { what: "SVG", texts: super::svg::inside(&text).map(str::to_owned).into_iter().collect() });
    }
    if !is_pdf {
        return Ok(Scanned { what: "text", texts: vec![text] });
    }
    let mut texts = vec![text];
    // A scanner puts its JPEG into the PDF as it is. One that cannot be read is none.
    let starts = file.windows(3).enumerate().filter(|(_, bytes)| bytes == b"\xff\xd8\xff").take(MAX_IMAGES);
    let mut pixels = MAX_PIXELS_OF_PDF;
    let images = starts.filter_map(|(at, _)| Grey::jpeg(&file[at..], &mut pixels).ok());
    if !enough(&texts) {
        texts.extend(images.flat_map(|image| image.texts(enough)));
    }
    Ok(Scanned { what: "PDF", texts })
}

/// An image in grey, a byte a pixel.
struct Grey {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Grey {
    fn png(file: &[u8]) -> Result<Self, ScanError> {
        let bad = |error: png::DecodingError| ScanError::Unreadable(error.to_string());
        let mut decoder = png::Decoder::new_with_limits(Cursor::new(file), png::Limits { bytes: 4 * MAX_PIXELS });
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let info = decoder.read_header_info().map_err(bad)?;
        check_size(info.width as usize, info.height as usize)?;
        let mut reader = decoder.read_info().map_err(bad)?;
        let size = reader.output_buffer_size().ok_or(ScanError::TooLarge)?;
        let mut data = vec![0; size];
        let frame = reader.next_frame(&mut data).map_err(bad)?;
        data.truncate(frame.buffer_size());
        let (width, height) = (frame.width as usize, frame.height as usize);
        Self::new(width, height, &data, frame.color_type.samples(), frame.color_type.channels_of_alpha())
    }

    /// `pixels`: how many may still be looked at; what the image says that it has is taken from them, whatever is in it.
    fn jpeg(file: &[u8], pixels: &mut usize) -> Result<Self, ScanError> {
        let bad = |error: zune_jpeg::errors::DecodeErrors| ScanError::Unreadable(format!("{error:?}"));
        let options = DecoderOptions::default()
            .set_max_width(MAX_SIDE)
            .set_max_height(MAX_SIDE)
            .jpeg_set_max_scans(MAX_SCANS)
            .jpeg_set_out_colorspace(ColorSpace::Luma);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
        decoder.decode_headers().map_err(bad)?;
        let info = decoder.info().ok_or(ScanError::TooLarge)?;
        check_size(info.width.into(), info.height.into())?;
        *pixels = pixels.checked_sub(usize::from(info.width) * usize::from(info.height)).ok_or(ScanError::TooLarge)?;
        let grey = decoder.decode().map_err(bad)?;
        Self::new(info.width.into(), info.height.into(), &grey, 1, 0)
    }

    /// From `samples` bytes a pixel, the last of which is alpha if there is one: what is transparent is white, as paper is.
    fn new(width: usize, height: usize, data: &[u8], samples: usize, alpha: usize) -> Result<Self, ScanError> {
        if data.len() != width * height * samples || samples <= alpha {
            return Err(ScanError::Unreadable("it is cut short".to_owned()));
        }
        let grey = |pixel: &[u8]| {
            let (colours, alpha) = pixel.split_at(samples - alpha);
            let sum: usize = colours.iter().map(|colour| usize::from(*colour)).sum();
            let over = alpha.first().map_or(255, |alpha| usize::from(*alpha));
            u8::try_from((sum / colours.len() * over + 255 * (255 - over)) / 255).unwrap_or(u8::MAX)
        };
        Ok(Self { width, height, pixels: data.chunks_exact(samples).map(grey).collect() })
    }

    /// The texts of all codes in it, each once. Which size and which judgement of dark and light reads a photo best is not known
    /// before: they are tried one after another, until what was found is `enough`.
    fn texts(self, enough: &dyn Fn(&[String]) -> bool) -> Vec<String> {
        let mut image = self;
        while image.pixels.len() > GOOD_PIXELS {
            image = image.resized(0.5);
        }
        let mut found: Vec<String> = Vec::new();
        for factor in [1.0, 0.5, 2.0, 0.75, 1.5] {
            let sized = (factor - 1.0_f32).abs() > 0.01;
            if factor > 1.0 && image.pixels.len() > GOOD_PIXELS / 4 {
                continue;
            }
            let image = if sized { &image.resized(factor) } else { &image };
            let judged = image.judged();
            // Dark on light; on a dark screen it is the other way round.
            for codes in [image.codes(0), judged.codes(0), judged.codes(0xff)] {
                for text in codes {
                    if !found.contains(&text) {
                        found.push(text);
                    }
                }
                if enough(&found) {
                    return found;
                }
            }
        }
        found
    }

    /// What can be read with each byte XORed with `flip`.
    fn codes(&self, flip: u8) -> Vec<String> {
        let pixel = |x: usize, y: usize| self.pixels[y * self.width + x] ^ flip;
        let mut image = PreparedImage::prepare_from_greyscale(self.width, self.height, pixel);
        let grids = image.detect_grids();
        grids.iter().filter_map(|grid| Some(grid.decode().ok()?.1)).collect()
    }

    /// Black and white: each pixel beside the mean of its surroundings, so that a shadow over the page does no harm.
    fn judged(&self) -> Self {
        let (width, height) = (self.width, self.height);
        // Sums of all pixels above and to the left of a corner; they fit, as there are at most 16 million pixels.
        let mut sums = vec![0u32; (width + 1) * (height + 1)];
        for y in 0..height {
            let mut row = 0;
            for x in 0..width {
                row += u32::from(self.pixels[y * width + x]);
                sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + row;
            }
        }
        let around = (width.min(height) / 24).max(8);
        let judge = |at: usize| {
            let (x, y) = (at % width, at / width);
            let (left, right) = (x.saturating_sub(around), (x + around + 1).min(width));
            let (top, bottom) = (y.saturating_sub(around), (y + around + 1).min(height));
            let corner = |x: usize, y: usize| u64::from(sums[y * (width + 1) + x]);
            let sum = corner(right, bottom) + corner(left, top) - corner(left, bottom) - corner(right, top);
            let count = ((right - left) * (bottom - top)) as u64;
            // A little darker than the mean: paper without print has a grain.
            if u64::from(self.pixels[at]) * count * 16 < sum * 15 { 0 } else { 0xff }
        };
        Self { width, height, pixels: (0..width * height).map(judge).collect() }
    }

    /// The image in another size: means of four pixels beside each other.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "sides are below 2^15"
    )]
    fn resized(&self, factor: f32) -> Self {
        let side = |side: usize| ((side as f32 * factor) as usize).max(1);
        let (width, height) = (side(self.width), side(self.height));
        let place = |at: usize, side: usize| {
            let place = ((at as f32 + 0.5) / factor - 0.5).clamp(0.0, (side - 1) as f32);
            let low = (place as usize).min(side.saturating_sub(2));
            (low, (low + 1).min(side - 1), place - low as f32)
        };
        let columns: Vec<_> = (0..width).map(|x| place(x, self.width)).collect();
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            let (top, bottom, down) = place(y, self.height);
            pixels.extend(columns.iter().map(|(left, right, over)| {
                let value = |x: usize, y: usize| f32::from(self.pixels[y * self.width + x]);
                let upper = value(*left, top) * (1.0 - over) + value(*right, top) * over;
                let lower = value(*left, bottom) * (1.0 - over) + value(*right, bottom) * over;
                (upper * (1.0 - down) + lower * down) as u8
            }));
        }
        Self { width, height, pixels }
    }
}

fn check_size(width: usize, height: usize) -> Result<(), ScanError> {
    let fine = width <= MAX_SIDE && height <= MAX_SIDE && width * height <= MAX_PIXELS;
    if fine { Ok(()) } else { Err(ScanError::TooLarge) }
}

/// Whether a colour type of PNG has alpha.
trait ChannelsOfAlpha {
    fn channels_of_alpha(&self) -> usize;
}

impl ChannelsOfAlpha for png::ColorType {
    fn channels_of_alpha(&self) -> usize {
        usize::from(matches!(self, Self::GrayscaleAlpha | Self::Rgba))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(file: &[u8]) -> Result<Scanned, ScanError> {
        super::scan(file, &|_| false)
    }
    use crate::paper::{Level, Qr, png};

    #[test]
    fn codes_in_an_image_are_all_found() {
        let texts = ["FIRST", "the second one", &"THIRD ".repeat(60)];
        let codes: Vec<Qr> = texts.iter().map(|text| Qr::new(text, Level::Medium, 40).unwrap()).collect();
        let mut found = scan(&png(&codes)).unwrap();
        found.texts.sort();
        let mut expected = texts.map(str::to_owned);
        expected.sort();
        assert_eq!((found.what, found.texts.as_slice()), ("image", expected.as_slice()));
    }

    #[test]
    fn what_is_no_image_is_text_and_damage_is_told() {
        assert_eq!(scan(b"abc\xff").unwrap(), Scanned { what: "text", texts: vec!["abc\u{1a}".to_owned()] });
        assert_eq!(scan(b"").unwrap().texts, [""]);
        for bad in [&b"\x89PNG\r\n\x1a\nnothing"[..], b"\xff\xd8\xff\xe0", b"\x89PNG"] {
            assert!(matches!(scan(bad), Err(ScanError::Unreadable(_))), "{bad:?}");
        }
        let image = png(&[Qr::new("X", Level::Low, 1).unwrap()]);
        for length in (8..image.len() - 12).step_by(7) {
            assert!(scan(&image[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn an_image_too_large_is_not_decoded() {
        let mut file = Vec::new();
        let mut encoder = ::png::Encoder::new(&mut file, 20_000, 20_000);
        encoder.set_color(::png::ColorType::Grayscale);
        drop(encoder.write_header().unwrap());
        assert_eq!(scan(&file), Err(ScanError::TooLarge));
    }

    #[test]
    fn a_text_too_long_is_not_read_and_bytes_take_no_more_room_as_text() {
        let most = vec![0xff; MAX_TEXT];
        let scanned = scan(&most).unwrap();
        assert_eq!(scanned.texts[0].len(), MAX_TEXT);
        assert_eq!(scan(&[&most[..], b"x"].concat()), Err(ScanError::TooLong));
        let pdf = [&b"%PDF-1.7 TWINLOCK"[..], &most].concat();
        assert_eq!(scan(&pdf).unwrap().texts[0].len(), MAX_TEXT);
    }

    /// The head of a JPEG in grey, and nothing behind it.
    fn head(width: u16, height: u16) -> Vec<u8> {
        let mut file = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xc0\0\x0b\x08".to_vec();
        file.extend([height.to_be_bytes(), width.to_be_bytes()].concat());
        file.extend(b"\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0");
        file
    }

    #[test]
    fn images_of_a_pdf_have_one_budget_of_pixels() {
        let mut left = MAX_PIXELS_OF_PDF;
        let large = head(10_000, 11_000);
        for _ in 0..2 {
            let _ = Grey::jpeg(&large, &mut left);
        }
        assert_eq!(left, MAX_PIXELS_OF_PDF - 220_000_000, "also where nothing comes of it");
        assert_eq!(Grey::jpeg(&large, &mut left).err(), Some(ScanError::TooLarge));
        assert_eq!(left, 20_000_000, "a smaller one may still be looked at");
    }
}
