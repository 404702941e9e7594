//! What every factor does, seen through the two traits alone. A new factor is one more function here that describes it.

use crate::lab::{CTX, Given, KEY, Made, must, nobody, on_each_module, opener, pin, tokens, types, uri};
use hsm_test::{Key, KeyType};
use serde_json::{Map, json};
use std::rc::Rc;
use twinlock::crypto::random_secret;
use twinlock::factor::fake::{FakeEnroll, FakeOpen};
use twinlock::factor::password::{Cost, NewPassword, PasswordEnroll, PasswordOpen};
use twinlock::factor::pkcs11::Mode;
use twinlock::factor::recovery::{RecoveryCode, RecoveryEnroll, RecoveryOpen};
use twinlock::factor::{Enroll, FactorError, Open, SlotContext};
use twinlock::header::{Keyslot, Stanza};
use twinlock::keyslot::{Plan, unwrap, wrap};
use twinlock::prompt::{NoPrompt, Prompt, PromptError, ScriptedPrompt};
use twinlock::secret::{AccountKey, FactorSecret};

/// A factor, with what opens it and what does not.
struct Subject<'a> {
    /// For messages.
    name: &'a str,
    /// Enrolls, with the person who is needed for it.
    enroll: &'a dyn Fn(&SlotContext<'_>) -> Made,
    /// Opens as a command that has just been started does.
    open: &'a dyn Fn(&SlotContext<'_>, &Stanza, &mut dyn Prompt) -> Given,
    /// Types what is right.
    right: &'a dyn Fn() -> ScriptedPrompt,
    /// Types what is wrong.
    wrong: &'a dyn Fn() -> ScriptedPrompt,
    /// Whether the factor secret itself depends on the keyslot. A password's does not: its salt is its own, and the mask of its share
    /// binds it (spec 3).
    bound: bool,
    /// Fields without which the stanza is none.
    needs: &'a [&'a str],
}

/// What holds for every factor.
fn conforms(subject: &Subject<'_>) {
    println!("{}", subject.name);
    let (stanza, secret) = must((subject.enroll)(&CTX));
    opens_with_what_is_right_and_nothing_else(subject, &stanza, &secret);
    opens_only_in_its_place(subject, &stanza, &secret);
    refuses_what_is_none_before_asking(subject, &stanza);
    says_when_nobody_is_there(subject, &stanza);
    let (_, again) = must((subject.enroll)(&SlotContext { keyslot_id: &[7; 16], ..CTX }));
    assert_ne!(again.expose(), secret.expose(), "another keyslot, another secret");
}

fn opens_with_what_is_right_and_nothing_else(subject: &Subject<'_>, stanza: &Stanza, secret: &FactorSecret) {
    let mut person = (subject.right)();
    let given = must((subject.open)(&CTX, stanza, &mut person)).expect("what is needed is here");
    assert_eq!(given.expose(), secret.expose());
    person.finish();
    // Names are for people, and a share and unknown fields for others.
    let renamed = SlotContext { vault: "x", keyslot: "y", ..CTX };
    let mut grown = Stanza { share: [9; 32], ..stanza.clone() };
    grown.params.insert("later".to_owned(), json!([1, {"a": true}]));
    let given = must((subject.open)(&renamed, &grown, &mut (subject.right)())).expect("what is needed is here");
    assert_eq!(given.expose(), secret.expose());
    match (subject.open)(&CTX, stanza, &mut (subject.wrong)()) {
        Ok(Some(given)) => assert_ne!(given.expose(), secret.expose()),
        Ok(None) => panic!("it is its own"),
        Err(FactorError::Token(_) | FactorError::MistypedCode(_)) => {}
        Err(other) => panic!("{other:?}"),
    }
}

fn opens_only_in_its_place(subject: &Subject<'_>, stanza: &Stanza, secret: &FactorSecret) {
    for place in [SlotContext { vault_id: &[9; 16], ..CTX }, SlotContext { keyslot_id: &[9; 16], ..CTX }] {
        let given = (subject.open)(&place, stanza, &mut (subject.right)()).ok().flatten();
        if subject.bound {
            assert!(given.is_none_or(|given| given.expose() != secret.expose()), "at the factor");
        }
    }
    // As a keyslot, whatever the factor does by itself.
    let key = AccountKey::new(random_secret().expect("randomness"));
    let plan = Plan {
        id: *CTX.keyslot_id,
        name: CTX.keyslot.to_owned(),
        created: "2026-01-01T00:00:00Z".to_owned(),
        threshold: 1,
        extra: Map::new(),
    };
    let slot = wrap(CTX.vault_id, plan, vec![stanza.clone()], &[secret], &key).expect("randomness");
    let opened = unwrap(CTX.vault_id, &slot, &[(1, secret)]).expect("in its place");
    assert_eq!(opened.expose(), key.expose());
    assert!(unwrap(&[9; 16], &slot, &[(1, secret)]).is_err(), "in another vault");
    let moved = Keyslot { id: [9; 16], ..slot };
    assert!(unwrap(CTX.vault_id, &moved, &[(1, secret)]).is_err(), "in another keyslot");
}

