use super::*;

fn token(label: &str, serial: &str) -> TokenInfo {
    TokenInfo {
        slot: 7,
        label: label.to_owned(),
        manufacturer: "maker".to_owned(),
        model: "m".to_owned(),
        serial: serial.to_owned(),
        initialized: true,
        pin_set: true,
        login_required: true,
        pin_pad: false,
        pin_low: false,
        pin_last: false,
        pin_locked: false,
        pin_must_change: false,
        write_protected: false,
        min_pin: 4,
        max_pin: 255,
    }
}

fn module() -> ModuleInfo {
    ModuleInfo {
        manufacturer: "lib".to_owned(),
        description: "a library".to_owned(),
        version: "1.0".to_owned(),
        cryptoki: "2.40".to_owned(),
    }
}

#[test]
fn parses_what_p11tool_prints() {
    let uri = Uri::parse(
        "pkcs11:model=SoftHSM%20v2;manufacturer=SoftHSM%20project;serial=4ce0;token=lab;id=%01%ff;object=my%3Bkey;type=private",
    )
    .unwrap();
    assert_eq!(uri.model.as_deref(), Some(&b"SoftHSM v2"[..]));
    assert_eq!(uri.id.as_deref(), Some(&[1, 0xff][..]));
    assert_eq!(uri.object.as_deref(), Some(&b"my;key"[..]));
    assert_eq!(uri.class, Some(Class::Private));
}

#[test]
fn the_scheme_has_no_case_and_attributes_do() {
    assert!(Uri::parse("PKCS11:token=a").is_ok());
    assert_eq!(Uri::parse("pkcs11:Token=a"), Err(UriError::Unknown("Token".to_owned())));
    for bad in ["", "pkcs11", "pkcs12:token=a", "token=a", "pkcs11\u{e9}:", "pkcs1\u{e9}:token=a"] {
        assert_eq!(Uri::parse(bad), Err(UriError::Scheme), "{bad}");
    }
}

#[test]
fn an_empty_path_matches_every_token() {
    let uri = Uri::parse("pkcs11:").unwrap();
    assert_eq!(uri, Uri::default());
    assert!(uri.matches(&module(), &token("a", "1")));
}

#[test]
fn refuses_what_it_does_not_understand() {
    for (text, error) in [
        ("pkcs11:token=a;token=b", UriError::Duplicate("token".to_owned())),
        ("pkcs11:token=a;", UriError::Syntax(String::new())),
        ("pkcs11:;token=a", UriError::Syntax(String::new())),
        ("pkcs11:token", UriError::Syntax("token".to_owned())),
        ("pkcs11:=a", UriError::Syntax("=a".to_owned())),
        ("pkcs11:colour=red", UriError::Unknown("colour".to_owned())),
        ("pkcs11:x-vendor=1", UriError::Unknown("x-vendor".to_owned())),
        ("pkcs11:slot-description=a", UriError::Unknown("slot-description".to_owned())),
        ("pkcs11:token=a b", UriError::Encoding("a b".to_owned())),
        ("pkcs11:token=a%2", UriError::Encoding("a%2".to_owned())),
        ("pkcs11:token=a%", UriError::Encoding("a%".to_owned())),
        ("pkcs11:token=%gg", UriError::Encoding("%gg".to_owned())),
        ("pkcs11:token=%+1", UriError::Encoding("%+1".to_owned())),
        ("pkcs11:token=a/b", UriError::Encoding("a/b".to_owned())),
        ("pkcs11:token=a#b", UriError::Encoding("a#b".to_owned())),
        ("pkcs11:token=\u{e9}", UriError::Encoding("\u{e9}".to_owned())),
        ("pkcs11:token=\u{1b}", UriError::Encoding("?".to_owned())),
        ("pkcs11:slot-id=x", UriError::Value("slot-id", "is not a number")),
        ("pkcs11:slot-id=%2B1", UriError::Value("slot-id", "is not a number")),
        ("pkcs11:slot-id=", UriError::Value("slot-id", "is not a number")),
        ("pkcs11:slot-id=99999999999999999999", UriError::Value("slot-id", "is not a number")),
        ("pkcs11:type=cert", UriError::Value("type", "must be 'private' or 'secret-key'")),
        ("pkcs11:token=a?", UriError::Syntax(String::new())),
        ("pkcs11:token=a?pin-source=/a&pin-source=/b", UriError::Duplicate("pin-source".to_owned())),
    ] {
        assert_eq!(Uri::parse(text), Err(error), "{text}");
    }
}

