//! The agent as the system sees it: what keeps others out of it, and how little it is.
#![cfg(target_os = "linux")]

use crate::program::Cli;
use std::fs;
use std::process::{Command, Stdio};

/// An agent that holds a vault.
struct Held {
    cli: Cli,
    pid: i32,
}

impl Held {
    fn new() -> Self {
        let cli = Cli::with_vault().file("value", "v4lue");
        let mut unlock = cli.command("unlock --recovery-file code");
        assert!(unlock.env("A_SECRET_OF_ANOTHER_PROGRAM", "x").stderr(Stdio::null()).status().unwrap().success());
        cli.ok("add it --value-file value");
        let pid = cli.json("status --json")["agent"]["pid"].as_i64().unwrap();
        Self { cli, pid: pid.try_into().unwrap() }
    }

    fn proc(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.pid)
    }

    /// A line of `/proc/PID/status`.
    fn status(&self, name: &str) -> String {
        let status = fs::read_to_string(self.proc("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap().trim().to_owned()
    }

    fn number(&self, name: &str) -> u64 {
        self.status(name).split_whitespace().next().unwrap().parse().unwrap()
    }
}

#[test]
fn others_are_kept_out() {
    let held = Held::new();
    // What is not dumpable belongs to root in /proc (proc(5)), so that only root may look.
    let owner = fs::metadata(held.proc("mem")).map(|data| std::os::unix::fs::MetadataExt::uid(&data)).unwrap();
    assert_eq!(owner, 0);
    let limits = fs::read_to_string(held.proc("limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    assert_eq!(held.status("NoNewPrivs"), "1");
    let stat = fs::read_to_string(held.proc("stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    assert_eq!(fields[3], held.pid.to_string(), "a session of its own");
    assert_eq!(fields[4], "0", "no terminal");
    // Root can look at the rest; it says nothing to others.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    assert_eq!(fs::read_link(held.proc("cwd")).unwrap().to_str(), Some("/"));
    let environment = fs::read_to_string(held.proc("environ")).unwrap();
    let names: Vec<&str> = environment.split('\0').filter_map(|entry| Some(entry.split_once('=')?.0)).collect();
    // The last one is of the agent's own making; the C library cuts it into pieces where it stands.
    let kept = [
        "XDG_RUNTIME_DIR",
        "XDG_STATE_HOME",
        "HOME",
        "DBUS_SYSTEM_BUS_ADDRESS",
        "PCSCLITE_CSOCK_NAME",
        "GLIBC_TUNABLES",
    ];
    assert!(
        names.contains(&"XDG_RUNTIME_DIR")
            && names.iter().all(|name| kept.contains(name) || name.starts_with("glibc.malloc.")),
        "{names:?}"
    );
    for (number, is) in [(0, "/dev/null"), (1, "/dev/null"), (2, "/dev/null")] {
        assert_eq!(fs::read_link(held.proc(&format!("fd/{number}"))).unwrap().to_str(), Some(is));
    }
}

#[test]
fn its_memory_is_locked_or_it_says_that_it_is_not() {
    let held = Held::new();
    let status = held.cli.json("status --json");
    let warned = status["agent"]["warnings"].to_string().contains("memory can be swapped out");
    assert_eq!(held.number("VmLck") == 0, warned, "{status}");
}

/// As another user, and as the same one without root's rights: neither reads its memory, nor traces it.
#[test]
fn another_process_neither_reads_nor_traces_it() {
    if !rustix::process::geteuid().is_root() {
        // As that user it is the test itself that tries.
        let held = Held::new();
        assert!(fs::File::open(held.proc("mem")).is_err() && fs::read(held.proc("environ")).is_err());
        return;
    }
    let cli = Cli::with_vault();
    let home = cli.home().to_owned();
    let nobody = |command: &mut Command| {
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let run = |program: &str, args: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", program]).args(args);
        cli.settle(&mut command);
        command
    };
    // The whole home is that user's, who then runs an agent, and tries to look into it.
    let chown = Command::new("chown").args(["-R", "65534:65534"]).arg(&home).status().unwrap();
    assert!(chown.success());
    // A copy that this user may run, wherever the source lies.
    let program = home.join("twinlock");
    fs::copy(crate::program::TWINLOCK, &program).unwrap();
    let program = program.to_str().unwrap();
    assert!(nobody(&mut run(program, &["unlock", "--recovery-file", "code"])), "it unlocks as that user");
    let status = run(program, &["status", "--json"]).output().unwrap();
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    let pid = status["agent"]["pid"].as_u64().unwrap();
    let (memory, environment) = (format!("/proc/{pid}/mem"), format!("/proc/{pid}/environ"));
    // Of another program of that user it can be read: the test can fail.
    assert!(nobody(&mut run("cat", &["/proc/self/environ"])));
    let own = run("sh", &["-c", "sleep 5 & cat /proc/$!/environ && kill $!"]).stdout(Stdio::null()).status().unwrap();
    assert!(own.success());
    assert!(!nobody(&mut run("head", &["-c", "1", &memory])) && !nobody(&mut run("cat", &[&environment])));
    if Command::new("gdb").arg("--version").stdout(Stdio::null()).status().is_ok() {
        let traced = run("gdb", &["-batch", "-nx", "-p", &pid.to_string()]).output().unwrap();
        let said = String::from_utf8_lossy(&traced.stderr).into_owned();
        assert!(said.contains("Operation not permitted") || said.contains("ptrace"), "{said}");
    }
}

#[test]
fn it_does_nothing_while_nobody_asks_and_holds_little() {
    let held = Held::new();
    let switches = || held.number("voluntary_ctxt_switches") + held.number("nonvoluntary_ctxt_switches");
    // It may still be at what follows an answer.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let before = switches();
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(switches(), before, "it woke up");
    // What is its own; pages of the program's file are shared with every other run of it. A debug build is no measure for those.
    assert!(held.number("RssAnon") < 6 << 10, "{} KiB", held.number("RssAnon"));
}
