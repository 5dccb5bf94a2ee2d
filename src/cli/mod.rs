//! The command line: one file per command. Reads arguments, calls the library, prints; holds no rules.
//!
//! What is for programs goes to stdout alone, all else to stderr. Exit status: 0 done, 1 it failed, 2 the command
//! line or the config is wrong.

pub mod parse;
pub mod export;
pub mod schema;
pub mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Keeps an archive of the news: polls feeds, makes articles, knows copies, exports any slice.
#[derive(Debug, Parser)]
#[command(name = "gleaner", version, propagate_version = true)]
pub struct Cli {
    /// Config file [default: config/gleaner.toml, the user's config folder, /etc/gleaner/gleaner.toml]
    #[arg(long, global = true, value_name = "FILE", env = "GLEANER_CONFIG")]
    pub config: Option<PathBuf>,
    /// Say more (twice: even more)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows what a feed document says, as JSON
    Parse(parse::ParseArgs),
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match &cli.command {
        Command::Parse(args) => parse::run(args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gleaner: {error}");
            ExitCode::FAILURE
        }
    }
}
