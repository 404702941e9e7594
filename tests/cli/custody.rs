//! Custodians: factors of other people, each on a machine of their own.

use crate::program::{CHEAP, Cli, PASSWORD, Ran};
use crate::pty::Pty;
use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;

/// Ada's machine: a vault that her code opens, and the keyslot 'friends' of two of three: a password (Bob's) and two codes (Cyd's, Dan's).
pub struct Ada(pub Cli, RefCell<String>);

/// A machine with nothing on it but what is carried there.
fn machine() -> Cli {
    Cli::new()
}

impl Ada {
    pub fn new() -> Self {
        let ada = Cli::new().file("bob", PASSWORD);
        ada.ok("init --name family --factor recovery --recovery-out ada");
        let factors = "--factor password --factor recovery --factor recovery --threshold 2 --name friends --custodians";
        let line = format!("keyslot enroll {factors} {CHEAP} --new-password-file bob --recovery-file ada");
        let mut terminal = Pty::spawn(&ada.command(&line));
        for name in ["cyd", "dan"] {
            terminal.expect("Type the recovery code back");
            let code = last_code(&terminal.transcript());
            terminal.send(format!("{code}\r"));
            ada.write(name, &format!("{code}\n"));
        }
        assert!(terminal.wait_exit().success(), "{}", terminal.transcript());
        Self(ada, RefCell::default())
    }

    pub fn request(&self, args: &str, out: &str) {
        let ran = self.0.run(&format!("recovery request friends --from Ada -o {out} {args}"));
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let words = ran.stderr.lines().find_map(|line| line.strip_prefix("    ")).unwrap();
        *self.1.borrow_mut() = words.replace("  ", " ");
    }

    /// The words that Ada would read out for her newest request.
    fn words(&self) -> String {
        self.1.borrow().clone()
    }

    /// Somebody answers on a machine of their own, with a secret that Ada's machine forgets; the answer comes back.
    pub fn answered(&self, request: &str, flag: &str, secret: &str, answer: &str) -> Ran {
        let theirs = machine();
        carry(&self.0, &theirs, &[request, secret]);
        let line = format!("recovery answer {request} --{flag}-file {secret} -o {answer} --words '{}'", self.words());
        let ran = theirs.run(&line);
        if ran.code == Some(0) {
            carry(&theirs, &self.0, &[answer]);
        }
        ran
    }

    fn state(&self) -> Vec<PathBuf> {
        let folder = self.0.home().join("state/twinlock/requests");
        let mut files: Vec<_> = fs::read_dir(folder).map_or(Vec::new(), |all| all.map(|e| e.unwrap().path()).collect());
        files.sort();
        files
    }

    pub fn keys(&self) -> usize {
        self.state().iter().filter(|file| file.extension().is_some_and(|ending| ending == "key")).count()
    }
}

fn carry(from: &Cli, to: &Cli, files: &[&str]) {
    for file in files {
        fs::copy(from.path(file), to.path(file)).unwrap();
    }
}

/// The recovery code that was shown last.
fn last_code(screen: &str) -> String {
    let code = |word: &&str| word.len() == 47 && word.split('-').count() == 8;
    screen.split_whitespace().rfind(code).unwrap_or_else(|| panic!("no code is in\n{screen}")).to_owned()
}

#[track_caller]
pub fn refused(ran: &Ran, code: i32, message: &str) {
    assert_eq!(ran.code, Some(code), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("twinlock: error: {message}")), "{message}\n{}", ran.stderr);
    assert!(ran.stderr.contains("twinlock: hint: "), "{}", ran.stderr);
}

