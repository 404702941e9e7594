//! The recovery sheet: one page with a recovery code, for whoever needs it years later, in a hurry, on another machine.

use super::command::{Line, Names};
use super::layout::{Flow, MARGIN, PALE, QUIET, ROOM, missing};
use super::newfile::{Format, Target};
use super::report::{CliError, prose, warn};
use crate::encode::base32;
use crate::factor::{in_words, recovery};
use crate::header::Keyslot;
use crate::paper::{Font, Level, Page, Qr, html, pdf, svg};
use crate::secret::CodeText;
use crate::vault::now;
use std::path::Path;
use zeroize::Zeroizing;

/// What a sheet can be written as.
pub const FORMATS: [(&str, Format); 5] =
    [("pdf", Format::Pdf), ("svg", Format::Svg), ("html", Format::Html), ("htm", Format::Html), ("txt", Format::Text)];

/// What is to be done, one thing after the other, each perhaps with commands to type.
type Steps = [(String, Option<String>); 5];

/// What a sheet says.
pub struct Sheet<'a> {
    /// Name of the vault.
    pub vault: &'a str,
    /// Fingerprint of the vault under its account key.
    pub fingerprint: &'a [u8; 32],
    /// Where the vault file is now.
    pub path: &'a Path,
    /// The keyslot that the code opens.
    pub keyslot: &'a Keyslot,
    /// The code, 47 characters.
    pub code: &'a CodeText,
}

