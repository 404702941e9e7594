//! A token behind a PKCS#11 module that is pulled: by the module that fails on command, in front of SoftHSM.

use crate::lab::{CTX, Enrolled, helper, pin, tokens};
use crate::told::Told;
use hsm_test::{Faulty, Target, softhsm};
use std::ffi::OsString;
use std::sync::Arc;
use twinlock::agent::watch::{Guard, WatchError, WatchedToken, token};
use twinlock::factor::Open;
use twinlock::factor::pkcs11::{HelperCommand, Mode, Pkcs11Open, Sighting};

/// A token that was used, behind a module with this plan; what of it can be watched.
fn used(plan: &str) -> Option<(Enrolled, Vec<Sighting>)> {
    let enrolled = Enrolled::new(softhsm::start()?, Mode::AesGcm);
    enrolled.faulty.plan(plan);
    let tokens = tokens(&enrolled.faulty);
    assert!(tokens.borrow_mut().watchable().unwrap().is_empty(), "nothing was used yet");
    let mut opener = Pkcs11Open { tokens: tokens.clone(), uris: Vec::new(), force_last_try: false };
    assert!(opener.open(&CTX, &enrolled.stanza, &mut pin(&enrolled.token)).unwrap().is_some());
    let sightings = tokens.borrow_mut().watchable().unwrap();
    Some((enrolled, sightings))
}

fn watch(sighting: &Sighting, faulty: &Faulty, told: &Told) -> Result<Guard, WatchError> {
    let watched = WatchedToken::Pkcs11 { sighting: sighting.clone(), command: helper(faulty), environment: None };
    token(watched, 9, Arc::clone(&told.tell))
}

/// Waits until the module was asked this.
fn asked(faulty: &Faulty, function: &str) {
    let before = faulty.count(function);
    while faulty.count(function) == before {
        std::thread::yield_now();
    }
}

#[test]
fn an_hsm_that_nobody_can_pull_is_not_watched() {
    let Some((_enrolled, sightings)) = used("slot-flags -REMOVABLE_DEVICE") else { return };
    assert_eq!(sightings, []);
}

#[test]
fn a_token_that_is_pulled_is_told() {
    let Some(dir) = tempfile::tempdir().ok() else { return };
    let pulled = dir.path().join("pulled");
    let plan = format!("slot-flags +REMOVABLE_DEVICE\npulled-by {}", pulled.display());
    let Some((enrolled, sightings)) = used(&plan) else { return };
    let [sighting] = &sightings[..] else { panic!("{sightings:?}") };
    let told = Told::new();
    enrolled.faulty.forget_calls();
    let guard = watch(sighting, &enrolled.faulty, &told).unwrap();
    asked(&enrolled.faulty, "C_GetTokenInfo");
    asked(&enrolled.faulty, "C_GetTokenInfo");
    std::fs::write(&pulled, "").unwrap();
    let said = told.said();
    assert_eq!(said, format!("TokenGone {{ id: 9, what: {:?} }}", sighting.name));
    assert_eq!(enrolled.logins(), 0, "no PIN was sent");
    drop(guard);
    told.ended();
    // Gone before anybody watched.
    let told = Told::new();
    let guard = watch(sighting, &enrolled.faulty, &told).unwrap();
    assert_eq!(told.said(), said);
    drop(guard);
    told.ended();
}

#[test]
fn another_token_in_its_place_is_not_it() {
    let Some((enrolled, sightings)) = used("slot-flags +REMOVABLE_DEVICE") else { return };
    let other = Sighting { serial: "0123456789abcdef".to_owned(), ..sightings[0].clone() };
    let told = Told::new();
    let guard = watch(&other, &enrolled.faulty, &told).unwrap();
    assert!(told.said().starts_with("TokenGone"));
    drop(guard);
    told.ended();
}

#[test]
fn a_guard_ends_the_process_with_its_module() {
    let Some((enrolled, sightings)) = used("slot-flags +REMOVABLE_DEVICE") else { return };
    let told = Told::new();
    enrolled.faulty.forget_calls();
    let guard = watch(&sightings[0], &enrolled.faulty, &told).unwrap();
    asked(&enrolled.faulty, "C_GetTokenInfo");
    drop(guard);
    told.ended();
    assert_eq!(enrolled.faulty.calls().last().unwrap(), "C_Finalize", "and it was asked nicely");
    // Also while the module hangs.
    enrolled.faulty.plan("C_Initialize 1 hang");
    let told = Told::new();
    enrolled.faulty.forget_calls();
    let guard = watch(&sightings[0], &enrolled.faulty, &told).unwrap();
    asked(&enrolled.faulty, "C_Initialize");
    drop(guard);
    told.ended();
}

#[test]
fn a_module_that_crashes_or_is_not_there_is_told() {
    let Some((enrolled, sightings)) = used("slot-flags +REMOVABLE_DEVICE") else { return };
    let told = Told::new();
    enrolled.faulty.plan("C_GetSlotInfo 2 crash");
    let guard = watch(&sightings[0], &enrolled.faulty, &told).unwrap();
    let said = told.said();
    assert!(said.starts_with("WatchEnded { id: Some(9)") && said.contains("crashed"), "{said}");
    drop(guard);
    let nowhere = Sighting { module: "/nonexistent/module.so".into(), ..sightings[0].clone() };
    match watch(&nowhere, &enrolled.faulty, &told) {
        Err(WatchError::Token { why }) => assert!(why.contains("there is no such file"), "{why}"),
        other => panic!("{:?}", other.err()),
    }
    told.ended();
}

#[test]
fn the_environment_of_who_opened_the_vault_is_the_module_s() {
    let Some((enrolled, sightings)) = used("slot-flags +REMOVABLE_DEVICE") else { return };
    let watched = |environment: Vec<(OsString, OsString)>| {
        let command = HelperCommand { exe: hsm_test::twinlock(), args: vec!["pkcs11-helper".into()] };
        WatchedToken::Pkcs11 { sighting: sightings[0].clone(), command, environment: Some(environment) }
    };
    let told = Told::new();
    let environment = enrolled.faulty.env().into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    enrolled.faulty.forget_calls();
    let guard = token(watched(environment), 9, Arc::clone(&told.tell)).unwrap();
    asked(&enrolled.faulty, "C_GetTokenInfo");
    drop(guard);
    // Without it the module finds nothing, its own real module included.
    let guard = token(watched(Vec::new()), 9, Arc::clone(&told.tell)).unwrap();
    assert!(told.said().starts_with("WatchEnded"));
    drop(guard);
    told.ended();
}
