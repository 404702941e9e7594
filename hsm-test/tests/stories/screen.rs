//! What a person sees at the end of all that a program wrote to a terminal.

/// The lines of the screen, without blanks at their ends; as much of a terminal as the program uses: CR, LF, backspace, erasing a line's
/// end, and colours, which are left out.
pub fn lines(written: &str) -> Vec<String> {
    let mut lines = vec![Vec::new()];
    let mut column = 0usize;
    let mut rest = written.chars();
    while let Some(c) = rest.next() {
        let last = lines.len() - 1;
        let line: &mut Vec<char> = &mut lines[last];
        match c {
            '\r' => column = 0,
            '\n' => {
                lines.push(Vec::new());
                column = 0;
            }
            '\u{8}' => column = column.saturating_sub(1),
            '\u{7}' => {}
            '\u{1b}' => {
                let end = rest.by_ref().find(char::is_ascii_alphabetic);
                match end {
                    Some('K') => line.truncate(column),
                    Some('m') => {}
                    other => panic!("the screen of these tests does not know ESC … {other:?}"),
                }
            }
            c => {
                line.resize(line.len().max(column), ' ');
                line.splice(column..line.len().min(column + 1), [c]);
                column += 1;
            }
        }
    }
    let mut lines: Vec<String> = lines.into_iter().map(|line| String::from_iter(line).trim_end().to_owned()).collect();
    while lines.pop_if(|last| last.is_empty()).is_some() {}
    lines
}

#[test]
fn what_was_written_over_is_gone() {
    assert_eq!(lines("a b \r\nc"), ["a b", "c"]);
    assert_eq!(lines("group 1 of 8: AB\r\x1b[Kgroup 2\r\x1b[K\r\ndone\r\n"), ["", "done"]);
    assert_eq!(lines("no\u{8} \u{8}"), ["n"]);
    assert_eq!(lines("abc\rX"), ["Xbc"]);
    assert_eq!(lines("\x1b[38;5;231mwhite\x1b[0m"), ["white"]);
}
