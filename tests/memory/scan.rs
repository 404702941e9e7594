//! Looks for bytes in the memory of a process.

use crate::program::Cli;
use memchr::memmem::Finder;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// What is looked for, and by which name it is told.
pub struct Needle {
    pub name: String,
    bytes: Vec<u8>,
}

impl Needle {
    /// A text, as it is.
    pub fn text(name: &str, text: &str) -> Vec<Self> {
        assert!(text.len() >= 6, "'{text}' may be anywhere");
        vec![Self { name: name.into(), bytes: text.into() }]
    }

    /// Bytes: as they are, either half of them (what was in a register), and as hex digits.
    pub fn bytes(name: &str, bytes: &[u8]) -> Vec<Self> {
        let needle = |what: &str, bytes: &[u8]| Self { name: format!("{name}{what}"), bytes: bytes.to_vec() };
        let (first, second) = bytes.split_at(bytes.len() / 2);
        let hex = hex::encode(bytes);
        vec![
            needle(" (first half)", first),
            needle(" (second half)", second),
            needle(" (hex)", hex.as_bytes()),
            needle(" (HEX)", hex.to_uppercase().as_bytes()),
        ]
    }
}

/// Where something was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    pub name: String,
    /// The mapping and the address; or the offset in a core.
    pub place: String,
}

/// Says loudly that memory cannot be looked at, or, in CI, fails.
fn skipped(what: &str) {
    assert!(std::env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{what}");
    // Not eprintln!: the test harness would swallow it, and a skipped test must be seen.
    let _ = writeln!(std::io::stderr(), "\nSKIPPED: {what}");
}

/// Whether the memory of a process that does not want to be looked at can be looked at here.
pub fn can_look() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skipped("memory of a process that is not dumpable is read by root alone: run this test as root");
    }
    let gdb = Command::new("gdb").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !gdb {
        skipped("gdb is not installed: apt-get install gdb");
    }
    root && gdb
}

fn find(finders: &[(&str, Finder<'_>)], memory: &[u8], place: &dyn Fn(usize) -> String, hits: &mut Vec<Hit>) {
    for (name, finder) in finders {
        let found = finder.find_iter(memory).map(|at| Hit { name: (*name).into(), place: place(at) });
        hits.extend(found);
    }
}

fn finders(needles: &[Needle]) -> Vec<(&str, Finder<'_>)> {
    needles.iter().map(|needle| (needle.name.as_str(), Finder::new(&needle.bytes))).collect()
}

/// Looks at all memory that a running process can read. It goes on meanwhile.
pub fn process(pid: i32, needles: &[Needle]) -> Vec<Hit> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let finders = finders(needles);
    let (mut hits, mut looked) = (Vec::new(), 0);
    for map in maps.lines() {
        let (range, rest) = map.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let address = |text| u64::from_str_radix(text, 16).unwrap();
        let (start, end) = (address(start), address(end));
        // The kernel's own pages cannot be read in this way, and nobody writes there.
        if !rest.starts_with('r')
            || map.ends_with("[vvar]")
            || map.ends_with("[vsyscall]")
            || map.ends_with("[vvar_vclock]")
        {
            continue;
        }
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        match memory.read_exact_at(&mut bytes, start) {
            Ok(()) => looked += bytes.len(),
            // It has gone meanwhile, or is a file that has become shorter.
            Err(_) => continue,
        }
        let name = map.split_whitespace().nth(5).unwrap_or("anonymous");
        let place = |at: usize| format!("{name} {:#x}+{at:#x} of {range} {}", start, context(&bytes, at));
        find(&finders, &bytes, &place, &mut hits);
    }
    assert!(looked > 1 << 20, "only {looked} bytes were looked at");
    hits
}

/// What stands around it.
fn context(bytes: &[u8], at: usize) -> String {
    let around = &bytes[at.saturating_sub(32)..(at + 64).min(bytes.len())];
    around.escape_ascii().to_string()
}

/// A core of a running process, all of it, which is looked at and removed.
pub fn core(cli: &Cli, pid: i32, needles: &[Needle]) -> Vec<Hit> {
    let file = cli.home().join("core");
    gdb(cli, &["-p", &pid.to_string(), "-ex", &format!("gcore {}", file.display())]);
    in_core(&file, needles)
}

fn gdb(cli: &Cli, args: &[&str]) -> String {
    let mut gdb = Command::new("setsid");
    gdb.args(["--wait", "gdb", "-batch", "-nx"]);
    for setting in ["debuginfod enabled off", "auto-solib-add off", "confirm off"] {
        gdb.args(["-iex", &format!("set {setting}")]);
    }
    // All of it, also what is marked as not to be dumped, and what is the same in a file.
    gdb.args(["-iex", "set use-coredump-filter off", "-iex", "set dump-excluded-mappings on"]);
    gdb.args(args);
    cli.settle(&mut gdb);
    let output = gdb.output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn in_core(file: &Path, needles: &[Needle]) -> Vec<Hit> {
    search(&take(file), needles)
}

/// The core, which is removed: it is large, and somebody may have secrets in theirs.
fn take(file: &Path) -> Vec<u8> {
    let bytes = fs::read(file).unwrap();
    fs::remove_file(file).unwrap();
    assert!(bytes.starts_with(b"\x7fELF") && bytes.len() > 1 << 20, "no core");
    bytes
}

/// Looks for bytes in a core.
pub fn search(core: &[u8], needles: &[Needle]) -> Vec<Hit> {
    let mut hits = Vec::new();
    let place = |at: usize| format!("core {at:#x} {}", context(core, at));
    find(&finders(needles), core, &place, &mut hits);
    hits
}

/// Runs a command to its end, and takes a core there: when it calls `exit_group`, after `main` has returned. It must succeed.
pub fn at_its_end(cli: &Cli, program: &str, line: &str, settings: &[&str]) -> Vec<u8> {
    let file = cli.home().join("core");
    let (gcore, arguments) = (format!("gcore {}", file.display()), format!("set args {line}"));
    let program = format!("exec-file {program}");
    let mut args = vec!["-ex", &program, "-ex", "set startup-with-shell off", "-ex", &arguments];
    let run = ["catch syscall exit_group", "run", &gcore, "continue"];
    args.extend(settings.iter().chain(&run).flat_map(|command| ["-ex", *command]));
    let said = gdb(cli, &args);
    assert!(said.contains("exited normally"), "twinlock {line}\n{said}");
    take(&file)
}
