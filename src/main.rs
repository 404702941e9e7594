//! The `twinlock` program. Everything is in the library; see `src/cli`.

fn main() -> std::process::ExitCode {
    twinlock::cli::main()
}
