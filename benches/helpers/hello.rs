//! The least that a program with `clap` can do, for comparing whole processes: `bench-hello NAME`.
#![allow(clippy::print_stdout)] // it is a program

use clap::Parser;

/// Greets.
#[derive(Parser)]
struct Args {
    /// Whom
    name: String,
}

fn main() {
    let Args { name } = Args::parse();
    println!("hello, {name}");
}
