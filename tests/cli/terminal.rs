//! The program at a person's terminal: what is asked, what is shown, what is not.

use crate::program::{CHEAP, Cli, PASSWORD};
use crate::pty::{Pty, is_narrow};
use std::process::Stdio;

const ASK: &str = "Password or recovery code for vault 'personal': ";
const BY_KEYSLOT: &str = "Password for vault 'personal' (keyslot 'password'): ";
const NEW: &str = "New password for vault 'personal' (keyslot 'password'): ";
const AGAIN: &str = "The same password again: ";
const CODE: &str = "Recovery code for vault 'personal' (keyslot 'recovery'): ";

/// The screen after the program has ended well, every line of it narrow enough.
pub fn well(mut terminal: Pty) -> String {
    ended(&mut terminal, 0)
}

pub fn ended(terminal: &mut Pty, code: i32) -> String {
    let screen = terminal.ended(code);
    is_narrow(&screen);
    screen
}

pub fn at(cli: &Cli, line: &str) -> Pty {
    Pty::spawn(&cli.command(line))
}

/// The same, with the vault's password typed.
fn unlocked(cli: &Cli, line: &str) -> Pty {
    let mut terminal = at(cli, line);
    terminal.expect(ASK);
    terminal.send(format!("{PASSWORD}\r"));
    terminal
}

/// The code that a screen shows.
fn code_on(screen: &str) -> String {
    let is_code = |line: &&str| line.len() == 47 && line.split('-').all(|group| group.len() == 5);
    screen.split(['\r', '\n']).find(is_code).unwrap().to_owned()
}

/// The code with another character in its third group.
pub fn mistyped(code: &str) -> String {
    let other = if code.as_bytes()[13] == b'7' { "8" } else { "7" };
    format!("{}{other}{}", &code[..13], &code[14..])
}

#[test]
fn init_asks_three_questions_and_the_code_is_typed_back() {
    let cli = Cli::new();
    let mut terminal = at(&cli, &format!("init {CHEAP}"));
    terminal.expect("A few questions, and your vault is ready. Ctrl-C stops, and nothing is made.");
    terminal.expect("1. Is a password to open it? [Y/n] ");
    terminal.send("perhaps\r");
    terminal.expect("Please type y for yes or n for no. [Y/n]");
    terminal.send("\r");
    terminal.expect("2. Is a token (a YubiKey, or an HSM by PKCS#11) to open it? [y/N] ");
    terminal.send("\r");
    terminal.expect("A recovery code gets you back in when the rest is lost. Make one? [Y/n] ");
    terminal.send("\r");
    terminal.expect(NEW);
    terminal.send("password1\r");
    terminal.expect("This password is very weak: whoever has the file can guess it in less than a");
    terminal.expect("Keep it all the same? [y/N] ");
    terminal.send("n\r");
    terminal.expect(NEW);
    terminal.send(format!("{PASSWORD}\r"));
    terminal.expect(AGAIN);
    terminal.send("something else\r");
    terminal.expect("The two passwords differ. Type both again.");
    terminal.expect(NEW);
    terminal.send(format!("{PASSWORD}\r"));
    terminal.expect(AGAIN);
    terminal.send(format!("{PASSWORD}\r"));
    terminal.expect("This is your recovery code. It is shown once.");
    terminal.expect("Type it back, to be sure that it is right on paper.");
    terminal.expect("Type the recovery code back, from where you keep it: ");
    assert!(!cli.vault().exists(), "nothing depends on a code that is not proven to be kept");
    let code = code_on(&terminal.transcript());
    terminal.send(format!("{}\r", mistyped(&code)));
    terminal.expect("(mistyped: 3)");
    terminal.expect("That recovery code cannot be right: group 3 is mistyped.");
    terminal.expect("Type the recovery code back, from where you keep it: ");
    terminal.send(format!("{}\r", code.to_lowercase().replace('-', " ")));
    terminal.expect("made the vault 'personal' in");
    terminal.expect(
        "ways in:\r\n  'password' opens with password alone\r\n  'recovery' opens with recovery code alone\r\n",
    );
    terminal.expect("add something: 'twinlock add NAME'");
    terminal.expect("A sheet of it to print? A file like sheet.pdf, or Enter for none: ");
    terminal.send("gone/sheet.txt\r");
    terminal.expect("cannot write 'gone/sheet.txt': no such file");
    terminal.expect("or Enter for none: ");
    terminal.send("sheet.txt\r");
    terminal.expect("the recovery sheet is in 'sheet.txt'");
    let screen = well(terminal);
    let sheet = cli.read("sheet.txt");
    assert!(sheet.contains(&code[..23]) && sheet.contains(&code[24..]) && sheet.contains("'personal'"), "{sheet}");
    assert!(!screen.contains(PASSWORD) && !screen.contains("something else"), "{screen}");
    cli.write("code", &code);
    cli.ok("list --recovery-file code");
}

