//! QR codes on the terminal, for another machine's camera.

use super::out;
use crate::paper::{Blocks, Colours};

/// What a pipe is taken for: wide and high enough for one code in most cases.
const PIPE: Blocks = Blocks { columns: 80, lines: 40 };
/// Lines of a window that the code does not get: its number, and what is asked below.
pub const BESIDE: usize = 2;

/// The terminal's background, where it is not drawn in colours.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Background {
    Dark,
    Light,
}

/// What of the window a code may take.
pub fn room() -> Blocks {
    out::size().map_or(PIPE, |(columns, lines)| Blocks { columns, lines: lines.saturating_sub(BESIDE) })
}

/// How dark and light are drawn.
pub fn colours(background: Background) -> Colours {
    let coloured = out::is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
    match (coloured, background) {
        (true, _) => Colours::Said,
        (false, Background::Dark) => Colours::DarkBackground,
        (false, Background::Light) => Colours::LightBackground,
    }
}
