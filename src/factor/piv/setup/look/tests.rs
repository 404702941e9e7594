use super::*;
use crate::factor::piv::info::{CertificateInfo, ManagementKind};

fn point(byte: u8) -> PublicKey {
    PublicKey::Ecdh { mode: Mode::EcdhP256, point: vec![byte; 65] }
}

fn key(slot: PivSlot, byte: u8) -> KeyInfo {
    KeyInfo {
        slot,
        public: point(byte),
        pin: Some(PinPolicy::Once),
        touch: Some(TouchPolicy::Always),
        generated: Some(true),
    }
}

fn certificate(ours: bool, byte: u8) -> CertificateInfo {
    CertificateInfo { subject: Some("x".into()), public: Some(point(byte)), ours, name: None }
}

fn slot(text: &str) -> PivSlot {
    text.parse().unwrap()
}

/// A PIV slot, its key, whose certificate it has and of which key.
type Used<'a> = (&'a str, Option<u8>, Option<(bool, u8)>);

/// A token with these PIV slots used.
fn look(used: &[Used]) -> Look {
    let info = |of: PivSlot| {
        let used = used.iter().find(|(name, ..)| slot(name) == of);
        SlotInfo {
            slot: of,
            key: used.and_then(|(_, byte, _)| byte.map(|byte| key(of, byte))),
            certificate: used.and_then(|(.., written)| written.map(|(ours, byte)| certificate(ours, byte))),
        }
    };
    Look {
        token: TokenInfo { serial: 1, firmware: (5, 4, 3), reader: "r".into(), called: None },
        alone: true,
        counters: Counters {
            pin: Some(3),
            pin_of: Some(3),
            pin_is_default: Some(true),
            puk: Some(3),
            puk_of: Some(3),
            puk_is_default: Some(true),
        },
        management: Management {
            kind: ManagementKind::TripleDes,
            is_default: Some(true),
            is_protected: false,
            touch: false,
            puk_is_blocked: false,
        },
        slots: PivSlot::all().map(info).collect(),
        begun: None,
    }
}

/// After a setup that began in this PIV slot when it was free, or had another key.
fn begun(at: &str, before: Option<u8>, now: Look) -> Look {
    let slot = slot(at);
    let new = NewKey { slot, mode: Mode::EcdhP256, pin: PinPolicy::Once, touch: TouchPolicy::Always };
    let seen = SlotInfo { slot, key: before.map(|byte| key(slot, byte)), certificate: None };
    Look { begun: Some(Begun::new(new, &seen)), ..now }
}

fn plan(look: &Look, at: Option<&str>, overwrite: bool) -> Result<Plan, PivError> {
    look.plan(Mode::EcdhP256, PinPolicy::Once, TouchPolicy::Always, at.map(slot), overwrite)
}

#[test]
fn the_first_free_retired_slot_is_taken() {
    assert_eq!(plan(&look(&[]), None, false), Ok(Plan::Make(slot("82"))));
    let used = [("82", Some(1), Some((false, 1))), ("83", None, Some((false, 1)))];
    assert_eq!(plan(&look(&used), None, false), Ok(Plan::Make(slot("84"))), "a certificate alone is not free");
    let all: Vec<String> = PivSlot::all().map(|slot| slot.to_string()).collect();
    let full: Vec<_> = all.iter().map(|name| (name.as_str(), Some(1), Some((false, 1)))).collect();
    assert_eq!(
        plan(&look(&full), None, true),
        Err(PivError::Setup(SetupError::NoFreeSlot { token: "YubiKey 1".into() }))
    );
    assert_eq!(
        plan(&look(&full[..20]), None, false),
        Err(PivError::Setup(SetupError::NoFreeSlot { token: "YubiKey 1".into() }))
    );
    assert_eq!(plan(&look(&full[..20]), Some("9d"), false), Ok(Plan::Make(slot("9d"))));
}

