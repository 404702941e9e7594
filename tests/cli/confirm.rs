//! Items that want a confirmation: `--confirm`.

use crate::program::{CHEAP, Cli, PASSWORD};
use crate::pty::{Pty, is_narrow};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use twinlock::confirm::Confirmation;
use twinlock::encode::hex;
use twinlock::item::Item;

const SECRET: &str = "hunter2-of-the-bank";
const NOTES: &str = "what nobody reads";
const ASK: &str = "Password of vault 'personal', for the item 'bank': ";

/// A vault that a password opens, or a code, with an item 'bank' that wants the password again, and one that does not.
fn vault() -> Cli {
    let cli = Cli::with_password().file("value", SECRET).file("wrong", "quite another password");
    cli.ok(&format!(
        "add bank --confirm password --username ada --notes '{NOTES}' --tag money --value-file value --password-file pw"
    ));
    cli.ok("add wifi --value-file value --recovery-file code");
    cli
}

fn held() -> Cli {
    let cli = vault();
    cli.ok("unlock --recovery-file code");
    cli
}

/// What the agent gives for the item of that name, to anybody of the same user who asks it over its socket.
fn given(cli: &Cli, name: &str) -> Vec<u8> {
    let mut socket = UnixStream::connect(cli.home().join("run/twinlock/agent.sock")).unwrap();
    let path = cli.vault().canonicalize().unwrap();
    let text = |text: &[u8]| [&u32::try_from(text.len()).unwrap().to_be_bytes(), text].concat();
    let body = [text(path.to_str().unwrap().as_bytes()), text(name.as_bytes())].concat();
    let frame = [&[1, 17][..], &text(&body)].concat();
    socket.write_all(&frame).unwrap();
    let mut head = [0; 6];
    socket.read_exact(&mut head).unwrap();
    assert_eq!(head[1], 132, "found");
    let mut answer = vec![0; u32::from_be_bytes(head[2..].try_into().unwrap()) as usize];
    socket.read_exact(&mut answer).unwrap();
    answer
}

fn item(cli: &Cli, name: &str) -> Item {
    Item::from_json(&given(cli, name)[28..]).unwrap()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    let hex = hex::encode(text.as_bytes());
    [text.as_bytes(), hex.as_bytes()].iter().any(|text| bytes.windows(text.len()).any(|part| part == *text))
}

fn at(cli: &Cli, line: &str) -> Pty {
    Pty::spawn(&cli.command(line))
}

fn ended(mut terminal: Pty, code: i32) -> String {
    let screen = terminal.ended(code);
    is_narrow(&screen);
    screen
}

#[test]
fn what_the_agent_gives_is_not_the_secret() {
    let cli = held();
    assert!(holds(&given(&cli, "wifi"), SECRET), "so this test can fail");
    let bank = given(&cli, "bank");
    for secret in [SECRET, NOTES, PASSWORD] {
        assert!(!holds(&bank, secret), "{secret}");
    }
    // What lists show is there.
    assert!(holds(&bank, "ada") && holds(&bank, "money"));
    let confirmation = Confirmation::of(&item(&cli, "bank")).unwrap().unwrap();
    assert_eq!(confirmation.factors().len(), 1);
}

