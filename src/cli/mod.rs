//! The command line: one file per command. Reads arguments, calls the library, prints; holds no rules.
//!
//! What is for programs goes to stdout alone, all else to stderr. Exit status: 0 done, 1 it failed, 2 the command
//! line or the config is wrong.

pub mod check;
pub mod failure;
pub mod feeds;

use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, Surroundings};
use crate::discover;
use failure::Failure;

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
    /// Edits the subscription list, or writes it as OPML
    Feeds(feeds::FeedsArgs),
    /// Validates the config and the feed lists; touches nothing
    Check,
}

/// Runs the program.
pub fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let surroundings = Surroundings::of_process()?;
    let config_file = || surroundings.find(cli.config.as_deref());
    match cli.command {
        Command::Feeds(args) => block_on(feeds::run(args, &config_file()?, &surroundings, cli.quiet, connect)),
        Command::Check => check::run(&config_file()?, &surroundings),
    }
}

/// Runs what waits for the network, on this thread.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::from)?.block_on(work)
}

/// Sites cannot be asked before the polite client is there.
struct Offline;

impl discover::Fetch for Offline {
    async fn get(&self, _: &url::Url) -> Result<discover::Page, String> {
        Err("this build has no HTTP client".to_owned())
    }
}

fn connect(_: &Config) -> Result<Offline, String> {
    Ok(Offline)
}
