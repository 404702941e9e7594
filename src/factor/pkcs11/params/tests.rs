use super::*;
use serde_json::{Value, json};

const URI: &str = "pkcs11:token=lab;serial=1;object=k;id=%01";

fn parse(mut fields: Value) -> Result<Params, String> {
    if fields.get("uri").is_none() {
        fields["uri"] = URI.into();
    }
    let Value::Object(params) = fields else { panic!("an object") };
    let stanza = Stanza { kind: KIND.to_owned(), params, share: [0; 32] };
    match Params::from_stanza(&stanza) {
        Ok(found) => Ok(found.unwrap().0),
        Err(FactorError::BadStanza(why)) => Err(why),
        Err(other) => panic!("{other:?}"),
    }
}

fn point() -> String {
    let base = Curve::P256;
    // The base point of P-256 (SP 800-186, 3.2.1.3).
    let g = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
             4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    assert_eq!(base.check_point(&hex::decode(g).unwrap()), Ok(()));
    g.to_owned()
}

#[test]
fn stanzas_are_as_in_the_spec() {
    let params = parse(json!({ "mode": "hmac-sha256", "challenge": "11".repeat(32) })).unwrap();
    assert_eq!(params.mode(), Mode::HmacSha256);
    let back = Stanza::new(KIND, &params);
    assert_eq!(Value::Object(back.params), json!({ "mode": "hmac-sha256", "uri": URI, "challenge": "11".repeat(32) }));

    let params = parse(json!({ "mode": "ecdh-p256", "public": point(), "ephemeral": point() })).unwrap();
    assert_eq!(params.mode(), Mode::EcdhP256);
    let rsa = json!({ "mode": "rsa-oaep-sha1", "modulus": "ff".repeat(256), "exponent": "010001", "sealed": "00".repeat(256) });
    assert_eq!(parse(rsa).unwrap().mode(), Mode::RsaOaepSha1);
    let gcm = json!({ "mode": "aes-gcm", "iv": "01".repeat(12), "sealed": "00".repeat(48), "later": "kept elsewhere" });
    assert_eq!(parse(gcm).unwrap().mode(), Mode::AesGcm);
}

#[test]
fn refuses_what_the_spec_does_not_allow() {
    for bad in [
        json!({ "mode": "aes-cbc" }),
        json!({}),
        json!({ "mode": "hmac-sha256" }),
        json!({ "mode": "hmac-sha256", "challenge": "11".repeat(31) }),
        json!({ "mode": "hmac-sha256", "challenge": "AA".repeat(32) }),
        json!({ "mode": "hmac-sha256", "challenge": "11".repeat(32), "uri": "pkcs11:token=a" }),
        json!({ "mode": "hmac-sha256", "challenge": "11".repeat(32), "uri": "pkcs11:token=a;object=b?pin-source=/x" }),
        json!({ "mode": "hmac-sha256", "challenge": "11".repeat(32), "uri": format!("pkcs11:token=a;object={}", "b".repeat(3000)) }),
        json!({ "mode": "aes-gcm", "iv": "00".repeat(12), "sealed": "00".repeat(48) }),
        json!({ "mode": "aes-gcm", "iv": "01".repeat(16), "sealed": "00".repeat(48) }),
        json!({ "mode": "aes-gcm", "iv": "01".repeat(12), "sealed": "00".repeat(32) }),
        json!({ "mode": "rsa-oaep-sha256", "modulus": "ff".repeat(128), "exponent": "010001", "sealed": "00".repeat(128) }),
        json!({ "mode": "rsa-oaep-sha256", "modulus": "ff".repeat(256), "exponent": "010001", "sealed": "00".repeat(255) }),
        json!({ "mode": "rsa-oaep-sha256", "modulus": "ff".repeat(256), "exponent": "01", "sealed": "00".repeat(256) }),
        json!({ "mode": "ecdh-p256", "public": point(), "ephemeral": "04".repeat(65) }),
        json!({ "mode": "ecdh-p384", "public": point(), "ephemeral": point() }),
        json!({ "mode": "ecdh-x25519", "public": "00".repeat(32), "ephemeral": "09".repeat(32) }),
    ] {
        assert!(parse(bad.clone()).is_err(), "{bad}");
    }
}

#[test]
fn another_kind_is_not_ours() {
    let stanza = Stanza { kind: "password".to_owned(), params: serde_json::Map::new(), share: [0; 32] };
    assert!(matches!(Params::from_stanza(&stanza), Ok(None)));
    assert_eq!(describe(&stanza), None);
}

#[test]
fn a_zero_shared_secret_is_impossible() {
    let mut nine = vec![0; 32];
    nine[0] = 9;
    let how = How::EcdhX25519(Ecdh { public: nine.clone(), ephemeral: nine });
    let params = Params { uri: URI.to_owned(), how };
    assert!(!params.is_possible(&[0; 32]));
    assert!(params.is_possible(&[1; 32]));
}
