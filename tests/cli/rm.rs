//! `twinlock rm`

use crate::program::Cli;

#[test]
fn all_or_none() {
    let cli = Cli::with_vault();
    for name in ["one", "two", "three"] {
        cli.ok(&format!("add {name} --generate --recovery-file code"));
    }
    cli.session(
        r#"
$ twinlock rm one --recovery-file code
2> twinlock: error: nobody is there to type an answer
2> twinlock: hint: run it on a terminal without --no-input, or use --force
=> 1
$ twinlock rm one four --force --recovery-file code
2> twinlock: error: no item is called 'four'
2> twinlock: hint: 'twinlock list' shows what there is
=> 4
$ twinlock rm one one --force --recovery-file code
2> removed 'one'
$ twinlock list --recovery-file code
1> three
1> two
$ twinlock rm two three -f --recovery-file code
2> removed 'two', 'three'
$ twinlock list --recovery-file code
$ twinlock verify --recovery-file code
2> vault 'personal' is whole: 0 items, 1 keyslot, header generation 1, 7 writes
"#,
    );
}
