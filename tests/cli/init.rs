//! `twinlock init`

use crate::program::{CHEAP, Cli, PASSWORD};
use std::os::unix::fs::PermissionsExt;

fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_vault_by_arguments() {
    let cli = Cli::new().file("pw", PASSWORD);
    cli.session(
        r#"
$ twinlock init --factor password --new-password-file pw --recovery --recovery-out code --kdf-memory 19 --kdf-passes 2 --name 'my own'
2> the recovery code is in 'code': keep it apart from the vault
2> made the vault 'my own' in '~/data/twinlock/vault.twinlock'
2> ways in:
2>   'password' opens with password alone
2>   'recovery' opens with recovery code alone
2> add something: 'twinlock add NAME'
$ twinlock keyslot list
1> NAME      OPENS WITH  ENROLLED
1> password  password    DAY
1> recovery  recovery    DAY
$ twinlock list --password-file pw
$ twinlock list --recovery-file code
"#,
    );
    assert_eq!(
        (mode(&cli.vault()), mode(cli.vault().parent().unwrap()), mode(&cli.path("code"))),
        (0o600, 0o700, 0o600)
    );
}

#[test]
fn one_way_in_is_warned_about() {
    Cli::new().session(
        r#"
$ twinlock init --factor recovery --recovery-out code
2> the recovery code is in 'code': keep it apart from the vault
2> made the vault 'personal' in '~/data/twinlock/vault.twinlock'
2> ways in:
2>   'recovery' opens with recovery code alone
2> twinlock: warning: there is only one way in, 'recovery' (recovery code alone): if it is lost, so is everything in the vault
2> twinlock: hint: make another one: 'twinlock recovery new' or 'twinlock keyslot enroll'
2> add something: 'twinlock add NAME'
"#,
    );
}

#[test]
fn what_cannot_be_made() {
    let cli = Cli::new().file("pw", PASSWORD).file("weak", "password1").file("there", "").file("empty", "");
    cli.session(
        r#"
$ twinlock init
2> twinlock: error: nobody is there to say how the vault is to be opened
2> twinlock: hint: say it with --factor, for example 'twinlock init --factor password --recovery'
=> 2
$ twinlock init --no-input
2> twinlock: error: nobody is there to say how the vault is to be opened
2> twinlock: hint: say it with --factor, for example 'twinlock init --factor password --recovery'
=> 2
$ twinlock init --threshold 2
2> twinlock: error: '--factor <FACTOR>' must be given
2> twinlock: hint: write it like 'twinlock init --factor <FACTOR> --threshold <K>'
=> 2
$ twinlock init --factor password
2> twinlock: error: nobody is there to type the new password
2> twinlock: hint: run it on a terminal without --no-input, or use --new-password-file
=> 1
$ twinlock init --factor password --new-password-file weak
2> twinlock: error: the new password is weak: guessing it would take less than a second
2> twinlock: note: This is a very common password. Add another word or two. Uncommon words are better.
2> twinlock: hint: choose four or more random words, or keep it with --force
=> 1
$ twinlock init --factor password --new-password-file empty
2> twinlock: error: cannot read the secret from 'empty': its first line is empty
2> twinlock: hint: its first line must be the secret, as text
=> 1
$ twinlock init --factor password --new-password-file nowhere
2> twinlock: error: cannot read the secret from 'nowhere': no such file or directory
2> twinlock: hint: look for a typing error in its name
=> 1
$ twinlock init --factor password --new-password-file pw --recovery-out code
2> twinlock: error: --recovery-out names a file for a recovery code, and none is to be made
2> twinlock: hint: leave it out; or make one, with --factor recovery, or with 'twinlock init --recovery'
=> 2
$ twinlock init --factor password --new-password-file pw --recovery
2> twinlock: error: a recovery code is shown once and typed back, and nobody is there to do so
2> twinlock: hint: run it on a terminal, or write the code to a new file with --recovery-out FILE
=> 2
$ twinlock init --factor recovery --recovery-out there
2> twinlock: error: cannot write the recovery code to 'there': file exists
2> twinlock: hint: nothing is written over: name a file that is not there yet
=> 1
$ twinlock init --factor recovery --recovery-out code --threshold 2
2> twinlock: error: 2 of 1 factors cannot open a keyslot
2> twinlock: hint: give 1 to 16 times --factor, and a --threshold of 1 to that number
=> 2
$ twinlock init --factor recovery --recovery-out code --threshold 0
2> twinlock: error: '0' does not fit '--threshold': it is a number from 1 to 16
2> twinlock: hint: 'twinlock init --help' shows what it takes
=> 2
$ twinlock init --factor recovery --recovery-out code --vault nowhere/vault
2> twinlock: error: there is no folder 'nowhere'
2> twinlock: hint: make the folder first, or name another with --vault
=> 1
$ twinlock init --factor recovery --recovery-out code --vault there
2> twinlock: error: 'there' exists already
2> twinlock: hint: choose another place with --vault FILE
=> 1
$ twinlock init --factor recovery --recovery-out code --name ''
2> twinlock: error: '' cannot be a name
2> twinlock: hint: a name has 1 to 64 characters, no control characters, and no '-' at its beginning
=> 1
$ twinlock init --factor passwort
2> twinlock: error: 'passwort' does not fit '--factor': it is 'password', 'recovery', 'piv', 'piv:SERIAL' or a 'pkcs11:...' URI
2> twinlock: hint: 'twinlock init --help' shows what it takes
=> 2
$ twinlock init --factor pkcs11
2> twinlock: error: 'pkcs11' does not fit '--factor': say which key, like 'pkcs11:token=LABEL;object=KEY'; 'twinlock token list' shows them
2> twinlock: hint: 'twinlock init --help' shows what it takes
=> 2
$ twinlock init --factor password --kdf-memory 18
2> twinlock: error: '18' does not fit '--kdf-memory': it is a number from 19 to 4096
2> twinlock: hint: 'twinlock init --help' shows what it takes
=> 2
"#,
    );
    assert!(!cli.path("code").exists() && !cli.vault().exists(), "nothing is made");
}

#[test]
fn a_weak_password_can_be_kept() {
    let cli = Cli::new().file("weak", "password1");
    cli.ok(&format!("init --factor password --new-password-file weak --force {CHEAP}"));
    cli.ok("list --password-file weak");
}

#[test]
fn a_vault_is_never_written_over() {
    let cli = Cli::with_vault();
    let before = std::fs::read(cli.vault()).unwrap();
    cli.session(
        r#"
$ twinlock init --factor recovery --recovery-out code2
2> twinlock: error: '~/data/twinlock/vault.twinlock' exists already
2> twinlock: hint: choose another place with --vault FILE
=> 1
"#,
    );
    assert_eq!(std::fs::read(cli.vault()).unwrap(), before);
}
