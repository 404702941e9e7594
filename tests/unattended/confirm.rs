//! Items that want a confirmation, with an HSM: what it asks for confirms, which is a PIN.

use crate::softhsm::Machine;

const MINE: &str = "--pin-file pin --token pkcs11:token=office";

#[test]
fn an_item_opens_with_the_hsm_alone() {
    let Some(machine) = Machine::new() else { return };
    let folder = machine.token("office");
    machine.cli.write("value", "hunter2-of-the-bank");
    machine.ok(&format!("init --factor pkcs11:token=office --recovery --recovery-out code {MINE}"));
    // Its public key is enough.
    let ran = machine.run("add bank --confirm touch --value-file value --recovery-file code");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("'bank' opens only with the token 'office' from now on"), "{}", ran.stderr);
    assert!(ran.stderr.contains("no token of this vault is known to ask for a touch"), "{}", ran.stderr);
    let get = "get bank --field password --recovery-file code";
    let opens = || assert_eq!(machine.ok(&format!("{get} {MINE}")), "hunter2-of-the-bank\n");
    opens();
    let ran = machine.run(get);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("nobody has typed the PIN of the token 'office'"), "{}", ran.stderr);
    assert!(ran.stderr.contains("The item 'bank' is to be opened, asked for by "), "{}", ran.stderr);
    // A key without a public half is used for sealing, too.
    machine.ok(&format!("token setup pkcs11:token=office;object=sealing --mode aes-gcm {MINE}"));
    let enroll =
        "keyslot enroll --name sealing --factor pkcs11:token=office;object=sealing --force --recovery-file code";
    machine.ok(&format!("{enroll} {MINE}"));
    let wiped = machine.run("keyslot wipe pkcs11 --force --recovery-file code");
    assert!(
        wiped.stderr.contains("the item 'bank' opens only with a token that is enrolled no more"),
        "{}",
        wiped.stderr
    );
    machine.ok(&format!("edit bank --confirm touch --recovery-file code {MINE}"));
    opens();
    let ran = machine.run("add other --confirm touch --value-file value --recovery-file code");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("nobody is there to type the PIN"), "{}", ran.stderr);
    // Without the token there is no way.
    std::fs::rename(&folder, machine.cli.path("away")).unwrap();
    let ran = machine.run(&format!("{get} {MINE}"));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("the token 'office' is not here"), "{}", ran.stderr);
}
