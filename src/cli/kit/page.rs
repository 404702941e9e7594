//! A kit on paper.

use crate::cli::layout::{BOTTOM, Flow, MARGIN, QUIET, ROOM, missing};
use crate::cli::newfile::{Format, Target};
use crate::cli::report::{CliError, count};
use crate::encode::base32;
use crate::factor::ways;
use crate::header::{Header, HeaderError, KitHeader};
use crate::paper::{Attachment, Font, Level, Page, Qr, pdf, png, svg};
use crate::prompt::wrap;
use crate::vault::{Vault, now};

/// Points of a code's side.
const SIDE: f32 = 206.0;
/// From one code's top to the next one's.
const STEP: f32 = SIDE + 34.0;
/// Characters of a part in a line.
const LINE: usize = 64;

/// What a kit says, and its parts.
pub struct KitPages {
    vault: String,
    facts: Vec<(String, String)>,
    parts: Vec<String>,
    of: Option<usize>,
    count: usize,
}

impl KitPages {
    /// Of a kit's header text.
    pub fn new(vault: &Vault, text: &[u8], parts: Vec<String>) -> Result<Self, HeaderError> {
        let kit = KitHeader::parse(text)?;
        let header = kit.header();
        Ok(Self {
            vault: header.name.clone(),
            facts: facts(header, &vault.mark().fingerprint),
            parts,
            of: kit.of,
            count: header.keyslots.len(),
        })
    }

    /// `the vault 'personal'`, `1 of 3 keyslots of the vault 'personal'`.
    pub fn what(&self) -> String {
        let vault = format!("the vault '{}'", self.vault);
        self.of.map_or(vault.clone(), |of| format!("{} of {} of {vault}", self.count, count(of as u64, "keyslot")))
    }

    /// Writes it.
    pub fn write(&self, target: &Target) -> Result<(), CliError> {
        let title = format!("Kit of the vault '{}'", self.vault);
        match target.format {
            Format::Text => target.write(self.text().as_bytes()),
            Format::Png => target.write(&png(&self.codes())),
            Format::Svg => target.write(svg(&title, &self.pages(), Some(&self.parts.join("\n"))).as_bytes()),
            Format::Pdf | Format::Html => {
                let attachment = Attachment { name: "kit.txt", text: &self.text() };
                target.write(&pdf(&title, &self.pages(), Some(&attachment)))
            }
        }
    }

    fn codes(&self) -> Vec<Qr> {
        // The parts were cut for codes smaller than this.
        self.parts.iter().filter_map(|part| Qr::new(part, Level::Medium, 40)).collect()
    }

    fn about(&self) -> String {
        let codes = match self.parts.len() {
            1 => "The code below holds".to_owned(),
            n => format!("The {n} codes below, in any order, hold"),
        };
        let part = self.of.map_or("", |_| ", by some of its keyslots");
        format!(
            "{codes} the encrypted account key of this vault{part}. It opens only by the factors that are listed here, and holds no items."
        )
    }

    fn steps() -> [(String, Option<String>); 3] {
        [
            (
                format!(
                    "On the new computer install twinlock {} or later, and bring the vault file.",
                    env!("CARGO_PKG_VERSION")
                ),
                None,
            ),
            (
                "Photograph or scan the codes, or take the file that this was printed from:".to_owned(),
                Some("twinlock restore --kit PHOTO.jpg --vault FILE".to_owned()),
            ),
            (
                "It asks for your factors, holds the kit against the vault, and mends a lost or damaged header."
                    .to_owned(),
                None,
            ),
        ]
    }

    const OLD: &'static str = "After a change of password or keyslots make a new kit, and destroy this one: it still opens by the old \
                               password, until 'twinlock rotate'.";

