//! Requests: what is written is read, and nothing else.

use super::*;

/// Factors 2 and 3 of a keyslot of 2 of 3 are asked for.
pub fn asked(public: [u8; 32]) -> Asked {
    let stanza = |n: u8| Stanza::new("fake", &json!({ "name": n.to_string() }));
    Asked {
        wrap: Wrap { vault_id: [1; 16], keyslot_id: [2; 16], nonce: [3; 32] },
        vault: "family".into(),
        fingerprint: Some([4; 10]),
        keyslot: "friends".into(),
        threshold: 2,
        of: 3,
        factors: vec![(2, stanza(2)), (3, stanza(3))],
        from: "Ada".into(),
        reason: "lost my token".into(),
        created: "2026-01-01T00:00:00Z".into(),
        expires: "2026-01-03T00:00:00Z".into(),
        public,
    }
}

fn read_json(value: &Value) -> Result<Request, CustodyError> {
    Request::read_text(value.to_string().into_bytes())
}

#[test]
fn what_is_written_is_read() {
    for asked in [
        asked([9; 32]),
        Asked { fingerprint: None, reason: String::new(), ..asked([9; 32]) },
        Asked { reason: "ü".repeat(MAX_REASON), ..asked([9; 32]) },
    ] {
        let request = Request::new(&asked).unwrap();
        assert_eq!(request.asked, asked);
        for text in [request.lines(), request.line()] {
            assert_eq!(Request::read(&text), Ok(request.clone()));
        }
    }
}

#[test]
fn every_part_of_it_changes_its_hash() {
    let first = Request::new(&asked([9; 32])).unwrap();
    let changes: [fn(&mut Asked); 12] = [
        |asked| asked.wrap.vault_id[0] ^= 1,
        |asked| asked.wrap.keyslot_id[0] ^= 1,
        |asked| asked.wrap.nonce[0] ^= 1,
        |asked| asked.vault.push('x'),
        |asked| asked.fingerprint = None,
        |asked| asked.keyslot.push('x'),
        |asked| asked.threshold = 1,
        |asked| drop(asked.factors.pop()),
        |asked| asked.from.push('x'),
        |asked| asked.reason.push('x'),
        |asked| asked.expires = "2026-01-03T00:00:01Z".into(),
        |asked| asked.public[0] ^= 1,
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut other = asked([9; 32]);
        change(&mut other);
        let other = Request::new(&other).unwrap();
        assert!(other.hash() != first.hash() && other.id() != first.id(), "change {at}");
    }
}

#[test]
fn what_it_must_not_be_is_refused() {
    let whole = asked([9; 32]).as_json();
    assert!(read_json(&whole).is_ok());
    for name in whole.as_object().unwrap().keys() {
        let mut bad = whole.clone();
        bad.as_object_mut().unwrap().remove(name);
        let optional = name == "reason" || name == "fingerprint";
        assert_eq!(read_json(&bad).is_ok(), optional, "without {name}");
        bad[name] = json!([]);
        assert!(read_json(&bad).is_err(), "{name} is a list");
    }
    for (name, value) in [
        ("vault", json!("00".repeat(15))),
        ("vault", json!("AA".repeat(16))),
        ("nonce", json!("00".repeat(33))),
        ("fingerprint", json!("00".repeat(32))),
        ("name", json!("")),
        ("name", json!("x".repeat(65))),
        ("from", json!("a\u{85}b")),
        ("reason", json!("x".repeat(257))),
        ("reason", json!("a\u{85}b")),
        ("of", json!(17)),
        ("of", json!(2)),
        ("threshold", json!(0)),
        ("threshold", json!(4)),
        ("expires", json!("2026-01-01T00:00:00Z")),
        ("expires", json!("2025-12-31T23:59:59Z")),
        ("expires", json!("2026-02-01T00:00:01Z")),
        ("expires", json!("2026-01-03 00:00:00Z")),
        ("key", json!("00".repeat(32))),
        ("key", json!(format!("01{}", "00".repeat(31)))),
        ("factors", json!([])),
    ] {
        let mut bad = whole.clone();
        bad[name] = value.clone();
        assert!(matches!(read_json(&bad), Err(CustodyError::Malformed(KIND, _))), "{name}: {value}");
    }
    for (name, value) in [
        ("number", json!(0)),
        ("number", json!(2)),
        ("number", json!(4)),
        ("kind", json!("")),
        ("kind", json!("Fake")),
        ("kind", json!("x".repeat(33))),
    ] {
        let mut bad = whole.clone();
        bad["factors"][1][name] = value.clone();
        assert!(matches!(read_json(&bad), Err(CustodyError::Malformed(KIND, _))), "factor, {name}: {value}");
    }
    let mut later = whole.clone();
    later["request"] = json!(2);
    assert_eq!(read_json(&later), Err(CustodyError::Version(KIND, 2)));
    let mut more = whole.clone();
    more["later"] = json!(1);
    assert!(read_json(&more).is_ok(), "unknown fields mean nothing");
    more["factors"][0]["!later"] = json!(1);
    assert_eq!(read_json(&more), Err(CustodyError::Critical("!later".into())));
    let mut more = whole;
    more["!later"] = json!(1);
    assert_eq!(read_json(&more), Err(CustodyError::Critical("!later".into())));
    let long = format!("{{\"request\":1,\"x\":\"{}\"}}", "x".repeat(MAX_TEXT));
    assert_eq!(Request::read_text(long.into_bytes()), Err(malformed("it is longer than 16 KiB")));
}

#[test]
fn a_bomb_is_not_unpacked_and_two_are_not_one() {
    let bomb = armour::line(KIND, &deflate::pack(&vec![b' '; 10 << 20]));
    assert_eq!(Request::read(&bomb), Err(malformed("it is longer than 16 KiB")));
    let (one, two) = (Request::new(&asked([9; 32])).unwrap(), Request::new(&asked([8; 32])).unwrap());
    assert!(Request::read(&format!("{}{}", one.line(), one.lines())).is_ok(), "the same twice");
    assert_eq!(Request::read(&format!("{}{}", one.line(), two.line())), Err(CustodyError::Several));
}

#[test]
fn it_ends() {
    let request = Request::new(&asked([9; 32])).unwrap();
    assert_eq!(request.check_time(time("2026-01-02T23:59:59Z")), Ok(()));
    assert_eq!(
        request.check_time(time("2026-01-03T00:00:00Z")),
        Err(CustodyError::Expired { at: "2026-01-03T00:00:00Z".into() })
    );
}
