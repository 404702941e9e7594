//! One prompt for whatever comes first, where no token is there to come.

use crate::program::{CHEAP, Cli};
use crate::pty::Pty;
use crate::terminal::{at, ended, mistyped, well};

const ASK: &str = "Password or recovery code for vault 'personal': ";
const CODE: &str = "Recovery code for vault 'personal' (keyslot 'recovery'): ";

#[test]
fn either_is_typed_at_the_one_prompt() {
    let cli = Cli::with_password();
    let code = cli.read("code").trim().to_lowercase().replace('-', " ");
    let mut terminal = at(&cli, "verify");
    terminal.expect(ASK);
    terminal.send("not the password\r");
    terminal.expect("That password is wrong. Try again; Enter alone tries another way in, Ctrl-C");
    terminal.expect(ASK);
    terminal.send(format!("{}\r", mistyped(&cli.read("code").trim().to_uppercase())));
    terminal.expect("That recovery code cannot be right: group 3 is mistyped.");
    terminal.expect(ASK);
    terminal.send(format!("{code}\r"));
    let screen = well(terminal);
    assert!(!screen.contains(&code[..5]), "it is not seen where a password could be typed: {screen}");
}

#[test]
fn esc_leaves_the_one_prompt_for_the_code_and_the_code_for_nothing() {
    let cli = Cli::with_password();
    let mut terminal = at(&cli, "verify");
    terminal.expect(ASK);
    terminal.send("half a password\u{1b}");
    terminal.expect("keyslot 'password' is passed over: no password was typed");
    terminal.expect(CODE);
    terminal.send("\u{1b}");
    terminal.expect("twinlock: error: could not unlock the vault");
    ended(&mut terminal, 3);
}

/// A password may have the form of a code.
#[test]
fn a_code_that_is_a_password_opens_by_it() {
    let code = "000GD-40R4X-0M300-E209K-185G3-R38ED-1W811-24GKZ";
    let cli = Cli::with_password().file("odd", code);
    cli.ok(&format!("passwd --new-password-file odd --recovery-file code {CHEAP}"));
    let mut terminal = at(&cli, "verify");
    terminal.expect(ASK);
    terminal.send(format!("{code}\r"));
    well(terminal);
}

/// A screen reader speaks every line that is written; what is drawn over, or moves, it cannot follow.
#[test]
fn in_plain_nothing_is_drawn_twice() {
    let cli = Cli::with_password();
    let code = cli.read("code").trim().to_owned();
    let mut terminal = at(&cli, "verify --plain");
    terminal.expect(ASK);
    terminal.send("\u{1b}");
    terminal.expect(CODE);
    terminal.send(format!("{code}\r"));
    let screen = well(terminal);
    assert!(!screen.contains('\u{1b}') && !screen.contains(&code[..5]), "{screen:?}");
    let drawn = |screen: &str| screen.contains("\r\u{1b}[K");
    for (variable, plain) in [("TWINLOCK_PLAIN", "1"), ("TERM", "dumb")] {
        let mut terminal =
            Pty::spawn(cli.command("rotate --recovery-file code --password-file pw --force").env(variable, plain));
        assert!(!drawn(&ended(&mut terminal, 0)), "{variable}");
    }
    assert!(drawn(&well(at(&cli, "rotate --recovery-file code --password-file pw --force"))), "else there is a bar");
}
