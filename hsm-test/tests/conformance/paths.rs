//! What a person may name as a module and is none.

use crate::lab::{CTX, KEY, MODES, enroll, helper, must, nobody, on_each_module, open, pin, refusal, uri};
use hsm_test::{Key, KeyType, Target, Token, not_a_module};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use twinlock::factor::Enroll;
use twinlock::factor::pkcs11::{HelperCommand, Mode, Module, Pkcs11Enroll, SharedTokens, TokenError, Tokens};

/// A helper that needs no token's variables.
fn plain_helper() -> HelperCommand {
    HelperCommand { exe: hsm_test::twinlock(), args: vec!["pkcs11-helper".into()] }
}

fn only(path: &Path) -> SharedTokens {
    Tokens::shared(plain_helper(), vec![Module::new(path)])
}

/// Why a path is refused, after seeing that it is the same for everything one does with it.
fn why(path: &Path) -> String {
    let Err(by_list) = only(path).borrow_mut().list().remove(0).outcome else {
        panic!("'{}' was taken for a module", path.display());
    };
    let uri = crate::lab::parse("pkcs11:token=lab;object=k");
    let by_enrolment = refusal(enroll(&only(path), &uri, Mode::HmacSha256, &mut nobody()));
    assert_eq!(by_list, by_enrolment);
    let TokenError::ModuleUnusable { path: named, why } = by_list else { panic!("{by_list:?}") };
    assert_eq!(named, path.display().to_string());
    why
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("one's own file");
}

#[test]
fn what_is_no_module_is_refused_and_says_what_it_is() {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    assert_eq!(why(&not_a_module::directory(dir.path())), "it is a folder, not a library");
    assert_eq!(why(&not_a_module::library()), "it is no PKCS#11 module");
    assert_eq!(why(&dir.path().join("none.so")), "there is no such file");
    assert_eq!(why(Path::new("/dev/null")), "it is not a regular file");
    for file in [not_a_module::text_file(dir.path()), not_a_module::empty_file(dir.path())] {
        chmod(&file, 0o644);
        let why = why(&file);
        // In the loader's words.
        assert!(why.contains("ELF") || why.contains("too short"), "{why}");
    }
}

#[test]
fn a_path_that_is_not_absolute_loads_nothing() {
    for path in ["", "libm.so.6", "./libm.so.6"] {
        assert_eq!(why(Path::new(path)), "the path is not absolute");
    }
}

#[test]
fn what_other_users_can_write_is_not_loaded() {
    on_each_module(|_, token| {
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        let copy = dir.path().join("module.so");
        std::fs::copy(token.module_path(), &copy).expect("a temporary folder can be written");
        chmod(&copy, 0o644);
        let own = Tokens::shared(helper(&token), vec![Module::new(&copy)]);
        assert!(own.borrow_mut().list().remove(0).outcome.is_ok());
        for mode in [0o666, 0o664] {
            chmod(&copy, mode);
            let why = why(&copy);
            assert!(why.ends_with("module.so' can be changed by other users"), "{why}");
        }
        chmod(&copy, 0o644);
        chmod(dir.path(), 0o777);
        assert!(why(&copy).ends_with("can be changed by other users"));
        chmod(dir.path(), 0o700);
    });
}

#[test]
fn a_module_that_is_none_does_not_hide_one_that_works() {
    on_each_module(|_, token| {
        token.make_key(&Key::new(KeyType::Hmac, KEY));
        let modules = vec![Module::new(not_a_module::library()), Module::new(token.module_path())];
        let tokens = Tokens::shared(helper(&token), modules);
        let listed = tokens.borrow_mut().list();
        assert!(listed[0].outcome.is_err() && listed[1].outcome.is_ok());
        let mut person = pin(&token);
        let (stanza, secret) = must(enroll(&tokens, &uri(&token), Mode::HmacSha256, &mut person));
        assert!(person.transcript().contains("it is no PKCS#11 module"), "{}", person.transcript());
        let given = must(open(&tokens, &stanza, &mut nobody()));
        assert!(given.is_some_and(|given| given.expose() == secret.expose()));
    });
}

#[test]
fn no_module_at_all_is_said() {
    let tokens = Tokens::shared(plain_helper(), Vec::new());
    for (mode, _) in MODES {
        let enroller = crate::lab::enroller(&tokens, &crate::lab::parse("pkcs11:token=lab;object=k"), mode);
        let error = refusal(Pkcs11Enroll { ..enroller }.enroll(&CTX, &mut nobody()));
        assert_eq!(error, TokenError::NoModule);
    }
}

#[test]
fn a_helper_that_cannot_be_started_or_is_another_program_is_said() {
    let library = not_a_module::library();
    let with = |exe: &str| {
        let command = HelperCommand { exe: PathBuf::from(exe), args: Vec::new() };
        let tokens = Tokens::shared(command, vec![Module::new(&library)]);
        refusal(enroll(&tokens, &crate::lab::parse("pkcs11:token=lab;object=k"), Mode::HmacSha256, &mut nobody()))
    };
    let error = with("/nonexistent/twinlock");
    assert!(matches!(error, TokenError::HelperUnusable { .. }), "{error:?}");
    for other in ["/bin/true", "/bin/cat", "/bin/false"] {
        let error = with(other);
        assert!(matches!(error, TokenError::HelperUnusable { .. } | TokenError::Crashed { .. }), "{other}: {error:?}");
    }
}

#[test]
fn a_library_is_asked_only_for_what_it_has() {
    fn listed(token: &Token) -> usize {
        let tokens = crate::lab::tokens(token);
        let report = tokens.borrow_mut().list().remove(0);
        let (_, tokens, broken) = report.outcome.unwrap_or_else(|error| panic!("{error}"));
        assert!(broken.is_empty(), "{broken:?}");
        tokens.iter().filter(|token| token.initialized).count()
    }
    on_each_module(|_, token| {
        assert_eq!(listed(&token), 1);
        let _other = token.another("other");
        assert_eq!(listed(&token), 2);
    });
}
