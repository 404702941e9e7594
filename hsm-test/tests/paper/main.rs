//! Printed pages as others see them: rendered by poppler and librsvg, their codes read by zbar, their text taken out, their fonts looked
//! at. And read back by twinlock from such pictures, as from a photo or a scan.

use hsm_test::{missing, twinlock};
use std::path::PathBuf;
use std::process::{Command, Output};

/// Programs that are not ours, with their Debian packages.
const OTHERS: [(&str, &str); 6] = [
    ("zbarimg", "zbar-tools"),
    ("pdftoppm", "poppler-utils"),
    ("pdftotext", "poppler-utils"),
    ("pdffonts", "poppler-utils"),
    ("pdfinfo", "poppler-utils"),
    ("rsvg-convert", "librsvg2-bin"),
];

/// A home with a vault of this name, which the code in the file `code` opens.
struct Home(tempfile::TempDir);

impl Home {
    /// None where a program of others is missing.
    fn new(name: &str) -> Option<Self> {
        let lacks = |program: &str| Command::new(program).arg("--version").output().is_err();
        if let Some((program, package)) = OTHERS.iter().find(|(program, _)| lacks(program)) {
            return missing(&format!("'{program}'"), &format!("install the Debian package '{package}'"));
        }
        let home = Self(tempfile::tempdir().unwrap());
        home.ok(&["init", "--name", name, "--factor", "recovery", "--recovery-out", "code"]);
        Some(home)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn code(&self) -> String {
        std::fs::read_to_string(self.path("code")).unwrap().trim().to_owned()
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(twinlock());
        for (name, folder) in
            [("HOME", ""), ("XDG_DATA_HOME", "data"), ("XDG_STATE_HOME", "state"), ("XDG_CONFIG_HOME", "config")]
        {
            command.env(name, self.path(folder));
        }
        command.args(args).args(["--no-input"]).current_dir(self.0.path()).output().unwrap()
    }

    fn ok(&self, args: &[&str]) {
        let ran = self.run(args);
        assert!(ran.status.success(), "{args:?}\n{}", String::from_utf8_lossy(&ran.stderr));
    }

    /// Another program in the same folder; its output.
    fn other(&self, program: &str, args: &[&str]) -> String {
        let ran = Command::new(program).args(args).current_dir(self.0.path()).output().unwrap();
        assert!(ran.status.success(), "{program} {args:?}\n{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    }

    /// What zbar reads in a picture.
    fn codes(&self, picture: &str) -> Vec<String> {
        self.other("zbarimg", &["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", picture])
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// The pages of a PDF as pictures, by poppler.
    fn pictures(&self, pdf: &str, dpi: &str, form: &str) -> Vec<String> {
        let stem = format!("{}-{dpi}", pdf.trim_end_matches(".pdf"));
        self.other("pdftoppm", &["-r", dpi, form, pdf, &stem]);
        let mut names: Vec<String> = std::fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with(&stem))
            .collect();
        names.sort();
        names
    }

    fn restore(&self, kits: &[&str]) {
        let mut args = vec!["restore", "--recovery-file", "code"];
        args.extend(kits.iter().flat_map(|kit| ["--kit", kit]));
        self.ok(&args);
    }
}

#[test]
fn a_sheet_is_one_page_that_zbar_reads_and_poppler_spells() {
    let Some(home) = Home::new("personal") else { return };
    home.ok(&["recovery", "sheet", "-o", "sheet.pdf", "--recovery-file", "code"]);
    let info = home.other("pdfinfo", &["sheet.pdf"]);
    let said = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    assert_eq!((said("Pages:").as_str(), said("Title:").as_str()), ("1", "Recovery sheet of the vault 'personal'"));
    assert!(said("Page size:").starts_with("595 x 792 pts"), "as wide as A4, as high as Letter: {info}");
    for dpi in ["72", "150", "300"] {
        let pictures = home.pictures("sheet.pdf", dpi, "-png");
        assert_eq!(pictures.len(), 1);
        assert_eq!(home.codes(&pictures[0]), [home.code()], "{dpi} dpi");
    }
    let text = home.other("pdftotext", &["-layout", "sheet.pdf", "-"]);
    let words: Vec<&str> = text.split_whitespace().collect();
    let numbered: Vec<String> =
        (1..).zip(home.code().split('-')).flat_map(|(n, group)| [n.to_string(), group.to_owned()]).collect();
    let at = words.iter().position(|word| *word == numbered[1]).unwrap() - 1;
    assert_eq!(words[at..at + 16], numbered, "{text}");
    let text = words.join(" ");
    for said in [
        "for the vault 'personal'",
        "Opens keyslot 'recovery': this code alone",
        "twinlock list --keyslot=recovery --vault=FILE",
        "Small letters are fine; a wrong group is named.",
        "Whoever has this code and the vault file has everything in it.",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    assert!((1..=5).all(|step| words.contains(&step.to_string().as_str())));
}

#[test]
fn fonts_are_inside() {
    let Some(home) = Home::new("personal") else { return };
    home.ok(&["recovery", "sheet", "-o", "sheet.pdf", "--recovery-file", "code"]);
    home.ok(&["kit", "export", "-o", "kit.pdf", "--recovery-file", "code"]);
    for pdf in ["sheet.pdf", "kit.pdf"] {
        let fonts = home.other("pdffonts", &[pdf]);
        let fonts: Vec<Vec<&str>> = fonts.lines().skip(2).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(fonts.len(), 3, "{fonts:?}");
        // Name, type (two words), encoding, emb, sub, uni.
        assert!(
            fonts.iter().all(|font| font[4] == "yes" && font[6] == "yes" && font[0].starts_with("NotoSans")),
            "{fonts:?}"
        );
    }
}

#[test]
fn a_sheet_as_svg_and_html_is_the_same_picture() {
    let Some(home) = Home::new("personal") else { return };
    for form in ["svg", "html"] {
        home.ok(&["recovery", "sheet", "-o", &format!("sheet.{form}"), "--recovery-file", "code"]);
    }
    let html = std::fs::read_to_string(home.path("sheet.html")).unwrap();
    let inside = &html[html.find("<svg").unwrap()..html.find("</svg>").unwrap() + "</svg>".len()];
    std::fs::write(home.path("inside.svg"), inside).unwrap();
    let svg = std::fs::read_to_string(home.path("sheet.svg")).unwrap();
    assert!(svg.ends_with(&format!("{inside}\n")));
    for name in ["sheet", "inside"] {
        home.other("rsvg-convert", &["-o", &format!("{name}.png"), &format!("{name}.svg")]);
        assert_eq!(home.codes(&format!("{name}.png")), [home.code()]);
    }
}

#[test]
fn names_are_shown_as_far_as_the_font_goes() {
    let Some(home) = Home::new("Ада & <Söhne> 日本") else { return };
    home.ok(&["recovery", "sheet", "-o", "sheet.pdf", "--recovery-file", "code"]);
    home.ok(&["recovery", "sheet", "-o", "sheet.svg", "--recovery-file", "code"]);
    let text = home.other("pdftotext", &["sheet.pdf", "-"]);
    assert!(text.contains("for the vault 'Ада & <Söhne> \u{fffd}\u{fffd}'"), "{text}");
    assert!(text.contains("\u{fffd} stands for a letter that this page cannot show"), "{text}");
    home.other("rsvg-convert", &["-o", "sheet.png", "sheet.svg"]);
    assert_eq!(home.codes("sheet.png"), [home.code()]);
}

#[test]
fn a_kit_is_read_from_its_printed_pages() {
    let Some(home) = Home::new("personal") else { return };
    home.ok(&["kit", "export", "-o", "kit.pdf", "--recovery-file", "code"]);
    for form in ["-png", "-jpeg"] {
        let pictures = home.pictures("kit.pdf", "200", form);
        // Whichever pages have no codes on them are not photographed.
        let shown: Vec<&String> = pictures.iter().filter(|name| home.reads(name)).collect();
        assert!(!shown.is_empty());
        let by_zbar: Vec<String> = shown.iter().flat_map(|name| home.codes(name)).collect();
        std::fs::write(home.path("zbar.txt"), by_zbar.join("\n")).unwrap();
        home.restore(&["zbar.txt"]);
        home.restore(&shown.iter().map(|name| name.as_str()).collect::<Vec<_>>());
        for name in pictures {
            std::fs::remove_file(home.path(&name)).unwrap();
        }
    }
    home.restore(&["kit.pdf"]);
    // Typed off the page, or copied from a reader of PDFs.
    home.other("pdftotext", &["-raw", "kit.pdf", "copied.txt"]);
    home.restore(&["copied.txt"]);
}

impl Home {
    /// Whether zbar finds anything in a picture.
    fn reads(&self, picture: &str) -> bool {
        let args = ["--quiet", "--raw", picture];
        Command::new("zbarimg").args(args).current_dir(self.0.path()).output().unwrap().status.success()
    }
}

/// The page lies askew on a table, unevenly lit, and is seen from further away.
const PHOTO: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="2000" height="2600" viewBox="0 0 2000 2600">
<defs><linearGradient id="light"><stop offset="0" stop-color="#000" stop-opacity="0.45"/><stop offset="1" stop-color="#000" stop-opacity="0.05"/></linearGradient></defs>
<rect width="2000" height="2600" fill="#776655"/>
<g transform="translate(330 90) rotate(9) skewX(3) scale(0.86)"><image href="page.png" width="1653" height="2200"/></g>
<rect width="2000" height="2600" fill="url(#light)"/></svg>"##;

#[test]
fn a_photo_of_a_kit_is_read() {
    let Some(home) = Home::new("personal") else { return };
    home.ok(&["kit", "export", "-o", "kit.pdf", "--only", "recovery", "--recovery-file", "code"]);
    let pages = home.pictures("kit.pdf", "200", "-png");
    std::fs::rename(home.path(&pages[0]), home.path("page.png")).unwrap();
    std::fs::write(home.path("photo.svg"), PHOTO).unwrap();
    home.other("rsvg-convert", &["-o", "photo.png", "photo.svg"]);
    home.restore(&["photo.png"]);
}

#[test]
fn a_scan_inside_a_pdf_is_read() {
    let Some(home) = Home::new("personal") else { return };
    home.ok(&["kit", "export", "-o", "kit.pdf", "--recovery-file", "code"]);
    let pages = home.pictures("kit.pdf", "200", "-jpeg");
    let jpeg = std::fs::read(home.path(&pages[0])).unwrap();
    // As scanners do it: the JPEG as it is, in a stream.
    let mut pdf = b"%PDF-1.4\n1 0 obj<</Type/XObject/Subtype/Image/Filter/DCTDecode/Length ".to_vec();
    pdf.extend(format!("{}>>stream\n", jpeg.len()).bytes());
    pdf.extend(&jpeg);
    pdf.extend(b"\nendstream endobj\n%%EOF");
    std::fs::write(home.path("scan.pdf"), pdf).unwrap();
    home.restore(&["scan.pdf"]);
}

#[test]
fn a_kit_as_svg_and_png_is_read_by_zbar() {
    let Some(home) = Home::new("personal") else { return };
    home.ok(&["kit", "export", "-o", "kit.svg", "--recovery-file", "code"]);
    home.ok(&["kit", "export", "-o", "kit.png", "--recovery-file", "code"]);
    home.other("rsvg-convert", &["--zoom", "2", "-o", "drawn.png", "kit.svg"]);
    for picture in ["drawn.png", "kit.png"] {
        std::fs::write(home.path("zbar.txt"), home.codes(picture).join("\n")).unwrap();
        home.restore(&["zbar.txt"]);
        home.restore(&[picture]);
    }
}

#[test]
fn a_picture_without_a_kit_is_told() {
    let Some(home) = Home::new("personal") else { return };
    home.ok(&["recovery", "sheet", "-o", "sheet.pdf", "--recovery-file", "code"]);
    let pages = home.pictures("sheet.pdf", "150", "-png");
    let ran = home.run(&["restore", "--kit", &pages[0], "--recovery-file", "code"]);
    assert_eq!(ran.status.code(), Some(4));
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(said.contains("no QR code of a kit can be read in"), "{said}");
    assert!(home.code().split('-').all(|group| !said.contains(group)), "a code that is no kit is not repeated");
}
