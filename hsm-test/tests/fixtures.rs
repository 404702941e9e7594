//! Each software token does what the fixtures say of it, seen through `token-tool` in processes of its own.

use hsm_test::{Key, KeyType, MODULES, Module, Target, Token, not_a_module};

fn on_each_module(test: fn(&Module, Token)) {
    for module in MODULES {
        if let Some(token) = (module.start)() {
            println!("on {}", module.name);
            test(module, token);
        }
    }
}

#[test]
fn a_token_has_its_label_and_serial_number_and_takes_its_pin() {
    on_each_module(|_, token| {
        assert_eq!(token.tool("tokens", &[]).unwrap().trim(), format!("{}\t{}", token.serial(), token.label()));
        assert_eq!(token.uri(Some("k")), format!("pkcs11:token=lab;serial={};object=k", token.serial()));
        assert_eq!(token.pin_flags(), ["USER_PIN_INITIALIZED"]);
        token.login(token.pin()).unwrap();
        assert!(token.login("99999999").unwrap_err().is("PIN_INCORRECT"));
    });
}

#[test]
fn two_stores_do_not_see_each_other() {
    for module in MODULES {
        let (Some(one), Some(other)) = ((module.start)(), (module.start)()) else { continue };
        assert_ne!(one.serial(), other.serial());
        one.make_key(&Key::new(KeyType::Aes256, "k"));
        assert_eq!(other.keys(), []);
    }
}

#[test]
fn tokens_of_one_store_may_have_one_label_and_keep_their_own_keys() {
    on_each_module(|_, token| {
        let twin = token.another(token.label());
        assert_ne!(token.serial(), twin.serial());
        assert_eq!(token.tool("tokens", &[]).unwrap().lines().count(), 2);
        twin.make_key(&Key::new(KeyType::Hmac, "k"));
        assert_eq!(token.keys(), []);
        assert_eq!(twin.keys().len(), 1);
    });
}

#[test]
fn a_removed_token_is_gone_and_the_other_stays() {
    on_each_module(|_, token| {
        let other = token.another("other");
        let serial = token.serial().to_owned();
        token.remove();
        let tokens = other.tool("tokens", &[]).unwrap();
        assert!(!tokens.contains(&serial), "{tokens}");
        assert!(tokens.contains(other.serial()), "{tokens}");
        other.login(other.pin()).unwrap();
    });
}

#[test]
fn every_kind_of_key_can_be_made_and_the_useful_ones_work() {
    on_each_module(|module, token| {
        for kind in module.keys {
            println!("{kind:?}");
            token.make_key(&Key::new(*kind, kind.name()).id(&[0xab, 0xcd]));
            let keys = token.keys();
            let made: Vec<_> = keys.iter().filter(|key| key.label == kind.name() && key.class != "public").collect();
            assert_eq!(made.len(), 1, "{keys:?}");
            assert_eq!((made[0].id.as_str(), made[0].extractable, made[0].sensitive), ("abcd", false, true));
            let hash = if module.oaep_sha256 { "sha256" } else { "sha1" };
            round_trip(&token, kind.name(), hash).unwrap();
        }
    });
}

#[test]
fn oaep_sha256_works_where_the_module_says_so_and_nowhere_else() {
    on_each_module(|module, token| {
        token.make_key(&Key::new(KeyType::Rsa2048, "k"));
        assert_eq!(round_trip(&token, "k", "sha256").is_ok(), module.oaep_sha256);
    });
}

#[test]
fn twin_keys_are_found_twice() {
    on_each_module(|_, token| {
        let key = Key::new(KeyType::Aes256, "twin");
        token.make_key(&key);
        token.make_key(&key);
        let keys = token.keys();
        assert_eq!(keys.len(), 2);
        assert_eq!(keys[0], keys[1]);
    });
}

#[test]
fn a_deleted_key_is_gone_with_its_public_half() {
    on_each_module(|_, token| {
        token.make_key(&Key::new(KeyType::EcP256, "gone"));
        token.make_key(&Key::new(KeyType::EcP256, "kept"));
        assert_eq!(token.delete_key("gone"), 2);
        assert!(token.keys().iter().all(|key| key.label == "kept"));
        assert_eq!(token.keys().len(), 2);
    });
}

#[test]
fn keys_can_be_made_that_a_person_should_be_warned_of() {
    on_each_module(|_, token| {
        token.make_key(&Key::new(KeyType::Aes256, "out").extractable());
        token.make_key(&Key::new(KeyType::Aes256, "clear").not_sensitive());
        let keys = token.keys();
        let flags = |label: &str| {
            let key = keys.iter().find(|key| key.label == label).unwrap();
            (key.extractable, key.sensitive)
        };
        assert_eq!(flags("out"), (true, true));
        assert_eq!(flags("clear"), (true, false));
    });
}

#[test]
fn wrong_pins_lock_a_token_that_counts_them_and_its_officer_unlocks_it() {
    on_each_module(|module, mut token| {
        let Some(limit) = module.locks_after else {
            assert!(token.wrong_pins(12).iter().all(|answer| answer == "PIN_INCORRECT"));
            token.login(token.pin()).unwrap();
            return;
        };
        token.wrong_pins(limit - 1);
        println!("{:?}", token.pin_flags());
        assert!(token.pin_flags().contains(&"USER_PIN_FINAL_TRY".to_owned()));
        token.wrong_pins(1);
        assert!(token.pin_flags().contains(&"USER_PIN_LOCKED".to_owned()));
        assert!(token.login(token.pin()).unwrap_err().is("PIN_LOCKED"));
        token.reset_pin("23456789");
        token.login("23456789").unwrap();
        assert_eq!(token.pin(), "23456789");
    });
}

#[test]
fn a_store_is_removed_with_its_last_token() {
    on_each_module(|_, token| {
        let dir = token.dir().to_owned();
        let other = token.another("other");
        drop(token);
        assert!(dir.is_dir());
        drop(other);
        assert!(!dir.exists());
    });
}

#[test]
fn the_environment_of_the_tests_is_as_it_was() {
    on_each_module(|_, token| {
        for (name, _) in token.env() {
            assert_eq!(std::env::var_os(name), None);
        }
    });
}

#[test]
fn what_is_no_module_is_refused_as_such() {
    struct Wrong(std::path::PathBuf);
    impl Target for Wrong {
        fn module_path(&self) -> std::path::PathBuf {
            self.0.clone()
        }
        fn env(&self) -> Vec<(String, String)> {
            Vec::new()
        }
    }
    let dir = tempfile::tempdir().unwrap();
    for (path, says) in [
        (not_a_module::library(), "C_GetFunctionList"),
        (not_a_module::text_file(dir.path()), "invalid ELF header"),
        (not_a_module::directory(dir.path()), "libloading"),
        (not_a_module::empty_file(dir.path()), "file too short"),
    ] {
        let error = Wrong(path).tool("tokens", &[]).unwrap_err();
        assert!(error.stderr.contains(says), "{error}");
    }
}

fn round_trip(token: &Token, label: &str, hash: &str) -> Result<String, hsm_test::ToolError> {
    let args = [("serial", token.serial()), ("pin", token.pin()), ("label", label), ("hash", hash)];
    token.tool("round-trip", &args)
}
