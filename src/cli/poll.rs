//! `gleaner poll`: one pass, with a progress bar on a terminal.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;

use super::failure::Failure;
use super::{Verbosity, client, logs};
use crate::config::{Config, Feed, nearest};
use crate::daemon::control::{self, ControlError, Reply, Request, Which};
use crate::page::{PageLine, PageRounds, PageSettings, PageTally, Pager};
use crate::poll::{PollLine, PollSettings, Poller, Room, Why, due_feeds};
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

/// Runs the command: by itself, or by the daemon that polls into this archive.
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
    let mut shown = Shown {
        json: args.json,
        quiet: verbosity.quiet,
        bar,
        progress: ProgressBar::hidden(),
        tally: Tally::default(),
        pages: PageTally::default(),
        is_outage_told: false,
    };
    let archive = match Archive::open(&config.database.path) {
        Ok(archive) => Arc::new(archive),
        Err(error @ StoreError::Locked { .. }) => return hand_over(args, config, error, &mut shown),
        Err(error) => return Err(error.into()),
    };
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
        let pager = Pager::new(Arc::clone(&archive), &poller, PageSettings::from(config));
        let names: Option<Vec<String>> = (!args.feeds.is_empty()).then(|| args.feeds.clone());
        let room = Room::new(config.fetch.concurrency, config.fetch.per_host);
        pass(poller, room, feeds, PageRounds::new(pager)?, names, &mut shown).await
    });
    drop(runtime);
    if let Some(archive) = Arc::into_inner(archive) {
        archive.close();
    }
    outcome
}

/// Has the daemon that holds the archive make the pass.
fn hand_over(args: &PollArgs, config: &Config, locked: StoreError, shown: &mut Shown) -> Result<(), Failure> {
    let Some(mut daemon) = control::Client::connect(&config.database.path)? else { return Err(locked.into()) };
    let which = match (args.feeds.is_empty(), args.all) {
        (false, _) => Which::Named(args.feeds.clone()),
        (true, true) => Which::All,
        (true, false) => Which::Due,
    };
    let mut refused = None;
    daemon.ask(&Request::Poll { which }, |reply| {
        match reply {
            Reply::Feeds(feeds) => shown.begin(feeds),
            Reply::Polled(line) => shown.polled(&line)?,
            Reply::Pages(tally) => shown.pages = tally,
            Reply::Refused(reason) => {
                shown.progress.inc(1);
                refused = refused.take().or(Some(reason));
            }
            _ => {}
        }
        Ok::<_, Failure>(())
    })?;
    shown.end(refused.map(Failure::Failed))
}

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        Self::Failed(error.to_string())
    }
}

fn is_bar(verbosity: Verbosity) -> bool {
    !verbosity.quiet && verbosity.verbose == 0 && io::stderr().is_terminal()
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:32} {pos}/{len} feeds  {msg}").unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// The feeds of these names, in the order that they were named.
pub(super) fn named_feeds(names: &[String], config: &Config) -> Result<Vec<Arc<Feed>>, Failure> {
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

#[derive(Clone, Copy, Default)]
struct Tally {
    feeds: usize,
    failed: usize,
    new: usize,
    updated: usize,
}

/// What a pass shows while it goes on, whoever makes it.
struct Shown {
    json: bool,
    quiet: bool,
    bar: bool,
    progress: ProgressBar,
    tally: Tally,
    pages: PageTally,
    is_outage_told: bool,
}

impl Shown {
    /// So many feeds are polled.
    fn begin(&mut self, feeds: usize) {
        if self.bar {
            self.progress = ProgressBar::new(feeds as u64).with_style(style());
        }
    }

    /// A poll is committed.
    fn polled(&mut self, line: &PollLine) -> Result<(), Failure> {
        line.log();
        self.progress.inc(1);
        self.tally.feeds += 1;
        self.tally.new += line.new;
        self.tally.updated += line.updated;
        self.tally.failed += usize::from(line.error.is_some());
        if self.json {
            let mut out = io::stdout().lock();
            let text = serde_json::to_string(line).map_err(|error| Failure::Failed(error.to_string()))?;
            writeln!(out, "{text}")?;
        } else if let Some(error) = &line.error {
            if !line.is_outage {
                self.progress.println(format!("{}: {error}", line.feed));
            } else if !std::mem::replace(&mut self.is_outage_told, true) {
                self.progress.println(error);
            }
        } else if line.new + line.updated > 0 {
            self.progress.println(format!("{}: {} new, {} updated", line.feed, line.new, line.updated));
        }
        self.progress.set_message(format!("{} new", self.tally.new));
        Ok(())
    }

    /// A page is committed.
    fn page(&mut self, line: &PageLine) {
        line.log();
        self.pages.count(line);
        self.progress.set_message(format!("{} new, {} pages", self.tally.new, self.pages.read));
        if let Some(error) = &line.error {
            self.progress.println(format!("{}: {}: {error}", line.feed, line.url));
        }
    }

    /// All have ended; `refused` is why the archive did not take one of them.
    fn end(&self, refused: Option<Failure>) -> Result<(), Failure> {
        self.progress.finish_and_clear();
        if let Some(failure) = refused {
            return Err(failure);
        }
        if !self.json && !self.quiet {
            let Tally { feeds, failed, new, updated } = self.tally;
            let failed = if failed == 0 { String::new() } else { format!(", {failed} failed (see `gleaner feeds list`)") };
            let plural = |count: usize| if count == 1 { "" } else { "s" };
            let (s, es) = (plural(feeds), plural(new));
            let mut out = io::stdout().lock();
            writeln!(out, "{feeds} feed{s} polled: {new} new article{es}, {updated} updated{failed}")?;
            match self.pages {
                PageTally { read: 0, failed: 0 } => {}
                PageTally { read, failed: 0 } => writeln!(out, "{read} page{} read", plural(read))?,
                PageTally { read, failed } => writeln!(out, "{read} page{} read, {failed} failed", plural(read))?,
            }
        }
        Ok(())
    }
}

/// Polls all of them; each line is said as soon as its poll is committed. Then asks for the pages that are due, of all feeds or
/// of those named.
async fn pass(
    poller: Poller,
    mut room: Room,
    feeds: Vec<Arc<Feed>>,
    pages: PageRounds,
    names: Option<Vec<String>>,
    shown: &mut Shown,
) -> Result<(), Failure> {
    shown.begin(feeds.len());
    let asked_at = Instant::now();
    feeds.into_iter().for_each(|feed| room.enter(feed, Why::Asked(asked_at)));
    let mut polls = JoinSet::new();
    let mut refused = None;
    loop {
        while let Some((feed, _)) = room.admit() {
            let poller = poller.clone();
            polls.spawn(async move { (poller.poll(&feed, asked_at).await, feed) });
        }
        let Some(ended) = polls.join_next().await else { break };
        // A poll that panics brings the command down, as it would on this thread.
        let (line, feed) = ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        room.leave(&feed);
        match line {
            Ok(line) => shown.polled(&line)?,
            Err(error) => {
                shown.progress.inc(1);
                refused = refused.or(Some(Failure::from(error)));
            }
        }
    }
    if let Err(error) = pages.work_off(names.as_deref(), |line| shown.page(line)).await {
        refused = refused.or(Some(Failure::from(error)));
    }
    shown.end(refused)
}
