//! Keys and tokens that are gone, twins, replaced, or of no use.

use crate::lab::{
    CTX, Enrolled, KEY, enroll, enroller, key_type, must, nobody, on_each_mode, on_each_module, open, parse, pin,
    refusal, tokens, uri,
};
use hsm_test::{Key, KeyType, MODULES, Target, Token};
use twinlock::factor::Enroll;
use twinlock::factor::pkcs11::{Mode, Pkcs11Enroll, TokenError};

/// Runs a test on an enrolled key of each mode on each module.
fn on_each(test: fn(Mode, Enrolled)) {
    on_each_mode(|mode, token| {
        token.delete_key(KEY);
        test(mode, Enrolled::new(token, mode));
    });
}

#[test]
fn a_deleted_key_is_gone_and_the_token_is_not_blamed() {
    on_each(|_, enrolled| {
        enrolled.token.delete_key(KEY);
        let error = enrolled.refused("");
        assert!(matches!(error, TokenError::KeyGone { .. }), "{error:?}");
        assert!(error.to_string().contains(&format!("has no key '{KEY}'")), "{error}");
        assert!(enrolled.logins() <= 1);
        let made = enroll(&tokens(&enrolled.token), &uri(&enrolled.token), Mode::HmacSha256, &mut pin(&enrolled.token));
        assert!(matches!(refusal(made), TokenError::KeyGone { .. }));
    });
}

#[test]
fn a_replaced_key_is_found_before_a_pin_is_asked_for() {
    on_each(|mode, enrolled| {
        enrolled.token.delete_key(KEY);
        enrolled.token.make_key(&Key::new(key_type(mode), KEY));
        if mode.is_public_key() {
            let error = crate::lab::refusal(enrolled.open_with("", &mut nobody()));
            assert!(matches!(error, TokenError::Rekeyed { .. }), "{error:?}");
            assert!(error.to_string().contains("is not the one that was enrolled"), "{error}");
            assert_eq!(enrolled.logins(), 0);
            return;
        }
        // A secret key shows nothing to compare: AES-GCM refuses, HMAC gives another secret.
        if let Ok(Some(given)) = enrolled.open("") {
            assert_eq!(mode, Mode::HmacSha256);
            assert_ne!(given.expose(), enrolled.secret.expose());
        }
    });
}

#[test]
fn twin_keys_are_never_guessed_between() {
    on_each(|mode, enrolled| {
        enrolled.token.make_key(&Key::new(key_type(mode), KEY));
        let error = enrolled.refused("");
        assert!(matches!(error, TokenError::KeyAmbiguous { n: 2, .. }), "{error:?}");
        assert!(error.to_string().contains("has 2 keys"), "{error}");
        assert!(enrolled.logins() <= 1);
        let made = enroll(&tokens(&enrolled.token), &uri(&enrolled.token), mode, &mut pin(&enrolled.token));
        assert!(matches!(refusal(made), TokenError::KeyAmbiguous { n: 2, .. }));
    });
}

#[test]
fn keys_of_one_label_are_told_apart_by_their_id() {
    on_each(|mode, enrolled| {
        enrolled.token.make_key(&Key::new(key_type(mode), KEY).id(&[7, 7]));
        assert!(enrolled.is_secret(enrolled.open("")));
        let by_id = parse(&format!("{};id=%07%07", enrolled.token.uri(None)));
        let (other, secret) = must(enroll(&tokens(&enrolled.token), &by_id, mode, &mut pin(&enrolled.token)));
        assert_ne!(secret.expose(), enrolled.secret.expose());
        let given = must(open(&tokens(&enrolled.token), &other, &mut pin(&enrolled.token)));
        assert!(given.is_some_and(|given| given.expose() == secret.expose()));
    });
}

#[test]
fn an_absent_token_is_not_ours_to_demand() {
    on_each(|mode, enrolled| {
        let Enrolled { token, stanza, .. } = enrolled;
        let (here, gone) = (token.another("spare"), uri(&token));
        token.remove();
        assert!(matches!(open(&tokens(&here), &stanza, &mut nobody()), Ok(None)));
        let error = refusal(enroll(&tokens(&here), &gone, mode, &mut nobody()));
        assert!(matches!(error, TokenError::NotHere { .. }), "{error:?}");
        assert!(error.to_string().starts_with("no token here matches 'pkcs11:token=lab;"), "{error}");
    });
}

