//! `gleaner feeds backfill`: what feeds had before, with what was found so far on a terminal.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;

use super::export::Time;
use super::failure::Failure;
use super::poll::named_feeds;
use super::{Verbosity, client, logs};
use crate::backfill::{Bound, End};
use crate::config::{Config, Feed};
use crate::daemon::control::{self, Reply, Request};
use crate::poll::{BackfillLine, PollSettings, Poller};
use crate::store::{Archive, StoreError};

/// `gleaner feeds backfill`.
#[derive(Debug, Args)]
pub struct BackfillArgs {
    /// Names of feeds
    #[arg(required = true, value_name = "FEED")]
    pub feeds: Vec<String>,
    /// No further back than this: a date (UTC), an instant, or "30d"
    #[arg(long, value_name = "DATE")]
    pub since: Option<Time>,
}

/// Runs the command: by itself, or by the daemon that polls into this archive.
///
/// # Errors
/// A feed is not known, the archive cannot be used, or a server does not answer: what was fetched by then stays, and the next
/// run goes on there.
pub async fn run(args: &BackfillArgs, config: &Config, verbosity: Verbosity) -> Result<(), Failure> {
    let is_bar = !verbosity.quiet && verbosity.verbose == 0 && io::stderr().is_terminal();
    let mut log = config.log.clone();
    if is_bar {
        log.level = "error".to_owned();
    }
    logs::start(&log, verbosity)?;
    let mut feeds = named_feeds(&args.feeds, config)?;
    let mut names = std::collections::HashSet::new();
    feeds.retain(|feed| names.insert(feed.name.clone()));
    let since = args.since.as_ref().map(|time| time.when.resolve(Utc::now()));
    let mut shown = Shown::new(verbosity.quiet, is_bar);
    let client = client(config).map_err(Failure::Failed)?;
    let archive = match Archive::open(&config.database.path) {
        Ok(archive) => Arc::new(archive),
        Err(error @ StoreError::Locked { .. }) => return hand_over(&feeds, since, config, error, &mut shown),
        Err(error) => return Err(error.into()),
    };
    let poller = Poller::new(Arc::clone(&archive), client, PollSettings::from(config))?;
    let bound = Bound { since: config.database.not_before(since, Utc::now()), known_at: None };
    let outcome = walk(poller, feeds, bound, &mut shown).await;
    if let Some(archive) = Arc::into_inner(archive) {
        archive.close();
    }
    outcome
}

/// Goes back along all of them.
async fn walk(poller: Poller, feeds: Vec<Arc<Feed>>, bound: Bound, shown: &mut Shown) -> Result<(), Failure> {
    let (lines, mut heard) = mpsc::unbounded_channel::<Result<BackfillLine, StoreError>>();
    for feed in feeds {
        let (poller, lines) = (poller.clone(), lines.clone());
        tokio::spawn(async move {
            // The receiver lives until all have ended.
            let page = |line: &BackfillLine| {
                let _ = lines.send(Ok(line.clone()));
            };
            let end = poller.backfill(&feed, bound, true, page).await;
            let _ = lines.send(end);
        });
    }
    drop((poller, lines));
    while let Some(line) = heard.recv().await {
        match line {
            Ok(line) => shown.hear(&line)?,
            Err(error) => shown.refused(error.to_string()),
        }
    }
    shown.end()
}

/// Has the daemon that holds the archive do it.
fn hand_over(
    feeds: &[Arc<Feed>],
    since: Option<DateTime<Utc>>,
    config: &Config,
    locked: StoreError,
    shown: &mut Shown,
) -> Result<(), Failure> {
    let Some(mut daemon) = control::Client::connect(&config.database.path)? else { return Err(locked.into()) };
    let feeds = feeds.iter().map(|feed| feed.name.clone()).collect();
    daemon.ask(&Request::Backfill { feeds, since }, |reply| {
        match reply {
            Reply::Backfilled(line) => shown.hear(&line)?,
            Reply::Refused(reason) => shown.refused(reason),
            _ => {}
        }
        Ok::<_, Failure>(())
    })?;
    shown.end()
}

/// What is shown while it goes on, whoever does it.
struct Shown {
    quiet: bool,
    progress: ProgressBar,
    pages: u32,
    /// What could not be done.
    failed: Vec<String>,
}

impl Shown {
    fn new(quiet: bool, is_bar: bool) -> Self {
        let progress = if is_bar { ProgressBar::new_spinner().with_style(style()) } else { ProgressBar::hidden() };
        if is_bar {
            progress.enable_steady_tick(Duration::from_millis(120));
        }
        Self { quiet, progress, pages: 0, failed: Vec::new() }
    }

    fn hear(&mut self, line: &BackfillLine) -> Result<(), Failure> {
        line.log();
        match (&line.error, line.end) {
            (None, None) => {
                self.pages += 1;
                let back = line.oldest.map(|oldest| format!(", back to {}", oldest.format("%Y-%m-%d"))).unwrap_or_default();
                self.progress.inc(1);
                self.progress.set_message(format!("{}: page {}, {} new{back}", line.feed, line.pages, line.new));
            }
            (Some(error), _) => self.failed.push(format!("{}: {error}{}", line.feed, far(line))),
            (None, Some(end)) if !self.quiet => {
                let text = said(line, end);
                // Above the bar, and on stdout whether there is one or not.
                self.progress.suspend(|| writeln!(io::stdout().lock(), "{text}"))?;
            }
            (None, Some(_)) => {}
        }
        Ok(())
    }

    fn refused(&mut self, reason: String) {
        self.failed.push(reason);
    }

    fn end(&self) -> Result<(), Failure> {
        self.progress.finish_and_clear();
        if self.failed.is_empty() { Ok(()) } else { Err(Failure::Failed(self.failed.join("\n"))) }
    }
}

/// How a feed's backfill ended.
fn said(line: &BackfillLine, end: End) -> String {
    let plural = |count: u64| if count == 1 { "" } else { "s" };
    let BackfillLine { feed, new, pages, .. } = line;
    let Some(way) = &line.way else { return format!("{feed}: {}", end.words()) };
    let back = line.oldest.map(|oldest| format!(", back to {}", oldest.format("%Y-%m-%d"))).unwrap_or_default();
    let (s, es) = (plural(*new), plural(u64::from(*pages)));
    let healed = match line.healed {
        0 => String::new(),
        healed => format!("; {healed} possible gap{} healed", plural(healed)),
    };
    format!("{feed}: {new} new article{s} from {pages} page{es} ({way}){back}, {}{healed}", end.words())
}

/// How far it had come, and what to do.
fn far(line: &BackfillLine) -> String {
    match line.pages {
        0 => String::new(),
        pages => format!("; {pages} pages were read, and the next run goes on behind them"),
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {pos} pages  {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}
