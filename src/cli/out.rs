//! stdout: data and nothing else. A reader that goes away early (`| head`) ends the program quietly.

use super::report::CliError;
use serde::Serialize;
use std::io::{IsTerminal, Write};
use zeroize::Zeroizing;

/// Whether a person looks at stdout.
pub fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Writes a line of data.
pub fn line(text: &str) -> Result<(), CliError> {
    bytes(format!("{text}\n").as_bytes())
}

/// Writes a secret as a line; the copy that is written from is erased.
pub fn secret_line(text: &str) -> Result<(), CliError> {
    let mut copy = Zeroizing::new(Vec::with_capacity(text.len() + 1));
    copy.extend_from_slice(text.as_bytes());
    copy.push(b'\n');
    bytes(&copy)
}

/// Writes one JSON value, indented, and a newline.
pub fn json<T: Serialize>(value: &T) -> Result<(), CliError> {
    let mut text = Zeroizing::new(Vec::new());
    serde_json::to_writer_pretty(&mut *text, value).map_err(|error| CliError::Stdout(error.into()))?;
    text.push(b'\n');
    bytes(&text)
}

/// Writes bytes as they are. Straight to the file, past the buffer of `std::io::stdout`, which would keep a copy.
pub fn bytes(mut data: &[u8]) -> Result<(), CliError> {
    std::io::stdout().flush().map_err(CliError::Stdout)?;
    while !data.is_empty() {
        match rustix::io::write(std::io::stdout(), data) {
            Ok(count) => data = &data[count..],
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::PIPE) => return Err(CliError::ReaderGone),
            Err(error) => return Err(CliError::Stdout(error.into())),
        }
    }
    Ok(())
}

/// Columns: each as wide as its widest cell, two spaces between, the last one not padded.
pub fn table(rows: &[Vec<String>]) -> Result<(), CliError> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    bytes(if is_terminal() { clean(&text) } else { text }.as_bytes())
}

/// The text without what would drive a terminal or turn its direction round: a name or a value may have been written by
/// anybody. Line ends and tabs stay.
pub fn clean(text: &str) -> String {
    let harmful = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    text.replace(harmful, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_drives_a_terminal_is_taken_out() {
        assert_eq!(super::clean("a\x1b[2J\u{9b}1m\u{202e}b\tc\nd"), "a\u{fffd}[2J\u{fffd}1m\u{fffd}b\tc\nd");
    }
}