#[test]
fn by_the_agent_or_not_it_wants_the_password() {
    let cli = held();
    for line in ["get bank", "get bank --no-agent --recovery-file code", "get bank --no-input --field password"] {
        let ran = cli.run(line);
        assert_eq!(ran.code, Some(3), "{line}: {}", ran.stderr);
        assert_eq!(ran.stdout, "");
        let error = "twinlock: error: the item 'bank' opens only with the password: nobody has typed the password\n\
                     twinlock: hint: bring it, and run the command on a terminal";
        assert!(ran.stderr.contains(error), "{}", ran.stderr);
    }
    assert_eq!(cli.ok("get bank --field password --password-file pw"), format!("{SECRET}\n"));
    let whole = cli.ok("get bank --password-file pw");
    let lines = "name     bank\ntype     login\nusername ada\nnotes    what nobody reads\npassword hunter2-of-the-bank\n\
                 tags     money\nconfirm  password\nupdated  ";
    assert!(whole.starts_with(lines), "{whole}");
    let ran = cli.run("get bank --field password --keyslot recovery --recovery-file code --password-file wrong");
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    let error = "twinlock: error: the password is not the one that the item 'bank' was sealed with\n\
                 twinlock: hint: it is that of the time when --confirm was given: 'twinlock passwd' does not change it\n";
    assert!(ran.stderr.ends_with(error), "{}", ran.stderr);
    cli.session(
        r#"
$ twinlock get bank --field username
1> ada
$ twinlock get wifi --field password
1> hunter2-of-the-bank
$ twinlock list
1> bank
1> wifi
$ twinlock find nobody
2> twinlock: error: nothing has 'nobody' in it
2> twinlock: hint: --secrets looks into secret fields, too
=> 4
$ twinlock find hunter2 --secrets
1> wifi
"#,
    );
    let listed = cli.json("list --json");
    assert_eq!(listed[0]["confirm"], serde_json::json!(["password"]));
    assert_eq!(listed[1]["confirm"], serde_json::json!([]));
    let whole = cli.json("get bank --json --password-file pw");
    assert_eq!(whole["confirm"], serde_json::json!(["password"]));
    assert_eq!(whole["fields"][2]["value"], SECRET);
}

#[test]
fn at_a_terminal_it_is_said_for_what_and_for_whom() {
    let cli = held();
    let mut terminal = at(&cli, "get bank --field password");
    terminal.expect("The item 'bank' is to be opened, asked for by ");
    terminal.expect(&format!("{})", std::process::id()));
    let folder = std::env::current_dir().unwrap();
    let last = folder.file_name().unwrap().to_str().unwrap().to_owned();
    terminal.expect(&last);
    terminal.expect(ASK);
    terminal.send("nonsense\r");
    terminal.expect("That password is wrong. Try again; Ctrl-C stops.");
    terminal.expect(ASK);
    terminal.send(format!("{PASSWORD}\r"));
    terminal.expect(SECRET);
    ended(terminal, 0);
    // Nothing is asked for what is not shown.
    let mut terminal = at(&cli, "get bank");
    terminal.expect("username  ada");
    terminal.expect("confirm   password");
    terminal.expect("'twinlock get --show bank'");
    let screen = ended(terminal, 0);
    assert!(!screen.contains(SECRET) && !screen.contains("asked for"), "{screen}");
    let mut terminal = at(&cli, "get bank --show");
    terminal.expect(ASK);
    terminal.send("\r");
    terminal.expect("the item 'bank' opens only with the password");
    ended(terminal, 3);
}

#[test]
fn name_and_tags_change_without_it_and_nothing_else_does() {
    let cli = held();
    let sealed = |name: &str| item(&cli, name).extra["confirm"].clone();
    let before = sealed("bank");
    cli.ok("edit bank --name Bank --tag ours --untag money");
    assert_eq!(sealed("bank"), before);
    cli.ok("edit bank --name bank");
    for change in
        ["--username bob", "--value-file wrong", "--generate", "--remove notes", "--field a=b", "--confirm none"]
    {
        let ran = cli.run(&format!("edit bank {change}"));
        assert_eq!(ran.code, Some(3), "{change}: {}", ran.stderr);
        assert_eq!(sealed("bank"), before);
    }
    cli.ok("edit bank --value-file wrong --username bob --password-file pw");
    assert_ne!(sealed("bank"), before, "under another key");
    assert!(!holds(&given(&cli, "bank"), "quite another"));
    assert_eq!(cli.ok("get bank --field password --password-file pw"), "quite another password\n");
    assert_eq!(cli.ok("get bank --field notes --password-file pw"), format!("{NOTES}\n"));
    assert_eq!(cli.ok("get bank --field username"), "bob\n");
    cli.ok("rm bank --force");
}

