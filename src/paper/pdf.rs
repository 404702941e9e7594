//! Pages as PDF 1.7. Fonts are inside, whole; nothing is compressed, so that what is attached can be found in the file by anybody.

use super::font::Font;
use super::page::{HEIGHT, Page, Thing, WIDTH};
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// A text inside the file, for a program to read.
pub struct Attachment<'a> {
    /// The file's name, ASCII.
    pub name: &'a str,
    /// What is in it.
    pub text: &'a str,
}

/// Bytes of a content stream to begin with: a text, a box, a run of a QR code each take less than 100.
const PER_THING: usize = 100;

/// The pages as one file. `title` is shown by a reader in the place of the file's name.
pub fn pdf(title: &str, pages: &[Page], attachment: Option<&Attachment<'_>>) -> Zeroizing<Vec<u8>> {
    let contents: Vec<Zeroizing<Vec<u8>>> = pages.iter().map(content).collect();
    let fonts: Vec<Font> = Font::ALL.into_iter().filter(|font| uses(pages, *font)).collect();
    // At full length from the start: growing would leave copies behind.
    let inside: usize = contents.iter().map(|content| content.len()).sum();
    let of_fonts: usize = fonts.iter().map(|font| font.data().len() + 32_768).sum();
    let more = attachment.map_or(0, |attachment| attachment.text.len());
    let mut pdf = Pdf::with_capacity(inside + of_fonts + more + 16_384 + 1024 * pages.len());

    let mut next = 0;
    let mut new = || {
        next += 1;
        Ref::new(next)
    };
    let (catalog, tree, info) = (new(), new(), new());
    let attached = attachment.map(|attachment| (attachment, new(), new()));
    let of_pages: Vec<(Ref, Ref)> = pages.iter().map(|_| (new(), new())).collect();
    let of_fonts: Vec<(Font, [Ref; 5])> =
        fonts.iter().map(|font| (*font, [new(), new(), new(), new(), new()])).collect();

    let mut root = pdf.catalog(catalog);
    root.pages(tree).lang(TextStr("en"));
    root.viewer_preferences().display_doc_title(true);
    if let Some((attachment, spec, _)) = &attached {
        root.names().embedded_files().names().insert(Str(attachment.name.as_bytes()), *spec);
    }
    root.finish();
    pdf.document_info(info).title(TextStr(title)).producer(TextStr("twinlock"));
    pdf.pages(tree).kids(of_pages.iter().map(|(page, _)| *page)).count(i32::try_from(pages.len()).unwrap_or(i32::MAX));
    for ((page, stream), content) in of_pages.iter().zip(&contents) {
        let mut page = pdf.page(*page);
        page.parent(tree).media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT)).contents(*stream);
        let mut resources = page.resources();
        let mut names = resources.fonts();
        for (font, [id, ..]) in &of_fonts {
            names.pair(Name(label(*font)), id);
        }
        names.finish();
        resources.finish();
        page.finish();
        pdf.stream(*stream, content);
    }
    for (font, ids) in &of_fonts {
        write_font(&mut pdf, pages, *font, *ids);
    }
    if let Some((attachment, spec, file)) = attached {
        pdf.file_spec(spec)
            .path(Str(attachment.name.as_bytes()))
            .unic_file(TextStr(attachment.name))
            .embedded_file(file);
        pdf.embedded_file(file, attachment.text.as_bytes()).subtype(Name(b"text/plain"));
    }
    Zeroizing::new(pdf.finish())
}

fn uses(pages: &[Page], font: Font) -> bool {
    pages.iter().flat_map(Page::texts).any(|(of, _)| of == font)
}

/// The font's name in content streams.
fn label(font: Font) -> &'static [u8] {
    match font {
        Font::Regular => b"R",
        Font::Bold => b"B",
        Font::Mono => b"M",
    }
}

