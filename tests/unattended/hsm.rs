//! `twinlock run --keyslot hsm` as a service manager starts it, on a SoftHSM token.

use crate::program::{Ran, TWINLOCK, split};
use crate::softhsm::{Machine, PIN};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// A vault with an item 'db' that the HSM opens, or a password.
fn machine() -> Option<Machine> {
    let machine = Machine::new()?;
    machine.token("hsm");
    machine.cli.write("pw", crate::program::PASSWORD);
    machine.cli.write("value", "hunter2");
    machine.ok("init --factor recovery --recovery-out code");
    machine.ok("keyslot enroll --factor pkcs11:token=hsm --name hsm --recovery-file code --pin-file pin --token pkcs11:token=hsm");
    machine.ok(&format!(
        "keyslot enroll --factor password --name pw --new-password-file pw --recovery-file code --force {}",
        crate::program::CHEAP
    ));
    machine.ok("add db --value-file value --recovery-file code");
    Some(machine)
}

/// Runs a line without a terminal, with a credential of systemd's if one is given; what comes behind `--` is the command.
fn run(machine: &Machine, line: &str, credential: Option<&str>) -> Ran {
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(TWINLOCK).arg("--module").arg(&machine.module).args(split(line));
    machine.settle(&mut command);
    if let Some(pin) = credential {
        let folder = machine.cli.path("credentials");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("twinlock.pin");
        // systemd gives it to root alone to write, and a service that is root's here may write anything.
        let _ = std::fs::remove_file(&file);
        std::fs::write(&file, pin).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o400)).unwrap();
        command.env("CREDENTIALS_DIRECTORY", folder);
    }
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

const SERVICE: &str = "run --keyslot hsm --no-input --env PW=db -- sh -c 'echo $PW'";

#[track_caller]
fn works(ran: &Ran) {
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "hunter2\n", ""));
}

#[test]
fn the_pin_comes_from_a_file_a_pipe_a_uri_or_a_credential() {
    let Some(machine) = machine() else { return };
    works(&run(&machine, &format!("--pin-file pin {SERVICE}"), None));
    let uri = format!("pkcs11:token=hsm?pin-source={}", machine.cli.path("pin").display());
    works(&run(&machine, &format!("--token {uri} {SERVICE}"), None));
    works(&run(&machine, SERVICE, Some(PIN)));
    works(&run(&machine, &format!("--token pkcs11:token=hsm {SERVICE}"), Some(&format!("{PIN}\n"))));
    // What is said on the command line counts more.
    works(&run(&machine, &format!("--pin-file pin {SERVICE}"), Some("000000")));
    works(&run(&machine, &format!("--token {uri} {SERVICE}"), Some("000000")));
    let script = format!("printf {PIN} | {{ exec 3<&0 </dev/null; exec \"$@\"; }}");
    let line = format!("--pin-file /dev/fd/3 {SERVICE}");
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh", TWINLOCK, "--module"]).arg(&machine.module).args(split(&line));
    machine.settle(&mut command);
    let output = command.output().unwrap();
    assert_eq!(output.stdout, b"hunter2\n", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn without_a_pin_nothing_is_asked_and_nothing_started() {
    let Some(machine) = machine() else { return };
    let ran = run(&machine, "run --keyslot hsm --env PW=db -- touch started", None);
    assert!(ran.code != Some(0) && ran.stderr.contains("--pin-file"), "{:?}: {}", ran.code, ran.stderr);
    assert!(!machine.cli.path("started").exists());
}

#[test]
fn the_credential_s_pin_is_kept_from_a_token_that_only_the_vault_names() {
    let Some(machine) = machine() else { return };
    machine.token("other");
    let ran = run(&machine, SERVICE, Some(PIN));
    assert!(ran.stderr.contains("was not sent to token 'hsm"), "{}", ran.stderr);
    assert_eq!(ran.code, Some(1));
    works(&run(&machine, &format!("--token pkcs11:token=hsm {SERVICE}"), Some(PIN)));
}

#[test]
fn exit_codes_say_whether_to_start_again() {
    let Some(machine) = machine() else { return };
    // A wrong PIN: no.
    let ran = run(&machine, SERVICE, Some("000000"));
    assert!(ran.code == Some(3) && ran.stderr.contains("wrong PIN"), "{}", ran.stderr);
    // No token, as of an HSM that is down: yes.
    std::fs::rename(machine.cli.path("reader"), machine.cli.path("away")).unwrap();
    std::fs::create_dir(machine.cli.path("reader")).unwrap();
    let ran = run(&machine, SERVICE, Some(PIN));
    assert!(ran.code == Some(7) && ran.stderr.contains("the token 'hsm' is not here"), "{}", ran.stderr);
    // Without --keyslot the next way in that is allowed opens, and the log says why in one line.
    let ran = run(&machine, "run --no-input --env PW=db --password-file pw -- sh -c 'echo $PW'", Some(PIN));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "hunter2\n"), "{}", ran.stderr);
    let ran = run(&machine, "list --no-input", Some(PIN));
    let said = "twinlock: warning: keyslot 'hsm' is passed over: the token 'hsm' is not here\n";
    assert!(ran.stderr.starts_with(said), "{}", ran.stderr);
}

#[test]
fn a_credential_that_others_may_read_is_warned_about() {
    let Some(machine) = machine() else { return };
    let folder = machine.cli.path("credentials");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("twinlock.pin");
    std::fs::write(&file, PIN).unwrap();
    let warned = |mode| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let mut command = Command::new("setsid");
        command.arg("--wait").arg(TWINLOCK).arg("--module").arg(&machine.module).args(split(SERVICE));
        machine.settle(&mut command);
        command.env("CREDENTIALS_DIRECTORY", &folder);
        String::from_utf8(command.output().unwrap().stderr).unwrap().contains("others on this machine may read")
    };
    assert!(warned(0o444) && warned(0o460));
    // The mask of an access list, by which systemd lets a service read what is root's.
    let of_root = std::os::unix::fs::MetadataExt::uid(&file.metadata().unwrap()) == 0;
    assert_eq!((warned(0o440), warned(0o400)), (!of_root, false));
}

#[test]
#[cfg(target_os = "linux")]
fn the_command_has_no_helper_process_for_a_child() {
    let Some(machine) = machine() else { return };
    let line = "--pin-file pin run --keyslot hsm --env PW=db -- sh -c 'read c < /proc/$$/task/$$/children; echo [$c]'";
    let ran = run(&machine, line, None);
    assert_eq!(ran.stdout, "[]\n", "{}", ran.stderr);
}