fn refuses_what_is_none_before_asking(subject: &Subject<'_>, stanza: &Stanza) {
    let foreign = Stanza { kind: "a-later-kind".to_owned(), params: Map::new(), ..stanza.clone() };
    assert!(matches!((subject.open)(&CTX, &foreign, &mut nobody()), Ok(None)), "not its own");
    for field in subject.needs {
        let mut without = stanza.clone();
        without.params.remove(*field);
        let mut odd = stanza.clone();
        odd.params.insert((*field).to_owned(), json!({"a": [1]}));
        for bad in [without, odd] {
            let given = (subject.open)(&CTX, &bad, &mut nobody());
            assert!(matches!(given, Err(FactorError::BadStanza(_))), "{field}");
        }
    }
}

fn says_when_nobody_is_there(subject: &Subject<'_>, stanza: &Stanza) {
    match (subject.open)(&CTX, stanza, &mut NoPrompt) {
        Err(FactorError::Prompt(PromptError::Nobody { what, .. })) => assert!(!what.is_empty()),
        other => panic!("{:?}", other.map(|given| given.is_some())),
    }
    for person in [ScriptedPrompt::new().cancels(), ScriptedPrompt::new().skips()] {
        let mut person = person;
        let given = (subject.open)(&CTX, stanza, &mut person);
        assert!(matches!(given, Err(FactorError::Prompt(PromptError::Cancelled | PromptError::Skipped))));
    }
}

#[test]
fn a_password_conforms() {
    let cost = Cost { memory_kib: 19_456, passes: 2, lanes: 1 };
    let enroll = |ctx: &SlotContext<'_>| {
        let mut person = ScriptedPrompt::new().types("correct horse").types("correct horse");
        let password = Rc::new(NewPassword::ask(ctx.vault, ctx.keyslot, true, &mut person)?);
        PasswordEnroll { cost, password }.enroll(ctx, &mut nobody())
    };
    conforms(&Subject {
        name: "password",
        enroll: &enroll,
        open: &|ctx, stanza, prompt| PasswordOpen.open(ctx, stanza, prompt),
        right: &|| types("correct horse"),
        wrong: &|| types("correct house"),
        bound: false,
        needs: &["kdf", "memory_kib", "passes", "lanes", "salt"],
    });
}

#[test]
fn a_recovery_code_conforms() {
    let code = must(RecoveryCode::generate());
    let text = code.text().expose().to_owned();
    let enroller = RecoveryEnroll(must(code.typed_back(&mut types(&text))));
    let other = must(RecoveryCode::generate()).text().expose().to_owned();
    conforms(&Subject {
        name: "recovery",
        enroll: &|ctx| enroller.enroll(ctx, &mut nobody()),
        open: &|ctx, stanza, prompt| RecoveryOpen.open(ctx, stanza, prompt),
        right: &|| types(&text),
        wrong: &|| types(&other),
        bound: true,
        needs: &[],
    });
}

#[test]
fn the_test_factor_conforms() {
    let enroller = FakeEnroll { name: "test".to_owned() };
    conforms(&Subject {
        name: "fake",
        enroll: &|ctx| enroller.enroll(ctx, &mut types("open sesame")),
        open: &|ctx, stanza, prompt| FakeOpen.open(ctx, stanza, prompt),
        right: &|| types("open sesame"),
        wrong: &|| types("open barley"),
        bound: true,
        needs: &[],
    });
}

#[test]
fn a_key_in_a_token_conforms() {
    on_each_module(|module, token| {
        token.make_key(&Key::new(KeyType::Hmac, KEY));
        let enroll = |ctx: &SlotContext<'_>| {
            crate::lab::enroller(&tokens(&token), &uri(&token), Mode::HmacSha256).enroll(ctx, &mut pin(&token))
        };
        conforms(&Subject {
            name: module.name,
            enroll: &enroll,
            open: &|ctx, stanza, prompt| opener(&tokens(&token)).open(ctx, stanza, prompt),
            right: &|| pin(&token),
            wrong: &|| types("99999999"),
            bound: true,
            needs: &["mode", "uri", "challenge"],
        });
    });
}
