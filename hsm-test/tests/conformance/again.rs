//! An HSM that loses its session, restarts or fails over is connected to again, at the price of exactly as many logins as are promised.

use crate::lab::{Enrolled, helper, must, nobody, on_each_module, open, pin, refusal, types};
use hsm_test::Target;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use twinlock::factor::pkcs11::{Mode, Module, SharedTokens, TokenError, Tokens};

/// The modules of a command as it has them, but that nobody waits long.
fn tokens(enrolled: &Enrolled) -> SharedTokens {
    let module = Module { deadline: Duration::from_secs(2), ..Module::new(enrolled.faulty.module_path()) };
    let tokens = Tokens::new(helper(&enrolled.faulty), vec![module]).with_pauses(&[Duration::from_millis(1); 3]);
    Rc::new(RefCell::new(tokens))
}

fn hmac(token: hsm_test::Token) -> Enrolled {
    Enrolled::new(token, Mode::HmacSha256)
}

/// Opens under a plan, by somebody who types the PIN once: the logins that it took, and the keys that were made.
fn opens(enrolled: &Enrolled, plan: &str) -> usize {
    enrolled.faulty.plan(plan);
    enrolled.faulty.forget_calls();
    let mut person = pin(&enrolled.token);
    let given = must(open(&tokens(enrolled), &enrolled.stanza, &mut person)).expect("its token is here");
    assert_eq!(given.expose(), enrolled.secret.expose(), "{plan}");
    person.finish();
    // Lines are broken where the length of a path has them.
    let said = person.transcript().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("trying again"), "{plan}: {said}");

    enrolled.logins()
}

/// The error under a plan, and the logins that it took.
fn fails(enrolled: &Enrolled, plan: &str) -> (TokenError, usize) {
    enrolled.faulty.plan(plan);
    enrolled.faulty.forget_calls();
    let tokens = tokens(enrolled);
    let error = refusal(open(&tokens, &enrolled.stanza, &mut pin(&enrolled.token)));
    let logins = enrolled.logins();
    // Neither for the next keyslot on the same token.
    let _ = refusal(open(&tokens, &enrolled.stanza, &mut nobody_or_pin(&enrolled.token, logins)));
    (error, enrolled.logins())
}

/// Only where no PIN was sent may somebody be asked for the next keyslot.
fn nobody_or_pin(token: &hsm_test::Token, logins: usize) -> twinlock::prompt::ScriptedPrompt {
    if logins == 0 { pin(token) } else { nobody() }
}

#[test]
fn a_session_that_is_lost_once_costs_one_more_login() {
    on_each_module(|_, token| {
        let enrolled = hmac(token);
        for code in [
            "CKR_SESSION_HANDLE_INVALID",
            "CKR_SESSION_CLOSED",
            "CKR_TOKEN_NOT_PRESENT",
            "CKR_DEVICE_REMOVED",
            "CKR_DEVICE_ERROR",
            "CKR_USER_NOT_LOGGED_IN",
        ] {
            assert_eq!(opens(&enrolled, &format!("C_Sign #1 return {code}")), 2, "{code}");
        }
        for function in ["C_FindObjectsInit", "C_SignInit"] {
            assert_eq!(opens(&enrolled, &format!("{function} #1 return CKR_SESSION_CLOSED")), 2, "{function}");
        }
    });
}

#[test]
fn a_session_that_is_lost_before_the_login_costs_none() {
    on_each_module(|_, token| {
        let enrolled = hmac(token);
        assert_eq!(opens(&enrolled, "C_OpenSession #1 return CKR_DEVICE_REMOVED"), 1);
        assert_eq!(opens(&enrolled, "C_OpenSession #1 crash"), 1);
    });
}

#[test]
fn it_is_found_again_also_where_its_public_key_is_looked_at_first() {
    on_each_module(|_, token| {
        let enrolled = Enrolled::new(token, Mode::EcdhP256);
        assert_eq!(opens(&enrolled, "C_OpenSession #1 return CKR_DEVICE_REMOVED"), 1);
        assert_eq!(opens(&enrolled, "C_FindObjectsInit #1 return CKR_SESSION_HANDLE_INVALID"), 1);
        assert_eq!(opens(&enrolled, "C_DeriveKey #1 return CKR_SESSION_CLOSED"), 2);
    });
}

