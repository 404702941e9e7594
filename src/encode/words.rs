//! Numbers as words that can be told over a telephone. Spec 9.4.
//!
//! The list is this program's own: 1024 everyday words of three to seven letters, ordered. No two begin with the same four letters, and
//! no two are one letter apart, so that one heard badly is no other of the list.

/// Bits of a word: its place in the list.
pub const BITS: u32 = 10;

const LIST: &str = include_str!("words.txt");

/// The word of a number below 1024.
pub fn word(number: u16) -> &'static str {
    match LIST.lines().nth(usize::from(number)) {
        Some(word) => word,
        None => unreachable!("the list has 1024 words"),
    }
}

/// Words as somebody typed or said them: case and what stands between them mean nothing.
pub fn same(typed: &str, words: &[&str]) -> bool {
    let typed = typed.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    typed.map(str::to_ascii_lowercase).eq(words.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Whether one letter changed, left out or put in makes one of the other.
    fn close(a: &str, b: &str) -> bool {
        let (a, b) = if a.len() < b.len() { (b, a) } else { (a, b) };
        let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
        match a.len() - b.len() {
            0 => a[same..].get(1..) == b[same..].get(1..),
            1 => a[same + 1..] == b[same..],
            _ => false,
        }
    }

    #[test]
    fn the_list_keeps_what_it_promises() {
        let words: Vec<&str> = LIST.lines().collect();
        assert_eq!(words.len(), 1 << BITS);
        assert!(words.is_sorted());
        assert!(words.iter().all(|word| (3..=7).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase())));
        let starts: HashSet<&str> = words.iter().map(|word| word.get(..4).unwrap_or(word)).collect();
        assert_eq!(starts.len(), words.len(), "no two begin with the same four letters");
        for (at, a) in words.iter().enumerate() {
            let near: Vec<&&str> = words[at + 1..].iter().filter(|b| close(a, b)).collect();
            assert!(near.is_empty(), "{a} is close to {near:?}");
        }
        assert!(close("cat", "cut") && close("cat", "cart") && close("at", "cat") && !close("cat", "dog"));
        assert_eq!((word(0), word(1023)), (words[0], words[1023]));
    }

    #[test]
    fn words_are_compared_as_they_are_said() {
        assert!(same("Abbey, absent\taccent - acid.", &["abbey", "absent", "accent", "acid"]));
        assert!(!same("absent abbey accent acid", &["abbey", "absent", "accent", "acid"]));
        assert!(!same("abbey absent accent", &["abbey", "absent", "accent", "acid"]));
        assert!(!same("", &["abbey"]));
    }
}
