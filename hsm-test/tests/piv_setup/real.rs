//! A YubiKey from its first day to its last, with the program as a person runs it. The same on a virtual one, and on a real one that may be
//! wiped: `real-token.sh` runs it there, between two wipes.

use hsm_test::piv::{CardOptions, PcscPlace, SOCKET_VARIABLE};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// What a person at a real token is told before it blinks.
const TOUCH: &str = ">>> touch the token whenever it blinks; Enter";
const DO_NOT_TOUCH: &str = ">>> do NOT touch the token until the next line; Enter";

/// A person with one token as it leaves the factory.
struct Owner<'a> {
    dir: TempDir,
    env: Vec<(String, OsString)>,
    serial: u32,
    /// Called before what waits for a touch: whether there will be one.
    finger: &'a dyn Fn(bool),
}

/// Exit code and all that was said.
struct Said {
    code: Option<i32>,
    text: String,
}

impl Owner<'_> {
    fn write(&self, name: &str, content: &str) {
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(self.dir.path().join(name));
        file.and_then(|mut file| file.write_all(content.as_bytes())).expect("a temporary folder");
    }

    /// `SERIAL` is that of the token.
    fn run(&self, line: &str) -> Said {
        let line = line.replace("SERIAL", &self.serial.to_string());
        let mut command = Command::new(hsm_test::twinlock());
        command.args(line.split_whitespace()).arg("--no-input").env_clear().envs(self.env.iter().cloned());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("TWINLOCK_VAULT", "v");
        for name in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"] {
            command.env(name, self.dir.path());
        }
        let output =
            command.current_dir(self.dir.path()).stdin(Stdio::null()).output().expect("the program can be run");
        let text = [output.stdout, output.stderr].concat();
        Said { code: output.status.code(), text: String::from_utf8_lossy(&text).into_owned() }
    }

    #[track_caller]
    fn ok(&self, line: &str) -> String {
        self.ends(line, 0, "")
    }

    #[track_caller]
    fn ends(&self, line: &str, code: i32, says: &str) -> String {
        let said = self.run(line);
        assert_eq!(said.code, Some(code), "{line}\n{}", said.text);
        assert!(said.text.contains(says), "{line}: '{says}' is not in\n{}", said.text);
        said.text
    }
}

/// Sets it up, enrolls it, unlocks with it, mistypes, tests, sets the PIN anew, lists, wipes.
fn story(env: Vec<(String, OsString)>, serial: u32, finger: &dyn Fn(bool)) {
    let owner = Owner { dir: tempfile::tempdir().expect("a temporary folder"), env, serial, finger };
    for (name, content) in [("pin", "735501"), ("puk", "12345678"), ("new-puk", "99887766"), ("wrong", "111111")] {
        owner.write(name, content);
    }
    owner.write("factory", "123456");
    let firmware = set_up(&owner);
    vault(&owner);
    if firmware >= (5, 7) {
        let made =
            owner.ok("token setup piv --serial SERIAL --algorithm x25519 --pin-policy never --touch-policy never");
        assert!(made.contains("/83"), "{made}");
        owner.ok("token test piv:SERIAL/83");
    }
    owner.ok("keyslot wipe piv --force --recovery-file code");
    owner.ends("list --keyslot piv --pin-file pin", 4, "piv");
    owner.ok("list --recovery-file code");
}

fn set_up(owner: &Owner) -> (u32, u32) {
    let listed = owner.ok("token list");
    assert!(listed.contains(&format!("YubiKey {}: ready", owner.serial)), "{listed}");
    let of = listed.split_once(&format!("YubiKey {}:", owner.serial)).expect("it was just looked for").1;
    let firmware = of.split_once("firmware ").expect("it is told").1;
    let numbers: Vec<u32> =
        firmware.split(['.', ',']).take(2).map(|number| number.parse().expect("a version")).collect();
    let firmware = (numbers[0], numbers[1]);
    // Old firmware does not tell that PIN and PUK are still the factory's, nor how many tries of the PUK are left.
    let old = if firmware < (5, 3) { "--pin-file factory --puk-file puk --force-pin" } else { "" };
    owner.write("new-pin", "735501");
    (owner.finger)(true);
    let codes = format!("--new-pin-file new-pin --new-puk-file new-puk {old}");
    let made = owner.ok(&format!("token setup piv --serial SERIAL --piv-slot 82 --name real {codes}"));
    for part in ["changed the PIN", "changed the PUK", "made a key in PIV slot 82"] {
        assert!(made.contains(part), "'{part}' is not in\n{made}");
    }
    owner.write("puk", "99887766");
    let refused = "token setup piv --serial SERIAL --piv-slot 82 --pin-file pin";
    owner.ends(refused, 1, "made by twinlock for 'real'");
    let listed = owner.ok("token list --json");
    assert!(listed.contains("\"piv_slot\": \"82\"") && listed.contains("\"mode\": \"ecdh-p256\""), "{listed}");
    firmware
}

fn vault(owner: &Owner) {
    let enroll = "init --factor piv:serial=SERIAL;slot=82;name=real --pin-file pin --recovery --recovery-out code";
    owner.ok(enroll);
    let open = "list --keyslot piv --pin-file pin";
    owner.ok(open);
    // Once wrong, then right: a try is lost and comes back.
    owner.ends("list --keyslot piv --pin-file wrong", 3, "2 tries left");
    owner.ok(open);
    let tested = owner.ok("token test piv:SERIAL/82 --pin-file pin");
    assert!(tested.contains("s from the request for the touch") || tested.contains("it gave the secret back after"));
    (owner.finger)(false);
    owner.ends(open, 7, "was not touched in time");
    (owner.finger)(true);
    owner.write("new-pin", "735502");
    owner.ok("token unblock --serial SERIAL --force --puk-file puk --new-pin-file new-pin --force-pin");
    owner.ends(open, 3, "2 tries left");
    owner.write("pin", "735502");
    owner.ok(open);
    assert!(owner.ok("token list").contains("opens keyslot 'piv'"));
}

