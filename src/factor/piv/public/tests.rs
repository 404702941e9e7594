use super::*;
use crate::encode::hex;

/// Made by OpenSSL 3.0 for a P-256 key.
const CERTIFICATE: &str = "subject=CN = ada
-----BEGIN CERTIFICATE-----
MIIBcjCCARegAwIBAgIUMYtuV3hpZ5DtATTxdsyiGwj0nLowCgYIKoZIzj0EAwIw
DjEMMAoGA1UEAwwDYWRhMB4XDTI2MTEyMjEyMDQxNVoXDTM2MTExOTEyMDQxNVow
DjEMMAoGA1UEAwwDYWRhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdTEbptKf
8Llun20kA3MrOGwd6sw1A/SHTTAmitfWI3Z83aqggFfNKWwc+byqFJvhiEmLp/PB
ljgq84mqy34P86NTMFEwHQYDVR0OBBYEFLouALIfxEaIVdUNymirdRzOesUkMB8G
A1UdIwQYMBaAFLouALIfxEaIVdUNymirdRzOesUkMA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDSQAwRgIhAKnPlO+zBcEi7AFcT6uy2KaofNlTDels7z/ju4pP
C1TGAiEA9IUlXW7uVqCYd9ZfRqMKjv3HfILS8qrSaBXrOr7LBFs=
-----END CERTIFICATE-----
";
/// The same key alone.
const INFO: &str = "3059301306072a8648ce3d020106082a8648ce3d0301070342000475311ba6d29ff0b96e9f6d2403732b386c1deacc3503f4874d\
                    30268ad7d623767cddaaa08057cd296c1cf9bcaa149be188498ba7f3c196382af389aacb7e0ff3";

fn info() -> Vec<u8> {
    hex::decode(INFO).unwrap()
}

fn certificate() -> Vec<u8> {
    pem::first(CERTIFICATE).unwrap().der
}

#[test]
fn a_key_is_the_same_in_every_form() {
    let key = PublicKey::from_file(&info()).unwrap();
    assert_eq!(key, PublicKey::Ecdh { mode: Mode::EcdhP256, point: info()[26..].to_vec() });
    assert_eq!(PublicKey::from_file(CERTIFICATE.as_bytes()), Ok(key.clone()));
    assert_eq!(PublicKey::from_file(&certificate()), Ok(key.clone()));
    assert_eq!(PublicKey::from_certificate(&certificate()), Some(key));
}

#[test]
fn other_kinds_are_named() {
    let refused = |der: &str| PublicKey::from_file(&hex::decode(der).unwrap()).unwrap_err();
    let point = "09".to_owned() + &"00".repeat(31);
    let x25519 = PublicKey::from_file(&hex::decode(&format!("302a300506032b656e032100{point}")).unwrap());
    assert!(matches!(x25519, Ok(PublicKey::Ecdh { mode: Mode::EcdhX25519, .. })));
    assert!(refused(&format!("302a300506032b6570032100{point}")).contains("Ed25519"));
    assert!(refused("301a300d06092a864886f70d01010105000309003006020101020103").contains("RSA"));
    assert!(refused("3016301006072a8648ce3d020106052b8104002303020004").contains("not P-256 or P-384"));
    assert!(refused("300a300506032a030403010 0".replace(' ', "").as_str()).contains("not known"));
    let private = "-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----";
    assert!(PublicKey::from_file(private.as_bytes()).unwrap_err().contains("private key"));
    let request = "-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----";
    assert!(PublicKey::from_file(request.as_bytes()).unwrap_err().contains("'CERTIFICATE REQUEST'"));
    for noise in [&b""[..], b"Dear Ada", &[0x30], &[0x30, 0x80], &[0x30, 0], &[0; 64]] {
        assert!(PublicKey::from_file(noise).is_err());
    }
}

#[test]
fn a_point_off_the_curve_is_no_key() {
    let mut bad = info();
    *bad.last_mut().unwrap() ^= 1;
    assert!(PublicKey::from_file(&bad).is_err());
    let mut order_4 = hex::decode("302a300506032b656e032100").unwrap();
    order_4.extend([0; 32]);
    assert!(PublicKey::from_file(&order_4).is_err(), "of small order");
}

#[test]
fn a_certificate_may_be_cut_or_changed_anywhere() {
    let whole = certificate();
    for at in 0..whole.len() {
        assert_eq!(PublicKey::from_certificate(&whole[..at]), None, "{at}");
        let mut changed = whole.clone();
        for bit in 0..8 {
            changed[at] ^= 1 << bit;
            // Whatever comes of it, it is not a panic.
            let _ = PublicKey::from_certificate(&changed);
            let _ = PublicKey::from_file(&changed);
            changed[at] ^= 1 << bit;
        }
    }
}

#[test]
fn a_data_object_holds_a_certificate() {
    let plain = [&[0x70, 0x03, 1, 2, 3, 0x71, 1, 0, 0xfe, 0][..]].concat();
    assert_eq!(certificate_in(&plain), Some(&[1, 2, 3][..]));
    assert_eq!(certificate_in(&plain[..5]), Some(&[1, 2, 3][..]));
    assert_eq!(certificate_in(&[0x70, 0x01, 1, 0x71, 1, 1]), None, "packed");
    assert_eq!(certificate_in(&[0x71, 1, 0]), None);
    assert_eq!(certificate_in(&[]), None);
}

#[test]
fn policies_are_read_from_an_attestation() {
    let with = |pin, touch| [&[9; 7][..], ATTESTED_POLICIES, &[pin, touch, 9]].concat();
    assert_eq!(attested_policies(&with(2, 3)), Some((PinPolicy::Once, TouchPolicy::Cached)));
    assert_eq!(attested_policies(&with(1, 1)), Some((PinPolicy::Never, TouchPolicy::Never)));
    assert_eq!(attested_policies(&with(0, 1)), None);
    assert_eq!(attested_policies(&with(3, 4)), None);
    let whole = with(3, 2);
    assert_eq!(attested_policies(&whole[..whole.len() - 2]), None, "cut");
    assert_eq!(attested_policies(&[]), None);
}

#[test]
fn a_private_key_is_told_also_behind_its_parameters() {
    let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    let private = "-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n";
    for text in [private.to_owned(), format!("{parameters}{private}")] {
        let why = PublicKey::from_file(text.as_bytes()).unwrap_err();
        assert!(why.contains("only the token should have that"), "{why}");
    }
    let why = PublicKey::from_file(parameters.as_bytes()).unwrap_err();
    assert!(why.contains("'EC PARAMETERS'"), "{why}");
}
