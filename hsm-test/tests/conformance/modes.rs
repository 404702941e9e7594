//! Each mode on each module: the secret comes back in another process, and only for the stanza and the place it was made for.

use crate::lab::{
    CTX, Enrolled, KEY, MODES, Made, enroll, enroller, key_type, must, nobody, on_each_mode, on_each_module, open,
    opener, pin, tokens, types, uri, works,
};
use hsm_test::{Key, KeyType, Token};
use serde_json::Value;
use twinlock::factor::pkcs11::{Mode, Pkcs11Enroll, TokenError, describe, rewrap_from_stanza};
use twinlock::factor::{Enroll, FactorError, Open, SlotContext};
use twinlock::header::Stanza;

fn made(mode: Mode, token: &Token) -> Made {
    enroll(&tokens(token), &uri(token), mode, &mut pin(token))
}

/// The same stanza with one field changed.
fn with(stanza: &Stanza, field: &str, value: impl Into<Value>) -> Stanza {
    let mut other = stanza.clone();
    other.params.insert(field.to_owned(), value.into());
    other
}

/// The binary fields of a stanza: all but `mode` and `uri`.
fn blobs(stanza: &Stanza) -> Vec<(String, Vec<u8>)> {
    let fields = stanza.params.iter().filter(|(name, _)| !["mode", "uri"].contains(&name.as_str()));
    fields.map(|(name, value)| (name.clone(), hex::decode(value.as_str().expect("hex")).expect("hex"))).collect()
}

#[test]
fn a_key_is_enrolled_and_opens_in_another_process() {
    on_each_mode(|mode, token| {
        let mut person = pin(&token);
        let (stanza, secret) = must(enroll(&tokens(&token), &uri(&token), mode, &mut person));
        person.finish();
        assert_eq!(stanza.params["mode"], mode.name());
        let described = describe(&stanza).expect("it is a stanza of this kind");
        assert_eq!((described.mode, described.token.as_str()), (mode, token.label()));
        let mut person = pin(&token);
        let given = must(open(&tokens(&token), &stanza, &mut person)).expect("its token is here");
        person.finish();
        assert_eq!(given.expose(), secret.expose());
    });
}

#[test]
fn the_mode_follows_from_the_key_where_nobody_says_it() {
    on_each_module(|module, token| {
        for (mode, kind) in MODES.into_iter().filter(|(mode, _)| works(module, *mode) && *mode != Mode::RsaOaepSha1) {
            token.make_key(&Key::new(kind, KEY));
            let natural = Pkcs11Enroll { mode: None, ..enroller(&tokens(&token), &uri(&token), mode) };
            let (stanza, _) = must(natural.enroll(&CTX, &mut pin(&token)));
            assert_eq!(stanza.params["mode"], mode.name());
            token.delete_key(KEY);
        }
    });
}

#[test]
fn two_enrolments_share_nothing() {
    on_each_mode(|mode, token| {
        let tokens = tokens(&token);
        let (one, first) = must(enroll(&tokens, &uri(&token), mode, &mut pin(&token)));
        let (other, second) = must(enroll(&tokens, &uri(&token), mode, &mut nobody()));
        assert_ne!(first.expose(), second.expose());
        for ((name, one), (_, other)) in blobs(&one).iter().zip(blobs(&other)) {
            // What describes the key stays; all else is fresh.
            assert_eq!(*one == other, ["public", "modulus", "exponent"].contains(&name.as_str()), "{name}");
        }
    });
}

#[test]
fn another_vault_or_keyslot_gets_another_secret_or_none() {
    on_each_mode(|mode, token| {
        let (stanza, secret) = must(made(mode, &token));
        let tokens = tokens(&token);
        must(open(&tokens, &stanza, &mut pin(&token)));
        for place in [SlotContext { vault_id: &[9; 16], ..CTX }, SlotContext { keyslot_id: &[9; 16], ..CTX }] {
            if let Ok(Some(given)) = opener(&tokens).open(&place, &stanza, &mut nobody()) {
                assert_ne!(given.expose(), secret.expose());
            }
        }
        // The names are for people only.
        let renamed = SlotContext { vault: "other", keyslot: "other", ..CTX };
        let given = must(opener(&tokens).open(&renamed, &stanza, &mut nobody())).expect("its token is here");
        assert_eq!(given.expose(), secret.expose());
    });
}

#[test]
fn no_flipped_bit_gives_the_secret() {
    on_each_mode(|mode, token| {
        let (stanza, secret) = must(made(mode, &token));
        let tokens = tokens(&token);
        // Logged in once, so that what refuses is the blob.
        must(open(&tokens, &stanza, &mut pin(&token)));
        for (name, bytes) in blobs(&stanza) {
            for at in [0, bytes.len() / 2, bytes.len() - 1] {
                for bit in [0, 7] {
                    let mut bad = bytes.clone();
                    bad[at] ^= 1 << bit;
                    match open(&tokens, &with(&stanza, &name, hex::encode(&bad)), &mut nobody()) {
                        Ok(Some(given)) => assert_ne!(given.expose(), secret.expose(), "{name}[{at}] bit {bit}"),
                        Ok(None) => panic!("{name}[{at}]: the token is here"),
                        Err(FactorError::Token(TokenError::Crashed { .. } | TokenError::Hung { .. })) => {
                            panic!("{name}[{at}] bit {bit} killed the module");
                        }
                        Err(_) => {}
                    }
                }
            }
        }
        let given = must(open(&tokens, &stanza, &mut nobody())).expect("its token is here");
        assert_eq!(given.expose(), secret.expose(), "nothing of it lasts");
    });
}

