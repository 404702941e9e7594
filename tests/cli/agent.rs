//! The agent: `unlock`, `lock`, what `status` says of it, and item commands that ask for nothing.

use crate::program::{Cli, Ran};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

fn unlocked() -> Cli {
    let cli = Cli::with_vault().file("value", "v4lue");
    let ran = cli.run("unlock --recovery-file code");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    cli
}

fn socket(cli: &Cli) -> PathBuf {
    cli.home().join("run/twinlock/agent.sock")
}

/// Waits until it is true: what is waited for happens in another process.
fn until(what: &str, mut is: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn held(cli: &Cli) -> usize {
    let status = cli.json("status --json");
    status["agent"]["unlocked"].as_array().map_or(0, Vec::len)
}

fn pid(cli: &Cli) -> rustix::process::Pid {
    let pid = cli.json("status --json")["agent"]["pid"].as_i64().unwrap();
    rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap()
}

fn asks(ran: &Ran) {
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("nobody is there to type the recovery code"), "{}", ran.stderr);
}

#[test]
fn unlocked_once_items_are_read_and_written_without_a_question() {
    let cli = Cli::with_vault().file("value", "v4lue").file("new", "an0ther");
    cli.session(
        r#"
$ twinlock unlock --recovery-file code
2> unlocked 'personal'; it locks when not used for 15 minutes, and in 12 hours at the latest
$ twinlock add github --username ada --value-file value
2> added 'github'
$ twinlock get github --field password
1> v4lue
$ twinlock edit github --value-file new --name hub
2> changed 'hub'
$ twinlock get hub --field password
1> an0ther
$ twinlock add hub --value-file value
2> twinlock: error: an item is called 'hub' already
2> twinlock: hint: choose another name, or change it: 'twinlock edit hub'
=> 1
$ twinlock get huv
2> twinlock: error: no item is called 'huv'
2> twinlock: hint: did you mean 'hub'?
=> 4
$ twinlock list
1> hub
$ twinlock find ada
1> hub
$ twinlock rm --force hub
2> removed 'hub'
$ twinlock list
$ twinlock lock
2> locked
$ twinlock lock
2> nothing was unlocked
"#,
    );
    asks(&cli.run("list"));
}

#[test]
fn status_says_what_is_unlocked_by_what_and_until_when() {
    let cli = Cli::with_vault();
    assert!(cli.json("status --json")["agent"].is_null());
    cli.ok("unlock --recovery-file code --idle 5m --max 2h");
    let status = cli.ok("status");
    assert!(status.contains("It is unlocked, by keyslot 'recovery' (recovery code alone)"), "{status}");
    assert!(status.contains("locks in 4 minutes 5") && status.contains("in 1 hour 59 minutes in any case"), "{status}");
    let json = cli.json("status --json");
    assert_eq!(json["agent"]["unlocked"][0]["keyslot"], "recovery");
    cli.ok("lock");
    assert!(cli.ok("status").contains("It is locked"));
}