#[test]
fn it_is_given_and_taken_away() {
    let cli = held();
    let plain = given(&cli, "wifi");
    cli.ok("edit bank --confirm none --password-file pw");
    assert_eq!(cli.ok("get bank --field password"), format!("{SECRET}\n"));
    assert!(item(&cli, "bank").extra.is_empty());
    assert_eq!(given(&cli, "wifi"), plain, "no other item is touched");
    let ran = cli.run("edit bank --confirm password --password-file pw");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for said in [
        "twinlock: warning: 'bank' opens only with the password from now on: no recovery code and no other keyslot opens it",
        "It stays this password, also when 'twinlock passwd' changes that of the vault.",
    ] {
        assert!(ran.stderr.contains(said), "{said}\n{}", ran.stderr);
    }
    assert_eq!(cli.run("get bank").code, Some(3));
    let ran = cli.run("edit wifi --confirm password --keyslot recovery --recovery-file code --password-file wrong");
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("that password opens no keyslot of the vault 'personal'"), "{}", ran.stderr);
    assert_eq!(given(&cli, "wifi"), plain);
    cli.session(
        r#"
$ twinlock edit wifi --confirm touch
2> twinlock: error: no token is enrolled in the vault 'personal' that could be touched
2> twinlock: hint: enroll one with 'twinlock keyslot enroll --factor piv', or take --confirm password
=> 1
$ twinlock add new --generate --confirm touch
2> twinlock: error: no token is enrolled in the vault 'personal' that could be touched
2> twinlock: hint: enroll one with 'twinlock keyslot enroll --factor piv', or take --confirm password
=> 1
$ twinlock edit wifi --confirm none --confirm password
2> twinlock: error: --confirm none, and another one, contradict each other
2> twinlock: hint: leave one of them out
=> 2
"#,
    );
}

#[test]
fn a_password_of_its_own_is_typed_twice_where_no_keyslot_can_tell() {
    let cli = Cli::with_vault().file("value", SECRET);
    cli.ok("add bank --value-file value --recovery-file code");
    cli.ok("unlock --recovery-file code");
    let mut terminal = at(&cli, "edit bank --confirm password");
    terminal.expect("New password for the item 'bank': ");
    terminal.send(format!("{PASSWORD}\r"));
    terminal.expect("The same password again: ");
    terminal.send(format!("{PASSWORD}\r"));
    terminal.expect("changed 'bank'");
    ended(terminal, 0);
    assert_eq!(cli.run("get bank").code, Some(3));
    let mut terminal = at(&cli, "get bank --field password");
    terminal.expect(ASK);
    terminal.send(format!("{PASSWORD}\r"));
    terminal.expect(SECRET);
    ended(terminal, 0);
}

#[test]
fn a_new_password_of_the_vault_does_not_open_it_and_that_is_said() {
    let cli = vault().file("new", "another of my passwords");
    let ran = cli.run(&format!("passwd --password-file pw --new-password-file new {CHEAP}"));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let said = "twinlock: warning: the item 'bank' opens with the old password, as --confirm was given with it: \
                'twinlock edit NAME --confirm password' takes the new one";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert_eq!(cli.run("get bank --password-file new").code, Some(3));
    cli.ok("get bank --keyslot recovery --recovery-file code --password-file pw");
    // The same sealed part opens after a rotation.
    cli.ok("rotate --force --password-file new --recovery-file code");
    cli.ok("get bank --keyslot recovery --recovery-file code --password-file pw");
    // By the old one it is opened, and the new one is known to open the vault.
    cli.ok("unlock --recovery-file code");
    let mut terminal = at(&cli, "edit bank --confirm password");
    terminal.expect(ASK);
    terminal.send(format!("{PASSWORD}\r"));
    terminal.expect(ASK);
    terminal.send("another of my passwords\r");
    terminal.expect("changed 'bank'");
    ended(terminal, 0);
    cli.ok("get bank --password-file new");
}

#[test]
fn run_asks_once_for_an_item_and_not_for_what_is_shown() {
    let cli = held();
    let ran = cli.run("run --env A=bank/username -- sh -c 'echo $A'");
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "ada\n", ""));
    let ran = cli.run("run --env A=bank -- sh -c 'echo $A'");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""), "{}", ran.stderr);
    let mut terminal = at(&cli, "run --env A=bank --env B=bank/notes -- sh -c 'echo $A $B'");
    terminal.expect(ASK);
    terminal.send(format!("{PASSWORD}\r"));
    terminal.expect(&format!("{SECRET} {NOTES}"));
    ended(terminal, 0);
}
