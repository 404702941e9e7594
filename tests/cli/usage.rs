//! Wrong arguments: each with its own message and an action.

use crate::program::Cli;

#[test]
fn options_that_do_not_go_together() {
    Cli::new().session(
        r#"
$ twinlock add x --note --username ada
2> twinlock: error: '--note' and '--username' do not go together
2> twinlock: hint: a note is text alone: leave out --note to add a login
=> 2
$ twinlock add x --note --url https://x.test
2> twinlock: error: '--note' and '--url' do not go together
2> twinlock: hint: a note is text alone: leave out --note to add a login
=> 2
$ twinlock add x --note --generate
2> twinlock: error: '--note' and '--generate' do not go together
2> twinlock: hint: a note has no password: leave out --note to add a login
=> 2
$ twinlock add x --note --notes text
2> twinlock: error: '--note' and '--notes' do not go together
2> twinlock: hint: the text of a note is typed, or comes from --value-file
=> 2
$ twinlock add x --value-file v --generate
2> twinlock: error: '--value-file' and '--generate' do not go together
2> twinlock: hint: the password comes from the file or is made up: leave out one
=> 2
$ twinlock edit x --password --value-file v
2> twinlock: error: '--password' and '--value-file' do not go together
2> twinlock: hint: the password is asked for or comes from the file: leave out --password
=> 2
$ twinlock edit x --password --generate
2> twinlock: error: '--password' and '--generate' do not go together
2> twinlock: hint: the password is asked for or made up: leave out --password
=> 2
$ twinlock get x --field password --json
2> twinlock: error: '--field' and '--json' do not go together
2> twinlock: hint: --field gives one value alone; leave it out for the whole item as JSON
=> 2
$ twinlock get x --show -f password
2> twinlock: error: '--show' and '--field' do not go together
2> twinlock: hint: --field shows its value in any case: leave out --show
=> 2
$ twinlock init --factor password --recovery --no-recovery
2> twinlock: error: '--recovery' and '--no-recovery' do not go together
2> twinlock: hint: leave out one of them; a vault without a recovery code cannot be recovered
=> 2
$ twinlock init --threshold 2
2> twinlock: error: '--factor <FACTOR>' must be given
2> twinlock: hint: write it like 'twinlock init --factor <FACTOR> --threshold <K>'
=> 2
$ twinlock verify --force
2> twinlock: error: '--accept' must be given
2> twinlock: hint: write it like 'twinlock verify --accept --force'
=> 2
$ twinlock list --password-file - --recovery-file -
2> twinlock: error: '--password-file' and '--recovery-file' cannot both read the same stream
2> twinlock: hint: give one of them a file of its own, or /dev/fd/3
=> 2
$ twinlock list --new-password-file - --pin-file /dev/fd/0
2> twinlock: error: '--new-password-file' and '--pin-file' cannot both read the same stream
2> twinlock: hint: give one of them a file of its own, or /dev/fd/3
=> 2
$ twinlock list --json --json
2> twinlock: error: '--json' can be given once only
2> twinlock: hint: 'twinlock list --help' shows what it takes
=> 2
$ twinlock list --vault a --vault b
2> twinlock: error: '--vault' can be given once only
2> twinlock: hint: 'twinlock list --help' shows what it takes
=> 2
"#,
    );
}

