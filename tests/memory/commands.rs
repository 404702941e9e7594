//! The memory of each command at its end: after `main` has returned, before the process is gone.

use crate::program::{CHEAP, Cli, TWINLOCK};
use crate::scan::{Needle, at_its_end, can_look, search};
use crate::secrets::{items, keys, none, typed, vault};
use crate::softhsm::{Machine, PIN};

/// The second password.
const OTHER: &str = "wholly other random words";

/// A vault with items whose names are none of the arguments of what is looked at.
fn filled() -> Option<Cli> {
    if !can_look() {
        return None;
    }
    let cli = vault().file("pw2", OTHER);
    cli.ok("add quoted --username us3r-of-it --value-file value0 --password-file pw");
    cli.ok("add an0ther-name --value-file value1 --password-file pw");
    cli.ok("add lengthy --note --value-file value2 --password-file pw");
    Some(cli)
}

/// Looks at one command after the other.
struct Look<'a> {
    cli: &'a Cli,
    needles: Vec<Needle>,
}

impl<'a> Look<'a> {
    fn new(cli: &'a Cli) -> Self {
        let mut needles = keys(cli);
        needles.extend(typed(cli));
        needles.extend(items());
        needles.extend(Needle::text("password", OTHER));
        needles.extend(Needle::text("user name", "us3r-of-it"));
        needles.extend(Needle::text("item's name", "an0ther-name"));
        Self { cli, needles }
    }

    #[track_caller]
    fn at(&self, line: &str) {
        none(line, &search(&at_its_end(self.cli, TWINLOCK, line, &[]), &self.needles));
    }
}

#[test]
fn of_commands_on_items_nothing_is_left() {
    let Some(cli) = filled() else { return };
    let look = Look::new(&cli);
    for way in ["--password-file pw", "--recovery-file code"] {
        look.at(&format!("get quoted --show {way}"));
        look.at(&format!("list {way}"));
    }
    look.at("add more --value-file value1 --password-file pw");
    look.at("get lengthy --json --recovery-file code");
    look.at("find us3r --json --recovery-file code");
    look.at("edit quoted --value-file value1 --recovery-file code");
    look.at("verify --recovery-file code");
    look.at("rm more --force --recovery-file code");
}

#[test]
fn of_commands_that_ask_the_agent_nothing_is_left() {
    let Some(cli) = filled() else { return };
    let look = Look::new(&cli);
    cli.ok("status");
    // The agent is not the one whose end is waited for: it is there before.
    cli.ok("unlock --recovery-file code");
    look.at("unlock --password-file pw");
    look.at("get quoted --show");
    look.at("get lengthy --show");
    look.at("list");
    look.at("find us3r --json");
    look.at("add more --value-file value0");
    look.at("edit more --value-file value2");
    look.at("lock");
}

#[test]
fn of_commands_on_keyslots_nothing_is_left() {
    let Some(cli) = filled() else { return };
    let look = Look::new(&cli);
    look.at(&format!("passwd --keyslot password --password-file pw --new-password-file pw2 {CHEAP}"));
    look.at(&format!(
        "keyslot enroll --factor password --new-password-file pw --name second --force --recovery-file code {CHEAP}"
    ));
    look.at("recovery new --recovery-out code2 --name third --keyslot second --password-file pw");
    look.at("keyslot test second --password-file pw");
    look.at("account-key export --force --out exported --keyslot second --password-file pw");
}

#[test]
fn of_making_and_rotating_a_vault_nothing_is_left() {
    let Some(cli) = filled() else { return };
    let look = Look::new(&cli);
    let factors = "--factor password --new-password-file pw --recovery --recovery-out code3";
    look.at(&format!("init --vault another --account-key-file key {factors} {CHEAP}"));
    let rotated = at_its_end(&cli, TWINLOCK, "rotate --force --recovery-file code --password-file pw", &[]);
    none("rotate", &search(&rotated, &look.needles));
    // The new key is known afterwards only.
    cli.ok("account-key export --force --out exported --recovery-file code");
    let exported = cli.read("exported");
    let new = twinlock::encode::base58::decode(exported.trim(), twinlock::crypto::account_key_sum)
        .unwrap_or_else(|_| panic!());
    none("rotate, its new key", &search(&rotated, &Needle::bytes("new account key", &new[..])));
}

#[test]
fn of_a_token_s_pin_nothing_is_left() {
    if !can_look() {
        return;
    }
    let Some(machine) = Machine::new() else { return };
    machine.token("hsm");
    let cli = &machine.cli;
    cli.write("key", &hex::encode(crate::secrets::ACCOUNT_KEY));
    machine.ok("init --account-key-file key --factor pkcs11:token=hsm --pin-file pin");
    cli.write("value1", crate::secrets::VALUES[1]);
    let mut needles = keys(cli);
    needles.extend(items());
    needles.extend(Needle::text("PIN", PIN));
    let conf = format!("set environment SOFTHSM2_CONF={}", cli.path("conf").display());
    let module = machine.module.display().to_string();
    for line in ["add more --value-file value1", "list", "get more --show"] {
        let line = format!("{line} --pin-file pin --module {module}");
        none(&line, &search(&at_its_end(cli, TWINLOCK, &line, &[&conf]), &needles));
    }
    // The helper, in which the module runs.
    let line = format!("list --pin-file pin --module {module}");
    let helper = at_its_end(cli, TWINLOCK, &line, &[&conf, "set follow-fork-mode child", "set detach-on-fork on"]);
    none("the helper", &search(&helper, &needles));
}

#[test]
fn the_scan_finds_what_is_there() {
    let Some(cli) = filled() else { return };
    // A name that is an argument is there to the end, for everybody to see.
    let core = at_its_end(&cli, TWINLOCK, "get an0ther-name --show --recovery-file code", &[]);
    assert!(!search(&core, &Needle::text("argument", "an0ther-name")).is_empty());
}
