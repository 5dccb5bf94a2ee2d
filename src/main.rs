//! The `gleaner` program: hands the command line to [`gleaner::cli`] and exits with its status.

fn main() -> std::process::ExitCode {
    gleaner::cli::main()
}
