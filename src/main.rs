//! The `twinlock` program. Everything is in the library; see `src/cli`.

/// Erases whatever is freed: a collection that has grown, or a parser's scratch buffer, leaves copies of secrets that no type of ours
/// knows of.
#[global_allocator]
static MEMORY: zeroizing_alloc::ZeroAlloc<std::alloc::System> = zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> std::process::ExitCode {
    twinlock::cli::main()
}
