//! The `gleaner` program: hands the command line to [`gleaner::cli`] and exits with its status.

/// A daemon's memory must not be that of its busiest minute: this allocator gives back what is free, and the C library's keeps it
/// wherever something in use lies beyond. `.cargo/config.toml` says how it is set; docs/performance.md has the figures. Builds for
/// debugging are without it, for the tools that look at memory and time know the C library's.
#[cfg(not(debug_assertions))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    gleaner::cli::main()
}
