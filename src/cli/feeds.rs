//! `gleaner feeds`: the subscription list edited and given out.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, Subcommand};
use url::Url;

use super::Verbosity;
use super::backfill::{self, BackfillArgs};
use super::failure::Failure;
use super::feeds_list::{self, ListArgs};
use crate::backfill::History;
use crate::config::edit::{Editor, NewFeed};
use crate::config::{self, Config, Surroundings, feed_url, parse_duration, replace_file, subscription_list};
use crate::discover::Fetch;
use crate::subscribe::offer;

/// `gleaner feeds`.
#[derive(Debug, Args)]
pub struct FeedsArgs {
    /// What to do
    #[command(subcommand)]
    pub command: FeedsCommand,
}

/// The commands on the subscription list.
#[derive(Debug, Subcommand)]
pub enum FeedsCommand {
    /// Shows the state of each feed
    List(ListArgs),
    /// Adds feeds to the feed list; the address of a site will do
    Add(AddArgs),
    /// Takes feeds out of their feed lists; their articles stay in the archive
    Remove {
        /// Names or URLs of feeds
        #[arg(required = true, value_name = "FEED")]
        feeds: Vec<String>,
    },
    /// Adds the feeds of an OPML file that are not there yet
    Import {
        /// OPML 1.0 to 2.0
        file: PathBuf,
    },
    /// Fetches what feeds had before: archived and paged feeds, WordPress pages, News sitemaps
    Backfill(BackfillArgs),
    /// Writes the subscription list as OPML 2.0
    Export {
        /// Write there instead of to the standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// `gleaner feeds add`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// URLs of feeds, or of pages that name a feed
    #[arg(required = true, value_name = "URL")]
    pub urls: Vec<String>,
    /// The feed's name, its identity [default: the URL without scheme, "www.", query and credentials]
    #[arg(long)]
    pub name: Option<String>,
    /// A tag (may be repeated)
    #[arg(long = "tag", value_name = "TAG")]
    pub tags: Vec<String>,
    /// Poll so often, as 30m or 12h [default: learned]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub interval: Option<Duration>,
}

/// Runs the command. `connect` makes the client that `add` asks sites with; it is not called where nothing is asked.
///
/// # Errors
/// The config or the command line is wrong, or the edit failed; then nothing has changed.
pub async fn run<F: Fetch>(
    args: FeedsArgs,
    config_file: &Path,
    surroundings: &Surroundings,
    verbosity: Verbosity,
    connect: impl FnOnce(&Config) -> Result<F, String>,
) -> Result<(), Failure> {
    let mut lines = Vec::new();
    match args.command {
        FeedsCommand::List(args) => return feeds_list::run(&args, &config::load_in(config_file, surroundings)?),
        FeedsCommand::Backfill(args) => return backfill::run(&args, &config::load_in(config_file, surroundings)?, verbosity).await,
        FeedsCommand::Add(args) => add(args, config_file, surroundings, connect, &mut lines).await?,
        FeedsCommand::Remove { feeds } => {
            for removed in Editor::open(config_file, surroundings)?.remove(&feeds)? {
                lines.push(format!("removed `{}` from {}", removed.name, removed.file.display()));
            }
        }
        FeedsCommand::Import { file } => import(&file, config_file, surroundings, &mut lines)?,
        FeedsCommand::Export { output } => return export(output.as_deref(), config_file, surroundings),
    }
    if verbosity.quiet {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(())
}

async fn add<F: Fetch>(
    args: AddArgs,
    config_file: &Path,
    surroundings: &Surroundings,
    connect: impl FnOnce(&Config) -> Result<F, String>,
    lines: &mut Vec<String>,
) -> Result<(), Failure> {
    if args.name.is_some() && args.urls.len() > 1 {
        return Err(Failure::Usage("--name names one feed, but there are several URLs".to_owned()));
    }
    let mut connect = Some(connect);
    let mut client = None;
    // Nobody else waits for their turn while sites are asked: the list is looked at before, and judged again after.
    let (target, config) = {
        let editor = Editor::open(config_file, surroundings)?;
        (editor.target(), editor.config().clone())
    };
    let mut new = Vec::new();
    let mut histories = Vec::new();
    for asked in &args.urls {
        let mut history = None;
        let url = if asked.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:")) {
            local_feed(asked, &target, surroundings)?
        } else {
            let page = feed_url(asked, &surroundings.current_folder).map_err(Failure::Usage)?;
            if let Some(known) = config.known(&page) {
                return Err(Failure::Failed(known.to_string()));
            }
            if let Some(connect) = connect.take() {
                client = Some(connect(&config).map_err(Failure::Failed)?);
            }
            let Some(client) = &client else { return Err(Failure::Failed("there is no client".to_owned())) };
            let offer = offer(asked, &page, client).await.map_err(|error| Failure::Failed(error.to_string()))?;
            history = Some(offer.history);
            offer.url
        };
        histories.push(history);
        let interval = args.interval;
        new.push(NewFeed { url, name: args.name.clone(), tags: args.tags.clone(), interval, ..NewFeed::default() });
    }
    let added = Editor::open(config_file, surroundings)?.add(&new, &target)?;
    for ((added, new), history) in added.iter().zip(&new).zip(histories) {
        lines.push(format!("added `{}` ({}) to {}", added.name, new.url, added.file.display()));
        lines.extend(history.map(|history| told(&added.name, history.as_ref())));
    }
    Ok(())
}

/// How far back the feed can go.
fn told(name: &str, history: Option<&History>) -> String {
    match history {
        None => "  history: none found".to_owned(),
        Some(History { way, oldest }) => {
            let back = oldest.map(|oldest| format!(", at least to {}", oldest.format("%Y-%m-%d"))).unwrap_or_default();
            let name = if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte)) {
                name.to_owned()
            } else {
                format!("'{name}'")
            };
            format!("  history: {way}{back}; `gleaner feeds backfill {name}` fetches it")
        }
    }
}

