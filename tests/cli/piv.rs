//! YubiKeys where there is none: what the file alone is enough for, and what is said when a card is needed. With cards: `hsm-test`.

use crate::program::{CHEAP, Cli};

/// An X25519 key.
const BOB: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VuAyEACQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
-----END PUBLIC KEY-----
";
/// An Ed25519 key.
const SIGNS: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEACQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
-----END PUBLIC KEY-----
";

/// What is said where a card is needed, and nobody answers for one.
const NEEDS_A_CARD: &str = if cfg!(feature = "piv") {
    "2> twinlock: error: the smart-card service (pcscd) does not answer
2> twinlock: hint: start it with 'sudo systemctl start pcscd.socket' (it is in the package 'pcscd', elsewhere 'pcsc-lite')
=> 7"
} else {
    "2> twinlock: error: this twinlock was built without YubiKeys (feature 'piv')
2> twinlock: hint: use another way in, or a twinlock that was built with its feature 'piv'
=> 1"
};

#[test]
fn a_key_from_a_file_needs_no_card() {
    let cli = Cli::with_vault().file("bob.pem", BOB).file("signs.pem", SIGNS);
    cli.session(&format!(
        r#"
$ twinlock keyslot enroll --factor 'piv:serial=12345678;slot=82;name=bob;file=bob.pem' --recovery-file code
2> twinlock: warning: nothing proves that anybody has the token of the key in 'bob.pem': have its owner try 'twinlock keyslot test' before you rely on it
2> enrolled keyslot 'piv'
$ twinlock keyslot list
1> NAME      OPENS WITH  ENROLLED
1> recovery  recovery    DAY
1> piv       piv "bob"   DAY
$ twinlock list --keyslot piv
{NEEDS_A_CARD}
$ twinlock list --recovery-file code
$ twinlock token test piv
{NEEDS_A_CARD}
$ twinlock keyslot enroll --factor 'piv:file=signs.pem' --recovery-file code
2> twinlock: error: 'signs.pem' holds no public key that could be used: its key is Ed25519; P-256, P-384 and X25519 can be used
2> twinlock: hint: give the certificate or public key, PEM or DER: 'ykman piv keys export 82 FILE' writes one
=> 2
$ twinlock keyslot enroll --factor 'piv:file=nowhere' --recovery-file code
2> twinlock: error: cannot read the public key from 'nowhere': no such file or directory
2> twinlock: hint: look for a typing error in its name
=> 1
$ twinlock keyslot enroll --factor 'piv:file=bob.pem' --factor 'piv:file=bob.pem;name=b' --recovery-file code
2> twinlock: error: the factor 'piv' is there twice, and would count twice for the same thing
2> twinlock: hint: name each factor once
=> 2
"#
    ));
}

/// Nothing opens the vault here: whatever is found before is found without it.
#[test]
fn typing_errors_are_found_before_anything_is_spent_for_unlocking() {
    let cli = Cli::with_vault().file("bob.pem", BOB).file("signs.pem", SIGNS);
    cli.write("wrong", "not the code");
    let enroll = |args: &str| cli.run(&format!("keyslot enroll {args} --recovery-file wrong --no-input"));
    for (args, says) in [
        ("--factor piv:file=nowhere", "cannot read the public key from 'nowhere'"),
        ("--factor piv:file=.", "cannot read the public key from '.'"),
        ("--factor piv:file=signs.pem", "its key is Ed25519"),
        ("--factor piv:eve", "no YubiKey of this vault is called 'eve'"),
        ("--factor piv:bob.pem", "'piv:file=bob.pem'"),
        ("--factor piv:file=bob.pem --name recovery", "a keyslot is called 'recovery' already"),
        ("--factor piv:file=bob.pem --factor piv:file=bob.pem;name=b", "is there twice"),
        ("--factor piv:file=bob.pem --threshold 2", "threshold"),
    ] {
        let said = enroll(args).stderr;
        assert!(said.contains(says) && !said.contains("recovery code"), "{args}: {said}");
    }
    assert!(enroll("--factor piv:file=bob.pem").stderr.contains("recovery code"));
}

#[test]
fn what_is_no_token_is_answered_with_both_kinds() {
    let cli = Cli::with_vault();
    for command in ["setup", "test"] {
        let ran = cli.run(&format!("token {command} yubikey"));
        assert!(ran.stderr.contains(&format!("'twinlock token {command} piv'")), "{}", ran.stderr);
        // What was meant as a URI may hold a PIN.
        let ran = cli.run(&format!("token {command} pkcs11token=a?pin-value=123456"));
        assert!(!ran.stderr.contains("123456"), "{}", ran.stderr);
    }
}

#[test]
fn it_is_wrapped_again_without_a_card() {
    let cli = Cli::with_vault()
        .file("bob.pem", BOB)
        .file("pw", "one two three four five")
        .file("new", "six seven eight nine");
    cli.ok(&format!(
        "keyslot enroll --factor password --factor piv:file=bob.pem --new-password-file pw --recovery-file code {CHEAP}"
    ));
    let header = |cli: &Cli| serde_json::from_str::<serde_json::Value>(&cli.ok("header show --json")).unwrap();
    let factor = |header: &serde_json::Value| header["keyslots"][1]["factors"][1].clone();
    let before = factor(&header(&cli));
    cli.ok(&format!("passwd --recovery-file code --new-password-file new {CHEAP}"));
    let after = factor(&header(&cli));
    assert_eq!(before["public"], after["public"]);
    for changed in ["ephemeral", "share"] {
        assert_ne!(before[changed], after[changed], "{changed}");
    }
}
