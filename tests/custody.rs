//! Custodians with tokens: two SoftHSM tokens on two machines, and two in turn in one reader.
#![allow(clippy::unwrap_used)] // helpers of tests, which clippy does not take for tests

#[path = "common/program.rs"]
mod program;
#[path = "common/pty.rs"]
mod pty;
#[path = "common/softhsm.rs"]
mod softhsm;

use pty::Pty;
use softhsm::{Machine, PIN};
use std::fs;
use std::path::{Path, PathBuf};
use twinlock::crypto::sealed::{new_key, public_of};
use twinlock::custody::{Answer, Request, words};
use twinlock::secret::{RequestKey, zeros32};

/// Pulls a token out of one reader and puts it into another.
fn move_token(folder: &Path, to: &Machine) -> PathBuf {
    let place = to.cli.path("reader").join(folder.file_name().unwrap());
    fs::rename(folder, &place).unwrap();
    place
}

/// Ada's machine, with a vault whose keyslot 'both' takes the tokens 'ada' and 'bob'; the folders of both, in her reader.
fn vault(ada: &Machine) -> [PathBuf; 2] {
    let folders = ["ada", "bob"].map(|label| ada.token(label));
    ada.ok("init --factor recovery --recovery-out code");
    let factors = ["ada", "bob"].map(|label| format!("--factor pkcs11:token={label};object=twinlock")).join(" ");
    // Two PINs are typed, since a file serves one token.
    let mut terminal = Pty::spawn(
        &ada.command(&format!("keyslot enroll --custodians {factors} --name both --force --recovery-file code")),
    );
    for _ in ["ada", "bob"] {
        terminal.expect("PIN of token '");
        terminal.send(format!("{PIN}\r"));
    }
    assert!(terminal.wait_exit().success(), "{}", terminal.transcript());
    folders
}

fn request(machine: &Machine, name: &str) -> Request {
    Request::read(&machine.cli.read(name)).unwrap()
}

fn heard(request: &Request) -> String {
    words(&request.hash()).unwrap().join(" ")
}

/// The one key in the state of a machine.
fn key(machine: &Machine) -> RequestKey {
    let folder = machine.cli.home().join("state/twinlock/requests");
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let file = files.find(|file| file.extension().is_some_and(|ending| ending == "key")).unwrap();
    let mut bytes = zeros32();
    bytes.copy_from_slice(&fs::read(file).unwrap());
    RequestKey::new(bytes)
}

#[test]
fn two_tokens_on_two_machines() {
    let (Some(ada), Some(bob)) = (Machine::new(), Machine::new()) else { return };
    let [_, bobs] = vault(&ada);
    move_token(&bobs, &bob);
    ada.ok("recovery request both --from Ada --for bob -o request");
    bob.cli.write("request", &ada.cli.read("request"));
    let asked = request(&ada, "request");
    assert_eq!(asked.asked.factors.len(), 1);
    assert!(asked.line().len() < 1200, "it fits a QR code: {}", asked.line().len());

    let line = format!("recovery answer request -o answer --words '{}'", heard(&asked));
    // It is her own vault, and whoever makes her answer for it opens it.
    let ran = ada.run(&format!("{line} --pin-file pin"));
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("the request is for a vault of your own, the one in '"), "{}", ran.stderr);
    // Nor has Ada a token of Bob's: where she insists, she cannot answer, and is not asked for a PIN.
    let ran = ada.run(&format!("{line} --own-vault --pin-file pin"));
    assert!(ran.code == Some(3) && ran.stderr.contains("the token 'bob' is not here"), "{}", ran.stderr);
    let ran = bob.run(&format!("{line} --pin-file pin"));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("answered with the token 'bob'"), "{}", ran.stderr);

    ada.cli.write("answer", &bob.cli.read("answer"));
    ada.ok("list --answer answer --pin-file pin");
    let ran = ada.run("list --keyslot both --pin-file pin");
    assert_eq!(ran.code, Some(3), "without the answer: {}", ran.stderr);
}

/// Changes one thing that a request says.
type Lie = fn(&mut twinlock::custody::Asked);

