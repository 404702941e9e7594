//! Clients that mean harm, or do it: nobody else notices, and nothing is left of them.

use crate::program::Cli;
use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process};
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const VERSION: u8 = 1;
const STATUS: u8 = 1;
const UNLOCK: u8 = 2;
const GET: u8 = 17;
const ADD: u8 = 19;
const EACH: u8 = 22;
const DONE: u8 = 128;
const NOT_HELD: u8 = 129;
const FAILED: u8 = 130;
const FOUND: u8 = 132;
const UNKNOWN: u8 = 133;

/// A vault that the agent holds, with one item.
struct Den {
    cli: Cli,
    pid: i32,
}

impl Den {
    fn new() -> Self {
        let cli = Cli::with_vault().file("value", "v4lue");
        cli.ok("unlock --recovery-file code");
        cli.ok("add it --value-file value");
        let pid = cli.json("status --json")["agent"]["pid"].as_i64().unwrap();
        Self { cli, pid: pid.try_into().unwrap() }
    }

    fn socket(&self) -> PathBuf {
        self.cli.home().join("run/twinlock/agent.sock")
    }

    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.socket()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// Somebody else gets what they want, and soon.
    #[track_caller]
    fn serves(&self) {
        let begun = Instant::now();
        assert_eq!(self.cli.ok("get it --field password"), "v4lue\n");
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }

    fn path(&self) -> Vec<u8> {
        text(fs::canonicalize(self.cli.vault()).unwrap().to_str().unwrap().as_bytes())
    }

    fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid)).unwrap().count()
    }

    /// Of `/proc/PID/status`: a number.
    fn number(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Nanoseconds that it has run.
    fn run_time(&self) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid)).unwrap();
        let time = |task: fs::DirEntry| fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        tasks.map(|task| time(task.unwrap()).split(' ').next().unwrap().parse::<u64>().unwrap_or(0)).sum()
    }
}

fn text(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[VERSION, kind], &text(body)[..]].concat()
}

/// Reads a frame: its type and body. None: it was closed, perhaps in the middle of it.
fn answer(stream: &mut UnixStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 6];
    match stream.read_exact(&mut head) {
        Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => return None,
        done => done.unwrap(),
    }
    let mut body = vec![0; u32::from_be_bytes(head[2..].try_into().unwrap()) as usize];
    match stream.read_exact(&mut body) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => None,
        done => {
            done.unwrap();
            Some((head[1], body))
        }
    }
}

/// Writes what the other end takes; it may close at any time.
fn send(stream: &mut UnixStream, bytes: &[u8]) {
    let _ = stream.write_all(bytes);
}

