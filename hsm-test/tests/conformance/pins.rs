//! A PIN try is precious: nothing is sent in vain, nothing twice, and the last try only by the person's word.

use crate::lab::{Enrolled, enroll, must, nobody, on_each_module, open, opener, pin, refusal, tokens, types, uri};
use hsm_test::{Module, Token};
use std::path::Path;
use twinlock::factor::Open;
use twinlock::factor::pkcs11::{Mode, Pkcs11Open, TokenError};
use twinlock::prompt::{NoPrompt, ScriptedPrompt, Tries};

const WRONG: &str = "99999999";

fn hmac(token: Token) -> Enrolled {
    Enrolled::new(token, Mode::HmacSha256)
}

/// A token one wrong PIN before it locks; with modules that count no tries only its flag says so.
fn at_the_last_try(module: &Module, enrolled: &Enrolled) -> &'static str {
    match module.locks_after {
        Some(limit) => {
            enrolled.token.wrong_pins(limit - 1);
            ""
        }
        None => "token-flags +USER_PIN_FINAL_TRY",
    }
}

#[test]
fn a_wrong_pin_is_named_and_sent_once_where_nobody_types_again() {
    on_each_module(|_, token| {
        let enrolled = hmac(token);
        let error = refusal(enrolled.open_with("", &mut types(WRONG)));
        assert!(matches!(error, TokenError::PinWrong { .. }), "{error:?}");
        let says = error.to_string();
        assert!(says.starts_with("wrong PIN for token 'lab"), "{says}");
        assert_eq!(enrolled.logins(), 1);
    });
}

#[test]
fn a_person_may_mistype_twice_and_not_more() {
    on_each_module(|_, token| {
        let enrolled = hmac(token);
        // Kryoptic sets the flag only near the end; where it is never set there are two tries.
        let plan = "token-flags +USER_PIN_COUNT_LOW";
        let mut person = ScriptedPrompt::new().types(WRONG).types("88888888").types(enrolled.token.pin());
        assert!(enrolled.is_secret(enrolled.open_with(plan, &mut person)));
        person.finish();
        assert_eq!(enrolled.logins(), 3);
        assert_eq!(
            person.transcript().matches("That is not the PIN of token 'lab").count(),
            2,
            "{}",
            person.transcript()
        );

        let mut person = ScriptedPrompt::new().types(WRONG).types("88888888").types("77777777");
        let error = refusal(enrolled.open_with(plan, &mut person));
        assert!(matches!(error, TokenError::PinWrong { .. }), "{error:?}");
        assert_eq!(enrolled.logins(), 3);
    });
}

#[test]
fn what_cannot_be_the_pin_is_not_sent() {
    on_each_module(|_, token| {
        let enrolled = hmac(token);
        let (_, longest) = pin_lengths(&enrolled);
        let mut forms = vec![String::new(), "\0".repeat(8), "1234\u{0}678".to_owned()];
        // 0 says that there is no limit.
        forms.extend((longest > 0).then(|| "1".repeat(longest + 1)));
        for form in forms {
            let error = refusal(enrolled.open_with("", &mut types(&form)));
            assert!(matches!(error, TokenError::PinForm { .. }), "{} bytes: {error:?}", form.len());
            assert!(error.to_string().ends_with("it was not sent"), "{error}");
            assert_eq!(enrolled.logins(), 0, "{} bytes", form.len());
        }
    });
}

#[test]
fn a_pin_that_is_shorter_than_the_token_s_shortest_is_not_sent() {
    on_each_module(|_, token| {
        let enrolled = hmac(token);
        let (shortest, _) = pin_lengths(&enrolled);
        if shortest < 2 {
            return;
        }
        let error = refusal(enrolled.open_with("", &mut types(&"1".repeat(shortest - 1))));
        let TokenError::PinForm { min, why, .. } = error else { panic!("{error:?}") };
        assert_eq!((min, why), (shortest, "it is too short"));
        assert_eq!(enrolled.logins(), 0);
        // A person is told, and may type it again: nothing was spent.
        let mut person = ScriptedPrompt::new().types("1").types(enrolled.token.pin());
        assert!(enrolled.is_secret(enrolled.open_with("", &mut person)));
        assert_eq!(enrolled.logins(), 1);
        assert!(person.transcript().contains("it is too short"), "{}", person.transcript());
    });
}

/// The shortest and the longest PIN, as the token says.
fn pin_lengths(enrolled: &Enrolled) -> (usize, usize) {
    let (found, _) = tokens(&enrolled.faulty).borrow_mut().find_all(&uri(&enrolled.token));
    enrolled.faulty.forget_calls();
    (found[0].info.min_pin, found[0].info.max_pin)
}

