//! `twinlock add`

use crate::program::Cli;

#[test]
fn a_login_with_everything() {
    let cli = Cli::with_vault().file("value", "hunter 2\n");
    cli.session(
        r#"
$ twinlock add github --username ada --url https://github.com --url https://gist.github.com --notes 'two lines' --field plan=free --tag work --tag code --value-file value --recovery-file code
2> added 'github'
$ twinlock get github --recovery-file code
1> name     github
1> type     login
1> username ada
1> url      https://github.com
1> url      https://gist.github.com
1> notes    two lines
1> plan     free
1> password hunter 2
1> tags     work, code
1> updated  TIME
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
1>       "kind": "url",
1>       "name": "url",
1>       "value": "https://github.com"
1>     },
1>     {
1>       "kind": "url",
1>       "name": "url",
1>       "value": "https://gist.github.com"
1>     },
1>     {
1>       "kind": "multiline",
1>       "name": "notes",
1>       "value": "two lines"
1>     },
1>     {
1>       "kind": "text",
1>       "name": "plan",
1>       "value": "free"
1>     },
1>     {
1>       "kind": "concealed",
1>       "name": "password",
1>       "value": "hunter 2"
1>     }
1>   ],
1>   "name": "github",
1>   "tags": [
1>     "work",
1>     "code"
1>   ],
1>   "type": "login",
1>   "updated": "TIME"
1> }
"#,
    );
}

#[test]
fn a_note_from_standard_input() {
    let cli = Cli::with_vault().file("text", "line one\nline two\n");
    cli.session(
        r#"
$ twinlock add wifi --note --value-file - --recovery-file code < text
2> added 'wifi'
$ twinlock get wifi --recovery-file code
1> name    wifi
1> type    note
1> notes
1> line one
1> line two
1> updated TIME
"#,
    );
}

#[test]
fn a_generated_password_has_the_length_asked_for() {
    let cli = Cli::with_vault();
    for (option, length) in [("--generate", 20), ("--generate=8", 8), ("--generate=1024", 1024)] {
        cli.ok(&format!("add i{length} {option} --recovery-file code"));
        assert_eq!(cli.ok(&format!("get i{length} -f password --recovery-file code")).len(), length + 1);
    }
}

#[test]
fn what_cannot_be_added() {
    let cli = Cli::with_vault().file("value", "x");
    std::fs::write(cli.path("binary"), b"\xff\xfe").unwrap();
    cli.write("large", &"x".repeat(16 << 20));
    cli.ok("add GitHub --generate --recovery-file code");
    cli.session(
        r#"
$ twinlock add github --generate --recovery-file code
2> twinlock: error: an item is called 'github' already
2> twinlock: hint: choose another name, or change it: 'twinlock edit github'
=> 1
$ twinlock add new --recovery-file code
2> twinlock: error: nobody is there to type the 'password' of 'new'
2> twinlock: hint: take it from a file with --value-file, or make it up with --generate
=> 1
$ twinlock add new --secret token --generate --recovery-file code
2> twinlock: error: nobody is there to type the 'token' of 'new'
2> twinlock: hint: run it on a terminal without --no-input
=> 1
$ twinlock add '' --generate --recovery-file code
2> twinlock: error: an item's name has 1 to 256 characters and no control characters
=> 1
$ twinlock add new --value-file nowhere --recovery-file code
2> twinlock: error: cannot read the value from 'nowhere': no such file or directory
2> twinlock: hint: look for a typing error in its name
=> 1
$ twinlock add new --value-file binary --recovery-file code
2> twinlock: error: the value in 'binary' is not text (UTF-8)
2> twinlock: hint: encode it first, for example with base64
=> 1
$ twinlock add new --value-file . --recovery-file code
2> twinlock: error: cannot read the value from '.': is a directory
2> twinlock: hint: name a file in it
=> 1
$ twinlock add new --field password=visible --generate --recovery-file code
2> twinlock: error: 'password' is a secret field, and a secret is never an argument, where others could read it
2> twinlock: hint: leave it out of --field: it is typed, or comes from --value-file or --generate
=> 2
$ twinlock add new --value-file large --recovery-file code
2> twinlock: error: an item has at most 16 MiB
2> twinlock: hint: keep it as an encrypted file, and the key of that file here
=> 1
$ twinlock list --recovery-file code
1> GitHub
"#,
    );
}
