//! The first process of a test's namespaces: makes /run private, runs pcscd, starts cards on request.
//!
//! Reads lines from stdin, answers each with `ok` or `error ...`; when stdin ends it ends, and with it everything in the namespaces,
//! whether the test was done, panicked or was killed:
//!
//! - `pcscd start`, `pcscd stop`;
//! - `card name=value...`: answered when the card's control socket listens.

use std::io::{BufRead, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// `folder` has `run/pcscd` (becomes /run/pcscd), `readers` (pcscd's reader configuration), `drivers` (empty).
pub fn run(folder: &Path) -> Result<(), String> {
    if std::process::id() != 1 {
        return Err("this is for a process namespace of its own; see 'start'".to_owned());
    }
    // Loopback is down in a new network namespace.
    must(Command::new("ip").args(["link", "set", "lo", "up"]))?;
    // The path of pcscd's socket is compiled in. Seen from outside it is FOLDER/run/pcscd/pcscd.comm.
    must(Command::new("mount").arg("--bind").arg(folder.join("run")).arg("/run"))?;
    let mut pcscd = None;
    println!("ok");
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let words: Vec<&str> = line.split_whitespace().collect();
        let done = match words[..] {
            ["pcscd", "start"] => start_pcscd(folder).map(|child| pcscd = Some(child)),
            ["pcscd", "stop"] => pcscd.take().map_or(Ok(()), stop),
            ["card", ref options @ ..] => start_card(options),
            _ => Err(format!("'{line}' is not understood")),
        };
        match done {
            Ok(()) => println!("ok"),
            Err(why) => println!("error {why}"),
        }
        if std::io::stdout().flush().is_err() {
            break;
        }
    }
    Ok(())
}

fn must(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|why| format!("{name}: {why}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

fn start_pcscd(folder: &Path) -> Result<Child, String> {
    let log = std::fs::File::create(folder.join("pcscd.log")).map_err(|why| format!("pcscd.log: {why}"))?;
    let errors = log.try_clone().map_err(|why| format!("pcscd.log: {why}"))?;
    let mut child = Command::new("pcscd")
        .args(["--foreground", "--info", "--config"])
        .arg(folder.join("readers"))
        // No driver for real readers: a person's own token must not be found by a test.
        .env("PCSCLITE_HP_DROPDIR", folder.join("drivers"))
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .map_err(|why| format!("pcscd: {why}"))?;
    let socket = folder.join("run/pcscd/pcscd.comm");
    listens(&mut child, &socket, "pcscd").map(|()| child)
}

fn stop(mut pcscd: Child) -> Result<(), String> {
    pcscd.kill().and_then(|()| pcscd.wait()).map(drop).map_err(|why| format!("pcscd: {why}"))
}

fn start_card(options: &[&str]) -> Result<(), String> {
    let control = options.iter().find_map(|option| option.strip_prefix("control=")).ok_or("control= is missing")?;
    let this = std::env::current_exe().map_err(|why| why.to_string())?;
    let mut child = Command::new(this)
        .arg("card")
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|why| format!("card: {why}"))?;
    listens(&mut child, Path::new(control), "the card")?;
    // Nobody asks how it ended, but somebody has to, or it stays as a zombie.
    std::thread::spawn(move || child.wait());
    Ok(())
}

/// Waits until a process takes connections at its socket.
fn listens(child: &mut Child, socket: &Path, name: &str) -> Result<(), String> {
    let start = Instant::now();
    while UnixStream::connect(socket).is_err() {
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("{name} ended at once: {status}"));
        }
        if start.elapsed() > Duration::from_secs(30) {
            return Err(format!("{name} does not listen at '{}'", socket.display()));
        }
        // No event tells that a socket listens.
        std::thread::sleep(Duration::from_millis(3));
    }
    Ok(())
}
