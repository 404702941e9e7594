//! How far long work is: one line on a terminal, written over as it goes. Nothing anywhere else.

use std::io::{self, IsTerminal, Write};

/// Cells of the bar.
const WIDTH: usize = 24;

/// A line on the terminal; gone when dropped.
pub struct Bar {
    shown: Option<String>,
    terminal: bool,
}

impl Bar {
    /// Nothing is shown yet; nothing ever where lines are written once.
    pub fn new(plain: bool) -> Self {
        let plain = plain || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { shown: None, terminal: io::stderr().is_terminal() && !plain }
    }

    /// Shows it, if it looks otherwise than before.
    pub fn show(&mut self, what: &str, done: u64, total: u64) {
        if !self.terminal {
            return;
        }
        let text = line(what, done, total);
        if self.shown.as_ref() != Some(&text) {
            // The terminal may be gone; the work goes on.
            let _ = write!(io::stderr(), "\r{text}\x1b[K");
            self.shown = Some(text);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// `[######                  ]  25 % sealing anew`
fn line(what: &str, done: u64, total: u64) -> String {
    let percent = (done.min(total) * 100).checked_div(total).unwrap_or(100);
    let full = usize::try_from(percent).unwrap_or(100) * WIDTH / 100;
    format!("[{}{}] {percent:3} % {what}", "#".repeat(full), " ".repeat(WIDTH - full))
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_bar_fits_a_line_and_reaches_its_end() {
        assert_eq!(line("writing", 0, 8), "[                        ]   0 % writing");
        assert_eq!(line("writing", 2, 8), "[######                  ]  25 % writing");
        assert_eq!(line("writing", 9, 8), "[########################] 100 % writing");
        assert_eq!(line("writing", 0, 0), "[########################] 100 % writing");
    }
}
