//! `twinlock header`

use crate::program::Cli;

/// The header's body, and what is said beside it.
const BODY: &str = r#"
1> {
1>   "twinlock": 1,
1>   "vault": "HEX",
1>   "name": "personal",
1>   "created": "TIME",
1>   "epoch": 1,
1>   "generation": 1,
1>   "cipher": "xaes-256-gcm",
1>   "keyslots": [
1>     {
1>       "id": "HEX",
1>       "name": "recovery",
1>       "created": "TIME",
1>       "threshold": 1,
1>       "factors": [
1>         {
1>           "kind": "recovery",
1>           "share": "HEX"
1>         }
1>       ],
1>       "nonce": "HEX",
1>       "wrapped": "HEX"
1>     }
1>   ]
1> }"#;
const WARNING: &str = "2> twinlock: warning: this is what the file says; only unlocking ('twinlock verify') proves it";

#[test]
fn it_needs_no_factor_and_shows_no_secret() {
    Cli::with_vault().session(&format!(
        "
$ twinlock header show{BODY}
1> --- HEX
{WARNING}
$ twinlock header show --json{BODY}
{WARNING}
"
    ));
}
