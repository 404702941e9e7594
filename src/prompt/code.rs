//! What is shown while a recovery code is typed.
//!
//! Forty characters typed blind are hardly ever right, and shown whole they can be read or photographed over a shoulder. So
//! one group is shown at a time, the one being typed; a finished group that does not fit its check is named at once; the line
//! is taken off the screen at the end, and is short enough never to wrap into a second one that would stay.

use crate::encode::crockford::{GROUP, GROUPS, group_fits, is_separator};
use zeroize::Zeroizing;

/// Bytes of the longest line of progress, so that the buffer never grows.
const CAPACITY: usize = 128;
/// Said when more is typed than a code has.
const TOO_LONG: &str = "that is more than the 8 groups of a code";

/// The group being typed and the groups that are mistyped.
pub(super) fn progress(typed: &str) -> Zeroizing<String> {
    let mut code = Zeroizing::new(Vec::with_capacity(typed.len()));
    code.extend(typed.chars().filter(|c| !is_separator(*c)).map(|c| c.to_ascii_uppercase()));
    let mut line = Zeroizing::new(String::with_capacity(CAPACITY));
    if code.len() > GROUPS * GROUP {
        line.push_str(TOO_LONG);
        return line;
    }
    let mut wrong = String::new();
    for (number, group) in code.chunks_exact(GROUP).enumerate() {
        let mut text = Zeroizing::new(String::with_capacity(GROUP * 4));
        text.extend(group);
        if !group_fits(number, &text) {
            wrong.extend([" ", &(number + 1).to_string()]);
        }
    }
    let number = code.len().div_ceil(GROUP).max(1);
    line.extend(["group ", &number.to_string(), " of ", &GROUPS.to_string(), ": "]);
    line.extend(code.chunks(GROUP).last().unwrap_or_default());
    if !wrong.is_empty() {
        line.extend(["   (mistyped:", &wrong, ")"]);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_group_at_a_time() {
        let cases = [
            ("", "group 1 of 8: "),
            ("00", "group 1 of 8: 00"),
            ("00000", "group 1 of 8: 00000"),
            ("00000-", "group 1 of 8: 00000"),
            ("00000-a", "group 2 of 8: A"),
            ("00000 00002", "group 2 of 8: 00002   (mistyped: 2)"),
            ("0000100001 0", "group 3 of 8: 0   (mistyped: 1)"),
            ("00000-00001-00002-00003-00004-00005-00006-00007", "group 8 of 8: 00007"),
            ("00000-00001-00002-00003-00004-00005-00006-000070", TOO_LONG),
        ];
        for (typed, expected) in cases {
            assert_eq!(*progress(typed), expected, "{typed}");
        }
    }

    #[test]
    fn the_line_never_wraps_and_its_buffer_never_grows() {
        let long = progress(&"\u{1f600}".repeat(40));
        assert!(long.chars().count() <= 60, "{}", *long);
        assert_eq!(long.capacity(), CAPACITY);
        assert_eq!(*progress(&"x".repeat(1024)), TOO_LONG);
    }
}
