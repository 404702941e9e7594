//! `twinlock keyslot`

use crate::program::{CHEAP, Cli};

#[test]
fn list() {
    let cli = Cli::with_password();
    cli.session(
        r#"
$ twinlock keyslot list
1> NAME      OPENS WITH  ENROLLED
1> password  password    DAY
1> recovery  recovery    DAY
$ twinlock keyslot list --json
1> [
1>   {
1>     "created": "TIME",
1>     "custodians": false,
1>     "factors": [
1>       {
1>         "description": "password",
1>         "kind": "password",
1>         "known": true,
1>         "parameters": {
1>           "kdf": "argon2id",
1>           "lanes": 1,
1>           "memory_kib": 19456,
1>           "passes": 2,
1>           "salt": "HEX"
1>         }
1>       }
1>     ],
1>     "id": "HEX",
1>     "name": "password",
1>     "opens_with": "password",
1>     "threshold": 1,
1>     "usable": true,
1>     "vault": "personal"
1>   },
1>   {
1>     "created": "TIME",
1>     "custodians": false,
1>     "factors": [
1>       {
1>         "description": "recovery",
1>         "kind": "recovery",
1>         "known": true,
1>         "parameters": {}
1>       }
1>     ],
1>     "id": "HEX",
1>     "name": "recovery",
1>     "opens_with": "recovery",
1>     "threshold": 1,
1>     "usable": true,
1>     "vault": "personal"
1>   }
1> ]
"#,
    );
}

#[test]
fn enroll_rename_test_wipe() {
    let cli = Cli::with_vault().file("pw", "four random words here");
    cli.session(
        r#"
$ twinlock keyslot enroll --factor password --new-password-file pw --recovery-file code --kdf-memory 19 --kdf-passes 2
2> enrolled keyslot 'password'
$ twinlock keyslot enroll --factor recovery --recovery-out code2 --recovery-file code
2> the recovery code is in 'code2': keep it apart from the vault
2> enrolled keyslot 'recovery-2'
$ twinlock keyslot enroll --factor recovery --recovery-out code3 --recovery-file code --name spare
2> the recovery code is in 'code3': keep it apart from the vault
2> enrolled keyslot 'spare'
$ twinlock keyslot rename spare 'in the bank' --recovery-file code
2> keyslot 'spare' is called 'in the bank' now
$ twinlock keyslot list
1> NAME         OPENS WITH  ENROLLED
1> recovery     recovery    DAY
1> password     password    DAY
1> recovery-2   recovery    DAY
1> in the bank  recovery    DAY
$ twinlock keyslot test password --password-file pw
2> keyslot 'password' opens the vault 'personal'
$ twinlock keyslot test 'in the bank' --recovery-file code3
2> keyslot 'in the bank' opens the vault 'personal'
$ twinlock keyslot test recovery-2 --recovery-file code3
2> twinlock: error: the recovery code is wrong
2> twinlock: hint: 'twinlock recover' leads through the other ways in
=> 3
$ twinlock keyslot wipe recovery-2 --recovery-file code
2> without keyslot 'recovery-2' there is left:
2>   'recovery' opens with recovery code alone
2>   'password' opens with password alone
2>   'in the bank' opens with recovery code alone
2> twinlock: error: nobody is there to type an answer
2> twinlock: hint: run it on a terminal without --no-input, or use --force
=> 1
$ twinlock keyslot wipe recovery-2 --recovery-file code --force
2> without keyslot 'recovery-2' there is left:
2>   'recovery' opens with recovery code alone
2>   'password' opens with password alone
2>   'in the bank' opens with recovery code alone
2> wiped keyslot 'recovery-2'
2> twinlock: warning: this is no revocation: older copies of the vault file still open by it
2> if its factors are in wrong hands: 'twinlock rotate', then change the passwords that are in the vault
$ twinlock keyslot wipe recovery --recovery-file code --force
2> without keyslot 'recovery' there is left:
2>   'password' opens with password alone
2>   'in the bank' opens with recovery code alone
2> wiped keyslot 'recovery'
2> twinlock: warning: this is no revocation: older copies of the vault file still open by it
2> if its factors are in wrong hands: 'twinlock rotate', then change the passwords that are in the vault
$ twinlock list --recovery-file code
2> twinlock: error: the recovery code is wrong
2> twinlock: hint: 'twinlock recover' leads through the other ways in
=> 3
$ twinlock list --recovery-file code2
2> twinlock: error: the recovery code is wrong
2> twinlock: hint: 'twinlock recover' leads through the other ways in
=> 3
$ twinlock keyslot list
1> NAME         OPENS WITH  ENROLLED
1> password     password    DAY
1> in the bank  recovery    DAY
"#,
    );
}

#[test]
fn the_last_way_in_stays() {
    Cli::with_vault().session(
        r#"
$ twinlock keyslot wipe recovery --force --recovery-file code
2> twinlock: error: 'recovery' is the last way into the vault, and the last is never wiped
2> twinlock: hint: enroll another first: 'twinlock keyslot enroll'
=> 1
$ twinlock keyslot test recovery --recovery-file code
2> keyslot 'recovery' opens the vault 'personal'
"#,
    );
}

