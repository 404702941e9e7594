//! Answers without what differs from one telling to the next.

/// Whether two answers say the same. The path of a home is longer or shorter than on the page, so lines break elsewhere.
pub fn same(page: &[String], screen: &[String]) -> bool {
    let (page, screen) = (steady(page), steady(screen));
    let words = |lines: &[String]| -> Vec<String> {
        lines.iter().flat_map(|line| line.split_whitespace().map(str::to_owned)).collect()
    };
    let moved = page.iter().any(|line| line.contains("/home/"));
    page == screen || (moved && words(&page) == words(&screen))
}

/// Lines with a word in capitals for each thing that is another one every time. Empty lines at the end are not told apart.
pub fn steady(lines: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = lines.iter().map(|line| line_of(line)).collect();
    while lines.pop_if(|last| last.is_empty()).is_some() {}
    lines
}

fn line_of(line: &str) -> String {
    if four_words(line) {
        return "    FOUR WORDS".to_owned();
    }
    let mut out = String::new();
    let mut rest = line.trim_end();
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '-' || c == ':')).unwrap_or(rest.len());
        if end == 0 {
            let first = rest.chars().next().map_or(0, char::len_utf8);
            out.push_str(&rest[..first]);
            rest = &rest[first..];
        } else {
            out.push_str(word(&rest[..end]));
            rest = &rest[end..];
        }
    }
    out
}

/// What stands for a word.
fn word(word: &str) -> &str {
    let groups: Vec<usize> = word.split('-').map(str::len).collect();
    let capitals = || word.chars().all(|c| c == '-' || c.is_ascii_uppercase() || c.is_ascii_digit());
    let digits = |word: &str| word.chars().all(|c| "-:TZ".contains(c) || c.is_ascii_digit());
    match groups[..] {
        [5, 5, 5, 5, 5, 5, 5, 5] if capitals() => "CODE",
        [4, 4, 4, 4] if capitals() => "FINGERPRINT",
        [4, 2, 2] if digits(word) => "DAY",
        [4, 2, 12] if digits(word) => "TIME",
        [6, 16] if word.strip_prefix("before-").is_some_and(digits) => "before-TIME",
        [length] if length >= 16 && word.chars().all(|c| c.is_ascii_hexdigit()) => "HEX",
        _ => word,
    }
}

/// The four words of a request, on a line of their own.
fn four_words(line: &str) -> bool {
    let words: Vec<&str> = line.trim().split("  ").collect();
    line.starts_with("    ")
        && words.len() == 4
        && words.iter().all(|word| word.chars().all(|c| c.is_ascii_lowercase()))
}

#[test]
fn what_differs_is_a_word_in_capitals() {
    let cases = [
        ("opened on 2026-11-22, twice", "opened on DAY, twice"),
        ("until 2026-11-24T15:00:00Z, and", "until TIME, and"),
        ("in 'v.before-20261122T163737Z'", "in 'v.before-TIME'"),
        ("fingerprint 4S9K-AAAA-0000-ZZZZ)", "fingerprint FINGERPRINT)"),
        ("    abbey  absent  accent  acid", "    FOUR WORDS"),
        ("(id 00112233445566778899aabbccddeeff)", "(id HEX)"),
        ("  00000-00001-00002-00003-00004-00005-00006-00007", "  CODE"),
        ("keyslot 'password+piv' stays", "keyslot 'password+piv' stays"),
    ];
    for (line, expected) in cases {
        assert_eq!(line_of(line), expected);
    }
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(same(&lines("in '/home/ada/x' it\nis"), &lines("in '/home/ada/x'\nit is")));
    assert!(!same(&lines("it\nis"), &lines("it is")));
}