#[test]
fn a_stanza_of_a_wrong_shape_is_refused_before_anybody_is_asked() {
    on_each_mode(|mode, token| {
        let (stanza, _) = must(made(mode, &token));
        let refused = |stanza: &Stanza, what: &str| match open(&tokens(&token), stanza, &mut nobody()) {
            Err(FactorError::BadStanza(why)) => assert!(!why.is_empty()),
            other => panic!("{what}: {:?}", other.map(|given| given.is_some())),
        };
        for (name, bytes) in blobs(&stanza) {
            let mut missing = stanza.clone();
            missing.params.remove(&name);
            refused(&missing, &format!("no {name}"));
            refused(&with(&stanza, &name, ""), &format!("{name} empty"));
            refused(&with(&stanza, &name, 7), &format!("{name} a number"));
            refused(&with(&stanza, &name, hex::encode(&bytes).to_uppercase() + "0"), &format!("{name} no hex"));
            if name != "exponent" {
                refused(&with(&stanza, &name, hex::encode(&bytes[1..])), &format!("{name} too short"));
                refused(&with(&stanza, &name, hex::encode([&bytes[..], &[1]].concat())), &format!("{name} too long"));
            }
        }
        for uri in ["", "pkcs11:", "pkcs11:token=lab", "pkcs11:object=k", "file:///etc/passwd"] {
            refused(&with(&stanza, "uri", uri), uri);
        }
        let uri = stanza.params["uri"].as_str().expect("a text").to_owned();
        for more in ["?pin-source=/etc/passwd", "?pin-value=1234", "?module-path=/tmp/evil.so", ";x=y", ";token=lab"] {
            refused(&with(&stanza, "uri", uri.clone() + more), more);
        }
        refused(&with(&stanza, "mode", "aes-cbc"), "mode unknown");
        assert!(matches!(open(&tokens(&token), &Stanza { kind: "piv".to_owned(), ..stanza }, &mut nobody()), Ok(None)));
    });
}

#[test]
fn a_mode_is_not_another_s() {
    on_each_mode(|mode, token| {
        let (stanza, secret) = must(made(mode, &token));
        let tokens = tokens(&token);
        must(open(&tokens, &stanza, &mut pin(&token)));
        for (other, _) in MODES.into_iter().filter(|(other, _)| *other != mode) {
            if let Ok(Some(given)) = open(&tokens, &with(&stanza, "mode", other.name()), &mut nobody()) {
                assert_ne!(given.expose(), secret.expose(), "as {other}");
            }
        }
    });
}

#[test]
fn public_key_modes_wrap_again_with_the_token_in_a_drawer() {
    on_each_mode(|mode, token| {
        let (stanza, secret) = must(made(mode, &token));
        let Some(rewrap) = rewrap_from_stanza(&stanza) else {
            assert!(matches!(mode, Mode::AesGcm | Mode::HmacSha256));
            return;
        };
        assert!(mode.is_public_key());
        // No process, no module, no prompt.
        let (again, fresh) = must(rewrap.enroll(&CTX, &mut nobody()));
        assert_ne!(fresh.expose(), secret.expose());
        let tokens = tokens(&token);
        let given = must(open(&tokens, &again, &mut pin(&token))).expect("its token is here");
        assert_eq!(given.expose(), fresh.expose());
        let given = must(open(&tokens, &stanza, &mut nobody())).expect("its token is here");
        assert_eq!(given.expose(), secret.expose());
    });
}

#[test]
fn a_wrong_pin_is_told_in_every_mode() {
    on_each_mode(|mode, token| {
        let enrolled = must(made(mode, &token));
        for result in [
            open(&tokens(&token), &enrolled.0, &mut types("99999999")).map(drop),
            enroll(&tokens(&token), &uri(&token), mode, &mut types("99999999")).map(drop),
        ] {
            let error = crate::lab::refusal(result);
            assert!(matches!(error, TokenError::PinWrong { .. }), "{error:?}");
        }
    });
}

#[test]
fn what_a_module_promises_and_cannot_do_is_found_out_at_enrolment() {
    // SoftHSM 2.6 lists OAEP and refuses SHA-256.
    on_each_module(|module, token| {
        if module.oaep_sha256 {
            return;
        }
        token.make_key(&Key::new(KeyType::Rsa2048, KEY));
        let error = crate::lab::refusal(made(Mode::RsaOaepSha256, &token));
        assert!(matches!(error, TokenError::Mechanism { mode: Some(Mode::RsaOaepSha256), .. }), "{error:?}");
    });
}

#[test]
fn sha1_is_never_used_unless_somebody_says_so() {
    on_each_module(|_, token| {
        token.make_key(&Key::new(key_type(Mode::RsaOaepSha1), KEY));
        let quiet = enroller(&tokens(&token), &uri(&token), Mode::RsaOaepSha1);
        let result = Pkcs11Enroll { allow_sha1: false, ..quiet }.enroll(&CTX, &mut pin(&token));
        assert!(matches!(crate::lab::refusal(result), TokenError::Sha1NotAllowed));
    });
}

#[test]
fn many_commands_at_once_all_open() {
    // SoftHSM rewrites a file at C_Login; without a second look half of them fail.
    on_each_module(|_, token| {
        let enrolled = Enrolled::new(token, Mode::HmacSha256);
        std::thread::scope(|scope| {
            let opened: Vec<_> = (0..12)
                .map(|_| {
                    scope.spawn(|| {
                        let given = open(&tokens(&enrolled.token), &enrolled.stanza, &mut pin(&enrolled.token));
                        assert!(enrolled.is_secret(given));
                    })
                })
                .collect();
            for one in opened {
                one.join().expect("each opens");
            }
        });
    });
}
