//! `twinlock list`

use crate::program::Cli;

#[test]
fn names_into_a_pipe_and_all_but_secrets_as_json() {
    let cli = Cli::with_vault();
    cli.session(
        r#"
$ twinlock list --recovery-file code
$ twinlock list --json --recovery-file code
1> []
$ twinlock add Zeta --generate --username z --url https://z.test --recovery-file code
2> added 'Zeta'
$ twinlock add alpha --generate --tag work --recovery-file code
2> added 'alpha'
$ twinlock list --recovery-file code
1> alpha
1> Zeta
$ twinlock list --tag work --recovery-file code
1> alpha
$ twinlock list --tag nothing --recovery-file code
$ twinlock list --json --recovery-file code
1> [
1>   {
1>     "confirm": [],
1>     "created": "TIME",
1>     "name": "alpha",
1>     "tags": [
1>       "work"
1>     ],
1>     "type": "login",
1>     "updated": "TIME",
1>     "url": null,
1>     "username": null
1>   },
1>   {
1>     "confirm": [],
1>     "created": "TIME",
1>     "name": "Zeta",
1>     "tags": [],
1>     "type": "login",
1>     "updated": "TIME",
1>     "url": "https://z.test",
1>     "username": "z"
1>   }
1> ]
"#,
    );
}
