//! stdout: data and nothing else. A reader that goes away early (`| head`) ends the program quietly.

use super::report::CliError;
use crate::encode::terminal;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use zeroize::Zeroizing;

/// Whether a person looks at stdout.
pub fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Columns of the terminal that stdout is: 80 where it does not say, 100 at most, since nobody reads longer lines.
pub fn columns() -> usize {
    match rustix::termios::tcgetwinsize(std::io::stdout()) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col).min(100),
        _ => 80,
    }
}

/// Columns and lines of the terminal that stdout is, if it is one: 80 and 24 where it does not say.
pub fn size() -> Option<(usize, usize)> {
    let said = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
    is_terminal().then(|| match said {
        Some(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => (80, 24),
    })
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
    match std::str::from_utf8(&text) {
        Ok(text) if is_terminal() => bytes(harmless_json(text).as_bytes()),
        _ => bytes(&text),
    }
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

/// The text without what would drive a terminal or turn its direction round. Line ends and tabs stay.
pub fn clean(text: &str) -> String {
    terminal::clean(text, &['\n', '\t'])
}

/// JSON that means the same, with what would drive a terminal (only strings can hold such) as `\uXXXX`. The new text is
/// in one buffer that never grows, so that no copy of a secret stays behind.
fn harmless_json(text: &str) -> Zeroizing<String> {
    let steers = |c: char| c != '\n' && terminal::steers(c);
    let more: usize = text.chars().filter(|c| steers(*c)).map(|c| 6 * c.len_utf16()).sum();
    let mut out = Zeroizing::new(String::with_capacity(text.len() + more));
    for c in text.chars() {
        if steers(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_drives_a_terminal_is_taken_out() {
        assert_eq!(super::clean("a\x1b[2J\u{9b}1m\u{202e}b\tc\nd"), "a\u{fffd}[2J\u{fffd}1m\u{fffd}b\tc\nd");
    }

    #[test]
    fn json_for_a_terminal_means_the_same() {
        let value = serde_json::json!({ "a\u{202e}b": ["\u{1b}[2J\u{9b}1m\u{7f}", "\u{feff}\u{e0041}\n\t\u{e9}"] });
        let text = serde_json::to_string_pretty(&value).unwrap();
        let shown = super::harmless_json(&text);
        assert!(!shown.chars().any(|c| c != '\n' && crate::encode::terminal::steers(c)), "{}", *shown);
        assert!(shown.contains("\\u202e") && shown.contains("\\u009b1m") && shown.contains('\u{e9}'), "{}", *shown);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