#[test]
fn init_with_neither_password_nor_token_makes_nothing() {
    let cli = Cli::new();
    let mut terminal = at(&cli, "init");
    terminal.expect("[Y/n] ");
    terminal.send("n\r");
    terminal.expect("[y/N] ");
    terminal.send("\r");
    let screen = ended(&mut terminal, 1);
    assert!(screen.contains("twinlock: error: a vault needs a password or a token"), "{screen}");
    assert!(!cli.vault().exists());
}

#[test]
fn ctrl_c_anywhere_in_init_leaves_nothing() {
    let steps =
        [("[Y/n] ", "\r"), ("[y/N] ", "\r"), ("[Y/n] ", "\r"), (NEW, PASSWORD), (AGAIN, PASSWORD), ("keep it: ", "")];
    for stop in 0..steps.len() {
        let cli = Cli::new();
        let mut terminal = at(&cli, &format!("init {CHEAP}"));
        for (expected, keys) in &steps[..stop] {
            terminal.expect(expected);
            terminal.send(format!("{}\r", keys.trim_end()));
        }
        terminal.expect(steps[stop].0);
        terminal.send("half");
        terminal.send_ctrl('c');
        let screen = ended(&mut terminal, 1);
        assert!(screen.ends_with("twinlock: error: cancelled; nothing was changed\r\n"), "{stop}: {screen}");
        assert!(!cli.home().join("data/twinlock").exists(), "{stop}");
    }
}

#[test]
fn a_wrong_password_three_times() {
    let cli = Cli::with_password();
    let mut terminal = at(&cli, "list");
    for _ in 0..2 {
        terminal.expect(ASK);
        terminal.send("not the password\r");
        terminal.expect("That password is wrong. Try again; Enter alone tries another way in, Ctrl-C");
    }
    terminal.expect(ASK);
    terminal.send("not the password\r");
    terminal.expect("twinlock: error: the password is wrong");
    terminal.expect("twinlock: hint: 'twinlock recover' leads through the other ways in");
    let screen = ended(&mut terminal, 3);
    assert!(!screen.contains("not the password"), "no echo: {screen}");
    assert!(!screen.contains("Recovery code"), "who had three tries is not asked for more: {screen}");
}

#[test]
fn no_other_way_in_is_promised_where_there_is_none() {
    let cli = Cli::with_password();
    let mut terminal = at(&cli, "list --keyslot password");
    terminal.expect(BY_KEYSLOT);
    terminal.send("not the password\r");
    terminal.expect("That password is wrong. Try again; Ctrl-C stops.");
    terminal.expect(BY_KEYSLOT);
    terminal.send(format!("{PASSWORD}\r"));
    well(terminal);
}

#[test]
fn the_second_try_opens() {
    let cli = Cli::with_password();
    let mut terminal = at(&cli, "list");
    terminal.expect(ASK);
    terminal.send("not the password\r");
    terminal.expect(ASK);
    terminal.send(format!("{PASSWORD}\r"));
    assert!(well(terminal).contains("no items yet; 'twinlock add NAME' adds one"));
}