#[test]
fn two_at_other_places_open_the_vault_and_a_new_way_in_ends_it() {
    let ada = Ada::new();
    ada.request("--reason 'lost my code'", "request");
    assert_eq!(ada.keys(), 1);
    for (flag, secret, answer) in [("password", "bob", "a1"), ("recovery", "dan", "a2")] {
        let ran = ada.answered("request", flag, secret, answer);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        for said in ["who asks     'Ada'", "why          'lost my code'", "vault        'family'", "2 of 3 factors"] {
            assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
        }
    }
    // Days later, in whatever order; any command.
    assert_eq!(ada.0.ok("list --answer a2 --answer a1"), "");
    assert_eq!(ada.keys(), 1, "looking ends nothing");
    ada.0.write("new", "four other random words");
    let ran = ada.0.run(&format!("recovery combine a1 a2 --factor password --new-password-file new --force {CHEAP}"));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("keyslot 'friends' opens the vault 'family'\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("has served: its key is erased"), "{}", ran.stderr);
    assert_eq!(ada.0.ok("list --password-file new --keyslot password"), "");
    assert_eq!(ada.keys(), 0);
    refused(&ada.0.run("list --answer a1 --answer a2"), 3, "the answer in 'a1' is to a request of 2");
    assert!(ada.0.run("recovery pending").stderr.contains("no request waits for answers"));
}

#[test]
fn request_and_answers_go_as_qr_codes() {
    let ada = Ada::new();
    ada.request("--reason 'lost my code'", "request.png");
    for (flag, secret, answer) in [("password", "bob", "a1.png"), ("recovery", "dan", "a2.PNG")] {
        let ran = ada.answered("request.png", flag, secret, answer);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(fs::read(ada.0.path(answer)).unwrap().starts_with(b"\x89PNG"));
    }
    assert_eq!(ada.0.ok("list --answer a2.PNG --answer a1.png"), "");
    // A picture in which there is none, and one that is damaged.
    ada.0.ok("kit export -o kit.png --recovery-file ada");
    refused(&ada.0.run("recovery answer kit.png"), 3, "'kit.png' is not used: there is no request in it");
    fs::write(ada.0.path("half.png"), &fs::read(ada.0.path("request.png")).unwrap()[..200]).unwrap();
    refused(&ada.0.run("recovery answer half.png"), 1, "'half.png': the image cannot be read");
    // On the terminal below the text; in a pipe it is as if the window had 80 columns and 40 lines.
    let shown = ada.0.run("recovery request friends --from Ada --for 1 --qr");
    assert!(shown.stdout.contains("TWINLOCK-REQUEST:"), "{}", shown.stderr);
    let drawn = shown.stdout.contains('\u{2588}');
    assert!(drawn != shown.stderr.contains("does not fit into this window"), "{}", shown.stdout);
}

#[test]
fn an_answer_and_a_factor_that_is_here() {
    let ada = Ada::new();
    ada.request("--for 1", "request");
    assert_eq!(ada.answered("request", "password", "bob", "a1").code, Some(0));
    // Cyd sits beside Ada; that hers is the second code is found by trying, and so it is for Dan's, the third.
    for beside in ["cyd", "dan"] {
        assert_eq!(ada.0.ok(&format!("list --answer a1 --recovery-file {beside}")), "", "{beside}");
    }
    refused(
        &ada.0.run("list --answer a1 --recovery-file ada"),
        3,
        "could not unlock by keyslot 'friends': at least one of",
    );
    refused(&ada.0.run("list --answer a1"), 3, "could not unlock by keyslot 'friends': nobody is there to type");
}

#[test]
fn each_wrong_answer_has_its_own_message() {
    let ada = Ada::new();
    ada.request("", "request");
    for (flag, secret, answer) in [("password", "bob", "a1"), ("recovery", "cyd", "a2"), ("password", "bob", "a3")] {
        assert_eq!(ada.answered("request", flag, secret, answer).code, Some(0));
    }
    let with = |answers: &str| ada.0.run(&format!("list {answers}"));
    let text = ada.0.read("a2");
    // Mistyped, cut short, a character of no answer.
    let at = text.find('\n').unwrap() + 10;
    let other = if &text[at..=at] == "7" { "8" } else { "7" };
    ada.0.write("bad", &format!("{}{other}{}", &text[..at], &text[at + 1..]));
    refused(&with("--answer a1 --answer bad"), 3, "'bad' is not used: the answer was not copied right");
    ada.0.write("bad", text.trim_end().trim_end_matches('.'));
    refused(&with("--answer bad"), 3, "'bad' is not used: the answer is cut short");
    ada.0.write("bad", &format!("{}U{}", &text[..at], &text[at + 1..]));
    refused(&with("--answer bad"), 3, "'bad' is not used: the answer has the character 'U'");
    refused(
        &with("--answer request"),
        3,
        "'request' is not used: it is not what is wanted here, but a custodian's request",
    );
    refused(&with("--answer bob"), 3, "'bob' is not used: there is no answer in it");
    refused(&with("--answer nowhere"), 1, "cannot read the answer in 'nowhere'");
    // Twice the same, and two for one factor.
    ada.0.write("copy", &ada.0.read("a1"));
    refused(&with("--answer a1 --answer copy"), 2, "'a1' and 'copy' hold the same answer");
    refused(&with("--answer a1 --answer a1"), 2, "an answer is in 'a1' twice");
    refused(&with("--answer a1 --answer a3"), 2, "'a1' and 'a3' both answer for factor 1, the password");
    // Made on another machine, whose answers are not for this one.
    let elsewhere = machine();
    fs::create_dir_all(elsewhere.vault().parent().unwrap()).unwrap();
    fs::copy(ada.0.vault(), elsewhere.vault()).unwrap();
    carry(&ada.0, &elsewhere, &["a1", "a2"]);
    refused(
        &elsewhere.run("list --answer a1 --answer a2"),
        3,
        "the answer in 'a1' is to a request that was not made here",
    );
    // Another vault, another keyslot.
    ada.0.ok("init --vault other --factor recovery --recovery-out other-code");
    refused(&with("--vault other --answer a1 --answer a2"), 3, "the answers are for another vault than 'personal'");
    refused(
        &with("--keyslot recovery --answer a1 --answer a2"),
        3,
        "the answers are for the keyslot 'friends' and no other",
    );
    // Too few.
    let ran = with("--answer a2");
    assert!(ran.stderr.contains("nobody is there to type the password"), "{}", ran.stderr);
    // One is wrong: which, nobody knows.
    ada.0.write("wrong", "not the password at all");
    assert_eq!(ada.answered("request", "password", "wrong", "a4").code, Some(0), "nothing can tell on Bob's machine");
    let ran = with("--answer a4 --answer a2");
    refused(
        &ran,
        3,
        "could not unlock by keyslot 'friends': at least one of the answers is wrong; which one, nothing tells",
    );
    // One is wrong and two are right: those two open it.
    assert_eq!(ada.answered("request", "recovery", "dan", "a5").code, Some(0));
    assert_eq!(with("--answer a4 --answer a2 --answer a5").code, Some(0));
    // The keyslot is wrapped again.
    ada.0.write("bob2", "another good passphrase 7");
    let change = format!("passwd --only friends --new-password-file bob2 --answer a1 --answer a2 {CHEAP}");
    let ran = ada.0.run(&change);
    assert!(ran.stderr.contains("the recovery code is needed, too"), "{}", ran.stderr);
    // By another machine, which knows nothing of the request.
    fs::copy(ada.0.vault(), elsewhere.vault()).unwrap();
    carry(&ada.0, &elsewhere, &["ada"]);
    elsewhere.ok("keyslot wipe friends --force --recovery-file ada");
    fs::copy(elsewhere.vault(), ada.0.vault()).unwrap();
    refused(
        &with("--answer a1 --answer a2"),
        3,
        "the keyslot 'friends' was changed or wiped since the answers were asked for",
    );
}

#[test]
fn a_request_is_over_when_it_is_forgotten() {
    let ada = Ada::new();
    ada.request("", "request");
    assert_eq!(ada.answered("request", "password", "bob", "a1").code, Some(0));
    let id = ada.0.json("recovery pending --json")[0]["id"].as_str().unwrap().to_owned();
    refused(&ada.0.run("recovery pending --forget 0000zz"), 4, "no request that waits for answers has the id '0000zz'");
    assert_eq!(ada.keys(), 1);
    assert!(ada.0.run(&format!("recovery pending --forget {}", &id[..8])).stderr.contains("forgot the request"));
    assert_eq!(ada.keys(), 0);
    refused(&ada.0.run("list --answer a1"), 3, "the answer in 'a1' is to a request of 2");
}

#[test]
fn the_words_must_be_those_of_the_request() {
    let ada = Ada::new();
    ada.request("--for recovery", "request");
    let theirs = machine();
    carry(&ada.0, &theirs, &["request", "cyd"]);
    let answer = "recovery answer request --recovery-file cyd -o a1";
    refused(&theirs.run(answer), 2, "nobody is there to compare the four words");
    let wrong = theirs.run(&format!("{answer} --words 'abbey absent accent acid'"));
    refused(&wrong, 5, "those are not the words of this request: it may have been changed on its way");
    assert!(!theirs.path("a1").exists());
    assert_eq!(theirs.run(&format!("{answer} --words '{}'", ada.words().to_uppercase())).code, Some(0));
    // Somebody on the way puts a request of their own in its place, that says the same.
    let eve = machine();
    fs::create_dir_all(eve.vault().parent().unwrap()).unwrap();
    fs::copy(ada.0.vault(), eve.vault()).unwrap();
    eve.ok("recovery request friends --from Ada --for recovery -o request");
    carry(&eve, &theirs, &["request"]);
    let answer = "recovery answer request --recovery-file cyd -o a2";
    refused(&theirs.run(&format!("{answer} --words '{}'", ada.words())), 5, "those are not the words");
}

#[test]
fn at_a_terminal_it_is_shown_asked_and_typed_twice() {
    let ada = Ada::new();
    let mut terminal = Pty::spawn(&ada.0.command("recovery request friends --for 1 -o request"));
    terminal.expect("Who asks? Your name, as the custodians know you");
    terminal.send("Ada\r");
    terminal.expect("Why? A line for the custodians; may be empty");
    terminal.send("forgot everything\r");
    assert!(terminal.wait_exit().success(), "{}", terminal.transcript());
    let pending = ada.0.json("recovery pending --json");
    let words: Vec<&str> = pending[0]["words"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let words = words.join("  ");
    assert!(terminal.transcript().contains(&words), "{}", terminal.transcript());
    let shown = ada.0.ok("recovery pending");
    assert!(shown.contains(&words) && shown.lines().all(|line| line.chars().count() <= 80), "{shown}");

    let bob = machine();
    carry(&ada.0, &bob, &["request"]);
    let answer = "recovery answer request -o answer";
    let mut terminal = Pty::spawn(&bob.command(answer));
    terminal.expect("All of this is only the word of");
    terminal.expect(&words);
    terminal.expect("Are they the same, and do you want to help? [y/N] ");
    terminal.send("\r");
    assert_eq!(terminal.wait_exit().code(), Some(1), "Enter alone is no");
    assert!(terminal.transcript().contains("stopped as you said"), "{}", terminal.transcript());
    assert!(!terminal.transcript().contains("Password for"), "{}", terminal.transcript());

    let mut terminal = Pty::spawn(&bob.command(answer));
    terminal.expect("do you want to help? [y/N] ");
    terminal.send("y\r");
    for (first, second, then) in
        [(PASSWORD, "misspelt", "The two passwords differ."), (PASSWORD, PASSWORD, "answered with")]
    {
        terminal.expect("Password for vault 'family' (keyslot 'friends'): ");
        terminal.send(format!("{first}\r"));
        terminal.expect("Nothing here can tell whether that was right.");
        terminal.expect("The same password again: ");
        terminal.send(format!("{second}\r"));
        terminal.expect(then);
    }
    assert!(terminal.wait_exit().success(), "{}", terminal.transcript());
    let screen = terminal.transcript();
    assert!(screen.contains("can test guesses of the password"), "{screen}");
    assert!(screen.lines().all(|line| line.trim_end().chars().count() <= 80), "{screen}");

    // Ada has Dan's code beside her, and is offered a new password.
    carry(&bob, &ada.0, &["answer"]);
    let mut terminal =
        Pty::spawn(&ada.0.command(&format!("recovery combine answer --recovery-file dan --force {CHEAP}")));
    terminal.expect("keyslot 'friends' opens the vault 'family'");
    terminal.expect("Make a new password that opens the vault from now on? [Y/n] ");
    terminal.send("\r");
    terminal.expect("New password");
    terminal.send("four other random words\r");
    terminal.expect("The same password again: ");
    terminal.send("four other random words\r");
    assert!(terminal.wait_exit().success(), "{}", terminal.transcript());
    assert!(terminal.transcript().contains("enrolled keyslot 'password'"), "{}", terminal.transcript());
    assert_eq!(ada.keys(), 0);
}

#[test]
fn a_custodian_with_more_than_one_thing_says_which() {
    let ada = Ada::new();
    ada.request("", "request");
    let theirs = machine();
    carry(&ada.0, &theirs, &["request", "cyd"]);
    let words = ada.words();
    refused(
        &theirs.run(&format!("recovery answer request --words '{words}'")),
        2,
        "the request asks for more than one thing: 1 (the password), 2 (the recovery code), 3 (the recovery code)",
    );
    refused(
        &theirs.run(&format!("recovery answer request --factor 4 --words '{words}'")),
        2,
        "the request does not ask for factor 4",
    );
    let line = format!("recovery answer request --factor 2 --recovery-file cyd --words '{words}' -o only-2");
    assert_eq!(theirs.run(&line).code, Some(0));
    let ran = theirs.run(&line);
    refused(&ran, 1, "cannot write 'only-2': file exists");
}

#[test]
fn what_cannot_be_asked_for() {
    let ada = Ada::new();
    let ask = |args: &str| ada.0.run(&format!("recovery request {args}"));
    refused(&ask("nothing --from Ada"), 4, "no keyslot is called 'nothing'");
    refused(&ask("friends"), 2, "the request does not say who asks");
    refused(&ask("friends --from Ada --for 4"), 4, "keyslot 'friends' has no factor '4' that could be asked for");
    refused(&ask("friends --from Ada --for carol"), 4, "keyslot 'friends' has no factor 'carol'");
    refused(&ask(&format!("friends --from Ada --reason {}", "x".repeat(257))), 2, "the reason is not one line");
    refused(&ask("friends --from Ada -o ada"), 1, "cannot write 'ada': file exists");
    for life in ["0s", "59s", "32days", "soon"] {
        assert_eq!(ask(&format!("friends --from Ada --expires {life}")).code, Some(2), "{life}");
    }
    assert_eq!(ada.keys(), 0, "nothing is kept of what was not made");
}

#[test]
fn the_state_is_for_its_owner_alone_and_a_request_fits_a_qr_code() {
    use std::os::unix::fs::PermissionsExt;
    let ada = Ada::new();
    ada.request("--for 2", "request");
    for file in ada.state() {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
    let folder = ada.0.home().join("state/twinlock/requests");
    assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
    let text = ada.0.read("request");
    let body: String = text.split("TWINLOCK-REQUEST:").nth(1).unwrap().split_whitespace().collect();
    assert!(body.len() < 1000, "{}", body.len());
    // All of it is in the alphanumeric mode of QR codes.
    assert!(body.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '.'), "{body}");
}

/// Their prompts are not for what the owner types by habit: a password typed where a code is asked for is shown on the screen.
#[test]
fn what_other_people_hold_is_asked_for_last() {
    let ada = Ada::new();
    let ran = ada.0.run("list --no-input --password-file bob");
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    let at = |name: &str| ran.stderr.find(&format!("keyslot '{name}'")).unwrap_or_else(|| panic!("{}", ran.stderr));
    assert!(at("recovery") < at("friends"), "{}", ran.stderr);
    // What files are enough for is opened by them.
    let alone = "keyslot enroll --name aunt --factor recovery --custodians --recovery-out aunt --recovery-file ada";
    ada.0.ok(alone);
    ada.0.ok("list --no-input --recovery-file aunt");
}
