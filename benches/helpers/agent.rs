//! What the agent itself costs, in microseconds: `bench-agent start TWINLOCK` (until it listens; median of 20) and
//! `bench-agent ask VAULT NAME` (a status, and a get of that item; medians of 2,000).
#![allow(clippy::print_stdout)] // it is a program

use std::error::Error;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use twinlock::agent::client::{AgentError, Client, Remote};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["start", program] => println!("{}", median(20, || start(program))?),
        ["ask", vault, name] => {
            let connect = || Client::connect().ok_or("no agent runs");
            let mut client = connect()?;
            let status = median(2000, || timed(|| client.status().map(drop)))?;
            let mut remote = Remote::new(connect()?, Path::new(vault).canonicalize()?);
            let get = median(2000, || timed(|| remote.get(name).map(drop)))?;
            println!("{status} {get}");
        }
        _ => return Err("usage: bench-agent start TWINLOCK | ask VAULT NAME".into()),
    }
    Ok(())
}

type Outcome<T> = Result<T, Box<dyn Error>>;

fn median(runs: usize, mut one: impl FnMut() -> Outcome<Duration>) -> Outcome<u128> {
    let mut times = (0..runs).map(|_| one()).collect::<Outcome<Vec<_>>>()?;
    times.sort();
    Ok(times[runs / 2].as_micros())
}

fn timed(what: impl FnOnce() -> Result<(), AgentError>) -> Outcome<Duration> {
    let begun = Instant::now();
    what()?;
    Ok(begun.elapsed())
}

/// From before the process is made until it says that it listens; then it is told to end.
fn start(program: &str) -> Outcome<Duration> {
    let begun = Instant::now();
    let mut agent = Command::new(program).arg("agent-detached").stdout(Stdio::piped()).spawn()?;
    agent.stdout.take().ok_or("no pipe")?.read_exact(&mut [0; 6])?;
    let took = begun.elapsed();
    Client::connect().ok_or("it does not listen")?.quit()?;
    agent.wait()?;
    Ok(took)
}
