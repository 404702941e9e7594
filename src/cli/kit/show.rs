//! `twinlock kit show`

use super::{Which, split};
use crate::cli::out;
use crate::cli::qr::{BESIDE, Background, colours, room};
use crate::cli::report::{CliError, FIXABLE, prose};
use crate::cli::session::Session;
use crate::kit::parts;
use crate::paper::{Blocks, Level, Qr, chars_that_fit};

/// The smallest code that is worth it: below, a kit would be dozens of them.
const LEAST: u8 = 4;

/// Draw the kit on the terminal, for another machine's camera
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// The terminal's background, where NO_COLOR says to draw without colours
    #[arg(long, value_name = "SHADE", default_value = "dark")]
    background: Background,
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let room = room();
        let Some(version) = room.version().filter(|version| *version >= LEAST) else { return Err(too_small(room)) };
        let (_, text) = self.which.text(session)?;
        let parts = split(&text, chars_that_fit(Level::Low, version))?;
        let colours = colours(self.background);
        if parts.len() > 1 {
            prose(&in_parts(parts.len(), &text));
        }
        for (number, part) in (1..).zip(&parts) {
            // Never too long: it was cut for a code of this size.
            let Some(code) = Qr::new(part, Level::Low, version) else { continue };
            prose(&format!("code {number} of {}", parts.len()));
            out::bytes(code.blocks(colours).as_bytes())?;
            if number < parts.len() && session.interactive() && out::is_terminal() {
                session.prompt.line("Enter for the next one")?;
            }
        }
        Ok(())
    }
}

/// Why there are several, and how there would be fewer.
fn in_parts(count: usize, text: &[u8]) -> String {
    let one = (LEAST..=40)
        .find(|version| parts(text, chars_that_fit(Level::Low, *version)).is_some_and(|parts| parts.len() == 1));
    let Some(one) = one else { return format!("{count} codes, in any order") };
    let columns = 17 + 4 * usize::from(one) + 4;
    format!(
        "{count} codes, in any order. A window of {columns} columns and {} lines shows it in one (a smaller font helps); so does \
         'twinlock kit export -o kit.png'",
        columns.div_ceil(2) + BESIDE
    )
}

fn too_small(room: Blocks) -> CliError {
    CliError::Plain {
        message: format!(
            "this window is too small for a code: {} columns, {} lines",
            room.columns,
            room.lines + BESIDE
        ),
        hint: "make it 80 columns and 24 lines or larger, or use 'twinlock kit export -o kit.png'".into(),
        code: FIXABLE,
    }
}
