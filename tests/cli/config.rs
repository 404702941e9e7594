//! Where things are found: environment, XDG folders, `--vault`.

use crate::program::Cli;

#[test]
fn the_vault_is_found_by_option_then_variable_then_folder() {
    let cli = Cli::with_vault();
    cli.ok("init --name second --vault b --factor recovery --recovery-out code-b");
    let name = |command: &mut std::process::Command| {
        let output = command.output().unwrap();
        let header: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        header["name"].as_str().unwrap().to_owned()
    };
    assert_eq!(name(&mut cli.command("header show --json")), "personal");
    assert_eq!(name(cli.command("header show --json").env("TWINLOCK_VAULT", "b")), "second");
    let both = format!("header show --json --vault {}", cli.vault().display());
    assert_eq!(name(cli.command(&both).env("TWINLOCK_VAULT", "b")), "personal");
}

#[test]
fn an_empty_variable_is_named() {
    let output = Cli::new().command("list").env("TWINLOCK_VAULT", "").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "twinlock: error: the environment variable 'TWINLOCK_VAULT' is empty\n\
         twinlock: hint: end it with 'unset TWINLOCK_VAULT', or name a file in it\n"
    );
}

#[test]
fn without_a_home_the_vault_must_be_named() {
    let cli = Cli::new();
    let output = cli.command("list").env_remove("HOME").env("XDG_DATA_HOME", "relative").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "twinlock: error: there is no home folder to look for the vault in\n\
         twinlock: hint: name the vault with --vault FILE or TWINLOCK_VAULT\n"
    );
}
