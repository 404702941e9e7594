//! Names and values for a person's eyes: the names in one column, the values in another, lines that fit the terminal.
//!
//! What a person copies stays in one piece: a line break of ours inside an address or a password would be copied with it.

use crate::encode::terminal::steers;
use zeroize::Zeroizing;

/// Columns of the longest name that has its value beside it. The value of a longer one is below it.
const NAME: usize = 24;
/// Columns between names and values, as in tables.
const GAP: usize = 2;
/// Columns from one tab stop to the next, counted from where the values begin.
const TAB: usize = 8;
/// What a line is broken at.
const BLANK: [char; 2] = [' ', '\t'];

/// A name with its value.
pub struct Row<'a> {
    /// On one line, whatever is in it.
    pub name: &'a str,
    /// May have several lines.
    pub value: &'a str,
    /// The value is for copying: where it does not fit beside its name, it begins in the first column, and only the terminal
    /// breaks it. A value without a blank in it is treated so in any case.
    pub whole: bool,
}

/// The rows for a terminal of so many columns, without what would drive it. The text may be secret: it is in one buffer
/// that is measured first and never grows.
pub fn lay_out(rows: &[Row<'_>], columns: usize) -> Zeroizing<String> {
    let mut size = 0;
    Page { put: &mut |c| size += c.len_utf8(), column: 0 }.rows(rows, columns);
    let mut text = Zeroizing::new(String::with_capacity(size));
    Page { put: &mut |c| text.push(c), column: 0 }.rows(rows, columns);
    text
}

/// Where the characters go, one after the other.
struct Page<'a> {
    put: &'a mut dyn FnMut(char),
    /// Characters on this line so far.
    column: usize,
}

impl Page<'_> {
    fn rows(&mut self, rows: &[Row<'_>], columns: usize) {
        let names = rows.iter().map(|row| width(row.name)).filter(|name| *name <= NAME).max().unwrap_or(0);
        let indent = names + GAP;
        // A terminal too narrow for two columns breaks the lines itself.
        let room = columns.saturating_sub(indent).max(NAME);
        for row in rows {
            self.text(row.name, &[]);
            if width(row.name) > NAME {
                self.end();
            }
            if row.whole || !row.value.contains(char::is_whitespace) {
                self.whole(row.value, indent, room);
            } else {
                for line in row.value.lines() {
                    self.wrapped(line, indent, room);
                    self.end();
                }
            }
        }
    }

    /// A value that only the terminal may break.
    fn whole(&mut self, value: &str, indent: usize, room: usize) {
        if !value.contains('\n') && width(value) <= room {
            self.fill(if value.is_empty() { 0 } else { indent });
        } else if self.column > 0 {
            self.end();
        }
        self.text(value, &['\n', '\t']);
        self.end();
    }

    /// One line of a value, broken before the word that does not fit; the lines that follow begin below its first word.
    fn wrapped(&mut self, line: &str, indent: usize, room: usize) {
        let (mut at, mut hang) = (0, None);
        let mut rest = line.trim_end_matches(BLANK);
        while !rest.is_empty() {
            let word = rest.trim_start_matches(BLANK);
            for blank in rest[..rest.len() - word.len()].chars() {
                at = if blank == '\t' { (at / TAB + 1) * TAB } else { at + 1 };
            }
            let (word, after) = word.split_at(word.find(BLANK).unwrap_or(word.len()));
            match hang {
                // Far to the right there would be no room.
                None => hang = Some(if at <= room / 2 { at } else { 0 }),
                Some(hang) if at + width(word) > room => {
                    self.end();
                    at = hang;
                }
                Some(_) => {}
            }
            self.fill(indent + at);
            self.text(word, &[]);
            at += width(word);
            rest = after;
        }
    }

    /// Text as it is, but for what steers the terminal.
    fn text(&mut self, text: &str, keep: &[char]) {
        for c in text.chars() {
            (self.put)(if steers(c) && !keep.contains(&c) { '\u{fffd}' } else { c });
            self.column += 1;
        }
    }

    /// Spaces up to a column.
    fn fill(&mut self, column: usize) {
        while self.column < column {
            (self.put)(' ');
            self.column += 1;
        }
    }

    fn end(&mut self) {
        (self.put)('\n');
        self.column = 0;
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(rows: &[(&str, &str)], whole: bool, columns: usize) -> String {
        let rows: Vec<_> = rows.iter().map(|(name, value)| Row { name, value, whole }).collect();
        let text = lay_out(&rows, columns);
        assert_eq!(text.capacity(), text.len(), "measured, so that it never moves");
        text.to_string()
    }

    #[test]
    fn values_are_in_a_column() {
        let rows =
            [("name", "bank"), ("pin of the card", "4711"), ("empty", ""), ("a name of 25 characters..", "below")];
        let expected = "\
name             bank
pin of the card  4711
empty
a name of 25 characters..
                 below
";
        assert_eq!(page(&rows, false, 80), expected);
        assert_eq!(page(&rows, true, 80), expected);
    }

    #[test]
    fn lines_are_broken_between_words_and_keep_their_shape() {
        let notes = "one two three four five six seven\n\n  - eight nine ten eleven twelve\r\na\tb\n\tc  d \nend\n";
        let expected = "\
notes  one two three four five
       six seven

         - eight nine ten
         eleven twelve
       a       b
               c  d
       end
";
        assert_eq!(page(&[("notes", notes)], false, 31), expected);
        let shifted = format!("{}word and another", " ".repeat(15));
        assert_eq!(
            page(&[("notes", &shifted)], false, 31),
            "notes                 word and\n       another\n",
            "there is room again"
        );
    }

    #[test]
    fn a_line_that_fits_exactly_is_not_broken() {
        let line = "x".repeat(12) + " " + &"y".repeat(11);
        assert_eq!(page(&[("n", &line)], false, 27), format!("n  {line}\n"));
        let (first, second) = line.split_once(' ').unwrap();
        assert_eq!(page(&[("n", &format!("{line}y"))], false, 27), format!("n  {first}\n   {second}y\n"));
    }

    #[test]
    fn what_is_copied_stays_in_one_piece() {
        let long = "x".repeat(90);
        for whole in [true, false] {
            assert_eq!(page(&[("url", &long)], whole, 80), format!("url\n{long}\n"), "{whole}");
        }
        let phrase = "four words ".repeat(9);
        assert_eq!(page(&[("password", &phrase)], true, 80), format!("password\n{phrase}\n"));
        assert_eq!(page(&[("key", "-----BEGIN\n\tabc")], true, 80), "key\n-----BEGIN\n\tabc\n");
        assert_eq!(page(&[("a name of 25 characters..", "1\n2")], true, 80), "a name of 25 characters..\n1\n2\n");
        let inside = format!("see {long} and more");
        assert_eq!(page(&[("notes", &inside)], false, 80), format!("notes  see\n       {long}\n       and more\n"));
    }

    #[test]
    fn nothing_drives_the_terminal_or_looks_like_another_row() {
        let rows = [("a\nb", "1\u{1b}[2J\u{202e}"), ("notes", "x\nupdated  never")];
        assert_eq!(page(&rows, false, 80), "a\u{fffd}b    1\u{fffd}[2J\u{fffd}\nnotes  x\n       updated  never\n");
    }
}