fn card() -> CardOptions {
    CardOptions::default().touch_timeout(600).set("attestation", "p256")
}

#[test]
fn a_virtual_one_has_the_same_life() {
    for firmware in ["4.3", "5.2", "5.4", "5.7"] {
        let Some(place) = PcscPlace::start() else { return };
        let card = place.card(card().firmware(firmware));
        let env = place.env().into_iter().map(|(name, value)| (name, value.into())).collect();
        story(env, card.serial(), &|touch| card.finger(if touch { "ready" } else { "away" }));
    }
}

#[test]
#[ignore = "needs a token that may be wiped: hsm-test/real-token.sh"]
fn a_real_one_from_its_first_day_to_its_last() {
    let serial = std::env::var("TWINLOCK_REAL_TOKEN").expect("run it with hsm-test/real-token.sh");
    assert_eq!(std::env::var("TWINLOCK_REAL_TOKEN_WIPE").as_deref(), Ok("yes"), "the test changes the token");
    let env = std::env::var_os(SOCKET_VARIABLE).map(|value| (SOCKET_VARIABLE.to_owned(), value));
    story(env.into_iter().collect(), serial.parse().expect("a serial number"), &|touch| {
        eprintln!("\n{}", if touch { TOUCH } else { DO_NOT_TOUCH });
        let _ = std::io::stdin().read_line(&mut String::new());
    });
}

/// In place of Cargo: runs test programs that are built already.
const CARGO: &str = r#"#!/bin/sh
case "$*" in
    build*) exit 0 ;;
    *"--test piv_card "*) program=$PIV_CARD ;;
    *"--test piv_setup "*) program=$PIV_SETUP ;;
    *) echo "unexpected: $*" >&2; exit 1 ;;
esac
while [ "$1" != -- ]; do shift; done
shift
exec "$program" "$@"
"#;

/// The test program of that name which was built last.
fn test_program(name: &str) -> Option<PathBuf> {
    let this = std::env::current_exe().expect("the system knows which binary runs");
    let all = std::fs::read_dir(this.parent().expect("it is in a folder")).expect("the folder can be read");
    let fits = |path: &PathBuf| {
        let stem = path.file_name().and_then(|stem| stem.to_str()).unwrap_or_default();
        stem.strip_prefix(name).is_some_and(|rest| rest.starts_with('-') && !rest.contains('.'))
    };
    let when = |path: &PathBuf| path.metadata().and_then(|meta| meta.modified()).ok();
    all.flatten().map(|entry| entry.path()).filter(fits).max_by_key(when)
}

fn script(place: &PcscPlace, args: &[&str]) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("real-token.sh"));
    command.args(args).envs(place.env()).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

#[test]
fn the_script_for_a_real_one_does_what_it_says() {
    let Some(place) = PcscPlace::start() else { return };
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/piv_card/same.rs");
    let when = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
    let Some(conversation) = test_program("piv_card").filter(|program| when(program) >= when(&source)) else {
        panic!("the test program 'piv_card' is not built, or old; run: cargo test -p hsm-test --no-run");
    };
    let card = place.card(card());
    let serial = card.serial().to_string();
    // Nothing without the word, or without a number.
    let number = serial.as_str();
    for args in [&[][..], &[number], &["--wipe"], &["x", "--wipe"], &[number, "--wipe", "--too"]] {
        let ended = script(&place, args).status().expect("the script can be run");
        assert_eq!(ended.code(), Some(2), "{args:?}");
    }
    assert_eq!(card.apdus(), 0);
    let cargo = place.folder().join("cargo");
    std::fs::write(&cargo, CARGO).expect("the folder can be written");
    std::fs::set_permissions(&cargo, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("it is ours");
    let run = |serial: &str| {
        let mut command = script(&place, &[serial, "--wipe"]);
        command.env("CARGO", &cargo).env("PIV_CARD", &conversation);
        command.env("PIV_SETUP", std::env::current_exe().expect("the system knows which binary runs"));
        let mut child = command.spawn().expect("the script can be run");
        let mut keys = child.stdin.take().expect("it is a pipe");
        let mut all = String::new();
        for line in BufReader::new(child.stderr.take().expect("it is a pipe")).lines() {
            let line = line.expect("it is text");
            if line.starts_with(">>>") {
                card.finger(if line.contains("do NOT") { "away" } else { "ready" });
                writeln!(keys).expect("somebody waits for Enter");
            }
            all = all + &line + "\n";
        }
        (child.wait().expect("it ends").success(), all)
    };
    // Another number than that of the token: nothing is touched.
    let (good, said) = run("87654321");
    assert!(!good, "{said}");
    assert!(!card.log().iter().any(|ins| [0x20, 0x2c, 0x47, 0xdb, 0xfb].contains(ins)), "{:02x?}", card.log());
    let (good, said) = run(&serial);
    assert!(good, "{said}");
    let resets = card.log().into_iter().filter(|&ins| ins == 0xfb).count();
    assert_eq!(resets, 4, "wiped before and after, twice");
}
