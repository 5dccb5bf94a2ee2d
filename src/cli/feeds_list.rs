//! `gleaner feeds list`: the state of each feed, as a table for people or as JSON.

use std::collections::HashMap;
use std::io::{self, Write};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::failure::Failure;
use crate::config::Config;
use crate::store::{FeedSummary, PageCounts, Reader, StoreError};

/// Show the state of each feed
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct ListArgs {
    /// A JSON array, one object a feed
    #[arg(long)]
    pub json: bool,
}

/// A feed's state, as `--json` gives it.
#[derive(Debug, Serialize)]
struct FeedLine {
    name: String,
    url: String,
    title: Option<String>,
    status: &'static str,
    http_status: Option<u16>,
    last_error: Option<String>,
    last_polled_at: Option<DateTime<Utc>>,
    next_poll_at: Option<DateTime<Utc>>,
    consecutive_failures: u32,
    articles: u64,
    dropped: u64,
    redirected_to: Option<String>,
    possible_gap_at: Option<DateTime<Utc>>,
    mended_documents: u64,
    last_mended: Option<String>,
    pages: PageCounts,
    /// While it is gone from where it was: what was found on its site.
    proposed_url: Option<String>,
    /// While its server's "not modified" is not believed: since when.
    validators_distrusted_since: Option<DateTime<Utc>>,
}

/// Runs the command.
///
/// # Errors
/// Those of the archive. Where there is none yet, every feed is new.
pub fn run(args: &ListArgs, config: &Config) -> Result<(), Failure> {
    let known: HashMap<String, FeedSummary> = match Reader::open(&config.database.path) {
        Ok(reader) => reader.feed_summaries()?.into_iter().map(|feed| (feed.name.clone(), feed)).collect(),
        Err(StoreError::Missing { .. }) => HashMap::new(),
        Err(error) => return Err(error.into()),
    };
    let now = Utc::now();
    let lines: Vec<FeedLine> = config.feeds.iter().map(|feed| line(feed, known.get(&feed.name), now)).collect();
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &lines).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        write_table(&mut out, &lines)?;
    }
    Ok(out.flush()?)
}

fn line(feed: &crate::config::Feed, known: Option<&FeedSummary>, now: DateTime<Utc>) -> FeedLine {
    let summary = known.cloned().unwrap_or_default();
    let status = match known {
        _ if !feed.enabled => "disabled",
        None => "new",
        Some(summary) if summary.last_polled_at.is_none() => "new",
        Some(summary) if summary.gone_since.is_some() => "gone",
        Some(summary) if summary.last_error.is_some() => "error",
        Some(_) => "ok",
    };
    FeedLine {
        name: feed.name.clone(),
        url: crate::poll::without_credentials(&feed.url),
        title: feed.title.clone().or(summary.title),
        status,
        http_status: summary.http_status,
        last_error: summary.last_error,
        last_polled_at: summary.last_polled_at,
        next_poll_at: summary.next_poll_at.filter(|_| feed.enabled),
        consecutive_failures: summary.consecutive_failures,
        articles: summary.articles,
        dropped: summary.dropped,
        redirected_to: summary.redirected_to,
        possible_gap_at: summary.possible_gap_at,
        mended_documents: summary.mended_documents,
        last_mended: summary.last_mended,
        pages: summary.pages,
        proposed_url: summary.proposed_url,
        validators_distrusted_since: summary.trust.distrusted_since.filter(|_| summary.trust.is_distrusted(now)),
    }
}

/// `12 waiting (3 failed before), 2 given up`.
pub(super) fn pages_text(pages: PageCounts) -> String {
    let failing = if pages.failing == 0 { String::new() } else { format!(" ({} failed before)", pages.failing) };
    let given_up = if pages.given_up == 0 { String::new() } else { format!(", {} given up", pages.given_up) };
    format!("{} waiting{failing}{given_up}", pages.waiting)
}

fn write_table(out: &mut impl Write, lines: &[FeedLine]) -> io::Result<()> {
    let name_width = lines.iter().map(|line| line.name.chars().count()).max().unwrap_or(0).clamp(4, 40);
    writeln!(out, "{:name_width$}  {:8}  {:>8}  {:16}  {:16}  TITLE", "NAME", "STATUS", "ARTICLES", "LAST POLL", "NEXT POLL")?;
    let time = |at: Option<DateTime<Utc>>| at.map_or_else(|| "-".to_owned(), |at| at.format("%Y-%m-%d %H:%M").to_string());
    for line in lines {
        let (last, next) = (time(line.last_polled_at), time(line.next_poll_at));
        let title = line.title.as_deref().unwrap_or("-");
        writeln!(out, "{:name_width$}  {:8}  {:>8}  {last:16}  {next:16}  {title}", line.name, line.status, line.articles)?;
        if let Some(error) = &line.last_error {
            let failures = line.consecutive_failures;
            writeln!(out, "{:name_width$}  {error} ({failures} in a row)", "")?;
        }
        if let Some(kinds) = &line.last_mended {
            writeln!(out, "{:name_width$}  its last document had to be mended: {kinds} ({} so far)", "", line.mended_documents)?;
        }
        if line.pages != PageCounts::default() {
            writeln!(out, "{:name_width$}  pages: {}", "", pages_text(line.pages))?;
        }
        if line.dropped > 0 {
            let entries = if line.dropped == 1 { "entry" } else { "entries" };
            writeln!(out, "{:name_width$}  its filters have dropped {} {entries}", "", line.dropped)?;
        }
        if let Some(target) = &line.redirected_to {
            writeln!(out, "{:name_width$}  has moved for good to {target}", "")?;
        }
        if let Some(proposed) = &line.proposed_url {
            writeln!(out, "{:name_width$}  moved to? {proposed}", "")?;
        }
        if let Some(since) = line.validators_distrusted_since {
            writeln!(
                out,
                "{:name_width$}  its server says \"not modified\" though there is news (seen {}): asked without validators",
                "",
                time(Some(since))
            )?;
        }
        if let Some(at) = line.possible_gap_at {
            writeln!(out, "{:name_width$}  something may have been missed before {} (see `gleaner coverage`)", "", time(Some(at)))?;
        }
    }
    Ok(())
}