#[test]
fn the_last_try_is_kept_unless_the_person_dares_it() {
    on_each_module(|module, token| {
        let enrolled = hmac(token);
        let plan = at_the_last_try(module, &enrolled);
        let error = refusal(enrolled.open_with(plan, &mut nobody()));
        assert!(matches!(error, TokenError::FinalTry { .. }), "{error:?}");
        assert!(error.to_string().contains("one try left before it locks; nothing was sent"), "{error}");
        assert_eq!(enrolled.logins(), 0);
        // The same when enrolling.
        let made = enroll(&tokens(&enrolled.faulty), &uri(&enrolled.token), Mode::HmacSha256, &mut nobody());
        assert!(matches!(refusal(made), TokenError::FinalTry { .. }));
        assert_eq!(enrolled.logins(), 0);
        // The person dares it, and is told before typing what is at stake.
        let mut daring = daring(&enrolled);
        let mut person = pin(&enrolled.token);
        let given = daring.open(&crate::lab::CTX, &enrolled.stanza, &mut person);
        assert!(person.transcript().contains("last try before the token locks"), "{}", person.transcript());
        assert!(enrolled.is_secret(given));
        assert_eq!(enrolled.logins(), 1);
    });
}

fn daring(enrolled: &Enrolled) -> Pkcs11Open {
    Pkcs11Open { force_last_try: true, ..opener(&tokens(&enrolled.faulty)) }
}

#[test]
fn a_person_who_mistypes_is_stopped_before_the_last_try() {
    on_each_module(|module, token| {
        let Some(limit) = module.locks_after else { return };
        let enrolled = hmac(token);
        enrolled.token.wrong_pins(limit - 2);
        // Would type again, and is not asked.
        let mut person = ScriptedPrompt::new().types(WRONG);
        let error = refusal(enrolled.open_with("", &mut person));
        assert!(matches!(error, TokenError::PinWrong { tries: Tries::Last, .. }), "{error:?}");
        assert!(error.to_string().ends_with(", one try left"), "{error}");
        assert_eq!(enrolled.logins(), 1);
    });
}

#[test]
fn a_token_that_locks_says_so_and_is_not_asked_again() {
    on_each_module(|module, token| {
        let Some(limit) = module.locks_after else { return };
        let enrolled = hmac(token);
        enrolled.token.wrong_pins(limit - 1);
        enrolled.faulty.forget_calls();
        let given = daring(&enrolled).open(&crate::lab::CTX, &enrolled.stanza, &mut types(WRONG));
        assert!(matches!(refusal(given), TokenError::PinLocked { .. }));
        assert_eq!(enrolled.logins(), 1);
        // From now on nobody is asked, whatever they dare.
        enrolled.faulty.forget_calls();
        let given = daring(&enrolled).open(&crate::lab::CTX, &enrolled.stanza, &mut nobody());
        assert!(matches!(refusal(given), TokenError::PinLocked { .. }));
        assert_eq!(enrolled.logins(), 0);
        // The security officer helps, and the key is still there.
        let Enrolled { mut token, stanza, secret, .. } = enrolled;
        token.reset_pin("23456789");
        let given = must(open(&tokens(&token), &stanza, &mut types("23456789")));
        assert!(given.is_some_and(|given| given.expose() == secret.expose()));
    });
}

#[test]
fn a_wrong_pin_in_a_file_is_sent_once() {
    on_each_module(|_, token| {
        let enrolled = hmac(token);
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        let file = dir.path().join("pin");
        let open_by_file = |content: &str| {
            std::fs::write(&file, content).expect("a temporary folder can be written");
            enrolled.faulty.forget_calls();
            let uris = vec![with_source(&enrolled, &file)];
            let mut opener = Pkcs11Open { uris, ..opener(&tokens(&enrolled.faulty)) };
            // Somebody is there, and is not asked: the file is what they said.
            opener.open(&crate::lab::CTX, &enrolled.stanza, &mut nobody())
        };
        assert!(matches!(refusal(open_by_file(WRONG)), TokenError::PinWrong { .. }));
        assert_eq!(enrolled.logins(), 1);
        assert!(matches!(refusal(open_by_file("\n")), TokenError::PinForm { .. }));
        assert_eq!(enrolled.logins(), 0);
        let right = format!("{}\nnot this line", enrolled.token.pin());
        assert!(enrolled.is_secret(open_by_file(&right)));
        assert_eq!(enrolled.logins(), 1);
    });
}

fn with_source(enrolled: &Enrolled, file: &Path) -> twinlock::factor::pkcs11::Uri {
    crate::lab::parse(&format!("{}?pin-source={}", enrolled.token.uri(None), file.display()))
}