/// A request is from anybody. Whatever it says of vault and keyslot, the token's part is bound to it: what the liar gets is not the mask of
/// the real keyslot, and their own mask for the real one is only what the four words are compared for.
#[test]
fn a_lie_about_vault_or_keyslot_gets_another_mask() {
    let (Some(ada), Some(bob)) = (Machine::new(), Machine::new()) else { return };
    let [_, bobs] = vault(&ada);
    move_token(&bobs, &bob);
    ada.ok("recovery request both --from Ada --for bob -o request");
    let honest = request(&ada, "request");
    let answered = |request: &Request, name: &str| {
        bob.cli.write(name, &request.lines());
        let ran = bob.run(&format!("recovery answer {name} -o {name}.out --words '{}' --pin-file pin", heard(request)));
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        Answer::read(&bob.cli.read(&format!("{name}.out"))).unwrap().remove(0)
    };
    let masks = answered(&honest, "honest").open(&honest, &key(&ada)).ok().unwrap();
    let real = *masks[0].1.expose();
    let eve = new_key().unwrap();
    let lies: [(&str, Lie); 4] = [
        ("nothing", |_| {}),
        ("vault", |asked| asked.wrap.vault_id[0] ^= 1),
        ("keyslot", |asked| asked.wrap.keyslot_id[0] ^= 1),
        ("nonce", |asked| asked.wrap.nonce[0] ^= 1),
    ];
    for (name, lie) in lies {
        let mut asked = honest.asked.clone();
        asked.public = public_of(&eve);
        lie(&mut asked);
        let request = Request::new(&asked).unwrap();
        let masks = answered(&request, name).open(&request, &eve).ok().unwrap();
        assert_eq!(*masks[0].1.expose() == real, name == "nothing", "{name}");
    }
    // What cannot be computed with is refused before a PIN is asked for.
    for (field, bad) in [("ephemeral", "04".repeat(65)), ("uri", "pkcs11:token=bob?pin-source=/etc/shadow".to_owned())]
    {
        let mut asked = honest.asked.clone();
        asked.factors[0].1.params.insert(field.into(), bad.into());
        let request = Request::new(&asked).unwrap();
        bob.cli.write(field, &request.lines());
        let ran = bob.run(&format!("recovery answer {field} --words '{}'", heard(&request)));
        assert_eq!(ran.code, Some(5), "{}", ran.stderr);
        assert!(ran.stderr.contains("the request asks for something that is not accepted"), "{}", ran.stderr);
        assert!(ran.stderr.contains("hint: do not answer it: tell whoever sent it"), "{}", ran.stderr);
    }
}

#[test]
fn two_tokens_take_turns_in_one_reader() {
    let (Some(ada), Some(drawer)) = (Machine::new(), Machine::new()) else { return };
    let [adas, bobs] = vault(&ada);
    let bobs = move_token(&bobs, &drawer);
    let mut terminal = Pty::spawn(&ada.command("verify --keyslot both"));
    terminal.expect("PIN of token 'ada");
    terminal.send(format!("{PIN}\r"));
    terminal.expect("1 of 2 factors have answered. Exchange the token for another, the token 'bob',");
    terminal.expect("[Y/n] ");
    // Not yet exchanged: it says so, and asks again.
    terminal.send("\r");
    terminal.expect("That token is not one of them.");
    terminal.expect("[Y/n] ");
    move_token(&adas, &drawer);
    move_token(&bobs, &ada);
    terminal.send("\r");
    terminal.expect("PIN of token 'bob");
    terminal.send(format!("{PIN}\r"));
    assert!(terminal.wait_exit().success(), "{}", terminal.transcript());
    assert!(terminal.transcript().contains("is whole"), "{}", terminal.transcript());

    // Who has no other says no; without a person nobody is asked.
    let mut terminal = Pty::spawn(&ada.command("verify --keyslot both"));
    terminal.expect("PIN of token 'bob");
    terminal.send(format!("{PIN}\r"));
    terminal.expect("Exchange the token for another, the token 'ada'");
    terminal.send("n\r");
    assert_eq!(terminal.wait_exit().code(), Some(3), "{}", terminal.transcript());
    let ran = ada.run("verify --keyslot both --pin-file pin --no-input");
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("the token 'ada' is not here"), "{}", ran.stderr);
}