#[test]
fn a_weaker_way_in_is_never_silent() {
    let cli = Cli::new().file("pw", "four random words here");
    let factors = "--factor password --new-password-file pw --factor recovery --recovery-out code";
    cli.ok(&format!("init {factors} {CHEAP}"));
    cli.session(
        r#"
$ twinlock keyslot enroll --factor password --new-password-file pw --password-file pw --recovery-file code --kdf-memory 19 --kdf-passes 2
2> twinlock: warning: beside 'password+recovery' this one asks for less: a thief no longer needs as many factors once it is enrolled
2> twinlock: error: nobody is there to type an answer
2> twinlock: hint: run it on a terminal without --no-input, or use --force
=> 1
$ twinlock keyslot enroll --factor password --new-password-file pw --password-file pw --recovery-file code --kdf-memory 19 --kdf-passes 2 --force
2> twinlock: warning: beside 'password+recovery' this one asks for less: a thief no longer needs as many factors once it is enrolled
2> enrolled keyslot 'password'
$ twinlock keyslot list
1> NAME               OPENS WITH           ENROLLED
1> password+recovery  password + recovery  DAY
1> password           password             DAY
"#,
    );
}

#[test]
fn what_cannot_be_done() {
    let cli = Cli::with_password();
    cli.session(
        r#"
$ twinlock keyslot enroll --recovery-file code
2> twinlock: error: '--factor <FACTOR>' must be given
2> twinlock: hint: write it like 'twinlock keyslot enroll --factor <FACTOR> --recovery-file <FILE>'
=> 2
$ twinlock keyslot enroll --factor recovery --recovery-file code
2> twinlock: error: a recovery code is shown once and typed back, and nobody is there to do so
2> twinlock: hint: run it on a terminal, or write the code to a new file with --recovery-out FILE
=> 2
$ twinlock keyslot enroll --factor recovery --recovery-out new --name password --recovery-file code
2> twinlock: error: a keyslot is called 'password' already
2> twinlock: hint: choose another name
=> 1
$ twinlock keyslot enroll --factor recovery --recovery-out new --name '' --recovery-file code
2> twinlock: error: '' cannot be a name
2> twinlock: hint: a name has 1 to 64 characters, no control characters, and no '-' at its beginning
=> 1
$ twinlock keyslot enroll --factor recovery --recovery-out new --threshold 2 --recovery-file code
2> twinlock: error: 2 of 1 factors cannot open a keyslot
2> twinlock: hint: give 1 to 16 times --factor, and a --threshold of 1 to that number
=> 2
$ twinlock keyslot enroll --factor password --recovery-out new --recovery-file code
2> twinlock: error: --recovery-out names a file for a recovery code, and none is to be made
2> twinlock: hint: leave it out; or make one, with --factor recovery, or with 'twinlock init --recovery'
=> 2
$ twinlock keyslot enroll --factor password --recovery-file code
2> twinlock: error: nobody is there to type the new password
2> twinlock: hint: run it on a terminal without --no-input, or use --new-password-file
=> 1
$ twinlock keyslot rename nothing x --recovery-file code
2> twinlock: error: no keyslot is called 'nothing'
2> twinlock: hint: there is 'password', 'recovery'
=> 4
$ twinlock keyslot rename password recovery --recovery-file code
2> twinlock: error: a keyslot is called 'recovery' already
2> twinlock: hint: choose another name
=> 1
$ twinlock keyslot rename password '' --recovery-file code
2> twinlock: error: '' cannot be a name
2> twinlock: hint: a name has 1 to 64 characters, no control characters, and no '-' at its beginning
=> 1
$ twinlock keyslot wipe nothing --force --recovery-file code
2> twinlock: error: no keyslot is called 'nothing'
2> twinlock: hint: there is 'password', 'recovery'
=> 4
$ twinlock keyslot test nothing --recovery-file code
2> twinlock: error: no keyslot is called 'nothing'
2> twinlock: hint: there is 'password', 'recovery'
=> 4
$ twinlock keyslot test password --recovery-file code
2> twinlock: error: could not unlock by keyslot 'password': nobody is there to type the password, and no --password-file was given
2> twinlock: hint: bring what is missing, or use another way in: 'twinlock keyslot list' shows them
=> 3
$ twinlock keyslot test recovery --keyslot password --recovery-file code
2> twinlock: error: 'keyslot test recovery' opens the vault by 'recovery', and --keyslot names another
2> twinlock: hint: leave out --keyslot
=> 2
"#,
    );
    assert!(!cli.path("new").exists(), "no code is made for nothing");
}

#[test]
fn force_answers_and_still_tells() {
    let cli = Cli::new().file("pw", "four random words here").file("weak", "password1");
    let factors = "--factor password --new-password-file pw --factor recovery --recovery-out code";
    cli.ok(&format!("init {factors} {CHEAP}"));
    let enroll = format!("keyslot enroll --factor password --password-file pw --recovery-file code {CHEAP}");
    let ran = cli.run(&format!("{enroll} --new-password-file pw"));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("asks for less") && ran.stderr.contains("use --force"), "{}", ran.stderr);
    let ran = cli.run(&format!("{enroll} --new-password-file weak --force"));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("asks for less") && ran.stderr.contains("A weak password, kept"), "{}", ran.stderr);
}

#[test]
fn what_another_keyslot_gives_away_already_is_not_given_away_again() {
    let cli = Cli::with_password();
    let both = "keyslot enroll --factor password --factor recovery --name both --recovery-out code2";
    cli.ok(&format!("{both} --new-password-file pw --recovery-file code --keyslot recovery {CHEAP}"));
    let line = format!(
        "keyslot enroll --factor password --new-password-file pw --password-file pw --keyslot password {CHEAP}"
    );
    let ran = cli.run(&line);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stderr, "enrolled keyslot 'password-2'\n");
}