#[test]
fn nonsense_is_closed_and_answered_by_nothing_else() {
    let den = Den::new();
    let path = den.path();
    let glued = [frame(STATUS, b""), frame(STATUS, b"")].concat();
    for (what, bytes) in [
        ("garbage", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("zeros", vec![0; 4096]),
        ("4 GiB", [&[VERSION, STATUS, 255, 255, 255, 255], &[7; 64][..]].concat()),
        ("64 MiB item", [&[VERSION, ADD, 4, 0, 0, 0], &path[..]].concat()),
        ("glued", glued),
        ("a field beyond the body", frame(GET, &[0, 0, 0, 9, b'x'])),
        ("a path and nothing", frame(GET, &path)),
        ("something behind", frame(STATUS, b"x")),
        ("no text", frame(GET, &[&path[..], &text(&[0xff, 0xfe])].concat())),
        ("an unlock that is cut off", frame(UNLOCK, &[7; 40])),
    ] {
        let mut stream = den.connect();
        send(&mut stream, &bytes);
        let answered = answer(&mut stream);
        if what == "garbage" || what == "zeros" {
            // Of another version: told which one this is.
            assert_eq!(answered.map(|(kind, _)| kind), Some(UNKNOWN), "{what}");
        } else {
            assert_eq!(answered, None, "{what}");
        }
        assert_eq!(answer(&mut stream), None, "{what}");
    }
    den.serves();
}

#[test]
fn a_vault_that_is_not_held_and_one_that_does_not_open_are_told() {
    let den = Den::new();
    let mut stream = den.connect();
    let elsewhere = text(b"/nowhere/vault");
    send(&mut stream, &frame(GET, &[&elsewhere[..], &text(b"it")].concat()));
    assert_eq!(answer(&mut stream).unwrap().0, NOT_HELD);
    // Not the item, but that it is no JSON.
    send(&mut stream, &frame(ADD, &[&den.path()[..], &text(b"{\"a\":")].concat()));
    assert_eq!(answer(&mut stream).unwrap().0, FAILED);
    let fifo = den.cli.path("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let other = den.cli.path("other");
    fs::copy(den.cli.vault(), &other).unwrap();
    for path in [&fifo, &other, &den.cli.path("missing"), &PathBuf::from("/dev/zero"), &PathBuf::from("/")] {
        let name = text(path.to_str().unwrap().as_bytes());
        let times = [900_u64, 3600].map(u64::to_be_bytes).concat();
        let body = [&[7; 32][..], &times, &name, &text(b"k"), &text(b"w"), &text(b"[]")].concat();
        let mut stream = den.connect();
        send(&mut stream, &frame(UNLOCK, &body));
        assert_eq!(answer(&mut stream).unwrap().0, FAILED, "{}", path.display());
        send(&mut stream, &frame(GET, &[&name[..], &text(b"it")].concat()));
        assert_eq!(answer(&mut stream).unwrap().0, NOT_HELD, "{}", path.display());
    }
    den.serves();
    den.cli.ok("lock");
}

#[test]
fn whoever_begins_and_does_not_end_is_left_and_keeps_nobody_waiting() {
    let den = Den::new();
    let whole = frame(GET, &[&den.path()[..], &text(b"it")].concat());
    let mut half: Vec<UnixStream> = (1..whole.len())
        .step_by(3)
        .map(|cut| {
            let mut stream = den.connect();
            send(&mut stream, &whole[..cut]);
            stream
        })
        .collect();
    // A long request, a byte now and then: that it still sends something is no excuse.
    let mut slow = den.connect();
    send(&mut slow, &[VERSION, ADD, 1, 0, 0, 0]);
    let begun = Instant::now();
    while slow.write_all(&[0]).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it goes on for ever");
        den.serves();
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(begun.elapsed() > Duration::from_secs(8), "{:?}: that was hasty", begun.elapsed());
    for stream in &mut half {
        assert_eq!(answer(stream), None);
    }
    // Who has not begun may stay.
    den.serves();
}

#[test]
fn ten_thousand_connections_change_nothing() {
    let den = Den::new();
    den.serves();
    let (descriptors, memory) = (den.descriptors(), den.number("RssAnon"));
    let limit = getrlimit(Resource::Nofile);
    let room = limit.current.unwrap_or(10_100).min(10_100);
    let mut kept = Vec::new();
    for n in 0..10_000 {
        kept.push(den.connect());
        if kept.len() as u64 + 64 > room {
            kept.drain(..kept.len() / 2);
        }
        if n % 2500 == 2499 {
            den.serves();
        }
    }
    assert!(den.descriptors() <= descriptors + 256, "{}", den.descriptors());
    drop(kept);
    for _ in 0..10_000 {
        drop(den.connect());
    }
    den.serves();
    let end = Instant::now() + Duration::from_secs(10);
    while den.descriptors() > descriptors && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(den.descriptors() <= descriptors, "{descriptors}, and {} now", den.descriptors());
    assert!(den.number("RssAnon") < memory + 1024, "{memory} KiB, and {} now", den.number("RssAnon"));
}

#[test]
fn without_a_descriptor_left_it_does_not_spin_and_goes_on_later() {
    let cli = Cli::with_vault().file("value", "v4lue");
    // What it is started with it keeps; of this process only what comes after is concerned.
    let mut unlock = std::process::Command::new("sh");
    unlock.args(["-c", "ulimit -n 24; exec \"$0\" unlock --recovery-file code", crate::program::TWINLOCK]);
    cli.settle(&mut unlock);
    assert!(unlock.status().unwrap().success());
    cli.ok("add it --value-file value");
    let pid = cli.json("status --json")["agent"]["pid"].as_i64().unwrap().try_into().unwrap();
    let den = Den { cli, pid };
    let kept: Vec<UnixStream> = (0..100).map(|_| den.connect()).collect();
    let before = den.run_time();
    std::thread::sleep(Duration::from_secs(1));
    let busy = Duration::from_nanos(den.run_time() - before);
    assert!(busy < Duration::from_millis(300), "{busy:?} of a second");
    drop(kept);
    den.serves();
}

#[test]
fn whoever_asks_for_all_and_reads_nothing_holds_up_nobody() {
    let den = Den::new();
    den.cli.write("long", &"x".repeat(1 << 20));
    for n in 0..12 {
        den.cli.ok(&format!("add long-{n} --note --value-file long"));
    }
    let before = den.number("RssAnon");
    // 8 times 12 MiB: more than all clients may hold together.
    let greedy: Vec<UnixStream> = (0..8)
        .map(|_| {
            let mut stream = den.connect();
            send(&mut stream, &frame(EACH, &den.path()));
            stream
        })
        .collect();
    let (mut most, begun) = (0, Instant::now());
    // They are before it, and it does not wait for them all.
    let mut patient = den.connect();
    send(&mut patient, &frame(GET, &[&den.path()[..], &text(b"it")].concat()));
    patient.set_nonblocking(true).unwrap();
    let mut first = [0];
    while !matches!(patient.read(&mut first), Ok(1)) {
        most = most.max(den.number("RssAnon"));
        assert!(begun.elapsed() < Duration::from_secs(10), "a get waits for everybody who wants all");
        std::thread::sleep(Duration::from_millis(5));
    }
    while den.cli.run("status").code == Some(0) && begun.elapsed() < Duration::from_secs(8) {
        most = most.max(den.number("RssAnon"));
    }
    assert!(most < before + (120 << 10), "{before} KiB, and {most} at most");
    drop(greedy);
    let end = Instant::now() + Duration::from_secs(20);
    while den.number("RssAnon") > before + (8 << 10) {
        assert!(Instant::now() < end, "{before} KiB before, {} after", den.number("RssAnon"));
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_was_asked_and_not_begun_when_it_locks_is_answered() {
    let den = Den::new();
    den.cli.write("long", &"x".repeat(1 << 20));
    den.cli.ok("add long-1 --note --value-file long");
    den.cli.ok("add long-2 --note --value-file long");
    let mut asking: Vec<UnixStream> = (0..12)
        .map(|_| {
            let mut stream = den.connect();
            send(&mut stream, &frame(EACH, &den.path()));
            stream
        })
        .collect();
    let begun = Instant::now();
    den.cli.ok("lock");
    assert!(begun.elapsed() < Duration::from_secs(5), "it waits for what has begun, and no more");
    // An answer under way is cut off: no item waits for a reader once the vault is locked.
    let kinds: Vec<Option<u8>> = asking.iter_mut().map(|stream| answer(stream).map(|(kind, _)| kind)).collect();
    let right = |kind: &Option<u8>| [Some(FOUND), Some(NOT_HELD), None].contains(kind);
    assert!(kinds.iter().all(right) && kinds.contains(&Some(NOT_HELD)), "{kinds:?}");
    for (stream, _) in asking.iter_mut().zip(&kinds).filter(|(_, kind)| **kind == Some(FOUND)) {
        let mut left = 0;
        while let Some((kind, _)) = answer(stream) {
            assert_eq!(kind, FOUND);
            left += 1;
        }
        assert!(left < 2, "what the socket held, and no more");
    }
}

#[test]
fn whoever_reads_slowly_gets_all() {
    let den = Den::new();
    den.cli.write("long", &"x".repeat(1 << 20));
    den.cli.ok("add long --note --value-file long");
    let mut stream = den.connect();
    send(&mut stream, &frame(EACH, &den.path()));
    let mut kinds = Vec::new();
    while let Some((kind, _)) = answer(&mut stream) {
        kinds.push(kind);
        if kind == DONE {
            break;
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    assert_eq!(kinds, [FOUND, FOUND, DONE]);
}

#[test]
fn an_item_that_is_too_large_is_refused_in_words() {
    let den = Den::new();
    den.cli.write("huge", &"x".repeat(64 << 20));
    let ran = den.cli.run("add huge --note --value-file huge");
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(!ran.stderr.contains("agent"), "{}", ran.stderr);
    den.serves();
}

#[test]
fn an_agent_that_is_stopped_is_done_without() {
    let den = Den::new();
    let pid = Pid::from_raw(den.pid).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    let begun = Instant::now();
    let ran = den.cli.run("get it");
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("the agent does not answer; the vault is opened without it"), "{}", ran.stderr);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    kill_process(pid, Signal::CONT).unwrap();
    den.serves();
}

#[test]
fn an_add_that_was_acknowledged_is_there_whenever_the_agent_is_killed() {
    let cli = Cli::with_vault().file("value", "v4lue");
    let (mut acknowledged, mut failed) = (Vec::new(), 0);
    cli.ok("unlock --recovery-file code");
    let begun = Instant::now();
    cli.ok("add first --value-file value");
    let mut whole = begun.elapsed();
    for round in 0..50_u32 {
        cli.ok("unlock --recovery-file code");
        let pid = cli.json("status --json")["agent"]["pid"].as_i64().unwrap();
        let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
        let mut add = cli.command(&format!("add item-{round} --value-file value --no-input"));
        let mut child = add.stderr(std::process::Stdio::null()).spawn().unwrap();
        // Over the time that an add takes, which is learned on the way; the golden ratio spreads evenly.
        std::thread::sleep(whole.mul_f64((f64::from(round) * 0.618_033_988_749_895).fract() * 1.3));
        kill_process(pid, Signal::KILL).unwrap();
        if child.wait().unwrap().success() {
            acknowledged.push(format!("item-{round}"));
            whole = whole.mul_f64(0.94);
        } else {
            failed += 1;
            whole = whole.mul_f64(1.04);
        }
        if round % 10 == 9 {
            cli.ok("verify --recovery-file code");
        }
    }
    let listed = cli.ok("list --recovery-file code");
    for name in &acknowledged {
        assert!(listed.lines().any(|line| line == name), "{name} was acknowledged");
    }
    cli.ok("verify --recovery-file code");
    let said = format!("agent killed 50 times: {} adds acknowledged, {failed} not\n", acknowledged.len());
    std::io::stderr().write_all(said.as_bytes()).unwrap();
    assert!(acknowledged.len() > 3 && failed > 3, "kills landed on one side only: {said}");
}
