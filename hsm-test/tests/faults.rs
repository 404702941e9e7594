//! Each fault of the fault module happens, when it should, and nothing else changes.

use hsm_test::{Faulty, Key, KeyType, MODULES, Target, Token, ToolError, softhsm};
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// SoftHSM with an AES key behind a plan.
fn aes(plan: &str) -> Option<(Token, Faulty)> {
    Some(with_key(softhsm::start()?, KeyType::Aes256, plan))
}

fn with_key(token: Token, kind: KeyType, plan: &str) -> (Token, Faulty) {
    token.make_key(&Key::new(kind, "k"));
    let faulty = token.faulty(plan);
    (token, faulty)
}

fn round_trip(token: &Token, faulty: &Faulty) -> Result<String, ToolError> {
    let args = [("serial", token.serial()), ("pin", token.pin()), ("label", "k"), ("hash", "sha1")];
    faulty.tool("round-trip", &args)
}

fn seal(token: &Token, faulty: &Faulty, iv: &str) -> Result<String, ToolError> {
    let args = [("serial", token.serial()), ("pin", token.pin()), ("label", "k"), ("iv", iv)];
    faulty.tool("round-trip", &args)
}

#[test]
fn an_empty_plan_changes_nothing_on_any_module() {
    for module in MODULES {
        for kind in module.keys {
            let Some(token) = (module.start)() else { continue };
            let (token, faulty) = with_key(token, *kind, "");
            round_trip(&token, &faulty).unwrap();
        }
    }
}

#[test]
fn the_log_names_every_call_of_every_process_and_no_pin() {
    let Some((token, faulty)) = aes("") else { return };
    round_trip(&token, &faulty).unwrap();
    assert_eq!(faulty.calls()[..2], ["C_GetFunctionList", "C_Initialize"]);
    assert_eq!(faulty.calls().last().unwrap(), "C_Finalize");
    assert_eq!(faulty.count("C_Login"), 1);
    assert_eq!((faulty.count("C_Encrypt"), faulty.count("C_Decrypt")), (1, 1));
    round_trip(&token, &faulty).unwrap();
    assert_eq!(faulty.count("C_Login"), 2);
    assert!(faulty.calls().iter().all(|call| call.starts_with("C_")));
    faulty.forget_calls();
    faulty.tool("tokens", &[]).unwrap();
    assert_eq!(faulty.count("C_Login"), 0);
}

#[test]
#[should_panic(expected = "no function 'C_Logon'")]
fn a_misspelt_function_is_not_counted_as_never_called() {
    let Some((_token, faulty)) = aes("") else { panic!("no function 'C_Logon': skipped") };
    faulty.count("C_Logon");
}

#[test]
fn a_call_returns_what_the_plan_says_and_the_token_never_sees_it() {
    let Some((token, faulty)) = aes("C_Decrypt 1 return CKR_DEVICE_REMOVED") else { return };
    assert!(round_trip(&token, &faulty).unwrap_err().is("DEVICE_REMOVED"));
    faulty.plan("C_Login * return 0xa4");
    assert!(round_trip(&token, &faulty).unwrap_err().is("PIN_LOCKED"));
    token.login(token.pin()).unwrap();
    faulty.plan("C_GetFunctionList 1 return CKR_HOST_MEMORY");
    assert!(round_trip(&token, &faulty).unwrap_err().is("HOST_MEMORY"));
}

#[test]
fn calls_are_counted_from_one_in_each_process() {
    let Some(token) = softhsm::start() else { return };
    let (token, faulty) = with_key(token, KeyType::Hmac, "C_Sign 2 return CKR_FUNCTION_FAILED");
    // The round trip of an HMAC key signs twice.
    assert!(round_trip(&token, &faulty).unwrap_err().is("FUNCTION_FAILED"));
    assert!(round_trip(&token, &faulty).unwrap_err().is("FUNCTION_FAILED"));
    assert_eq!(faulty.count("C_Sign"), 4);
    faulty.plan("C_Sign 3 return CKR_FUNCTION_FAILED");
    round_trip(&token, &faulty).unwrap();
}

#[test]
fn a_crash_ends_the_process_by_a_signal_and_an_exit_with_its_code() {
    let Some((token, faulty)) = aes("C_Decrypt 1 crash") else { return };
    assert_eq!(round_trip(&token, &faulty).unwrap_err().code, None);
    faulty.plan("C_Login 1 exit 3");
    assert_eq!(round_trip(&token, &faulty).unwrap_err().code, Some(3));
}

#[test]
fn noise_is_a_line_on_stdout_or_stderr_and_the_call_goes_on() {
    let Some((token, faulty)) = aes("C_Login * stdout no card in reader") else { return };
    assert!(round_trip(&token, &faulty).unwrap().starts_with("no card in reader\n"));
    faulty.plan("C_Login 1 stderr driver: 3 warnings\nC_Login 1 return CKR_GENERAL_ERROR");
    let error = round_trip(&token, &faulty).unwrap_err();
    assert!(error.stderr.starts_with("driver: 3 warnings\n"), "{error}");
    assert!(error.is("GENERAL_ERROR"));
}