#[test]
fn enter_falls_to_the_next_way_in() {
    let cli = Cli::with_password();
    let mut terminal = at(&cli, "verify");
    terminal.expect(ASK);
    terminal.send("\r");
    terminal.expect("keyslot 'password' is passed over: no password was typed");
    terminal.expect(CODE);
    terminal.send(format!("{}\r", mistyped(cli.read("code").trim())));
    terminal.expect("That recovery code cannot be right: group 3 is mistyped.");
    terminal.expect(CODE);
    terminal.send(cli.read("code").trim_end());
    terminal.send("\r");
    let screen = well(terminal);
    assert!(screen.contains("vault 'personal' is whole: 0 items, 2 keyslots"), "{screen}");
}

#[test]
fn enter_everywhere_says_what_was_not_typed() {
    let cli = Cli::with_password();
    let mut terminal = at(&cli, "verify");
    terminal.expect(ASK);
    terminal.send("\r");
    terminal.expect(CODE);
    terminal.send("\r");
    terminal.expect("twinlock: error: could not unlock the vault");
    terminal.expect("twinlock: note: keyslot 'password': no password was typed");
    terminal.expect("twinlock: note: keyslot 'recovery': no recovery code was typed");
    ended(&mut terminal, 3);
}

#[test]
fn ctrl_c_at_the_password_changes_nothing() {
    let cli = Cli::with_password();
    let before = std::fs::read(cli.vault()).unwrap();
    let mut terminal = at(&cli, "add github --generate");
    terminal.expect(ASK);
    terminal.send("half");
    terminal.send_ctrl('c');
    assert!(ended(&mut terminal, 1).contains("twinlock: error: cancelled; nothing was changed"));
    assert_eq!(std::fs::read(cli.vault()).unwrap(), before);
}

#[test]
fn secret_fields_are_hidden_on_a_terminal_and_come_through_a_pipe() {
    let cli = Cli::with_password();
    let mut terminal = unlocked(&cli, "add github --username ada --secret token");
    terminal.expect("Value for 'token' of 'github': ");
    terminal.send("tok-123\r");
    terminal.expect("Value for 'password' of 'github': ");
    terminal.send("hunter3\r");
    terminal.expect("The same value again: ");
    terminal.send("hunter2\r");
    terminal.expect("The two passwords differ. Type both again.");
    terminal.expect("Value for 'password' of 'github': ");
    terminal.send("hunter2\r");
    terminal.expect("The same value again: ");
    terminal.send("hunter2\r");
    terminal.expect("added 'github'");
    assert!(!well(terminal).contains("hunter2"));

    let screen = well(unlocked(&cli, "get github"));
    assert!(screen.contains("username  ada") && screen.contains("password  ********"), "{screen}");
    assert!(!screen.contains("hunter2") && !screen.contains("tok-123"), "{screen}");
    let screen = well(unlocked(&cli, "get github --json"));
    assert!(screen.contains("null") && !screen.contains("hunter2") && !screen.contains("tok-123"), "{screen}");
    for shown in ["get github --show", "get github --json --show", "get github --field password"] {
        assert!(well(unlocked(&cli, shown)).contains("hunter2"), "{shown}");
    }
    let file = std::fs::File::create(cli.path("out")).unwrap();
    let mut terminal = Pty::spawn_with_stdout(&cli.command("get github -f password"), Stdio::from(file));
    terminal.expect(ASK);
    terminal.send(format!("{PASSWORD}\r"));
    assert!(!well(terminal).contains("hunter2"));
    assert_eq!(cli.read("out"), "hunter2\n");
}

