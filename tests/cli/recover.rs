//! `twinlock recover`: the plan without a terminal, and a person led through it.

use crate::program::{CHEAP, Cli, PASSWORD, Ran, split};
use crate::pty::Pty;
use serde_json::Value;

/// An X25519 key: of a token that is nowhere.
pub const ADA: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VuAyEACQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
-----END PUBLIC KEY-----
";
const NEW: &str = "four other random words";

/// Keyslots `daily` (password and the YubiKey ada), and `recovery`.
fn with_token() -> Cli {
    let cli = Cli::with_vault().file("ada.pem", ADA).file("pw", PASSWORD).file("new", NEW).file("value", "hunter2");
    cli.ok(&format!(
        "keyslot enroll --name daily --factor password --factor 'piv:serial=123;slot=82;name=ada;file=ada.pem' \
         --new-password-file pw --recovery-file code {CHEAP}"
    ));
    cli.ok("add wifi --note --value-file value --recovery-file code");
    cli
}

fn arguments(step: &Value) -> Vec<&str> {
    step["arguments"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
}

/// Runs a step of a plan as a script would.
fn run(cli: &Cli, step: &Value, more: &str) -> Ran {
    let words = arguments(step).into_iter().map(str::to_owned).chain(split(more));
    cli.run(&words.map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "))
}

fn names(cli: &Cli) -> Vec<String> {
    let list = cli.json("keyslot list --json");
    list.as_array().unwrap().iter().map(|slot| slot["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_plan_is_plain_commands() {
    let cli = with_token();
    let before = std::fs::read(cli.vault()).unwrap();
    cli.session(
        r#"
$ twinlock recover --plan
1> have         the recovery code of keyslot 'recovery'  (recovery:recovery)
1> have         the password  (password)
1> have         the YubiKey 123 (ada)  (piv:ada)
1>
1> The vault opens by keyslot 'daily': password and YubiKey 123 (ada)
1> Nothing is said to be lost: name it with --lost
$ twinlock recover --plan --lost ada
1> have         the recovery code of keyslot 'recovery'  (recovery:recovery)
1> have         the password  (password)
1> LOST         the YubiKey 123 (ada)  (piv:ada)
1>
1> The vault opens by keyslot 'recovery': recovery code alone
1> 1. a new way in, in the place of keyslot 'daily' (password and YubiKey 123 (ada))
1>      twinlock keyslot enroll --factor=password --factor=piv --keyslot=recovery
1> 2. wipe keyslot 'daily' (password and YubiKey 123 (ada)), only after 1 has worked
1>      twinlock keyslot wipe daily --keyslot=recovery
1> 3. a new account key: whoever has what was lost, and an older copy of the vault file, opens the newest vault, too, until then (advice)
1>      twinlock rotate --keyslot=recovery
1> 4. a new sheet of the code of keyslot 'recovery': the old one shows another fingerprint (advice)
1>      twinlock recovery sheet recovery --output=sheet.pdf
$ twinlock recover --plan --lost password
1> have         the recovery code of keyslot 'recovery'  (recovery:recovery)
1> LOST         the password  (password)
1> have         the YubiKey 123 (ada)  (piv:ada)
1>
1> The vault opens by keyslot 'recovery': recovery code alone
1> 1. a new password, in every keyslot of yours that has one
1>      twinlock passwd --keyslot=recovery
$ twinlock recover --lost password
2> twinlock: error: nobody is there to be led through a recovery
2> twinlock: hint: run it on a terminal; or list its commands with 'twinlock recover --plan --lost THING'
=> 2
$ twinlock recover --plan --lost bob
2> twinlock: error: nothing that opens this vault is called 'bob'
2> twinlock: hint: there is 'recovery:recovery', 'password', 'piv:ada', 'keyslot:recovery', 'keyslot:daily'
=> 4
$ twinlock recover --plan --keyslot other
2> twinlock: error: no keyslot is called 'other'
2> twinlock: hint: there is 'recovery', 'daily'
=> 4
$ twinlock recover --plan --new-token nonsense
2> twinlock: error: 'nonsense' does not fit '--new-token': it is 'password', 'recovery', 'piv', 'piv:SERIAL' or a 'pkcs11:...' URI
2> twinlock: hint: 'twinlock recover --help' shows what it takes
=> 2
"#,
    );
    assert!(std::fs::read(cli.vault()).unwrap() == before, "a plan changes nothing");
}

#[test]
fn nothing_opens_and_that_is_said() {
    let cli = with_token();
    cli.session(
        r#"
$ twinlock recover --plan --lost ada --lost recovery
1> LOST         the recovery code of keyslot 'recovery'  (recovery:recovery)
1> have         the password  (password)
1> LOST         the YubiKey 123 (ada)  (piv:ada)
2> keyslot 'recovery' (recovery code alone) does not open: without the recovery code of keyslot 'recovery'
2> keyslot 'daily' (password and YubiKey 123 (ada)) does not open: without the YubiKey 123 (ada)
2> what would still help:
2>   - a token whose PIN is blocked or forgotten takes a new one with its PUK: 'twinlock token unblock'
2>   - an older backup opens by what opened the vault when it was made: a password from before a change, a keyslot wiped since: 'twinlock restore BACKUP'
2>   - so does a kit, with the vault file: a printed page, or a picture of it: 'twinlock restore --kit FILE'
2> twinlock: error: nothing that you still have opens the vault 'personal', and no program can without
2> twinlock: hint: keep the vault file, and look for the rest: what is found later still opens it
=> 3
"#,
    );
    let ran = cli.run("recover --plan --json --lost piv:123 --lost recovery");
    assert_eq!(ran.code, Some(3));
    let plan: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(plan["opens_by"].is_null() && plan["steps"].as_array().unwrap().is_empty(), "{plan}");
    assert_eq!(plan["would_help"][0]["command"], "twinlock token unblock");
    // Only of a keyslot that was made for them, custodians can be asked.
    let ran = cli.run("recover --plan --lost recovery --custodian ada");
    assert_eq!(ran.code, Some(3));
    let said = "keyslot 'daily' (password and YubiKey 123 (ada)) does not open: without the YubiKey 123 (ada) (others cannot answer for \
                it: it was not made for custodians)";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    cli.write("cyd.pem", &ADA.replace("CQAAA", "CQAAB"));
    cli.ok(
        "keyslot enroll --custodians --name friends --threshold 2 --factor recovery --factor 'piv:serial=123;slot=82;name=ada;file=ada.pem' \
         --factor 'piv:serial=9;slot=82;name=cyd;file=cyd.pem' --recovery-out friends --recovery-file code",
    );
    let ran = cli.run("recover --plan --json --lost ada --lost recovery --lost password --lost cyd");
    let plan: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(plan["would_help"][0]["command"], "twinlock recovery request friends", "{plan}");
}

#[test]
fn the_commands_of_a_plan_recover_a_lost_token() {
    let cli = with_token();
    // Another token, of which only the certificate is here.
    cli.write("bob.pem", &ADA.replace("CQAAA", "CQAAB"));
    let plan = cli.json("recover --plan --json --lost ada --new-token 'piv:serial=456;slot=82;name=bob;file=bob.pem'");
    let steps = plan["steps"].as_array().unwrap();
    assert_eq!(plan["opens_by"]["keyslot"], "recovery");
    let advice: Vec<_> = steps.iter().map(|step| step["advice"].as_bool().unwrap()).collect();
    assert_eq!(advice, [false, false, true, true]);
    let enrolled = run(&cli, &steps[0], &format!("--new-password-file pw --recovery-file code {CHEAP}"));
    assert_eq!(enrolled.code, Some(0), "{}", enrolled.stderr);
    assert_eq!(names(&cli), ["recovery", "daily", "password+piv"], "first enrolled, then wiped");
    let wiped = run(&cli, &steps[1], "--force --recovery-file code");
    assert_eq!(wiped.code, Some(0), "{}", wiped.stderr);
    assert_eq!(names(&cli), ["recovery", "password+piv"]);
    let rotated = run(&cli, &steps[2], "--force --recovery-file code --new-password-file new --no-input");
    assert_eq!(rotated.code, Some(0), "{}", rotated.stderr);
    assert_eq!(cli.json("verify --json --recovery-file code")["epoch"], 2);
    let sheet = run(&cli, &steps[3], "--recovery-file code");
    assert_eq!(sheet.code, Some(0), "{}", sheet.stderr);
    assert_eq!(cli.ok("get wifi -f notes --recovery-file code"), "hunter2\n");
}

#[test]
fn the_commands_of_a_plan_set_a_forgotten_password_anew() {
    let cli = Cli::with_password().file("new", NEW);
    let plan = cli.json("recover --plan --json --lost password");
    let steps = plan["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 1, "{plan}");
    assert_eq!(arguments(&steps[0]), ["passwd", "--keyslot=recovery"]);
    let changed = run(&cli, &steps[0], &format!("--new-password-file new --recovery-file code {CHEAP}"));
    assert_eq!(changed.code, Some(0), "{}", changed.stderr);
    cli.ok("list --password-file new");
}

/// A code that did not open its keyslot cannot be wrapped again: `passwd` would fail there, so the keyslot is made anew.
#[test]
fn a_password_that_cannot_be_changed_gets_another_keyslot() {
    let cli = Cli::with_password().file("new", NEW);
    cli.ok(&format!(
        "keyslot enroll --name both --factor password --factor recovery --recovery-out code2 --new-password-file pw \
         --keyslot recovery --recovery-file code --force {CHEAP}"
    ));
    let plan = cli.json("recover --plan --json --lost password");
    let steps: Vec<String> = plan["steps"].as_array().unwrap().iter().map(|step| arguments(step).join(" ")).collect();
    assert_eq!(
        steps,
        [
            "passwd --only=password --keyslot=recovery",
            "keyslot enroll --factor=password --factor=recovery --keyslot=recovery",
            "keyslot wipe both --keyslot=recovery",
        ]
    );
}

#[test]
fn a_spare_that_is_enrolled_is_enough() {
    let cli = with_token();
    cli.write("bob.pem", &ADA.replace("CQAAA", "CQAAB"));
    cli.ok(&format!(
        "keyslot enroll --name spare --factor password --factor 'piv:serial=456;slot=82;name=bob;file=bob.pem' \
         --new-password-file pw --recovery-file code {CHEAP}"
    ));
    let plan = cli.json("recover --plan --json --lost ada");
    assert_eq!(plan["opens_by"]["keyslot"], "spare", "a code is the last thing to be typed");
    let steps = plan["steps"].as_array().unwrap();
    let needed: Vec<_> = steps.iter().filter(|step| step["advice"] == false).map(arguments).collect();
    assert_eq!(needed, [["keyslot", "wipe", "daily", "--keyslot=spare"]]);
    assert_eq!(arguments(&steps[0])[..2], ["keyslot", "enroll"], "a new spare is advice, and comes first");
}

#[test]
fn what_custodians_have_is_asked_of_them() {
    let cli = Cli::with_vault().file("ada.pem", ADA);
    cli.ok("keyslot enroll --custodians --name friends --threshold 2 --factor recovery \
         --factor 'piv:serial=123;slot=82;name=ada;file=ada.pem' --recovery-out code2 --recovery-file code");
    let plan = cli.json("recover --plan --json --lost recovery:recovery --custodian ada");
    assert_eq!(plan["opens_by"]["custodians"], serde_json::json!([2]));
    let steps = plan["steps"].as_array().unwrap();
    assert_eq!(arguments(&steps[0]), ["recovery", "request", "friends", "--for=2"]);
    assert_eq!(arguments(&steps[1]), ["recovery", "combine", "ANSWER"]);
    assert_eq!(arguments(&steps[2]), ["recovery", "new", "--replace=recovery"]);
    // What takes its place is for custodians again, and no spare for one of the same kinds that is not.
    let line = "keyslot enroll --name mine --threshold 2 --factor recovery --factor 'piv:serial=123;slot=82;name=ada;file=ada.pem'";
    cli.ok(&format!("{line} --recovery-out code3 --recovery-file code"));
    let plan = cli.json("recover --plan --json --lost recovery:friends");
    let enroll = plan["steps"].as_array().unwrap().iter().find(|step| arguments(step)[..2] == ["keyslot", "enroll"]);
    assert!(arguments(enroll.unwrap()).contains(&"--custodians"), "{plan}");
    assert_eq!(enroll.unwrap()["advice"], false);
    let code = cli.run("recover --plan --lost friends --lost keyslot:mine --lost recovery:recovery").code;
    assert_eq!(code, Some(3), "a keyslot may be lost as a whole");
}

#[test]
fn with_the_answer_of_a_custodian_it_goes_on() {
    let cli = Cli::with_vault().file("pw", PASSWORD).file("value", "hunter2");
    cli.ok(&format!(
        "keyslot enroll --custodians --name friends --factor password --factor recovery --new-password-file pw --recovery-out bobs \
         --recovery-file code {CHEAP}"
    ));
    let line = "recover --lost recovery:recovery --custodian recovery:friends --password-file pw";
    let screen = at(&cli, line).ended(3).replace("\r\n", " ");
    assert!(screen.contains("ask for them first: 'twinlock recovery request friends --for=2'"), "{screen}");
    assert!(screen.contains("'twinlock recover --answer FILE' goes on with their answers"), "{screen}");
    let asked = cli.run("recovery request friends --for 2 --from ada -o request");
    let words = asked.stderr.lines().find_map(|line| line.strip_prefix("    ")).unwrap().replace("  ", " ");
    cli.ok(&format!("recovery answer request --own-vault --recovery-file bobs -o answer --words '{words}'"));
    let line = "recover --lost recovery:recovery --answer answer --password-file pw --recovery-out code2";
    let mut terminal = at(&cli, line);
    terminal.expect("Step 1 of 2: a new recovery code");
    terminal.answer(&[("A sheet of it to print?", "")]);
    terminal.expect("Step 2 of 2: a new account key");
    // Bob's code is not here, so that the vault cannot be rotated now.
    terminal.answer(&[("Rotate it now? [y/N] ", "n")]);
    let screen = terminal.ended(0);
    assert!(screen.ends_with("makes a new one\r\n") && screen.contains("    twinlock rotate\r\n"), "{screen}");
    assert_eq!(cli.run("list --recovery-file code").code, Some(3), "the lost code opens nothing");
    cli.ok("list --recovery-file code2 --keyslot recovery");
}

fn at(cli: &Cli, line: &str) -> Pty {
    Pty::spawn(&cli.command(line))
}

const REMEMBER: &str = "Do you remember the password? [Y/n] ";
const HAVE_CODE: &str = "Do you have the recovery code of keyslot 'recovery'? [Y/n] ";
const NEW_PASSWORD: &str = "New password for vault 'personal' (keyslot 'password'): ";
const AGAIN: &str = "The same password again: ";
const CODE: &str = "Recovery code for vault 'personal' (keyslot 'recovery'): ";

#[test]
fn a_forgotten_password_is_set_anew() {
    let cli = Cli::with_password();
    let code = cli.read("code");
    let mut terminal = at(&cli, &format!("recover {CHEAP}"));
    terminal.answer(&[(REMEMBER, "n"), (HAVE_CODE, "")]);
    terminal.expect("The vault opens by keyslot 'recovery': recovery code alone. Then:");
    terminal.expect("1. a new password, in every keyslot of yours that has one");
    terminal.answer(&[(CODE, code.trim()), (NEW_PASSWORD, NEW), (AGAIN, NEW)]);
    terminal.expect("keyslot 'password' has the new password");
    terminal.expect("The vault 'personal' opens with:");
    terminal.ended(0);
    cli.write("pw", NEW);
    cli.ok("list --password-file pw");
}

/// The test factor stands for tokens: it takes the same path, and needs no card.
fn with_fake() -> Cli {
    let cli = Cli::with_password().file("value", "hunter2");
    let mut terminal =
        at(&cli, "keyslot enroll --name daily --factor fake:ada --force --keyslot recovery --recovery-file code");
    terminal.answer(&[("Secret of the test factor 'ada': ", "a")]);
    terminal.ended(0);
    cli
}

#[test]
fn a_lost_token_is_replaced_and_then_wiped() {
    let cli = with_fake();
    let mut terminal = at(&cli, "recover --lost fake:ada --new-token fake:bob --force");
    terminal.answer(&[
        ("Password for vault 'personal' (keyslot 'password'): ", PASSWORD),
        ("Secret of the test factor 'bob': ", "b"),
        ("Wipe keyslot 'daily'? It will no longer open this vault. [y/N] ", "y"),
        ("Rotate it now? [y/N] ", "n"),
    ]);
    let screen = terminal.ended(0);
    assert!(screen.find("enrolled keyslot 'fake'") < screen.find("wiped keyslot 'daily'"), "{screen}");
    assert!(
        screen.contains("still to be done, or left out, as commands:\r\n    twinlock rotate --keyslot=password"),
        "{screen}"
    );
    assert_eq!(names(&cli), ["password", "recovery", "fake"]);
}

#[test]
fn ctrl_c_leaves_the_last_finished_step() {
    let cli = with_fake();
    let before = std::fs::read(cli.vault()).unwrap();
    let line = "recover --lost fake:ada --new-token fake:bob --force";
    let open = ("Password for vault 'personal' (keyslot 'password'): ", PASSWORD);
    // At the way in, and in the first step.
    let mut terminal = at(&cli, line);
    terminal.expect(open.0);
    terminal.send_ctrl('c');
    assert!(terminal.ended(1).contains("cancelled; nothing was changed"));
    let mut terminal = at(&cli, line);
    terminal.answer(&[open]);
    terminal.expect("Secret of the test factor 'bob': ");
    terminal.send_ctrl('c');
    let screen = terminal.ended(1);
    assert!(screen.contains("stopped before the first step; nothing was changed"), "{screen}");
    assert!(std::fs::read(cli.vault()).unwrap() == before);
    // In the second: the new one is there, and the old one still.
    let mut terminal = at(&cli, line);
    terminal.answer(&[open, ("Secret of the test factor 'bob': ", "b")]);
    terminal.expect("Wipe keyslot 'daily'?");
    terminal.send_ctrl('c');
    let screen = terminal.ended(1).replace("\r\n", " ");
    assert!(
        screen.contains("stopped; the last finished step: a new way in, in the place of keyslot 'daily'"),
        "{screen}"
    );
    assert!(screen.contains("twinlock keyslot wipe daily --keyslot=password"), "{screen}");
    assert!(screen.contains("hint: go on with these commands, or with 'twinlock recover'"), "{screen}");
    assert_eq!(names(&cli), ["password", "recovery", "daily", "fake"]);
}

#[test]
fn who_has_nothing_is_told_what_would_help() {
    let cli = Cli::with_password();
    let mut terminal = at(&cli, "recover");
    terminal.answer(&[(REMEMBER, "n"), (HAVE_CODE, "n")]);
    terminal.expect("what would still help:");
    terminal.expect("twinlock restore BACKUP");
    terminal.expect("twinlock restore --kit FILE");
    let screen = terminal.ended(3);
    assert!(screen.contains("nothing that you still have opens the vault 'personal'"), "{screen}");
    assert!(!screen.contains("Password for"), "nothing is asked for that is not there: {screen}");
}

#[test]
fn a_password_that_is_wrong_after_all_leads_to_another_way() {
    let cli = Cli::with_password();
    let code = cli.read("code");
    let mut terminal = at(&cli, &format!("recover --lost keyslot:none {CHEAP}"));
    terminal.ended(4);
    let mut terminal = at(&cli, &format!("recover --lost recovery {CHEAP}"));
    for _ in 0..3 {
        terminal.answer(&[("Password for vault 'personal' (keyslot 'password'): ", "wrong")]);
    }
    terminal.answer(&[("Go on without the password? [y/N] ", "n")]);
    let screen = terminal.ended(3);
    assert!(screen.contains("the vault was not opened, and nothing was changed"), "{screen}");
    // And where the answer is yes, the code opens.
    let mut terminal = at(&cli, &format!("recover --lost keyslot:password {CHEAP}"));
    terminal.expect("The vault opens by keyslot 'recovery'");
    terminal.answer(&[(CODE, code.trim()), ("Wipe keyslot 'password'?", "n"), ("Rotate it now? [y/N] ", "n")]);
    terminal.ended(0);
}

#[test]
fn nothing_lost_is_nothing_to_do() {
    let cli = Cli::with_password();
    let mut terminal = at(&cli, "recover");
    terminal.answer(&[(REMEMBER, ""), (HAVE_CODE, "")]);
    assert!(terminal.ended(0).contains("nothing is lost, so nothing has to be done"));
}

#[test]
fn ctrl_c_at_the_offer_of_a_sheet_stops_after_the_code() {
    let cli = Cli::with_password();
    let mut terminal = at(&cli, "recover --lost recovery --password-file pw --recovery-out code2");
    terminal.expect("A sheet of it to print?");
    terminal.send_ctrl('c');
    let screen = terminal.ended(1).replace("\r\n", " ");
    assert!(screen.contains("stopped; the last finished step: a new recovery code"), "{screen}");
    assert!(screen.contains("what is left, as commands:     twinlock rotate --keyslot=password"), "{screen}");
    assert_eq!(names(&cli), ["password", "recovery"]);
}