#[test]
fn a_module_that_dies_or_hangs_while_it_works_is_started_again() {
    on_each_module(|_, token| {
        let enrolled = hmac(token);
        for fault in ["crash", "exit 0", "hang"] {
            assert_eq!(opens(&enrolled, &format!("C_Sign #1 {fault}")), 2, "{fault}");
        }
    });
}

#[test]
fn one_that_stays_away_is_given_up_after_three_more_tries() {
    on_each_module(|_, token| {
        let enrolled = hmac(token);
        let (error, logins) = fails(&enrolled, "C_Sign * return CKR_SESSION_CLOSED");
        assert!(matches!(&error, TokenError::Refused { name, .. } if name == "CKR_SESSION_CLOSED"), "{error:?}");
        // Each with a PIN that was right every time; the next keyslot finds the login of the last.
        assert_eq!(logins, 4);
        let (error, logins) = fails(&enrolled, "C_Sign * crash");
        assert!(matches!(error, TokenError::Crashed { .. }), "{error:?}");
        assert_eq!(logins, 4);
        // A hang costs its deadline: once more, and no further.
        let (error, logins) = fails(&enrolled, "C_Sign * hang");
        assert!(matches!(error, TokenError::Hung { .. }), "{error:?}");
        assert_eq!(logins, 2);
    });
}

#[test]
fn a_pin_of_unknown_outcome_is_sent_once_more_if_nothing_was_counted() {
    on_each_module(|_, token| {
        let enrolled = hmac(token);
        for fault in ["crash", "exit 3", "return CKR_SESSION_HANDLE_INVALID"] {
            assert_eq!(opens(&enrolled, &format!("C_Login #1 {fault}")), 2, "{fault}");
            let (error, logins) = fails(&enrolled, &format!("C_Login * {fault}"));
            assert!(!matches!(error, TokenError::PinWrong { .. }), "{error:?}");
            assert_eq!(logins, 2, "{fault}");
        }
    });
}

#[test]
fn it_is_not_sent_again_to_a_token_that_has_counted_a_wrong_one() {
    on_each_module(|_, token| {
        let enrolled = hmac(token);
        let (error, logins) = fails(&enrolled, "C_Login #1 crash\ntoken-flags +USER_PIN_COUNT_LOW");
        assert!(matches!(error, TokenError::Crashed { .. }), "{error:?}");
        assert_eq!(logins, 1);
    });
}

#[test]
fn a_hang_in_the_login_is_not_waited_for_twice() {
    on_each_module(|_, token| {
        let enrolled = hmac(token);
        let (error, logins) = fails(&enrolled, "C_Login #1 hang");
        assert!(matches!(error, TokenError::Hung { .. }), "{error:?}");
        assert_eq!(logins, 1);
    });
}

#[test]
fn a_wrong_pin_is_never_sent_again_also_after_a_lost_session() {
    on_each_module(|_, token| {
        let enrolled = hmac(token);
        // The session is lost before the login, and then the PIN is wrong.
        for plan in ["C_OpenSession #1 return CKR_SESSION_CLOSED", "C_Login #1 return CKR_SESSION_CLOSED"] {
            // What was counted before is forgotten with a right one.
            assert!(enrolled.is_secret(enrolled.open("")));
            enrolled.faulty.plan(plan);
            enrolled.faulty.forget_calls();
            let tokens = tokens(&enrolled);
            for mut person in [types("99999999"), nobody()] {
                let error = refusal(open(&tokens, &enrolled.stanza, &mut person));
                assert!(matches!(error, TokenError::PinWrong { .. }), "{plan}: {error:?}");
            }
            assert_eq!(enrolled.logins(), if plan.starts_with("C_Login") { 2 } else { 1 }, "{plan}");
        }
    });
}

#[test]
fn a_pin_that_was_right_and_is_wrong_now_is_sent_once() {
    on_each_module(|_, token| {
        let enrolled = hmac(token);
        let plan = "C_Sign * return CKR_SESSION_CLOSED\nC_Login #2 return CKR_PIN_INCORRECT";
        let (error, logins) = fails(&enrolled, plan);
        assert!(matches!(error, TokenError::PinWrong { .. }), "{error:?}");
        assert_eq!(logins, 2);
    });
}
