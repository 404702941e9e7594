//! `twinlock recovery`

use crate::program::Cli;

#[test]
fn a_new_code_beside_the_old_one_and_in_its_place() {
    Cli::with_vault().session(
        r#"
$ twinlock recovery new --recovery-out code2 --recovery-file code
2> the recovery code is in 'code2': keep it apart from the vault
2> enrolled keyslot 'recovery-2': the recovery code alone opens the vault
2> the older code still opens keyslot 'recovery', until you wipe that: 'twinlock keyslot wipe recovery'
$ twinlock list --recovery-file code2
$ twinlock recovery new --recovery-out code3 --recovery-file code --replace recovery --name safe
2> the recovery code is in 'code3': keep it apart from the vault
2> enrolled keyslot 'safe': the recovery code alone opens the vault
2> wiped keyslot 'recovery'
$ twinlock list --recovery-file code
2> twinlock: error: the recovery code is wrong
2> twinlock: hint: 'twinlock keyslot list' shows the other ways in
=> 3
$ twinlock list --recovery-file code3
$ twinlock keyslot list
1> NAME        OPENS WITH  ENROLLED
1> recovery-2  recovery    DAY
1> safe        recovery    DAY
"#,
    );
}

#[test]
fn what_cannot_be_made() {
    let cli = Cli::with_vault();
    cli.session(
        r#"
$ twinlock recovery new --recovery-file code
2> twinlock: error: a recovery code is shown once and typed back, and nobody is there to do so
2> twinlock: hint: run it on a terminal, or write the code to a new file with --recovery-out FILE
=> 2
$ twinlock recovery new --recovery-out code --recovery-file code
2> twinlock: error: cannot write the recovery code to 'code': file exists
2> twinlock: hint: nothing is written over: name a file that is not there yet
=> 1
$ twinlock recovery new --recovery-out new --recovery-file code --replace nothing
2> twinlock: error: no keyslot is called 'nothing'
2> twinlock: hint: there is 'recovery'
=> 4
$ twinlock recovery new --recovery-out new --recovery-file code --name recovery
2> twinlock: error: a keyslot is called 'recovery' already
2> twinlock: hint: choose another name
=> 1
"#,
    );
    assert!(!cli.path("new").exists(), "no code is made for nothing");
}
