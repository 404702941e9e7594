use super::*;
use serde_json::{Value, json};

const CTX: SlotContext<'_> = SlotContext { vault_id: &[1; 16], keyslot_id: &[2; 16], vault: "v", keyslot: "k" };

fn params(mode: Mode) -> Value {
    let point = |curve: Curve| match curve {
        Curve::X25519 => vec![9; 32],
        other => other.agree(&generator(other)).unwrap().ephemeral,
    };
    let (public, ephemeral) = (point(mode.curve()), point(mode.curve()));
    json!({"mode": mode.name(), "public": hex::encode(&public), "ephemeral": hex::encode(&ephemeral)})
}

/// The base point (SP 800-186), good for a token's public key.
fn generator(curve: Curve) -> Vec<u8> {
    let text = match curve {
        Curve::P256 => {
            "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
             4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
        }
        _ => {
            "04aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7\
             3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f"
        }
    };
    hex::decode(text).unwrap()
}

fn parse(value: &Value) -> Result<Option<Params>, String> {
    match Params::from_stanza(&Stanza::new(KIND, value)) {
        Ok(params) => Ok(params),
        Err(FactorError::BadStanza(why)) => Err(why),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn every_mode_round_trips() {
    for mode in Mode::ALL {
        let mut value = params(mode);
        let bare = parse(&value).unwrap().unwrap();
        assert_eq!(bare.hints, Hints::default());
        value["serial"] = json!(12_345_678);
        value["piv_slot"] = json!("82");
        value["pin_policy"] = json!("once");
        value["touch_policy"] = json!("always");
        value["name"] = json!("ada");
        value["attested"] = json!(true);
        let full = parse(&value).unwrap().unwrap();
        assert_eq!(full.mode, mode);
        assert_eq!(full.hints.called(), "YubiKey 12345678 (ada)");
        assert_eq!(serde_json::to_value(&full).unwrap(), value);
    }
}

#[test]
fn what_the_spec_refuses_is_refused() {
    let refuse = |field: &str, value: Value, why: &str| {
        let mut all = params(Mode::EcdhP256);
        all[field] = value;
        let error = parse(&all).expect_err(field);
        assert!(error.contains(why), "{field}: {error}");
    };
    refuse("mode", json!("rsa"), "unknown variant");
    refuse("mode", json!("ecdh-p384"), "'public'");
    refuse("public", json!("04"), "'public'");
    refuse("ephemeral", json!(format!("04{}", "11".repeat(64))), "'ephemeral'");
    refuse("serial", json!(0), "'serial'");
    refuse("serial", json!(4_294_967_296_u64), "invalid value");
    refuse("serial", json!("12345678"), "invalid type");
    for slot in ["96", "9b", "f9", "9A", "0x82", ""] {
        refuse("piv_slot", json!(slot), "PIV slot");
    }
    refuse("pin_policy", json!("sometimes"), "unknown variant");
    refuse("touch_policy", json!("once"), "unknown variant");
    refuse("name", json!(""), "'name'");
    refuse("name", json!("x".repeat(65)), "'name'");
    refuse("attested", json!("yes"), "invalid type");
    for field in ["mode", "public", "ephemeral"] {
        let mut all = params(Mode::EcdhP256);
        all.as_object_mut().unwrap().remove(field);
        assert!(parse(&all).is_err(), "{field}");
    }
    let mut low_order = params(Mode::EcdhX25519);
    low_order["public"] = json!("00".repeat(32));
    assert!(parse(&low_order).is_err());
    assert_eq!(Params::from_stanza(&Stanza::new("pkcs11", &params(Mode::EcdhP256))).unwrap(), None);
}

#[test]
fn bind_is_as_in_the_spec() {
    let mut want = b"twinlock/1 piv\x09ecdh-p256".to_vec();
    want.extend([1; 16]);
    want.extend([2; 16]);
    assert_eq!(Mode::EcdhP256.bind(&CTX), want);
}

#[test]
fn the_secret_depends_on_all_that_it_is_bound_to() {
    let one = parse(&params(Mode::EcdhX25519)).unwrap().unwrap();
    let secret = |params: &Params, z: &[u8], bind: &[u8]| *params.factor_secret(z, bind).expose();
    let bind = one.mode.bind(&CTX);
    let want = secret(&one, &[3; 32], &bind);
    assert_eq!(want, secret(&one, &[3; 32], &bind));
    assert_ne!(want, secret(&one, &[4; 32], &bind));
    let other = SlotContext { keyslot_id: &[3; 16], ..CTX };
    assert_ne!(want, secret(&one, &[3; 32], &one.mode.bind(&other)));
    let moved = Params { ephemeral: vec![10; 32], ..one.clone() };
    assert_ne!(want, secret(&moved, &[3; 32], &bind));
    let rekeyed = Params { public: vec![11; 32], ..one };
    assert_ne!(want, secret(&rekeyed, &[3; 32], &bind));
}

#[test]
fn no_name_steers_the_terminal() {
    let hints = Hints { serial: Some(1), name: Some("a\u{202e}b".into()), ..Hints::default() };
    assert_eq!(hints.called(), "YubiKey 1 (a\u{fffd}b)");
    assert_eq!(hints.short(), "a\u{fffd}b");
}
