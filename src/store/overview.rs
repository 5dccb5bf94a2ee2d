//! The archive at a glance: how large it is, how it grows, and how each feed is doing.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Row, params};

use super::{DayCount, PageCounts, Reader, StoreError, pages};

/// From so many of its newest articles a feed's rhythm is read.
const RHYTHM: i64 = 24;

/// The archive as a whole.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Overview {
    /// The database file.
    pub path: PathBuf,
    /// The archive's own id.
    pub id: String,
    /// Bytes on disk, the write-ahead log included.
    pub size_bytes: u64,
    /// … of these free for what comes next: what was removed leaves its space to what comes.
    pub free_bytes: u64,
    /// Articles.
    pub articles: u64,
    /// Feeds that were ever polled.
    pub feeds: u64,
    /// When the last poll was committed.
    pub last_poll_at: Option<DateTime<Utc>>,
    /// Since when no host at all could be reached, if that is so.
    pub outage_since: Option<DateTime<Utc>>,
    /// Articles that were new on each of the last seven days (UTC), today last.
    pub new_per_day: Vec<DayCount>,
    /// Articles' pages that are still to be asked for, or were given up.
    pub pages: PageCounts,
}

/// What the archive knows of how a feed is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedCondition {
    /// Name.
    pub name: String,
    /// Last poll.
    pub last_polled_at: Option<DateTime<Utc>>,
    /// The last poll that said what stands in the feed; `None` where it never answered.
    pub last_answered_at: Option<DateTime<Utc>>,
    /// Next poll.
    pub next_poll_at: Option<DateTime<Utc>>,
    /// … and why then.
    pub next_poll_reason: Option<String>,
    /// Status of the last answer.
    pub http_status: Option<u16>,
    /// Why the last poll failed, if it did.
    pub last_error: Option<String>,
    /// Failures in a row.
    pub consecutive_failures: u32,
    /// The first of these.
    pub failing_since: Option<DateTime<Utc>>,
    /// Since when the server says 410.
    pub gone_since: Option<DateTime<Utc>>,
    /// Where permanent redirects lead.
    pub redirected_to: Option<String>,
    /// How long the last request took.
    pub request: Option<Duration>,
    /// The newest poll before which something may have been missed.
    pub possible_gap_at: Option<DateTime<Utc>>,
    /// A feed that was found on its site while it was gone from where it was.
    pub proposed_url: Option<String>,
    /// When its server was last found to answer "not modified" though there was news.
    pub distrusted_since: Option<DateTime<Utc>>,
    /// Times (published, else first seen) of its newest articles, newest first.
    pub newest: Vec<DateTime<Utc>>,
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<DateTime<Utc>>> {
    Ok(row.get::<_, Option<i64>>(column)?.and_then(DateTime::from_timestamp_millis))
}

impl Reader {
    /// The archive as a whole, as of `now`.
    ///
    /// # Errors
    /// Those of the database.
    pub fn overview(&self, now: DateTime<Utc>) -> Result<Overview, StoreError> {
        let outage_since = self.outage_since()?;
        let read = || {
            let pragma = |name: &str| self.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map(i64::unsigned_abs);
            let (id, articles) =
                self.connection.query_row("SELECT id, articles FROM archive", [], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))?;
            let (feeds, last_poll_at, pages) = self.connection.query_row(
                "SELECT count(*), max(last_polled_at), sum(pages_waiting), sum(pages_failing), sum(pages_given_up) FROM feed",
                [],
                |row| Ok((row.get::<_, i64>(0)?, time(row, 1)?, pages::counts(row, 2)?)),
            )?;
            Ok(Overview {
                path: self.path.clone(),
                id,
                size_bytes: self.size(),
                free_bytes: pragma("freelist_count")? * pragma("page_size")?,
                articles: articles.unsigned_abs(),
                feeds: feeds.unsigned_abs(),
                last_poll_at,
                outage_since,
                new_per_day: self.new_per_day(now.date_naive(), 7)?,
                pages,
            })
        };
        read().map_err(|error| self.error(error))
    }

    /// The database and its write-ahead log; one that is not there has no size.
    pub fn size(&self) -> u64 {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        [self.path.clone(), log.into()].iter().filter_map(|path| fs::metadata(path).ok()).map(|metadata| metadata.len()).sum()
    }

    /// How every feed is doing that was ever polled, by name.
    ///
    /// # Errors
    /// Those of the database.
    pub fn feed_conditions(&self) -> Result<Vec<FeedCondition>, StoreError> {
        let read = || {
            let mut newest =
                self.connection.prepare_cached("SELECT at FROM article WHERE first_feed = ?1 ORDER BY at DESC, id DESC LIMIT ?2")?;
            let mut feeds = self.connection.prepare_cached(
                "SELECT feed, name, last_polled_at, last_seen_at, next_poll_at, next_poll_reason, http_status, last_error, consecutive_failures,
                   failing_since, gone_since, redirected_to, request_ms,
                   (SELECT max(until_at) FROM coverage_finding WHERE coverage_finding.feed = feed.feed AND gap = 1 AND healed_at IS NULL),
                   proposed_url, distrusted_since FROM feed ORDER BY name",
            )?;
            let rows = feeds.query_map([], |row| {
                let times = newest.query_map(params![row.get::<_, i64>(0)?, RHYTHM], |row| row.get::<_, i64>(0))?;
                let newest = times.collect::<rusqlite::Result<Vec<_>>>()?;
                Ok(FeedCondition {
                    name: row.get(1)?,
                    last_polled_at: time(row, 2)?,
                    last_answered_at: time(row, 3)?,
                    next_poll_at: time(row, 4)?,
                    next_poll_reason: row.get(5)?,
                    http_status: row.get(6)?,
                    last_error: row.get(7)?,
                    consecutive_failures: row.get(8)?,
                    failing_since: time(row, 9)?,
                    gone_since: time(row, 10)?,
                    redirected_to: row.get(11)?,
                    request: row.get::<_, Option<i64>>(12)?.map(|milliseconds| Duration::from_millis(milliseconds.unsigned_abs())),
                    possible_gap_at: time(row, 13)?,
                    proposed_url: row.get(14)?,
                    distrusted_since: time(row, 15)?,
                    newest: newest.into_iter().filter_map(DateTime::from_timestamp_millis).collect(),
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|error| self.error(error))
    }
}
