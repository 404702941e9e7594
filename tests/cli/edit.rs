//! `twinlock edit`

use crate::program::Cli;

fn vault() -> Cli {
    let cli = Cli::with_vault().file("value", "old").file("value2", "new");
    cli.ok("add github --username ada --field plan=free --tag work --value-file value --recovery-file code");
    cli.ok("add gitlab --value-file value --recovery-file code");
    cli.ok("add wifi --note --value-file value --recovery-file code");
    cli
}

#[test]
fn only_what_is_named_changes() {
    vault().session(
        r#"
$ twinlock edit github --name 'GitHub Work' --username bob --field plan=pro --tag two --untag work --recovery-file code
2> changed 'GitHub Work'
$ twinlock get 'github work' --recovery-file code
1> name     GitHub Work
1> type     login
1> username bob
1> plan     pro
1> password old
1> tags     two
1> updated  TIME
$ twinlock edit 'github work' --value-file value2 --remove plan --url https://x.test --recovery-file code
2> changed 'GitHub Work'
$ twinlock get 'github work' --recovery-file code
1> name     GitHub Work
1> type     login
1> username bob
1> password new
1> url      https://x.test
1> tags     two
1> updated  TIME
$ twinlock get github --recovery-file code
2> twinlock: error: no item is called 'github'
2> twinlock: hint: did you mean 'GitHub Work', 'gitlab'?
=> 4
$ twinlock edit wifi --value-file value2 --recovery-file code
2> changed 'wifi'
$ twinlock get wifi --recovery-file code
1> name    wifi
1> type    note
1> notes   new
1> updated TIME
"#,
    );
}

#[test]
fn what_cannot_be_changed() {
    vault().session(
        r#"
$ twinlock edit github --recovery-file code
2> twinlock: error: nothing to change was named
2> twinlock: hint: for a new password: 'twinlock edit github --password'
=> 2
$ twinlock edit nothing --username x --recovery-file code
2> twinlock: error: no item is called 'nothing'
2> twinlock: hint: 'twinlock list' shows what there is
=> 4
$ twinlock edit github --name gitlab --recovery-file code
2> twinlock: error: an item is called 'gitlab' already
2> twinlock: hint: choose another name, or change it: 'twinlock edit gitlab'
=> 1
$ twinlock edit github --name '' --recovery-file code
2> twinlock: error: an item's name has 1 to 256 characters and no control characters
=> 1
$ twinlock edit github --remove plan --remove nothing --recovery-file code
2> twinlock: error: the item 'github' has no field 'nothing'
2> twinlock: hint: see which it has: 'twinlock get github'
=> 4
$ twinlock edit github --untag nothing --recovery-file code
2> changed 'github'
$ twinlock edit github --field password=visible --recovery-file code
2> twinlock: error: 'password' is a secret field, and a secret is never an argument, where others could read it
2> twinlock: hint: leave it out of --field: it is typed, or comes from --value-file or --generate
=> 2
$ twinlock edit github --password --recovery-file code
2> twinlock: error: nobody is there to type the 'password' of 'github'
2> twinlock: hint: take it from a file with --value-file, or make it up with --generate
=> 1
$ twinlock get github --recovery-file code
1> name     github
1> type     login
1> username ada
1> plan     free
1> password old
1> tags     work
1> updated  TIME
"#,
    );
}
