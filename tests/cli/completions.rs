//! `twinlock completions`

use crate::program::Cli;
use std::process::Command;

#[test]
fn each_shell_gets_its_own() {
    let cli = Cli::new();
    for (shell, mark) in [
        ("bash", "complete -F _twinlock"),
        ("zsh", "#compdef twinlock"),
        ("fish", "complete -c twinlock"),
        ("elvish", "edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let text = cli.ok(&format!("completions {shell}"));
        assert!(text.contains(mark), "{shell}: {text}");
        assert!(text.contains("keyslot") && text.contains("recovery-file"), "{shell}");
    }
}

#[test]
fn bash_reads_them() {
    let cli = Cli::new();
    std::fs::write(cli.path("script"), cli.ok("completions bash")).unwrap();
    let bash = "source ./script && COMP_WORDS=(twinlock keys) COMP_CWORD=1 && _twinlock twinlock keys twinlock && echo ${COMPREPLY[@]}";
    let output = Command::new("bash").args(["-c", bash]).current_dir(cli.path("")).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "keyslot\n", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn another_shell_is_refused() {
    Cli::new().session(
        r#"
$ twinlock completions tcsh
2> twinlock: error: 'tcsh' does not fit '<SHELL>': it is one of bash, elvish, fish, powershell, zsh
2> twinlock: hint: 'twinlock completions --help' shows what it takes
=> 2
"#,
    );
}
