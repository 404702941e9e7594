//! `twinlock run`

use crate::program::{Cli, TWINLOCK};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

/// A vault with a login 'db' and a note 'key', and a folder.
fn vault() -> Cli {
    let cli = Cli::with_vault().file("value", "hunter2").file("text", "line 1\nline 2");
    cli.ok("add db --username ada --value-file value --recovery-file code");
    cli.ok("add key --note --value-file text --recovery-file code");
    cli.ok("add db/prod --value-file value --recovery-file code");
    cli.ok("add web/prod --value-file value --recovery-file code");
    cli
}

#[test]
fn secrets_are_in_the_environment_of_the_command() {
    let cli = vault().file("refs", "# of the service\n\nUSER_NAME=db/username\nNOTE=key\n").file("input", "stdin\n");
    cli.session(
        r#"
$ twinlock run --recovery-file code --env PW=db -- sh -c 'echo "$PW"; exit 7'
1> hunter2
=> 7
$ twinlock run --recovery-file code --env PW=db/prod/password --env-file refs -- sh -c 'echo "$PW $USER_NAME $NOTE $HOME"'
1> hunter2 ada line 1
1> line 2 ~
$ twinlock run --recovery-file code --env PW=db -- cat < input
1> stdin
"#,
    );
}

#[test]
fn one_that_is_missing_starts_nothing() {
    let cli = vault();
    cli.session(
        r#"
$ twinlock run --recovery-file code --env A=db --env B=bd -- touch started
2> twinlock: error: no item is called 'bd'
2> twinlock: hint: 'twinlock list' shows what there is
=> 4
$ twinlock run --recovery-file code --env A=db/host -- touch started
2> twinlock: error: the item 'db' has no field 'host'
2> twinlock: hint: it has 'username', 'password'
=> 4
$ twinlock run --recovery-file code --env A=db/prod -- touch started
2> twinlock: error: the item 'db' has no field 'prod'
2> twinlock: hint: it has 'username', 'password'
=> 4
$ twinlock run --recovery-file code --env A=web/prod -- touch started
2> twinlock: error: which field of the item 'web/prod' is meant must be said: it has a '/' in its name
2> twinlock: hint: there is 'web/prod/password'
=> 4
$ twinlock run --no-input --env A=db -- touch started
2> twinlock: error: could not unlock by keyslot 'recovery': nobody is there to type the recovery code, and no --recovery-file was given
2> twinlock: hint: bring what is missing, or use another way in: 'twinlock keyslot list' shows them
=> 7
"#,
    );
    assert!(!cli.path("started").exists());
}

#[test]
fn wrong_arguments_start_nothing() {
    let cli = vault().file("refs", "A=db\nhunter2\n").file("empty", "# nothing\n");
    cli.session(
        r#"
$ twinlock run --recovery-file code -- touch started
2> twinlock: error: '--env <NAME=ITEM[/FIELD]>' must be given
2> twinlock: hint: write it like 'twinlock run --recovery-file <FILE> --env <NAME=ITEM[/FIELD]> -- <COMMAND>...'
=> 2
$ twinlock run --recovery-file code --env A=db
2> twinlock: error: '<COMMAND>...' must be given
2> twinlock: hint: write it like 'twinlock run --recovery-file <FILE> --env <NAME=ITEM[/FIELD]> -- <COMMAND>...'
=> 2
$ twinlock run --recovery-file code --env A=db touch started
2> twinlock: error: 'touch' is one word too many
2> twinlock: hint: the command stands behind '--', as in 'twinlock run --env NAME=ITEM -- COMMAND'
=> 2
$ twinlock run --recovery-file code --env A=db --env A=key -- touch started
2> twinlock: error: the variable 'A' is named twice
2> twinlock: hint: leave out one of them
=> 2
$ twinlock run --recovery-file code --env 'A B=db' -- touch started
2> twinlock: error: 'A B=db' does not fit '--env': a variable's name has letters, digits and '_', and no digit at its beginning
2> twinlock: hint: 'twinlock run --help' shows what it takes
=> 2
$ twinlock run --recovery-file code --env-file refs -- touch started
2> twinlock: error: line 2 of 'refs' cannot be used: it is NAME=ITEM or NAME=ITEM/FIELD
2> twinlock: hint: write it like DB_PASSWORD=db/password
=> 2
$ twinlock run --recovery-file code --env-file empty -- touch started
2> twinlock: error: no variable is named
2> twinlock: hint: name some with --env NAME=ITEM, or in the file of --env-file
=> 2
$ twinlock run --recovery-file - --env A=db -- cat < code
2> twinlock: error: the command would inherit the open file 0, and could read the secret in it
2> twinlock: hint: name the file itself, or give the secret through a pipe
=> 2
"#,
    );
    assert!(!cli.path("started").exists());
}