impl Sheet<'_> {
    /// Writes the sheet, and says what to do with it.
    pub fn write(&self, target: &Target) -> Result<(), CliError> {
        target.warn_if_shared("whoever sees it there has the recovery code, which");
        let title = format!("Recovery sheet of the vault '{}'", self.vault);
        match target.format {
            Format::Text => target.write(self.text().as_bytes())?,
            Format::Svg => target.write(svg(&title, &[self.page()], None).as_bytes())?,
            Format::Html => target.write(html(&title, &[self.page()]).as_bytes())?,
            Format::Pdf | Format::Png => target.write(&pdf(&title, &[self.page()], None))?,
        }
        prose(&format!("the recovery sheet is in '{}'", target.name()));
        warn("the code is in that file: print it, then delete the file, and keep the paper apart from the vault");
        Ok(())
    }

    /// What else is needed, in words; nothing for a code that opens alone.
    fn needs(&self) -> Option<String> {
        let others: Vec<String> = {
            // This code is one of them; which of several is not known, and they read alike.
            let mut seen = false;
            let mut other = |kind: &str| kind != recovery::KIND || std::mem::replace(&mut seen, true);
            self.keyslot.factors.iter().filter(|stanza| other(&stanza.kind)).map(in_words).collect()
        };
        let more = usize::from(self.keyslot.threshold) - 1;
        match (more, others.len()) {
            (0, _) => None,
            (more, n) if more == n => Some(listed(&others, "and")),
            (1, _) => Some(listed(&others, "or")),
            (more, _) => Some(format!("{more} of these: {}", others.join(", "))),
        }
    }

    fn opens(&self) -> String {
        let needs = self.needs().map_or("this code alone".to_owned(), |needs| format!("this code and {needs}"));
        let whose = if self.keyslot.custodians() { ", for custodians" } else { "" };
        format!("keyslot '{}'{whose}: {needs}", self.keyslot.name)
    }

    /// A command that opens the vault by the code's keyslot; by any, where its name cannot be copied from this page.
    fn by_keyslot(&self, command: &str) -> Line {
        let name = &self.keyslot.name;
        let by = Line::new(command).option("--keyslot", Names::Proven.of(name));
        let shown = by.is_whole() && name.chars().all(|c| Font::Mono.has(c));
        if shown { by } else { Line::new(command) }.and("--vault=FILE")
    }

    /// Five lines that a frightened person can follow.
    fn steps(&self) -> Steps {
        if self.keyslot.custodians() { helping() } else { self.opening() }
    }

    fn opening(&self) -> Steps {
        let have = self.needs().map_or(String::new(), |needs| format!(" You also need {needs}."));
        let open = self.by_keyslot("list").text();
        [
            (
                format!(
                    "Stay calm: nothing is deleted by trying. Take any Linux computer and install twinlock {} or later.",
                    version()
                ),
                None,
            ),
            (
                format!(
                    "Bring the vault file: it was in {}. A backup or a synced copy is as good.",
                    self.path.display()
                ),
                None,
            ),
            ("Open a terminal and type, with the file's name in the place of FILE:".to_owned(), Some(open)),
            (
                format!(
                    "When it asks for the recovery code, type the code above. Small letters are fine; a wrong group is named.{have}"
                ),
                None,
            ),
            (
                "You see your items. Now make it yours again: a new password or token, and a new sheet:".to_owned(),
                Some(format!(
                    "{}\ntwinlock recovery new --sheet=new.pdf --vault=FILE",
                    self.by_keyslot("passwd").text()
                )),
            ),
        ]
    }

    fn warning(&self) -> &'static str {
        if self.keyslot.custodians() {
            "You keep this code for somebody else's vault. Keep the sheet like a key: not photographed, not mailed, and never told \
             to anybody, whoever asks. If it is lost, tell the owner: then its keyslot is wiped."
        } else if self.needs().is_none() {
            "Whoever has this code and the vault file has everything in it. Keep the sheet like a key: apart from the \
             computer, not photographed, not mailed. If it is lost, wipe its keyslot and rotate."
        } else {
            "This code is one part of what opens the vault. Keep the sheet like a key: apart from the computer and from the \
             other parts, not photographed, not mailed."
        }
    }

    fn page(&self) -> Page {
        let mut flow = Flow::new("Recovery sheet", &format!("for the vault '{}'", self.vault), &now()[..10]);
        let top = flow.y + 16.0;
        let (height, side) = (188.0, 140.0);
        flow.page.fill((MARGIN, top), (ROOM, height), PALE);
        flow.page.grey_text(
            (MARGIN + 16.0, top + 22.0),
            Font::Regular,
            9.5,
            QUIET,
            "Recovery code, read from left to right",
        );
        for (number, group) in (0u8..).zip(self.code.expose().split('-')) {
            let (column, row) = (f32::from(number % 2), f32::from(number / 2));
            let (x, y) = (MARGIN + 16.0 + 138.0 * column, top + 60.0 + 36.0 * row);
            flow.page.grey_text((x, y), Font::Regular, 9.0, QUIET, &(number + 1).to_string());
            flow.page.text((x + 14.0, y), Font::Mono, 25.0, group);
        }
        let (x, y) = (MARGIN + ROOM - side - 24.0, top + 24.0);
        flow.page.fill((x - 16.0, y - 16.0), (side + 32.0, side + 32.0), 1.0);
        // 47 characters of the alphanumeric mode always fit.
        if let Some(code) = Qr::new(self.code.expose(), Level::Quartile, 40) {
            flow.page.qr((x, y), side, code);
        }
        flow.y = top + height + 6.0;
        for (name, value) in self.facts() {
            flow.fact(name, &value);
        }
        flow.heading(self.heading());
        flow.steps(&self.steps());
        flow.y += 12.0;
        flow.paragraph(MARGIN, ROOM, (Font::Bold, 10.5), 0.0, self.warning());
        let names = [self.vault, self.keyslot.name.as_str()];
        flow.foot(&format!("The code has digits and capital letters, never I, L, O or U.{}", missing(names)));
        flow.page
    }

    fn heading(&self) -> &'static str {
        if self.keyslot.custodians() { "When your help is asked for" } else { "To get in" }
    }

    fn facts(&self) -> [(&'static str, String); 4] {
        [
            ("Vault", self.vault.to_owned()),
            ("Fingerprint", base32::fingerprint(self.fingerprint)),
            ("Opens", self.opens()),
            ("Made on", now()[..10].to_owned()),
        ]
    }

    fn text(&self) -> Zeroizing<String> {
        // At full length from the start: growing would leave copies of the code behind.
        let mut out = Zeroizing::new(String::with_capacity(16_384));
        let mut line = |text: &str| out.extend([text, "\n"]);
        line(&format!("RECOVERY SHEET for the vault '{}'\n", self.vault));
        line("Recovery code, read from left to right:\n");
        for (row, groups) in (0..).zip(self.code.expose().as_bytes().chunks(24)) {
            let groups = std::str::from_utf8(groups).unwrap_or_default().trim_end_matches('-');
            line(if row == 0 { "    groups 1 to 4" } else { "    groups 5 to 8" });
            line(&Zeroizing::new(format!("    {groups}\n")));
        }
        for (name, value) in self.facts() {
            line(&format!("{name:<12} {value}"));
        }
        line(&format!("\n{}\n", self.heading()));
        for (number, (text, command)) in (1..).zip(self.steps()) {
            line(&crate::prompt::wrap(&format!("{number}  {text}")));
            if let Some(command) = command {
                command.lines().for_each(|command| line(&format!("       {command}")));
            }
        }
        line("");
        line(&crate::prompt::wrap(self.warning()));
        out
    }
}