#[test]
fn it_locks_when_not_used_and_at_the_latest_and_use_puts_off_the_first_alone() {
    let cli = Cli::with_vault();
    cli.ok("unlock --recovery-file code --idle 1s");
    assert_eq!(held(&cli), 1);
    // Asking for the status is no use.
    until("idle", || held(&cli) == 0);
    cli.ok("unlock --recovery-file code --idle 1h --max 1s");
    let begun = Instant::now();
    until("max", || cli.run("list").code == Some(3));
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_way_in_that_is_named_is_taken_and_not_the_agent() {
    let cli = unlocked();
    asks(&cli.run("list --no-agent"));
    asks(&cli.run("list --keyslot recovery"));
    let wrong = cli.run("list --recovery-file value");
    assert_eq!(wrong.code, Some(3), "{}", wrong.stderr);
    assert_eq!(held(&cli), 1);
}

#[test]
fn keyslots_and_the_key_itself_are_not_for_whoever_finds_the_vault_unlocked() {
    let cli = unlocked().file("pw", crate::program::PASSWORD);
    asks(&cli.run("account-key export --force"));
    asks(&cli.run("keyslot enroll --factor password --new-password-file pw --force"));
    asks(&cli.run("rotate --force"));
}

#[test]
fn another_file_in_its_place_locks_and_so_does_a_rotation() {
    let cli = unlocked();
    fs::copy(cli.vault(), cli.path("copy")).unwrap();
    fs::rename(cli.path("copy"), cli.vault()).unwrap();
    asks(&cli.run("list"));
    assert_eq!(held(&cli), 0);
    cli.ok("unlock --recovery-file code");
    cli.ok("add a --value-file value");
    let rotated = cli.run("rotate --recovery-file code --force");
    assert_eq!(rotated.code, Some(0), "{}", rotated.stderr);
    asks(&cli.run("get a"));
    assert_eq!(cli.ok("get a --field password --recovery-file code"), "v4lue\n");
}

#[test]
fn a_link_or_a_mode_of_the_file_locks_nothing_and_an_older_copy_written_over_it_does() {
    use std::os::unix::fs::PermissionsExt;
    let cli = unlocked();
    cli.ok("add a --value-file value");
    fs::hard_link(cli.vault(), cli.path("link")).unwrap();
    assert_eq!(cli.ok("list"), "a\n");
    fs::set_permissions(cli.vault(), fs::Permissions::from_mode(0o600)).unwrap();
    cli.ok("add b --value-file value");
    fs::remove_file(cli.path("link")).unwrap();
    let older = fs::read(cli.vault()).unwrap();
    cli.ok("add c --value-file value");
    // Into the same file, as `cp` does.
    fs::write(cli.vault(), older).unwrap();
    asks(&cli.run("list"));
    assert_eq!(held(&cli), 0);
}

/// What a person has typed is not lost because the vault was locked meanwhile.
#[test]
fn an_item_typed_while_the_vault_locks_is_saved_by_the_way_in_that_is_then_asked_for() {
    let cli = Cli::with_password();
    cli.ok("unlock --password-file pw");
    let mut tty = crate::pty::Pty::spawn(&cli.command("add mail"));
    tty.expect("Value for 'password' of 'mail': ");
    tty.send("typed long\r");
    tty.expect("The same value again: ");
    cli.ok("lock");
    tty.send("typed long\r");
    tty.expect("the agent has locked the vault");
    tty.expect("Password or recovery code for vault 'personal'");
    tty.send(format!("{}\r", crate::program::PASSWORD));
    tty.ended(0);
    assert_eq!(cli.ok("get mail --field password --password-file pw"), "typed long\n");
}

#[test]
fn what_others_write_meanwhile_is_seen_and_nothing_is_lost() {
    let cli = unlocked();
    for n in 0..3 {
        cli.ok(&format!("add a{n} --value-file value"));
        cli.ok(&format!("add b{n} --value-file value --recovery-file code"));
    }
    assert_eq!(cli.ok("list"), "a0\na1\na2\nb0\nb1\nb2\n");
    cli.ok("verify --recovery-file code");
}

#[test]
fn two_vaults_are_locked_one_by_one_or_together() {
    let cli = unlocked();
    cli.ok("init --vault second --factor recovery --recovery-out code2");
    cli.ok("unlock --vault second --recovery-file code2");
    assert_eq!(held(&cli), 2);
    cli.ok("add here --vault second --value-file value");
    assert_eq!((cli.ok("list"), cli.ok("list --vault second")), (String::new(), "here\n".to_owned()));
    assert!(cli.ok("status").contains("Unlocked, too: '"));
    cli.ok("lock --this --vault second");
    asks(&cli.run("list --vault second"));
    assert_eq!(held(&cli), 1);
    cli.ok("unlock --vault second --recovery-file code2");
    cli.ok("lock");
    assert_eq!(held(&cli), 0);
}

#[test]
fn an_agent_that_was_killed_is_done_without_and_replaced() {
    let cli = unlocked();
    cli.ok("add a --value-file value");
    rustix::process::kill_process(pid(&cli), rustix::process::Signal::KILL).unwrap();
    until("its end", || UnixStream::connect(socket(&cli)).is_err());
    asks(&cli.run("list"));
    assert_eq!(cli.ok("list --recovery-file code"), "a\n");
    cli.ok("unlock --recovery-file code");
    assert_eq!(cli.ok("list"), "a\n");
}

#[test]
fn there_is_one_agent_and_it_ends_when_told() {
    let cli = unlocked();
    let second = cli.run("agent");
    assert_eq!(second.code, Some(6), "{}", second.stderr);
    assert!(second.stderr.contains("an agent is running already"), "{}", second.stderr);
    rustix::process::kill_process(pid(&cli), rustix::process::Signal::TERM).unwrap();
    until("its end", || !socket(&cli).exists());
    assert!(cli.ok("status").lines().all(|line| !line.contains("locked")));
}

#[test]
fn an_agent_of_another_version_is_told_of_and_replaced() {
    let cli = Cli::with_vault().file("value", "v");
    let folder = cli.home().join("run/twinlock");
    fs::DirBuilder::new().create(&folder).unwrap();
    fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let listener = UnixListener::bind(socket(&cli)).unwrap();
    // It knows no request of today, and ends when told to.
    let old = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 6];
            if stream.read_exact(&mut head).is_err() {
                continue;
            }
            asked.push(head[1]);
            if head[1] == 4 {
                return asked;
            }
            stream.write_all(&[0, 133, 0, 0, 0, 9, 0, 0, 0, 5]).unwrap();
            stream.write_all(b"0.0.9").unwrap();
        }
        asked
    });
    let ran = cli.run("list --no-input");
    assert!(ran.stderr.contains("the agent that runs is of another version, 0.0.9"), "{}", ran.stderr);
    let ran = cli.run("unlock --recovery-file code");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("version 0.0.9: it is replaced"), "{}", ran.stderr);
    assert_eq!(old.join().unwrap().last(), Some(&4));
    assert_eq!(cli.ok("list"), "");
    assert_eq!(held(&cli), 1);
}

#[test]
fn a_folder_that_others_can_enter_is_not_used() {
    let cli = Cli::with_vault();
    let folder = cli.home().join("run/twinlock");
    fs::DirBuilder::new().create(&folder).unwrap();
    fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let ran = cli.run("unlock --recovery-file code");
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("is not a folder of yours alone"), "{}", ran.stderr);
}

#[test]
fn a_time_that_is_none_is_refused_before_anything_is_asked() {
    let cli = Cli::with_vault();
    for wrong in ["unlock --idle 0s", "unlock --max 8d", "unlock --idle soon"] {
        let ran = cli.run(wrong);
        assert_eq!(ran.code, Some(2), "{wrong}: {}", ran.stderr);
    }
    cli.write("config.toml", "[agent]\nidle = \"x\"\n");
    let ran = cli.run("unlock --config config.toml --recovery-file code");
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("'idle' in the config file is no time"), "{}", ran.stderr);
}
