//! The command line: one file per command. Reads arguments, calls the library, prints; holds no rules.
//!
//! What is for programs goes to stdout alone, all else to stderr. Exit status: 0 done, 1 it failed, 2 the command
//! line or the config is wrong.

pub mod archive;
pub mod backfill;
pub mod check;
pub mod completions;
pub mod coverage;
pub mod db;
pub mod export;
pub mod extract;
pub mod failure;
pub mod feeds;
pub mod feeds_list;
pub mod forget;
pub mod logs;
pub mod parse;
pub mod poll;
pub mod rebuild;
pub mod run;
pub mod schema;
pub mod search;
pub mod show;
pub mod status;

use std::future::Future;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{self, Config, Surroundings};
use crate::fetch::{Client, ClientSettings};
use crate::subscribe::SiteClient;
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
    /// Polls for ever, in the foreground, until SIGTERM or SIGINT; SIGHUP reloads the config
    Run,
    /// Polls once what is due (or all, or the feeds named), then ends
    Poll(poll::PollArgs),
    /// Shows, edits or writes the subscription list
    Feeds(feeds::FeedsArgs),
    /// Shows between which dates nothing was missed, and where something may have been
    Coverage(coverage::CoverageArgs),
    /// Writes articles to a file or the standard output
    Export(export::ExportArgs),
    /// Searches the archive, newest first
    Search(search::SearchArgs),
    /// Shows one article as a person reads it
    Show(show::ShowArgs),
    /// Takes articles out of the archive for good; they do not come back
    Forget(forget::ForgetArgs),
    /// Makes every article again from what was kept, by the rules of today; asks no server for anything
    Rebuild,
    /// Shows what a feed document says, as JSON
    Parse(parse::ParseArgs),
    /// Shows the article of an HTML page, as JSON
    Extract(extract::ExtractArgs),
    /// Shows the archive and the poller at a glance
    Status(status::StatusArgs),
    /// Backs up, checks or prunes the database
    Db(db::DbArgs),
    /// Validates the config and the feed lists, or explains what filters make of a feed document; touches nothing
    Check(check::CheckArgs),
    /// Prints the JSON Schema of articles
    Schema(schema::SchemaArgs),
    /// Prints the completions of a shell
    Completions(completions::CompletionsArgs),
    /// Prints the manual page
    Man,
}

/// How much is said beside the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verbosity {
    /// `-v`, so many times.
    pub verbose: u8,
    /// `-q`.
    pub quiet: bool,
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
    let verbosity = Verbosity { verbose: cli.verbose, quiet: cli.quiet };
    let config_file = || surroundings.find(cli.config.as_deref());
    let load = || config::load_in(&config_file()?, &surroundings).map_err(Failure::from);
    match cli.command {
        Command::Run => run::run(&config_file()?, &surroundings, verbosity),
        Command::Poll(args) => poll::run(&args, &load()?, verbosity),
        Command::Feeds(args) => block_on(feeds::run(args, &config_file()?, &surroundings, verbosity, connect)),
        Command::Coverage(args) => coverage::run(&args, &load()?),
        Command::Export(args) => archive::export(&args, &load()?, verbosity),
        Command::Search(args) => search::run(&args, &load()?),
        Command::Show(args) => archive::show(&args, &load()?),
        Command::Forget(args) => forget::run(&args, &load()?, verbosity),
        Command::Rebuild => rebuild::run(&load()?, verbosity),
        Command::Parse(args) => parse::run(&args).map_err(|error| Failure::Failed(error.to_string())),
        Command::Extract(args) => extract::run(&args, cli.config.as_deref(), &surroundings, verbosity),
        Command::Status(args) => status::run(args, &load()?),
        Command::Db(args) => db::run(&args, &load()?, &surroundings, verbosity),
        Command::Check(args) => check::run(&args, &config_file()?, &surroundings),
        Command::Schema(_) => Ok(schema::run_schema(std::io::stdout().lock())?),
        Command::Completions(args) => completions::run(&args),
        Command::Man => completions::man(),
    }
}

/// The bytes of a file, of the standard input for `-`.
fn read_input(file: &Path) -> std::io::Result<Vec<u8>> {
    if file.as_os_str() != "-" {
        return std::fs::read(file);
    }
    let mut body = Vec::new();
    std::io::stdin().lock().read_to_end(&mut body)?;
    Ok(body)
}

/// Runs what waits for the network, on this thread.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::from)?.block_on(work)
}

fn client(config: &Config) -> Result<Client, String> {
    Client::new(&ClientSettings::new(&config.fetch, &config.pages)).map_err(|error| error.to_string())
}

fn connect(config: &Config) -> Result<SiteClient, String> {
    SiteClient::of(config).map_err(|error| error.to_string())
}
