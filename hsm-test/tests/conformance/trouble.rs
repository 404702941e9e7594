//! Modules that hang, crash, chatter or lie: each costs one clear error, or nothing.

use crate::lab::{Enrolled, KEY, enroll, must, nobody, on_each_module, open, pin, refusal, tokens, tokens_within, uri};
use hsm_test::{Key, KeyType, Target};
use std::time::Duration;
use twinlock::factor::pkcs11::{Mode, TokenError};

/// The functions that an opening calls, in order.
const CALLED: [&str; 11] = [
    "C_GetFunctionList",
    "C_Initialize",
    "C_GetInfo",
    "C_GetSlotList",
    "C_GetTokenInfo",
    "C_OpenSession",
    "C_Login",
    "C_FindObjectsInit",
    "C_FindObjects",
    "C_SignInit",
    "C_Sign",
];

#[test]
fn a_module_that_hangs_is_stopped_at_its_deadline_wherever_it_hangs() {
    on_each_module(|_, token| {
        let enrolled = Enrolled::new(token, Mode::HmacSha256);
        for function in CALLED {
            enrolled.faulty.plan(&format!("{function} * hang"));
            let tokens = tokens_within(&enrolled.faulty, Duration::from_millis(500));
            let error = refusal(open(&tokens, &enrolled.stanza, &mut pin(&enrolled.token)));
            let TokenError::Hung { path, .. } = &error else { panic!("{function}: {error:?}") };
            assert_eq!(*path, enrolled.faulty.module_path().display().to_string());
            assert!(error.to_string().contains("did not answer within"), "{error}");
            assert!(error.is_module());
        }
        assert!(enrolled.is_secret(enrolled.open("")), "nothing of it lasts");
    });
}

#[test]
fn a_module_that_hangs_costs_its_deadline_once_a_command() {
    on_each_module(|_, token| {
        let enrolled = Enrolled::new(token, Mode::HmacSha256);
        for function in ["C_Initialize", "C_Login"] {
            enrolled.faulty.plan(&format!("{function} * hang"));
            enrolled.faulty.forget_calls();
            let tokens = tokens_within(&enrolled.faulty, Duration::from_millis(500));
            let first = refusal(open(&tokens, &enrolled.stanza, &mut pin(&enrolled.token)));
            assert!(matches!(first, TokenError::Hung { .. }), "{function}: {first:?}");
            for _ in 0..3 {
                assert_eq!(refusal(open(&tokens, &enrolled.stanza, &mut nobody())), first, "{function}");
            }
            assert!(enrolled.faulty.count("C_Initialize") <= 1, "{function}: it is not started again");
        }
    });
}

#[test]
fn a_module_that_crashes_or_ends_its_process_is_told_of_wherever_it_does() {
    on_each_module(|_, token| {
        let enrolled = Enrolled::new(token, Mode::HmacSha256);
        for function in CALLED {
            let error = enrolled.refused(&format!("{function} * crash"));
            let signal = TokenError::Crashed { path: path(&enrolled), signal: Some(6) };
            assert_eq!(error, signal, "{function}");
            for code in [0, 3] {
                let error = enrolled.refused(&format!("{function} * exit {code}"));
                assert_eq!(error, TokenError::Crashed { path: path(&enrolled), signal: None }, "{function}");
            }
        }
        assert!(enrolled.is_secret(enrolled.open("")), "nothing of it lasts");
    });
}

fn path(enrolled: &Enrolled) -> String {
    enrolled.faulty.module_path().display().to_string()
}

#[test]
fn trouble_when_all_is_done_is_no_trouble() {
    on_each_module(|_, token| {
        let enrolled = Enrolled::new(token, Mode::HmacSha256);
        for plan in [
            "C_Finalize * hang",
            "C_Finalize * crash",
            "C_Finalize * return CKR_GENERAL_ERROR",
            "C_CloseSession * return CKR_DEVICE_ERROR",
        ] {
            assert!(enrolled.is_secret(enrolled.open(plan)), "{plan}");
        }
    });
}

#[test]
fn a_slow_module_is_waited_for() {
    on_each_module(|_, token| {
        let enrolled = Enrolled::new(token, Mode::HmacSha256);
        assert!(enrolled.is_secret(enrolled.open("C_Initialize 1 sleep 200\nC_Login 1 sleep 200\nC_Sign 1 sleep 200")));
    });
}

#[test]
fn chatter_on_stdout_and_stderr_harms_nothing() {
    on_each_module(|_, token| {
        let enrolled = Enrolled::new(token, Mode::HmacSha256);
        let noise =
            |function| format!("{function} * stdout {{\"LoggedIn\":null}}\n{function} * stderr driver: 3 warnings");
        let plan = CALLED.map(noise).join("\n");
        assert!(enrolled.is_secret(enrolled.open(&plan)));
    });
}

#[test]
fn a_module_that_gives_something_else_back_is_not_enrolled() {
    on_each_module(|_, token| {
        for (mode, kind, plan) in [
            (Mode::HmacSha256, KeyType::Hmac, "C_Sign 1 flip"),
            (Mode::HmacSha256, KeyType::Hmac, "C_Sign 2 flip"),
            (Mode::AesGcm, KeyType::Aes256, "C_Decrypt 1 flip"),
            (Mode::RsaOaepSha1, KeyType::Rsa2048, "C_Decrypt 1 flip"),
        ] {
            token.make_key(&Key::new(kind, KEY));
            let faulty = token.faulty(plan);
            let error = refusal(enroll(&tokens(&faulty), &uri(&token), mode, &mut pin(&token)));
            assert!(matches!(error, TokenError::RoundTrip { .. }), "{plan}: {error:?}");
            token.delete_key(KEY);
        }
    });
}

#[test]
fn a_module_that_damages_what_it_seals_is_not_enrolled() {
    on_each_module(|_, token| {
        token.make_key(&Key::new(KeyType::Aes256, KEY));
        let faulty = token.faulty("C_Encrypt 1 flip");
        refusal(enroll(&tokens(&faulty), &uri(&token), Mode::AesGcm, &mut pin(&token)));
    });
}

#[test]
fn a_module_that_lies_when_opening_gives_another_secret_and_no_panic() {
    on_each_module(|_, token| {
        let enrolled = Enrolled::new(token, Mode::HmacSha256);
        let given = must(enrolled.open("C_Sign * flip")).expect("its token is here");
        assert_ne!(given.expose(), enrolled.secret.expose());
    });
}

#[test]
fn an_hsm_that_makes_its_own_iv_is_enrolled_and_one_that_leaves_zeros_is_refused() {
    on_each_module(|_, token| {
        token.make_key(&Key::new(KeyType::Aes256, KEY));
        let faulty = token.faulty("gcm-iv hsm");
        let (stanza, secret) = must(enroll(&tokens(&faulty), &uri(&token), Mode::AesGcm, &mut pin(&token)));
        assert_ne!(stanza.params["iv"], "00".repeat(12));
        let given = must(open(&tokens(&faulty), &stanza, &mut pin(&token)));
        assert!(given.is_some_and(|given| given.expose() == secret.expose()));
        let faulty = token.faulty("gcm-iv zero");
        let error = refusal(enroll(&tokens(&faulty), &uri(&token), Mode::AesGcm, &mut pin(&token)));
        assert!(matches!(error, TokenError::ZeroIv { .. }), "{error:?}");
    });
}
