//! `twinlock recovery sheet`, `recovery new --sheet`; how the pages look and read is tested in hsm-test/tests/paper.

use crate::program::{CHEAP, Cli};
use std::os::unix::fs::PermissionsExt;

/// A vault whose code alone opens one keyslot, and another code together with the password another one.
fn home() -> Cli {
    let cli = Cli::with_password();
    let both =
        "keyslot enroll --name both --factor recovery --factor password --new-password-file pw --recovery-out code2";
    cli.ok(&format!("{both} --recovery-file code --force {CHEAP}"));
    cli
}

#[test]
fn a_sheet_is_made_of_a_code_that_opens() {
    let cli = home();
    cli.session(
        r#"
$ twinlock recovery sheet -o sheet.txt --recovery-file code
2> twinlock: error: there are 2 keyslots with a recovery code: 'recovery', 'both'
2> twinlock: hint: say which one's sheet to make: 'twinlock recovery sheet KEYSLOT -o sheet.pdf'
=> 2
$ twinlock recovery sheet recovery -o sheet.txt --recovery-file code
2> the recovery code is right: it opens keyslot 'recovery'
2> the recovery sheet is in 'sheet.txt'
2> twinlock: warning: the code is in that file: print it, then delete the file, and keep the paper apart from the vault
$ twinlock recovery sheet recovery -o sheet.txt --recovery-file code
2> twinlock: error: cannot write 'sheet.txt': entity already exists
2> twinlock: hint: nothing is written over: name a file that is not there yet
=> 1
$ twinlock recovery sheet recovery -o wrong.txt --recovery-file code2
2> twinlock: error: the recovery code is wrong
2> twinlock: hint: 'twinlock recover' leads through the other ways in
=> 3
$ twinlock recovery sheet both -o both.txt --recovery-file code2 --password-file pw
2> the recovery code is right: it opens keyslot 'both'
2> the recovery sheet is in 'both.txt'
2> twinlock: warning: the code is in that file: print it, then delete the file, and keep the paper apart from the vault
$ twinlock recovery sheet password -o other.txt --password-file pw
2> twinlock: error: keyslot 'password' opened without its recovery code, so the code is not known
2> twinlock: hint: press Enter alone where something else is asked for, or bring the code by --recovery-file
=> 1
$ twinlock recovery sheet recovery -o sheet.doc --recovery-file code
2> twinlock: error: the name 'sheet.doc' does not say what to make
2> twinlock: hint: end it in one of .pdf, .svg, .html, .htm, .txt
=> 2
$ twinlock recovery sheet recovery -o gone/sheet.txt --recovery-file code
2> twinlock: error: cannot write 'gone/sheet.txt': no such file or directory
2> twinlock: hint: look for a typing error in its name
=> 1
"#,
    );
    assert!(!cli.path("wrong.txt").exists() && !cli.path("other.txt").exists());
    assert_eq!(cli.path("sheet.txt").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let code = cli.read("code").trim().to_owned();
    let sheet = cli.read("sheet.txt");
    for said in [
        &code[..23],
        &code[24..],
        "'personal'",
        "keyslot 'recovery': this code alone",
        "list --keyslot=recovery --vault=FILE",
    ] {
        assert!(sheet.contains(said), "{said}\n{sheet}");
    }
    assert!(cli.read("both.txt").contains("keyslot 'both': this code and the password"), "{}", cli.read("both.txt"));
    let files: Vec<_> = std::fs::read_dir(cli.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files.len(), 5, "nothing else lies beside them: {files:?}");
}

/// Who keeps a code for others has no vault: the sheet says how to answer, and its commands do.
#[test]
fn a_sheet_for_a_custodian_says_how_to_answer() {
    let cli = home();
    let friends = "keyslot enroll --name friends --custodians --factor recovery --factor password --recovery-out bob";
    cli.ok(&format!("{friends} --new-password-file pw --recovery-file code --force {CHEAP}"));
    cli.ok("recovery sheet friends -o sheet.txt --recovery-file bob --password-file pw");
    let sheet = cli.read("sheet.txt");
    let words = sheet.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [
        "keyslot 'friends', for custodians: this code and the password",
        "When your help is asked for 1 Wait until somebody sends you a text that asks for your help. Take any Linux",
        "2 Save the text as a file. Open a terminal and type, with the file's name in the place of FILE: twinlock \
         recovery answer FILE 3 You see four words. Call whoever asks, by a number that you know already,",
        "4 When it asks for the recovery code, type the code above.",
        "5 Then you see a text: send it back to them.",
        "You keep this code for somebody else's vault.",
    ] {
        assert!(words.contains(said), "{said}\n{sheet}");
    }
    for other in ["--keyslot", "passwd", "Bring the vault", "everything in it"] {
        assert!(!sheet.contains(other), "{other}\n{sheet}");
    }
    assert!(sheet.lines().all(|line| line.chars().count() <= 80), "{sheet}");
    // As it stands there, at another machine, without a vault.
    let bob = Cli::new();
    cli.ok("recovery request friends --from Ada -o FILE");
    for name in ["FILE", "bob"] {
        std::fs::copy(cli.path(name), bob.path(name)).unwrap();
    }
    let typed = sheet.lines().find_map(|line| line.strip_prefix("       twinlock ")).unwrap();
    let pending = cli.json("recovery pending --json");
    let heard = pending[0]["words"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
    let heard = heard.collect::<Vec<_>>().join(" ");
    let answer = bob.ok(&format!("{typed} --words '{heard}' --recovery-file bob"));
    cli.write("answer", &answer);
    cli.ok("list --answer answer --password-file pw");
}

#[test]
fn a_new_code_gets_its_sheet() {
    let cli = Cli::with_vault();
    cli.session(
        r#"
$ twinlock recovery new --recovery-out code2 --sheet sheet.html --recovery-file code
2> the recovery code is in 'code2': keep it apart from the vault
2> enrolled keyslot 'recovery-2': the recovery code alone opens the vault
2> the recovery sheet is in 'sheet.html'
2> twinlock: warning: the code is in that file: print it, then delete the file, and keep the paper apart from the vault
2> the older code still opens keyslot 'recovery', until you wipe that: 'twinlock keyslot wipe recovery'
$ twinlock recovery new --recovery-out code3 --sheet sheet.html --recovery-file code
2> twinlock: error: cannot write 'sheet.html': entity already exists
2> twinlock: hint: nothing is written over: name a file that is not there yet
=> 1
"#,
    );
    assert!(!cli.path("code3").exists(), "no code is made for nothing");
    let sheet = cli.read("sheet.html");
    for group in cli.read("code2").trim().split('-') {
        assert!(sheet.contains(&format!("aria-label=\"{group}\"")), "{group}");
    }
    let elsewhere = sheet.replace("http://www.w3.org/2000/svg", "");
    assert!(
        !elsewhere.contains("http:") && !elsewhere.contains("https:") && !elsewhere.contains("url("),
        "nothing is fetched"
    );
}

#[test]
fn a_synced_folder_is_warned_about() {
    let cli = Cli::with_vault();
    std::fs::create_dir_all(cli.path("Dropbox/papers")).unwrap();
    let ran = cli.run("recovery sheet -o Dropbox/papers/sheet.pdf --recovery-file code");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let said = "twinlock: warning: 'Dropbox/papers/sheet.pdf' is in a folder that Dropbox keeps in step: whoever sees it there has \
                the recovery code, which will leave this machine";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
}
