//! `gleaner feeds list`: the state of each feed, as a table for people or as JSON.

use std::io::{self, Write};

use chrono::{DateTime, Utc};

use super::failure::Failure;
use crate::config::Config;
use crate::report::{FeedLine, feed_lines};
use crate::store::{PageCounts, Reader, StoreError};

/// Show the state of each feed
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct ListArgs {
    /// A JSON array, one object a feed
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
///
/// # Errors
/// Those of the archive. Where there is none yet, every feed is new.
pub fn run(args: &ListArgs, config: &Config) -> Result<(), Failure> {
    let known = match Reader::open(&config.database.path) {
        Ok(reader) => reader.feed_summaries()?,
        Err(StoreError::Missing { .. }) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let lines = feed_lines(config, known, Utc::now());
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &lines).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        write_table(&mut out, &lines)?;
    }
    Ok(out.flush()?)
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