/// The same for a custodian, who has no vault: whoever has it asks by a text.
fn helping() -> Steps {
    [
        (
            format!(
                "Wait until somebody sends you a text that asks for your help. Take any Linux computer and install twinlock {} or \
                 later. You need no vault file.",
                version()
            ),
            None,
        ),
        (
            "Save the text as a file. Open a terminal and type, with the file's name in the place of FILE:".to_owned(),
            Some(Line::new("recovery answer FILE").text()),
        ),
        (
            "You see four words. Call whoever asks, by a number that you know already, and have them read their four words to you. \
             Only if they are the same, say yes."
                .to_owned(),
            None,
        ),
        (
            "When it asks for the recovery code, type the code above. Small letters are fine; a wrong group is named. If it asks \
             first which of several is yours: the recovery code."
                .to_owned(),
            None,
        ),
        ("Then you see a text: send it back to them. Nobody else can use it. Never send the code itself.".to_owned(), None),
    ]
}

fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// `a, b and c`.
fn listed(words: &[String], join: &str) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} {join} {last}", rest.join(", ")),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn a_custodian_is_told_to_answer() {
        let header = super::super::ways_in::tests::nasty("friends");
        let (mut keyslot, code) = (header.keyslot("friends").unwrap().clone(), CodeText::new("CODE".to_owned().into()));
        keyslot.extra.insert("custodians".into(), true.into());
        let path = Path::new("/home/ada/vault.twinlock");
        let sheet = Sheet { vault: "v", fingerprint: &[0; 32], path, keyslot: &keyslot, code: &code };
        let text = sheet.text();
        assert!(text.contains("keyslot 'friends', for custodians: "), "{}", *text);
        assert!(text.contains("\nWhen your help is asked for\n\n1  Wait until somebody sends you a text"), "{}", *text);
        let (_, commands) = text.split_once("1  Wait").unwrap();
        let commands: Vec<&str> = commands.lines().filter(|line| line.trim_start().starts_with("twinlock")).collect();
        assert_eq!(commands, ["       twinlock recovery answer FILE"]);
        assert!(!text.contains("/home/ada"), "there is no vault where it is read");
    }

    /// The commands on the sheet of a keyslot of that name.
    pub fn commands(name: &str) -> Vec<String> {
        let header = super::super::ways_in::tests::nasty(name);
        let (keyslot, code) = (header.keyslot(name).unwrap(), CodeText::new("CODE".to_owned().into()));
        let sheet = Sheet { vault: "v", fingerprint: &[0; 32], path: Path::new("v"), keyslot, code: &code };
        let steps = sheet.steps();
        let commands = steps.iter().filter_map(|(_, command)| command.as_deref());
        commands.flat_map(str::lines).map(str::to_owned).collect()
    }
}
