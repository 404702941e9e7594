use super::*;

/// A vault file at one path, and what this machine remembers of it; nothing is written.
fn seen() -> Seen {
    Seen { folder: None, path: "/v".into(), memory: Memory::default(), settled: false, warned: false }
}

/// States of a copy, one a write; those of one name are the same, and the last tells of up to `reach` before it.
fn state(names: &[&str], reach: usize) -> Mark {
    let state = |name: &str| crate::crypto::sha256(&[name.as_bytes()]);
    let (last, before) = names.split_last().unwrap();
    let links: Vec<u8> = before.iter().rev().take(reach).flat_map(|name| link(&state(name))).collect();
    let sequence = names.len() as u64;
    Mark {
        vault_id: [1; 16],
        fingerprint: [2; 32],
        epoch: 1,
        sequence,
        state: state(last),
        past: Past::from_bytes(&links, sequence).ok().unwrap(),
        generation: 1,
        keyslots: Vec::new(),
        follows: None,
    }
}

impl Seen {
    /// As a command does it that finds this state, and goes on with it in any case.
    fn opens(&mut self, mark: &Mark) -> Option<Doubt> {
        let doubt = self.doubt(mark);
        let new = Kept::of("/v", mark);
        match self.memory.vaults.first_mut() {
            Some(kept) if doubt.is_some() || kept.goes_on_as(mark) => kept.advance(new),
            Some(_) => {}
            None => self.memory.vaults.push(new),
        }
        doubt
    }
}

#[test]
fn what_was_seen_long_before_the_file_tells_is_still_held_against_an_older_one() {
    let names: Vec<String> = (0..400).map(|n| n.to_string()).collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut seen = seen();
    for often in [10, 20, 200, 400] {
        assert_eq!(seen.opens(&state(&all[..often], 255)), None);
    }
    assert_eq!(seen.doubt(&state(&all[..100], 255)), Some(Doubt::Older(300)));
    let other: Vec<&str> = all[..15].iter().copied().chain(["x"; 85]).collect();
    assert_eq!(seen.doubt(&state(&other, 255)), Some(Doubt::Fork(0)), "it was another after 20 writes");
    assert_eq!(seen.doubt(&state(&other, 50)), Some(Doubt::Older(300)), "it does not tell of so long ago");
}

#[test]
fn after_another_line_was_accepted_nothing_of_the_old_one_is_held_against_it() {
    let mut seen = seen();
    for often in 1..=4 {
        seen.opens(&state(&["a", "b", "c", "d"][..often], 255));
    }
    let other = ["a", "x", "y", "z", "u", "v"];
    assert_eq!(seen.opens(&state(&other[..5], 255)), Some(Doubt::Fork(1)));
    assert_eq!(seen.opens(&state(&other, 255)), None);
    // An older one of it is that, and no fork, also where only what was seen can tell.
    seen.memory.vaults[0].links.clear();
    assert_eq!(seen.doubt(&state(&other[..4], 255)), Some(Doubt::Older(2)));
    assert_eq!(seen.doubt(&state(&["a", "b", "c", "d"], 255)), Some(Doubt::Older(2)), "forgotten on the person's word");
}

#[test]
fn a_past_that_was_cut_short_is_told_and_is_no_doubt() {
    let names = ["a", "b", "c", "d", "e"];
    for (reach, told) in [(2, None), (1, Some("only the last 1 can")), (0, Some("none of them can"))] {
        let mut seen = seen();
        seen.opens(&state(&names[..3], 255));
        let now = state(&names[..5], reach);
        assert_eq!(seen.doubt(&now), None);
        let word = seen.word(&now);
        assert_eq!(word.is_some(), told.is_some(), "{reach}: {word:?}");
        assert!(told.is_none_or(|told| word.unwrap().contains(told)));
        seen.opens(&now);
        assert_eq!(seen.word(&now), None, "once");
    }
}

#[test]
fn what_another_command_has_accepted_meanwhile_is_not_undone() {
    let (mut seen, mine) = (seen(), state(&["a", "b", "c"], 255));
    seen.opens(&mine);
    // Another command, on its person's word, has gone over to another line, with fewer writes.
    seen.opens(&state(&["a", "x"], 255));
    assert!(!seen.memory.vaults[0].goes_on_as(&mine));
}

#[test]
fn a_rotation_that_was_expected_is_of_this_line_or_asked_about() {
    let mut seen = seen();
    seen.opens(&state(&["a", "b", "c"], 255));
    seen.memory.vaults[0].coming = Some(hex::encode(&[9; 32]));
    let rotated = |names: &[&str]| Mark { fingerprint: [9; 32], epoch: 2, ..state(names, 255) };
    assert_eq!(seen.doubt(&rotated(&["a", "b", "x", "r", "s"])), Some(Doubt::Fork(2)));
    assert_eq!(seen.doubt(&rotated(&["a", "b", "c", "r"])), None);
    assert_eq!(seen.opens(&rotated(&["a", "b", "c", "r"])), None);
    // Under a key that was not expected it is asked about in any case, and told which it is.
    let another = |names: &[&str]| Mark { fingerprint: [8; 32], epoch: 3, ..state(names, 255) };
    assert_eq!(seen.doubt(&another(&["a", "b", "c", "r", "t"])), Some(Doubt::Rotated));
    assert_eq!(seen.doubt(&another(&["a", "b", "c", "x", "t"])), Some(Doubt::RotatedFork));
}
