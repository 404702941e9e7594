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

#[test]
fn a_config_file_that_others_can_change_is_not_used() {
    let cli = Cli::new().file("conf", "");
    let mode = |mode: u32| {
        std::fs::set_permissions(cli.path("conf"), std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        let output = cli.command("token list --config conf").output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    for open in [0o664, 0o646] {
        let said = mode(open);
        assert!(
            said.contains("the config file 'conf' is not used") && said.contains("can be changed by other"),
            "{said}"
        );
        assert!(said.contains("chmod go-w"), "{said}");
    }
    assert!(mode(0o644).contains("no PKCS#11 module is configured"));
    cli.session(
        r#"
$ twinlock token list --config /dev/null
2> twinlock: note: no PKCS#11 module is configured
2> twinlock: error: the smart-card service (pcscd) does not answer
2> twinlock: hint: start it with 'sudo systemctl start pcscd.socket' (it is in the package 'pcscd', elsewhere 'pcsc-lite')
=> 7
"#,
    );
}