/// A `file:` URL as it shall stand in the list. Relative to the current folder, as paths on a command line are; where that
/// is another file than the list would mean, the path becomes absolute.
fn local_feed(asked: &str, list: &Path, surroundings: &Surroundings) -> Result<String, Failure> {
    let read = |folder: &Path| -> Result<(Url, Bytes), String> {
        let url = feed_url(asked, folder)?;
        let path = url.to_file_path().map_err(|()| format!("{asked} names no file"))?;
        let body = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok((url, Bytes::from(body)))
    };
    let list_folder = list.parent().unwrap_or(Path::new("/"));
    let in_list = feed_url(asked, list_folder).map_err(Failure::Usage)?;
    let (url, body) = read(&surroundings.current_folder).or_else(|reason| read(list_folder).map_err(|_| Failure::Failed(reason)))?;
    crate::parse::parse(&body, &url, None).map_err(|error| Failure::Failed(format!("{asked}: {error}")))?;
    Ok(if url == in_list { asked.to_owned() } else { url.to_string() })
}

fn import(file: &Path, config_file: &Path, surroundings: &Surroundings, lines: &mut Vec<String>) -> Result<(), Failure> {
    let imported = Editor::open(config_file, surroundings)?.import(file)?;
    for skipped in &imported.skipped {
        lines.push(format!("skipped: {skipped}"));
    }
    for added in &imported.added {
        lines.push(format!("added `{}`", added.name));
    }
    let place = imported.added.first().map(|added| format!(" to {}", added.file.display())).unwrap_or_default();
    lines.push(format!("{} added{place}, {} skipped", imported.added.len(), imported.skipped.len()));
    Ok(())
}

fn export(output: Option<&Path>, config_file: &Path, surroundings: &Surroundings) -> Result<(), Failure> {
    let config = config::load_in(config_file, surroundings)?;
    let opml = subscription_list(config.title.as_deref().unwrap_or("Subscriptions"), &config.feeds).to_string();
    match output {
        Some(output) => {
            let output = surroundings.absolute(output);
            replace_file(&output, opml.as_bytes()).map_err(|error| Failure::Failed(format!("cannot write {}: {error}", output.display())))
        }
        None => {
            let mut out = io::stdout().lock();
            out.write_all(opml.as_bytes())?;
            out.flush()?;
            Ok(())
        }
    }
}