#[test]
fn what_is_not_there() {
    Cli::new().session(
        r#"
$ twinlock lsit
2> twinlock: error: there is no command 'lsit'
2> twinlock: hint: did you mean 'list'?
=> 2
$ twinlock help
2> twinlock: error: there is no command 'help'
2> twinlock: hint: 'twinlock --help' shows what it takes
=> 2
$ twinlock keyslot lst
2> twinlock: error: there is no command 'lst'
2> twinlock: hint: did you mean 'list'?
=> 2
$ twinlock get
2> twinlock: error: '<NAME>' must be given
2> twinlock: hint: write it like 'twinlock get <NAME>'
=> 2
$ twinlock rm
2> twinlock: error: '<NAMES>...' must be given
2> twinlock: hint: write it like 'twinlock rm <NAMES>...'
=> 2
$ twinlock keyslot rename a
2> twinlock: error: '<TO>' must be given
2> twinlock: hint: write it like 'twinlock keyslot rename <NAME> <TO>'
=> 2
$ twinlock get x --shwo
2> twinlock: error: there is no option '--shwo' here
2> twinlock: hint: did you mean '--show'?
=> 2
$ twinlock get x -z
2> twinlock: error: there is no option '-z' here
2> twinlock: hint: 'twinlock get --help' shows what it takes
=> 2
$ twinlock get x y
2> twinlock: error: 'y' is one word too many
2> twinlock: hint: 'twinlock get --help' shows what it takes; a name with spaces goes into quotes
=> 2
$ twinlock get --field
2> twinlock: error: '--field' needs a value
2> twinlock: hint: 'twinlock get --help' shows what it takes
=> 2
$ twinlock --vault
2> twinlock: error: '--vault' needs a value
2> twinlock: hint: 'twinlock --help' shows what it takes
=> 2
$ twinlock add x --password secret
2> twinlock: error: there is no option '--password' here
2> twinlock: hint: a secret is never an argument, where others could read it: it is typed, or comes from a file
=> 2
"#,
    );
}

#[test]
fn values_that_do_not_fit() {
    Cli::new().session(
        r#"
$ twinlock add x --generate=7
2> twinlock: error: '7' does not fit '--generate': it is a number from 8 to 1024
2> twinlock: hint: 'twinlock add --help' shows what it takes
=> 2
$ twinlock add x --generate=many
2> twinlock: error: 'many' does not fit '--generate': it is a whole number
2> twinlock: hint: 'twinlock add --help' shows what it takes
=> 2
$ twinlock add x --field plan
2> twinlock: error: 'plan' does not fit '--field': it is NAME=VALUE
2> twinlock: hint: 'twinlock add --help' shows what it takes
=> 2
$ twinlock init --factor piv:12345678/99
2> twinlock: error: 'piv:12345678/99' does not fit '--factor': a PIV slot is 82 to 95, 9a, 9c, 9d or 9e
2> twinlock: hint: 'twinlock init --help' shows what it takes
=> 2
$ twinlock init --factor pivot
2> twinlock: error: 'pivot' does not fit '--factor': it is 'password', 'recovery', 'piv', 'piv:SERIAL' or a 'pkcs11:...' URI
2> twinlock: hint: 'twinlock init --help' shows what it takes
=> 2
$ twinlock init --factor password --threshold 300
2> twinlock: error: '300' does not fit '--threshold': it is a number from 1 to 16
2> twinlock: hint: 'twinlock init --help' shows what it takes
=> 2
$ twinlock init --factor password --kdf-memory 5000
2> twinlock: error: '5000' does not fit '--kdf-memory': it is a number from 19 to 4096
2> twinlock: hint: 'twinlock init --help' shows what it takes
=> 2
$ twinlock init --factor password --kdf-passes 1
2> twinlock: error: '1' does not fit '--kdf-passes': it is a number from 2 to 32
2> twinlock: hint: 'twinlock init --help' shows what it takes
=> 2
$ twinlock init --factor password --kdf-lanes 0
2> twinlock: error: '0' does not fit '--kdf-lanes': it is a number from 1 to 32
2> twinlock: hint: 'twinlock init --help' shows what it takes
=> 2
"#,
    );
}

#[test]
fn without_arguments_the_help_is_shown() {
    let cli = Cli::new();
    for (line, start) in [("", "A vault opened by"), ("keyslot", "The ways into the vault")] {
        let ran = cli.run(line);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
        assert!(ran.stderr.starts_with(start), "{}", ran.stderr);
    }
}
