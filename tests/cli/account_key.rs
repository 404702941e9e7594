//! `twinlock account-key`

use crate::program::Cli;

const HEX: &str = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";

#[test]
fn it_is_shown_after_a_warning() {
    let cli = Cli::new().file("key", HEX);
    cli.ok("init --factor recovery --recovery-out code --account-key-file key");
    cli.session(
        r#"
$ twinlock account-key export --recovery-file code
2> twinlock: warning: whoever has the account key can read this vault and every old copy of it, without password or token; no change of a password ends that; 'twinlock rotate' ends it for what is written from then on
2> twinlock: error: nobody is there to type an answer
2> twinlock: hint: run it on a terminal without --no-input, or use --force
=> 1
$ twinlock account-key export --recovery-file code --force
1> 11G9spZjaDkgYURAhMVL27fsA2b9cSkQFAUvFVp5AxraMS
2> twinlock: warning: whoever has the account key can read this vault and every old copy of it, without password or token; no change of a password ends that; 'twinlock rotate' ends it for what is written from then on
"#,
    );
}

#[test]
fn what_is_exported_makes_the_same_key_again() {
    let cli = Cli::with_vault();
    let key = cli.ok("account-key export --force --recovery-file code");
    assert_eq!(key.trim_end().len(), 46);
    cli.write("key", &key);
    cli.ok("init --vault other --factor recovery --recovery-out code2 --account-key-file key");
    assert_eq!(cli.ok("account-key export --force --vault other --recovery-file code2"), key);
}

#[test]
fn what_is_no_account_key_is_refused() {
    let cli = Cli::new().file("short", "0011").file("empty", "");
    cli.write("long", &format!("{HEX}00"));
    cli.write("typo", "1111111111111111111111111111111111111111111112");
    cli.session(
        r#"
$ twinlock init --factor recovery --recovery-out code --account-key-file short
2> twinlock: error: 'short' holds no account key: 4 hex digits where 64 belong
2> twinlock: hint: it is 64 hex digits, or the 46 characters that 'twinlock account-key export' shows
=> 1
$ twinlock init --factor recovery --recovery-out code --account-key-file empty
2> twinlock: error: 'empty' holds no account key: 0 characters where 46 belong
2> twinlock: hint: it is 64 hex digits, or the 46 characters that 'twinlock account-key export' shows
=> 1
$ twinlock init --factor recovery --recovery-out code --account-key-file long
2> twinlock: error: 'long' holds no account key: 66 hex digits where 64 belong
2> twinlock: hint: it is 64 hex digits, or the 46 characters that 'twinlock account-key export' shows
=> 1
$ twinlock init --factor recovery --recovery-out code --account-key-file typo
2> twinlock: error: 'typo' holds no account key: the check digits at the end do not fit, so some character is mistyped
2> twinlock: hint: it is 64 hex digits, or the 46 characters that 'twinlock account-key export' shows
=> 1
$ twinlock init --factor recovery --recovery-out code --account-key-file nowhere
2> twinlock: error: cannot read the account key from 'nowhere': no such file or directory
2> twinlock: hint: look for a typing error in its name
=> 1
"#,
    );
    assert!(!cli.path("code").exists() && !cli.vault().exists(), "nothing is made");
}
