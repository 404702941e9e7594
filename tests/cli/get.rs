//! `twinlock get`

use crate::program::Cli;

fn vault() -> Cli {
    let cli = Cli::with_vault().file("value", "hunter2");
    cli.ok("add github --username ada --value-file value --recovery-file code");
    cli
}

#[test]
fn a_pipe_gets_the_secret() {
    vault().session(
        r#"
$ twinlock get github --recovery-file code
1> name     github
1> type     login
1> username ada
1> password hunter2
1> updated  TIME
$ twinlock get GITHUB --field password --recovery-file code
1> hunter2
$ twinlock get github -f username --recovery-file code
1> ada
$ twinlock get github --json --recovery-file code
1> {
1>   "created": "TIME",
1>   "fields": [
1>     {
1>       "kind": "text",
1>       "name": "username",
1>       "value": "ada"
1>     },
1>     {
1>       "kind": "concealed",
1>       "name": "password",
1>       "value": "hunter2"
1>     }
1>   ],
1>   "name": "github",
1>   "type": "login",
1>   "updated": "TIME"
1> }
"#,
    );
}

#[test]
fn what_is_not_there() {
    vault().session(
        r#"
$ twinlock get githib --recovery-file code
2> twinlock: error: no item is called 'githib'
2> twinlock: hint: did you mean 'github'?
=> 4
$ twinlock get something --recovery-file code
2> twinlock: error: no item is called 'something'
2> twinlock: hint: 'twinlock list' shows what there is
=> 4
$ twinlock get gi --recovery-file code
2> twinlock: error: no item is called 'gi'
2> twinlock: hint: did you mean 'github'?
=> 4
$ twinlock get zz --recovery-file code
2> twinlock: error: no item is called 'zz'
2> twinlock: hint: 'twinlock list' shows what there is
=> 4
$ twinlock get '' --recovery-file code
2> twinlock: error: no item is called ''
2> twinlock: hint: 'twinlock list' shows what there is
=> 4
$ twinlock get github -f pasword --recovery-file code
2> twinlock: error: the item 'github' has no field 'pasword'
2> twinlock: hint: it has 'username', 'password'
=> 4
"#,
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let cli = vault();
    let mut command = cli.command("get github --recovery-file code --no-input");
    let mut child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}
