//! What manifests tell of the states before them: each as another implementation wrote it, and copies that are compared by it.

use crate::load::{Hex, folder, json};
use serde::Deserialize;
use std::collections::HashMap;
use twinlock::crypto::{Keys, aead, sha256};
use twinlock::vault::{Line, Past, link};

#[derive(Deserialize)]
struct File {
    vault: Hex,
    states: Vec<State>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct State {
    name: String,
    account_key: Hex,
    header_tag: Hex,
    sequence: u64,
    manifest: Hex,
    link: Hex,
    past: Hex,
}

#[derive(Deserialize)]
struct Case {
    seen: String,
    file: String,
    expect: String,
}

/// The line of a state, as its manifest tells of it.
fn line(vault_id: [u8; 16], state: &State) -> Line {
    let keys = Keys::derive(&crate::person::account_key(&state.account_key), &vault_id);
    let aad: [&[u8]; 3] = [b"twinlock/1 manifest", &vault_id, &state.header_tag.0];
    let plain = aead::open(keys.manifest.expose(), &aad, &state.manifest.0).unwrap();
    assert_eq!(plain[..8], state.sequence.to_be_bytes(), "{}", state.name);
    assert_eq!(plain[48..], state.past.0, "{}", state.name);
    let here = sha256(&[&state.manifest.0]);
    assert_eq!(link(&here), state.link.array(), "{}", state.name);
    Line::new(state.sequence, &here, Past::from_bytes(&plain[48..], state.sequence).unwrap())
}

#[test]
fn copies_are_to_each_other_what_they_say() {
    let file: File = json(&folder("kat").join("past.json"));
    let vault_id = file.vault.array();
    let states: HashMap<_, _> =
        file.states.iter().map(|state| (state.name.as_str(), (state.sequence, line(vault_id, state)))).collect();
    assert!(file.cases.len() >= 30);
    for Case { seen, file, expect } in &file.cases {
        let ((then, seen_line), (now, line)) = (&states[seen.as_str()], &states[file.as_str()]);
        let is = match (now.cmp(then), seen_line.parted(line)) {
            (_, Some(true)) => "fork",
            (std::cmp::Ordering::Equal, _) => "same",
            (std::cmp::Ordering::Less, _) => "older",
            (std::cmp::Ordering::Greater, Some(false)) => "later",
            (std::cmp::Ordering::Greater, None) => "untold",
        };
        assert_eq!(is, expect, "'{file}', where '{seen}' was seen");
        assert_eq!(line.parted(seen_line), seen_line.parted(line));
    }
}