#[test]
fn a_command_that_cannot_be_run() {
    let cli = vault().file("plain", "text");
    cli.session(
        r#"
$ twinlock run --recovery-file code --env A=db -- no-such-command x
2> twinlock: error: cannot run 'no-such-command': no such file or directory
2> twinlock: hint: name it with its path, or put its folder into PATH
=> 127
$ twinlock run --recovery-file code --env A=db -- ./nowhere
2> twinlock: error: cannot run './nowhere': no such file or directory
2> twinlock: hint: look for a typing error; of a script, also in its first line
=> 127
$ twinlock run --recovery-file code --env A=db -- ./plain
2> twinlock: error: cannot run './plain': permission denied
2> twinlock: hint: look at its permissions with 'ls -l'
=> 126
"#,
    );
}

#[test]
fn with_the_agent_nothing_is_asked() {
    let cli = vault();
    cli.run("unlock --recovery-file code");
    cli.session(
        r#"
$ twinlock run --env PW=db --env USER_NAME=db/username -- sh -c 'echo "$USER_NAME $PW"'
1> ada hunter2
$ twinlock run --env A=web/prod -- touch started
2> twinlock: error: which field of the item 'web/prod' is meant must be said: it has a '/' in its name
2> twinlock: hint: there is 'web/prod/password'
=> 4
$ twinlock run --env A=nothing/password -- touch started
2> twinlock: error: no item is called 'nothing'
2> twinlock: hint: 'twinlock list' shows what there is
=> 4
"#,
    );
    assert!(!cli.path("started").exists());
}

/// What a shell script prints, which runs in the home.
fn script(cli: &Cli, text: &str) -> String {
    let mut command = Command::new("sh");
    command.args(["-c", text, TWINLOCK]);
    cli.settle(&mut command);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn the_command_takes_the_place_of_the_program_and_nothing_else_of_it_is_left() {
    let cli = vault();
    let mut command = cli.command(
        "run --recovery-file code --env PW=db -- sh -c 'echo $$; tr \"\\0\" \" \" < /proc/$$/cmdline; echo; echo /proc/$$/fd/*; read c < /proc/$$/task/$$/children; echo \"[$c]\"'",
    );
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], pid.to_string(), "a service manager sees the service");
    assert!(!said.contains("hunter2"), "never in the arguments");
    // What the caller has open, and nothing of ours.
    let mut without = Command::new("sh");
    without.args(["-c", "echo /proc/$$/fd/*"]);
    cli.settle(&mut without);
    let without = String::from_utf8(without.output().unwrap().stdout).unwrap();
    let count = |line: &str| line.trim().split(' ').count();
    assert_eq!(count(lines[2]), count(&without), "{said}{without}");
    assert_eq!(lines[3], "[]", "no process of ours is its child");
}

#[test]
fn a_signal_reaches_the_command_and_ends_it() {
    let cli = vault();
    let mut child = cli.command("run --recovery-file code --env PW=db -- sh -c 'echo up; exec sleep 600'");
    let mut child = child.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(15));
}

#[test]
fn limits_and_signals_are_the_caller_s() {
    let cli = vault();
    let said = script(
        &cli,
        "ulimit -S -c $(ulimit -H -c); ulimit -S -c; $0 run --recovery-file code --env A=db -- sh -c 'ulimit -S -c'
         grep Sig[BI] /proc/self/status; $0 run --recovery-file code --env A=db -- grep Sig[BI] /proc/self/status",
    );
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], lines[1], "{said}");
    assert_eq!(lines[2..4], lines[4..6], "{said}");
}

#[test]
fn a_pipe_with_a_secret_is_empty_for_the_command() {
    let cli = vault();
    let said = script(
        &cli,
        "printf '%s\\nmore of it\\n' $(cat code) | {
            exec 3<&0 < /dev/null
            $0 run --recovery-file /dev/fd/3 --env A=db -- sh -c 'cat <&3; echo \"$A\"'
        }",
    );
    assert_eq!(said, "hunter2\n");
    let mut command = Command::new("sh");
    command.args(["-c", "$0 run --recovery-file /dev/fd/3 --env A=db -- cat 3< code", TWINLOCK]);
    cli.settle(&mut command);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("inherit the open file 3"), "{said}");
}
