//! What is shown while a recovery code is typed.
//!
//! Forty characters typed blind are hardly ever right, and shown whole they can be read or photographed over a shoulder. So
//! one group is shown at a time, the one being typed; a finished group that does not fit its check is named at once; the line
//! is taken off the screen at the end, and is short enough never to wrap into a second one that would stay.

use crate::encode::crockford::{CHARS, GROUP, GROUPS, group_fits, is_separator};
use zeroize::Zeroizing;

/// Bytes of the longest line of progress, so that the buffer never grows.
const CAPACITY: usize = 128;
/// Said when more is typed than a code has.
const TOO_LONG: &str = "that is more than the 8 groups of a code";
/// Said to Enter amid a group.
const SHORT: &str = "it has 5 characters";

/// What Enter means while a code is typed: whoever copies from paper by groups presses it after each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Enter {
    /// Nothing was typed, or all of it.
    Done,
    /// A group is whole: on to the next one.
    Next,
    /// Amid a group, which has so many characters now.
    Short(usize),
}

/// What Enter means now.
pub(super) fn enter(typed: &str) -> Enter {
    let count = typed.chars().filter(|c| !is_separator(*c)).count();
    match count % GROUP {
        _ if typed.is_empty() || count >= CHARS => Enter::Done,
        0 => Enter::Next,
        rest => Enter::Short(rest),
    }
}

/// Which group is being typed, its characters if they may be seen, and the groups that are mistyped. `short`: Enter came before the
/// group was whole.
pub(super) fn progress(typed: &str, seen: bool, short: bool) -> Zeroizing<String> {
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
    // Behind a separator the next group begins, of which nothing is there yet.
    let whole = code.len().is_multiple_of(GROUP) && typed.ends_with(is_separator);
    let number = if whole { code.len() / GROUP + 1 } else { code.len().div_ceil(GROUP).max(1) };
    line.extend(["group ", &number.min(GROUPS).to_string(), " of ", &GROUPS.to_string(), ": "]);
    if seen && (!whole || number > GROUPS) {
        line.extend(code.chunks(GROUP).last().unwrap_or_default());
    }
    let short = if short { SHORT } else { "" };
    let mistyped = if wrong.is_empty() { "" } else { "mistyped:" };
    let between = if short.is_empty() || wrong.is_empty() { "" } else { "; " };
    if !(short.is_empty() && wrong.is_empty()) {
        line.extend(["   (", short, between, mistyped, &wrong, ")"]);
    }
    // Where the group is not seen, what follows is typed right behind the remark.
    if !seen && line.ends_with(')') {
        line.push(' ');
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
            ("00000-", "group 2 of 8: "),
            ("-", "group 1 of 8: "),
            ("0000 ", "group 1 of 8: 0000"),
            ("00000 00002 ", "group 3 of 8:    (mistyped: 2)"),
            ("00000-a", "group 2 of 8: A"),
            ("00000 00002", "group 2 of 8: 00002   (mistyped: 2)"),
            ("0000100001 0", "group 3 of 8: 0   (mistyped: 1)"),
            ("00000-00001-00002-00003-00004-00005-00006-00007", "group 8 of 8: 00007"),
            ("00000-00001-00002-00003-00004-00005-00006-00007-", "group 8 of 8: 00007"),
            ("00000-00001-00002-00003-00004-00005-00006-000070", TOO_LONG),
        ];
        for (typed, expected) in cases {
            assert_eq!(*progress(typed, true, false), expected, "{typed}");
        }
    }

    #[test]
    fn enter_separates_groups_and_ends_a_whole_code() {
        let whole = "00000-00001-00002-00003-00004-00005-00006-00007";
        for (typed, expected) in [
            ("", Enter::Done),
            ("0000", Enter::Short(4)),
            ("00000", Enter::Next),
            ("00000 ", Enter::Next),
            ("00000 00002", Enter::Next),
            ("00000 0-0", Enter::Short(2)),
            (&whole[..46], Enter::Short(4)),
            (whole, Enter::Done),
            (&format!("{whole}0"), Enter::Done),
        ] {
            assert_eq!(enter(typed), expected, "{typed}");
        }
    }

    #[test]
    fn what_enter_amid_a_group_is_told_seen_and_unseen() {
        assert_eq!(*progress("00000-00", true, true), "group 2 of 8: 00   (it has 5 characters)");
        assert_eq!(*progress("00001-00", true, true), "group 2 of 8: 00   (it has 5 characters; mistyped: 1)");
        assert_eq!(*progress("00000 ", false, true), "group 2 of 8:    (it has 5 characters) ");
        assert_eq!(*progress("00001 ", false, false), "group 2 of 8:    (mistyped: 1) ");
        assert_eq!(*progress("00000 0A", false, false), "group 2 of 8: ");
    }

    #[test]
    fn the_line_never_wraps_and_its_buffer_never_grows() {
        let long = progress(&"\u{1f600}".repeat(39), true, true);
        assert!(long.chars().count() + 4 < 80, "{}", *long);
        assert_eq!(long.capacity(), CAPACITY);
        assert_eq!(*progress(&"x".repeat(1024), true, false), TOO_LONG);
    }
}