#[test]
fn what_is_used_is_overwritten_only_on_demand() {
    let used = look(&[("82", Some(1), Some((true, 1)))]);
    let holds = "ecdh-p256, PIN once, touch always, made by twinlock".to_owned();
    let error = PivError::Setup(SetupError::SlotUsed { token: "YubiKey 1".into(), slot: slot("82"), holds });
    assert_eq!(plan(&used, Some("82"), false), Err(error));
    assert_eq!(plan(&used, Some("82"), true), Ok(Plan::Overwrite(slot("82"))));
    assert_eq!(plan(&used, None, true), Ok(Plan::Make(slot("83"))), "nothing is overwritten that was not named");
}

#[test]
fn what_a_stopped_setup_leaves_is_finished() {
    for (written, why) in [(None, "no certificate"), (Some((true, 9)), "the certificate of the key before")] {
        let there = || look(&[("82", Some(2), Some((false, 2))), ("84", Some(1), written)]);
        assert_eq!(plan(&there(), None, false), Ok(Plan::Make(slot("83"))), "nothing says that it is ours: {why}");
        assert!(plan(&there(), Some("84"), false).is_err(), "nor where it is named: {why}");
        assert_eq!(
            plan(&begun("84", Some(1), there()), None, false),
            Ok(Plan::Make(slot("83"))),
            "it was there before"
        );
        assert_eq!(plan(&begun("85", None, there()), None, false), Ok(Plan::Make(slot("83"))), "it began elsewhere");
        let stopped = begun("84", None, there());
        assert_eq!(plan(&stopped, Some("84"), true), Ok(Plan::Overwrite(slot("84"))), "as was said");
        assert_eq!(plan(&stopped, None, false), Ok(Plan::Finish(key(slot("84"), 1))), "{why}");
        assert_eq!(plan(&stopped, Some("84"), false), Ok(Plan::Finish(key(slot("84"), 1))), "{why}");
    }
    let foreign = begun("82", None, look(&[("82", Some(1), Some((false, 9)))]));
    assert_eq!(plan(&foreign, None, false), Ok(Plan::Make(slot("83"))), "somebody else's certificate stays");
    let nine = begun("9d", None, look(&[("9d", Some(1), None)]));
    assert!(plan(&nine, Some("9d"), false).is_err(), "9d belongs to others, too");
    let other = begun("82", None, look(&[("82", Some(1), None)]));
    let never = other.plan(Mode::EcdhP256, PinPolicy::Never, TouchPolicy::Always, None, false);
    assert_eq!(never, Ok(Plan::Make(slot("83"))), "another policy than asked for");
    let mut imported = other;
    if let Some(key) = &mut imported.slots[0].key {
        key.generated = Some(false);
    }
    assert_eq!(plan(&imported, None, false), Ok(Plan::Make(slot("83"))), "not made by a setup");
}

#[test]
fn x25519_needs_its_firmware() {
    let plan = |firmware| {
        let mut look = look(&[]);
        look.token.firmware = firmware;
        look.plan(Mode::EcdhX25519, PinPolicy::Once, TouchPolicy::Always, None, false)
    };
    assert!(matches!(plan((5, 4, 3)), Err(PivError::Setup(SetupError::CannotMake { .. }))));
    assert_eq!(plan((5, 7, 0)), Ok(Plan::Make(slot("82"))));
}

#[test]
fn finished_keys_like_the_new_one_are_found() {
    let new = NewKey { slot: slot("83"), mode: Mode::EcdhP256, pin: PinPolicy::Once, touch: TouchPolicy::Always };
    let look = look(&[
        ("82", Some(1), Some((true, 1))),
        ("83", Some(2), Some((false, 2))),
        ("84", Some(3), None),
        ("85", Some(4), Some((true, 5))),
    ]);
    assert_eq!(look.alike(new).map(|info| info.slot).collect::<Vec<_>>(), [slot("82")]);
    assert_eq!(look.alike(NewKey { touch: TouchPolicy::Never, ..new }).count(), 0);
}
