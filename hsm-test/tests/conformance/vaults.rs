//! Keyslots of several factors, one of them a key in a token, through the vault as a command uses it.

use crate::lab::{
    KEY, enroller, helper, key_type, nobody, on_each_mode, on_each_module, opener, pin, tokens, types, uri,
};
use hsm_test::{Key, Token};
use std::rc::Rc;
use twinlock::crypto::random_secret;
use twinlock::factor::password::{Cost, NewPassword, PasswordEnroll};
use twinlock::factor::pkcs11::{KIND, Mode, Module, Pkcs11Enroll, Pkcs11Open, SharedTokens, TokenError, Tokens};
use twinlock::factor::recovery::{RecoveryCode, RecoveryEnroll};
use twinlock::factor::{Enroll, FactorError, Openers};
use twinlock::prompt::{Prompt, ScriptedPrompt};
use twinlock::secret::{AccountKey, zeros32};
use twinlock::store::memory::{Contents, MemoryStore};
use twinlock::vault::{NewKeyslot, Refusal, Vault, VaultError, Wish};

const PASSWORD: &str = "correct horse battery staple";

/// A vault, and the account key in it.
struct Home {
    store: MemoryStore,
    key: AccountKey,
}

impl Home {
    fn new(threshold: u8, factors: Vec<&dyn Enroll>, prompt: &mut dyn Prompt) -> Self {
        let key = AccountKey::new(random_secret().expect("randomness"));
        let slot = NewKeyslot { name: "daily".to_owned(), threshold, factors, custodians: false };
        let new = Vault::prepare("home", &key, &[slot], prompt).unwrap_or_else(|error| panic!("{error:?}"));
        let store = MemoryStore::new(Contents::new(&new.header, &new.manifest, [], []));
        Self { store, key }
    }

    /// Unlocks as a new command does, with these tokens at hand.
    fn unlock(&self, tokens: SharedTokens, prompt: &mut dyn Prompt) -> Result<(), VaultError> {
        self.unlock_with(opener(&tokens), prompt)
    }

    fn unlock_with(&self, opener: Pkcs11Open, prompt: &mut dyn Prompt) -> Result<(), VaultError> {
        let mut openers = Openers::typed();
        openers.add(KIND, Box::new(opener));
        let vault = Vault::unlock(Box::new(self.store.clone()), Wish::default(), &mut openers, prompt)?;
        assert_eq!(vault.account_key().expose(), self.key.expose());
        Ok(())
    }
}

fn password() -> PasswordEnroll {
    let mut person = ScriptedPrompt::new().types(PASSWORD).types(PASSWORD);
    let password = NewPassword::ask("home", "daily", true, &mut person).unwrap_or_else(|error| panic!("{error:?}"));
    PasswordEnroll { cost: Cost { memory_kib: 19_456, passes: 2, lanes: 1 }, password: Rc::new(password) }
}

fn key_on(token: &Token, mode: Mode) -> Pkcs11Enroll {
    enroller(&tokens(token), &uri(token), mode)
}

/// Why the one keyslot did not open.
fn refusal(result: Result<(), VaultError>) -> Refusal {
    match result {
        Err(VaultError::Locked(mut refusals)) if refusals.len() == 1 => refusals.remove(0).1,
        other => panic!("{other:?}"),
    }
}

/// Somebody has no tokens at all.
fn no_tokens() -> SharedTokens {
    Tokens::shared(twinlock::factor::pkcs11::HelperCommand { exe: hsm_test::twinlock(), args: Vec::new() }, Vec::new())
}

#[test]
fn password_and_token_open_together_and_neither_alone() {
    on_each_mode(|mode, token| {
        let home = Home::new(2, vec![&password(), &key_on(&token, mode)], &mut pin(&token));
        let mut person = ScriptedPrompt::new().types(token.pin()).types(PASSWORD).no_retry();
        home.unlock(tokens(&token), &mut person).unwrap_or_else(|error| panic!("{error:?}"));
        person.finish();

        let mut person = ScriptedPrompt::new().types(token.pin()).types("correct house").no_retry();
        let refused = refusal(home.unlock(tokens(&token), &mut person));
        assert!(
            matches!(&refused, Refusal::Wrong { what, by_person: false, .. } if *what == ["password"]),
            "{refused:?}"
        );

        // Without the token nobody is asked for a password that could not help.
        let refused = refusal(home.unlock(no_tokens(), &mut nobody()));
        let Refusal::Factor(FactorError::Token(TokenError::NoModule)) = refused else { panic!("{refused:?}") };

        let refused = refusal(home.unlock(tokens(&token), &mut types("99999999")));
        let Refusal::Factor(FactorError::Token(TokenError::PinWrong { .. })) = refused else { panic!("{refused:?}") };

        let another = token.another("another");
        token.remove();
        let refused = refusal(home.unlock(tokens(&another), &mut nobody()));
        let Refusal::Missing(what) = refused else { panic!("{refused:?}") };
        assert_eq!(what.len(), 1);
        assert!(what[0].contains("is not here"), "{what:?}");
    });
}