#[test]
fn a_note_is_typed_in_lines_that_are_seen() {
    const TEXT: &str = "Text of 'wifi'; Ctrl-D on an empty line ends it, Ctrl-C gives up:\r\n";
    let cli = Cli::with_password();
    let mut terminal = unlocked(&cli, "add wifi --note");
    terminal.expect(TEXT);
    terminal.send("network: attiq\u{7f}c\rkey: four words\r");
    terminal.expect("key: four words\r\n");
    terminal.send_ctrl('d');
    terminal.expect("added 'wifi'");
    well(terminal);
    assert_eq!(cli.ok("get wifi -f notes --recovery-file code"), "network: attic\nkey: four words\n");

    let mut terminal = unlocked(&cli, "edit wifi --password");
    terminal.expect(TEXT);
    terminal.send_ctrl('d');
    assert!(ended(&mut terminal, 1).contains("cancelled; nothing was changed"));
    let mut terminal = unlocked(&cli, "edit wifi --password");
    terminal.expect(TEXT);
    terminal.send("new\r");
    terminal.expect("new\r\n");
    terminal.send_ctrl('d');
    well(terminal);
    assert_eq!(cli.ok("get wifi -f notes --recovery-file code"), "new\n");
}

#[test]
fn a_field_that_becomes_a_secret_is_hidden_from_then_on() {
    let cli = Cli::with_password();
    cli.ok("add bank --field pin=none --generate --recovery-file code");
    let mut terminal = unlocked(&cli, "edit bank --secret pin");
    terminal.expect("Value for 'pin' of 'bank': ");
    terminal.send("4711\r");
    assert!(!well(terminal).contains("4711"));
    assert!(well(unlocked(&cli, "get bank")).contains("pin       ********"));
    assert_eq!(cli.ok("get bank -f pin --recovery-file code"), "4711\n");
    let ran = cli.run("edit bank --field pin=4712 --recovery-file code");
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("twinlock: hint: have it asked for, with --secret pin"), "{}", ran.stderr);
}

/// The item is one that a vault's owner may have: an address wider than the terminal, an account number, notes with a list.
#[test]
fn an_item_is_read_in_two_columns() {
    let address = format!("https://bank.example/{}", "z".repeat(70));
    let cli = Cli::with_vault()
        .file("phrase", "the password of a bank that wants ever so many words in it, more than a line has room for")
        .file(
            "notes",
            "Ask for Ms Lovelace, who knows about the old account, or for anybody else at the counter.\n\n- open till four",
        );
    cli.ok(&format!(
        "add bank --username ada --url {address} --field 'account number=4711' --value-file phrase \
         --tag money --recovery-file code"
    ));
    cli.ok("add counter --note --value-file notes --recovery-file code");
    let shown = |line: &str| {
        let mut terminal = at(&cli, &format!("{line} --recovery-file code"));
        assert!(terminal.wait_exit().success());
        cli.steady(&terminal.transcript()).replace("\r\n", "\n")
    };
    let screen = |password: &str| {
        format!(
            "name            bank
type            login
username        ada
url
{address}
account number  4711
password{password}
tags            money
updated         TIME
"
        )
    };
    assert_eq!(shown("get bank"), screen("        ********"));
    assert_eq!(shown("get bank --show"), screen(&format!("\n{}", cli.read("phrase"))), "to be copied");
    assert_eq!(
        shown("get counter"),
        "\
name     counter
type     note
notes    Ask for Ms Lovelace, who knows about the old account, or for anybody
         else at the counter.

         - open till four
updated  TIME
"
    );
    let piped = cli.steady(&cli.ok("get counter --recovery-file code"));
    assert_eq!(piped, format!("name    counter\ntype    note\nnotes  \n{}\nupdated TIME\n", cli.read("notes")));
}

#[test]
fn lists_are_tables_on_a_terminal() {
    let cli = Cli::with_password();
    for args in ["github --username ada --url https://github.com", "gitlab"] {
        cli.ok(&format!("add {args} --generate --recovery-file code"));
    }
    let screen = cli.steady(&well(unlocked(&cli, "list")));
    assert!(screen.contains("NAME    TYPE   USERNAME  URL                 UPDATED\r\n"), "{screen}");
    assert!(screen.contains("github  login  ada       https://github.com  DAY\r\n"), "{screen}");
    assert!(screen.contains("gitlab  login                                DAY\r\n"), "{screen}");
    let screen = well(unlocked(&cli, "find git"));
    assert!(screen.contains("github  name\r\ngitlab  name\r\n"), "{screen}");
}

