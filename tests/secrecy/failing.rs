//! Commands that fail say why, and never with a secret, however much they are asked to say.

use crate::{assert_clean, home, secrets};

#[test]
fn no_error_quotes_a_secret() {
    let cli = home();
    cli.write("long", &crate::PASSWORD.repeat(40));
    cli.write("nul", &format!("{}\0", crate::PASSWORD));
    cli.write("wrong-code", &cli.read("code").replace(|c: char| c.is_ascii_digit(), "7"));
    cli.ok("add there --value-file value --recovery-file code");
    let code = cli.read("code");
    let typo = format!("{}{}", &code[..40], &code[41..]);
    cli.write("typo", &typo);
    let mut secrets = secrets(&cli);
    // Any group of the code is a part of it.
    secrets.extend(code.trim().split('-').map(|group| group.as_bytes().to_vec()));
    for line in [
        "list --password-file pw2",
        "list --password-file long",
        "list --password-file nul",
        "list --recovery-file pw",
        "list --recovery-file wrong-code --keyslot recovery",
        "list --recovery-file typo",
        "list --password-file pw2 --recovery-file wrong-code",
        "add there --value-file value --recovery-file code",
        "add x --value-file nowhere --recovery-file code",
        "add x --note --generate --value-file value",
        "edit there --name '' --value-file value --recovery-file code",
        "get there --field nothing --recovery-file code",
        "get nothing --password-file pw",
        "find nothing --secrets --recovery-file code",
        "passwd --password-file pw2 --new-password-file pw",
        "init --factor password --new-password-file pw",
        "init --factor recovery --recovery-out pw --vault other",
        "init --factor recovery --recovery-out new --account-key-file code --vault other",
        "init --factor recovery --recovery-out new --account-key-file value --vault other",
        "keyslot wipe nothing --force --recovery-file code",
        "keyslot enroll --factor recovery --recovery-out code --recovery-file code",
    ] {
        let mut command = std::process::Command::new("setsid");
        command.arg("--wait").arg(crate::program::TWINLOCK).args(crate::program::split(line));
        cli.settle(&mut command);
        command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full").env("RUST_LIB_BACKTRACE", "full");
        let output = command.output().unwrap();
        assert!(!output.status.success(), "{line} must fail");
        assert!(!output.stderr.is_empty(), "{line} must say why");
        assert_clean(&output.stdout, &secrets, line);
        assert_clean(&output.stderr, &secrets, line);
    }
}
