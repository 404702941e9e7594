//! `twinlock backup`

use crate::program::Cli;
use std::os::unix::fs::PermissionsExt;

#[test]
fn the_copy_opens_by_the_same_ways_in() {
    let cli = Cli::with_vault();
    cli.ok("add github --generate --recovery-file code");
    cli.session(
        r#"
$ twinlock backup copy
2> copied the vault 'personal' to 'copy'
$ twinlock verify --vault copy --recovery-file code
2> vault 'personal' is whole: 1 item, 1 keyslot, header generation 1, 2 writes
$ twinlock backup copy
2> twinlock: error: 'copy' exists already
2> twinlock: hint: a backup is never written over: name a file that is not there yet
=> 1
$ twinlock backup nowhere/copy
2> twinlock: error: there is no folder 'nowhere'
2> twinlock: hint: make the folder first, or name another file
=> 1
$ twinlock backup --vault nowhere copy2
2> twinlock: error: no vault at 'nowhere'
2> twinlock: hint: make one with 'twinlock init', or name another with --vault
=> 4
$ twinlock backup .
2> twinlock: error: '.' exists already
2> twinlock: hint: a backup is never written over: name a file that is not there yet
=> 1
"#,
    );
    assert_eq!(std::fs::metadata(cli.path("copy")).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!cli.path("copy2").exists());
}
