use super::*;
use serde_json::{Map, Value, json};

fn slot(name: &str, threshold: u8, factors: &[Value]) -> Keyslot {
    let stanza = |value: &Value| {
        let mut params: Map<String, Value> = value.as_object().unwrap().clone();
        let kind = params.remove("kind").unwrap().as_str().unwrap().to_owned();
        Stanza { kind, share: [0; 32], params }
    };
    Keyslot {
        id: std::array::from_fn(|i| name.as_bytes().get(i).copied().unwrap_or_default()),
        name: name.into(),
        created: "2024-05-01T10:00:00Z".into(),
        threshold,
        nonce: [7; 32],
        wrapped: [0; 40],
        factors: factors.iter().map(stanza).collect(),
        extra: Map::new(),
    }
}

fn header(keyslots: Vec<Keyslot>) -> Header {
    Header {
        vault_id: [1; 16],
        name: "personal".into(),
        created: "2024-05-01T10:00:00Z".into(),
        epoch: 1,
        generation: 1,
        keyslots,
        extra: Map::new(),
    }
}

fn password() -> Value {
    json!({ "kind": "password" })
}

fn code() -> Value {
    json!({ "kind": "recovery" })
}

fn yubikey(serial: u32, policy: &str) -> Value {
    let point = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    json!({
        "kind": "piv", "mode": "ecdh-p256", "public": point, "ephemeral": point, "serial": serial, "name": "ada",
        "pin_policy": policy, "touch_policy": "never", "attested": false,
    })
}

/// A keyslot of that name beside a stronger one, about which there is something of every sort to say.
pub fn nasty(name: &str) -> Header {
    let any = [password(), code(), yubikey(8, "once")];
    header(vec![slot("strong", 2, &[password(), yubikey(7, "once")]), slot(name, 1, &any)])
}

fn kinds(warnings: &[Warning]) -> Vec<&'static str> {
    warnings.iter().map(|warning| warning.kind).collect()
}

fn at(day: &str) -> SystemTime {
    humantime::parse_rfc3339(&format!("{day}T12:00:00Z")).unwrap()
}

#[test]
fn plain_words() {
    let words = |threshold, factors: &[Value]| in_plain_words(&slot("a", threshold, factors));
    assert_eq!(words(1, &[code()]), "recovery code alone");
    assert_eq!(words(2, &[password(), yubikey(7, "once")]), "password and YubiKey 7 (ada)");
    assert_eq!(words(2, &[code(), code(), code()]), "any 2 of 3 recovery codes");
    assert_eq!(words(2, &[code(), code()]), "2 recovery codes");
    assert_eq!(
        words(2, &[password(), code(), yubikey(7, "once")]),
        "any 2 of: password, recovery code, YubiKey 7 (ada)"
    );
    assert_eq!(words(3, &[password(), code(), code()]), "password and 2 recovery codes");
}

#[test]
fn one_way_in_and_one_token_for_all() {
    let both = || slot("both", 2, &[password(), yubikey(7, "once")]);
    assert_eq!(kinds(&of_structure(&header(vec![both()]), Names::Proven)), ["one-way-in"]);
    // Two of three open in three ways.
    assert_eq!(
        kinds(&of_structure(&header(vec![slot("of", 2, &[password(), code(), code()])]), Names::Proven)),
        [""; 0]
    );
    let same = header(vec![both(), slot("other", 2, &[code(), yubikey(7, "once")])]);
    assert_eq!(kinds(&of_structure(&same, Names::Proven)), ["same-token"]);
    assert!(of_structure(&same, Names::Proven)[0].what.contains("YubiKey 7 (ada)"));
    let two = header(vec![both(), slot("spare", 2, &[password(), yubikey(8, "once")])]);
    assert_eq!(kinds(&of_structure(&two, Names::Proven)), [""; 0]);
}

#[test]
fn a_weaker_one_and_a_key_that_asks_nobody() {
    let vault = header(vec![
        slot("strong", 2, &[password(), yubikey(7, "once")]),
        slot("weak", 1, &[password()]),
        slot("paper", 1, &[code()]),
    ]);
    let said = of_structure(&vault, Names::Proven);
    assert_eq!(kinds(&said), ["weaker"]);
    assert_eq!(said[0].what, "keyslot 'weak' asks for less than 'strong': with it a thief does not need the token");
    let open = header(vec![slot("open", 2, &[password(), yubikey(7, "never")]), slot("paper", 1, &[code()])]);
    assert_eq!(kinds(&of_structure(&open, Names::Proven)), ["no-consent"]);
}

#[test]
fn a_code_never_tried_and_a_token_not_seen_for_a_year() {
    let both = slot("both", 2, &[password(), yubikey(7, "once")]);
    let vault = header(vec![both.clone(), slot("paper", 1, &[code()])]);
    let none = Proofs::default();
    assert_eq!(kinds(&warnings(&vault, Names::Proven, &none, at("2025-04-30"))), ["untried-code"]);
    assert_eq!(kinds(&warnings(&vault, Names::Proven, &none, at("2025-05-03"))), ["untried-code", "unseen-token"]);
    let mut seen = Proofs::default();
    seen.add(&[1; 16], &both, &[1, 2], "2025-02-01");
    assert_eq!(kinds(&warnings(&vault, Names::Proven, &seen, at("2026-01-31"))), ["untried-code"]);
    assert_eq!(kinds(&warnings(&vault, Names::Proven, &seen, at("2026-02-03"))), ["untried-code", "unseen-token"]);
    seen.add(&[1; 16], &vault.keyslots[1], &[1], "2025-02-01");
    assert_eq!(kinds(&warnings(&vault, Names::Proven, &seen, at("2026-01-31"))), [""; 0]);
    // The same token in another keyslot counts for both.
    let spare = slot("spare", 2, &[code(), yubikey(7, "once")]);
    let vault = header(vec![both, spare.clone()]);
    seen.add(&[1; 16], &spare, &[1, 2], "2026-01-01");
    assert_eq!(kinds(&warnings(&vault, Names::Proven, &seen, at("2026-06-01"))), ["same-token"]);
}
