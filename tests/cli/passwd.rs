//! `twinlock passwd`

use crate::program::{CHEAP, Cli, PASSWORD};

#[test]
fn every_keyslot_with_a_password_gets_the_new_one() {
    let cli = Cli::with_password().file("pw2", "four other random words");
    cli.ok("add github --generate --recovery-file code");
    cli.ok(&format!(
        "keyslot enroll --factor password --name second --new-password-file pw --recovery-file code {CHEAP}"
    ));
    cli.session(
        r#"
$ twinlock passwd --password-file pw --new-password-file pw2 --kdf-memory 19 --kdf-passes 2
2> keyslot 'password' has the new password
2> keyslot 'second' has the new password
2> twinlock: warning: older copies of the vault file still open with the old password
$ twinlock list --password-file pw
2> twinlock: error: the password is wrong
2> twinlock: hint: 'twinlock recover' leads through the other ways in
=> 3
$ twinlock list --password-file pw2
1> github
$ twinlock list --password-file pw2 --keyslot second
1> github
$ twinlock passwd --only second --recovery-file code --new-password-file pw --kdf-memory 19 --kdf-passes 2
2> keyslot 'second' has the new password
2> twinlock: warning: older copies of the vault file still open with the old password
$ twinlock keyslot test second --password-file pw
2> keyslot 'second' opens the vault 'personal'
$ twinlock keyslot test password --password-file pw2
2> keyslot 'password' opens the vault 'personal'
"#,
    );
}

#[test]
fn a_keyslot_whose_other_factor_is_missing_is_named() {
    let cli = Cli::new().file("pw", PASSWORD).file("pw2", "four other random words");
    cli.ok(&format!("init --factor password --new-password-file pw --recovery --recovery-out code {CHEAP}"));
    let both = "--factor password --new-password-file pw --factor recovery --recovery-out code2 --name both --force";
    cli.ok(&format!("keyslot enroll {both} --recovery-file code {CHEAP}"));
    cli.session(
        r#"
$ twinlock passwd --password-file pw --new-password-file pw2 --keyslot password --kdf-memory 19 --kdf-passes 2
2> keyslot 'password' has the new password
2> twinlock: warning: older copies of the vault file still open with the old password
2> twinlock: warning: keyslot 'both' still has the old password: the recovery code is needed, too
2> twinlock: error: 1 keyslot could not be changed
2> twinlock: hint: open the vault by it: 'twinlock passwd --only=both --keyslot=both'
=> 1
$ twinlock passwd --only both --password-file pw2 --new-password-file pw2 --keyslot password --kdf-memory 19 --kdf-passes 2
2> twinlock: error: the password was not changed in any keyslot
2> twinlock: note: keyslot 'both': the recovery code is needed, too
2> twinlock: hint: bring what is missing, or open the vault by that keyslot, with --keyslot
=> 1
$ twinlock passwd --only both --password-file pw --recovery-file code2 --new-password-file pw2 --keyslot both --kdf-memory 19 --kdf-passes 2
2> keyslot 'both' has the new password
2> twinlock: warning: older copies of the vault file still open with the old password
$ twinlock keyslot test both --password-file pw2 --recovery-file code2
2> keyslot 'both' opens the vault 'personal'
"#,
    );
}

/// A code that opens another keyslot is not the one of this: to take it would make the right one on paper worthless.
#[test]
fn another_recovery_code_does_not_take_the_place_of_the_enrolled_one() {
    let cli = Cli::new().file("pw", PASSWORD).file("pw2", "four other random words");
    let both = "--factor password --factor recovery --new-password-file pw --recovery-out code";
    cli.ok(&format!("init {both} {CHEAP}"));
    cli.ok("recovery new --password-file pw --recovery-file code --recovery-out code2");
    cli.session(
        r#"
$ twinlock passwd --keyslot recovery --recovery-file code2 --new-password-file pw2
2> twinlock: error: the password was not changed in any keyslot
2> twinlock: note: keyslot 'password+recovery': the recovery code is needed, too
2> twinlock: hint: bring what is missing, or open the vault by that keyslot, with --keyslot
=> 1
$ twinlock keyslot test password+recovery --password-file pw --recovery-file code
2> keyslot 'password+recovery' opens the vault 'personal'
"#,
    );
}

#[test]
fn what_cannot_be_changed() {
    let cli = Cli::with_vault().file("weak", "password1");
    cli.session(
        r#"
$ twinlock passwd --recovery-file code
2> twinlock: error: no keyslot of this vault holds a password
2> twinlock: hint: 'twinlock keyslot enroll --factor password' makes one that does
=> 1
$ twinlock passwd --only nothing --recovery-file code
2> twinlock: error: no keyslot is called 'nothing'
2> twinlock: hint: there is 'recovery'
=> 4
"#,
    );
    let cli = Cli::with_password().file("weak", "password1");
    cli.session(
        r#"
$ twinlock passwd --recovery-file code
2> twinlock: error: nobody is there to type the new password
2> twinlock: hint: run it on a terminal without --no-input, or use --new-password-file
=> 1
$ twinlock passwd --recovery-file code --new-password-file weak
2> twinlock: error: the new password is weak: guessing it would take less than a second
2> twinlock: note: This is a very common password. Add another word or two. Uncommon words are better.
2> twinlock: hint: choose four or more random words, or keep it with --force
=> 1
$ twinlock passwd --only recovery --recovery-file code --new-password-file pw
2> twinlock: error: keyslot 'recovery' holds no password
2> twinlock: hint: 'twinlock keyslot list' shows which keyslots do
=> 1
$ twinlock list --password-file pw
"#,
    );
}