#[test]
fn nobody_there_is_no_try() {
    on_each_module(|_, token| {
        let enrolled = hmac(token);
        let given = enrolled.open_with("", &mut NoPrompt);
        assert!(given.is_err_and(|error| matches!(error, twinlock::factor::FactorError::Prompt(_))));
        assert_eq!(enrolled.logins(), 0);
    });
}

#[test]
fn a_pin_pad_is_asked_and_not_the_person() {
    on_each_module(|_, token| {
        let enrolled = hmac(token);
        let pad = "token-flags +PROTECTED_AUTHENTICATION_PATH\npin-pad";
        let mut person = nobody();
        let right = format!("{pad} {}", enrolled.token.pin());
        assert!(enrolled.is_secret(enrolled.open_with(&right, &mut person)));
        assert!(person.transcript().contains("on the keypad of token 'lab"), "{}", person.transcript());
        let error = refusal(enrolled.open_with(&format!("{pad} {WRONG}"), &mut nobody()));
        assert!(matches!(error, TokenError::PinWrong { .. }), "{error:?}");
        assert_eq!(enrolled.logins(), 1);
    });
}

#[test]
fn already_logged_in_says_nothing_of_the_pin() {
    on_each_module(|_, token| {
        let enrolled = hmac(token);
        let plan = "C_Login 1 return CKR_USER_ALREADY_LOGGED_IN\nC_Logout 1 return 0x0";
        let error = refusal(enrolled.open_with(plan, &mut types(WRONG)));
        assert!(matches!(error, TokenError::PinWrong { .. }), "{error:?}");
        assert!(enrolled.is_secret(enrolled.open(plan)));
    });
}

#[test]
fn one_command_asks_for_a_pin_once_a_token() {
    on_each_module(|_, token| {
        let enrolled = hmac(token);
        let tokens = tokens(&enrolled.faulty);
        assert!(enrolled.is_secret(open(&tokens, &enrolled.stanza, &mut pin(&enrolled.token))));
        assert!(enrolled.is_secret(open(&tokens, &enrolled.stanza, &mut nobody())));
        assert_eq!(enrolled.logins(), 1);
    });
}

#[test]
fn a_login_that_failed_is_not_repeated_for_the_next_keyslot() {
    let Some(token) = hsm_test::softhsm::start() else { return };
    let enrolled = hmac(token);
    for code in ["CKR_PIN_LEN_RANGE", "0x80000001", "CKR_FUNCTION_REJECTED", "CKR_PIN_INCORRECT", "CKR_PIN_LOCKED"] {
        enrolled.faulty.plan(&format!("C_Login * return {code}"));
        enrolled.faulty.forget_calls();
        let tokens = tokens(&enrolled.faulty);
        let first = refusal(open(&tokens, &enrolled.stanza, &mut pin(&enrolled.token)));
        assert!(!first.to_string().contains("not sent"), "{first}");
        // Two more keyslots on the same token; nobody is asked, since nothing would be sent.
        for _ in 0..2 {
            assert_eq!(refusal(open(&tokens, &enrolled.stanza, &mut nobody())), first);
        }
        assert_eq!(enrolled.logins(), 1, "{code}");
    }
}

#[test]
fn a_wrong_pin_typed_again_is_not_sent_again() {
    let Some(token) = hsm_test::softhsm::start() else { return };
    let enrolled = hmac(token);
    let mut person = ScriptedPrompt::new().types(WRONG).types(WRONG).types(enrolled.token.pin());
    assert!(enrolled.is_secret(enrolled.open_with("", &mut person)));
    assert_eq!(enrolled.logins(), 2);
    assert!(person.transcript().contains("it was wrong before; it was not"), "{}", person.transcript());
}

#[test]
fn a_token_that_tells_nothing_of_tries_gets_two_and_no_third() {
    let Some(token) = hsm_test::softhsm::start() else { return };
    let enrolled = hmac(token);
    let mut person = ScriptedPrompt::new().types(WRONG).types("88888888");
    let error = refusal(enrolled.open_with("token-flags -USER_PIN_COUNT_LOW", &mut person));
    assert!(error.to_string().ends_with("which does not say how many tries are left"), "{error}");
    assert_eq!(enrolled.logins(), 2);
    assert!(person.transcript().contains("only one more is made now"), "{}", person.transcript());
    let mut person = ScriptedPrompt::new().types(WRONG).types(enrolled.token.pin());
    assert!(enrolled.is_secret(enrolled.open_with("token-flags -USER_PIN_COUNT_LOW", &mut person)));
}