#[test]
fn any_two_of_password_token_and_code_open() {
    on_each_module(|_, token| {
        token.make_key(&Key::new(key_type(Mode::AesGcm), KEY));
        let code = RecoveryCode::generate().unwrap_or_else(|error| panic!("{error:?}"));
        let text = code.text().expose().to_owned();
        let kept = code.typed_back(&mut types(&text)).unwrap_or_else(|error| panic!("{error:?}"));
        let (password, recovery) = (password(), RecoveryEnroll(kept));
        let home = Home::new(2, vec![&password, &key_on(&token, Mode::AesGcm), &recovery], &mut pin(&token));
        let opens = |tokens: SharedTokens, mut person: ScriptedPrompt| {
            home.unlock(tokens, &mut person).unwrap_or_else(|error| panic!("{error:?}"));
            person.finish();
        };
        opens(tokens(&token), ScriptedPrompt::new().types(token.pin()).types(PASSWORD));
        opens(tokens(&token), ScriptedPrompt::new().types(token.pin()).skips().types(&text));
        opens(no_tokens(), ScriptedPrompt::new().types(PASSWORD).types(&text));
        // One alone does not.
        let refused = refusal(home.unlock(no_tokens(), &mut ScriptedPrompt::new().types(PASSWORD).skips()));
        assert!(matches!(refused, Refusal::Missing(_)), "{refused:?}");
    });
}

#[test]
fn two_of_three_tokens_open_after_one_is_lost() {
    on_each_module(|_, ada| {
        let (bob, cy) = (ada.another("bob"), ada.another("cy"));
        for token in [&ada, &bob, &cy] {
            token.make_key(&Key::new(key_type(Mode::EcdhP256), KEY));
        }
        let enrollers = [&ada, &bob, &cy].map(|token| key_on(token, Mode::EcdhP256));
        let mut people = ScriptedPrompt::new().types(ada.pin()).types(bob.pin()).types(cy.pin());
        let home = Home::new(2, enrollers.iter().map(|one| one as &dyn Enroll).collect(), &mut people);
        people.finish();
        ada.remove();
        let mut people = ScriptedPrompt::new().types(bob.pin()).types(cy.pin());
        home.unlock(tokens(&cy), &mut people).unwrap_or_else(|error| panic!("{error:?}"));
        people.finish();
        bob.remove();
        // Nobody has another one to put into the reader.
        let mut alone = pin(&cy).says(false);
        let Refusal::Missing(what) = refusal(home.unlock(tokens(&cy), &mut alone)) else { panic!("not missing") };
        assert_eq!(what.len(), 2, "{what:?}");
    });
}

#[test]
fn a_file_altered_by_one_bit_in_the_token_s_stanza_does_not_open() {
    on_each_mode(|mode, token| {
        let home = Home::new(1, vec![&key_on(&token, mode)], &mut pin(&token));
        let before = home.store.contents();
        let text = String::from_utf8(before.header.clone().expect("a header")).expect("UTF-8");
        for field in ["sealed", "iv", "challenge", "public", "ephemeral", "modulus", "share", "nonce", "wrapped"] {
            let Some(at) = text.find(&format!("\"{field}\": \"")).map(|at| at + field.len() + 20) else { continue };
            let mut bad = text.clone().into_bytes();
            bad[at] = if bad[at] == b'0' { b'1' } else { b'0' };
            home.store.replace(Contents { header: Some(bad), ..before.clone() });
            let opened = home.unlock(tokens(&token), &mut pin(&token));
            assert!(matches!(opened, Err(VaultError::Locked(_))), "{field}: {opened:?}");
        }
        home.store.replace(before);
        home.unlock(tokens(&token), &mut pin(&token)).unwrap_or_else(|error| panic!("{error:?}"));
    });
}

#[test]
fn a_module_in_trouble_does_not_bar_another_way_in() {
    on_each_module(|_, token| {
        token.make_key(&Key::new(key_type(Mode::HmacSha256), KEY));
        let mut key = zeros32();
        key.fill(7);
        let key = AccountKey::new(key);
        let (password, pkcs11) = (password(), key_on(&token, Mode::HmacSha256));
        let slots = [
            NewKeyslot { name: "token".to_owned(), threshold: 1, factors: vec![&pkcs11], custodians: false },
            NewKeyslot { name: "typed".to_owned(), threshold: 1, factors: vec![&password], custodians: false },
        ];
        let new = Vault::prepare("home", &key, &slots, &mut pin(&token)).unwrap_or_else(|error| panic!("{error:?}"));
        let store = MemoryStore::new(Contents::new(&new.header, &new.manifest, [], []));
        let home = Home { store, key };
        for plan in ["C_Initialize * crash", "C_Initialize * return CKR_GENERAL_ERROR", "C_GetSlotList * exit 0"] {
            let faulty = token.faulty(plan);
            home.unlock(tokens(&faulty), &mut types(PASSWORD)).unwrap_or_else(|error| panic!("{plan}: {error:?}"));
        }
        let gone = Tokens::shared(helper(&token), vec![Module::new("/nonexistent/module.so")]);
        home.unlock(gone, &mut types(PASSWORD)).unwrap_or_else(|error| panic!("{error:?}"));
    });
}