#[test]
fn what_drives_a_terminal_is_not_shown_on_one() {
    let cli = Cli::with_password().file("text", "\u{1b}]0;owned\u{7}\u{1b}[2J text");
    cli.ok("add evil --note --value-file text --tag \u{1b}[31m --recovery-file code");
    for line in ["get evil", "find text"] {
        let screen = well(unlocked(&cli, line));
        assert!(
            !screen.contains("\u{1b}]0") && !screen.contains("\u{1b}[2J") && !screen.contains("\u{1b}[31m"),
            "{screen:?}"
        );
    }
    assert!(cli.ok("get evil --recovery-file code").contains("\u{1b}[2J"), "a pipe gets what was put in");
}

#[test]
fn rm_wipe_and_export_ask_first() {
    let cli = Cli::with_password();
    cli.ok("add github --generate --recovery-file code");
    for (line, question, no) in [
        ("rm github", "Remove 'github' for good? [y/N] ", "\r"),
        ("keyslot wipe recovery", "Wipe keyslot 'recovery'? It will no longer open this vault. [y/N]", "n\r"),
    ] {
        let mut terminal = unlocked(&cli, line);
        terminal.expect(question);
        terminal.send(no);
        assert!(ended(&mut terminal, 1).contains("twinlock: error: stopped as you said; nothing was changed"));
    }
    let mut terminal = at(&cli, "account-key export");
    terminal.expect("whoever has the account key can read this vault and every old");
    terminal.expect("Show the account key? [y/N] ");
    terminal.send("\r");
    ended(&mut terminal, 1);
    assert_eq!(cli.ok("list --recovery-file code"), "github\n");
    let mut terminal = unlocked(&cli, "rm github");
    terminal.expect("[y/N] ");
    terminal.send("y\r");
    terminal.expect("removed 'github'");
    well(terminal);
}

#[test]
fn passwd_asks_the_new_one_twice() {
    let cli = Cli::with_password();
    let mut terminal = unlocked(&cli, &format!("passwd {CHEAP}"));
    terminal.expect(NEW);
    terminal.send("four other random words\r");
    terminal.expect(AGAIN);
    terminal.send("four other random words\r");
    terminal.expect("keyslot 'password' has the new password");
    well(terminal);
    cli.write("pw", "four other random words");
    cli.ok("list --password-file pw");
}

#[test]
fn an_empty_new_password_is_none() {
    let cli = Cli::with_password();
    let mut terminal = unlocked(&cli, &format!("passwd {CHEAP}"));
    terminal.expect(NEW);
    terminal.send("\r");
    let screen = ended(&mut terminal, 1);
    assert!(screen.contains("what was typed cannot be used: it is empty"), "{screen}");
}

#[test]
fn a_recovery_code_never_typed_back_right_is_not_enrolled() {
    let cli = Cli::with_password();
    let mut terminal = unlocked(&cli, "recovery new");
    for _ in 0..7 {
        terminal.expect("Type the recovery code back, from where you keep it: ");
        terminal.send("00000-00001-00002-00003-00004-00005-00006-00007\r");
        terminal.expect("That recovery code cannot be right: it is not the one just shown.");
    }
    terminal.expect("keep it: \r\ngroup 1 of 8: ");
    terminal.send("\r");
    terminal.expect("That recovery code cannot be right: nothing was typed.");
    terminal.expect("Type the recovery code back, from where you keep it: ");
    terminal.send_ctrl('c');
    let screen = ended(&mut terminal, 1);
    assert!(screen.contains("twinlock: error: cancelled; nothing was changed"), "{screen}");
    assert_eq!(cli.json("keyslot list --json").as_array().unwrap().len(), 2);
}

#[test]
fn no_input_never_asks_even_on_a_terminal() {
    let cli = Cli::with_password();
    let mut terminal = at(&cli, "list --no-input");
    let screen = ended(&mut terminal, 3);
    assert!(!screen.contains("Password for"), "{screen}");
}
