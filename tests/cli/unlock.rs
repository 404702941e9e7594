//! Ways in that do not open, as every command tells them.

use crate::program::Cli;

#[test]
fn the_wrong_thing_once_each() {
    let cli = Cli::with_password().file("wrong", "not the password").file("empty", "");
    cli.write("other", "00000-00001-00002-00003-00004-00005-00006-00007\n");
    cli.write("typo", "00000-00001-00001-00003-00004-00005-00006-00007\n");
    cli.write("short", "00000-00001\n");
    cli.write("words", "my recovery code\n");
    std::fs::write(cli.path("binary"), b"\xff\xfe\n").unwrap();
    cli.session(
        r#"
$ twinlock list
2> twinlock: error: could not unlock the vault
2> twinlock: note: keyslot 'password': nobody is there to type the password, and no --password-file was given
2> twinlock: note: keyslot 'recovery': nobody is there to type the recovery code, and no --recovery-file was given
2> twinlock: hint: bring what is missing, or use another way in: 'twinlock keyslot list' shows them
=> 3
$ twinlock list --no-input
2> twinlock: error: could not unlock the vault
2> twinlock: note: keyslot 'password': nobody is there to type the password, and no --password-file was given
2> twinlock: note: keyslot 'recovery': nobody is there to type the recovery code, and no --recovery-file was given
2> twinlock: hint: bring what is missing, or use another way in: 'twinlock keyslot list' shows them
=> 3
$ twinlock list --password-file wrong
2> twinlock: error: the password is wrong
2> twinlock: hint: 'twinlock recover' leads through the other ways in
=> 3
$ twinlock list --recovery-file other
2> twinlock: error: the recovery code is wrong
2> twinlock: hint: 'twinlock recover' leads through the other ways in
=> 3
$ twinlock list --recovery-file typo
2> twinlock: error: the recovery code cannot be right: group 3 is mistyped
2> twinlock: hint: compare it with what you wrote down, group by group
=> 3
$ twinlock list --recovery-file short
2> twinlock: error: the recovery code cannot be right: 2 groups where 8 belong; look at group 3 first
2> twinlock: hint: compare it with what you wrote down, group by group
=> 3
$ twinlock list --recovery-file words
2> twinlock: error: the recovery code cannot be right: 14 characters where 40 belong; look at group 1 first
2> twinlock: hint: compare it with what you wrote down, group by group
=> 3
$ twinlock list --password-file wrong --recovery-file other
2> twinlock: error: the password is wrong
2> twinlock: note: keyslot 'recovery': the recovery code is wrong
2> twinlock: hint: 'twinlock recover' leads through the other ways in
=> 3
$ twinlock list --password-file wrong --recovery-file code
$ twinlock list --password-file empty
2> twinlock: error: cannot read the secret from 'empty': its first line is empty
2> twinlock: hint: its first line must be the secret, as text
=> 1
$ twinlock list --password-file binary
2> twinlock: warning: others on this machine may read 'binary'; make it yours alone with: chmod 600 'binary'
2> twinlock: error: cannot read the secret from 'binary': its first line is not UTF-8 text
2> twinlock: hint: its first line must be the secret, as text
=> 1
$ twinlock list --password-file nowhere
2> twinlock: error: cannot read the secret from 'nowhere': no such file or directory
2> twinlock: hint: look for a typing error in its name
=> 1
$ twinlock list --password-file .
2> twinlock: error: cannot read the secret from '.': is a directory
2> twinlock: hint: name a file in it
=> 1
$ twinlock list --keyslot password --recovery-file code
2> twinlock: error: could not unlock by keyslot 'password': nobody is there to type the password, and no --password-file was given
2> twinlock: hint: bring what is missing, or use another way in: 'twinlock keyslot list' shows them
=> 3
$ twinlock list --keyslot nothing --recovery-file code
2> twinlock: error: no keyslot is called 'nothing'
2> twinlock: hint: there is 'password', 'recovery'
=> 4
$ twinlock list --keyslot recovery
2> twinlock: error: could not unlock by keyslot 'recovery': nobody is there to type the recovery code, and no --recovery-file was given
2> twinlock: hint: bring what is missing, or use another way in: 'twinlock keyslot list' shows them
=> 3
$ twinlock list --password-file - < pw
$ twinlock list --password-file /dev/fd/0 < pw
$ twinlock list --password-file - --recovery-file /dev/stdin < pw
2> twinlock: error: '--password-file' and '--recovery-file' cannot both read the same stream
2> twinlock: hint: give one of them a file of its own, or /dev/fd/3
=> 2
"#,
    );
}

#[test]
fn a_secret_file_that_others_may_read_is_warned_about() {
    let cli = Cli::with_vault();
    std::fs::copy(cli.path("code"), cli.path("open")).unwrap();
    std::fs::set_permissions(cli.path("open"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    cli.session(
        r#"
$ twinlock list --recovery-file open
2> twinlock: warning: others on this machine may read 'open'; make it yours alone with: chmod 600 'open'
$ twinlock list --no-input --recovery-file open
2> twinlock: warning: others on this machine may read 'open'; make it yours alone with: chmod 600 'open'
"#,
    );
    std::fs::set_permissions(cli.vault(), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    cli.session(
        r#"
$ twinlock list --recovery-file code
2> twinlock: warning: others on this machine may use the vault file (mode 644); make it yours alone with: chmod 600 ~/data/twinlock/vault.twinlock
"#,
    );
}
