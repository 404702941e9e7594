//! `twinlock recovery`

use crate::program::{CHEAP, Cli, PASSWORD};

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
2> twinlock: hint: 'twinlock recover' leads through the other ways in
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
fn a_new_code_takes_over_the_name_of_the_one_that_it_replaces() {
    let cli = Cli::with_vault().file("pw", PASSWORD);
    cli.session(
        r#"
$ twinlock recovery new --recovery-out code2 --recovery-file code --replace recovery --sheet sheet.txt
2> the recovery code is in 'code2': keep it apart from the vault
2> enrolled keyslot 'recovery-2': the recovery code alone opens the vault
2> wiped keyslot 'recovery', and gave its name to the new one
2> the recovery sheet is in 'sheet.txt'
2> twinlock: warning: the code is in that file: print it, then delete the file, and keep the paper apart from the vault
$ twinlock keyslot list
1> NAME      OPENS WITH  ENROLLED
1> recovery  recovery    DAY
$ twinlock list --recovery-file code
2> twinlock: error: the recovery code is wrong
2> twinlock: hint: 'twinlock recover' leads through the other ways in
=> 3
$ twinlock list --keyslot recovery --recovery-file code2
"#,
    );
    assert!(cli.read("sheet.txt").contains("twinlock list --keyslot=recovery --vault=FILE"), "the name that stays");
    // What was no code's alone has a name that says so.
    let daily =
        "keyslot enroll --name daily --factor password --factor recovery --recovery-out code3 --new-password-file pw";
    cli.ok(&format!("{daily} --recovery-file code2 {CHEAP}"));
    let ran = cli.run("recovery new --recovery-out code4 --keyslot recovery --recovery-file code2 --replace daily");
    assert!(ran.stderr.ends_with("wiped keyslot 'daily'\n"), "{}", ran.stderr);
    let names = cli.json("keyslot list --json");
    assert_eq!([&names[0]["name"], &names[1]["name"]], ["recovery", "recovery-2"]);
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
