//! Nothing stays behind: not when the test is done, not when it is killed.

use hsm_test::piv::{CardOptions, PcscPlace};
use hsm_test::virtual_yubikey;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

/// Connected to every process of a place: they end with it.
fn connected(folder: &Path) -> Vec<UnixStream> {
    let sockets = ["card-0", "card-1", "run/pcscd/pcscd.comm"];
    sockets.map(|name| UnixStream::connect(folder.join(name)).unwrap()).into()
}

fn all_ended(streams: Vec<UnixStream>) {
    for mut stream in streams {
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
    }
}

#[test]
fn everything_ends_with_the_place() {
    let Some(place) = PcscPlace::start() else { return };
    let _cards = [place.card(CardOptions::default()), place.card(CardOptions::default())];
    let folder = place.folder().to_owned();
    let streams = connected(&folder);
    drop(place);
    all_ended(streams);
    assert!(!folder.exists());
}

#[test]
fn everything_ends_with_a_process_that_is_killed() {
    if PcscPlace::start().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(virtual_yubikey())
        .arg("start")
        .arg(folder.path())
        .args(["serial=1", "--", "serial=2"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: Vec<String> = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .take_while(|line| !line.starts_with("# ready"))
        .collect();
    assert!(lines[0].starts_with("export PCSCLITE_CSOCK_NAME="), "{lines:?}");
    let streams = connected(folder.path());
    child.kill().unwrap();
    child.wait().unwrap();
    all_ended(streams);
}
