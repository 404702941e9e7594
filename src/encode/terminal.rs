//! Which characters must not reach a terminal: a name or a value may have been written by anybody, and must not be able to drive the
//! terminal (escape sequences, C1 controls), turn a sentence round (Trojan Source, CVE-2021-42574) or look like another one.

/// Whether a character steers a terminal, or is not seen in it. Line ends and tabs are among them: who wants those leaves them out.
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with each such character, but those in `keep`, as U+FFFD.
pub fn clean(text: &str, keep: &[char]) -> String {
    text.chars().map(|c| if steers(c) && !keep.contains(&c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_or_is_not_seen_is_replaced() {
        for c in ['\u{1b}', '\u{9b}', '\u{7f}', '\u{61c}', '\u{200b}', '\u{200d}', '\u{200f}', '\u{2028}', '\u{2029}'] {
            assert_eq!(clean(&format!("a{c}b"), &['\n']), "a\u{fffd}b", "{c:?}");
        }
        for c in ['\u{202e}', '\u{2060}', '\u{2066}', '\u{2069}', '\u{feff}', '\u{e0041}', '\n', '\t'] {
            assert_eq!(clean(&format!("a{c}b"), &[]), "a\u{fffd}b", "{c:?}");
        }
        assert_eq!(clean("a\tb\nc \u{e9}\u{4e2d}\u{1f600}", &['\n', '\t']), "a\tb\nc \u{e9}\u{4e2d}\u{1f600}");
    }
}
