//! `gleaner poll`: one pass, with a progress bar on a terminal.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use chrono::Utc;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;

use super::failure::Failure;
use super::{Verbosity, client, logs};
use crate::config::{Config, Feed, nearest};
use crate::poll::{PollLine, PollSettings, Poller, due_feeds};
use crate::store::{Archive, StoreError};

/// Poll once what is due (or all, or the feeds named), then end
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct PollArgs {
    /// Names of feeds, due or not
    #[arg(value_name = "FEED", conflicts_with = "all")]
    pub feeds: Vec<String>,
    /// All feeds, due or not
    #[arg(long)]
    pub all: bool,
    /// One line of JSON a feed
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
///
/// # Errors
/// A feed is not known, or the archive cannot be opened or written. A feed that fails is no error of the pass.
pub fn run(args: &PollArgs, config: &Config, verbosity: Verbosity) -> Result<(), Failure> {
    let bar = is_bar(verbosity);
    let mut log = config.log.clone();
    if bar {
        // The bar and the lines above it tell what the log would.
        log.level = "error".to_owned();
    }
    logs::start(&log, verbosity)?;
    let named = named_feeds(&args.feeds, config)?;
    let client = client(config).map_err(Failure::Failed)?;
    let archive = Arc::new(Archive::open(&config.database.path)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        let poller = Poller::new(Arc::clone(&archive), client, PollSettings::from(config))?;
        let feeds = if !named.is_empty() {
            named
        } else if args.all {
            config.feeds.iter().filter(|feed| feed.enabled).cloned().collect()
        } else {
            due_feeds(&archive.reader()?.planned_polls()?, &config.feeds, &config.schedule, Utc::now())
        };
        let progress = if bar { ProgressBar::new(feeds.len() as u64).with_style(style()) } else { ProgressBar::hidden() };
        pass(poller, feeds, args.json, &progress, verbosity).await
    });
    drop(runtime);
    if let Some(archive) = Arc::into_inner(archive) {
        archive.close();
    }
    outcome
}

fn is_bar(verbosity: Verbosity) -> bool {
    !verbosity.quiet && verbosity.verbose == 0 && io::stderr().is_terminal()
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:32} {pos}/{len} feeds  {msg}").unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// The feeds of these names, in the order that they were named.
fn named_feeds(names: &[String], config: &Config) -> Result<Vec<Feed>, Failure> {
    names
        .iter()
        .map(|name| {
            config.feeds.iter().find(|feed| feed.name == *name).cloned().ok_or_else(|| {
                let near = nearest(name, config.feeds.iter().map(|feed| feed.name.as_str()));
                let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                Failure::Usage(format!("no feed is named `{name}`{hint}"))
            })
        })
        .collect()
}

#[derive(Default)]
struct Tally {
    feeds: usize,
    failed: usize,
    new: usize,
    updated: usize,
}

/// Polls all of them; each line is said as soon as its poll is committed.
async fn pass(poller: Poller, feeds: Vec<Feed>, json: bool, progress: &ProgressBar, verbosity: Verbosity) -> Result<(), Failure> {
    let (lines, mut ended) = mpsc::unbounded_channel::<Result<PollLine, StoreError>>();
    for feed in feeds {
        let (poller, lines) = (poller.clone(), lines.clone());
        tokio::spawn(async move {
            // The receiver lives until all have ended.
            let _ = lines.send(poller.poll(&feed).await);
        });
    }
    drop(lines);
    let mut tally = Tally::default();
    let mut first_error = None;
    while let Some(line) = ended.recv().await {
        progress.inc(1);
        match line {
            Ok(line) => {
                tally.feeds += 1;
                tally.new += line.new;
                tally.updated += line.updated;
                tally.failed += usize::from(line.error.is_some());
                line.log();
                say(&line, json, progress)?;
                progress.set_message(format!("{} new", tally.new));
            }
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    progress.finish_and_clear();
    if let Some(error) = first_error {
        return Err(error.into());
    }
    if !json && !verbosity.quiet {
        let Tally { feeds, failed, new, updated } = tally;
        let failed = if failed == 0 { String::new() } else { format!(", {failed} failed (see `gleaner feeds list`)") };
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let (s, es) = (plural(feeds), plural(new));
        writeln!(io::stdout().lock(), "{feeds} feed{s} polled: {new} new article{es}, {updated} updated{failed}")?;
    }
    Ok(())
}

fn say(line: &PollLine, json: bool, progress: &ProgressBar) -> Result<(), Failure> {
    if json {
        let mut out = io::stdout().lock();
        let text = serde_json::to_string(line).map_err(|error| Failure::Failed(error.to_string()))?;
        writeln!(out, "{text}")?;
    } else if let Some(error) = &line.error {
        progress.println(format!("{}: {error}", line.feed));
    } else if line.new + line.updated > 0 {
        progress.println(format!("{}: {} new, {} updated", line.feed, line.new, line.updated));
    }
    Ok(())
}