#[test]
fn a_token_of_the_same_label_is_not_the_enrolled_one() {
    on_each(|mode, enrolled| {
        let Enrolled { token, stanza, .. } = enrolled;
        let twin = token.another(token.label());
        twin.make_key(&Key::new(key_type(mode), KEY));
        let by_label = parse(&format!("pkcs11:token={};object={}", token.label(), KEY.replace(' ', "%20")));
        let error = refusal(enroll(&tokens(&twin), &by_label, mode, &mut nobody()));
        assert!(matches!(error, TokenError::TokenAmbiguous { n: 2, .. }), "{error:?}");
        token.remove();
        assert!(matches!(open(&tokens(&twin), &stanza, &mut nobody()), Ok(None)), "the serial number decides");
    });
}

#[test]
fn keys_of_no_use_say_why() {
    on_each_module(|module, token| {
        let unsuitable = |kind: KeyType, mode: Option<Mode>, says: &str| {
            if !module.keys.contains(&kind) {
                return;
            }
            token.make_key(&Key::new(kind, KEY));
            let enroller = Pkcs11Enroll { mode, ..enroller(&tokens(&token), &uri(&token), Mode::AesGcm) };
            let error = refusal(enroller.enroll(&CTX, &mut pin(&token)));
            assert!(matches!(error, TokenError::KeyUnsuitable { .. }), "{error:?}");
            assert!(error.to_string().contains(says), "{error}");
            token.delete_key(KEY);
        };
        unsuitable(KeyType::Aes128, None, "128 bits");
        unsuitable(KeyType::EcP521, None, "another curve");
        unsuitable(KeyType::Hmac, Some(Mode::AesGcm), "fit for hmac-sha256, not for aes-gcm");
        unsuitable(KeyType::EcP256, Some(Mode::EcdhP384), "fit for ecdh-p256, not for ecdh-p384");
    });
}

#[test]
fn a_key_that_can_leave_its_token_is_enrolled_with_a_warning() {
    on_each_module(|_, token| {
        for (key, says) in [
            (Key::new(KeyType::Aes256, KEY), None),
            (Key::new(KeyType::Aes256, KEY).extractable(), Some("can be exported")),
            (Key::new(KeyType::Aes256, KEY).not_sensitive(), Some("can be exported")),
        ] {
            token.make_key(&key);
            let mut person = pin(&token);
            must(enroll(&tokens(&token), &uri(&token), Mode::AesGcm, &mut person));
            assert_eq!(person.transcript().contains("warning"), says.is_some(), "{}", person.transcript());
            assert!(says.is_none_or(|says| person.transcript().contains(says)), "{}", person.transcript());
            token.delete_key(KEY);
        }
    });
}

#[test]
fn a_key_is_found_behind_any_of_several_modules() {
    let all: Vec<Token> = MODULES.iter().filter_map(|module| (module.start)()).collect();
    if all.len() < 2 {
        return;
    }
    let (last, others) = all.split_last().expect("at least two");
    last.make_key(&Key::new(KeyType::Hmac, KEY));
    let variables = all.iter().flat_map(Target::env).collect();
    let both = Both { variables, token: last };
    let modules = others.iter().chain([last]).map(Target::module_path);
    let modules = modules.map(twinlock::factor::pkcs11::Module::new).collect();
    let tokens = twinlock::factor::pkcs11::Tokens::shared(crate::lab::helper(&both), modules);
    let (stanza, secret) = must(enroll(&tokens, &uri(last), Mode::HmacSha256, &mut pin(last)));
    let given = must(open(&tokens, &stanza, &mut nobody()));
    assert!(given.is_some_and(|given| given.expose() == secret.expose()));
}

/// The environment of several modules.
struct Both<'a> {
    variables: Vec<(String, String)>,
    token: &'a Token,
}

impl Target for Both<'_> {
    fn module_path(&self) -> std::path::PathBuf {
        self.token.module_path()
    }

    fn env(&self) -> Vec<(String, String)> {
        self.variables.clone()
    }
}