#[test]
fn a_hang_lasts_until_the_process_is_killed() {
    for plan in ["C_Initialize 1 hang", "C_Initialize 1 sleep 3600000"] {
        let Some((_token, faulty)) = aes(plan) else { return };
        let mut child = Command::new(hsm_test::token_tool())
            .envs(faulty.env())
            .arg(faulty.module_path())
            .arg("tokens")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Until it is in the call: no guess at how long this machine takes.
        let started = Instant::now();
        while faulty.count("C_Initialize") == 0 {
            assert!(started.elapsed() < Duration::from_secs(60), "the module was not called");
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(50));
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        let mut said = String::new();
        child.stdout.unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(said, "");
        assert_eq!(faulty.calls(), ["C_GetFunctionList", "C_Initialize"]);
    }
}

#[test]
fn a_sleep_goes_on_afterwards() {
    let Some((token, faulty)) = aes("C_Login 1 sleep 30") else { return };
    let started = Instant::now();
    round_trip(&token, &faulty).unwrap();
    assert!(started.elapsed() >= Duration::from_millis(30));
}

#[test]
fn a_flipped_bit_of_a_sealed_secret_is_refused_by_the_token_and_of_an_opened_one_comes_through() {
    let Some((token, faulty)) = aes("C_Encrypt 1 flip") else { return };
    assert_eq!(round_trip(&token, &faulty).unwrap_err().code, Some(1));
    faulty.plan("C_Decrypt 1 flip");
    assert!(round_trip(&token, &faulty).unwrap_err().stderr.contains("what came back differs"));
}

#[test]
fn a_hidden_mechanism_is_neither_listed_nor_taken() {
    let Some((token, faulty)) = aes("hide CKM_AES_GCM") else { return };
    let args = [("serial", token.serial())];
    let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (real, seen) =
        (lines(token.tool("mechanisms", &args).unwrap()), lines(faulty.tool("mechanisms", &args).unwrap()));
    let missing: Vec<_> = real.iter().filter(|name| !seen.contains(name)).collect();
    assert_eq!(missing, ["CKM_AES_GCM"]);
    assert_eq!(seen.len() + 1, real.len());
    assert!(round_trip(&token, &faulty).unwrap_err().is("MECHANISM_INVALID"));
}

#[test]
fn token_flags_are_set_and_cleared() {
    let Some((token, faulty)) = aes("token-flags +USER_PIN_FINAL_TRY -USER_PIN_INITIALIZED") else { return };
    let flags = faulty.tool("flags", &[("serial", token.serial())]).unwrap();
    assert_eq!(flags.trim(), "USER_PIN_FINAL_TRY");
}

#[test]
fn a_cloud_hsm_makes_the_iv_itself() {
    for module in MODULES {
        let Some(token) = (module.start)() else { continue };
        let (token, faulty) = with_key(token, KeyType::Aes256, "gcm-iv hsm");
        assert!(seal(&token, &faulty, "own").unwrap_err().is("MECHANISM_PARAM_INVALID"));
        let (one, other) = (seal(&token, &faulty, "zero").unwrap(), seal(&token, &faulty, "zero").unwrap());
        assert_ne!(one.trim(), "00".repeat(12));
        assert_ne!(one, other);
    }
}

#[test]
fn a_broken_hsm_takes_zeros_as_the_iv_and_leaves_them() {
    let Some((token, faulty)) = aes("gcm-iv zero") else { return };
    assert!(seal(&token, &faulty, "own").unwrap_err().is("MECHANISM_PARAM_INVALID"));
    assert_eq!(seal(&token, &faulty, "zero").unwrap().trim(), "00".repeat(12));
}

#[test]
fn a_pin_pad_gives_the_pin_where_the_caller_gives_none() {
    let Some((token, faulty)) = aes("pin-pad 12345678\ntoken-flags +PROTECTED_AUTHENTICATION_PATH") else { return };
    faulty.tool("login", &[("serial", token.serial())]).unwrap();
    faulty.plan("pin-pad 99999999\ntoken-flags +PROTECTED_AUTHENTICATION_PATH");
    assert!(faulty.tool("login", &[("serial", token.serial())]).unwrap_err().is("PIN_INCORRECT"));
    // A PIN that is given is used.
    token.login(token.pin()).unwrap();
    faulty.tool("login", &[("serial", token.serial()), ("pin", token.pin())]).unwrap();
}

#[test]
#[should_panic(expected = "unknown function 'C_Dance'")]
fn a_plan_that_is_none_fails_the_test_that_made_it() {
    let Some(token) = softhsm::start() else { panic!("unknown function 'C_Dance': skipped") };
    let _faulty = token.faulty("C_Dance 1 hang");
}