#[test]
fn an_equals_sign_may_be_in_a_value() {
    assert_eq!(Uri::parse("pkcs11:object=a=b").unwrap().object.as_deref(), Some(&b"a=b"[..]));
}

#[test]
fn a_pin_comes_from_a_file_or_not_at_all() {
    for (text, path) in [
        ("pkcs11:?pin-source=/run/pin", "/run/pin"),
        ("pkcs11:?pin-source=file:/run/pin", "/run/pin"),
        ("pkcs11:?pin-source=file:///run/my%20pin", "/run/my pin"),
    ] {
        assert_eq!(Uri::parse(text).unwrap().pin_source.as_deref(), Some(std::path::Path::new(path)), "{text}");
    }
    for text in ["pin-source=pin", "pin-source=file:pin", "pin-source=https://a/b", "pin-source=", "pin-source=/a%00b"]
    {
        assert!(matches!(Uri::parse(&format!("pkcs11:?{text}")), Err(UriError::Value("pin-source", _))), "{text}");
    }
    assert!(matches!(Uri::parse("pkcs11:?pin-source=|cat%20pin"), Err(UriError::Refused("pin-source", _))));
    assert!(matches!(Uri::parse("pkcs11:?pin-source=%7Ccat"), Err(UriError::Refused("pin-source", _))));
    assert!(matches!(Uri::parse("pkcs11:?pin-value=1234"), Err(UriError::Refused("pin-value", _))));
}

#[test]
fn an_error_never_repeats_a_pin() {
    let error = Uri::parse("pkcs11:?pin-value=987654").unwrap_err();
    assert!(!error.to_string().contains("987654"));
}

#[test]
fn a_uri_names_no_module() {
    for name in ["module-path", "module-name"] {
        let error = Uri::parse(&format!("pkcs11:?{name}=/tmp/evil.so")).unwrap_err();
        assert!(error.to_string().contains("--module"), "{error}");
    }
}

#[test]
fn unknown_query_attributes_are_told() {
    assert_eq!(Uri::parse("pkcs11:token=a?x-colour=red&y=1").unwrap().ignored, ["x-colour", "y"]);
}

#[test]
fn padding_does_not_count_and_everything_else_does() {
    let uri = Uri::parse("pkcs11:token=lab%20%20;serial=1").unwrap();
    assert!(uri.matches(&module(), &token("lab", "1")));
    assert!(uri.matches(&module(), &token("lab\0\0", "1 ")));
    assert!(!uri.matches(&module(), &token("lab2", "1")));
    assert!(!uri.matches(&module(), &token(" lab", "1")));
    assert!(!uri.matches(&module(), &token("LAB", "1")));
    assert!(!uri.matches(&module(), &token("lab", "2")));
    assert!(!Uri::parse("pkcs11:library-manufacturer=x").unwrap().matches(&module(), &token("lab", "1")));
    assert!(Uri::parse("pkcs11:slot-id=7").unwrap().matches(&module(), &token("lab", "1")));
    assert!(!Uri::parse("pkcs11:slot-id=8").unwrap().matches(&module(), &token("lab", "1")));
}

#[test]
fn the_canonical_form_is_a_fixed_point() {
    let text = "pkcs11:id=%ab%01;object=a%2Fb%20c;serial=9;token=l%61b?pin-source=/x";
    let canonical = Uri::parse(text).unwrap().canonical();
    assert_eq!(canonical, "pkcs11:token=lab;serial=9;object=a%2Fb%20c;id=%AB%01");
    assert_eq!(Uri::parse(&canonical).unwrap().canonical(), canonical);
}

#[test]
fn every_byte_survives() {
    let all: Vec<u8> = (0..=255).collect();
    let uri = Uri { token: Some(all.clone()), id: Some(all.clone()), object: Some(all), ..Uri::default() };
    assert_eq!(Uri::parse(&uri.canonical()).unwrap(), uri);
}

#[test]
fn a_stanza_has_only_what_finds_token_and_key() {
    assert!(Uri::parse_stanza("pkcs11:token=a;serial=1;object=k;id=%01").is_ok());
    assert!(Uri::parse_stanza("pkcs11:token=a;id=%01").is_ok());
    for text in [
        "pkcs11:token=a",
        "pkcs11:object=k",
        "pkcs11:token=a;object=k;slot-id=1",
        "pkcs11:token=a;object=k;type=private",
        "pkcs11:token=a;object=k?pin-source=/etc/passwd",
        "pkcs11:token=a;object=k?x=1",
        "pkcs11:token=a;object=k;manufacturer=m",
    ] {
        assert!(Uri::parse_stanza(text).is_err(), "{text}");
    }
}