/// What is drawn on a page. PDF counts y from below.
fn content(page: &Page) -> Zeroizing<Vec<u8>> {
    let size: usize = page
        .things
        .iter()
        .map(|thing| match thing {
            Thing::Text { text, .. } => PER_THING + 16 * text.len(),
            Thing::Box { .. } => PER_THING,
            Thing::Qr { qr, .. } => PER_THING * (1 + qr.runs().count()),
        })
        .sum();
    let mut out = Content::with_capacity(size + 1024);
    for thing in &page.things {
        match thing {
            Thing::Text { x, y, size, font, grey, text } => {
                // Glyph numbers are a secret as the text is.
                let mut glyphs = Zeroizing::new(Vec::with_capacity(2 * text.len()));
                glyphs.extend(text.chars().flat_map(|c| font.glyph(c).to_be_bytes()));
                out.set_fill_gray(*grey).begin_text().set_font(Name(label(*font)), *size);
                out.set_text_matrix([1.0, 0.0, 0.0, 1.0, *x, HEIGHT - y]).show(Str(&glyphs)).end_text();
            }
            Thing::Box { x, y, width, height, grey } => {
                out.set_fill_gray(*grey).rect(*x, HEIGHT - y - height, *width, *height).fill_nonzero();
            }
            Thing::Qr { x, y, side, qr } => {
                let module = side / f32::from(u16::try_from(qr.size()).unwrap_or(u16::MAX));
                out.save_state().set_fill_gray(0.0).transform([module, 0.0, 0.0, -module, *x, HEIGHT - y]);
                for (x, y, length) in qr.runs() {
                    let [x, y, length] = [x, y, length].map(|n| f32::from(u16::try_from(n).unwrap_or(u16::MAX)));
                    out.rect(x, y, length, 1.0);
                }
                out.fill_nonzero().restore_state();
            }
        }
    }
    Zeroizing::new(out.finish().into_vec())
}

/// A font by glyph numbers (Identity-H), with the characters that they stand for, so that text can be copied and searched.
fn write_font(pdf: &mut Pdf, pages: &[Page], font: Font, [id, cid, descriptor, file, unicode]: [Ref; 5]) {
    let name = Name(font.name().as_bytes());
    let system = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };
    let mut type0 = pdf.type0_font(id);
    type0.base_font(name).encoding_predefined(Name(b"Identity-H")).descendant_font(cid).to_unicode(unicode);
    type0.finish();

    let face = font.face();
    let mut cid_font = pdf.cid_font(cid);
    cid_font.subtype(CidFontType::Type2).base_font(name).system_info(system).font_descriptor(descriptor);
    cid_font.cid_to_gid_map_predefined(Name(b"Identity"));
    let advances = (0..face.number_of_glyphs()).map(|glyph| f32::from(font.advance(glyph)));
    cid_font.widths().consecutive(0, advances);
    cid_font.finish();

    let bounds = face.global_bounding_box();
    let [left, bottom, right, top] = [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max].map(f32::from);
    let mut about = pdf.font_descriptor(descriptor);
    let mut flags = FontFlags::NON_SYMBOLIC;
    flags.set(FontFlags::FIXED_PITCH, font == Font::Mono);
    about.name(name).flags(flags).bbox(Rect::new(left, bottom, right, top)).italic_angle(0.0);
    about.ascent(face.ascender().into()).descent(face.descender().into());
    about.cap_height(face.capital_height().unwrap_or(700).into()).stem_v(if font == Font::Bold { 140.0 } else { 80.0 });
    about.font_file2(file);
    about.finish();

    let length = i32::try_from(font.data().len()).unwrap_or(i32::MAX);
    pdf.stream(file, font.data()).pair(Name(b"Length1"), length);
    // All characters of our fonts that any page has, in the order of their glyphs: no order of a secret.
    let used: BTreeMap<u16, char> = pages
        .iter()
        .flat_map(Page::texts)
        .filter(|(of, _)| *of == font)
        .flat_map(|(_, text)| text.chars())
        .map(|c| (font.glyph(c), c))
        .collect();
    let mut map = UnicodeCmap::new(Name(b"twinlock"), system);
    for (glyph, c) in used {
        map.pair(glyph, if font.face().glyph_index(c).is_some() { c } else { '\u{fffd}' });
    }
    pdf.cmap(unicode, map.finish().as_slice());
}
