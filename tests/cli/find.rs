//! `twinlock find`

use crate::program::Cli;

#[test]
fn by_any_part_and_in_secrets_when_asked() {
    let cli = Cli::with_vault().file("value", "Rosebud").file("text", "the router is behind the ROSE\n");
    cli.ok("add GitHub --username ada --url https://github.com --tag work --value-file value --recovery-file code");
    cli.ok("add wifi --note --value-file text --recovery-file code");
    cli.session(
        r#"
$ twinlock find hub --recovery-file code
1> GitHub
$ twinlock find ADA --json --recovery-file code
1> [
1>   {
1>     "confirm": [],
1>     "created": "TIME",
1>     "matched": "username",
1>     "name": "GitHub",
1>     "tags": [
1>       "work"
1>     ],
1>     "type": "login",
1>     "updated": "TIME",
1>     "url": "https://github.com",
1>     "username": "ada"
1>   }
1> ]
$ twinlock find wor --recovery-file code
1> GitHub
$ twinlock find rose --recovery-file code
1> wifi
$ twinlock find rose --secrets --recovery-file code
1> GitHub
1> wifi
$ twinlock find rosebud --recovery-file code
2> twinlock: error: nothing has 'rosebud' in it
2> twinlock: hint: --secrets looks into secret fields, too
=> 4
$ twinlock find nowhere --secrets --recovery-file code
2> twinlock: error: nothing has 'nowhere' in it
2> twinlock: hint: try a shorter part
=> 4
$ twinlock find nowhere --json --recovery-file code
2> twinlock: error: nothing has 'nowhere' in it
2> twinlock: hint: --secrets looks into secret fields, too
=> 4
"#,
    );
}
