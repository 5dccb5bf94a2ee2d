//! `gleaner completions` and `gleaner man`: for packagers, made from the one definition of the command line.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;
use super::failure::Failure;

/// Print the completions of a shell
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct CompletionsArgs {
    /// Which shell
    pub shell: Shell,
}

/// Prints the completions.
///
/// # Errors
/// Those of the standard output.
pub fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "gleaner", &mut script);
    Ok(io::stdout().lock().write_all(&script)?)
}

/// Prints the manual page of the program, a section for each command.
///
/// # Errors
/// Those of the standard output.
pub fn man() -> Result<(), Failure> {
    let mut page = Vec::new();
    let mut command = Cli::command();
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for subcommand in command.get_subcommands() {
        section(&mut page, "GLEANER", subcommand)?;
    }
    Ok(io::stdout().lock().write_all(&page)?)
}

/// The section of a command, and those of the commands below it.
fn section(page: &mut Vec<u8>, above: &str, command: &clap::Command) -> io::Result<()> {
    if command.get_name() == "help" {
        return Ok(());
    }
    let name = format!("{above} {}", command.get_name().to_uppercase());
    let man = clap_mangen::Man::new(command.clone());
    writeln!(page, ".SH \"{name}\"")?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    command.get_subcommands().try_for_each(|below| section(page, &name, below))
}