    fn pages(&self) -> Vec<Page> {
        let date = &now()[..10];
        let mut flow = Flow::new("Kit", &format!("of the vault '{}'", self.vault), date);
        flow.y += 6.0;
        flow.paragraph(MARGIN, ROOM, (Font::Regular, 11.0), 0.0, &self.about());
        flow.y += 4.0;
        self.facts.iter().for_each(|(name, value)| flow.fact(name, value));
        flow.heading("To use it");
        flow.steps(&Self::steps());
        flow.y += 10.0;
        flow.paragraph(MARGIN, ROOM, (Font::Bold, 10.5), 0.0, Self::OLD);
        let mut pages = Vec::new();
        let mut top = flow.y + 34.0;
        for (at, qr) in self.codes().into_iter().enumerate() {
            let column = at % 2;
            if column == 0 && at > 0 {
                top += STEP;
            }
            if column == 0 && top + SIDE > BOTTOM - 14.0 {
                pages.push(self.footed(std::mem::replace(
                    &mut flow,
                    Flow::new("Kit", &format!("of the vault '{}'", self.vault), date),
                )));
                top = flow.y + 40.0;
            }
            let x = if column == 0 { MARGIN } else { MARGIN + ROOM - SIDE };
            flow.page.grey_text(
                (x, top - 12.0),
                Font::Regular,
                9.5,
                QUIET,
                &format!("{} of {}", at + 1, self.parts.len()),
            );
            flow.page.qr((x, top), SIDE, qr);
            flow.y = top + SIDE;
        }
        self.write_parts(&mut flow, &mut pages, date);
        pages.push(self.footed(flow));
        pages
    }

    /// The parts as text, for a day on which no camera reads the codes.
    fn write_parts(&self, flow: &mut Flow, pages: &mut Vec<Page>, date: &str) {
        let size = 8.5;
        flow.y += 16.0;
        for (number, part) in (1..).zip(&self.parts) {
            let lines = lines(part);
            let high = 12.0 * f32::from(u16::try_from(lines.len() + 2).unwrap_or(u16::MAX));
            if flow.y + high > BOTTOM - 14.0 {
                let next = Flow::new("Kit", &format!("of the vault '{}', as text", self.vault), date);
                pages.push(self.footed(std::mem::replace(flow, next)));
            }
            flow.y += 8.0;
            flow.paragraph(
                MARGIN,
                ROOM,
                (Font::Regular, 9.5),
                QUIET,
                &format!("{number} of {} as text", self.parts.len()),
            );
            for line in lines {
                flow.paragraph(MARGIN, ROOM, (Font::Mono, size), 0.0, line);
            }
        }
    }

    fn footed(&self, mut flow: Flow) -> Page {
        let names = self.facts.iter().map(|(_, value)| value.as_str()).chain([self.vault.as_str()]);
        flow.foot(&format!("Nothing on this page is secret by itself.{}", missing(names)));
        flow.page
    }

    fn text(&self) -> String {
        let about = self.about().replace("code below holds", "part below holds").replace("codes below", "parts below");
        let mut out = vec![format!("KIT of the vault '{}'\n", self.vault), wrap(&about), String::new()];
        let made = ("Made on".to_owned(), now()[..10].to_owned());
        out.extend(self.facts.iter().chain([&made]).map(|(name, value)| format!("{name:<12} {value}")));
        out.push("\nTo use it\n".to_owned());
        for (number, (text, command)) in (1..).zip(Self::steps()) {
            out.push(wrap(&format!("{number}  {text}")));
            out.extend(command.map(|command| format!("       {command}")));
        }
        out.extend([String::new(), wrap(Self::OLD)]);
        out.extend(self.parts.iter().map(|part| format!("\n{}", lines(part).join("\n"))));
        out.join("\n") + "\n"
    }
}

fn lines(part: &str) -> Vec<&str> {
    // A part is ASCII.
    part.as_bytes().chunks(LINE).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect()
}

fn facts(header: &Header, fingerprint: &[u8; 32]) -> Vec<(String, String)> {
    let mut facts = vec![
        ("Fingerprint".to_owned(), base32::fingerprint(fingerprint)),
        ("State".to_owned(), format!("epoch {}, header generation {}", header.epoch, header.generation)),
    ];
    for (at, slot) in header.keyslots.iter().enumerate() {
        let name = if at == 0 { "Opens with" } else { "" };
        facts.push((name.to_owned(), format!("{}  ({})", ways(slot), slot.name)));
    }
    facts
}
