//! `twinlock kit`

mod page;
mod show;

use super::command::{Line, Value};
use super::newfile::{Format, Target};
use super::report::{CliError, prose};
use super::sentence::Sentence;
use super::session::Session;
use crate::encode::base32;
use crate::header::KitHeader;
use crate::kit::parts;
use crate::paper::{Level, chars_that_fit};
use crate::vault::Vault;
use page::KitPages;
use std::path::PathBuf;

/// Size of a code on paper: version 15 has 77 modules a side, 0.9 mm each as it is printed. Larger ones were not read from every photo.
const VERSION: u8 = 15;
/// What a kit can be written as.
const FORMATS: [(&str, Format); 4] =
    [("pdf", Format::Pdf), ("svg", Format::Svg), ("png", Format::Png), ("txt", Format::Text)];

/// The kit: the encrypted account key on paper, to set up another machine or mend a header
///
/// It is the vault's header as QR codes and text. It opens by the same factors as the vault, and holds no items.
#[derive(clap::Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Write the kit to a new file: .pdf, .svg, .png or .txt
    Export {
        /// The file to make; never one that is there
        #[arg(long, short, value_name = "FILE")]
        #[cfg_attr(feature = "keychain", arg(required_unless_present = "keychain"))]
        #[cfg_attr(not(feature = "keychain"), arg(required = true))]
        output: Option<PathBuf>,
        /// Put the kit into the system's keychain, in the place of an older one
        #[cfg(feature = "keychain")]
        #[arg(long)]
        keychain: bool,
        #[command(flatten)]
        which: Which,
    },
    Show(show::Args),
}

// Not a doc comment: that would be the help of the command that these options are put into.
// Which keyslots go into a kit.
#[derive(clap::Args)]
pub struct Which {
    /// This keyslot only; may be repeated [default: the whole header]
    #[arg(long = "only", value_name = "KEYSLOT")]
    only: Vec<String>,
}

impl Command {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        match self {
            Self::Show(args) => args.run(session),
            Self::Export {
                output,
                #[cfg(feature = "keychain")]
                keychain,
                which,
            } => {
                let target = output.map(|output| Target::new(&output, &FORMATS)).transpose()?;
                let (vault, text) = which.text(session)?;
                #[cfg(feature = "keychain")]
                if keychain {
                    let parts = split(&text, chars_that_fit(Level::Medium, VERSION))?;
                    super::keychain::store(vault.header(), &parts.join("\n"))?;
                    prose("put the kit into the system's keychain");
                }
                let Some(target) = target else { return Ok(()) };
                let pages = KitPages::new(&vault, &text, split(&text, chars_that_fit(Level::Medium, VERSION))?)?;
                target.warn_if_shared("the encrypted account key");
                pages.write(&target)?;
                prose(&format!("wrote the kit of {} to '{}'", pages.what(), target.name()));
                prose(&format!("fingerprint {}", base32::fingerprint(&vault.mark().fingerprint)));
                let prove = Line::new("restore").option("--kit", Value::file(&target.name()));
                Sentence::with("prove it", prove).say("");
                Ok(())
            }
        }
    }
}

impl Which {
    /// The vault, and the header text of its kit. It is opened first: a kit of a header that somebody altered would be found
    /// out on the day it is needed.
    fn text(&self, session: &mut Session) -> Result<(Vault, Vec<u8>), CliError> {
        let mut vault = session.unlock()?;
        let text = vault.kit(&self.only)?;
        KitHeader::parse(&text)?;
        Ok((vault, text))
    }
}

/// The text in parts of so many characters.
fn split(text: &[u8], chars: usize) -> Result<Vec<String>, CliError> {
    parts(text, chars).ok_or_else(|| CliError::Plain {
        message: "the header is too long for a kit of 255 codes of that size".into(),
        hint: "choose the keyslots that you need with --only NAME".into(),
        code: super::report::FIXABLE,
    })
}
