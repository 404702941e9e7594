//! Pages as SVG, and as HTML around it. Letters are drawn as outlines, since an SVG cannot bring a font along that every reader takes;
//! what a text says stands in `aria-label`, for reading aloud and for searching.

use super::font::Font;
use super::page::{HEIGHT, Page, Thing, WIDTH};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// Before and after the text that a program reads.
const BEGIN: &str = "<metadata>";
const END: &str = "</metadata>";

/// The pages as one image, one below the other. `inside` is a text for a program to read, which nobody sees.
pub fn svg(title: &str, pages: &[Page], inside: Option<&str>) -> Zeroizing<String> {
    let mut out = reserved(pages, title.len() + inside.map_or(0, str::len));
    out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    write_svg(&mut out, title, pages, inside);
    out
}

/// The text inside a page that [`svg`] has made.
pub(super) fn inside(svg: &str) -> Option<&str> {
    Some(svg.split_once(BEGIN)?.1.split_once(END)?.0)
}

/// A page that a browser prints at full size, with the same image in it.
pub fn html(title: &str, pages: &[Page]) -> Zeroizing<String> {
    let mut out = reserved(pages, 2 * title.len());
    out.push_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.push_str("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>");
    escape(&mut out, title);
    out.push_str(
        "</title>\n<style>@page{margin:0}body{margin:0}svg{display:block;margin:0 auto}</style>\n</head>\n<body>\n",
    );
    write_svg(&mut out, title, pages, None);
    out.push_str("</body>\n</html>\n");
    out
}

/// Bytes of all glyphs and things: growing would leave copies behind.
fn reserved(pages: &[Page], texts: usize) -> Zeroizing<String> {
    let of_things: usize = pages
        .iter()
        .flat_map(|page| &page.things)
        .map(|thing| match thing {
            Thing::Text { text, .. } => 300 + 60 * text.len(),
            Thing::Box { .. } => 200,
            Thing::Qr { qr, .. } => 400 + 24 * qr.runs().count(),
        })
        .sum();
    let of_glyphs: usize = glyphs(pages).values().map(|path| path.len() + 40).sum();
    Zeroizing::new(String::with_capacity(of_things + of_glyphs + 6 * texts + 8192))
}

/// Every glyph that is used, drawn once, in the order of the font: no order of a secret.
fn glyphs(pages: &[Page]) -> BTreeMap<(Font, u16), String> {
    let used =
        pages.iter().flat_map(Page::texts).flat_map(|(font, text)| text.chars().map(move |c| (font, font.glyph(c))));
    used.map(|(font, glyph)| ((font, glyph), font.outline(glyph))).collect()
}

// Writing to a string cannot fail.
macro_rules! put {
    ($out:expr, $($what:tt)*) => {{ let _ = write!($out, $($what)*); }};
}

fn write_svg(out: &mut Zeroizing<String>, title: &str, pages: &[Page], inside: Option<&str>) {
    let height = HEIGHT * f32::from(u16::try_from(pages.len()).unwrap_or(u16::MAX));
    put!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}pt\" height=\"{height}pt\" viewBox=\"0 0 {WIDTH} {height}\">\n<title>"
    );
    escape(out, title);
    out.push_str("</title>\n");
    if let Some(text) = inside {
        out.push_str(BEGIN);
        escape(out, text);
        out.push_str(END);
    }
    out.push_str("<defs>\n");
    for ((font, glyph), path) in glyphs(pages) {
        put!(out, "<path id=\"{}{glyph}\" d=\"{path}\"/>\n", letter(font));
    }
    put!(out, "</defs>\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n");
    for (number, page) in (0u16..).zip(pages) {
        put!(out, "<g transform=\"translate(0 {})\">\n", HEIGHT * f32::from(number));
        page.things.iter().for_each(|thing| write_thing(out, thing));
        out.push_str("</g>\n");
    }
    out.push_str("</svg>\n");
}

fn letter(font: Font) -> char {
    match font {
        Font::Regular => 'r',
        Font::Bold => 'b',
        Font::Mono => 'm',
    }
}

fn write_thing(out: &mut Zeroizing<String>, thing: &Thing) {
    match thing {
        Thing::Text { x, y, size, font, grey, text } => {
            put!(out, "<g role=\"img\" aria-label=\"");
            escape(out, text);
            put!(out, "\" fill=\"{}\" transform=\"translate({x} {y}) scale({})\">", colour(*grey), size / 1000.0);
            let mut pen = 0u32;
            for c in text.chars() {
                let glyph = font.glyph(c);
                put!(out, "<use href=\"#{}{glyph}\" x=\"{pen}\"/>", letter(*font));
                pen += u32::from(font.advance(glyph));
            }
            out.push_str("</g>\n");
        }
        Thing::Box { x, y, width, height, grey } => {
            let colour = colour(*grey);
            put!(out, "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{colour}\"/>\n");
        }
        Thing::Qr { x, y, side, qr } => {
            let module = side / f32::from(u16::try_from(qr.size()).unwrap_or(u16::MAX));
            put!(out, "<path shape-rendering=\"crispEdges\" transform=\"translate({x} {y}) scale({module})\" d=\"");
            qr.runs().for_each(|(x, y, length)| put!(out, "M{x} {y}h{length}v1h-{length}z"));
            out.push_str("\"/>\n");
        }
    }
}

/// `#rrggbb` of a grey.
fn colour(grey: f32) -> String {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped to a byte")]
    let byte = (grey.clamp(0.0, 1.0) * 255.0).round() as u8;
    format!("#{byte:02x}{byte:02x}{byte:02x}")
}

fn escape(out: &mut Zeroizing<String>, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML has no other control characters; names in a header have none at all.
            c if c.is_control() && c != '\n' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_write_markup() {
        let mut page = Page::new();
        page.text((10.0, 10.0), Font::Regular, 10.0, "<b a=\"1\">&\u{1b}");
        for text in
            [svg("</title><script>", &[Page::new()], Some("</metadata><script>")), html("</title><script>", &[page])]
        {
            assert!(!text.contains("<script") && !text.contains("<b a"), "{}", *text);
        }
    }

    #[test]
    fn what_is_reserved_is_enough() {
        let mut page = Page::new();
        for line in 0..40u8 {
            page.text((10.0, f32::from(line)), Font::Mono, 8.123_456, &"Ж\"&<é".repeat(20));
        }
        let qr = super::super::Qr::new(&"x".repeat(500), super::super::Level::Medium, 40).unwrap();
        page.qr((10.333_333, 20.1), 200.777, qr).fill((1.0, 1.0), (1.0, 1.0), 0.5);
        let pages = [page];
        let room = reserved(&pages, 3).capacity();
        assert!(svg("t", &pages, Some("&\"")).len() <= room && html("t", &pages).len() <= room);
    }
}
